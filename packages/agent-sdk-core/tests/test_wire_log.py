"""Wire logs: written line by line without ever disturbing a session, and read with errors that name the line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agent_sdk_core.errors import InvalidRequestError
from agent_sdk_core.wire_log import WireLog, read_wire_log


def clock() -> Any:
    times: Iterator[float] = iter([10.0, 10.5, 12.0, 13.0])
    return lambda: next(times)


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    path = tmp_path / "wire.jsonl"
    with WireLog(path, clock=clock()) as log:
        log("out", {"id": 1, "method": "turn/start"})
        log("in", {"id": 1, "result": {"said": "wörld \ud800"}})
        assert len(path.read_text().splitlines()) == 2, "each line is on disk at once"
    assert list(read_wire_log(path)) == [
        {"t": 0.5, "dir": "out", "msg": {"id": 1, "method": "turn/start"}},
        {"t": 2.0, "dir": "in", "msg": {"id": 1, "result": {"said": "wörld �"}}},
    ]
    assert path.stat().st_mode & 0o077 == 0


def test_every_string_of_a_message_passes_the_redaction(tmp_path: Path) -> None:
    path = tmp_path / "wire.jsonl"
    with WireLog(path, redact=lambda text: text.replace("secret", "…")) as log:
        log("out", {"params": {"key": "my secret", "more": ["secret", 5, None]}})
    (record,) = read_wire_log(path)
    assert record["msg"] == {"params": {"key": "my …", "more": ["…", 5, None]}}


def test_a_log_that_cannot_be_written_says_why_and_disturbs_nobody(tmp_path: Path) -> None:
    log = WireLog(tmp_path / "wire.jsonl")
    log("out", {"not": object()})
    assert isinstance(log.error, TypeError)
    log("out", {"method": "later"})
    log.close()
    log("in", {"method": "after the end"})
    assert (tmp_path / "wire.jsonl").read_text() == ""


@pytest.mark.parametrize("raised", [ValueError, SystemExit])
def test_a_redaction_that_fails_writes_nothing_unredacted(tmp_path: Path, raised: type[BaseException]) -> None:
    def fail(text: str) -> str:
        raise raised(text)

    with WireLog(tmp_path / "wire.jsonl", redact=fail) as log:
        log("out", {"key": "secret"})
    assert isinstance(log.error, raised)
    assert (tmp_path / "wire.jsonl").read_text() == ""


def test_a_disk_that_is_full_at_the_end_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = WireLog(tmp_path / "wire.jsonl")

    class Full:
        closed = False

        def close(self) -> None:
            raise OSError("no space left")

    file = log._file  # pyright: ignore[reportPrivateUsage]  # put aside for one that fails
    monkeypatch.setattr(log, "_file", Full())
    log.close()
    assert isinstance(log.error, OSError)
    file.close()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a device that is always full")
def test_a_full_disk_ends_the_log_and_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    mode = Path("/dev/full").stat().st_mode
    log = WireLog("/dev/full")
    for number in range(3):
        log("out", {"id": number})
    assert isinstance(log.error, OSError)
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "/dev/full is not written any more" in caplog.text
    log.close()
    assert Path("/dev/full").stat().st_mode == mode


def test_secrets_are_left_out_and_an_older_file_is_closed_to_others(tmp_path: Path) -> None:
    path = tmp_path / "wire.jsonl"
    path.touch(0o644)
    with WireLog(path) as log:
        log("out", {"params": {"config": {"api_key": "x"}, "text": "use sk-ant-api03-abcdefgh"}})
    (record,) = read_wire_log(path)
    assert record["msg"] == {"params": {"config": {"api_key": "**********"}, "text": "use **********"}}
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_file_that_cannot_be_made_is_an_error_at_once(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        WireLog(tmp_path / "missing" / "wire.jsonl")


@pytest.mark.parametrize("line", ["nonsense", "[]", "{}", '{"dir": "up", "msg": {}}', '{"dir": "in", "msg": 5}'])
def test_a_line_that_is_no_record_is_named(tmp_path: Path, line: str) -> None:
    path = tmp_path / "wire.jsonl"
    path.write_text(f'{{"t": 0, "dir": "in", "msg": {{}}}}\n\n{line}\n')
    with pytest.raises(InvalidRequestError, match=r"wire\.jsonl, line 3: not a line of a wire log"):
        list(read_wire_log(path))


def test_a_last_line_that_was_cut_off_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "wire.jsonl"
    record = {"t": 0, "dir": "in", "msg": {"method": "turn/started"}}
    path.write_text(f"{json.dumps(record)}\n{json.dumps(record)[:20]}")
    assert list(read_wire_log(path)) == [record]
