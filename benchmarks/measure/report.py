"""The report: rows of numbers by section, as text for people and as JSON for programs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from statistics import median
from typing import Final

NOT_INSTALLED: Final = "not installed"


@dataclass(frozen=True, slots=True)
class Row:
    """One thing that was measured.

    Attributes:
        name: What it is.
        values: Numbers by column; None: nothing to say there.
        status: Why there are none; empty when it was measured.
    """

    name: str
    values: dict[str, float | None] = field(default_factory=dict[str, "float | None"])
    status: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    """Rows that can be compared with one another.

    Attributes:
        key: Its name in JSON.
        title: What was measured, with units.
        rows: The rows.
        notes: What to know when reading it.
    """

    key: str
    title: str
    rows: list[Row]
    notes: tuple[str, ...] = ()

    def text(self) -> str:
        """Return a table in plain text."""
        columns = list(dict.fromkeys(column for row in self.rows for column in row.values))
        width = max(len(row.name) for row in self.rows)
        cells = [[_cell(row.values.get(column)) for column in columns] for row in self.rows]
        widths = [max(len(column), *(len(line[at]) for line in cells)) for at, column in enumerate(columns)]
        lines = [self.title, "", "  ".join(["".ljust(width), *map(str.rjust, columns, widths)]).rstrip()]
        for row, line in zip(self.rows, cells, strict=True):
            numbers = [row.status] if row.status else list(map(str.rjust, line, widths))
            lines.append("  ".join([row.name.ljust(width), *numbers]))
        return "\n".join([*lines, *(["", *self.notes] if self.notes else [])])


def as_text(machine: dict[str, str], sections: Sequence[Section]) -> str:
    """Return the whole report for people."""
    head = "\n".join(f"{name}: {value}" for name, value in machine.items())
    return "\n\n\n".join([head, *(section.text() for section in sections)])


def as_json(machine: dict[str, str], sections: Sequence[Section]) -> dict[str, object]:
    """Return the whole report for programs."""
    rows = {section.key: [asdict(row) for row in section.rows] for section in sections}
    return {"machine": machine, "sections": rows}


def middle(numbers: Sequence[float]) -> float:
    """Return the median."""
    return median(numbers)


def ratio(number: float, to: float | None) -> float | None:
    """Return how many times `to` the number is; None without something to compare with."""
    return number / to if to else None


def _cell(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.0f}" if abs(value) >= 100 else f"{value:.2f}"
