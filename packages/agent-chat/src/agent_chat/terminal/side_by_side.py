"""Several conversations beside each other on a terminal: what is the same stands on the same height.

What is final on all sides scrolls by, row by row; below it a live area shows what only some have reached, and what is
going on.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Final

import anyio
from rich.box import MINIMAL
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from agent_chat.terminal.layout import render
from agent_chat.terminal.screens import FRAME_SECONDS, live_area, spinner
from agent_chat.transcript.blocks import Answered, Block, Card, Notice, Said
from agent_chat.transcript.transcript import Transcript

if TYPE_CHECKING:
    from agent_sdk_core.messages.parse import SDKMessage

_BETWEEN: Final = 3
"""Columns that a line between two sides takes."""


class Pane:
    """One side.

    Args:
        title: Whose it is.
        changed: Called when something became final.
    """

    def __init__(self, title: str, changed: Callable[[], None]) -> None:
        self.title = title
        self.final: list[Block] = []
        self.ended = False
        self._transcript = Transcript("message")
        self._changed = changed

    @property
    def live(self) -> tuple[Block, ...]:
        """What still changes."""
        return () if self.ended else self._transcript.live

    def show(self, message: SDKMessage) -> None:
        """Show a message."""
        for block in self._transcript.feed(message):
            self.put(block)

    def put(self, block: Block) -> None:
        """Show a block."""
        self.final.append(block)
        self._changed()

    def reviewed(self, tool_use_id: str) -> None:
        """Keep the card of this tool use brief."""
        self._transcript.reviewed(tool_use_id)

    def end(self) -> None:
        """Say that nothing more comes."""
        self.ended = True
        self._changed()


class SideBySide:
    """The sides, and the terminal that they share.

    Args:
        console: The terminal.
        titles: Who they are, from left to right.
        now: Clock in seconds.
    """

    def __init__(self, console: Console, titles: Sequence[str], now: Callable[[], float] = time.monotonic) -> None:
        self.panes = [Pane(title, self._settle) for title in titles]
        self._console = console
        self._now = now
        self._began = now()
        self._live: Live | None = None
        self._width = (console.width - _BETWEEN * (len(titles) - 1)) // len(titles)
        self._rows = 0

    @staticmethod
    def fits(console: Console, sides: int) -> bool:
        """Whether a terminal is wide enough."""
        return console.width >= sides * 38

    async def animate(self) -> None:
        """Draw the live area ten times a second, until all sides have ended."""
        self._console.print()
        self._print([Text(pane.title, style="bold") for pane in self.panes])
        while not all(pane.ended for pane in self.panes):
            self.draw()
            await anyio.sleep(FRAME_SECONDS)

    def draw(self) -> None:
        """Draw the live area as it is now."""
        if self._live is None:
            self._live = live_area(self._console, self._live_parts)
        self._live.refresh()

    def close(self) -> None:
        """Take the live area away, and leave what became final on any side. Never raises."""
        for pane in self.panes:
            pane.ended = True
        with contextlib.suppress(OSError, ValueError):
            live, self._live = self._live, None
            if live is not None:
                live.stop()
            self._settle()

    def _settle(self) -> None:
        """Print the rows that all sides have reached."""
        for row in take_rows(self.panes):
            if self._rows and not any(isinstance(block, Answered) for block in row):
                self._print([""] * len(row))
            self._rows += 1
            self._print(["" if block is None else Group(render(block)) for block in row])

    def _print(self, cells: Sequence[RenderableType]) -> None:
        self._console.print(self._table(cells))

    def _table(self, cells: Sequence[RenderableType]) -> Table:
        table = Table(
            box=MINIMAL, show_header=False, show_edge=False, pad_edge=False, padding=(0, 1), border_style="dim"
        )
        for _ in cells:
            table.add_column(width=self._width)
        table.add_row(*cells)
        return table

    def _live_parts(self) -> list[RenderableType]:
        seconds = int(self._now() - self._began)
        status = Text.assemble((spinner(self._now()), "cyan"), (f" working {seconds} s · Ctrl-C stops", "dim"))
        cells = [_stack([*pane.final, *(it for it in pane.live if isinstance(it, Said | Card))]) for pane in self.panes]
        return [self._table([""] * len(cells)), self._table(cells), Text(), status]


def take_rows(panes: Sequence[Pane]) -> Iterator[tuple[Block | None, ...]]:
    """Take the blocks that can be shown in rows, those of one kind in one row, from what is final in the panes.

    A row waits for every pane that has not ended and has no block for it yet.
    """
    while any(pane.final for pane in panes):
        if any(not pane.final and not pane.ended for pane in panes):
            return
        heads = [_key(pane.final[0]) if pane.final else None for pane in panes]
        found = [head for head in heads if head is not None]
        # What one pane alone has comes first, lest the panes never meet again.
        wanted = next((head for head in found if not any(_later(pane, head) for pane in panes)), found[0])
        yield tuple(pane.final.pop(0) if head == wanted else None for pane, head in zip(panes, heads, strict=True))


def _later(pane: Pane, key: tuple[object, ...]) -> bool:
    """Whether a pane has such a block, but something else before it."""
    return bool(pane.final) and _key(pane.final[0]) != key and any(_key(block) == key for block in pane.final[1:])


def _key(block: Block) -> tuple[object, ...]:
    """Return what makes two blocks of two agents the same step."""
    match block:
        case Said():
            return ("said", block.thinking)
        case Card():
            return ("card", block.title)
        case Notice():
            return ("notice", block.text)
        case _:
            return (type(block).__name__,)


def _stack(blocks: Sequence[Block]) -> RenderableType:
    parts: list[RenderableType] = []
    for block in blocks:
        if parts and not isinstance(block, Answered):
            parts.append(Text())
        parts.append(Group(render(block)))
    return Group(*parts)
