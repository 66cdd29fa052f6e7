# pyright: reportPrivateUsage=false, reportUnknownLambdaType=false, reportUnknownMemberType=false
from __future__ import annotations

import logging
import socket
import ssl
import threading
from collections.abc import Callable, Generator
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import pytest
import trustme

from agent_sdk_core.errors import AuthenticationError, HandshakeError, StartError, StartupTimeoutError
from agent_sdk_core.transport.websocket.address import WebSocketAddress
from agent_sdk_core.transport.websocket.channel import WebSocketChannel

pytestmark = pytest.mark.anyio

ADVICE = "Start one."


async def connect(address: WebSocketAddress, *, token: str | None = None, seconds: float = 60.0) -> None:
    """Open a connection, use it, and close it."""
    channel = await WebSocketChannel.open(
        address, name="codex app-server", seconds=seconds, token=token, ready="/readyz", advice=ADVICE
    )
    try:
        await channel.write(b"{}\n")
        assert await channel.read() == b"{}\n"
    finally:
        await channel.stop()


@pytest.fixture
def answering() -> Generator[Callable[[bytes], WebSocketAddress]]:
    """A server on TCP that gives the same bytes to everybody who asks, and ends the connection."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        answers: list[bytes] = []

        def serve() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection:
                    connection.recv(65_536)
                    connection.sendall(answers[0])

        def start(answer: bytes) -> WebSocketAddress:
            answers.append(answer)
            threading.Thread(target=serve, daemon=True).start()
            return WebSocketAddress.parse(f"ws://127.0.0.1:{listener.getsockname()[1]}", owner="Backend")

        yield start
        listener.shutdown(socket.SHUT_RDWR)


async def test_a_server_is_asked_whether_it_is_ready_and_then_shown_the_token(
    scripted: Any, address: WebSocketAddress, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    await connect(address, token="sekret")
    (first, probed), (second, switched) = scripted.asked
    assert (first, second) == ("/readyz", "/")
    assert "Authorization" not in probed
    assert switched["Authorization"] == "Bearer sekret"
    assert "Origin" not in switched
    ours = [record for record in caplog.records if not record.name.startswith("websockets.server")]
    assert not any("sekret" in record.getMessage() for record in ours)


async def test_a_unix_socket_is_not_asked(scripted: Any, serve_at: Callable[..., WebSocketAddress]) -> None:
    await connect(serve_at(unix=True))
    assert [path for path, _ in scripted.asked] == ["/"]


@pytest.mark.parametrize(("status", "passing"), [(503, True), (404, False), (301, False)])
async def test_a_server_that_is_not_ready_is_told_apart_from_one_that_never_will_be(
    scripted: Any, address: WebSocketAddress, status: int, passing: bool
) -> None:
    scripted.ready = status
    with pytest.raises(HandshakeError, match=rf"HTTP {status} \(when asked for /readyz\)") as caught:
        await connect(address)
    assert caught.value.retryable is passing
    assert ("not ready" in caught.value.message) is passing


@pytest.mark.parametrize(
    ("token", "words"), [(None, "it wants one"), ("wrong", "not the one that it was started with")]
)
async def test_a_refused_token_is_no_matter_of_another_try(
    scripted: Any, address: WebSocketAddress, token: str | None, words: str
) -> None:
    scripted.refuse = 401, b"invalid websocket bearer token"
    with pytest.raises(AuthenticationError, match=words) as caught:
        await connect(address, token=token)
    assert "(invalid websocket bearer token)" in caught.value.message
    assert not caught.value.retryable
    assert "wrong" not in caught.value.message


async def test_a_refused_origin_says_where_it_comes_from(scripted: Any, address: WebSocketAddress) -> None:
    scripted.refuse = 403, b""
    with pytest.raises(HandshakeError, match="Origin, as browsers and some proxies") as caught:
        await connect(address)
    assert not caught.value.retryable


async def test_nobody_there_is_told_with_what_to_do(tmp_path: Path) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # And never listens: nobody else is given the port meanwhile.
        port = nobody.getsockname()[1]
        for url in (f"ws://127.0.0.1:{port}", f"unix://{tmp_path}/none", f"unix://{tmp_path}/{'long' * 40}"):
            with pytest.raises(StartError, match="cannot be reached") as caught:
                await connect(WebSocketAddress.parse(url, owner="Backend"))
            assert caught.value.code == "unreachable"
            assert caught.value.retryable
            assert caught.value.message.endswith(ADVICE)


async def test_a_host_that_does_not_exist_cannot_be_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    async def nothing(*args: object, **kwargs: object) -> list[object]:
        return []

    monkeypatch.setattr(anyio, "getaddrinfo", nothing)
    with pytest.raises(StartError, match="has no address"):
        await connect(WebSocketAddress.parse("ws://agents.example.org", owner="Backend"))


async def test_the_next_address_of_a_host_is_tried(address: WebSocketAddress, monkeypatch: pytest.MonkeyPatch) -> None:
    async def two(host: str, port: int, **kwargs: object) -> list[Any]:
        return [(socket.AF_INET, 1, 6, "", place) for place in (("127.0.0.1", 1), ("127.0.0.1", port))]

    monkeypatch.setattr(anyio, "getaddrinfo", two)
    await connect(address)


@pytest.mark.parametrize("answer", [b"SSH-2.0-OpenSSH_9.2\r\n", b"", b"x" * 20_000])
async def test_what_speaks_no_http_is_no_server(answering: Callable[[bytes], WebSocketAddress], answer: bytes) -> None:
    with pytest.raises(HandshakeError, match="is no codex app-server: it answered") as caught:
        await connect(answering(answer))
    assert not caught.value.retryable


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
        b"nonsense\r\n\r\n",
        b"HTTP/1.1 ",
        b"",
    ],
)
async def test_what_does_not_switch_to_websocket_is_no_server(
    answering: Callable[[bytes], WebSocketAddress], answer: bytes
) -> None:
    address = answering(answer)
    with pytest.raises(HandshakeError):
        await WebSocketChannel.open(address, name="codex app-server", seconds=30)


async def test_silence_ends_in_time_and_leaves_nothing() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        address = WebSocketAddress.parse(f"ws://127.0.0.1:{listener.getsockname()[1]}", owner="Backend")
        with pytest.raises(StartupTimeoutError, match=r"did not answer within 0\.1 s\. Start one\."):
            await connect(address, seconds=0.1)


async def test_a_cancelled_opening_leaves_nothing() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        address = WebSocketAddress.parse(f"ws://127.0.0.1:{listener.getsockname()[1]}", owner="Backend")
        accepted: list[socket.socket] = []
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(partial(WebSocketChannel.open, address, name="codex app-server", seconds=30))
            accepted.append((await anyio.to_thread.run_sync(listener.accept))[0])
            tasks.cancel_scope.cancel()
        with accepted[0] as connection:
            connection.settimeout(30)
            while connection.recv(65_536):
                pass


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> trustme.CA:
    """A certificate authority that this process trusts."""
    made = trustme.CA()
    made.cert_pem.write_to_path(tmp_path / "ca.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    return made


def serving(authority: trustme.CA, name: str = "localhost") -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)
    return context


async def test_what_is_said_over_tls(authority: trustme.CA, serve_at: Callable[..., WebSocketAddress]) -> None:
    address = serve_at(context=serving(authority))
    await connect(address, token="sekret")
    channel = await WebSocketChannel.open(address, name="codex app-server", seconds=30)
    line = b"x" * 5_000_000 + b"\n"
    data = b""
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(channel.write, line)
        while not data.endswith(b"\n"):
            data += await channel.read()
    assert data == line
    await channel.stop()


async def test_the_end_of_tls_is_the_end(
    authority: trustme.CA, scripted: Any, serve_at: Callable[..., WebSocketAddress]
) -> None:
    scripted.handler = lambda connection: connection.close(1001)
    channel = await WebSocketChannel.open(serve_at(context=serving(authority)), name="codex app-server", seconds=30)
    assert await channel.read() == b""
    assert "1001" in str(channel.exit)
    await channel.stop()


@pytest.mark.parametrize("why", ["another host", "another authority"])
async def test_a_certificate_that_proves_nothing_is_refused(
    authority: trustme.CA, serve_at: Callable[..., WebSocketAddress], why: str
) -> None:
    context = serving(authority, "example.org") if why == "another host" else serving(trustme.CA())
    with pytest.raises(StartError, match="cannot be reached") as caught:
        await connect(serve_at(context=context))
    assert "certificate" in caught.value.message.lower()


async def test_a_server_without_tls_is_told(answering: Callable[[bytes], WebSocketAddress]) -> None:
    plain = answering(b"")
    address = WebSocketAddress.parse(plain.url.replace("ws://", "wss://"), owner="Backend")
    with pytest.raises(StartError, match="ended the connection during the TLS handshake"):
        await connect(address)
