# pyright: reportPrivateUsage=false, reportPossiblyUnboundVariable=false, reportUnknownArgumentType=false
# pyright: reportUnknownLambdaType=false, reportUnknownMemberType=false
from __future__ import annotations

import re
import socket
import struct
import threading
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import anyio
import pytest
from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.protocol import OPEN
from websockets.sync.server import ServerConnection
from websockets.uri import parse_uri

from agent_sdk_core.errors import ConnectionLostError, SessionClosedError
from agent_sdk_core.transport.websocket import channel as of_channels
from agent_sdk_core.transport.websocket.address import WebSocketAddress
from agent_sdk_core.transport.websocket.channel import WebSocketChannel
from agent_sdk_core.transport.websocket.stream import SocketStream

pytestmark = pytest.mark.anyio

SECONDS = 60.0


@asynccontextmanager
async def opened(address: WebSocketAddress) -> AsyncGenerator[WebSocketChannel]:
    with anyio.fail_after(SECONDS):
        channel = await WebSocketChannel.open(address, name="the agent", seconds=SECONDS)
        try:
            yield channel
        finally:
            await channel.stop()


async def read_until(channel: WebSocketChannel, end: bytes) -> bytes:
    data = b""
    while not data.endswith(end):
        chunk = await channel.read()
        assert chunk, f"it ended after {data[-100:]!r}: {channel.exit}"
        data += chunk
    return data


def reset(connection: ServerConnection) -> None:
    """End a connection as a crash does."""
    connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.socket.close()


async def test_lines_go_out_as_messages_and_messages_come_in_as_lines(address: WebSocketAddress) -> None:
    async with opened(address) as channel:
        await channel.write(b'{"a":1}\n{"b":2}\n')
        assert await read_until(channel, b'{"b":2}\n') == b'{"a":1}\n{"b":2}\n'
        assert channel.exit is None


async def test_over_a_unix_socket_too(serve_at: Callable[..., WebSocketAddress]) -> None:
    async with opened(serve_at(unix=True)) as channel:
        await channel.write(b"{}\n")
        assert await read_until(channel, b"\n") == b"{}\n"


async def test_a_newline_in_a_message_ends_no_line(scripted: Any, address: WebSocketAddress) -> None:
    scripted.handler = lambda connection: connection.send('{\n "a": 1\n}')
    async with opened(address) as channel:
        assert await read_until(channel, b"}\n") == b'{  "a": 1 }\n'


async def test_large_messages_go_out_in_frames_that_servers_take_and_come_in_whole(
    scripted: Any, address: WebSocketAddress
) -> None:
    sizes: list[int] = []

    def handle(connection: ServerConnection) -> None:
        parts = list(connection.recv_streaming())
        sizes.extend(map(len, parts))
        connection.send("".join(str(part) for part in parts))

    scripted.handler = handle
    line = b"x" * (3 * of_channels._FRAGMENT + 1)
    async with opened(address) as channel, anyio.create_task_group() as tasks:
        tasks.start_soon(channel.write, line + b"\n")
        assert await read_until(channel, b"\n") == line + b"\n"
    assert sizes == [of_channels._FRAGMENT] * 3 + [1]


async def test_a_message_that_comes_in_frames_is_one_line(scripted: Any, address: WebSocketAddress) -> None:
    scripted.handler = lambda connection: connection.send(iter(["{", '"a"', ":1}"]))
    async with opened(address) as channel:
        assert await read_until(channel, b"\n") == b'{"a":1}\n'


async def test_what_came_with_the_answer_to_the_handshake_is_read(scripted: Any) -> None:
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    protocol = ClientProtocol(parse_uri("ws://localhost"), state=OPEN)
    early = [Frame(Opcode.PING, b""), Frame(Opcode.TEXT, b"{}")]
    channel = WebSocketChannel(SocketStream(ours), protocol, early, name="the agent")
    assert await channel.read() == b"{}\n"
    theirs.close()
    assert await channel.read() == b""
    assert str(channel.exit) == "ended the connection"
    await channel.stop()


