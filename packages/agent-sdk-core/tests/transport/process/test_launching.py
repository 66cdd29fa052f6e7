from __future__ import annotations

import errno
import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from agent_sdk_core.errors import AgentError, ExecutableNotFoundError, SpawnError
from agent_sdk_core.transport.process import launching
from agent_sdk_core.transport.process.launching import LaunchRequest, launch

ENV = {"PATH": os.environ["PATH"]}
OPEN_FILES = "import resource; print(resource.getrlimit(resource.RLIMIT_NOFILE))"


def request(*argv: str, cwd: Path | None = None, death: int | None = None) -> LaunchRequest:
    return LaunchRequest("codex", argv, ENV, cwd, death)


def refused(error: type[AgentError], wanted: LaunchRequest) -> AgentError:
    before = len(list(Path("/dev/fd").iterdir()))
    with pytest.raises(error) as caught:
        launch(wanted)
    assert type(caught.value) is error
    assert len(list(Path("/dev/fd").iterdir())) == before
    return caught.value


def output_of(code: str, *, platform: str = sys.platform, death: int | None = None) -> str:
    launched = launch(request(sys.executable, "-c", f"input()\n{code}", death=death), platform=platform)
    os.write(launched.stdin, b"\n")
    os.set_blocking(launched.stdout, True)
    with os.fdopen(launched.stdout) as stdout:
        text = stdout.read()
    launched.process.wait(30)
    os.close(launched.stdin)
    os.close(launched.stderr)
    return text.strip()


def test_an_executable_that_is_not_there_is_said_to_be_missing(tmp_path: Path) -> None:
    for executable in ["no-such-agent", str(tmp_path / "no-such-agent"), "./no-such-agent"]:
        error = refused(ExecutableNotFoundError, request(executable, cwd=tmp_path))
        assert executable in error.message
        assert error.details["executable"] == executable


def test_a_working_directory_that_cannot_be_used_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "file"
    file.touch()
    error = refused(SpawnError, request(sys.executable, cwd=tmp_path / "gone"))
    assert f"{tmp_path / 'gone'} does not exist" in error.message
    assert "is not a folder" in refused(SpawnError, request(sys.executable, cwd=file)).message

    def no_access(path: object, mode: int) -> bool:
        return False

    monkeypatch.setattr(os, "access", no_access)
    assert "cannot be entered" in refused(SpawnError, request(sys.executable, cwd=tmp_path)).message


def test_a_file_that_is_not_executable_is_said_to_be(tmp_path: Path) -> None:
    file = tmp_path / "agent"
    file.write_text("#!/bin/sh\n")
    assert "may not be executed" in refused(SpawnError, request(str(file))).message


def test_a_file_that_is_no_program_is_said_to_be(tmp_path: Path) -> None:
    file = tmp_path / "agent"
    file.write_bytes(b"\x7fnothing")
    file.chmod(0o755)
    assert "not a program for this machine" in refused(SpawnError, request(str(file))).message


def test_a_script_without_its_interpreter_is_not_called_missing(tmp_path: Path) -> None:
    file = tmp_path / "agent"
    file.write_text("#!/no/such/interpreter\n")
    file.chmod(0o755)
    assert "interpreter or loader" in refused(SpawnError, request(str(file))).message


def test_arguments_that_cannot_be_passed_on_are_refused() -> None:
    assert "cannot be passed on" in refused(SpawnError, request(sys.executable, "a\0b")).message
    assert "too long together" in refused(SpawnError, request(sys.executable, *["x" * 100_000] * 100)).message
    assert "was not started" in refused(SpawnError, request()).message


@pytest.mark.parametrize(
    ("number", "text", "retryable"),
    [
        (errno.EMFILE, "too many files are open", True),
        (errno.EAGAIN, "no memory or no process left", True),
        (errno.ETXTBSY, "being written", True),
        (errno.EIO, "the system refused", False),
    ],
)
def test_what_the_system_lacks_is_named(
    monkeypatch: pytest.MonkeyPatch, number: int, text: str, retryable: bool
) -> None:
    def fail(*arguments: object, **options: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(subprocess, "Popen", fail)
    error = refused(SpawnError, request(sys.executable))
    assert text in error.message
    assert error.retryable is retryable


def test_windows_gets_one_clear_error() -> None:
    with pytest.raises(SpawnError, match="WSL"):
        launching.check_platform("win32")
    launching.check_platform()


def test_the_child_may_open_as_many_files_as_its_hard_limit_allows() -> None:
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    soft = min(hard, launching.OPEN_FILES)
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
    try:
        assert output_of(OPEN_FILES) == str((soft, hard))
        assert output_of(OPEN_FILES, platform="darwin") == str((min(hard, 10_240), hard))
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (256, hard)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_a_limit_that_cannot_be_raised_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: object) -> tuple[int, int]:
        raise PermissionError

    monkeypatch.setattr(resource, "prlimit", refuse)
    assert output_of("print('ran')") == "ran"


def test_the_parent_death_signal_is_set() -> None:
    code = "import ctypes; n = ctypes.c_int(); ctypes.CDLL(None).prctl(2, ctypes.byref(n)); print(n.value)"
    assert output_of(code, death=signal.SIGTERM) == str(int(signal.SIGTERM))
    assert output_of(code) == "0"


def test_a_child_whose_host_died_before_it_asked_to_be_told_ends_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    host = os.getpid()
    monkeypatch.setattr(os, "getpid", lambda: host + 1)
    launched = launch(request(sys.executable, "-c", "", death=signal.SIGTERM))
    assert launched.process.wait(30) == 1
    for descriptor in (launched.stdin, launched.stdout, launched.stderr, launched.ending.fileno()):
        os.close(descriptor)
