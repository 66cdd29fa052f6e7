"""Hand-made messages, an agent in memory, and a terminal to run the command on."""

from __future__ import annotations

import fcntl
import io
import itertools
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import AsyncIterator, Callable, Generator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import anyio
import pytest

from agent_chat.cli.main import main
from agent_sdk_core.asking.permissions import Permission, PermissionMode, PermissionRequest
from agent_sdk_core.interfaces.backend import AgentBackend
from agent_sdk_core.interfaces.capabilities import BackendCapabilities
from agent_sdk_core.interfaces.events import BackendEvent
from agent_sdk_core.interfaces.opening import SessionOpening
from agent_sdk_core.interfaces.pages import HistoryPage
from agent_sdk_core.interfaces.session import (
    AgentAnswer,
    AgentRequest,
    AgentSession,
    InterruptReceipt,
    SessionInfo,
    SessionState,
)
from agent_sdk_core.interfaces.streams import Stream
from agent_sdk_core.interfaces.turn import MessageStream, Priority, PromptQueue, Turn
from agent_sdk_core.messages.base import Source
from agent_sdk_core.messages.parse import SDKMessage, parse_message
from agent_sdk_core.messages.result import ResultMessage
from agent_sdk_core.messages.usage import SessionUsage
from agent_sdk_core.models import ChatModel
from agent_sdk_core.options import SessionOptions
from agent_sdk_core.prompts import Prompt
from agent_sdk_core.turn_options import TurnOptions


