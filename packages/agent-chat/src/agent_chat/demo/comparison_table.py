"""What agents sent at the same task, as a table."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from agent_chat.demo.comparison import Comparison, Row

_SAME: Final = "The conversation is the same on both: message by message, block by block, in the same order."
_ALIKE: Final = "The conversation is the same on all of them: message by message, block by block, in the same order."
_DIFFERENT: Final = "The conversations differ:"
_ALONE: Final = "What it sent"
_BESIDE: Final = "Beside it each agent tells what else it has to tell:"
_NONE: Final = "-"
_ROOMY: Final = 90
"""Columns from which on reasons stand beside the numbers."""


def print_comparison(console: Console, comparison: Comparison) -> None:
    """Print a comparison on a terminal."""
    if len(comparison.agents) > 1:
        mark, style = ("✓", "green") if comparison.same else ("✗", "red")
        console.print(_paragraph(mark, style, _title(comparison)))
    else:
        console.print(Text(_title(comparison), style="bold"))
    console.print()
    if not comparison.same:
        for line in _sequences(comparison):
            console.print(Text(line))
        console.print()
    console.print(_table(comparison, comparison.conversation, console.width, header=True))
    console.print()
    console.print(Text(_BESIDE if len(comparison.agents) > 1 else "Beside it:", style="bold"))
    console.print()
    if console.width >= _ROOMY or len(comparison.agents) == 1:
        console.print(_table(comparison, comparison.beside, console.width))
        return
    for row in comparison.beside:
        console.print(_table(comparison, (replace(row, reason=""),), console.width))
        console.print(Padding(Text(row.reason, style="dim"), (0, 0, 0, 2)))


def plain_comparison(comparison: Comparison) -> Iterator[str]:
    """Return the lines of a comparison as plain text."""
    names = [agent.backend for agent in comparison.agents]
    rows = (*comparison.conversation, *comparison.beside)
    width = max((len(row.kind) for row in rows), default=0)
    yield _title(comparison)
    if not comparison.same:
        yield from _sequences(comparison)
    yield ""
    yield f"{'':<{width}}{''.join(f'  {name:>6}' for name in names)}"
    yield from (_plain_row(row, width, names) for row in comparison.conversation)
    yield ""
    yield _BESIDE if len(names) > 1 else "Beside it:"
    yield ""
    yield from (_plain_row(row, width, names) for row in comparison.beside)


def _title(comparison: Comparison) -> str:
    if len(comparison.agents) == 1:
        return f"{_ALONE}: {comparison.agents[0].backend}"
    if not comparison.same:
        return _DIFFERENT
    return _SAME if len(comparison.agents) == 2 else _ALIKE


def _sequences(comparison: Comparison) -> Iterator[str]:
    for agent in comparison.agents:
        yield f"{agent.backend}: {' → '.join(agent.conversation)}"


def _reason(row: Row, agents: int) -> str:
    return row.reason if agents > 1 else ""


def _plain_row(row: Row, width: int, names: list[str]) -> str:
    counts = "".join(f"  {count or _NONE:>{max(6, len(name))}}" for count, name in zip(row.counts, names, strict=True))
    return f"{row.kind:<{width}}{counts}  {_reason(row, len(names))}".rstrip()


def _table(comparison: Comparison, rows: tuple[Row, ...], width: int, *, header: bool = False) -> Table:
    names = [agent.backend for agent in comparison.agents]
    first = max((len(row.kind) for row in (*comparison.conversation, *comparison.beside)), default=0)
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True, min_width=min(first, width // 2))
    for name in names:
        table.add_column(justify="right", no_wrap=True, min_width=max(6, len(name)))
    table.add_column(ratio=1)
    if header:
        table.add_row("", *(Text(name, style="bold") for name in names), "")
    for row in rows:
        counts = (Text(str(count) if count else _NONE, style="" if count else "dim") for count in row.counts)
        table.add_row(row.kind, *counts, Text(_reason(row, len(names)), style="dim"))
    return table


def _paragraph(mark: str, style: str, text: str) -> Table:
    table = Table.grid(padding=(0, 1, 0, 0))
    table.add_column(width=1)
    table.add_column()
    table.add_row(Text(mark, style=style), Text(text, style="bold"))
    return table
