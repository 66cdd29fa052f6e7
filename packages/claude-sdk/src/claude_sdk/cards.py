"""Tool uses that have no result yet, so that each gets exactly one, whatever becomes of its turn. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from agent_sdk_core.messages.base import Source
from agent_sdk_core.messages.conversation import UserMessage
from agent_sdk_core.messages.parse import SDKMessage
from agent_sdk_core.messages.system import SystemMessage
from claude_sdk.frames import Json, blocks, record, text


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
    """The tool uses of one session that have no result."""

    def __init__(self) -> None:
        self._open: dict[str, Card] = {}
        self._closed_by_us: set[str] = set()

    def take_uses(self, content: list[Json], parent: str | None) -> None:
        """Note the tool uses of an assistant message."""
        for block in content:
            if block.get("type") == "tool_use" and (tool_use_id := text(block.get("id"))) is not None:
                self._open[tool_use_id] = Card(tool_use_id, parent, text(record(block.get("input")).get("command")))

    def command_of(self, tool_use_id: str | None) -> str | None:
        """Return what an open tool use runs, if it runs a command."""
        card = self._open.get(tool_use_id or "")
        return None if card is None else card.command

    def take_results(self, content: list[Json]) -> bool:
        """Note the results of a user message; False if they come too late, for we told results ourselves."""
        ids = [text(block.get("tool_use_id")) for block in content if block.get("type") == "tool_result"]
        late = bool(ids) and all(tool_use_id in self._closed_by_us for tool_use_id in ids)
        for tool_use_id in ids:
            self._open.pop(tool_use_id or "", None)
        return not late

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
                self._closed_by_us.add(card.tool_use_id)
        return [_result(card.tool_use_id, card.parent, why, source, session_id) for card in reversed(closing)]


def cut_off_result(tool_use_id: str, source: Source, session_id: str) -> SDKMessage:
    """Return the result of a tool use whose input was cut off, so that it never ran."""
    return _result(tool_use_id, None, "The tool use was cut off before its input was complete.", source, session_id)


def _result(tool_use_id: str, parent: str | None, why: str, source: Source, session_id: str) -> SDKMessage:
    block = {"type": "tool_result", "tool_use_id": tool_use_id, "content": why, "is_error": True}
    return UserMessage.synthesize(
        source,
        session_id=session_id,
        parent_tool_use_id=parent,
        message={"role": "user", "content": [block]},
        tool_use_result={"interrupted": True},
    )


def late_result(frame: Json, source: Source, session_id: str) -> SDKMessage:
    """Return a result that came after we had told one, as a notice that holds all of it."""
    content = blocks(frame)
    return SystemMessage.synthesize(
        source,
        frame,
        subtype="late_tool_result",
        session_id=session_id,
        parent_tool_use_id=text(frame.get("parent_tool_use_id")),
        content=content,
        tool_use_result=frame.get("tool_use_result"),
    )
