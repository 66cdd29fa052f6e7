"""Starting one child process: its pipes, its group, its limits, and an error that says what to do when it fails.

Blocking; called from the thread that will attend the process. Everything that differs between platforms at the start
of a process is here.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from pathlib import Path
from typing import Final

from agent_sdk_core.errors import AgentError, ExecutableNotFoundError, SpawnError
from agent_sdk_core.records import dataclass

OPEN_FILES: Final = 65_536
"""Highest soft limit on open files that a child gets, if its hard limit allows it.

The hard limit itself is 2**30 in many containers, and programs that close every possible descriptor before they start
another one (the agents' tools among them) would take minutes.
"""

_OPEN_FILES_DARWIN: Final = 10_240
"""macOS refuses a soft limit above `kern.maxfilesperproc`, whatever the hard limit says."""

_PR_SET_PDEATHSIG: Final = 1
_FILES: Final = "too many files are open; close some, or raise the limit (ulimit -n)"
_FULL: Final = "the system has no memory or no process left for it; end others and try again"
_PASSING: Final = {
    errno.EMFILE: _FILES,
    errno.ENFILE: _FILES,
    errno.EAGAIN: _FULL,
    errno.ENOMEM: _FULL,
    errno.ETXTBSY: "its executable is being written, as by an installer; try again when that is done",
}
"""Refusals of the system that pass: the same start may succeed later."""


@dataclass(frozen=True, slots=True)
class LaunchRequest:
    """What to start.

    Attributes:
        name: What errors call it: `codex`.
        argv: Executable and arguments.
        env: Its whole environment.
        cwd: Its working directory; None for ours.
        parent_death_signal: Signal that it gets when the thread that started it ends; Linux only, ignored elsewhere.
    """

    name: str
    argv: Sequence[str]
    env: Mapping[str, str] = field(repr=False)
    cwd: Path | None
    parent_death_signal: int | None


class Ending:
    """A descriptor that becomes readable when a process ends, and its exit status."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._status: int | None = None
        self._waiter: threading.Thread | None = None
        try:
            self._descriptor = os.pidfd_open(pid)
        except (AttributeError, OSError):
            # macOS, old kernels, some sandboxes: a thread waits instead, and closes a pipe.
            self._descriptor, writer = os.pipe()
            self._waiter = threading.Thread(target=self._wait, args=(writer,), name=f"wait-{pid}", daemon=True)
            try:
                self._waiter.start()
            except RuntimeError as error:
                os.close(self._descriptor)
                os.close(writer)
                raise BlockingIOError(errno.EAGAIN, str(error)) from error

    def fileno(self) -> int:
        """Return the descriptor."""
        return self._descriptor

    def reap(self) -> int | None:
        """Return the exit code, a negative signal number, or None if somebody else reaped the process."""
        if self._waiter is None:
            self._status = _reap(self._pid)
        else:
            self._waiter.join()
        os.close(self._descriptor)
        return self._status

    def _wait(self, writer: int) -> None:
        self._status = _reap(self._pid)
        os.close(writer)


def _reap(pid: int) -> int | None:
    with contextlib.suppress(ChildProcessError):
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    return None


@dataclass(frozen=True, slots=True)
class Launched:
    """A started process, its end, and our ends of its pipes, none of which blocks."""

    process: subprocess.Popen[bytes]
    ending: Ending
    stdin: int
    stdout: int
    stderr: int


def check_platform(platform: str = sys.platform) -> None:
    """Refuse a platform on which nothing here works.

    Raises:
        SpawnError: It is Windows.
    """
    if platform == "win32":
        raise SpawnError("Windows is not supported yet; run this program inside WSL.")


def launch(request: LaunchRequest, *, platform: str = sys.platform) -> Launched:
    """Start a process in a session, and so a process group, of its own.

    Raises:
        ExecutableNotFoundError: There is no such executable.
        SpawnError: It cannot be started; the message says why.
    """
    _check_cwd(request)
    descriptors: list[int] = []
    process: subprocess.Popen[bytes] | None = None
    try:
        for _ in range(3):
            descriptors.extend(os.pipe())
        stdin_child, stdin, stdout, stdout_child, stderr, stderr_child = descriptors
        process = subprocess.Popen(
            list(request.argv),
            stdin=stdin_child,
            stdout=stdout_child,
            stderr=stderr_child,
            env=dict(request.env),
            cwd=request.cwd,
            start_new_session=True,
            preexec_fn=_before_exec(request.parent_death_signal, platform),
        )
        ending = Ending(process.pid)
    except Exception as error:
        if process is not None:  # It runs, and nobody would notice its end.
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        for descriptor in descriptors:
            os.close(descriptor)
        raise _explain(request, error) from error
    for descriptor in (stdin_child, stdout_child, stderr_child):
        os.close(descriptor)
    for descriptor in (stdin, stdout, stderr):
        os.set_blocking(descriptor, False)
    if platform == "linux":
        _raise_open_files(process.pid)
    return Launched(process, ending, stdin, stdout, stderr)


def _before_exec(death_signal: int | None, platform: str) -> Callable[[], None] | None:
    """Return what the child runs between fork and exec, or None where nothing has to be.

    Other threads do not exist in the child, and a lock that one of them held stays held. So everything is imported and
    looked up here, before the fork, and the child makes plain system calls only.
    """
    if platform == "darwin":
        import resource

        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        soft = _OPEN_FILES_DARWIN if hard == resource.RLIM_INFINITY else min(hard, _OPEN_FILES_DARWIN)
        setrlimit, which, limits = resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard)
        return lambda: setrlimit(which, limits)
    if platform == "linux" and death_signal is not None:
        import ctypes

        prctl = ctypes.CDLL(None).prctl
        host, getppid, leave, number = os.getpid(), os.getppid, os._exit, int(death_signal)

        def follow_the_host() -> None:
            prctl(_PR_SET_PDEATHSIG, number, 0, 0, 0)
            # The host may have died between the fork and the line above; no signal comes for that any more.
            if getppid() != host:
                leave(1)

        return follow_the_host
    return None


