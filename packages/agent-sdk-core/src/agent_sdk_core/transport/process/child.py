"""A child process as the rest of the SDK sees it: bytes in, bytes out, its end, and a way to stop it that always works.

It knows nothing of what the bytes mean. Everything that waits is bounded by the caller or by the process's end, and
runs on asyncio and trio.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

import anyio
from anyio import BusyResourceError, CancelScope, ClosedResourceError, to_thread
from anyio.lowlevel import checkpoint, checkpoint_if_cancelled, current_token

from agent_sdk_core.errors import ProcessExitedError, SessionClosedError, SpawnError
from agent_sdk_core.redaction import redact
from agent_sdk_core.telemetry import spans
from agent_sdk_core.transport.process.attendant import Attendant, ProcessExit
from agent_sdk_core.transport.process.descriptors import close_descriptor, pending_bytes, wake_reader
from agent_sdk_core.transport.process.launching import LaunchRequest, check_platform, launch
from agent_sdk_core.transport.process.stderr import StderrTail, reason_in
from agent_sdk_core.transport.process.strays import TAG_VARIABLE, Strays

__all__ = ["ChildProcess", "ProcessExit"]

_READ: Final = 64 * 1024
_WRITE: Final = 64 * 1024
_BURST: Final = 0.001
_SMALL: Final = 16 * 1024
"""A small read within this many seconds of another waits that long for more to come: a stream of deltas, each written
for itself, would otherwise cost one wake-up each, eight times what the line costs."""
_KILLED: Final = 2.0
"""Seconds that a killed process has to disappear; one that hangs in the kernel may take longer, and is left to it."""
_SOON: Final = 0.5
"""Seconds for what follows at once: the end of a process that closed its pipes, the last read, a thread's end."""


