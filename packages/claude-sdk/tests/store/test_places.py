from __future__ import annotations

import errno
import os
import pwd
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any, Never

import pytest

from agent_sdk_core.errors import AgentError, InvalidRequestError, SessionNotFoundError
from claude_sdk.store import find_session, folder, list_sessions, project_key
from claude_sdk.store.places import kept_elsewhere, project_folders, session_files, unwritable

_ID = "5429d2a2-5ac1-40dd-9cee-4687ad640f0f"


def test_the_folder_is_the_configured_one_else_in_the_home_of_the_child() -> None:
    assert folder({"CLAUDE_CONFIG_DIR": "/x/y", "HOME": "/h"}) == Path("/x/y")
    assert folder({"CLAUDE_CONFIG_DIR": "", "HOME": "/h"}) == Path("/h/.claude")
    assert folder({}) == Path(pwd.getpwuid(os.getuid()).pw_dir) / ".claude"


def test_a_user_without_a_home_is_told_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody(uid: int) -> Never:
        raise KeyError(uid)

    monkeypatch.setattr(pwd, "getpwuid", nobody)
    with pytest.raises(InvalidRequestError, match="Set HOME, or CLAUDE_CONFIG_DIR") as caught:
        folder({})
    assert caught.value.code == "no_home"


def test_the_folder_is_spelled_as_the_agent_spells_it() -> None:
    decomposed = unicodedata.normalize("NFD", "/h/é")
    assert folder({"CLAUDE_CONFIG_DIR": decomposed}) == Path(unicodedata.normalize("NFC", "/h/é"))


def test_sessions_can_be_stored_where_something_can_be_written(tmp_path: Path) -> None:
    for root in (tmp_path, tmp_path / "not" / "there"):
        assert unwritable(root) is None
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "projects").touch()
    for root in (tmp_path, tmp_path / "projects" / "x"):
        assert unwritable(root) == f"nothing can be written to {tmp_path}/projects: Not a directory"


@pytest.mark.parametrize(
    ("cwd", "key"),
    [
        ("/home/ada/my work.dir_ü", "-home-ada-my-work-dir--"),
        ("/home/ada/e😀x", "-home-ada-e--x"),
        ("/home/ada/" + "x" * 190, "-home-ada-" + "x" * 190),
        ("/tmp/ada-😀/" + "L" * 120 + "/" + "m" * 120, "-tmp-ada----" + "L" * 120 + "-" + "m" * 67 + "-9274av"),
    ],
)
def test_the_key_of_a_project_is_the_one_the_agent_makes(cwd: str, key: str) -> None:
    assert project_key(cwd) == key


def test_a_key_follows_symbolic_links(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    assert project_key(tmp_path / "link") == project_key(tmp_path / "real")


def test_long_paths_with_the_same_beginning_have_keys_of_their_own() -> None:
    keys = {project_key("/home/ada/" + "x" * 300 + end) for end in ("", "a", "b", "ab", "ba")}
    assert len(keys) == 5
    assert {len(key[:201]) for key in keys} == {201}


def test_a_session_is_found_in_whatever_project_it_is(root: Path, write: Callable[..., Any]) -> None:
    write("-a")
    session = write("-b", _ID)
    assert find_session(root, _ID) == session.path


def test_of_two_files_of_a_session_the_newer_is_found(root: Path, write: Callable[..., Any]) -> None:
    old, new = write("-a", _ID), write("-b", _ID)
    os.utime(old.path, ns=(1, 1))
    assert find_session(root, _ID) == new.path


@pytest.mark.parametrize(
    "session_id",
    ["", ".", "..", "../../etc/passwd", "x", _ID + "\n", _ID + ".jsonl", f"a/{_ID}", f"../{_ID}", _ID[:-1], "\0", "*"],
)
def test_what_is_no_session_id_is_not_found(root: Path, write: Callable[..., Any], session_id: str) -> None:
    write("-a", _ID)
    with pytest.raises(SessionNotFoundError, match="No session"):
        find_session(root, session_id)


def test_a_session_without_a_file_is_not_found(root: Path) -> None:
    with pytest.raises(SessionNotFoundError) as caught:
        find_session(root, _ID)
    assert caught.value.backend == "claude"


def test_nothing_below_projects_leads_elsewhere(root: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / f"{_ID}.jsonl").write_text("{}\n")
    (root / "projects" / "-a").mkdir(parents=True)
    (root / "projects" / "-b").symlink_to(outside)
    (root / "projects" / "-a" / f"{_ID}.jsonl").symlink_to(outside / f"{_ID}.jsonl")
    with pytest.raises(SessionNotFoundError):
        find_session(root, _ID)
    assert project_folders(root) == [root / "projects" / "-a"]
    assert list(session_files(root / "projects" / "-a")) == []
    assert list(session_files(root / "projects" / "-b")) == []


def test_only_files_named_after_a_session_are_sessions(root: Path, write: Callable[..., Any]) -> None:
    session = write("-a", _ID)
    (session.path.parent / "notes.jsonl").touch()
    (session.path.parent / f"{_ID}.txt").touch()
    (session.path.parent / "6429d2a2-5ac1-40dd-9cee-4687ad640f0f.jsonl").mkdir()
    assert [file.path for file in session_files(session.path.parent)] == [session.path]
    assert list(session_files(root / "projects" / "-gone")) == []


def test_a_folder_without_projects_has_none(root: Path) -> None:
    assert project_folders(root) == []


def test_a_folder_that_cannot_be_read_is_told_and_is_not_one_without_sessions(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def closed(folder: object) -> Never:
        raise PermissionError(errno.EACCES, "Permission denied", str(folder))

    monkeypatch.setattr(os, "scandir", closed)
    looks: list[Callable[[Path], object]] = [project_folders, list_sessions, lambda root: find_session(root, _ID)]
    for look in looks:
        with pytest.raises(AgentError, match="projects, cannot be read: Permission denied") as caught:
            look(root)
        assert caught.value.code == "session_unreadable"


def test_what_is_kept_elsewhere_is_named_after_the_session(root: Path, write: Callable[..., Any]) -> None:
    assert {path.parent.parent for path in kept_elsewhere(write("-a", _ID).path)} == {root}
    assert {path.name for path in kept_elsewhere(write("-a", _ID).path)} == {_ID}
