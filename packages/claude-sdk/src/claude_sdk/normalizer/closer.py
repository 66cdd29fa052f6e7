"""Claude's frames as messages: they pass through as they are, and what an agent leaves open is closed.

One object a session, pure: one frame in, a list of messages out. Claude has no ids for turns; here a turn is called by
the uuid of the prompt that it began with, or by one of its own where nobody prompted it. Frames between two turns
belong to the one before, as do those that announce a turn before its `init`.

A damaged frame passes as an `UnknownMessage`. One that begins a turn, or ends a turn or a task, does so nevertheless,
with a message made of what can be read of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final
from uuid import uuid4

from agent_sdk_core.interfaces.session import BackgroundTask
from agent_sdk_core.messages.base import Source
from agent_sdk_core.messages.conversation import AssistantMessage, StreamEvent, UserMessage
from agent_sdk_core.messages.parse import SDKMessage, parse_message, unknown_message
from agent_sdk_core.messages.result import ResultMessage
from agent_sdk_core.messages.system import InitMessage, SystemMessage, TaskNotification, TaskStarted, UsageMessage
from agent_sdk_core.records import dataclass
from agent_sdk_core.rpc.receiver import Run
from agent_sdk_core.wire.reading import Json, filled_text, record_of, texts_of
from claude_sdk.normalizer.failures import failure_of
from claude_sdk.normalizer.open_cards import OpenCards, late_result, marked
from claude_sdk.normalizer.open_streams import OpenStreams
from claude_sdk.normalizer.plain_deltas import FIELDS, is_plain_delta, messages_of
from claude_sdk.normalizer.sent_prompts import PromptState, SentPrompts
from claude_sdk.normalizer.session_facts import TOKENS, SessionFacts
from claude_sdk.normalizer.tasks import Tasks

_NO_RESULT: Final = "The turn ended before this tool had a result."
_NO_END: Final = "The sub-agent ended before this tool had a result."
_UNREADABLE: Final = "The turn ended, and claude's word of it was lost or could not be read."
_IN_TURNS: Final = frozenset({"assistant", "user", "stream_event", "result"})
"""Frames that only a turn brings, so that one which did not announce itself begins with them."""


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
        self._prompts = SentPrompts()
        self._turn: _Turn | None = None
        self._last_result: object = None
        self._source = Source("claude", thread_id=session_id)
        self._init: Json | None = None
        self._streams = OpenStreams()
        self._cards = OpenCards()
        self._tasks = Tasks()

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
        self._prompts.expect(uuid, content, shown=shown)

    def forget(self, uuid: str) -> None:
        """Note that a prompt was not sent, or has ended on our side."""
        self._prompts.forget(uuid)

    def take_dropped(self) -> list[str]:
        """Return the prompts that claude let go of since the last call, before it took them up."""
        return self._prompts.take_dropped()

    def state_of(self, uuid: str) -> PromptState:
        """Return where a prompt stands."""
        return self._prompts.state_of(uuid)

    @property
    def background_tasks(self) -> list[BackgroundTask]:
        """What goes on beside the conversation."""
        return self._tasks.in_background(self._facts.info.cwd)

    def tool_use_of(self, task_id: str | None) -> str | None:
        """Return the tool use that started a task or a sub-agent."""
        return self._tasks.tool_use_of(task_id)

    def feed(self, frame: Json) -> list[SDKMessage]:
        """Take one frame, and return what it becomes: itself, after what has to precede it."""
        kind = filled_text(frame.get("type"))
        if kind == "stream_event":
            return self._stream_event(frame)
        if kind == "system":
            self._facts.take_news(frame)
            return self._system(frame)
        if kind == "result":
            return self._result(frame)
        main = frame.get("parent_tool_use_id") is None
        before: list[SDKMessage] = self._begin() if main and kind in _IN_TURNS else []
        match kind:
            case "command_lifecycle":
                return self._lifecycle(frame)
            case "keep_alive":
                return []
            case "conversation_reset":
                self._renamed(frame.get("new_conversation_id"))
            case _:
                pass
        message = self._pass(frame)
        if isinstance(message, AssistantMessage):
            if main:
                if self._turn is not None and "error" in frame:
                    self._turn.error = frame
                self._streams.complete(message.message.id, len(message.content))
                self._facts.note_call(record_of(record_of(frame.get("message")).get("usage")))
            self._cards.take_uses(message)
        elif isinstance(message, UserMessage):
            if not self._cards.take_results(message):
                return [*before, late_result(frame, self._made(), self.session_id)]
            message = marked(message)
        return [*before, message]

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
            self.working = False
            ending += self._cards.close(message, source, self.session_id)
            ending += self._tasks.end_all(message, source, self.session_id)
        elif self._turn is not None and self._turn.turn_id == turn_id:
            ending += self._close_cards(message)
        turn = self._turn
        if turn is not None and (turn_id is None or turn.turn_id == turn_id):
            listed = self._prompts.started
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
        uuid, message = frame.get("command_uuid"), self._pass(frame)
        if isinstance(uuid, str) and uuid in self._prompts and self._prompts.move(uuid, frame.get("state")):
            return [message, *self._started(uuid)]
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
        match frame.get("subtype"):
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
                return [self._pass(frame), *self._take_state(frame.get("state"))]
            case "api_retry":
                ended = self._finish_streams()
                return [*ended, self._pass(frame)]
            case "task_started":
                message = self._pass(frame)
                if isinstance(message, TaskStarted):
                    self._tasks.start(frame, self._cards.command_of(message.tool_use_id))
                return [message]
            case "task_updated":
                self._tasks.update(frame)
            case "task_notification":
                return self._end_task(frame)
            case _:
                pass
        return [self._pass(frame)]

    def _take_state(self, state: object) -> list[SDKMessage]:
        """Note what claude does; it is idle only after the result of its turn, so then a turn that runs lost its."""
        self.working = state in ("running", "requires_action")
        if state == "idle" and self._turn is not None and self._turn.begun:
            reason = "api_error"
            ending = self.end(self._turn.turn_id, code="protocol_error", message=_UNREADABLE, terminal_reason=reason)
            return [*ending]
        return []

    def _take_init(self, frame: Json) -> list[SDKMessage]:
        self._renamed(frame.get("session_id"))
        self._facts.take_init(frame)
        listed = [uuid for uuid in texts_of(frame.get("user_message_uuids")) if uuid in self._prompts]
        if self._turn is None:
            self._open(listed[0] if listed else str(uuid4()), prompted=bool(listed))
        for uuid in listed:
            self._prompts.take_up(uuid)
        turn = self._turn
        if turn is None or turn.begun:
            return [self._pass(frame)]
        turn.begun = True
        self._source = Source("claude", thread_id=self.session_id, turn_id=turn.turn_id)
        messages = self._read(frame, InitMessage)
        if len(messages) == 1:
            self._init = frame
        return [*messages, *self._show_prompts()]

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
        if turn is not None and turn.begun:
            if is_plain_delta(frame):  # Hot: nearly all frames are.
                self._streams.take(frame)
                return [StreamEvent.assembled(frame.copy(), FIELDS, self._source, frame)]
            before: list[SDKMessage] = []
        else:
            before = self._begin()
        message = self._pass(frame)
        if not isinstance(message, StreamEvent):  # What is malformed starts nothing and stops nothing.
            return [*before, message]
        kind = message.event.get("type")
        if kind == "message_start":
            if message.api_message_id is None:
                return [*before, unknown_message(frame, source=self._source)]
            before += self._finish_streams()
        elif kind == "content_block_stop":
            before += self._with_results(self._streams.abandon(frame, self._made(), self.session_id))
        if usage := self._streams.take(frame):
            self._facts.note_call(usage)
            return [*before, message, self._usage(usage)]
        return [*before, message]

    def feed_run(self, run: Run) -> list[SDKMessage] | None:
        """Take deltas on end of one block, and return what they become; None, with nothing done, outside of a turn."""
        if self._turn is None or not self._turn.begun:
            return None
        self._streams.take_run(run.like, run.texts)
        return messages_of(run, self._source)

    def _usage(self, usage: Json) -> SDKMessage:
        """Return what a call of the model took, as it was told with the message's end."""
        context = self._facts.context
        tokens = {name: usage[name] for name in TOKENS if type(usage.get(name)) is int}
        window = (
            {} if context is None else {"context_tokens": context.used_tokens, "context_window": context.max_tokens}
        )
        return UsageMessage.synthesize(self._made(), session_id=self.session_id, usage=tokens, **window)

    def _result(self, frame: Json) -> list[SDKMessage]:
        listed = texts_of(frame.get("user_message_uuids")) or texts_of([frame.get("user_message_uuid")])
        mine = [uuid for uuid in listed if uuid in self._prompts]
        if not mine and self._is_told(frame, listed):
            fields: Json = {"subtype": "late_result", "session_id": self.session_id, "result": frame}
            return [SystemMessage.synthesize(self._made(), frame, **fields)]
        if self._turn is None:  # Nothing of it came before.
            mine = mine or self._prompts.queued[:1]
            if not mine and not isinstance(message := self._pass(frame), ResultMessage):
                return [message]
            self._open(mine[0] if mine else str(uuid4()), prompted=bool(mine))
        self._last_result = frame.get("uuid")
        for uuid in mine:
            self._prompts.take_up(uuid)
        before = [*self._begin(), *self._show_prompts()]
        turn = self._turn
        if not mine and turn is not None and turn.turn_id in self._prompts:
            mine = [turn.turn_id]
        self._facts.take_result(frame)
        before += self._finish_streams()
        before += self._close_cards(_NO_RESULT)
        source = self._source
        if (failure := failure_of(frame, None if turn is None else turn.error)) is not None:
            source = replace(source, failure=failure)
        wire = frame if frame.get("user_message_uuids") == mine else {**frame, "user_message_uuids": mine}
        message = parse_message(wire, source=source, raw=frame)
        self._finish_turn(mine)
        if isinstance(message, ResultMessage):
            return [*before, message]
        return [*before, message, self._salvaged_result(wire, source)]

    def _is_told(self, frame: Json, listed: list[str]) -> bool:
        """Tell whether a result repeats one, or comes after we told one ourselves."""
        again = frame.get("uuid") is not None and frame.get("uuid") == self._last_result
        return again or (bool(listed) and all(map(self._prompts.has_ended, listed)))

    def _salvaged_result(self, wire: Json, source: Source) -> SDKMessage:
        """Return the end of a turn whose result could not be read whole."""
        fields = {**wire, "uuid": str(uuid4()), "session_id": self.session_id, "parent_tool_use_id": None}
        if not isinstance(wire.get("subtype"), str) or not isinstance(wire.get("is_error", False), bool):
            fields |= {"subtype": "error_during_execution", "is_error": True}
            fields |= {"errors": [_UNREADABLE], "error_code": "protocol_error"}
        return ResultMessage.synthesize(replace(source, synthetic=True), wire, **fields)

    def _finish_turn(self, listed: list[str]) -> None:
        self._prompts.end(listed)
        self.stored = True
        self._turn = None

    def _open(self, turn_id: str, *, prompted: bool) -> None:
        self._turn = _Turn(turn_id, prompted)
        # Until `init` has come, what is told belongs to no turn yet.
        self._source = Source("claude", thread_id=self.session_id)

    def _show_prompts(self) -> list[SDKMessage]:
        """Return the prompts that the turn has taken up and that were not repeated yet."""
        return self._prompts.show(self._made(), self.session_id)

    def _finish_streams(self) -> list[SDKMessage]:
        """End what streams, and give the tool uses that were cut off their results."""
        return self._with_results(self._streams.finish(self._made(), self.session_id))

    def _with_results(self, ending: list[SDKMessage]) -> list[SDKMessage]:
        cut_off = {use.id for message in ending if isinstance(message, AssistantMessage) for use in message.tool_uses}
        return [*ending, *self._cards.cut_off(sorted(cut_off), self._made(), self.session_id)]

    def _close_cards(self, why: str) -> list[SDKMessage]:
        """Close the cards of the main thread, and of the sub-agents that it waited for."""
        return self._cards.close(why, self._made(), self.session_id, parents={None})

    def _end_task(self, frame: Json) -> list[SDKMessage]:
        """Note that background work ended; cards of its thread get no results any more."""
        task_id = filled_text(frame.get("task_id"))
        messages = self._read(frame, TaskNotification) if task_id in self._tasks else [self._pass(frame)]
        if (tool_use_id := self._tasks.end(task_id)) is None:
            return messages
        return [*self._cards.close(_NO_END, self._made(), self.session_id, parents={tool_use_id}), *messages]

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

    def _read(self, frame: Json, cls: type[InitMessage | TaskNotification]) -> list[SDKMessage]:
        """Return a frame of a kind that must be understood, and if it was not, what can be read of it."""
        message = self._pass(frame)
        if isinstance(message, cls):
            return [message]
        fields = {**frame, "uuid": str(uuid4()), "session_id": self.session_id, "parent_tool_use_id": None}
        return [message, cls.synthesize(self._made(), frame, **fields)]
