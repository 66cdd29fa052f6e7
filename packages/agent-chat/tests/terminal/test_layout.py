from __future__ import annotations

from typing import Any

import pytest
from rich.console import Console, Group

from agent_chat.terminal.layout import render
from agent_chat.terminal.plain import plain
from agent_chat.transcript.blocks import Answered, Asked, Block, Card, Choice, Ending, Header, Notice, Prompted, Said
from agent_chat.transcript.diffs import FileDiff, Hunk
from agent_chat.transcript.paths import short_path

ONE = FileDiff("one", (Hunk(8, 8, (" keep", "-a", "\\ No newline", "+b")), Hunk(40, 40, ("+c",))))
TWO = FileDiff("two", (Hunk(1, 1, ("-x",)),))
LONG = FileDiff("long", (Hunk(0, 1, tuple(f"+{number}" for number in range(70))),))


def shown(block: Block, width: int = 50) -> list[str]:
    console = Console(width=width, record=True, file=None, quiet=False, force_terminal=False)
    with console.capture() as capture:
        console.print(Group(render(block)))
    return [line.rstrip() for line in capture.get().splitlines()]


@pytest.mark.parametrize(
    ("block", "lines", "text"),
    [
        (Header("", "", "m", "/w", ""), ["m · /w"], ""),
        (
            Prompted("\n".join("123456789")),
            ["▸ 1", "  2", "  3", "  4", "  5", "  6", "  … 3 more lines"],
            "",
        ),
        (Said("hi\n\n", nested=True), ["    hi"], "hi"),
        (Said("hm", thinking=True, aborted=True), ["  hm", "  (cut off here)"], "thinking:\n  hm\n(cut off here)"),
        (Said("", aborted=True), ["(cut off here)"], "(cut off here)"),
        (Notice("oh", "error"), ["! oh"], "error: oh"),
        (
            Card("t", "Edit", "f", diffs=(ONE,), state="completed"),
            ["● Edit  f  +2 -1", "   8   keep", "   9 - a", "     \\  No newline", "   9 + b", "   ⋮", "  40 + c"],
            "Edit  f\n  @@ -8,2 +8,2 @@\n   keep\n  -a\n  \\ No newline\n  +b\n  @@ -40,0 +40,1 @@\n  +c",
        ),
        (Card("t", "Edit", "f", diffs=(ONE,), state="completed", brief=True), ["● Edit  f  +2 -1"], "Edit  f"),
        (
            Card("t", "Patch", diffs=(TWO, TWO), state="declined", output="no"),
            ["● Patch", "  two  -1", "  1 - x", "  two  -1", "  1 - x", "  └ declined"],
            "Patch\n  two\n  @@ -1,1 +1,0 @@\n  -x\n  two\n  @@ -1,1 +1,0 @@\n  -x\n  [declined]",
        ),
        (
            Card("t", "", command="x", state="stopped", output="half"),
            ["● $ x", "  │ half", "  └ stopped"],
            "$ x\n  half\n  [stopped]",
        ),
        (
            Card("t", "Read", "f", state="failed", output="no such file", shows_output=False, duration_ms=70),
            ["● Read  f", "  │ no such file", "  └ failed in 0.1 s"],
            "Read  f\n  no such file\n  [failed in 0.1 s]",
        ),
        (Card("t", "Read", "f", state="completed", output="secret", shows_output=False), ["● Read  f"], "Read  f"),
        (
            Card("t", "", command="x", state="background"),
            ["● $ x", "  └ running in the background"],
            "$ x\n  [background]",
        ),
        (Card("t", "Task", nested=True), ["    ● Task"], "Task\n  [running]"),
        (Ending("interrupted"), ["■ Interrupted"], "[interrupted]"),
        (
            Ending("limit", ("too many turns",), ("1 s",)),
            ["✗ Limit reached  1 s", "  too many turns"],
            "error: too many turns\n[limit · 1 s]",
        ),
        (
            Ending("failed", ("no",), (), "Try again.", ("again",)),
            ["✗ Failed", "  no", "  Try again."],
            "error: no\nTry again.\n[failed]",
        ),
        (Answered("no", allowed=False), ["✗ no"], "  [no]"),
        (
            Asked("Sure?", subject="a: b", diffs=(TWO,), choices=(Choice(("1", "y"), "Yes", "in memory"),)),
            ["? Sure?", "  a: b", "  two  -1", "  1 - x", "", "  1 y  Yes (in memory)"],
            "? Sure?\n  a: b\n  two\n  @@ -1,1 +1,0 @@\n  -x\n  1/y: Yes (in memory)",
        ),
    ],
)
def test_each_block_has_its_look_on_a_terminal_and_in_plain_text(block: Block, lines: list[str], text: str) -> None:
    assert shown(block) == lines
    assert plain(block) == text


def test_a_long_change_is_cut_in_a_card_but_whole_in_a_question() -> None:
    assert shown(Card("t", "Write", "long", diffs=(LONG,), state="completed"))[-1] == "  … 10 more lines"
    assert shown(Asked("Sure?", diffs=(LONG,)))[-1] == "  70 + 69"


def test_long_output_lines_are_cut_at_the_edge() -> None:
    lines = shown(Card("t", "", command="x", state="completed", output="y" * 99), width=20)
    assert lines == ["● $ x", "  │ " + "y" * 15 + "…"]


def test_markdown_is_left_aligned_and_nothing_is_left_out() -> None:
    text = "# Title\n<b>bold?</b>\n\n- a\n  - b\n\n> quote\n\n    code\n\n|x|y|\n|-|-|\n|1|2|\n"
    assert shown(Said(text)) == [
        "Title",
        "",
        "<b>bold?</b>",
        "",
        " • a",
        "    • b",
        "",
        "▌ quote",
        "",
        "  code",
        "",
        "",
        " x  y",
        " ────",
        " 1  2",
    ]


@pytest.mark.parametrize(
    ("path", "cwd", "short"),
    [
        ("/w/a/b", "/w", "a/b"),
        ("/w", "/w", "/w"),
        ("/www/a", "/w", "/www/a"),
        ("/home/me/x", "/w", "~/x"),
        ("/home/me", "", "~"),
        ("/home/meme", "", "/home/meme"),
        ("rel", "/w", "rel"),
    ],
)
def test_paths_are_short(monkeypatch: Any, path: str, cwd: str, short: str) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    assert short_path(path, cwd) == short
