from __future__ import annotations

import errno
import json
import os
import resource
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agent_sdk_core.errors import AgentError, InvalidRequestError, SessionNotFoundError
from claude_sdk.store import archive, delete, find_session, list_sessions, read_history, read_stored, rename, unarchive
from claude_sdk.store.editing import tag
from claude_sdk.store.places import kept_elsewhere


def titles(root: Path) -> list[str]:
    return [summary.title for summary in list_sessions(root).sessions]


def rename_it(path: Path) -> None:
    rename(path, "x")


def test_a_name_is_written_as_the_agent_writes_it(root: Path, write: Callable[..., Any]) -> None:
    session = write()
    session.user("prompt")
    rename(session.path, '  A "new"\n name ')
    lines = [json.loads(line) for line in session.path.read_text().splitlines()]
    assert lines[-2:] == [
        {"type": "custom-title", "customTitle": 'A "new" name', "sessionId": session.path.stem},
        {"type": "agent-name", "agentName": 'A "new" name', "sessionId": session.path.stem},
    ]
    note = session.path.with_suffix("") / "custom-title.json"
    assert json.loads(note.read_text()) == {"customTitle": 'A "new" name'}
    assert [path.name for path in note.parent.iterdir()] == ["custom-title.json"]
    assert titles(root) == ['A "new" name']
    rename(session.path, "x" * 300)
    assert titles(root) == ["x" * 200]


@pytest.mark.parametrize("cut", ["", '{"half":'])
def test_a_name_stands_on_a_line_of_its_own(root: Path, write: Callable[..., Any], cut: str) -> None:
    session = write()
    session.user("prompt")
    session.path.write_text(session.path.read_text() + cut)
    rename(session.path, "named")
    assert titles(root) == ["named"]
    assert len(read_history(session.path)) == 1


@pytest.mark.parametrize("cut", ["", '{"half":'])
def test_a_tag_is_written_as_the_agent_writes_it_and_taken_away(write: Callable[..., Any], cut: str) -> None:
    session = write()
    session.user("prompt")
    session.path.write_text(session.path.read_text() + cut)
    tag(session.path, " for\n later ")
    last = session.path.read_text().splitlines()[-1]
    assert json.loads(last) == {"type": "tag", "tag": "for later", "sessionId": session.path.stem}
    assert read_stored(session.path).tag == "for later"
    tag(session.path, None)
    assert read_stored(session.path).tag is None
    with pytest.raises(InvalidRequestError, match="not blank"):
        tag(session.path, " \n")
    with pytest.raises(SessionNotFoundError):
        tag(session.path.with_name("gone.jsonl"), "lost")


def test_an_empty_file_can_be_named(write: Callable[..., Any]) -> None:
    session = write()
    rename(session.path, "named")
    assert session.path.read_text().startswith('{"type":"custom-title"')


def test_a_blank_name_is_refused(write: Callable[..., Any]) -> None:
    session = write()
    with pytest.raises(InvalidRequestError, match="blank"):
        rename(session.path, " \n")
    assert session.path.read_text() == ""


@pytest.mark.parametrize("change", [rename_it, archive, delete])
def test_a_session_that_is_not_there_is_not_made(root: Path, change: Callable[[Path], None]) -> None:
    path = root / "projects" / "-a" / "00000001-0000-4000-8000-000000000001.jsonl"
    path.parent.mkdir(parents=True)
    with pytest.raises(SessionNotFoundError):
        change(path)
    assert list(path.parent.iterdir()) == []


@pytest.mark.parametrize("change", [rename_it, archive])
def test_a_change_that_cannot_be_written_says_why(write: Callable[..., Any], change: Callable[[Path], None]) -> None:
    session = write()
    session.path.with_suffix("").touch()
    with pytest.raises(AgentError, match=r"cannot be changed: (File exists|Not a directory)") as caught:
        change(session.path)
    assert caught.value.code == "session_unwritable"


def test_a_name_for_which_there_is_no_room_leaves_the_session_as_it_was(write: Callable[..., Any]) -> None:
    session = write()
    session.user("prompt")
    path = session.path
    before = path.read_bytes()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + 5, hard))
    try:
        with pytest.raises(AgentError, match="No space left on device"):
            rename(path, "a name that is too long for the room that is left")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, ignored)
    assert path.read_bytes() == before


def test_a_note_for_which_there_is_no_room_leaves_no_part_of_it(
    write: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    session = write()
    session.user("prompt")
    path = session.path
    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(AgentError, match="No space left on device"):
        archive(path)
    assert not list(path.with_suffix("").glob("*.tmp.*"))


def full(*_: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_an_archived_session_is_not_listed_but_can_be_read(root: Path, write: Callable[..., Any]) -> None:
    session = write()
    session.user("one")
    archive(session.path)
    assert titles(root) == []
    assert len(read_history(find_session(root, session.path.stem))) == 1


def test_a_deleted_session_leaves_nothing_of_its_own(
    root: Path, tmp_path: Path, write: Callable[..., Any], agent_file: Callable[..., Any]
) -> None:
    kept, session = write(), write()
    kept.user("kept")
    session.user("deleted")
    agent_file(session, "a1", toolUseId="t").user("look")
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "file").touch()
    (session.path.with_suffix("") / "link").symlink_to(outside)
    for folder in (*kept_elsewhere(session.path), *kept_elsewhere(kept.path)):
        folder.mkdir(parents=True)
        (folder / "file").touch()
    delete(session.path)
    left = [path for path in root.rglob("*") if session.path.stem in str(path)]
    assert left == []
    assert all((folder / "file").exists() for folder in kept_elsewhere(kept.path))
    assert (outside / "file").exists()
    assert titles(root) == ["kept"]


def test_an_archived_session_comes_back_into_the_list(root: Path, write: Callable[..., Any]) -> None:
    session = write()
    session.user("prompt")
    unarchive(session.path)
    assert not session.path.with_suffix("").exists()
    archive(session.path)
    assert titles(root) == []
    unarchive(session.path)
    assert titles(root) == ["prompt"]
    assert not read_stored(session.path).archived
