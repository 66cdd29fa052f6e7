# pyright: reportPrivateUsage=false
from __future__ import annotations

import errno
import os
import signal
import sys
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import SimpleNamespace

import anyio
import pytest

from agent_sdk_core.errors import ExecutableNotFoundError, ProcessExitedError, SessionClosedError, SpawnError
from agent_sdk_core.transport.process import attendant as attending
from agent_sdk_core.transport.process.child import ChildProcess, ProcessExit
from agent_sdk_testing.contract.pipes import descriptors_left, open_descriptors

pytestmark = pytest.mark.anyio

Spawn = Callable[..., Awaitable[ChildProcess]]

FOREVER = "import time\nwhile True: time.sleep(60)"
HOLD_STDOUT = """
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE)
"""


async def read_until(process: ChildProcess, ending: bytes) -> bytes:
    text = b""
    while not text.endswith(ending):
        chunk = await process.read()
        assert chunk, text
        text += chunk
    return text


async def read_all(process: ChildProcess) -> bytes:
    text = b""
    while chunk := await process.read():
        text += chunk
    return text


async def test_what_goes_in_comes_out_until_stdin_is_closed(spawn: Spawn) -> None:
    process = await spawn("import sys\nfor line in sys.stdin.buffer: sys.stdout.buffer.write(line.upper())")
    with anyio.fail_after(30):
        await process.write(b"one\n")
        await process.write(b"two\n")
        process.close_input()
        process.close_input()
        assert await read_all(process) == b"ONE\nTWO\n"
        assert await process.wait() == ProcessExit(0, None)
    assert process.exit == ProcessExit(0, None)


async def test_the_child_leads_a_session_of_its_own_and_carries_its_tag(spawn: Spawn) -> None:
    process = await spawn("import os; print(os.getsid(0), os.getpgid(0), os.environ['AGENT_SDK_SESSION'])")
    with anyio.fail_after(30):
        text = await read_all(process)
    assert text.split() == [str(process.pid).encode()] * 2 + [process.tag.encode()]


async def test_the_environment_is_inherited_if_none_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FOR_THE_CHILD", "seen")
    process = await ChildProcess.spawn([sys.executable, "-c", "import os; print(os.environ['FOR_THE_CHILD'])"])
    with anyio.fail_after(30):
        assert await read_all(process) == b"seen\n"
    await process.stop()


async def test_an_exit_code_is_told_with_the_last_of_stderr(spawn: Spawn) -> None:
    process = await spawn("import sys; print('first', file=sys.stderr); sys.exit('bad config')")
    with anyio.fail_after(30):
        assert await process.wait() == ProcessExit(1, None)
    error = process.exit_error()
    assert (error.exit_code, error.signal) == (1, None)
    assert error.stderr_tail == "first\nbad config"
    assert error.message == "child ended with exit code 1: bad config."


async def test_a_signal_is_told_and_wakes_reader_and_waiters(spawn: Spawn) -> None:
    process = await spawn(FOREVER)
    results: list[object] = []

    async def note(call: Callable[[], Awaitable[object]]) -> None:
        results.append(await call())

    with anyio.fail_after(30):
        async with anyio.create_task_group() as tasks:
            for call in (process.wait, process.wait, process.read):
                tasks.start_soon(note, call)
            await anyio.wait_all_tasks_blocked()
            os.kill(process.pid, signal.SIGKILL)
    assert results.count(ProcessExit(None, 9)) == 2
    assert b"" in results
    assert process.exit_error().message == "child was ended by SIGKILL."


