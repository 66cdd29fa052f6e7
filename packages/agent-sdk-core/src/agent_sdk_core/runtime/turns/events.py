"""Events that the decisions of turns take in, and the effects that they return."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from agent_sdk_core.errors import AgentError
from agent_sdk_core.messages.result import ResultMessage
from agent_sdk_core.runtime.turns.records import Ending, Milestone, PromptRecord, RunningTurn


class Submitted(NamedTuple):
    """Somebody sends a prompt, for the running turn if `steer`."""

    record: PromptRecord
    steer: bool = False


class Compacting(NamedTuple):
    """A turn for a compaction starts, if none runs or waits."""

    turn: RunningTurn


class Started(NamedTuple):
    """The agent answered the start of a turn: with its id of it if it has one, or with a refusal.

    A compaction has no prompt.
    """

    turn: RunningTurn
    record: PromptRecord | None
    answer: str | AgentError | None


class Steered(NamedTuple):
    """The agent answered a steer; `held` tells whether it has the prompt, and has shown it to no model."""

    turn: RunningTurn
    record: PromptRecord
    answer: bool | AgentError
    held: bool = False


class Begun(NamedTuple):
    """The agent began a turn: the one we started, or one that nobody prompted."""

    native_id: str | None


class Ended(NamedTuple):
    """The agent told a result; `held` are the prompts that it has, and has shown no model."""

    result: ResultMessage
    held: Collection[str] = ()


class Dropped(NamedTuple):
    """The agent let go of a prompt that it held."""

    uuid: str


class Cancelled(NamedTuple):
    """Prompts that wait shall have no turn: one, or all, with those of a steer that may yet come to nothing.

    `closing` tells whether none may wait from now on.
    """

    record: PromptRecord | None = None
    closing: bool = False


class Abandoned(NamedTuple):
    """The agent did not end a turn in time; without a turn: the agent or the session is gone for good."""

    ending: Ending
    turn: RunningTurn | None = None


class CutOff(NamedTuple):
    """The agent is gone for now: its turn ends, unless the agent was never told of it; what waits goes on to wait."""

    ending: Ending


class Closed(NamedTuple):
    """What `Abandoned` left open has been told."""

    ending: Ending
    turn: RunningTurn | None = None


Event = Submitted | Compacting | Started | Steered | Begun | Ended | Dropped | Cancelled | Abandoned | CutOff | Closed


class Send(NamedTuple):
    """Start the turn with a prompt, or add it to the turn once that has started; `Started` or `Steered` tells."""

    turn: RunningTurn
    record: PromptRecord
    steer: bool


class Interrupt(NamedTuple):
    """End a turn at the agent that has ended for us."""

    native_id: str


class Close(NamedTuple):
    """Have the driver tell the end of what is open, in one turn of the agent's or in all; then comes `closed`.

    The agent's own result comes of it first, like any other, so that we end only what that does not list.
    """

    native_id: str | None
    closed: Closed


class Forget(NamedTuple):
    """Tell the driver that a prompt has ended on our side."""

    uuid: str


class Finish(NamedTuple):
    """Give a prompt its end: the agent's result, one of ours, or the refusal of what was not accepted."""

    record: PromptRecord
    end: ResultMessage | Ending | AgentError


class Tell(NamedTuple):
    """Wake who waits for a milestone."""

    milestone: Milestone


class Changed(NamedTuple):
    """Say that a turn or the queue has ended."""


Effect = Send | Interrupt | Close | Forget | Finish | Tell | Changed
