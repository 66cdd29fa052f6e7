"""A turn in a notebook: drawn while it streams, whole at its end, and never HTML."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from agent_chat import notebook
from agent_chat.notebook import TurnView, as_text, show
from agent_sdk_core import SessionOptions, UnsupportedError
from agent_sdk_testing import MemoryBackend, call, failed, reasoning, text

pytestmark = pytest.mark.anyio


class Cell:
    """The output of a cell, as IPython keeps it."""

    def __init__(self) -> None:
        self.drawn: list[str] = []

    def display(self, shown: Any, *, display_id: bool) -> Cell:
        assert display_id
        self.update(shown)
        return self

    def update(self, shown: Any) -> None:
        self.drawn.append(shown._repr_mimebundle_(include=None)["text/markdown"])


@pytest.fixture
def cell(monkeypatch: pytest.MonkeyPatch) -> Cell:
    monkeypatch.setattr(notebook, "PAUSE", 0.0)
    return Cell()


async def test_a_turn_is_drawn_while_it_streams(cell: Cell) -> None:
    agent = MemoryBackend().on("Bash", "some output")
    agent.reply(reasoning("Hm."), text("Let me ", "look."), call("Bash", command="ls `x`")).otherwise(text("Done."))
    options = SessionOptions(permission_mode="bypass")
    async with agent, await agent.create_session(options) as session:
        result = await show(session.query("Go"), display=cell.display)
    assert result.outcome == "completed"
    assert any("Let me" in drawn and "look." not in drawn for drawn in cell.drawn)
    last = cell.drawn[-1]
    assert "> *Hm.*" in last
    assert "Let me look." in last
    assert "`ls 'x'`" in last
    assert "```\nsome output\n```" in last
    assert "Done." in last


async def test_changes_and_failures_are_shown(cell: Cell) -> None:
    agent = MemoryBackend()
    agent.reply(call("Edit", file_path="/w/a.txt", old_string="x", new_string="```")).reply(
        failed("server_error", "<b>")
    )
    options = SessionOptions(permission_mode="bypass")
    async with agent, await agent.create_session(options) as session:
        result = await show(session.query("Go"), display=cell.display)
    assert result.outcome == "failed"
    assert "````diff" in cell.drawn[-1]
    assert "&lt;b> · Wait a moment" in cell.drawn[-1]


def test_a_view_that_has_nothing_yet_is_empty() -> None:
    view: Any = TurnView()
    assert view._repr_mimebundle_() == {"text/markdown": "", "text/plain": ""}


async def test_without_ipython_it_says_so_before_anything_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "IPython.display", None)
    async with MemoryBackend().otherwise(text("ok")) as agent, await agent.create_session() as session:
        turn = session.query("Go")
        with pytest.raises(UnsupportedError, match="notebook"):
            await show(turn)
        assert (await turn).outcome == "completed"


def test_nothing_of_it_is_html() -> None:
    said = "<img src=x onerror=alert(1)>\n\n`a < b`\n\n```html\n<b>\n```\n<script>"
    assert as_text(said) == "&lt;img src=x onerror=alert(1)>\n\n`a &lt; b`\n\n```html\n<b>\n```\n&lt;script>"
