"""What an item that is a tool call looks like as tool uses and their outcomes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import field
from typing import Literal

from agent_sdk_core.messages.kinds import ToolKind
from agent_sdk_core.records import dataclass
from agent_sdk_core.wire.reading import Json, optional_text_at


@dataclass(frozen=True, slots=True)
class ToolUse:
    """One tool use of an item.

    Attributes:
        name: Name of the tool.
        input: Its arguments.
        kind: What it does, where that says more than the name.
    """

    name: str
    input: Json
    kind: ToolKind | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one tool use ended.

    Attributes:
        content: Content of the tool_result: text, or blocks.
        is_error: Whether it failed, was declined or was cut off.
        declined: Whether somebody refused it.
        result: The structured outcome.
    """

    content: str | list[Json]
    is_error: bool = False
    declined: bool = False
    result: Json = field(default_factory=dict[str, object])


@dataclass(frozen=True, slots=True)
class Named:
    """A sub-agent's thread that an item names.

    Attributes:
        thread_id: The thread.
        description: What it does, in a few words.
        spawned: Whether the item started it, so that it runs.
        model: Its model, where told.
    """

    thread_id: str
    description: str
    spawned: bool
    model: str | None = None


def _nobody(item: Json) -> list[Named]:
    del item
    return []


@dataclass(frozen=True, slots=True)
class ToolShape:
    """How items of one type become tool uses.

    Attributes:
        uses: The item's tool uses, in order; none while it does not tell yet.
        outcomes: Their outcomes, as many, from the completed item and the output that streamed.
        opens: When the uses are known: at item/started, or only at item/completed.
        runs_on: Whether it may go on after its turn, in the background.
        names: The sub-agents that the closed item names.
    """

    uses: Callable[[Json], list[ToolUse]]
    outcomes: Callable[[Json, str], list[Outcome]]
    opens: Literal["started", "completed"] = "started"
    runs_on: bool = False
    names: Callable[[Json], list[Named]] = _nobody


def status(item: Json) -> str:
    """Return the item's status, "completed" where its type has none."""
    return optional_text_at(item, "status") or "completed"


def failed(item: Json) -> bool:
    """Tell whether the item's status says that it did not succeed."""
    return status(item) in ("failed", "declined", "error", "cancelled", "canceled")
