"""`TurnView`: a turn as a notebook shows it, streaming: `await show(session.query("…"))` in a cell.

What an agent says is Markdown, and none of it is HTML: a notebook would run it.
"""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable, Iterable
from typing import Any, Final, Protocol

from agent_chat.transcript.blocks import Block, Card, Ending, Notice, Prompted, Said
from agent_chat.transcript.transcript import Transcript
from agent_sdk_core.errors import UnsupportedError
from agent_sdk_core.interfaces.turn import Turn
from agent_sdk_core.messages.parse import SDKMessage
from agent_sdk_core.messages.result import ResultMessage

PAUSE: Final = 0.1
"""Seconds between two drawings of what streams."""

OUTPUT: Final = 2_000
"""Characters of a tool's output that are shown."""

_SIGNS: Final = {"running": "…", "waiting": "✋", "completed": "✓", "failed": "✗", "background": "↻"}


class Handle(Protocol):
    """What `IPython.display.display(…, display_id=True)` returns."""

    def update(self, obj: object) -> None:
        """Draw it anew."""


class TurnView:
    """A turn as far as it has come.

    Attributes:
        result: How it ended; None as long as it runs.
    """

    def __init__(self) -> None:
        self.result: ResultMessage | None = None
        self._transcript = Transcript()
        self._blocks: list[Block] = []

    def feed(self, message: SDKMessage) -> None:
        """Take the next message of the turn."""
        self._blocks += self._transcript.feed(message)
        if isinstance(message, ResultMessage):
            self.result = message

    def markdown(self) -> str:
        """Return the turn as Markdown."""
        return "\n\n".join(_paragraphs((*self._blocks, *self._transcript.live)))

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        """Return the turn in the forms that a notebook shows."""
        del include, exclude
        text = self.markdown()
        return {"text/markdown": text, "text/plain": text}


async def show(turn: Turn, *, display: Callable[..., Any] | None = None) -> ResultMessage:
    """Run a turn in a notebook's cell, show it while it streams, and return its result.

    Args:
        turn: The turn.
        display: Draws; absent: IPython's `display`.

    Raises:
        UnsupportedError: There is no IPython, and no `display` was given.
        AgentError: As running the turn does.
    """
    view = TurnView()
    draw = _ipython() if display is None else display
    handle: Handle = draw(view, display_id=True)
    drawn = time.monotonic()
    async with turn:
        async for message in turn:
            view.feed(message)
            if time.monotonic() - drawn >= PAUSE:
                handle.update(view)
                drawn = time.monotonic()
        result = await turn.wait()
    handle.update(view)
    return result


def _ipython() -> Callable[..., Any]:
    try:
        module = importlib.import_module("IPython.display")
    except ImportError:
        raise UnsupportedError("There is no IPython here: use this in a notebook, or give `display`.") from None
    return module.display


def _paragraphs(blocks: Iterable[Block]) -> Iterable[str]:
    for block in blocks:
        match block:
            case Said(thinking=False):
                yield as_text(block.text)
            case Said():
                yield "\n".join(f"> *{line}*" if line.strip() else ">" for line in as_text(block.text).splitlines())
            case Prompted():
                yield f"**{as_text(block.text)}**"
            case Card():
                yield from _card(block)
            case Notice():
                yield f"*{as_text(block.text)}*"
            case Ending():
                yield as_text(" · ".join([block.outcome, *block.errors, *filter(None, [block.advice]), *block.facts]))
            case _:
                pass


def _card(card: Card) -> Iterable[str]:
    what = " ".join((card.command or card.subject).replace("`", "'").split())[:200]
    title = as_text(card.title or "Command")
    yield f"{_SIGNS.get(card.state, '·')} **{title}** " + (f"`{what}`" if what else "")
    for diff in card.diffs:
        yield _fenced("\n".join([diff.path, *(line for hunk in diff.hunks for line in hunk.lines)]), "diff")
    if card.output and (card.shows_output or card.state in ("running", "failed")):
        yield _fenced(card.output[-OUTPUT:], "")


def _fenced(text: str, language: str) -> str:
    fence = "```"
    while fence in text:
        fence += "`"
    return f"{fence}{language}\n{text}\n{fence}"


def as_text(markdown: str) -> str:
    """Return Markdown in which no HTML is left: outside of code every `<` stands for itself."""
    lines: list[str] = []
    fence = ""
    for line in markdown.splitlines():
        mark = line.lstrip()[:3]
        if fence:
            fence = "" if mark == fence else fence
            lines.append(line)
        elif mark in ("```", "~~~"):
            fence = mark
            lines.append(line)
        else:
            lines.append(line.replace("<", "&lt;"))
    return "\n".join(lines)