async def test_what_came_while_a_burst_was_waited_for_is_read_without_another_wait(
    spawn: Spawn, monkeypatch: pytest.MonkeyPatch
) -> None:
    process = await spawn(
        "import sys\nfor line in sys.stdin.buffer: sys.stdout.buffer.write(line); sys.stdout.buffer.flush()"
    )
    monkeypatch.setattr("agent_sdk_core.transport.process.child.time", SimpleNamespace(monotonic=lambda: 0.0))
    wait_readable, waits, waiting = anyio.wait_readable, list[int](), anyio.Event()

    async def counted(descriptor: int) -> None:
        waits.append(descriptor)
        if len(waits) == 2:
            waiting.set()
        await wait_readable(descriptor)

    monkeypatch.setattr(anyio, "wait_readable", counted)
    with anyio.fail_after(60):
        await process.write(b"one\n")
        assert await process.read() == b"one\n"
        await process.write(b"two\n")
        await wait_readable(process._stdout)
        assert await process.read() == b"two\n"
        assert len(waits) == 1

        async with anyio.create_task_group() as tasks:  # Where nothing came, it waits as ever.
            tasks.start_soon(process.read)
            await waiting.wait()
            await process.write(b"three\n")
        assert len(waits) == 2


async def test_an_exit_is_noticed_while_a_grandchild_holds_stdout_open(spawn: Spawn) -> None:
    process = await spawn(HOLD_STDOUT + "print('last words'); import os; os._exit(3)")
    with anyio.fail_after(30):
        assert await read_all(process) == b"last words\n"
        assert await process.wait() == ProcessExit(3, None)
        assert await process.read() == b""


async def test_what_was_written_before_the_exit_can_be_read_after_it(spawn: Spawn) -> None:
    process = await spawn(HOLD_STDOUT + "sys.stdout.write('x' * 60_000); import os; os._exit(0)")
    with anyio.fail_after(30):
        await process.wait()
        assert len(await read_all(process)) == 60_000


async def test_a_grandchild_that_writes_for_ever_does_not_keep_the_reader(spawn: Spawn) -> None:
    code = "import subprocess; subprocess.Popen(['yes']); import os; os._exit(0)"
    process = await spawn(code)
    with anyio.fail_after(30):
        await process.wait()
        await read_all(process)


async def test_stderr_that_nobody_reads_does_not_block_the_child(spawn: Spawn) -> None:
    lines: list[str] = []
    code = "import sys\nfor n in range(20_000): print('noise', n, file=sys.stderr)\nsys.stderr.write('end')"
    process = await spawn(code, on_stderr_line=lines.append)
    with anyio.fail_after(60):
        await process.wait()
    assert process.stderr_tail().endswith("noise 19999\nend")
    assert len(process.stderr_tail().splitlines()) == 401
    assert lines[0] == "noise 0"
    assert len(lines) == 20_000


async def test_a_child_may_close_its_stderr(spawn: Spawn) -> None:
    process = await spawn("import os, sys; os.close(2); print('closed'); sys.stdin.read()")
    with anyio.fail_after(30):
        await read_until(process, b"closed\n")
        process.close_input()
        assert (await process.wait()).exit_code == 0


async def test_a_missing_executable_is_an_error_and_leaves_nothing(child_env: dict[str, str]) -> None:
    await anyio.lowlevel.checkpoint()
    before = len(list(Path("/dev/fd").iterdir()))
    with anyio.fail_after(30), pytest.raises(ExecutableNotFoundError):
        await ChildProcess.spawn(["no-such-agent"], env=child_env)
    assert len(list(Path("/dev/fd").iterdir())) == before


async def test_an_error_of_our_own_while_starting_is_a_spawn_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(request: object) -> None:
        raise RuntimeError("unforeseen")

    monkeypatch.setattr("agent_sdk_core.transport.process.child.launch", fail)
    with anyio.fail_after(30), pytest.raises(Exception, match="unforeseen") as caught:
        await ChildProcess.spawn(["agent"])
    assert isinstance(caught.value.__cause__, RuntimeError)


async def test_a_spawn_without_descriptors_says_so_and_leaves_nothing(child_env: dict[str, str]) -> None:
    argv = [sys.executable, "-c", "print('ran')"]
    before = open_descriptors()
    for left in range(8):
        with descriptors_left(left), pytest.raises(SpawnError, match="too many files are open") as caught:
            await ChildProcess.spawn(argv, env=child_env, parent_death_signal=signal.SIGTERM)
        assert caught.value.retryable
        assert open_descriptors() == before
    with anyio.fail_after(30):
        process = await ChildProcess.spawn([*argv[:2], "input(); print('ran')"], env=child_env)
        assert open_descriptors() == before + 4
        await process.write(b"\n")
        assert await read_all(process) == b"ran\n"
        await process.stop()
    assert open_descriptors() == before


