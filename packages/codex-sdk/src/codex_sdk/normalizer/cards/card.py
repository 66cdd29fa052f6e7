"""One open tool call: its item, its tool uses, how far it has come, and what it printed."""

from __future__ import annotations

from dataclasses import field
from typing import Final, Literal

from agent_sdk_core.messages.base import Source
from agent_sdk_core.records import dataclass
from agent_sdk_core.wire.reading import Json, optional_text_at
from codex_sdk.normalizer.items.commands import command_result
from codex_sdk.normalizer.items.shapes import Named, ToolShape, ToolUse
from codex_sdk.normalizer.turns.turns import Turn

_KEPT_OUTPUT: Final = 1 << 20
"""How much of a command's streamed output is kept, in characters, for a result that comes without its own."""

State = Literal["waiting", "yielded", "left", "task"]


@dataclass(slots=True, eq=False)
class Card:
    """One item that is a tool call.

    Attributes:
        turn: Its turn.
        item: Its latest known state.
        shape: How it becomes tool uses.
        source: Origin of its messages.
        uses: The tool uses that were emitted.
        state: "waiting" while the model waits for it, "yielded" when the model call that made it ended without its
            outcome, "left" when the model went on, "task" when it runs in the background of an ended turn.
        refused: Whether it was refused, and Codex will only say that it failed.
        output: What it printed, the last part of it.
        size: Length of that.
    """

    turn: Turn
    item: Json
    shape: ToolShape
    source: Source
    uses: list[ToolUse] = field(default_factory=list[ToolUse])
    state: State = "waiting"
    refused: bool = False
    output: list[str] = field(default_factory=list[str])
    size: int = 0

    @property
    def id(self) -> str:
        """Id of the item and of its first tool use."""
        return self.source.item_id or ""

    @property
    def process_id(self) -> str | None:
        """Codex's id of the process, for a command that has one."""
        return optional_text_at(self.item, "processId")

    def use_id(self, index: int) -> str:
        """Return the id of one of its tool uses."""
        return f"{self.id}#{index + 1}" if index else self.id

    def printed(self) -> str:
        """Return what it printed."""
        return "".join(self.output)

    def print(self, piece: str) -> None:
        """Take a piece of its output."""
        self.output.append(piece)
        self.size += len(piece)
        if self.size > 2 * _KEPT_OUTPUT:
            self.output = ["".join(self.output)[-_KEPT_OUTPUT:]]
            self.size = _KEPT_OUTPUT

    def with_output(self, note: str) -> str:
        """Return what it printed, and a note below."""
        printed = self.printed()
        return f"{printed.rstrip()}\n{note}" if printed.strip() else note

    def cut_result(self) -> Json:
        """Return its structured outcome where it was cut off."""
        return command_result(self.printed(), interrupted=True) if self.shape.runs_on else {}

    def outlives_turn(self, status: str) -> bool:
        """Tell whether it goes on when its turn ends with this status: the model left it, or the turn is content."""
        left = self.state == "left" or (self.state == "yielded" and self.turn.interrupting)
        return self.state != "task" and (status == "completed" or left)


@dataclass(frozen=True, slots=True)
class Contact:
    """A sub-agent that a closed item named.

    Attributes:
        named: The sub-agent.
        source: Origin of the item's messages.
    """

    named: Named
    source: Source