class ChildProcess:
    """One running process with pipes; made by `spawn`, ended by `stop`.

    Attributes:
        name: What errors call it.
        pid: Its id, also the id of its process group and session.
        tag: Value of `AGENT_SDK_SESSION` in its environment and in that of all it starts.
    """

    def __init__(
        self, attendant: Attendant, *, pid: int, stdin: int, stdout: int, name: str, tag: str, stderr: StderrTail
    ) -> None:
        self.name = name
        self.pid = pid
        self.tag = tag
        self._attendant = attendant
        self._stderr = stderr
        self._strays = Strays(pid, tag)
        self._stdin = stdin
        self._stdout = stdout
        self._reading = False
        self._drained = anyio.Event()
        self._last_read = -_BURST
        self._unread: int | None = None
        self._unsent = memoryview(b"")
        self._writing = anyio.Lock(fast_acquire=True)
        self._stopping = anyio.Lock()
        self._closed = False
        self._wakes = False

    @classmethod
    async def spawn(
        cls,
        argv: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        cwd: str | os.PathLike[str] | None = None,
        parent_death_signal: int | None = None,
        name: str = "The agent",
        on_stderr_line: Callable[[str], None] | None = None,
        redact: Callable[[str], str] = redact,
    ) -> ChildProcess:
        """Start a process in a session of its own; cancelled, it leaves none behind.

        Args:
            argv: Executable and arguments.
            env: Its whole environment, to which the tag is added; None for ours.
            cwd: Its working directory; None for ours.
            parent_death_signal: Signal that it gets when this process dies, however it dies. Linux only.
            name: What errors call it.
            on_stderr_line: Called with each line of stderr, redacted, on the thread that attends the process.
            redact: Removes secrets from these lines, and from what `stderr_tail` and errors quote.

        Raises:
            ExecutableNotFoundError: There is no such executable.
            SpawnError: It cannot be started; the message says why.
        """
        check_platform()
        tag = str(uuid.uuid4())
        request = LaunchRequest(
            name=name,
            argv=tuple(argv),
            env={**_traced(os.environ if env is None else env), TAG_VARIABLE: tag},
            cwd=None if cwd is None else Path(cwd),
            parent_death_signal=parent_death_signal,
        )
        stderr = StderrTail(on_stderr_line, redact=redact)
        attendant = Attendant(lambda: launch(request), stderr, f"agent-sdk {name}")
        try:
            attendant.thread.start()
        except RuntimeError as error:
            raise SpawnError(
                f"{name} was not started: the system has no thread left for it.", retryable=True
            ) from error
        try:
            await attendant.spawned.wait()
            await checkpoint_if_cancelled()
        except BaseException:
            with CancelScope(shield=True):
                attendant.abandon()
                with anyio.move_on_after(_KILLED):
                    await attendant.exited.wait()
                if attendant.launched is not None:
                    os.close(attendant.launched.stdin)
                    os.close(attendant.launched.stdout)
            raise
        launched = attendant.launched
        if launched is None:
            raise attendant.failure or SessionClosedError(f"{name} was not started.")
        return cls(
            attendant,
            pid=launched.process.pid,
            stdin=launched.stdin,
            stdout=launched.stdout,
            name=name,
            tag=tag,
            stderr=stderr,
        )

    @property
    def exit(self) -> ProcessExit | None:
        """How it ended; None while it runs."""
        return self._attendant.exit

    def stderr_tail(self) -> str:
        """Return the last of what it wrote to stderr, redacted: at most 400 lines and 64 KiB."""
        return self._stderr.text()

    def exit_error(self) -> ProcessExitedError:
        """Return a new error that says how it ended, or that it no longer talks to us."""
        ended = self.exit
        tail = self.stderr_tail()
        what = str(ended) if ended else "closed its input or output"
        # What a process says before it fails is the reason; what it said before it was told to go is not.
        failed = ended is not None and ended.exit_code != 0 and ended.signal not in (signal.SIGTERM, signal.SIGKILL)
        reason = reason_in(tail, unmarked=1) if failed else ""
        said = f"{self.name} {what}{f': {reason}' if reason else ''}"
        return ProcessExitedError(
            said if said.endswith((".", "!", "?")) else f"{said}.",  # What comes behind it begins a sentence.
            exit_code=ended.exit_code if ended else None,
            signal=ended.signal if ended else None,
            stderr_tail=tail,
        )

    async def wait(self) -> ProcessExit:
        """Wait for its end; noticed at once, also while one of its children holds the pipes open."""
        await self._attendant.exited.wait()
        return self.exit or ProcessExit(None, None)

    async def read(self) -> bytes:
        """Return the next bytes of stdout, at most 256 KiB.

        Empty at the end of the stream; and when the process has ended and all it wrote has been read, even if one of
        its children still holds the stream open. One reader at a time.
        """
        self._reading = True
        try:
            burst = time.monotonic() - self._last_read < _BURST
            if burst:
                await anyio.sleep(_BURST)
            chunk = await self._read(at_once=burst)
        finally:
            self._reading = False
        if len(chunk) < _SMALL:
            self._last_read = time.monotonic()
        if not chunk:
            self._drained.set()
        return chunk

    async def _read(self, *, at_once: bool = False) -> bytes:
        exited = self._attendant.exited
        if not self._wakes:
            # One of its children may hold the stream open: its end has to wake us, and takes no descriptor for it.
            self._wakes = True
            loop = current_token().native_token
            exited.call(lambda: wake_reader(self._stdout, loop, unless=lambda: self._closed))
        while True:
            try:
                if exited.is_set:
                    await checkpoint()
                elif not at_once:
                    await anyio.wait_readable(self._stdout)
                at_once = False
            except ClosedResourceError:
                if not exited.is_set:
                    return b""
            except (BusyResourceError, OSError, ValueError):
                return b""
            if self._closed:
                return b""
            chunk = self._take()
            if chunk is not None:
                return chunk

    def _take(self) -> bytes | None:
        """Return what stdout has; None where it has nothing now.

        That is so when somebody else has read it, or the end of the process woke us, which is seen in the next round.
        """
        limit = _READ
        if self._attendant.exited.is_set:
            if self._unread is None:
                # What others write from now on is not the process's.
                self._unread = pending_bytes(self._stdout)
            limit = min(limit, self._unread)
        try:
            chunk = os.read(self._stdout, limit)
        except BlockingIOError:
            return None
        if self._unread is not None:
            self._unread -= len(chunk)
        return chunk

    async def write(self, data: bytes) -> None:
        """Write to stdin; concurrent calls are written one after the other, each whole.

        Cancelled before its first byte, nothing is written; after it, the rest goes ahead of the next write, so that no
        line is ever torn.

        Raises:
            ProcessExitedError: It has ended, or closed its stdin.
            SessionClosedError: `close_input` has been called.
        """
        async with self._writing:
            await self._flush()
            self._unsent = memoryview(data)
            try:
                await self._flush()
            except BaseException:
                if len(self._unsent) == len(data):
                    self._unsent = memoryview(b"")
                raise

    async def _flush(self) -> None:
        while self._unsent:
            if self.exit is not None:
                # One of its children may hold the other end open: a write would succeed, and reach nobody.
                raise self.exit_error()
            if self._stdin < 0:
                raise SessionClosedError(f"{self.name} takes no more input: its stdin has been closed.")
            try:
                self._unsent = self._unsent[os.write(self._stdin, self._unsent[:_WRITE]) :]
            except BlockingIOError:
                # Closed while we wait: the next round says why.
                with contextlib.suppress(ClosedResourceError):
                    await anyio.wait_writable(self._stdin)
            except OSError as error:
                with anyio.move_on_after(_SOON):
                    await self.wait()
                raise self.exit_error() from error

    def close_input(self) -> None:
        """Close stdin, which asks most agents to finish; idempotent."""
        descriptor, self._stdin = self._stdin, -1
        close_descriptor(descriptor)

    async def stop(self, grace: float = 1.0, term: float = 2.0) -> None:
        """End the process and everything it started; never raises, whatever state it is in.

        Closes stdin and waits `grace` seconds; sends SIGTERM to the group and waits `term` seconds; sends SIGKILL to
        the group. A step that has no time is left out, for what it would say may be heard: an agent takes a closed
        stdin for an answer, and works on until it is killed. Then kills what is left of its descendants. Not
        cancellable, for it always ends within these seconds and about three more. Concurrent calls all return when it
        is done.
        """
        with CancelScope(shield=True):
            async with self._stopping:
                if self._closed:
                    with anyio.move_on_after(_KILLED):
                        await self.wait()
                    self._close_output()
                    return
                if self.exit is None and grace:
                    await _off_loop(self._strays.note)
                    self.close_input()
                    self._attendant.signal(signal.SIGCONT)  # One that was stopped could not end by itself.
                    await self._ends_within(grace)
                for hint, seconds in ((signal.SIGTERM, term), (signal.SIGKILL, _KILLED)):
                    if self.exit is None and seconds:
                        await _off_loop(self._strays.note)
                        self._attendant.signal(hint)
                        await self._ends_within(seconds)
                self.close_input()
                await _off_loop(self._strays.kill)
                # A reader that is still at work gets what the process wrote last.
                if self._reading:
                    with anyio.move_on_after(_SOON):
                        await self._drained.wait()
                self._close_output()

    def kill_now(self) -> None:
        """Kill the process and its descendants without an event loop; for a `finally` in which none is left.

        Blocks for some milliseconds, at most half a second.
        """
        self._strays.note()
        self._attendant.signal(signal.SIGKILL)
        self._strays.kill()
        self.close_input()
        self._close_output()

    async def _ends_within(self, seconds: float) -> None:
        """Wait for the end; output that nobody reads any more is thrown away, lest the process blocks on it."""
        with anyio.move_on_after(seconds):
            while self.exit is None and not self._reading and await self._read():
                pass
            await self.wait()

    def _close_output(self) -> None:
        if not self._closed:
            self._closed = True
            close_descriptor(self._stdout)
        if self._attendant.exited.is_set:
            self._attendant.thread.join(_SOON)


async def _off_loop(work: Callable[[], object]) -> None:
    try:
        await to_thread.run_sync(work, limiter=anyio.CapacityLimiter(1))
    except RuntimeError:
        # No thread can be started any more, as when the interpreter ends.
        work()


def _traced(env: Mapping[str, str]) -> Mapping[str, str]:
    """Return an environment with the trace that the process belongs to, unless the application named another one."""
    traced = spans.carrier()
    inherited = env.get("TRACEPARENT") == os.environ.get("TRACEPARENT")
    return {**env, **traced} if traced and inherited else env
