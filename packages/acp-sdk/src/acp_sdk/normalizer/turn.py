"""`Turn`: a turn that runs."""

from __future__ import annotations

import time
from dataclasses import dataclass, field


@dataclass(slots=True)
class Turn:
    """A turn.

    Attributes:
        id: Our id of it: the protocol has none.
        uuids: The prompts that it answers.
        began: When, by the monotonic clock.
        interrupting: Whether it was asked to end.
    """

    id: str
    uuids: list[str]
    began: float = field(default_factory=time.monotonic)
    interrupting: bool = False

    @property
    def milliseconds(self) -> int:
        """How long it has run."""
        return round((time.monotonic() - self.began) * 1000)