class Messages:
    """Builds messages as an agent would send them."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)

    def make(self, type_: str, /, **fields: Any) -> SDKMessage:
        return parse_message(
            {"type": type_, "uuid": f"uuid-{next(self._numbers)}", "session_id": "session-1", **fields},
            source=Source("codex"),
        )

    def system(self, subtype: str, **fields: Any) -> SDKMessage:
        return self.make("system", subtype=subtype, **fields)

    def delta(self, message_id: str, text: str, *, thinking: bool = False, index: int = 0, **fields: Any) -> SDKMessage:
        kind = "thinking" if thinking else "text"
        event = {"type": "content_block_delta", "index": index, "delta": {"type": f"{kind}_delta", kind: text}}
        return self.make("stream_event", event=event, api_message_id=message_id, **fields)

    def assistant(self, message_id: str, *blocks: Mapping[str, Any], **fields: Any) -> SDKMessage:
        return self.make(
            "assistant", message={"id": message_id, "role": "assistant", "content": list(blocks)}, **fields
        )

    def text(self, message_id: str, text: str, **fields: Any) -> SDKMessage:
        return self.assistant(message_id, {"type": "text", "text": text}, **fields)

    def thinking(self, message_id: str, text: str, **fields: Any) -> SDKMessage:
        return self.assistant(message_id, {"type": "thinking", "thinking": text}, **fields)

    def use(self, tool_use_id: str, name: str, given: Mapping[str, Any], **fields: Any) -> SDKMessage:
        return self.assistant("m", {"type": "tool_use", "id": tool_use_id, "name": name, "input": given}, **fields)

    def progress(self, tool_use_id: str, output: str) -> SDKMessage:
        return self.make("tool_progress", tool_use_id=tool_use_id, output=output)

    def done(self, tool_use_id: str, content: Any, *, error: bool = False, **details: Any) -> SDKMessage:
        block = {"type": "tool_result", "tool_use_id": tool_use_id, "content": content, "is_error": error}
        return self.make("user", message={"role": "user", "content": [block]}, tool_use_result=details)

    def prompt(self, text: str) -> SDKMessage:
        return self.make("user", message={"role": "user", "content": text}, isReplay=True)

    def result(self, **fields: Any) -> ResultMessage:
        message = self.make("result", **{"subtype": "success", "duration_ms": 1500, **fields})
        assert isinstance(message, ResultMessage)
        return message


Script = Callable[["FakeSession"], AsyncIterator[SDKMessage]]


class FakeTurn(Turn):
    def __init__(self, session: FakeSession, messages: AsyncIterator[SDKMessage]) -> None:
        self._result: ResultMessage | None = None
        self._session = session
        self._messages = messages

    @property
    def uuid(self) -> str:
        return "prompt-1"

    @property
    def result(self) -> ResultMessage | None:
        return self._result

    @property
    def text(self) -> str:
        return ""

    async def wait(self) -> ResultMessage:
        raise NotImplementedError

    async def interrupt(self) -> None:
        await self._session.interrupt()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> SDKMessage:
        message = await anext(self._messages)
        if isinstance(message, ResultMessage):
            self._result = message
        return message

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None: ...


class FakeSession(AgentSession):
    """A session that plays a script; `interrupted` is set by `interrupt()`, which hangs if `deaf`."""

    def __init__(self, backend: FakeBackend, options: SessionOptions) -> None:
        self.backend = backend
        self.options = options
        self.session_id = self.resolved_session_id = "session-1"
        self.interrupted = anyio.Event()
        self.deaf = False
        self.closed = False
        self.prompts: list[Prompt] = []

    async def ask(self, request: PermissionRequest) -> Permission:
        assert callable(self.options.can_use_tool)
        return await self.options.can_use_tool(request)

    def query(self, prompt: Prompt, *, options: TurnOptions | None = None, output_type: Any = None) -> Turn[Any]:
        self.prompts.append(prompt)
        assert isinstance(self.backend, FakeBackend)
        return FakeTurn(self, self.backend.script(self))

    async def interrupt(self, *, cancel_queued: bool = True, now: bool = False) -> InterruptReceipt:
        del cancel_queued, now
        self.interrupted.set()
        if self.deaf:
            await anyio.sleep_forever()
        return InterruptReceipt(interrupted=True)

    async def aclose(self) -> None:
        self.closed = True

    async def kill(self) -> None:
        self.closed = True

    @property
    def state(self) -> SessionState:
        return "running"

    @property
    def resumable(self) -> bool:
        assert isinstance(self.backend, FakeBackend)
        return self.backend.resumable

    @property
    def info(self) -> SessionInfo:
        return SessionInfo()

    @property
    def pending(self) -> Sequence[AgentRequest]:
        return ()

    @property
    def queue(self) -> PromptQueue:
        raise NotImplementedError

    async def send(
        self,
        prompt: Prompt,
        *,
        priority: Priority = "queue",
        uuid: str | None = None,
        options: TurnOptions | None = None,
    ) -> str:
        raise NotImplementedError

    def messages(self) -> MessageStream:
        raise NotImplementedError

    async def answer(self, request_id: str, answer: AgentAnswer) -> None:
        raise NotImplementedError

    async def set_model(self, model: str | None) -> None:
        raise NotImplementedError

    async def set_permission_mode(self, mode: PermissionMode | None) -> None:
        raise NotImplementedError

    async def set_reasoning_effort(self, effort: str | None) -> None:
        raise NotImplementedError

    async def wait_idle(self) -> None:
        raise NotImplementedError

    async def history(self, *, limit: int | None = None, cursor: str | None = None) -> HistoryPage:
        raise NotImplementedError

    async def usage(self) -> SessionUsage:
        raise NotImplementedError


class FakeBackend(AgentBackend):
    """A backend whose sessions play `script`."""

    type = "fake"
    capabilities = BackendCapabilities()

    def __init__(self, script: Script) -> None:
        self.script = script
        self.resumable = True
        self.opened: list[FakeSession] = []
        self.closed = False

    @classmethod
    def locate(cls) -> Path:
        raise NotImplementedError

    @property
    def sessions(self) -> Sequence[AgentSession]:
        return self.opened

    async def start(self) -> None: ...

    async def aclose(self) -> None:
        self.closed = True

    def create_session(self, options: SessionOptions | None = None) -> SessionOpening[AgentSession]:
        async def open_session() -> AgentSession:
            self.opened.append(FakeSession(self, options or SessionOptions()))
            return self.opened[-1]

        return SessionOpening(open_session)

    def events(self) -> Stream[BackendEvent]:
        raise NotImplementedError

    async def list_models(self) -> list[ChatModel]:
        raise NotImplementedError


_CONTROL = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")


class Terminal:
    """A process on a pseudo-terminal of 80 columns, which is its controlling terminal.

    Attributes:
        raw: Everything it wrote.
    """

    def __init__(self, command: Sequence[str], env: Mapping[str, str], cwd: Path) -> None:
        self._near, far = pty.openpty()
        fcntl.ioctl(far, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 80, 0, 0))
        self.raw = ""
        self._seen = 0
        self.process = subprocess.Popen(
            command,
            stdin=far,
            stdout=far,
            stderr=far,
            env=dict(env),
            cwd=cwd,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )
        os.close(far)

    @property
    def text(self) -> str:
        """What it wrote, without control sequences."""
        return _CONTROL.sub("", self.raw).replace("\r\n", "\n")

    def expect(self, text: str, timeout: float = 120.0) -> None:
        """Wait until the text appears after the last one that was expected; lines may have been broken within it."""
        deadline = time.monotonic() + timeout
        wanted = re.compile(r"\s+".join(re.escape(word) for word in re.split(r"\s+", text)))
        while (found := wanted.search(self.text, self._seen)) is None:
            assert self._read(deadline), f"{text!r} never came:\n{self.text[self._seen :]}"
        self._seen = found.end()

    def type(self, text: str) -> None:
        """Type the text; "\\x03" is Ctrl-C, "\\x04" the end of input."""
        os.write(self._near, text.encode())

    def wait(self, timeout: float = 120.0) -> int:
        """Wait until the process ends, and return its exit code."""
        deadline = time.monotonic() + timeout
        while self._read(deadline):
            pass
        return self.process.wait(timeout=max(0.1, deadline - time.monotonic()))

    def _read(self, deadline: float) -> bool:
        if not select.select([self._near], [], [], max(0.0, deadline - time.monotonic()))[0]:
            return False
        try:
            data = os.read(self._near, 65536)
        except OSError:
            # Linux reports the far end's closing so.
            return False
        self.raw += data.decode("utf-8", "replace")
        return bool(data)

    def close(self) -> None:
        """End the process if it still runs."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self._near)


