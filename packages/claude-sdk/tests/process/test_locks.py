from __future__ import annotations

import errno
import fcntl
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from agent_sdk_core import SessionBusyError, SpawnError
from claude_sdk.process.locks import SessionLock


def open_descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_a_session_is_open_once_and_again_after_its_release(tmp_path: Path) -> None:
    lock = SessionLock(tmp_path, "a")
    with pytest.raises(SessionBusyError, match="Session a is open already") as caught:
        SessionLock(tmp_path, "a")
    assert caught.value.backend == "claude"
    SessionLock(tmp_path, "b").release()
    lock.release()
    lock.release()
    SessionLock(tmp_path, "a").release()


def test_nothing_is_left_behind(tmp_path: Path) -> None:
    before = open_descriptors()
    lock = SessionLock(tmp_path, "a")
    with pytest.raises(SessionBusyError):
        SessionLock(tmp_path, "a")
    lock.release()
    assert open_descriptors() == before
    assert list((tmp_path / "agent-sdk" / "locks").iterdir()) == []


def test_only_its_owner_can_read_it(tmp_path: Path) -> None:
    lock = SessionLock(tmp_path, "a")
    assert (tmp_path / "agent-sdk" / "locks" / "a.lock").stat().st_mode & 0o777 == 0o600
    lock.release()


def test_its_folders_are_private_whatever_the_umask_is_or_was(tmp_path: Path) -> None:
    folder = tmp_path / "claude"
    (folder / "agent-sdk").mkdir(parents=True)
    (folder / "agent-sdk").chmod(0o777)
    before = os.umask(0)
    try:
        lock = SessionLock(folder, "a")
    finally:
        os.umask(before)
    modes = {path.name: path.stat().st_mode & 0o777 for path in (folder / "agent-sdk").rglob("*")}
    assert modes == {"locks": 0o700, "a.lock": 0o600}
    assert (folder / "agent-sdk").stat().st_mode & 0o777 == 0o700
    lock.release()


@pytest.mark.parametrize(
    ("number", "words"), [(errno.ENOSPC, "the disk is full"), (errno.EMFILE, "too many files are open")]
)
def test_a_lock_for_which_there_is_no_room_is_an_error_in_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, words: str
) -> None:
    def refuse(*arguments: object) -> int:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(SpawnError, match=words) as caught:
        SessionLock(tmp_path, "a")
    assert (caught.value.backend, caught.value.retryable) == ("claude", True)


HOLD = """
import sys
from pathlib import Path
from claude_sdk.process.locks import SessionLock
lock = SessionLock(Path(sys.argv[1]), "a")
print("held", flush=True)
sys.stdin.read()
"""


def test_another_process_holds_it_until_it_dies(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, tmp_path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(SessionBusyError):
            SessionLock(tmp_path, "a")
        holder.kill()
        holder.wait()
        SessionLock(tmp_path, "a").release()


def test_a_child_of_ours_does_not_hold_it(tmp_path: Path) -> None:
    lock = SessionLock(tmp_path, "a")
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE, close_fds=False):
        lock.release()
        SessionLock(tmp_path, "a").release()


def test_a_folder_that_cannot_be_written_to_locks_nothing(tmp_path: Path) -> None:
    (tmp_path / "agent-sdk").write_text("a file")
    one, other = SessionLock(tmp_path, "a"), SessionLock(tmp_path, "a")
    one.release()
    other.release()


def test_a_file_system_without_locks_is_no_reason_to_refuse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unsupported(descriptor: int, operation: int) -> None:
        raise OSError(37, "No locks available")

    monkeypatch.setattr(fcntl, "flock", unsupported)
    one, other = SessionLock(tmp_path, "a"), SessionLock(tmp_path, "a")
    one.release()
    other.release()


def racing(path: Path, monkeypatch: pytest.MonkeyPatch, between: Callable[[], object]) -> list[int]:
    """Do something after the file was opened and before it is locked; returns what was locked."""
    locked: list[int] = []
    lock = fcntl.flock

    def late(descriptor: int, operation: int) -> None:
        if not locked:
            between()
        locked.append(descriptor)
        lock(descriptor, operation)

    monkeypatch.setattr(fcntl, "flock", late)
    return locked


@pytest.mark.parametrize("replaced", [False, True])
def test_a_file_that_its_last_holder_removes_meanwhile_is_no_lock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, replaced: bool
) -> None:
    path = tmp_path / "agent-sdk" / "locks" / "a.lock"

    def remove() -> None:
        path.unlink()
        if replaced:
            path.touch()

    before = open_descriptors()
    locked = racing(path, monkeypatch, remove)
    lock = SessionLock(tmp_path, "a")
    assert len(locked) == 2
    with pytest.raises(SessionBusyError):
        SessionLock(tmp_path, "a")
    lock.release()
    assert open_descriptors() == before