def _raise_open_files(pid: int) -> None:
    """Raise the soft limit on open files of a running process, from outside, so that no fork is needed for it."""
    import resource

    try:
        soft, hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)
        wanted = OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, OPEN_FILES)
        if soft not in (resource.RLIM_INFINITY, wanted) and soft < wanted:
            resource.prlimit(pid, resource.RLIMIT_NOFILE, (wanted, hard))
    except OSError:
        # It is gone already, or a sandbox forbids it; both show later, or not at all.
        return


def _check_cwd(request: LaunchRequest) -> None:
    cwd = request.cwd
    if cwd is None:
        return
    if not cwd.exists():
        problem = "does not exist; create it or choose another"
    elif not cwd.is_dir():
        problem = "is not a folder; choose another"
    elif not os.access(cwd, os.X_OK):
        problem = "cannot be entered; give yourself permission or choose another"
    else:
        return
    raise SpawnError(
        f"{request.name} was not started: its working directory {cwd} {problem}.", details={"cwd": str(cwd)}
    )


def _explain(request: LaunchRequest, error: Exception) -> AgentError:
    name, executable = request.name, request.argv[0] if request.argv else ""
    details: dict[str, object] = {"executable": executable, "error": str(error)}
    if not isinstance(error, OSError):
        problem = f"its arguments or its environment hold something that cannot be passed on ({error})"
    elif isinstance(error, FileNotFoundError):
        if _find(request) is None:
            return ExecutableNotFoundError(
                f"{name} was not found at {executable}; install it, or say where it is.", details=details
            )
        problem = f"{executable} is there, but the interpreter or loader that it names is not; reinstall it"
    elif isinstance(error, PermissionError):
        problem = f"{executable} may not be executed; make it executable, and look at the rights of its folder"
    elif error.errno == errno.ENOEXEC:
        problem = f"{executable} is not a program for this machine; install the build for its system and processor"
    elif error.errno == errno.E2BIG:
        problem = "its arguments and environment are too long together; shorten them"
    else:
        problem = _PASSING.get(error.errno or 0, f"the system refused ({error.strerror})")
        details["errno"] = error.errno
        return SpawnError(f"{name} was not started: {problem}.", retryable=error.errno in _PASSING, details=details)
    return SpawnError(f"{name} was not started: {problem}.", details=details)


def _find(request: LaunchRequest) -> str | None:
    """Return where the executable is, whether it may be executed or not."""
    executable = request.argv[0]
    if os.sep in executable:
        path = (request.cwd or Path()) / executable
        return str(path) if path.exists() else None
    return shutil.which(executable, mode=os.F_OK, path=os.pathsep.join(os.get_exec_path(dict(request.env))))
