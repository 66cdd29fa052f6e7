"""A client of the protocol over a service in memory; every frame that it is sent is held to the published schema."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator, Callable
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from agent_chat.acp.agent import AcpAgent
from agent_chat.chats.service import ChatService
from agent_chat.storage.memory_store import MemoryStore
from agent_sdk_core import RuntimeConfig
from agent_sdk_core.errors import AgentError, ConnectionLostError
from agent_sdk_core.rpc.connection import LineConnection
from agent_sdk_core.rpc.jsonrpc import Peer
from agent_sdk_testing import MemoryBackend

SCHEMAS = Path(__file__).parents[4] / "schemas" / "acp"
Frame = dict[str, Any]
FORMS: Frame = {"elicitation": {"form": {}, "url": {}}}


@cache
def validator(version: int, name: str) -> Any:
    """Return the validator of a type of the protocol."""
    schema = json.loads((SCHEMAS / f"v{version}" / "schema.unstable.json").read_text())
    return jsonschema.Draft202012Validator({"$ref": f"#/$defs/{name}", "$defs": schema["$defs"]})


@cache
def types_of(version: int) -> dict[tuple[str, str], str]:
    """Return the name of the type of each method's parameters and result."""
    schema = json.loads((SCHEMAS / f"v{version}" / "schema.unstable.json").read_text())
    found: dict[tuple[str, str], str] = {}
    for name, definition in schema["$defs"].items():
        if "x-method" in definition:
            found[definition["x-method"], "result" if name.endswith("Response") else "params"] = name
    return found


def check(version: int, method: str, part: str, value: object) -> None:
    """Hold what was sent to the schema."""
    name = types_of(version).get((method, part))
    if name is not None:
        validator(version, name).validate(value)


class Pipe:
    """A channel in memory, whose other end is a test."""

    name = "the client"

    def __init__(self) -> None:
        self.chunks: asyncio.Queue[bytes] = asyncio.Queue()
        self.lines: asyncio.Queue[Frame | None] = asyncio.Queue()

    async def read(self) -> bytes:
        return await self.chunks.get()

    async def write(self, data: bytes, /) -> None:
        self.lines.put_nowait(json.loads(data))

    def close_input(self) -> None:
        self.lines.put_nowait(None)

    async def wait(self) -> object:
        return "ended"

    def exit_error(self) -> AgentError:
        return ConnectionLostError("The client is gone.")


