"""Random schedules of faults and calls: the same seed gives the same one. Pure."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Final, Literal, get_args

from agent_sdk_testing import Fault
from agent_sdk_testing.fakes.faults import FaultKind

Call = Literal[
    "run", "send", "interrupt", "set_model", "history", "usage", "fork", "close", "kill", "models", "cancelled run"
]
"""What an application does next."""

Blow = Literal["SIGKILL", "SIGTERM", "SIGSTOP", "stall", "disconnect", "refused", "malformed", "slow", "folder gone"]
"""What befalls a real agent: a signal, or an answer of its model."""

_COSTLY: Final = ("long line",)
"""Faults that take so long that few schedules have them."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """What one run does, and what befalls it.

    Attributes:
        seed: What it was made of.
        faults: What goes wrong with a fake agent.
        blows: What befalls a real one, with each prompt in turn; None: nothing.
        ignores: Whether the agent ignores the end of its stdin and SIGTERM.
        calls: What the application does, in order.
    """

    seed: int
    faults: tuple[Fault, ...]
    blows: tuple[Blow | None, ...]
    ignores: bool
    calls: tuple[Call, ...]

    @classmethod
    def of(cls, seed: int) -> Schedule:
        """Make the schedule of a seed."""
        chance = random.Random(seed)
        kinds: list[FaultKind] = [
            kind for kind in get_args(FaultKind) if kind not in _COSTLY or not chance.randrange(20)
        ]
        faults = tuple(
            Fault(chance.choice(kinds), frame=chance.randrange(24), process=chance.choice((1, 1, 1, 2)))
            for _ in range(chance.randrange(1, 4))
        )
        blows = tuple(chance.choice((None, *get_args(Blow))) for _ in range(3))
        calls = tuple(chance.choice(get_args(Call)) for _ in range(chance.randrange(2, 6)))
        return cls(seed, faults, blows, not chance.randrange(6), calls)
