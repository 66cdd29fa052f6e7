"""Supervision of a connection that is made again when it is lost: how long each try waits, and when there is none."""

from __future__ import annotations

import random
from dataclasses import field
from typing import Final, Literal, TypeAlias

from agent_sdk_core.records import dataclass

ON_DEMAND: Final = "on_demand"
"""A lost connection is made again when somebody asks for it, and not before."""


@dataclass(slots=True)
class Restarts:
    """How a lost connection is made again by itself. It neither sleeps nor asks for the time.

    The pauses double, each of them anything between nothing and all of it, lest many start in the same moment.

    Attributes:
        first: Seconds that the first pause may take.
        longest: Seconds that no pause exceeds.
        limit: How often in a row it is tried.
        stable: Seconds that a connection has to live for the count to begin again.
        tried: How often it was tried since one lived for so long.
    """

    first: float = 0.5
    longest: float = 30.0
    limit: int = 5
    stable: float = 10.0
    tried: int = 0
    _since: float | None = field(default=None, repr=False)

    def connected(self, now: float) -> None:
        """Note that there is a connection."""
        self._since = now

    def pause(self, now: float) -> float | None:
        """Return the seconds to wait before the next try; None: there is none, it failed too often."""
        if self._since is not None and now - self._since >= self.stable:
            self.tried = 0
        self._since = None
        if self.tried >= self.limit:
            return None
        self.tried += 1
        return random.uniform(0, min(self.longest, self.first * 2 ** (self.tried - 1)))  # noqa: S311  # no secret


Revival: TypeAlias = Restarts | Literal["on_demand"] | None
"""How a lost connection comes back: by itself, when it is asked for, or not at all."""
