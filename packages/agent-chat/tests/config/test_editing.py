"""Editing: what is wanted changes, and nothing else; comments stay."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent_chat.config.editing import UneditableError, edited

COMMENTED = """\
# whose it is
backend = "claude"  # why

[backends."Codex CLI"]  # the other
model = "x"

[sandbox]
mode = "read-only"  # for now

[backends.claude]
model = "y"
"""


def test_a_value_changes_in_its_place_and_comments_stay() -> None:
    text = edited(COMMENTED, {("backend",): "codex", ("backends", "codex", "model"): "z"})
    assert text == COMMENTED.replace('"claude"  # why', '"codex"  # why').replace('"x"', '"z"')


def test_a_new_setting_of_no_table_stands_before_the_tables() -> None:
    text = edited(COMMENTED, {("model",): "m"})
    assert tomllib.loads(text) == {**tomllib.loads(COMMENTED), "model": "m"}
    assert text.index('model = "m"') < text.index("[backends")


def test_tables_are_made_where_there_are_none() -> None:
    wanted = {("backends", "claude", "env", "A"): "b", ("retention", "max_chats"): 4, ("policy", "limits", "turns"): 1}
    text = edited("", wanted)
    assert tomllib.loads(text) == {
        "backends": {"claude": {"env": {"A": "b"}}},
        "retention": {"max_chats": 4},
        "policy": {"limits": {"turns": 1}},
    }
    assert "[backends]" not in text


def test_a_sandbox_that_is_a_mode_becomes_a_table_and_one_that_is_none_can_be_taken_out() -> None:
    text = edited('sandbox = "read-only"  # c\n', {("sandbox", "network"): False})
    assert tomllib.loads(text) == {"sandbox": {"mode": "read-only", "network": False}}
    assert edited('sandbox = "read-only"\n', {("sandbox", "mode"): None}) == ""


def test_what_is_not_there_is_taken_out_without_a_word() -> None:
    for path in (("model",), ("backends", "none", "model"), ("backends", "claude", "env", "X"), ("store", "url")):
        assert edited(COMMENTED, {path: None}) == COMMENTED
    assert edited('store = "x"', {("store", "url"): None}) == 'store = "x"'


def test_a_setting_is_taken_out_by_any_name_of_its_backend() -> None:
    text = edited(COMMENTED, {("backends", "codex", "model"): None})
    assert 'model = "x"' not in text
    assert "# the other" in text


@pytest.mark.parametrize("text", ["broken [", "a = 1\na = 2", "backends = 5"])
def test_what_cannot_be_edited_is_told(text: str) -> None:
    with pytest.raises(UneditableError):
        edited(text, {("backends", "codex", "model"): "x"})


def test_lines_of_windows_are_read() -> None:
    text = edited('model = "m"\r\n[sandbox]\r\nmode = "read-only"\r\n', {("backend",): "codex"})
    assert tomllib.loads(text) == {"model": "m", "backend": "codex", "sandbox": {"mode": "read-only"}}


KEYS = [
    ("backend",),
    ("model",),
    ("sandbox", "mode"),
    ("retention", "max_chats"),
    ("backends", "codex", "model"),
    ("backends", "codex", "env", "A"),
    ("backends", "claude", "model"),
    ("policy", "deny"),
    ("policy", "limits", "turns"),
]
VALUES = st.one_of(st.none(), st.text(max_size=8), st.integers(0, 9), st.booleans(), st.lists(st.text(max_size=3)))


@settings(max_examples=25)
@given(st.lists(st.tuples(st.sampled_from(KEYS), VALUES), max_size=12))
def test_any_order_of_changes_leaves_what_was_last_said(changes: list[tuple[tuple[str, ...], Any]]) -> None:
    text = COMMENTED
    said: dict[tuple[str, ...], Any] = {}
    for path, value in changes:
        text = edited(text, {path: value})
        said[path] = value
    found = tomllib.loads(text)
    for path, value in said.items():
        at: Any = found
        for name in path:
            at = {} if at is None else at
            at = at.get("Codex CLI" if name == "codex" and "Codex CLI" in at else name)
        assert at == value
    for comment in ("# whose it is", "# the other"):
        assert comment in text
