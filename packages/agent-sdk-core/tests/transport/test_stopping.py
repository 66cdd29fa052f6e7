# pyright: reportPrivateUsage=false
from __future__ import annotations

import os
import select
import signal
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import anyio
import pytest

from agent_sdk_core.transport.process import child as processing
from agent_sdk_core.transport.process.child import ChildProcess, ProcessExit

pytestmark = pytest.mark.anyio

Spawn = Callable[..., Awaitable[ChildProcess]]

DEAF = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready', flush=True); time.sleep(60)"
FAMILY = f"""
import os, subprocess, sys, time
deaf = {DEAF!r}
stray = subprocess.Popen([sys.executable, "-c", deaf], stdout=subprocess.PIPE, start_new_session=True)
bare = subprocess.Popen([sys.executable, "-c", deaf], stdout=subprocess.PIPE, start_new_session=True, env={{}})
for child in (stray, bare):
    child.stdout.readline()
print(stray.pid, bare.pid)
"""


async def first_line(process: ChildProcess) -> bytes:
    line = b""
    while not line.endswith(b"\n"):
        line += await process.read()
    return line


def gone(pid: int) -> bool:
    """Whether a process is gone or a zombie, within thirty seconds."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([handle], [], [], 30)[0])
    finally:
        os.close(handle)


async def test_a_process_that_ends_on_eof_gets_no_signal(spawn: Spawn) -> None:
    process = await spawn("import sys; sys.stdin.read(); print('tidy')")
    with anyio.fail_after(30):
        await process.stop(grace=10)
        assert process.exit == ProcessExit(0, None)
        assert await process.read() == b""


async def test_a_process_that_ignores_eof_gets_sigterm(spawn: Spawn) -> None:
    process = await spawn("import time; print('ready', flush=True); time.sleep(60)")
    with anyio.fail_after(30):
        await first_line(process)
        await process.stop(grace=0.01, term=10)
    assert process.exit == ProcessExit(None, signal.SIGTERM)


async def test_a_process_that_ignores_sigterm_is_killed(spawn: Spawn) -> None:
    process = await spawn(DEAF)
    with anyio.fail_after(30):
        await first_line(process)
        await process.stop(grace=0.01, term=0.05)
    assert process.exit == ProcessExit(None, signal.SIGKILL)


async def test_a_process_whose_output_nobody_reads_can_still_end_on_eof(spawn: Spawn) -> None:
    process = await spawn("import sys; sys.stdin.read(); sys.stdout.write('x' * 1_000_000)")
    with anyio.fail_after(60):
        await process.stop(grace=15)
    assert process.exit == ProcessExit(0, None)


async def test_a_reader_at_work_gets_what_is_written_last(spawn: Spawn) -> None:
    process = await spawn("import sys; sys.stdin.read(); sys.stdout.write('x' * 1_000_000)")
    sizes: list[int] = []

    async def read() -> None:
        while chunk := await process.read():
            sizes.append(len(chunk))

    with anyio.fail_after(60):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(read)
            await anyio.wait_all_tasks_blocked()
            await process.stop(grace=15)
    assert sum(sizes) == 1_000_000


async def test_a_reader_that_waits_is_woken(spawn: Spawn) -> None:
    process = await spawn("import time; time.sleep(60)")
    results: list[bytes] = []

    async def read() -> None:
        results.append(await process.read())

    with anyio.fail_after(30):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(read)
            await anyio.wait_all_tasks_blocked()
            process.kill_now()
    assert results == [b""]


@pytest.mark.parametrize("ending", ["sys.stdin.read()", "time.sleep(60)"])
async def test_descendants_in_sessions_of_their_own_are_killed_too(spawn: Spawn, ending: str) -> None:
    process = await spawn(FAMILY + ending)
    with anyio.fail_after(60):
        pids = [int(pid) for pid in (await first_line(process)).split()]
        await process.stop(grace=5 if "read" in ending else 0.01, term=5)
    assert process.exit is not None
    assert [gone(pid) for pid in pids] == [True, True]


async def test_strays_of_a_process_that_is_dead_already_are_killed(spawn: Spawn) -> None:
    process = await spawn(FAMILY.replace("env={}", "") + "os.kill(os.getpid(), 9)")
    with anyio.fail_after(60):
        pids = [int(pid) for pid in (await first_line(process)).split()]
        await process.wait()
        assert all(Path(f"/proc/{pid}").exists() for pid in pids)
        await process.stop()
    assert [gone(pid) for pid in pids] == [True, True]


async def test_children_in_its_group_are_killed_although_they_carry_no_tag(spawn: Spawn) -> None:
    process = await spawn(FAMILY.replace("start_new_session=True, ", "") + "os.kill(os.getpid(), 9)")
    with anyio.fail_after(60):
        pids = [int(pid) for pid in (await first_line(process)).split()]
        await process.stop()
    assert [gone(pid) for pid in pids] == [True, True]


async def test_kill_now_needs_no_event_loop(spawn: Spawn) -> None:
    process = await spawn(FAMILY + "time.sleep(60)")
    with anyio.fail_after(60):
        pids = [int(pid) for pid in (await first_line(process)).split()]
        await anyio.to_thread.run_sync(process.kill_now)
        assert await process.wait() == ProcessExit(None, signal.SIGKILL)
        process.kill_now()
        await process.stop()
    assert [gone(pid) for pid in pids] == [True, True]


async def test_stop_may_be_called_many_times_at_once_and_gives_everything_back(child_env: dict[str, str]) -> None:
    # The first worker thread and its event loop descriptors belong to the loop.
    await anyio.to_thread.run_sync(int)
    before = len(list(Path("/dev/fd").iterdir()))
    process = await ChildProcess.spawn([sys.executable, "-c", DEAF], env=child_env)
    with anyio.fail_after(30):
        await first_line(process)
        async with anyio.create_task_group() as tasks:
            for _ in range(5):
                tasks.start_soon(process.stop, 0.01, 0.05)
        await process.stop()
    assert process.exit == ProcessExit(None, signal.SIGKILL)
    assert len(list(Path("/dev/fd").iterdir())) == before


async def test_stop_after_kill_now_gives_everything_back(child_env: dict[str, str]) -> None:
    await anyio.to_thread.run_sync(int)
    before = len(list(Path("/dev/fd").iterdir()))
    process = await ChildProcess.spawn([sys.executable, "-c", DEAF], env=child_env)
    with anyio.fail_after(30):
        process.kill_now()
        await process.stop()
    assert process.exit == ProcessExit(None, signal.SIGKILL)
    assert len(list(Path("/dev/fd").iterdir())) == before


async def test_a_cancelled_stop_is_finished(spawn: Spawn) -> None:
    process = await spawn(DEAF)
    with anyio.fail_after(30):
        await first_line(process)
        with anyio.CancelScope() as scope:
            scope.cancel()
            await process.stop(grace=0.01, term=0.05)
    assert process.exit == ProcessExit(None, signal.SIGKILL)


async def test_stop_works_when_no_thread_can_be_started(spawn: Spawn, monkeypatch: pytest.MonkeyPatch) -> None:
    process = await spawn(DEAF)

    async def refuse(*arguments: object, **options: object) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr("anyio.to_thread.run_sync", refuse)
    with anyio.fail_after(30):
        await first_line(process)
        await process.stop(grace=0, term=0)
    assert process.exit == ProcessExit(None, signal.SIGKILL)


async def test_a_process_that_cannot_be_killed_does_not_keep_stop(
    spawn: Spawn, monkeypatch: pytest.MonkeyPatch
) -> None:
    process = await spawn(DEAF)

    def nothing(number: int) -> bool:
        return False

    monkeypatch.setattr(process._attendant, "signal", nothing)
    monkeypatch.setattr(processing, "_KILLED", 0.05)
    with anyio.fail_after(30):
        await first_line(process)
        await process.stop(grace=0, term=0)
        assert process.exit is None
        os.kill(process.pid, signal.SIGKILL)
        assert await process.wait() == ProcessExit(None, signal.SIGKILL)


HOST = """
import signal, sys
import anyio
from agent_sdk_core.transport.process.child import ChildProcess

async def main():
    process = await ChildProcess.spawn(
        [sys.executable, "-c", "import time; time.sleep(60)"], env={}, parent_death_signal=signal.SIGKILL
    )
    print(process.pid, flush=True)
    await anyio.sleep(60)

anyio.run(main, backend=sys.argv[1])
"""


async def test_the_child_of_a_killed_host_dies_with_it(anyio_backend_name: str, child_env: dict[str, str]) -> None:
    host = await ChildProcess.spawn([sys.executable, "-c", HOST, anyio_backend_name], env=child_env)
    with anyio.fail_after(60):
        pid = int(await first_line(host))
        assert Path(f"/proc/{pid}").exists()
        os.kill(host.pid, signal.SIGKILL)
        await host.wait()
        assert gone(pid)
        await host.stop()