@pytest.mark.parametrize("lacking", ["descriptor", "thread"])
async def test_a_child_whose_end_cannot_be_watched_is_not_left_behind(
    child_env: dict[str, str], monkeypatch: pytest.MonkeyPatch, lacking: str
) -> None:
    pipes, watched = os.pipe, list[int]()

    def open_pidfd(pid: int) -> int:
        watched.append(pid)
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))

    def pipe() -> tuple[int, int]:
        if watched and lacking == "descriptor":
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
        return pipes()

    def start(thread: threading.Thread) -> None:
        if watched and lacking == "thread":
            raise RuntimeError("can't start new thread")
        started(thread)

    started = threading.Thread.start
    monkeypatch.setattr(os, "pidfd_open", open_pidfd, raising=False)
    monkeypatch.setattr(os, "pipe", pipe)
    monkeypatch.setattr(threading.Thread, "start", start)
    before = open_descriptors()
    with anyio.fail_after(30), pytest.raises(SpawnError) as caught:
        await ChildProcess.spawn([sys.executable, "-c", FOREVER], env=child_env)
    assert caught.value.retryable
    assert open_descriptors() == before
    with pytest.raises(ProcessLookupError):
        os.kill(watched[0], 0)


async def test_a_system_without_threads_left_is_a_spawn_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    before = len(list(Path("/dev/fd").iterdir()))
    monkeypatch.setattr(threading.Thread, "start", refuse)
    with pytest.raises(SpawnError, match="no thread left") as caught:
        await ChildProcess.spawn(["agent"])
    assert caught.value.retryable
    assert len(list(Path("/dev/fd").iterdir())) == before


@pytest.mark.parametrize("before", [True, False])
async def test_a_cancelled_spawn_leaves_no_process(
    child_env: dict[str, str], monkeypatch: pytest.MonkeyPatch, before: bool
) -> None:
    from agent_sdk_core.transport.process import child as process
    from agent_sdk_core.transport.process import launching

    asked, go = threading.Event(), threading.Event()
    pids: list[int] = []

    def slowly(request: launching.LaunchRequest) -> launching.Launched:
        if before:
            asked.set()
            assert go.wait(30)
        launched = launching.launch(request)
        pids.append(launched.process.pid)
        return launched

    monkeypatch.setattr(process, "launch", slowly)
    descriptors = len(list(Path("/dev/fd").iterdir()))

    async def start() -> None:
        await ChildProcess.spawn([sys.executable, "-c", FOREVER], env=child_env)

    with anyio.fail_after(30):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(start)
            if before:
                await anyio.to_thread.run_sync(asked.wait)
                # The thread goes on only after the cancellation has been seen.
                monkeypatch.setattr(attending.Attendant, "abandon", after(attending.Attendant.abandon, go.set))
            tasks.cancel_scope.cancel()
    for pid in pids:
        assert not Path(f"/proc/{pid}").exists()
    assert len(list(Path("/dev/fd").iterdir())) == descriptors


def after(
    method: Callable[[attending.Attendant], None], then: Callable[[], None]
) -> Callable[[attending.Attendant], None]:
    def both(self: attending.Attendant) -> None:
        method(self)
        then()

    return both


async def test_concurrent_writes_do_not_mix_and_large_ones_do_not_block_the_loop(spawn: Spawn) -> None:
    count, size = 8, 300_000
    process = await spawn(
        "import signal, sys\n"
        "signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])\n"
        "print('ready')\n"
        "signal.sigwait([signal.SIGUSR1])\n"
        "lines = sys.stdin.buffer.read().splitlines()\n"
        "print(len(lines), {len(line) for line in lines}, all(len(set(line)) == 1 for line in lines))"
    )
    with anyio.fail_after(60):
        await read_until(process, b"ready\n")
        async with anyio.create_task_group() as tasks:
            for number in range(count):
                tasks.start_soon(process.write, bytes([97 + number]) * size + b"\n")
            await anyio.wait_all_tasks_blocked()
            os.kill(process.pid, signal.SIGUSR1)
        process.close_input()
        assert await read_all(process) == f"{count} {{{size}}} True\n".encode()


