"""Clients over WebSockets of the server: served with a token or by the page, and nobody else."""

from __future__ import annotations

import json
import random
import socket as plain
import struct
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Subprotocol

from agent_chat.acp import sockets
from agent_chat.chats.service import ChatService
from agent_chat.web.access import Access
from agent_chat.web.app import create_app
from agent_chat.web.server import MAX_MESSAGE, listen, running
from agent_sdk_testing import Gate, MemoryBackend, text

pytestmark = pytest.mark.anyio
HELLO: dict[str, Any] = {"protocolVersion": 1, "clientCapabilities": {}}


class Server:
    def __init__(self, port: int, access: Access) -> None:
        self.url = f"ws://127.0.0.1:{port}/acp"
        self.token = access.token()

    def connect(self, **headers: str) -> connect:
        shown = headers or {"Authorization": f"Bearer {self.token}"}
        return connect(self.url, additional_headers=shown, proxy=None)


@pytest.fixture
async def server(service: ChatService, tmp_path: Path) -> AsyncIterator[Server]:
    bound = listen("127.0.0.1", 0)
    access = Access()
    access.add_loopback(port := bound.getsockname()[1])
    async with running(create_app(service, access, page=tmp_path), bound):
        yield Server(port, access)


async def call(socket: Any, request_id: int, method: str, **params: Any) -> Any:
    await socket.send(json.dumps({"jsonrpc": "2.0", "id": request_id, "method": method, "params": params}))
    while True:
        frame = json.loads(await socket.recv())
        if frame.get("id") == request_id and "method" not in frame:
            assert "result" in frame, frame
            return frame["result"]


async def test_a_program_with_the_token_is_served(server: Server, agent: MemoryBackend, tmp_path: Path) -> None:
    agent.reply(text("Hello"))
    async with server.connect() as socket:
        assert (await call(socket, 1, "initialize", **HELLO))["protocolVersion"] == 1
        session = (await call(socket, 2, "session/new", cwd=str(tmp_path), mcpServers=[]))["sessionId"]
        prompt = [{"type": "text", "text": "Hi"}]
        assert (await call(socket, 3, "session/prompt", sessionId=session, prompt=prompt))["stopReason"] == "end_turn"


@pytest.mark.parametrize(
    "headers", [{"Authorization": "Bearer wrong"}, {"Origin": "http://evil.example"}, {"X-Nothing": "1"}]
)
async def test_nobody_else_is(server: Server, headers: dict[str, str]) -> None:
    with pytest.raises(InvalidStatus):
        async with server.connect(**headers):
            pass


async def test_a_token_does_not_help_a_page_of_another_site(server: Server) -> None:
    with pytest.raises(InvalidStatus):
        async with server.connect(Authorization=f"Bearer {server.token}", Origin="http://evil.example"):
            pass


async def test_the_protocol_is_agreed_on(server: Server) -> None:
    headers = {"Authorization": f"Bearer {server.token}"}
    async with connect(server.url, additional_headers=headers, subprotocols=[Subprotocol("acp")], proxy=None) as socket:
        assert socket.subprotocol == "acp"
        await socket.send(b"\xff{\nnonsense")
        assert json.loads(await socket.recv())["error"]["code"] == -32700


async def test_a_client_that_goes_stops_what_it_began(
    server: Server, service: ChatService, agent: MemoryBackend, tmp_path: Path
) -> None:
    agent.reply(text("one"), Gate())
    async with server.connect() as socket:
        await call(socket, 1, "initialize", **HELLO)
        session = (await call(socket, 2, "session/new", cwd=str(tmp_path), mcpServers=[]))["sessionId"]
        prompt = [{"type": "text", "text": "Hi"}]
        params = {"sessionId": session, "prompt": prompt}
        await socket.send(json.dumps({"jsonrpc": "2.0", "id": 3, "method": "session/prompt", "params": params}))
        while "agent_message_chunk" not in str(await socket.recv()):
            pass
    chat = await service.open(session)
    reader = chat.follow(chat.feed.stream.cursor)
    while chat.state != "closed":
        assert await reader.read() is not None


async def test_too_many_clients_are_refused(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sockets, "MAX_SOCKETS", 0)
    async with server.connect() as socket:
        with pytest.raises(ConnectionClosed):
            await socket.recv()
        assert socket.close_code == sockets.TOO_MANY


async def opened(socket: Any, folder: Path) -> str:
    await call(socket, 1, "initialize", **HELLO)
    return (await call(socket, 2, "session/new", cwd=str(folder), mcpServers=[]))["sessionId"]


async def prompt(socket: Any, request_id: int, session: str) -> None:
    params = {"sessionId": session, "prompt": [{"type": "text", "text": "Hi"}]}
    await socket.send(json.dumps({"jsonrpc": "2.0", "id": request_id, "method": "session/prompt", "params": params}))


