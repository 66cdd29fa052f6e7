"""`SessionNormalizer`: the updates of one session as messages, its turns begun and ended. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import uuid4

from acp_sdk.normalizer.cards import Cards
from acp_sdk.normalizer.circumstances import Circumstances
from acp_sdk.normalizer.endings import aborted, ending
from acp_sdk.normalizer.facts import SessionFacts
from acp_sdk.normalizer.frames import Frames
from acp_sdk.normalizer.plans import Plans
from acp_sdk.normalizer.speech import Speech, block_of
from acp_sdk.normalizer.tools import Facts, Tool
from acp_sdk.normalizer.turn import Turn
from acp_sdk.normalizer.usage import usage_of
from acp_sdk.protocol.tool_calls import ToolCall, ToolCallContentChunk, ToolCallUpdate
from acp_sdk.protocol.updates import (
    AgentMessage,
    AgentMessageChunk,
    AgentThought,
    AgentThoughtChunk,
    PlanItems,
    PlanUpdate,
    SessionUpdate,
    StateUpdate,
    UserMessage,
    UserMessageChunk,
)
from agent_sdk_core.messages.base import Source
from agent_sdk_core.messages.conversation import UserMessage as UserFrame
from agent_sdk_core.messages.parse import SDKMessage
from agent_sdk_core.messages.result import ResultMessage
from agent_sdk_core.messages.system import InitMessage, UsageMessage
from agent_sdk_core.messages.usage import Usage
from agent_sdk_core.wire.reading import Json

ENDED = "The turn has ended."


class SessionNormalizer:
    """One session.

    Args:
        facts: What is known of it; kept up to date.
        partial: Whether stream events are wanted.

    Attributes:
        facts: What is known of it.
        turn: The turn that runs.
        finished: Whether a turn has ended well enough to be stored.
    """

    def __init__(self, facts: SessionFacts, *, partial: bool) -> None:
        self.facts = facts
        self.turn: Turn | None = None
        self.finished = False
        self._idle_source = Source(facts.backend, thread_id=facts.session_id)
        self._frames = Frames(facts.own_id, self._idle_source, partial=partial)
        self._speech = Speech(self._frames)
        self._cards = Cards(self._frames, facts)
        self._plans = Plans(self._frames)
        self._circumstances = Circumstances(self._frames, facts)

    def moved(self) -> None:
        """Note that the agent calls the session otherwise now: `facts` say how."""
        self._idle_source = Source(self.facts.backend, thread_id=self.facts.session_id)
        self._frames.source = self._idle_source

    def begin(self, uuid: str | None, content: str | list[Json], turn_id: str) -> list[SDKMessage]:
        """Return what a turn begins with; without a uuid nobody prompted it."""
        self._late()
        self.turn = Turn(turn_id, [] if uuid is None else [uuid])
        self._frames.source = Source(self.facts.backend, thread_id=self.facts.session_id, turn_id=turn_id)
        self._frames.raw = None
        self._speech.answer, self._speech.model = None, self.facts.model
        facts = self.facts
        self._frames.add(
            InitMessage,
            cwd=facts.cwd,
            model=facts.model,
            permissionMode=facts.mode or facts.own_mode,
            slash_commands=[command.name for command in facts.commands],
            mcp_servers=[{"name": name} for name in facts.mcp_servers],
            version=facts.version,
        )
        if uuid is not None:
            message: Json = {"role": "user", "content": content}
            self._frames.add(UserFrame, uuid=uuid, message=message, isReplay=True)
        return self._frames.take()

    def feed(self, update: SessionUpdate, raw: Any) -> list[SDKMessage]:
        """Return the messages that an update becomes."""
        self._frames.raw = raw
        self._take(update)
        return self._frames.take()

    def settle(self) -> list[SDKMessage]:
        """Finish what is said outside of a turn, at the end of a batch: nothing else would."""
        if self.turn is None:
            self._late()
        return self._frames.take()

    def asked(self, call: ToolCall, raw: Any) -> tuple[list[SDKMessage], Facts, Tool]:
        """Note that a person is asked about a call; see `Cards.asked`."""
        self._frames.raw = raw
        self._speech.close()
        facts, tool = self._cards.asked(call, self.facts.model)
        return self._frames.take(), facts, tool

    def refuse(self, tool_use_id: str) -> None:
        """Note that a call was refused."""
        self._cards.refuse(tool_use_id)

    def fail(self, code: str | None, message: str, raw: Any) -> list[SDKMessage]:
        """Return what ends the turn whose prompt the agent answered with an error."""
        self._frames.raw = raw
        interrupted = self.turn is not None and self.turn.interrupting
        fields: Json = {"subtype": "error_during_execution", "is_error": True, "errors": [message]}
        if interrupted:
            fields["terminal_reason"] = aborted(in_tool=self._cards.in_tool(interrupting=True))
        elif code is not None:
            fields["error_code"] = code
        self._end(fields, None)
        return self._frames.take()

    def abandon(self, *, code: str, message: str, terminal_reason: str) -> list[SDKMessage]:
        """Return what ends the turn on our side, or closes what is open where there is none."""
        self._frames.raw = None
        self._synthesize()
        self._speech.close(aborted=True)
        if self.turn is None:
            self._cards.end_all(message, self.facts.model)
            return self._frames.take()
        fields: Json = {
            "subtype": "error_during_execution",
            "is_error": True,
            "errors": [message],
            "error_code": code,
            "terminal_reason": terminal_reason,
        }
        self._end(fields, None, reason=message)
        return self._frames.take()

    def _take(self, update: SessionUpdate) -> None:
        match update:
            case AgentMessageChunk():
                self._cards.end_refused(self.facts.model)
                self._speech.chunk("text", update.message_id, update.content)
            case AgentThoughtChunk():
                self._speech.chunk("thinking", update.message_id, update.content)
            case AgentMessage():
                self._cards.end_refused(self.facts.model)
                self._speech.whole("text", update.message_id, update.content)
            case AgentThought():
                self._speech.whole("thinking", update.message_id, update.content)
            case ToolCallUpdate():
                self._call(self._cards.feed, update)
            case ToolCallContentChunk():
                self._call(self._cards.chunk, update)
            case UserMessageChunk():
                self._echo(update.message_id, [block_of(update.content)])
            case UserMessage():
                self._echo(update.message_id, [block_of(block) for block in update.content or ()])
            case StateUpdate():
                self._state(update)
            case PlanUpdate():
                self._plan(update)
            case _:
                self._circumstances.feed(update)

    def _call(self, take: Any, update: ToolCallUpdate | ToolCallContentChunk) -> None:
        self._speech.close()
        self._cards.interrupting = self.turn is not None and self.turn.interrupting
        if not take(update, self.facts.model):
            self._frames.update(update)  # It came after the call had its result.

    def _echo(self, message_id: str, content: list[Json]) -> None:
        """Repeat a prompt that is not ours; our own has been told when its turn began, and agents repeat it in part."""
        if self.turn is not None and self.turn.uuids:
            return
        self._speech.close()
        self._frames.add(UserFrame, message={"role": "user", "content": content}, origin={"kind": "human"})

    def _state(self, update: StateUpdate) -> None:
        if update.state == "idle":
            if self.turn is not None:
                meta = update.meta
                in_tool = self._cards.in_tool(interrupting=self.turn.interrupting)
                fields = ending(update.stop_reason, update.error, in_tool=in_tool)
                if update.stop_reason is not None:
                    fields["stop_reason"] = update.stop_reason
                self._end(fields, usage_of(update.usage, meta))
        elif update.state == "running" and self.turn is None:
            self.begin_unprompted()

    def begin_unprompted(self) -> None:
        """Begin a turn that the agent began by itself."""
        raw = self._frames.raw
        begun = self.begin(None, "", str(uuid4()))
        self._frames.put_back(begun)
        self._frames.raw = raw

    def _plan(self, update: PlanUpdate) -> None:
        if not isinstance(update.plan, PlanItems):
            self._frames.update(update)
            return
        self._speech.close()
        self._plans.tell(update.plan, self.facts.session_id if self.turn is None else self.turn.id, self.facts.model)

    def _late(self) -> None:
        """Finish what is said outside of a turn."""
        self._speech.close()

    def _synthesize(self) -> None:
        turn_id = None if self.turn is None else self.turn.id
        self._frames.source = Source(
            self.facts.backend, thread_id=self.facts.session_id, turn_id=turn_id, synthetic=True
        )

    def _end(self, fields: Json, usage: Usage | None, *, reason: str = ENDED) -> None:
        """End the turn: open blocks and cards first, then the result."""
        turn = self.turn
        if turn is None:
            return
        failed = bool(fields.get("is_error"))
        self._speech.close(aborted=failed and str(fields.get("terminal_reason", "")).startswith("aborted"))
        self._cards.end_all(reason, self.facts.model)
        facts = self.facts
        if usage is not None or facts.used is not None:
            facts.add(usage or Usage())
            window: Json = {} if facts.used is None else {"context_tokens": facts.used, "context_window": facts.size}
            self._frames.add(UsageMessage, usage=(usage or Usage()).to_wire(), **window)
        self._frames.add(
            ResultMessage,
            **fields,
            duration_ms=turn.milliseconds,
            result=None if failed else self._speech.answer or "",
            usage=None if usage is None else usage.to_wire(),
            total_cost_usd=facts.cost_usd,
            permission_denials=self._cards.take_denials(),
            user_message_uuids=turn.uuids,
        )
        self.finished = self.finished or not failed
        self.turn = None
        self._frames.source = self._idle_source


def history_of(messages: Sequence[SDKMessage]) -> list[SDKMessage]:
    """Return those messages that a history has."""
    return [message for message in messages if message.type in ("user", "assistant")]
