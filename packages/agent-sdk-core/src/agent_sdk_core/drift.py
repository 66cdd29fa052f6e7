"""How the protocol of an installed agent differs from the one that its backend was made for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

DriftVerdict = Literal["same", "compatible", "reduced", "incompatible"]
"""`same`: no difference. `compatible`: nothing that the backend uses is gone or changed. `reduced`: sessions work, and
what needs the problems does not. `incompatible`: no session works."""


@dataclass(frozen=True, slots=True)
class ProtocolDrift:
    """The differences, each as a line for a person that begins with its name on the wire.

    Attributes:
        version: Version of the agent that was looked at.
        shipped_version: Version that the backend was made for.
        verdict: What follows for the backend.
        problems: What the backend uses and is gone or changed.
        added: What is new in `version`.
        removed: What is gone from it.
        changed: What is there and different.
    """

    version: str
    shipped_version: str
    verdict: DriftVerdict = "same"
    problems: tuple[str, ...] = ()
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()

    @property
    def compatible(self) -> bool:
        """Whether everything that the backend uses is there and fits."""
        return self.verdict in ("same", "compatible")

    @property
    def runs(self) -> bool:
        """Whether sessions work, if perhaps not all that they can do."""
        return self.verdict != "incompatible"
