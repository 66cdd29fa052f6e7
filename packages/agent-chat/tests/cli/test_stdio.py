from __future__ import annotations

import io
import os
import sys

import pytest

from agent_chat.cli.stdio import open_asker, open_view, question_console, write_progress
from agent_chat.terminal.ask.askers import Refuser, TerminalAsker
from agent_chat.terminal.screens import JsonView, PlainView, TerminalView
from agent_chat.transcript.blocks import Notice


class Tty(io.TextIOWrapper):
    def __init__(self) -> None:
        super().__init__(io.BytesIO(), encoding="utf-8")

    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def ordinary_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")


def test_a_terminal_gets_a_live_view(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", Tty())
    assert isinstance(open_view(as_json=False), TerminalView)
    assert isinstance(open_view(as_json=True), JsonView)


@pytest.mark.parametrize("term", ["dumb", ""])
def test_a_terminal_that_cannot_move_its_cursor_gets_plain_text(monkeypatch: pytest.MonkeyPatch, term: str) -> None:
    monkeypatch.setenv("TERM", term)
    monkeypatch.setattr(sys, "stdout", Tty())
    assert isinstance(open_view(as_json=False), PlainView)


def test_closed_streams_are_no_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    monkeypatch.setattr(sys, "stderr", None)
    view = open_view(as_json=False)
    assert isinstance(view, PlainView)
    view.put(Notice("nobody reads this"))
    write_progress("nobody reads this")


def test_text_that_a_stream_cannot_encode_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    out = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stderr", out)
    write_progress("größer …")
    assert out.buffer.getvalue() == b"gr??er ?\n"  # type: ignore[attr-defined]  # a wrapper over a BytesIO


def test_questions_are_asked_where_a_person_sees_them(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Tty()

    def is_terminal(fd: int) -> bool:
        return True

    monkeypatch.setattr(os, "isatty", is_terminal)
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    monkeypatch.setattr(sys, "stderr", screen)
    console = question_console()
    assert console is not None
    assert console.file is screen
    assert isinstance(open_asker(open_view(as_json=False)), TerminalAsker)
    monkeypatch.setattr(sys, "stdout", Tty())
    with_json = question_console(as_json=True)
    assert with_json is not None
    assert with_json.file is screen
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    assert question_console() is None
    assert isinstance(open_asker(open_view(as_json=False)), Refuser)