async def test_an_end_that_came_with_the_answer_to_the_handshake_is_noticed() -> None:
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    with theirs:
        protocol = ClientProtocol(parse_uri("ws://localhost"), state=OPEN)
        protocol.receive_data(b"\x88\x02\x03\xe8\x89\x00")
        channel = WebSocketChannel(SocketStream(ours), protocol, protocol.events_received(), name="the agent")
        assert await channel.read() == b""
        assert str(channel.exit) == "closed the connection with code 1000"
        assert theirs.recv(100), "it is answered"
        await channel.stop()


async def test_concurrent_writes_do_not_mix(address: WebSocketAddress) -> None:
    lines = [bytes([65 + number]) * 200_000 for number in range(8)]
    async with opened(address) as channel, anyio.create_task_group() as tasks:
        for line in lines:
            tasks.start_soon(channel.write, line + b"\n")
        data = b""
        while data.count(b"\n") < len(lines):
            data += await channel.read()
    assert sorted(data.split()) == lines


async def test_a_cancelled_write_tears_no_message(scripted: Any, address: WebSocketAddress) -> None:
    go = threading.Event()
    got: list[str] = []
    heard = threading.Event()

    def handle(connection: ServerConnection) -> None:
        go.wait(SECONDS)
        got.extend(str(message) for message in connection)
        heard.set()

    scripted.handler = handle
    large = b"x" * 40_000_000
    async with opened(address) as channel:
        with anyio.move_on_after(0.2) as scope:
            await channel.write(large + b"\n")
        assert scope.cancelled_caught, "the server reads nothing"
        with anyio.CancelScope() as early, anyio.move_on_after(0.1):
            await channel.write(b"dropped\n")
        assert not early.cancelled_caught
        go.set()
        await channel.write(b"next\n")
    assert await anyio.to_thread.run_sync(heard.wait, SECONDS)
    assert [len(message) for message in got] == [len(large), len("next")]


async def test_a_ping_is_answered(scripted: Any, address: WebSocketAddress) -> None:
    def handle(connection: ServerConnection) -> None:
        assert connection.ping().wait(SECONDS)
        connection.send("answered")

    scripted.handler = handle
    async with opened(address) as channel:
        assert await read_until(channel, b"\n") == b"answered\n"


async def test_the_end_that_the_other_side_announces_is_told_with_its_reason(
    scripted: Any, address: WebSocketAddress
) -> None:
    def handle(connection: ServerConnection) -> None:
        connection.send("last")
        connection.close(1013, "try again later")

    scripted.handler = handle
    async with opened(address) as channel:
        assert await channel.read() == b"last\n"
        assert await channel.read() == b""
        assert str(await channel.wait()) == "closed the connection with code 1013: try again later"
        error = channel.exit_error()
        assert error.message == "the agent closed the connection with code 1013: try again later."
        assert error.retryable
        assert error.details["close_code"] == 1013
        with pytest.raises(ConnectionLostError, match="1013"):
            await channel.write(b"{}\n")
        assert await channel.read() == b""


@pytest.mark.parametrize(
    ("end", "told"),
    [
        (lambda connection: connection.close(1000), "closed the connection with code 1000"),
        (lambda connection: connection.socket.shutdown(socket.SHUT_RDWR), "ended the connection"),
        (reset, "is gone: Connection reset by peer|ended the connection"),
        (lambda connection: connection.socket.sendall(b"\xff\xff\xff"), "sent what is no WebSocket message"),
    ],
    ids=["closed", "ended", "reset", "garbage"],
)
async def test_any_end_is_noticed(
    scripted: Any, address: WebSocketAddress, end: Callable[[ServerConnection], object], told: str
) -> None:
    scripted.handler = end
    async with opened(address) as channel:
        assert await channel.read() == b""
        assert re.search(told, str(channel.exit))
        with pytest.raises(ConnectionLostError):
            await channel.write(b"{}\n")


