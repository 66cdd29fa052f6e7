"""A session over a driver that only reads: what a damaged wire does to turns, prompts and those who watch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

import anyio.lowlevel
from tests.damage.damaging import strings

from agent_sdk_core.asking.permissions import PermissionMode
from agent_sdk_core.errors import ProcessExitedError
from agent_sdk_core.interfaces.pages import HistoryPage
from agent_sdk_core.interfaces.session import SessionInfo
from agent_sdk_core.messages.conversation import AssistantMessage, StreamEvent, ToolProgress, UserMessage
from agent_sdk_core.messages.parse import SDKMessage
from agent_sdk_core.messages.result import ResultMessage
from agent_sdk_core.messages.system import InitMessage, RequestOpened, RequestResolved, TaskNotification, TaskStarted
from agent_sdk_core.messages.usage import SessionUsage, Usage
from agent_sdk_core.models import ReasoningEffort
from agent_sdk_core.options import SessionOptions
from agent_sdk_core.prompts import Prompt
from agent_sdk_core.runtime.driver import SessionDriver
from agent_sdk_core.runtime.host import Host
from agent_sdk_core.runtime.session import BaseSession
from agent_sdk_core.runtime.turns.records import PromptRecord
from agent_sdk_core.structured.answers import AnswerForm
from agent_sdk_core.turn_options import TurnOptions
from agent_sdk_core.wire.json_lines import mend


class ReadingDriver(SessionDriver):
    """An agent's side that sends nothing; subclasses read."""

    name = "damaged"

    @property
    def resumable(self) -> bool:
        return True

    async def start_turn(
        self, prompt: Prompt, uuid: str, *, options: TurnOptions | None = None, answers: AnswerForm | None = None
    ) -> str | None:
        raise NotImplementedError

    async def steer(self, prompt: Prompt, uuid: str, turn_id: str | None) -> bool:
        await self.start_turn(prompt, uuid)
        return True

    async def interrupt(self, turn_id: str | None, *, cancel_held: bool = True) -> None:
        return

    def abandon(self, turn_id: str | None, *, code: str, message: str, terminal_reason: str) -> Sequence[SDKMessage]:
        raise NotImplementedError

    async def close(self) -> None:
        return

    async def kill(self) -> None:
        return

    async def history(self, *, limit: int | None, cursor: str | None) -> HistoryPage:
        return HistoryPage([])

    def usage(self) -> SessionUsage:
        return SessionUsage(Usage())


class PlayedSession(BaseSession):
    """A session that keeps all it tells, and the prompts that it was given."""

    def __init__(self, host: Host, driver: ReadingDriver) -> None:
        super().__init__("s", SessionOptions(), host, driver)
        self.told: list[SDKMessage] = []
        self.prompts: list[PromptRecord] = []

    def deliver(self, batch: Iterable[SDKMessage]) -> None:
        batch = list(batch)
        self.told += batch
        super().deliver(batch)

    async def give(self, prompt: str, uuid: str) -> None:
        """Send a prompt as the one who recorded it did."""
        if not any(record.uuid == uuid for record in self.prompts):
            self.prompts.append(PromptRecord(uuid, prompt))
            self._turns.submit(self.prompts[-1])
        await self.breathe()

    async def breathe(self) -> None:
        """Let the tasks of the host run."""
        for _ in range(3):
            await anyio.lowlevel.checkpoint()

    async def lose(self) -> None:
        """Lose the agent."""
        self.disconnected(ProcessExitedError("gone"))
        for record in self.prompts:
            await record.done.wait()
        await self.wait_idle()

    @property
    def info(self) -> SessionInfo:
        return SessionInfo()

    async def set_model(self, model: str | None) -> None:
        raise NotImplementedError

    async def set_permission_mode(self, mode: PermissionMode | None) -> None:
        raise NotImplementedError

    async def set_reasoning_effort(self, effort: ReasoningEffort | None) -> None:
        raise NotImplementedError

    def _on_closed(self) -> None:
        return


def complaints(messages: Sequence[SDKMessage], texts: Iterable[str]) -> Iterator[str]:
    """Tell what a stream of messages leaves open, tells twice or loses.

    Args:
        messages: All of one or several sessions, to their ends.
        texts: What the agent said that arrived whole.
    """
    results = Counter(_turn(message) for message in messages if isinstance(message, ResultMessage))
    del results[None]
    yield from (f"{count} results of turn {turn}" for turn, count in results.items() if count > 1)
    listed = Counter(
        (_session(m), uuid) for m in messages if isinstance(m, ResultMessage) for uuid in m.user_message_uuids
    )
    yield from (f"{count} results list the prompt {uuid}" for uuid, count in listed.items() if count > 1)
    yield from (f"no result of turn {turn}" for turn in _begun(messages) - results.keys())
    users = [message for message in messages if isinstance(message, UserMessage)]
    answered = Counter((_session(user), result.tool_use_id) for user in users for result in user.tool_results)
    for message in messages:
        if isinstance(message, AssistantMessage):
            used = {(_session(message), use.id) for use in message.tool_uses}
            yield from (f"no result of the tool use {use}" for use in used - answered.keys())
    yield from (f"{count} results of the tool use {use}" for use, count in answered.items() if count > 1)
    yield from _left_open(messages)
    kept = {mend(entry) for m in messages if not isinstance(m, _PREVIEWS) for entry in strings(m.to_wire())}
    yield from (f"lost: {said!r}" for said in texts if said and mend(said) not in kept)
    for message in messages:
        message.to_json()


_PREVIEWS = (StreamEvent, ToolProgress)


def _session(message: SDKMessage) -> str | None:
    """Return whose ids a message's are; claude's session may be called otherwise in the middle of a turn."""
    return message.session_id if message.source is not None and message.source.backend == "codex" else None


def _turn(message: SDKMessage) -> tuple[str | None, str] | None:
    turn_id = message.source.turn_id if message.source is not None else None
    return None if turn_id is None else (_session(message), turn_id)


def _begun(messages: Sequence[SDKMessage]) -> set[tuple[str | None, str]]:
    """Return the turns that must end; what nobody prompted on claude may become the turn of a prompt."""
    turns: list[tuple[str | None, str]] = []
    ended = False
    for message in messages:
        if isinstance(message, InitMessage) and (turn := _turn(message)) is not None:
            if turns and turn[0] is None and not ended:
                turns.pop()
            turns.append(turn)
            ended = False
        elif isinstance(message, ResultMessage):
            ended = True
    return set(turns)


def _left_open(messages: Sequence[SDKMessage]) -> Iterator[str]:
    streams: set[object] = set()
    tasks: set[str] = set()
    requests: set[str] = set()
    for message in messages:
        if isinstance(message, StreamEvent) and message.parent_tool_use_id is None:
            match message.event.get("type"):
                case "message_start":
                    streams.add(message.api_message_id)
                case "message_stop":
                    streams.discard(message.api_message_id)
                case _:
                    pass
        elif isinstance(message, TaskStarted):
            tasks.add(message.task_id)
        elif isinstance(message, TaskNotification):
            tasks.discard(message.task_id)
        elif isinstance(message, RequestOpened):
            requests.add(message.request_id)
        elif isinstance(message, RequestResolved):
            requests.discard(message.request_id)
    yield from (f"open: {entry}" for entry in [*streams, *tasks, *requests])
