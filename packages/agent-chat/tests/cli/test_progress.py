from __future__ import annotations

import pytest

from agent_chat.cli import progress


@pytest.fixture
def clock() -> list[float]:
    return [0.0]


def said(capsys: pytest.CaptureFixture[str], clock: list[float]) -> str:
    with progress.Progress("Writing messages", lambda: clock[0]) as told:
        for seconds, done in ((0.1, 1), (6.0, 1200), (6.1, 1300), (12.0, 2400)):
            clock[0] = seconds
            told(done)
    return capsys.readouterr().err


def test_a_file_gets_a_line_now_and_then(capsys: pytest.CaptureFixture[str], clock: list[float]) -> None:
    assert said(capsys, clock) == "Writing messages: 1,200\nWriting messages: 2,400\n"


def test_a_terminal_gets_one_line_which_goes(
    capsys: pytest.CaptureFixture[str], clock: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    def is_screen(stream: object) -> bool:
        return True

    monkeypatch.setattr(progress, "is_screen", is_screen)
    clear = "\r\x1b[K"
    assert said(capsys, clock) == f"{clear}Writing messages: 1,200{clear}Writing messages: 2,400{clear}"


def test_quick_work_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with progress.Progress("Reading") as told:
        told(1)
    assert capsys.readouterr().err == ""