async def test_an_end_wakes_a_write_that_waits(scripted: Any, address: WebSocketAddress) -> None:
    go = threading.Event()

    def handle(connection: ServerConnection) -> None:
        go.wait(SECONDS)
        reset(connection)

    scripted.handler = handle
    # More than systems keep for a reader that does not read, and the frames of a server that does not take them.
    async with opened(address) as channel, anyio.create_task_group() as tasks:

        async def write() -> None:
            with pytest.raises(ConnectionLostError, match="the agent is gone"):
                await channel.write(b"x" * 60_000_000 + b"\n")

        tasks.start_soon(write)
        await anyio.wait_all_tasks_blocked()
        go.set()


async def test_closing_wakes_who_reads_and_who_writes_and_refuses_what_follows(
    scripted: Any, address: WebSocketAddress
) -> None:
    done = threading.Event()
    scripted.handler = lambda connection: done.wait(SECONDS)
    async with opened(address) as channel:
        async with anyio.create_task_group() as tasks:

            async def read() -> None:
                assert await channel.read() == b""

            async def write() -> None:
                with pytest.raises(SessionClosedError, match="has been closed"):
                    await channel.write(b"x" * 60_000_000 + b"\n")

            tasks.start_soon(read)
            tasks.start_soon(write)
            await anyio.wait_all_tasks_blocked()
            channel.close_input()
        channel.close_input()
        done.set()
        with pytest.raises(SessionClosedError):
            await channel.write(b"{}\n")


async def test_stopping_says_goodbye_and_is_told(scripted: Any, address: WebSocketAddress) -> None:
    told: list[int | None] = []
    heard = threading.Event()

    def handle(connection: ServerConnection) -> None:
        for _ in connection:
            pass
        told.append(connection.close_code)
        heard.set()

    scripted.handler = handle
    async with opened(address) as channel:
        await channel.stop()
        assert str(await channel.wait()) == "was closed by us"
        await channel.stop()
        with pytest.raises(SessionClosedError, match="has been closed"):
            await channel.write(b"{}\n")
    assert await anyio.to_thread.run_sync(heard.wait, SECONDS)
    assert told == [1000]


async def test_stopping_is_bounded_when_the_other_side_reads_nothing(scripted: Any, address: WebSocketAddress) -> None:
    done = threading.Event()
    scripted.handler = lambda connection: done.wait(SECONDS)
    async with opened(address) as channel:
        with anyio.move_on_after(0.1):
            await channel.write(b"x" * 60_000_000 + b"\n")
        with anyio.fail_after(30):
            await channel.stop(grace=0.1)
        done.set()


@contextmanager
def quiet() -> Generator[tuple[WebSocketChannel, socket.socket]]:
    """A channel that asks after fifty milliseconds, and the other end of its connection, which says nothing."""
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    with theirs:
        protocol = ClientProtocol(parse_uri("ws://localhost"), state=OPEN)
        yield WebSocketChannel(SocketStream(ours), protocol, name="the agent", silence=0.05), theirs


async def test_a_long_silence_is_asked_about_and_an_answer_is_a_sign_of_life(monkeypatch: pytest.MonkeyPatch) -> None:
    with quiet() as (channel, theirs), anyio.fail_after(SECONDS):
        asked = 0
        ping = channel._protocol.send_ping

        def note(data: bytes) -> None:
            nonlocal asked
            asked += 1
            ping(data)
            theirs.sendall(Frame(Opcode.PONG, data).serialize(mask=False))
            if asked == 3:
                theirs.sendall(Frame(Opcode.TEXT, b"still here").serialize(mask=False))

        monkeypatch.setattr(channel._protocol, "send_ping", note)
        assert await read_until(channel, b"\n") == b"still here\n"
        assert asked >= 3
        await channel.stop()


async def test_who_answers_no_question_is_gone() -> None:
    with quiet() as (channel, _):
        assert await channel.read() == b""
        assert str(channel.exit) == "is gone: it answered nothing within 0.05 s"
        await channel.stop()


async def test_it_can_be_ended_without_an_event_loop(address: WebSocketAddress) -> None:
    async with opened(address) as channel:
        await anyio.to_thread.run_sync(channel.kill_now)
        assert str(channel.exit) == "was closed by us"
        assert channel.exit_error().message == "the agent was closed by us."
