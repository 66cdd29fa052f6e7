from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_chat.transcript.sanitize import clean, clean_line, visible


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("plain", "plain"),
        ("two\nlines", "two\nlines"),
        ("a\x1b[31mred\x1b[0m", "ared"),
        ("\x1b[2J\x1b[Hgone", "gone"),
        ("\x1b]0;title\x07after", "after"),
        ("\x1b]8;;http://evil\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x1b]never ends\nnext", "\nnext"),
        ("\x1bPdevice\x1b\\x", "x"),
        ("\x9b31mred", "red"),
        ("\x9dtitle\x9cx", "x"),
        ("\x1bcreset", "reset"),
        ("\x1b(B", ""),
        ("bell\x07 back\x08 nul\x00", "bell back nul"),
        ("dos\r\nline", "dos\nline"),
        ("10%\r50%\r100%\ndone", "100%\ndone"),
        ("100%\r", "100%"),
        ("a\tb", "a   b"),
        ("x\u202egnp.exe", "xgnp.exe"),
        ("half \ud800", "half \ufffd"),
        ("größe 漢字 👩‍💻", "größe 漢字 👩‍💻"),
    ],
)
def test_control_sequences_are_removed_and_text_stays(text: str, cleaned: str) -> None:
    assert clean(text) == cleaned


@given(st.text(st.characters(codec=None) | st.sampled_from("\x1b[]\x07\x9b\r\n;m")))
def test_cleaned_text_never_holds_a_control_character(text: str) -> None:
    assert not any(
        (ord(character) < 32 and character != "\n") or 127 <= ord(character) < 160 for character in clean(text)
    )


def test_a_line_has_no_line_breaks() -> None:
    assert clean_line(" a\n\tb\x1b[1m c ") == "a b c"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("ls -l", "ls -l"),
        ("a\nb", "a\nb"),
        ("ls\x1b[2K\rrm -rf .", r"ls\x1b[2K\rrm -rf ."),
        ("x\u202ey\u200bz", r"x\u202ey\u200bz"),
        ("\ud800", r"\ud800"),
        ("größe", "größe"),
    ],
)
def test_what_a_terminal_would_hide_is_spelled_out_for_approval(text: str, shown: str) -> None:
    assert visible(text) == shown
