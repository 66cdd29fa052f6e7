"""`agent-sdk schema check` says whether an installed codex fits, to people and to programs, and by its exit code."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from agent_chat.cli import schema as schema_check
from agent_chat.settings import UsageError
from agent_sdk_core.interfaces.diagnosis import DriftVerdict, ProtocolDrift

Found = Callable[[ProtocolDrift], None]


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch) -> Found:
    """Make a comparison end so."""

    def end(drift: ProtocolDrift) -> None:
        class Backend:
            @classmethod
            async def check_protocol(cls, executable: Path | None) -> ProtocolDrift:
                assert executable == Path("/x/codex")
                return drift

        def load(name: str) -> type[Backend]:
            assert name == "codex"
            return Backend

        monkeypatch.setattr(schema_check, "load_backend", load)

    return end


def drift(verdict: DriftVerdict, *problems: str) -> ProtocolDrift:
    return ProtocolDrift(
        "2.0.0", "1.0.0", verdict, problems, ("thread/dream (request)",), ("a (request)",), ("b\x1b[2J",)
    )


def run(*arguments: str, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "agent_chat", "schema", "check", *arguments]
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=120, check=False)


def test_additions_are_named_and_are_no_failure(found: Found, capsys: pytest.CaptureFixture[str]) -> None:
    found(ProtocolDrift("2.0.0", "1.0.0", "compatible", added=("thread/dream (request)",)))
    assert schema_check.check_schema("codex", "/x/codex", as_json=False) == 0
    assert capsys.readouterr().out.splitlines() == [
        "codex 2.0.0; this SDK was made for 1.0.0.",
        "It works: nothing that this SDK uses is gone or changed.",
        "",
        "New: 1",
        "  + thread/dream (request)",
    ]


@pytest.mark.parametrize(
    ("verdict", "sentence"),
    [
        ("reduced", "Sessions work, but what needs these does not:"),
        ("incompatible", "It does not work, because of these:"),
    ],
)
def test_what_is_used_and_gone_is_named_first_and_is_a_failure(
    found: Found, capsys: pytest.CaptureFixture[str], verdict: DriftVerdict, sentence: str
) -> None:
    found(drift(verdict, "a: removed (request)"))
    assert schema_check.check_schema("codex", "/x/codex", as_json=False) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[1:3] == [sentence, "  a: removed (request)"]
    assert lines[3:] == ["", "New: 1", "  + thread/dream (request)", "", "Gone: 1", "  - a (request)", "", *lines[-2:]]
    assert lines[-2] == "Changed: 1"
    assert "\x1b" not in lines[-1]


def test_programs_get_one_object(found: Found, capsys: pytest.CaptureFixture[str]) -> None:
    found(drift("reduced", "a: removed (request)"))
    assert schema_check.check_schema("codex", "/x/codex", as_json=True) == 1
    out = capsys.readouterr().out
    assert out.count("\n") == 1
    assert json.loads(out) == {
        "version": "2.0.0",
        "shipped_version": "1.0.0",
        "verdict": "reduced",
        "compatible": False,
        "runs": True,
        "problems": ["a: removed (request)"],
        "added": ["thread/dream (request)"],
        "removed": ["a (request)"],
        "changed": ["b\x1b[2J"],
    }


def test_a_backend_that_nobody_registered_is_refused() -> None:
    with pytest.raises(UsageError, match="nope"):
        schema_check.check_schema("nope", None, as_json=False)


def test_the_bundled_codex_is_the_one_that_the_sdk_was_made_for(command_env: dict[str, str]) -> None:
    done = run("--json", env=command_env)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["verdict"] == "same"


@pytest.mark.parametrize("path", ["/nowhere/codex", sys.executable])
def test_what_cannot_be_compared_ends_with_two_and_a_sentence(command_env: dict[str, str], path: str) -> None:
    done = run("--codex", path, env=command_env)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("agent-sdk: ")
    assert done.stderr.count("\n") == 1
