"""Claude's frames as messages: they pass through as they are, and what an agent leaves open is closed.

One object a session, pure: one frame in, a list of messages out. Claude has no ids for turns; here a turn is called by
the uuid of the prompt that it began with, or by one of its own where nobody prompted it. Frames between two turns
belong to the one before, as do those that announce a turn before its `init`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal
from uuid import uuid4

from agent_sdk_core.messages.base import Source
from agent_sdk_core.messages.conversation import AssistantMessage, StreamEvent, UserMessage
from agent_sdk_core.messages.parse import SDKMessage, parse_message
from agent_sdk_core.messages.result import ResultMessage
from agent_sdk_core.messages.system import InitMessage, TaskNotification, UsageMessage
from agent_sdk_core.session import BackgroundTask
from claude_sdk.cards import OpenCards, cut_off_result, late_result
from claude_sdk.facts import TOKENS, SessionFacts
from claude_sdk.failures import failure_of
from claude_sdk.frames import Json, blocks, record, text, texts
from claude_sdk.streams import OpenStreams

PromptState = Literal["sent", "queued", "started", "ended"]

_NO_RESULT: Final = "The turn ended before this tool had a result."
_NO_END: Final = "The sub-agent ended before this tool had a result."
_IN_TURNS: Final = frozenset({"assistant", "user", "stream_event", "result"})
"""Frames that only a turn brings, so that one which did not announce itself begins with them."""


@dataclass(slots=True)
class _Prompt:
    """A prompt that was sent and has no result yet."""

    content: str | list[Json]
    state: PromptState = "sent"
    shown: bool = False


@dataclass(frozen=True, slots=True)
class _Task:
    """Work that goes on beside the thread that started it: a sub-agent or a background command."""

    tool_use_id: str | None
    about: str
    in_background: bool


@dataclass(slots=True)
class _Turn:
    """The turn that runs."""

    turn_id: str
    prompted: bool
    begun: bool = False
    error: Json | None = None


class Closer:
    """Makes messages of the frames of one session.

    Args:
        session_id: Its id.
        facts: Told what frames tell of the session.

    Attributes:
        session_id: Claude's id of the session now; it changes when the conversation is cleared.
        stored: Whether a turn has finished, so that the session can be resumed.
        working: Whether claude itself says that it is not idle: between the end of background work and the turn that
            tells of it nothing else shows that one will come.
        compaction: The last frame that told how a compaction ended: a boundary, or a status that says why it failed.
    """

    def __init__(self, session_id: str, facts: SessionFacts) -> None:
        self.session_id = session_id
        self.stored = False
        self.working = False
        self.compaction: Json = {}
        self._facts = facts
        self._prompts: dict[str, _Prompt] = {}
        self._dropped: list[str] = []
        self._turn: _Turn | None = None
        self._source = Source("claude", thread_id=session_id)
        self._init: Json | None = None
        self._streams = OpenStreams()
        self._cards = OpenCards()
        self._tasks: dict[str, _Task] = {}

    @property
    def running(self) -> bool:
        """Whether a turn runs."""
        return self._turn is not None

    @property
    def source(self) -> Source:
        """Where messages come from now."""
        return self._source

    def expect(self, uuid: str, content: str | list[Json], *, shown: bool = False) -> None:
        """Note a prompt that is about to be sent.

        Args:
            uuid: Its uuid.
            content: What it says.
            shown: Whether it need not be repeated as a message.
        """
        self._prompts[uuid] = _Prompt(content, shown=shown)

    def forget(self, uuid: str) -> None:
        """Note that a prompt was not sent, or has ended on our side."""
        self._prompts.pop(uuid, None)

    def take_dropped(self) -> list[str]:
        """Return the prompts that claude let go of since the last call, before it took them up."""
        dropped, self._dropped = self._dropped, []
        return dropped

    def state_of(self, uuid: str) -> PromptState:
        """Return where a prompt stands."""
        prompt = self._prompts.get(uuid)
        return "ended" if prompt is None else prompt.state

    @property
    def background_tasks(self) -> list[BackgroundTask]:
        """What goes on beside the conversation."""
        return [
            BackgroundTask(task_id, task.about, cwd=self._facts.info.cwd)
            for task_id, task in self._tasks.items()
            if task.in_background
        ]

    def tool_use_of(self, task_id: str | None) -> str | None:
        """Return the tool use that started a task or a sub-agent."""
        task = self._tasks.get(task_id or "")
        return None if task is None else task.tool_use_id

    def feed(self, frame: Json) -> list[SDKMessage]:
        """Take one frame, and return what it becomes: itself, after what has to precede it."""
        kind = text(frame.get("type"))
        if kind == "stream_event":
            return self._stream_event(frame)
        if kind == "system":
            return self._system(frame)
        main = frame.get("parent_tool_use_id") is None
        before: list[SDKMessage] = self._begin() if main and kind in _IN_TURNS else []
        match kind:
            case "command_lifecycle":
                return self._lifecycle(frame)
            case "keep_alive":
                return []
            case "assistant":
                content = blocks(frame)
                if main and self._turn is not None and "error" in frame:
                    self._turn.error = frame
                if main:
                    self._streams.complete(record_id(frame), len(content))
                    self._facts.note_call(record(record(frame.get("message")).get("usage")))
                self._cards.take_uses(content, text(frame.get("parent_tool_use_id")))
            case "user":
                if not self._cards.take_results(blocks(frame)):
                    return [*before, late_result(frame, self._made(), self.session_id)]
            case "result":
                return [*before, *self._result(frame)]
            case "conversation_reset":
                self._renamed(frame.get("new_conversation_id"))
            case _:
                pass
        return [*before, self._pass(frame)]

    def end(self, turn_id: str | None, *, code: str, message: str, terminal_reason: str) -> Sequence[SDKMessage]:
        """Return what ends a turn on our side, or everything when the process or the session is gone.

        Args:
            turn_id: The turn; None for everything.
            code: Code of the `AgentError` that says why.
            message: A sentence for a person.
            terminal_reason: As on the result.
        """
        source = self._made()
        ending = self._finish_streams()
        if turn_id is None:
            ending += self._cards.close(message, source, self.session_id)
            ending += [self._task_end(task_id, task, message) for task_id, task in self._tasks.items()]
            self._tasks.clear()
        elif self._turn is not None and self._turn.turn_id == turn_id:
            ending += self._close_cards(message)
        turn = self._turn
        if turn is not None and (turn_id is None or turn.turn_id == turn_id):
            listed = [uuid for uuid, prompt in self._prompts.items() if prompt.state == "started"]
            ending.append(
                ResultMessage.synthesize(
                    source,
                    session_id=self.session_id,
                    subtype="error_during_execution",
                    is_error=True,
                    errors=[message],
                    error_code=code,
                    terminal_reason=terminal_reason,
                    user_message_uuids=listed,
                )
            )
            self._finish_turn(listed)
        return ending

    def _lifecycle(self, frame: Json) -> list[SDKMessage]:
        uuid, state = frame.get("command_uuid"), frame.get("state")
        prompt = self._prompts.get(uuid) if isinstance(uuid, str) else None
        if not isinstance(uuid, str) or prompt is None:
            return [self._pass(frame)]
        message = self._pass(frame)
        if state == "queued" and prompt.state == "sent":
            prompt.state = "queued"
        elif state == "started":
            prompt.state = "started"
            return [message, *self._started(uuid)]
        elif state == "cancelled" and prompt.state in ("sent", "queued"):
            del self._prompts[uuid]
            self._dropped.append(uuid)
        return [message]

    def _started(self, uuid: str) -> list[SDKMessage]:
        """Note that claude took up a prompt: it begins a turn, or joins the one that runs."""
        turn = self._turn
        if turn is None:
            self._open(uuid, prompted=True)
            return []
        if not turn.prompted:  # What nobody prompted becomes the prompt's turn from here on.
            self._open(uuid, prompted=True)
            return self._begin()
        return self._show_prompts() if turn.begun else []

    def _system(self, frame: Json) -> list[SDKMessage]:
        subtype = frame.get("subtype")
        match subtype:
            case "init":
                return self._take_init(frame)
            case "status":
                self._facts.take_mode(frame.get("permissionMode"))
                if frame.get("status") == "compacting":  # Claude's own `init` comes when that is done.
                    return [*self._begin(), self._pass(frame)]
                if "compact_result" in frame:
                    self.compaction = frame
            case "compact_boundary":
                self.compaction = frame
            case "session_state_changed":
                self.working = frame.get("state") != "idle"
            case "api_retry":
                ended = self._finish_streams()
                return [*ended, self._pass(frame)]
            case "task_started":
                self._start_task(frame)
            case "task_updated":
                self._update_task(frame)
            case "task_notification":
                return [*self._end_task(text(frame.get("task_id"))), self._pass(frame)]
            case _:
                pass
        return [self._pass(frame)]

    def _take_init(self, frame: Json) -> list[SDKMessage]:
        self._renamed(frame.get("session_id"))
        self._facts.take_init(frame)
        self._init = frame
        if self._turn is None:
            self._open(str(uuid4()), prompted=False)
        turn = self._turn
        if turn is None or turn.begun:
            return [self._pass(frame)]
        turn.begun = True
        self._source = Source("claude", thread_id=self.session_id, turn_id=turn.turn_id)
        return [self._pass(frame), *self._show_prompts()]

    def _begin(self) -> list[SDKMessage]:
        """Return the `init` of a turn that begins without one of claude's."""
        turn = self._turn
        if turn is None or turn.begun:  # Without a turn it is a frame of none, such as the echo of a changed model.
            return []
        turn.begun = True
        self._source = Source("claude", thread_id=self.session_id, turn_id=turn.turn_id)
        fields = {**(self._init or {}), "session_id": self.session_id, "uuid": str(uuid4())}
        if self._init is None:
            info = self._facts.info
            fields |= {"cwd": info.cwd, "model": info.model, "tools": list(info.tools)}
        return [InitMessage.synthesize(self._made(), None, **fields), *self._show_prompts()]

    def _stream_event(self, frame: Json) -> list[SDKMessage]:
        if frame.get("parent_tool_use_id") is not None:
            return [self._pass(frame)]
        turn = self._turn
        before: list[SDKMessage] = [] if turn is not None and turn.begun else self._begin()
        message = self._pass(frame)
        if not isinstance(message, StreamEvent):  # What is malformed starts nothing and stops nothing.
            return [*before, message]
        kind = message.event.get("type")
        if kind == "message_start":
            before += self._finish_streams()
        elif kind == "content_block_stop":
            before += self._with_results(self._streams.abandon(frame, self._made(), self.session_id))
        if usage := self._streams.take(frame):
            self._facts.note_call(usage)
            return [*before, message, self._usage(usage)]
        return [*before, message]

    def _usage(self, usage: Json) -> SDKMessage:
        """Return what a call of the model took, as it was told with the message's end."""
        context = self._facts.context
        tokens = {name: usage[name] for name in TOKENS if type(usage.get(name)) is int}
        window = (
            {} if context is None else {"context_tokens": context.used_tokens, "context_window": context.max_tokens}
        )
        return UsageMessage.synthesize(self._made(), session_id=self.session_id, usage=tokens, **window)

    def _result(self, frame: Json) -> list[SDKMessage]:
        self._facts.take_result(frame)
        before = self._finish_streams()
        before += self._close_cards(_NO_RESULT)
        listed = texts(frame.get("user_message_uuids")) or texts([frame.get("user_message_uuid")])
        turn = self._turn
        if not listed and turn is not None and turn.prompted and turn.turn_id in self._prompts:
            listed = [turn.turn_id]
        source = self._source
        if (failure := failure_of(frame, None if turn is None else turn.error)) is not None:
            source = replace(source, failure=failure)
        wire = frame if texts(frame.get("user_message_uuids")) == listed else {**frame, "user_message_uuids": listed}
        message = parse_message(wire, source=source, raw=frame)
        self._finish_turn(listed)
        return [*before, message]

    def _finish_turn(self, listed: list[str]) -> None:
        for uuid in listed:
            self._prompts.pop(uuid, None)
        self.stored = True
        self._turn = None

    def _open(self, turn_id: str, *, prompted: bool) -> None:
        self._turn = _Turn(turn_id, prompted)
        # Until `init` has come, what is told belongs to no turn yet.
        self._source = Source("claude", thread_id=self.session_id)

    def _show_prompts(self) -> list[SDKMessage]:
        """Return the prompts that the turn has taken up and that were not repeated yet."""
        shown: list[SDKMessage] = []
        for uuid, prompt in self._prompts.items():
            if prompt.state == "started" and not prompt.shown:
                prompt.shown = True
                shown.append(
                    UserMessage.synthesize(
                        self._made(),
                        uuid=uuid,
                        session_id=self.session_id,
                        message={"role": "user", "content": prompt.content},
                        isReplay=True,
                    )
                )
        return shown

    def _finish_streams(self) -> list[SDKMessage]:
        """End what streams, and give the tool uses that were cut off their results."""
        return self._with_results(self._streams.finish(self._made(), self.session_id))

    def _with_results(self, ending: list[SDKMessage]) -> list[SDKMessage]:
        cut_off = {use.id for message in ending if isinstance(message, AssistantMessage) for use in message.tool_uses}
        results = [cut_off_result(use, self._made(), self.session_id) for use in sorted(cut_off)]
        return [*ending, *results]

    def _close_cards(self, why: str) -> list[SDKMessage]:
        """Close the cards of the main thread, and of the sub-agents that it waited for."""
        return self._cards.close(why, self._made(), self.session_id, parents={None})

    def _start_task(self, frame: Json) -> None:
        task_id, tool_use_id = text(frame.get("task_id")), text(frame.get("tool_use_id"))
        if task_id is not None:
            about = self._cards.command_of(tool_use_id) or text(frame.get("description")) or ""
            self._tasks[task_id] = _Task(tool_use_id, about, frame.get("is_backgrounded") is True)

    def _update_task(self, frame: Json) -> None:
        """Note that a task that its turn waited for goes on without it."""
        task_id = text(frame.get("task_id")) or ""
        if record(frame.get("patch")).get("is_backgrounded") is True and (task := self._tasks.get(task_id)) is not None:
            self._tasks[task_id] = replace(task, in_background=True)

    def _end_task(self, task_id: str | None) -> list[SDKMessage]:
        """Note that background work ended; cards of its thread get no results any more."""
        task = self._tasks.pop(task_id or "", None)
        if task is None or task.tool_use_id is None:
            return []
        return self._cards.close(_NO_END, self._made(), self.session_id, parents={task.tool_use_id})

    def _task_end(self, task_id: str, task: _Task, why: str) -> SDKMessage:
        return TaskNotification.synthesize(
            self._made(),
            session_id=self.session_id,
            task_id=task_id,
            tool_use_id=task.tool_use_id,
            status="stopped",
            summary=why,
        )

    def _renamed(self, session_id: object) -> None:
        if isinstance(session_id, str) and session_id != self.session_id:
            self.session_id = session_id
            turn_id = self._source.turn_id
            self._source = Source("claude", thread_id=session_id, turn_id=turn_id)

    def _made(self) -> Source:
        """Return the source of a message that we make ourselves."""
        return Source("claude", thread_id=self.session_id, turn_id=self._source.turn_id, synthetic=True)

    def _pass(self, frame: Json) -> SDKMessage:
        return parse_message(frame, source=self._source)


def record_id(frame: Json) -> Any:
    """Return the id of the model's message in an assistant frame."""
    return record(frame.get("message")).get("id")