class FakeClient:
    """An editor.

    Attributes:
        stays: How many frames it reads before it is gone; None: as many as there are.
        frames: All that it was sent, in order.
        answers: What it answers requests with, by method; a function gets the parameters. Absent: it leaves them open.
    """

    def __init__(self, service: ChatService, backend: str | None) -> None:
        async def opened() -> ChatService:
            return service

        self.pipe = Pipe()
        self.agent = AcpAgent(opened, backend=backend, find_login=lambda: ("--login",))
        self.agent.peer = Peer(self.pipe.write, self.agent, name="The client", version="2.0", cancels=True)
        self.stays: int | None = None
        self.frames: list[Frame] = []
        self.answers: dict[str, Any] = {}
        self.version = 1
        self._methods: dict[object, str] = {}
        self._responses: dict[object, Frame] = {}
        self._next = 0
        self._talking = asyncio.create_task(LineConnection(self.pipe, self.agent.peer).run())
        self._ahead: deque[Frame] = deque()

    def send(self, message: Frame) -> None:
        self.pipe.chunks.put_nowait((json.dumps({"jsonrpc": "2.0", **message}) + "\n").encode())

    def begin(self, method: str, **params: Any) -> int:
        """Send a request, and return its id."""
        self._next += 1
        self._methods[self._next] = method
        self.send({"id": self._next, "method": method, "params": params})
        return self._next

    def notify(self, method: str, **params: Any) -> None:
        self.send({"method": method, "params": params})

    async def end_of(self, request_id: int) -> Frame:
        """Return the response to a request."""
        while request_id not in self._responses:
            await self.next()
        return self._responses.pop(request_id)

    async def call(self, method: str, **params: Any) -> Any:
        """Return the result of a request."""
        response = await self.end_of(self.begin(method, **params))
        assert "error" not in response, response
        return response["result"]

    async def fail(self, method: str, **params: Any) -> Frame:
        """Return the error of a request."""
        response = await self.end_of(self.begin(method, **params))
        assert "error" in response, response
        return response["error"]

    async def next(self) -> Frame:
        """Return the next frame, after it was checked, and answered if that is set up."""
        if self.stays == len(self.frames):
            raise ConnectionAbortedError("The client has left.")
        frame = await self.pipe.lines.get()
        assert frame is not None, "the connection has ended"
        assert frame.pop("jsonrpc") == "2.0"
        self.frames.append(frame)
        method = frame.get("method")
        if method is None:
            self._responses[frame["id"]] = frame
            asked = self._methods.pop(frame["id"], "")
            if "result" in frame:
                check(self.version, asked, "result", frame["result"])
            return frame
        check(self.version, method, "params", frame.get("params"))
        if "id" in frame and method in self.answers:
            answer = self.answers[method]
            self.send({"id": frame["id"], "result": answer(frame["params"]) if callable(answer) else answer})
        return frame

    async def until(self, wanted: Callable[[Frame], bool]) -> Frame:
        while not wanted(frame := await self.next()):
            pass
        return frame

    async def until_update(self, kind: str, **fields: Any) -> Frame:
        """Return the next update of this kind."""

        def fits(frame: Frame) -> bool:
            update = frame.get("params", {}).get("update", {})
            return update.get("sessionUpdate") == kind and all(update.get(key) == fields[key] for key in fields)

        return (await self.until(fits))["params"]["update"]

    async def until_asked(self, method: str = "session/request_permission") -> Frame:
        return await self.until(lambda frame: frame.get("method") == method)

    def updates(self, *kinds: str) -> list[Frame]:
        """Return the updates of these kinds so far."""
        found = [frame["params"]["update"] for frame in self.frames if frame.get("method") == "session/update"]
        return [update for update in found if update["sessionUpdate"] in kinds or not kinds]

    def said(self, kind: str = "agent_message_chunk") -> str:
        return "".join(update["content"]["text"] for update in self.updates(kind))

    async def hello(self, version: int = 1, **capabilities: Any) -> Frame:
        self.version = min(max(version, 1), 2)
        if version < 2:
            return await self.call("initialize", protocolVersion=version, clientCapabilities=capabilities)
        info = {"name": "a test", "version": "1"}
        return await self.call("initialize", protocolVersion=version, info=info, capabilities=capabilities)

    async def session(self, cwd: Path, version: int = 1, **capabilities: Any) -> str:
        """Begin, and return the id of a new session."""
        await self.hello(version, **capabilities)
        return (await self.call("session/new", cwd=str(cwd), mcpServers=[]))["sessionId"]

    def ask(self, session_id: str, text: str) -> int:
        """Send a prompt, and return the id of the request."""
        return self.begin("session/prompt", sessionId=session_id, prompt=[{"type": "text", "text": text}])

    async def prompt(self, session_id: str, text: str) -> Any:
        response = await self.end_of(self.ask(session_id, text))
        assert "error" not in response, response
        return response["result"]

    async def quiet(self) -> list[Frame]:
        """Return what comes until nothing more is on its way."""
        marker = self.begin("session/list", cwd="/nowhere")
        before = len(self.frames)
        await self.end_of(marker)
        return self.frames[before:]

    async def aclose(self) -> None:
        self.pipe.chunks.put_nowait(b"")
        await asyncio.wait([self._talking])
        await self.agent.aclose()


MakeClient = Callable[..., FakeClient]


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def agent() -> MemoryBackend:
    return MemoryBackend()


@pytest.fixture
async def service(store: MemoryStore, agent: MemoryBackend, tmp_path: Path) -> AsyncIterator[ChatService]:
    def make(name: str) -> MemoryBackend:
        del name
        return agent

    # What could be the beginning of a secret would be held back, and the texts of these tests are that short.
    config = RuntimeConfig(flags={"redact_store": False})
    async with ChatService(config=config, store=store, make_backend=make, backends=("memory",), cwd=tmp_path) as made:
        yield made


@pytest.fixture
async def make_client(service: ChatService) -> AsyncIterator[MakeClient]:
    made: list[FakeClient] = []

    def make(backend: str | None = None) -> FakeClient:
        made.append(FakeClient(service, backend))
        return made[-1]

    yield make
    for client in made:
        await client.aclose()


@pytest.fixture
def client_of() -> Callable[[ChatService], FakeClient]:
    """Makes a client of a service that the test itself has opened; the test closes it."""
    return lambda service: FakeClient(service, None)


@pytest.fixture
async def client(make_client: MakeClient) -> FakeClient:
    return make_client()