async def works(server: Server, agent: MemoryBackend, folder: Path) -> None:
    """A client beside the hostile one is served as ever."""
    agent.reply(text("Hello"))
    async with server.connect() as socket:
        session = await opened(socket, folder)
        await prompt(socket, 3, session)
        while (frame := json.loads(await socket.recv())).get("id") != 3:
            pass
        assert frame["result"]["stopReason"] == "end_turn"


NONSENSE: tuple[str | bytes, ...] = (
    "",
    "null",
    "[]",
    "[" * 100_000,
    "{" + '"a":{' * 20_000,
    '{"jsonrpc":"2.0","id":1e999,"method":"initialize"}',
    '{"jsonrpc":"2.0","id":{},"method":"initialize","params":[]}',
    '{"jsonrpc":"2.0","id":9,"method":"session/prompt","params":{"sessionId":null,"prompt":7}}',
    '{"jsonrpc":"2.0","id":9,"method":"session/load","params":{"sessionId":"../../etc/passwd","cwd":"/","mcpServers":[]}}',
    '{"jsonrpc":"2.0","id":5,"result":{}}',
    '{"jsonrpc":"2.0","method":"session/cancel","params":{"sessionId":"\\ud800"}}',
    b"\xff\xfe\x00{}",
    b"\x00" * 4096,
    '{"jsonrpc":"2.0","id":1,"method":"initialize"}\n{"jsonrpc":"2.0","id":2,"method":"initialize"}',
)


@pytest.mark.parametrize("seed", range(3))
async def test_nonsense_is_answered_or_passed_over_and_the_client_goes_on(
    server: Server, agent: MemoryBackend, tmp_path: Path, seed: int
) -> None:
    said = random.Random(seed).sample(NONSENSE, len(NONSENSE))
    agent.reply(text("Hello"))
    async with server.connect() as socket:
        for each in said:
            await socket.send(each)
        session = await opened_among(socket, tmp_path)
        await prompt(socket, 4000, session)
        while json.loads(await socket.recv()).get("id") != 4000:
            pass


async def opened_among(socket: Any, folder: Path) -> str:
    """Open a session with ids of its own, among answers to nonsense."""
    await call(socket, 1000, "initialize", **HELLO)
    return (await call(socket, 2000, "session/new", cwd=str(folder), mcpServers=[]))["sessionId"]


async def test_a_message_that_is_too_long_ends_its_client_alone(
    server: Server, agent: MemoryBackend, tmp_path: Path
) -> None:
    async with server.connect() as beside, server.connect() as socket:
        session = await opened(beside, tmp_path)
        with suppress(ConnectionClosed):  # It may be closed before all of it is on its way.
            await socket.send("x" * (MAX_MESSAGE + 1))
        with pytest.raises(ConnectionClosed):
            await socket.recv()
        assert socket.close_code == 1009
        agent.reply(text("Hello"))
        await prompt(beside, 3, session)
        while json.loads(await beside.recv()).get("id") != 3:
            pass


async def test_a_client_that_is_reset_in_a_turn_leaves_nothing_running(
    server: Server, service: ChatService, agent: MemoryBackend, tmp_path: Path
) -> None:
    agent.reply(text("one"), Gate())
    socket = await server.connect()
    session = await opened(socket, tmp_path)
    await prompt(socket, 3, session)
    while "agent_message_chunk" not in str(await socket.recv()):
        pass
    raw = socket.transport.get_extra_info("socket")
    raw.setsockopt(plain.SOL_SOCKET, plain.SO_LINGER, struct.pack("ii", 1, 0))
    socket.transport.abort()
    chat = await service.open(session)
    reader = chat.follow(chat.feed.stream.cursor)
    while chat.state != "closed":
        assert await reader.read() is not None
    await works(server, agent, tmp_path)


async def test_a_client_that_reads_nothing_slows_nobody(
    server: Server, service: ChatService, agent: MemoryBackend, tmp_path: Path
) -> None:
    agent.reply(text(*("word " * 1000 for _ in range(2000))))
    async with server.connect() as socket:
        session = await opened(socket, tmp_path)
        await prompt(socket, 3, session)
        socket.transport.pause_reading()
        chat = await service.open(session)
        reader = chat.follow(chat.feed.stream.cursor)
        while chat.state != "running":
            assert await reader.read() is not None
        await works(server, agent, tmp_path)
        while chat.state == "running":
            assert await reader.read() is not None
        socket.transport.abort()


async def test_a_client_that_goes_before_its_session_is_open_leaves_none(
    server: Server, service: ChatService, agent: MemoryBackend, tmp_path: Path
) -> None:
    await works(server, agent, tmp_path)
    for _ in range(20):
        socket = await server.connect()
        await call(socket, 1, "initialize", **HELLO)
        params: dict[str, Any] = {"cwd": str(tmp_path), "mcpServers": []}
        await socket.send(json.dumps({"jsonrpc": "2.0", "id": 2, "method": "session/new", "params": params}))
        socket.transport.abort()
    await works(server, agent, tmp_path)
    events = service.bus.subscribe()
    while any(chat.state != "closed" for chat in service.open_chats):
        await anext(events)
