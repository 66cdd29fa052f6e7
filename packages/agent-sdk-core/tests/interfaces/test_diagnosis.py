from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import anyio
import pytest

from agent_sdk_core import names
from agent_sdk_core.config.fields import BackendConfig
from agent_sdk_core.config.runtime import RuntimeConfig
from agent_sdk_core.errors import (
    ExecutableNotFoundError,
    HandshakeError,
    InvalidRequestError,
    StartupTimeoutError,
    UnsupportedVersionError,
)
from agent_sdk_core.factory.diagnose import diagnose_backend
from agent_sdk_core.interfaces.diagnosis import Diagnosis, Problem, Severity

pytestmark = pytest.mark.anyio

NOTHING = RuntimeConfig()


class Entry:
    value = "third_sdk:Backend"

    def __init__(self, name: str, loaded: Any) -> None:
        self.name = name
        self._loaded = loaded

    def load(self) -> Any:
        if isinstance(self._loaded, Exception):
            raise self._loaded
        return self._loaded


@pytest.fixture
def register(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Registers one backend, and nothing else."""

    def one(loaded: Any) -> None:
        def entry_points(group: str) -> list[Entry]:
            return [Entry("memory", loaded)] if group == names.GROUP else []

        monkeypatch.setattr(names, "entry_points", entry_points)

    return one


def problem(severity: Severity, code: str = "problem") -> Problem:
    return Problem("It is so.", "Do this.", severity, code)


@pytest.mark.parametrize(
    ("problems", "executable", "status", "usable"),
    [
        ((), "/bin/agent", "ok", True),
        ((problem("warning"),), "/bin/agent", "warning", True),
        ((problem("warning"), problem("error")), "/bin/agent", "error", False),
        ((problem("error", "executable_not_found"),), None, "missing", False),
        ((problem("error", "executable_not_found"),), "/bin/agent", "error", False),
        ((problem("error", "named_executable_not_found"),), None, "error", False),
    ],
)
def test_the_status_is_that_of_the_worst_problem(
    problems: tuple[Problem, ...], executable: str | None, status: str, usable: bool
) -> None:
    diagnosis = Diagnosis("memory", executable).with_problems(*problems)
    assert (diagnosis.status, diagnosis.usable) == (status, usable)
    assert [it.severity for it in diagnosis.problems] == sorted(it.severity for it in problems)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (
            ExecutableNotFoundError("There is no agent at /a.b/c (from X). Install it with `pip`. Or so."),
            Problem(
                "There is no agent at /a.b/c (from X).", "Install it with `pip`. Or so.", code="executable_not_found"
            ),
        ),
        (HandshakeError("agent ended: oh no"), Problem("agent ended: oh no.", "Look.", code="handshake_failed")),
        (
            UnsupportedVersionError("/bin/agent is agent 0.1.2, and 1.0.0 is needed. Install it."),
            Problem("/bin/agent is agent 0.1.2, and 1.0.0 is needed.", "Install it.", code="unsupported_version"),
        ),
    ],
)
def test_an_error_becomes_what_is_wrong_and_what_to_do(error: Any, expected: Problem) -> None:
    assert Problem.of(error, advice="Look.") == expected


async def test_a_backend_that_does_not_say_more_tells_where_its_executable_is(
    make_backend: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    backend = make_backend()
    for executable, shown in ((Path("/bin/agent"), "/bin/agent"), (None, None)):
        monkeypatch.setattr(backend, "locate", lambda executable=executable: executable)
        with anyio.fail_after(30):
            found = await backend.diagnose()
        assert (found.backend, found.executable, found.status) == (backend.type, shown, "ok")
        assert found.incomparable == "the memory backend cannot compare protocols"
    assert not backend.host.running


async def test_an_executable_that_is_not_there_is_a_finding(make_backend: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    backend = make_backend()

    def missing() -> None:
        raise ExecutableNotFoundError("It is not there. Install it.")

    monkeypatch.setattr(backend, "locate", missing)
    found = await backend.diagnose()
    assert found.status == "missing"
    assert found.problems == (Problem("It is not there.", "Install it.", code="executable_not_found"),)


async def test_by_name_it_is_the_configured_backend_that_is_looked_at(register: Any) -> None:
    made: list[dict[str, Any]] = []

    class Backend:
        def __init__(self, **settings: Any) -> None:
            made.append(settings)

        async def diagnose(self, *, timeout: float) -> Diagnosis:
            return Diagnosis("memory", version=str(timeout))

    register(Backend)
    here = Path(sys.executable)
    config = RuntimeConfig(backends={"memory": BackendConfig(executable=here)})
    assert await diagnose_backend("Memory", config=config, timeout=3) == Diagnosis("memory", version="3")
    assert await diagnose_backend(config=NOTHING, timeout=4) == Diagnosis("memory", version="4")
    assert made == [{"executable": here}, {}]


async def test_without_a_configuration_it_is_read(
    register: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("AGENT_SDK_CONFIG", os.devnull)
    monkeypatch.setenv("AGENT_SDK_MEMORY_PATH", "/nowhere/agent")
    monkeypatch.chdir(tmp_path)

    class Backend:
        def __init__(self, executable: Path | None = None) -> None:
            raise AssertionError(executable)

    register(Backend)
    found = await diagnose_backend()
    assert found.status == "error"
    assert found.problems[0].code == "named_executable_not_found"
    assert found.problems[0].what == "There is no memory executable at /nowhere/agent (from AGENT_SDK_MEMORY_PATH)."


async def test_a_package_that_does_not_load_is_a_finding(register: Any) -> None:
    register(ImportError("no module"))
    found = await diagnose_backend(config=NOTHING)
    assert found.status == "error"
    assert found.problems[0].what == "The memory backend cannot be used: ImportError: no module."


async def test_a_look_that_fails_is_a_finding(register: Any) -> None:
    class Backend:
        async def diagnose(self, *, timeout: float) -> Diagnosis:
            raise StartupTimeoutError("It did not answer. Wait.")

    register(Backend)
    assert (await diagnose_backend(config=NOTHING)).status == "error"


async def test_a_name_that_nobody_registered_is_an_error(register: Any) -> None:
    register(type)
    with pytest.raises(InvalidRequestError, match="No backend is called 'frob'"):
        await diagnose_backend("frob", config=NOTHING)
