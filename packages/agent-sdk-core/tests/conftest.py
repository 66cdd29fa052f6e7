"""A small backend in memory: the agent is the test, which says what it sends and how it answers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import Any

import anyio
import pytest
from hypothesis import settings

from agent_sdk_core.asking.permissions import PermissionRequest
from agent_sdk_core.asking.requests import AgentAnswer
from agent_sdk_core.interfaces.capabilities import BackendCapabilities
from agent_sdk_core.interfaces.pages import HistoryPage
from agent_sdk_core.interfaces.session import SessionInfo
from agent_sdk_core.messages.base import Source
from agent_sdk_core.messages.parse import SDKMessage, parse_message
from agent_sdk_core.messages.result import ResultMessage
from agent_sdk_core.messages.system import InitMessage
from agent_sdk_core.messages.usage import SessionUsage, Usage
from agent_sdk_core.models import ChatModel
from agent_sdk_core.options import SessionOptions
from agent_sdk_core.prompts import Prompt
from agent_sdk_core.runtime.asking.pending import Resolution
from agent_sdk_core.runtime.backend import BaseBackend
from agent_sdk_core.runtime.driver import Away, SessionDriver, Setting
from agent_sdk_core.runtime.host import Host
from agent_sdk_core.runtime.session import BaseSession
from agent_sdk_core.structured.answers import AnswerForm
from agent_sdk_core.structured.strict import strict_form
from agent_sdk_core.turn_options import TurnOptions

if settings.get_current_profile_name() != "explore":
    settings.register_profile("agent-sdk-core", deadline=None, database=None, derandomize=True, max_examples=60)
    settings.load_profile("agent-sdk-core")

Hook = Callable[..., Awaitable[Any]]


class MemoryDriver(SessionDriver):
    """The agent's side of one session.

    Attributes:
        session: The session it drives.
        calls: Names of the methods that the runtime called, in order.
        hooks: Replacements for these methods, by name.
        turn_id: The turn that runs at the agent.
        uuids: The prompts of that turn.
        held: Prompts that the agent has, and has shown no model.
        keeps_held: Whether it begins a turn for these by itself.
        asked: What the last turn was asked: its options, and the form of its answer.
        settings: What the agent was set to, one by one.
        gone: Why the agent does not have the session at hand.
        stored: Whether the session lasts when the agent is lost.
    """

    name = "memory"
    keeps_held = True
    lends = frozenset({"model", "permission_mode", "reasoning_effort"})

    def __init__(self) -> None:
        self.session: MemorySession
        self.calls: list[str] = []
        self.hooks: dict[str, Hook] = {}
        self.turn_id: str | None = None
        self.uuids: list[str] = []
        self.held: set[str] = set()
        self.asked: tuple[TurnOptions | None, AnswerForm | None] = (None, None)
        self.settings: list[tuple[Setting, str | None]] = []
        self.gone: Away | None = None
        self.stored = True
        self._turns = 0

    @property
    def resumable(self) -> bool:
        return self._turns > 0

    @property
    def away(self) -> Away | None:
        return self.gone

    @property
    def lasts(self) -> bool:
        return self.stored

    async def ready(self) -> None:
        if "ready" in self.hooks:
            await self.hooks["ready"]()

    async def start_turn(
        self, prompt: Prompt, uuid: str, *, options: TurnOptions | None = None, answers: AnswerForm | None = None
    ) -> str | None:
        self.asked = (options, answers)
        return await self._call("start_turn", prompt, uuid)

    async def answer_form(self, schema: Mapping[str, object]) -> AnswerForm:
        return strict_form(schema, backend="memory")

    async def steer(self, prompt: Prompt, uuid: str, turn_id: str | None) -> bool:
        return await self._call("steer", prompt, uuid, turn_id)

    async def apply(self, setting: Setting, value: str | None) -> None:
        await self._call("apply", setting, value)
        self.settings.append((setting, value))

    def holds(self, uuid: str) -> bool:
        return uuid in self.held

    async def interrupt(self, turn_id: str | None, *, cancel_held: bool = True) -> None:
        if cancel_held and self.keeps_held:
            for uuid in sorted(self.held):
                self.held.discard(uuid)
                self.session.drop_prompt(uuid)
        await self._call("interrupt", turn_id)

    async def interrupted(self) -> None:
        await self._call("interrupted")

    def forget(self, uuid: str) -> None:
        self.held.discard(uuid)
        if uuid in self.uuids:
            self.uuids.remove(uuid)

    async def compact(self) -> None:
        if "compact" not in self.hooks:
            await super().compact()
        await self._call("compact")

    async def close(self) -> None:
        await self._call("close")

    async def kill(self) -> None:
        await self._call("kill")

    def abandon(self, turn_id: str | None, *, code: str, message: str, terminal_reason: str) -> Sequence[SDKMessage]:
        self.calls.append("abandon")
        if self.turn_id is None:
            return []
        return [self.result(subtype="error_during_execution", is_error=True, terminal_reason=terminal_reason)]

    async def history(self, *, limit: int | None, cursor: str | None) -> HistoryPage:
        return HistoryPage([], cursor)

    def usage(self) -> SessionUsage:
        return SessionUsage(Usage(input_tokens=self._turns))

    def open(self, uuid: str) -> str:
        """Begin a turn for a prompt, silently, and return its id."""
        self._turns += 1
        self.turn_id, self.uuids = f"turn-{self._turns}", [uuid]
        return self.turn_id

    def source(self, turn_id: str | None = None) -> Source:
        return Source("memory", thread_id=self.session.session_id, turn_id=turn_id or self.turn_id)

    def init(self, turn_id: str | None = None) -> InitMessage:
        return InitMessage.synthesize(self.source(turn_id), session_id=self.session.session_id)

    def text(self, text: str, turn_id: str | None = None, **fields: object) -> SDKMessage:
        wire = {"type": "assistant", "message": {"role": "assistant", "content": [{"type": "text", "text": text}]}}
        return parse_message({**wire, **fields}, source=self.source(turn_id))

    def delta(self, text: str, turn_id: str | None = None) -> SDKMessage:
        event = {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}}
        return parse_message(
            {"type": "stream_event", "event": event, "api_message_id": "m"}, source=self.source(turn_id)
        )

    def result(self, turn_id: str | None = None, uuids: Sequence[str] | None = None, **fields: object) -> ResultMessage:
        listed = list(self.uuids if uuids is None else uuids)
        source = self.source(turn_id)
        if turn_id in (None, self.turn_id):
            self.turn_id = None
        known = {"subtype": "success", "user_message_uuids": listed, "session_id": self.session.session_id}
        return ResultMessage.synthesize(source, **(known | fields))

    def emit(self, *messages: SDKMessage) -> None:
        self.session.deliver(messages)

    def finish(self, text: str = "done") -> None:
        """End the running turn well."""
        self.emit(self.text(text), self.result(result=text))

    async def ask(
        self,
        callback: Any,
        *,
        request: Any = None,
        check: Callable[[AgentAnswer], object] = lambda answer: answer,
        timeout: float | None = None,
    ) -> Resolution:
        """Ask the user for something, a permission unless told otherwise."""
        request = request or PermissionRequest("Bash", {"command": "ls"}, "r1", self.session.session_id)
        return await self.session.requests.resolve(request, callback=callback, check=check, timeout=timeout)

    async def _call(self, name: str, *args: Any) -> Any:
        self.calls.append(name)
        if name in self.hooks:
            return await self.hooks[name](*args)
        await anyio.lowlevel.checkpoint()
        match name:
            case "start_turn":
                return self.open(args[1])
            case "steer":
                if self.turn_id is None or self.turn_id != args[2]:
                    return False
                self.uuids.append(args[1])
                return True
            case "interrupt" if self.turn_id is not None:
                self.emit(self.result(subtype="error_during_execution", terminal_reason="aborted_streaming"))
            case _:
                pass
        return None


class MemorySession(BaseSession):
    def __init__(self, options: SessionOptions, host: Host, session_id: str) -> None:
        self.driver = MemoryDriver()
        self.driver.session = self
        super().__init__(session_id, options, host, self.driver)
        self.forgotten = 0
        self.when_closed.append(self.forget)

    @property
    def info(self) -> SessionInfo:
        return SessionInfo(model=self.options.model)

    def forget(self) -> None:
        self.forgotten += 1


class MemoryBackend(BaseBackend[MemorySession]):
    """A backend without a process.

    Attributes:
        opening: Awaited while a session is being opened.
    """

    type = "memory"
    capabilities = BackendCapabilities(
        steer=True, turn_options=frozenset({"model", "permission_mode", "reasoning_effort", "output_schema"})
    )

    def __init__(self) -> None:
        super().__init__()
        self.opening: Callable[[], Awaitable[object]] = anyio.lowlevel.checkpoint
        self.prepare: Callable[[MemorySession], object] = lambda session: None
        self.opened = 0

    @property
    def host(self) -> Host:
        return self._host

    async def list_models(self) -> list[ChatModel]:
        return [ChatModel("m", "M", "memory")]

    async def _open(self, options: SessionOptions, plan: object) -> MemorySession:
        await self.opening()
        self.opened += 1
        session = MemorySession(options, self._host, f"session-{self.opened}")
        self.prepare(session)
        return session


@pytest.fixture
def make_backend() -> type[MemoryBackend]:
    return MemoryBackend


@pytest.fixture
async def backend(anyio_backend: object) -> AsyncIterator[MemoryBackend]:
    """A running backend in memory; a test that leaves it hanging fails."""
    del anyio_backend
    backend = MemoryBackend()
    with anyio.fail_after(30):
        await backend.start()
    yield backend
    with anyio.fail_after(30):
        await backend.aclose()


@pytest.fixture
async def session(backend: MemoryBackend) -> MemorySession:
    with anyio.fail_after(30):
        return await backend.create_session()


@pytest.fixture
def agent(session: MemorySession) -> MemoryDriver:
    """The agent's side of `session`."""
    return session.driver
