"""What a comparison of two protocols says: each change, and whether what this package uses is hit by it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from agent_sdk_core.interfaces.diagnosis import DriftVerdict, ProtocolDrift

Effect = Literal["none", "less", "fatal"]
ChangeKind = Literal["added", "removed", "changed"]


@dataclass(frozen=True, slots=True, order=True)
class Change:
    """One difference between the shipped protocol and the found one.

    Attributes:
        subject: What differs: a method, `Shape.field`, `Shape.variant.field`, or `Shape "value"`.
        kind: Whether it is new in the found protocol, gone from it, or different.
        detail: What it is about, such as "request" or "string is now null | string".
        used: Whether this package sends it or reads it.
        effect: What follows for this package: nothing, some of it does not work, or none of it does.
    """

    subject: str
    kind: ChangeKind
    detail: str
    used: bool = False
    effect: Effect = "none"

    def __str__(self) -> str:
        return f"{self.subject}: {self.kind} ({self.detail})"


@dataclass(frozen=True, slots=True)
class Drift:
    """How a found protocol differs from the shipped one.

    Attributes:
        shipped: Version that this package was made for.
        found: Version that it was compared with.
        changes: The differences, sorted.
    """

    shipped: str
    found: str
    changes: tuple[Change, ...] = ()

    def of(self, kind: ChangeKind) -> Iterator[Change]:
        """Yield the changes of one kind."""
        return (change for change in self.changes if change.kind == kind)

    @property
    def problems(self) -> tuple[Change, ...]:
        """What this package uses and is gone, or no longer fits."""
        return tuple(change for change in self.changes if change.effect != "none")

    @property
    def verdict(self) -> DriftVerdict:
        """What follows for this package."""
        effects = {change.effect for change in self.changes}
        if "fatal" in effects:
            return "incompatible"
        if "less" in effects:
            return "reduced"
        return "compatible" if self.changes else "same"

    def summary(self) -> ProtocolDrift:
        """Return it in the words of the core."""

        def lines(kind: ChangeKind) -> tuple[str, ...]:
            return tuple(f"{change.subject} ({change.detail})" for change in self.of(kind))

        return ProtocolDrift(
            version=self.found,
            shipped_version=self.shipped,
            verdict=self.verdict,
            problems=tuple(map(str, self.problems)),
            added=lines("added"),
            removed=lines("removed"),
            changed=lines("changed"),
        )
