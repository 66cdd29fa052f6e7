# pyright: reportPrivateUsage=false
from __future__ import annotations

import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent_sdk_core.transport.process import descendants
from agent_sdk_core.transport.process.descendants import ProcessEntry, carriers, entry_of, kill, parse_ps, processes

# Other runs of this test may be under way.
MARK = f"MARK_{uuid.uuid4().hex}"


@pytest.fixture
def sleeper() -> Iterator[int]:
    process = subprocess.Popen(
        [sys.executable, "-c", "import time; print(flush=True); time.sleep(60)"],
        stdout=subprocess.PIPE,
        env={MARK: "one", "OTHER": f"{MARK}=two"},
    )
    assert process.stdout is not None
    process.stdout.readline()
    yield process.pid
    process.kill()
    process.wait(30)
    process.stdout.close()


@pytest.fixture
def without_proc(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(descendants, "_PROC", tmp_path)


def entry(pid: int, parent: int) -> ProcessEntry:
    return ProcessEntry(pid, parent, pid, pid, "0")


def test_descendants_are_found_at_every_depth_and_only_once() -> None:
    table = {item.pid: item for item in [entry(1, 0), entry(2, 1), entry(3, 2), entry(4, 1), entry(5, 9), entry(6, 6)]}
    assert sorted(item.pid for item in descendants.descendants([1, 2], table)) == [3, 4]
    assert descendants.descendants([6], table) == []


def test_a_child_is_in_the_table_with_its_parent(sleeper: int) -> None:
    found = processes()[sleeper]
    assert found.parent == os.getpid()
    assert found == entry_of(sleeper)


def test_a_zombie_counts_as_gone() -> None:
    process = subprocess.Popen([sys.executable, "-c", ""])
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert entry_of(process.pid) is None
    assert process.pid not in processes()
    process.wait(30)
    assert entry_of(process.pid) is None


def test_only_a_process_with_exactly_this_assignment_carries_it(sleeper: int) -> None:
    assert carriers(f"{MARK}=one") == {sleeper}
    assert carriers(f"{MARK}=two") == set()
    assert carriers(f"{MARK}=on") == set()


def test_kill_ends_the_process_that_was_meant(sleeper: int) -> None:
    found = entry_of(sleeper)
    assert found is not None
    assert kill(found)
    assert os.waitid(os.P_PID, sleeper, os.WEXITED | os.WNOWAIT) is not None
    assert not kill(found)


def test_kill_spares_a_process_that_got_the_same_id(sleeper: int) -> None:
    assert not kill(ProcessEntry(sleeper, 0, 0, 0, "another time"))
    assert entry_of(sleeper) is not None


def test_kill_works_without_pidfds(sleeper: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "pidfd_open", raising=False)
    found = entry_of(sleeper)
    assert found is not None
    assert kill(found)


def test_kill_of_a_process_that_never_was_says_so() -> None:
    assert not kill(ProcessEntry(2**22 + 1, 0, 0, 0, "0"))


@pytest.mark.usefixtures("without_proc")
def test_ps_is_asked_where_there_is_no_proc(sleeper: int, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, ...]] = []

    def answer(*arguments: str) -> str:
        asked.append(arguments)
        if "-axEwwo" in arguments:
            return f"  {sleeper} python -c code {MARK}=one\n 12 other {MARK}=on\n\nPID garbage {MARK}=one\n"
        return (
            f"  1 0 1 Ss Thu Nov 20 21:00:00 2026\n {sleeper} 1 77 S+ Thu Nov 20 21:00:01 2026   \n 9 1 9 Z never\n?\n"
        )

    monkeypatch.setattr(descendants, "_ps", answer)
    expected = ProcessEntry(sleeper, 1, 77, 0, "Thu Nov 20 21:00:01 2026")
    assert processes() == {1: ProcessEntry(1, 0, 1, 0, "Thu Nov 20 21:00:00 2026"), sleeper: expected}
    assert entry_of(sleeper) == expected
    assert carriers(f"{MARK}=one") == {sleeper}
    assert asked[1][-2:] == ("-p", str(sleeper))


def test_the_output_of_a_real_ps_is_understood(sleeper: int) -> None:
    # Not asserted through `processes`, so that it holds on both systems.
    text = descendants._ps("-axo", "pid=,ppid=,pgid=,stat=,lstart=")
    if Path("/bin/ps").exists():
        assert parse_ps(text)[sleeper].parent == os.getpid()
    else:
        assert text == ""


def test_a_ps_that_hangs_or_is_missing_gives_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def hang(*arguments: object, **options: object) -> None:
        raise subprocess.TimeoutExpired("ps", 2)

    monkeypatch.setattr(subprocess, "run", hang)
    assert descendants._ps("-a") == ""


def test_an_unreadable_process_table_is_empty(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: object) -> list[str]:
        raise PermissionError(path)

    monkeypatch.setattr(os, "listdir", refuse)
    assert descendants._proc_pids() == []
