from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent_sdk_core.errors import AgentError, SessionNotFoundError
from claude_sdk.store.transcript import lines
from claude_sdk.store.transcript.lines import opened, read_at, read_lines, read_tail


def objects(path: Path) -> list[Any]:
    with opened(path) as file:
        return [value for _, _, value in read_lines(file, path)]


def test_objects_come_with_the_place_at_which_they_can_be_read_again(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b'{"a":1}\n\nno json\n{"type":"api-request","x":1}\n{"b":"\xc3\xa9"}\r\n{"c":3}')
    with opened(path) as file:
        read = list(read_lines(file, path))
        assert [value for _, _, value in read] == [{"a": 1}, {"b": "é"}, {"c": 3}]
        assert [read_at(file, offset, size) for offset, size, _ in read] == [{"a": 1}, {"b": "é"}, {"c": 3}]
        assert read_at(file, 1, 3) is None


def test_damaged_lines_are_told_once_a_file(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "a"
    path.write_bytes(b'{"a":\n[1]\n{"b":2}\n"x"\n')
    with caplog.at_level(logging.WARNING, logger="claude_sdk.store"):
        assert objects(path) == [{"b": 2}]
        assert objects(path) == [{"b": 2}]
    assert [record.getMessage() for record in caplog.records] == [
        f"Passing over lines of {path} that hold no JSON object."
    ]


def test_a_line_that_is_being_written_is_not_damage(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "a"
    path.write_bytes(b'{"a":1}\n{"b":')
    assert objects(path) == [{"a": 1}]
    assert not caplog.records


def test_what_is_not_utf8_keeps_its_line(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b'{"a":"x\xffy"}\n{"b":"\\ud83d"}\n')
    assert objects(path) == [{"a": "x\ufffdy"}, {"b": "\ufffd"}]


def test_a_line_that_is_too_long_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "_LONGEST", 16)
    path = tmp_path / "a"
    path.write_bytes(b'{"a":1}\n{"long":"' + b"x" * 100 + b'"}\n{"b":2}\n{"open":"' + b"x" * 100)
    with opened(path) as file:
        read = list(read_lines(file, path))
        assert [value for _, _, value in read] == [{"a": 1}, {"b": 2}]
        assert read_at(file, *read[1][:2]) == {"b": 2}


def test_reading_stops_when_its_budget_is_used_up(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b'{"a":1}\n' * 10)
    with opened(path) as file:
        assert len(list(read_lines(file, path, budget=17))) == 3


def test_the_tail_begins_with_a_whole_line(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b'{"a":1}\n{"b":2}\n[3]\n{"type":"queue-operation"}\n{"c":3}\n{"d":')
    with opened(path) as file:
        assert read_tail(file, 1000) == [{"a": 1}, {"b": 2}, {"c": 3}]
        assert read_tail(file, len(path.read_bytes()) - 3) == [{"b": 2}, {"c": 3}]
        assert read_tail(file, 0) == []


def test_a_file_that_is_gone_is_a_session_that_is_gone(tmp_path: Path) -> None:
    with pytest.raises(SessionNotFoundError, match="does not exist"), opened(tmp_path / "a"):
        pass


def test_a_file_that_cannot_be_read_says_why(tmp_path: Path) -> None:
    with pytest.raises(AgentError, match="Is a directory") as caught, opened(tmp_path):
        pass
    assert caught.value.code == "session_unreadable"


@settings(deadline=None)
@given(st.binary())
def test_any_bytes_are_read_without_an_error(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.mktemp("bytes") / "a"
    path.write_bytes(data)
    with opened(path) as file:
        for offset, size, value in read_lines(file, path):
            assert read_at(file, offset, size) == value
