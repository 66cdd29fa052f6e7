from __future__ import annotations

import io
import re
from typing import Any

import anyio
import anyio.lowlevel
import pytest
from rich.console import Console

from agent_chat.terminal.screens import PipeSafeConsole
from agent_chat.terminal.side_by_side import Pane, SideBySide, take_rows
from agent_chat.transcript.blocks import Answered, Block, Card, Notice, Prompted, Said

HELLO, BYE, THOUGHT = Said("hello"), Said("bye"), Said("hm", thinking=True)
RUN, EDIT = Card("1", "", command="make"), Card("2", "Edit")


def pane(*blocks: Block, ended: bool = False) -> Pane:
    made = Pane("x", lambda: None)
    made.final += blocks
    made.ended = ended
    return made


def rows(*panes: Pane) -> list[tuple[Block | None, ...]]:
    return list(take_rows(panes))


def test_the_same_steps_stand_in_one_row() -> None:
    assert rows(pane(THOUGHT, HELLO, RUN), pane(THOUGHT, BYE, RUN)) == [(THOUGHT, THOUGHT), (HELLO, BYE), (RUN, RUN)]


def test_a_row_waits_for_who_has_not_ended() -> None:
    left, right = pane(HELLO, RUN), pane(BYE)
    assert rows(left, right) == [(HELLO, BYE)]
    assert left.final == [RUN]
    right.ended = True
    assert rows(left, right) == [(RUN, None)]


def test_what_one_alone_has_gets_a_row_of_its_own() -> None:
    notice = Notice("by the way")
    assert rows(pane(HELLO, RUN), pane(notice, BYE, RUN)) == [(None, notice), (HELLO, BYE), (RUN, RUN)]
    assert rows(pane(notice, HELLO), pane(BYE)) == [(notice, None), (HELLO, BYE)]


def test_steps_in_another_order_all_appear() -> None:
    left, right = pane(RUN, EDIT, ended=True), pane(EDIT, RUN, ended=True)
    assert sorted(repr(block) for row in rows(left, right) for block in row if block) == sorted(
        map(repr, [RUN, EDIT] * 2)
    )
    assert rows(pane(RUN, ended=True), pane(EDIT, ended=True)) == [(RUN, None), (None, EDIT)]


def test_three_panes_are_no_problem() -> None:
    assert rows(pane(HELLO, RUN), pane(RUN, ended=True), pane(BYE, RUN)) == [(HELLO, None, BYE), (RUN, RUN, RUN)]


@pytest.fixture
def screen() -> tuple[SideBySide, io.StringIO]:
    out = io.StringIO()
    console = PipeSafeConsole(
        file=out,
        width=80,
        height=20,
        force_terminal=True,
        color_system=None,
        markup=False,
        emoji=False,
        highlight=False,
    )
    return SideBySide(console, ["one", "two"], now=lambda: 0.0), out


def lines(out: io.StringIO) -> list[str]:
    text = re.sub(r"\x1b\[[0-?]*[ -/]*[@-~]", "", out.getvalue())
    return [line.rstrip() for line in text.replace("\r", "").splitlines()]


def test_final_rows_are_printed_beside_each_other(screen: tuple[SideBySide, io.StringIO]) -> None:
    both, out = screen
    left, right = both.panes
    left.put(Prompted("do it"))
    assert lines(out) == []
    right.put(Prompted("do it"))
    left.put(Answered("yes", allowed=True))
    right.put(Answered("no", allowed=False))
    half = " " * 31
    assert lines(out) == [f"▸ do it{half} │ ▸ do it", f"✓ yes{half}   │ ✗ no"]
    left.put(Said("alone"))
    both.close()
    assert lines(out)[2:] == [f"{' ' * 38} │", f"alone{' ' * 33} │"]


@pytest.mark.anyio
async def test_what_goes_on_is_shown_live_until_all_have_ended(
    screen: tuple[SideBySide, io.StringIO], wire: Any
) -> None:
    both, out = screen
    left, right = both.panes
    async with anyio.create_task_group() as tasks:
        with anyio.fail_after(30):
            tasks.start_soon(both.animate)
            await anyio.lowlevel.checkpoint()
            left.show(wire.delta("m", "growing\n\n"))
            left.show(wire.use("t", "Bash", {"command": "make"}))
            right.put(Notice("waits"))
            both.draw()
            assert "growing" in out.getvalue()
            assert "$ make" in out.getvalue()
            assert "waits" in out.getvalue()
            assert "working 0 s · Ctrl-C stops" in out.getvalue()
            left.reviewed("t")
            left.show(wire.text("m", "growing\n\nup"))
            left.end()
            right.end()
    both.close()
    final = lines(out)
    assert any(line.startswith("one ") and line.endswith("│ two") for line in final)
    assert sum("up" in line for line in final) >= 1
    assert left.live == ()


def test_a_terminal_that_is_gone_does_not_keep_it_from_closing() -> None:
    class Gone(io.StringIO):
        def write(self, text: str) -> int:
            raise OSError("gone")

    both = SideBySide(Console(file=Gone(), width=80, force_terminal=True), ["one", "two"])
    with pytest.raises(OSError, match="gone"):
        both.draw()
    both.panes[0].final.append(HELLO)
    both.close()


@pytest.mark.parametrize(("width", "fits"), [(80, True), (76, True), (75, False)])
def test_two_need_a_terminal_of_76_columns(width: int, fits: bool) -> None:
    assert SideBySide.fits(Console(width=width, file=io.StringIO()), 2) is fits
