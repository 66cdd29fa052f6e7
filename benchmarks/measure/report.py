"""The report: rows of numbers by section, as text for people and as JSON for programs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from statistics import median
from typing import Final

NOT_INSTALLED: Final = "not installed"

_INTRODUCTION: Final = """\
# Benchmarks

What `codex_sdk` and `claude_sdk` cost beside the least a program can do, a pipe and a JSON parser, and beside the
official packages: the real agents, a scripted model on the loopback interface, one run in which all readers took turns.
`uv run nox -s bench -- --report` wrote this page and its picture. Compare within it only: the minimum is what something
costs, the median what it cost on this machine while it did other things. `benchmarks/README.md` of the repository says
how each figure is made, and what the gate of instructions holds.

![What each reader costs]({picture})"""


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


def as_markdown(machine: dict[str, str], sections: Sequence[Section], picture: str) -> str:
    """Return the whole report as a page of the documentation.

    Args:
        machine: What the numbers depend on.
        sections: What was measured.
        picture: File name of the picture, beside the page.
    """
    about = "\n".join(["| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in machine.items())])
    return "\n\n".join([_INTRODUCTION.format(picture=picture), about, *map(_chapter, sections)]) + "\n"


def with_chapters(page: str, sections: Sequence[Section], load: str) -> str:
    """Return a page with chapters of a later run in place of those of the same title, or at its end.

    Args:
        page: The page as it is.
        sections: What was measured.
        load: What else ran, which the chapters tell.
    """
    first, *chapters = page.rstrip("\n").split("\n\n## ")
    kept = {chapter.partition("\n")[0]: chapter for chapter in chapters}
    for section in sections:
        made = _chapter(replace(section, notes=(*section.notes, f"Measured apart from the rest, at a load of {load}.")))
        kept[made.removeprefix("## ").partition("\n")[0]] = made.removeprefix("## ")
    return "\n\n## ".join([first, *kept.values()]) + "\n"


def _chapter(section: Section) -> str:
    columns = list(dict.fromkeys(column for row in section.rows for column in row.values))
    lines = [f"| | {' | '.join(columns)} |", f"|---|{'---:|' * len(columns)}"]
    for row in section.rows:
        cells = [row.status] + [""] * (len(columns) - 1) if row.status else [_cell(row.values.get(c)) for c in columns]
        lines.append(f"| {row.name} | {' | '.join(cells)} |")
    return "\n\n".join([f"## {section.title[0].upper()}{section.title[1:]}", "\n".join(lines), *section.notes])


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