@pytest.fixture
def command(
    monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> Callable[..., tuple[int, str, str]]:
    """Run the command in this process, with what is piped into it, and return exit code, stdout and stderr."""

    monkeypatch.setenv("AGENT_SDK_CONFIG", os.devnull)

    def run(*arguments: str, piped: str = "") -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["agent-sdk", *arguments])
        with io.TextIOWrapper(io.BytesIO(piped.encode())) as stdin:
            monkeypatch.setattr(sys, "stdin", stdin)
            with pytest.raises(SystemExit) as exited:
                main()
        out, err = capfdbinary.readouterr()
        assert isinstance(exited.value.code, int)
        return exited.value.code, out.decode(), err.decode()

    return run


@pytest.fixture
def wire() -> Messages:
    return Messages()


@pytest.fixture
def fake_backend() -> type[FakeBackend]:
    return FakeBackend


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def command_env() -> dict[str, str]:
    """The environment of the command: nobody's login, and an ordinary terminal."""
    env = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("ANTHROPIC", "CLAUDE", "CODEX", "OPENAI"))
    }
    for name in ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "LINES", "TTY_COMPATIBLE"):
        env.pop(name, None)
    return env | {"TERM": "xterm-256color", "PYTHONWARNINGS": "error", "LANG": "C.UTF-8"}


@pytest.fixture
def terminal(command_env: dict[str, str], tmp_path: Path) -> Generator[Callable[..., Terminal]]:
    """Start `agent-sdk` on a terminal."""
    started: list[Terminal] = []

    def start(*arguments: str, env: Mapping[str, str] | None = None) -> Terminal:
        command = [sys.executable, "-m", "agent_chat", *arguments]
        started.append(Terminal(command, {**command_env, **(env or {})}, tmp_path))
        return started[-1]

    yield start
    for one in started:
        one.close()
