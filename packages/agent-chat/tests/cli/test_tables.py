from __future__ import annotations

import pytest

from agent_chat.cli import tables


def test_a_row_is_cut_to_the_terminal(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def is_screen(stream: object) -> bool:
        return True

    monkeypatch.setattr(tables, "is_screen", is_screen)
    monkeypatch.setenv("COLUMNS", "10")
    tables.write_rows(("NAME", "WORDS"), [("a", "short"), ("b", "as long as can be")])
    assert capsys.readouterr().out.splitlines() == ["NAME  WOR…", "a     sho…", "b     as …"]


def test_rows_in_a_pipe_are_whole(capsys: pytest.CaptureFixture[str]) -> None:
    tables.write_rows(("NAME",), [("x" * 200,)])
    assert capsys.readouterr().out.splitlines() == ["NAME", "x" * 200]


def test_a_time_that_no_calendar_has_is_left_out() -> None:
    assert [tables.moment(seconds) for seconds in (None, 1e300, float("nan"))] == ["", "", ""]
    assert len(tables.moment(90_000.0)) == len("1970-01-02 01:00")