async def test_a_write_that_is_cancelled_halfway_is_finished_by_the_next_one(spawn: Spawn) -> None:
    code = """
import signal, sys
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
sys.stdin.buffer.raw.read(1)
print("go", flush=True)
signal.sigwait([signal.SIGUSR1])
lines = sys.stdin.buffer.read().splitlines()
print([len(line) for line in lines])
"""
    process = await spawn(code)
    with anyio.fail_after(30):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(process.write, b"x" * 1_000_000 + b"\n")
            await anyio.wait_all_tasks_blocked()
            tasks.start_soon(process.write, b"never sent\n")
            await anyio.wait_all_tasks_blocked()
            tasks.cancel_scope.cancel()
        said = b""
        while not said.endswith(b"\n"):
            said += await process.read()
        os.kill(process.pid, signal.SIGUSR1)
        await process.write(b"next\n")
        process.close_input()
        assert await read_all(process) == b"[999999, 4]\n"


async def test_a_write_to_a_process_that_has_ended_says_how_it_did(spawn: Spawn) -> None:
    process = await spawn("import sys; sys.exit(7)")
    with anyio.fail_after(30):
        await process.wait()
        for _ in range(2):
            with pytest.raises(ProcessExitedError) as caught:
                await process.write(b"hello\n")
            assert caught.value.exit_code == 7
        process.close_input()
        with pytest.raises(ProcessExitedError, match="exit code 7"):
            await process.write(b"hello\n")


async def test_a_write_fails_after_the_exit_although_a_grandchild_holds_stdin_open(spawn: Spawn) -> None:
    process = await spawn("import os, subprocess; subprocess.Popen(['sleep', '60']); os._exit(6)")
    with anyio.fail_after(30):
        await process.wait()
        with pytest.raises(ProcessExitedError, match="exit code 6"):
            await process.write(b"hello\n")


async def test_a_process_that_closed_its_stdin_is_told_apart(spawn: Spawn) -> None:
    process = await spawn("import os\nos.close(0)\nprint('closed')\n" + FOREVER)
    with anyio.fail_after(30):
        await read_until(process, b"closed\n")
        with pytest.raises(ProcessExitedError, match="closed its input or output") as caught:
            await process.write(b"hello\n")
    assert (caught.value.exit_code, caught.value.signal) == (None, None)


async def test_closing_stdin_ends_a_write_that_waits(spawn: Spawn) -> None:
    process = await spawn(FOREVER)
    with anyio.fail_after(30):
        async with anyio.create_task_group() as tasks:

            async def write() -> None:
                with pytest.raises(SessionClosedError):
                    await process.write(b"x" * 1_000_000)

            tasks.start_soon(write)
            await anyio.wait_all_tasks_blocked()
            process.close_input()


async def test_the_end_is_noticed_without_pidfds(spawn: Spawn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "pidfd_open", raising=False)
    process = await spawn("import sys; sys.stderr.write('bye'); sys.exit(input())")
    with anyio.fail_after(30):
        await process.write(b"reason\n")
        assert await process.wait() == ProcessExit(1, None)
    assert process.stderr_tail() == "byereason"


async def test_a_process_that_somebody_else_reaped_has_ended_all_the_same(spawn: Spawn) -> None:
    before = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    try:
        process = await spawn("input()")
        with anyio.fail_after(30):
            process.close_input()
            assert await process.wait() == ProcessExit(None, None)
    finally:
        signal.signal(signal.SIGCHLD, before)
    assert "took its exit code" in process.exit_error().message


def test_an_unknown_signal_is_named_by_its_number() -> None:
    assert str(ProcessExit(None, 50)) == "was ended by signal 50"
