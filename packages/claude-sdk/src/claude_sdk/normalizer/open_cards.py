"""Tool uses that have no result yet, so that each gets exactly one, whatever becomes of its turn. Pure."""

from __future__ import annotations

from typing import Final

from agent_sdk_core.messages.base import Source
from agent_sdk_core.messages.conversation import AssistantMessage, UserMessage
from agent_sdk_core.messages.parse import SDKMessage
from agent_sdk_core.messages.system import SystemMessage
from agent_sdk_core.records import dataclass
from agent_sdk_core.wire.reading import Json, filled_text, record_of, records_of
from agent_sdk_core.wire.recent import Recent

_CUT_OFF: Final = "user-rejected"
"""The kind of a result that claude gives what an interrupt cuts off; what we refuse has another one."""


@dataclass(frozen=True, slots=True)
class Card:
    """An open tool use.

    Attributes:
        tool_use_id: Its id.
        parent: The tool use whose sub-agent made it; None on the main thread.
        command: What it runs, where it runs a command.
    """

    tool_use_id: str
    parent: str | None
    command: str | None = None


class OpenCards:
    """The tool uses of one session that have no result; those that have one are remembered, for what comes again."""

    def __init__(self) -> None:
        self._open: dict[str, Card] = {}
        self._answered = Recent()

    def take_uses(self, message: AssistantMessage) -> None:
        """Note the tool uses of a message; one whose result came before it needs no other."""
        for use in message.tool_uses:
            if use.id not in self._answered:
                self._open[use.id] = Card(use.id, message.parent_tool_use_id, filled_text(use.input.get("command")))

    def command_of(self, tool_use_id: str | None) -> str | None:
        """Return what an open tool use runs, if it runs a command."""
        card = self._open.get(tool_use_id or "")
        return None if card is None else card.command

    def take_results(self, message: UserMessage) -> bool:
        """Note the results of a message; False if they come too late, for all of them were told before."""
        ids = [result.tool_use_id for result in message.tool_results]
        late = bool(ids) and all(tool_use_id in self._answered for tool_use_id in ids)
        for tool_use_id in ids:
            self._open.pop(tool_use_id, None)
            self._answered.note(tool_use_id)
        return not late

    def cut_off(self, tool_use_ids: list[str], source: Source, session_id: str) -> list[SDKMessage]:
        """Return the results of tool uses whose input was cut off, so that they never ran."""
        why = "The tool use was cut off before its input was complete."
        new = [tool_use_id for tool_use_id in tool_use_ids if tool_use_id not in self._answered]
        for tool_use_id in new:
            self._open.pop(tool_use_id, None)
            self._answered.note(tool_use_id)
        return [_result(tool_use_id, None, why, source, session_id) for tool_use_id in new]

    def close(
        self, why: str, source: Source, session_id: str, *, parents: set[str | None] | None = None
    ) -> list[SDKMessage]:
        """Return failed results for open tool uses.

        Args:
            why: What the results say.
            source: Where the messages come from.
            session_id: The session.
            parents: Only those of these threads and of the sub-agents below them; absent: all.
        """
        closing: list[Card] = []
        for card in list(self._open.values()):  # In the order in which they were made, so parents come first.
            if parents is None or card.parent in parents:
                closing.append(card)
                if parents is not None:
                    parents.add(card.tool_use_id)
                del self._open[card.tool_use_id]
                self._answered.note(card.tool_use_id)
        return [_result(card.tool_use_id, card.parent, why, source, session_id) for card in reversed(closing)]


def _result(tool_use_id: str, parent: str | None, why: str, source: Source, session_id: str) -> SDKMessage:
    block = {"type": "tool_result", "tool_use_id": tool_use_id, "content": why, "is_error": True}
    return UserMessage.synthesize(
        source,
        session_id=session_id,
        parent_tool_use_id=parent,
        message={"role": "user", "content": [block]},
        tool_use_result={"interrupted": True},
    )


def marked(message: UserMessage) -> UserMessage:
    """Return a message of results with what an interrupt cut off marked as that, where claude says it (2.1.329).

    Its own structured outcome is then a sentence, and what it tells the model reads as if somebody had refused it.
    """
    told = records_of((message.model_extra or {}).get("tool_result_meta"))
    if not any(each.get("non_execution_kind") == _CUT_OFF for each in told):
        return message
    return message.model_copy(update={"tool_use_result": {"interrupted": True}})


def late_result(frame: Json, source: Source, session_id: str) -> SDKMessage:
    """Return a result that came after another was told, as a notice that holds all of it."""
    content = blocks(frame)
    return SystemMessage.synthesize(
        source,
        frame,
        subtype="late_tool_result",
        session_id=session_id,
        parent_tool_use_id=filled_text(frame.get("parent_tool_use_id")),
        content=content,
        tool_use_result=frame.get("tool_use_result"),
    )


def blocks(frame: Json) -> list[Json]:
    """Return the content blocks of an assistant or user frame."""
    return records_of(record_of(frame.get("message")).get("content"))
