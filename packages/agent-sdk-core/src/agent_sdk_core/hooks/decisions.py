"""Decisions: what a hook answers. Nothing (None) lets what it saw go on as it was."""

from __future__ import annotations

from collections.abc import Mapping

from agent_sdk_core.arguments import checked_class
from agent_sdk_core.records import dataclass


@checked_class()
@dataclass(frozen=True, slots=True)
class Block:
    """What the hook saw does not happen; what that means for each event, the event says.

    Attributes:
        reason: Why, for the model and for people.
    """

    reason: str


@checked_class()
@dataclass(frozen=True, slots=True)
class ChangeInput:
    """The tool runs with another input, which a policy judges like one of the agent's.

    Attributes:
        input: The whole new input, in the shape of the event's.
    """

    input: Mapping[str, object]


@checked_class()
@dataclass(frozen=True, slots=True)
class AddContext:
    """The model is told something beside.

    Attributes:
        text: What it is told.
    """

    text: str


@checked_class()
@dataclass(frozen=True, slots=True)
class StopTurn:
    """The turn ends; a tool that has not run does not run.

    Attributes:
        reason: Why, for people.
    """

    reason: str


Decision = Block | ChangeInput | AddContext | StopTurn
