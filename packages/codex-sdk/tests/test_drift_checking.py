"""The installed binary is asked for its protocol in an environment of its own; whatever it does, there is an answer."""

from __future__ import annotations

import os
from pathlib import Path

import anyio
import pytest

from agent_sdk_core.errors import (
    AgentError,
    ExecutableNotFoundError,
    HandshakeError,
    ProtocolError,
    StartupTimeoutError,
    UnsupportedVersionError,
)
from codex_sdk.backend import CodexBackend
from codex_sdk.drift import check, shipped_surface
from codex_sdk.process.executable import find_executable

pytestmark = pytest.mark.anyio


def script(folder: Path, body: str) -> Path:
    path = folder / "codex"
    path.write_text(f'#!/bin/sh\n[ "$1" = --version ] && {{ echo "codex-cli 1.2.3"; exit 0; }}\n{body}\n')
    path.chmod(0o755)
    return path


@pytest.fixture
def pinned() -> Path:
    return find_executable(None, {})


async def test_the_pinned_binary_speaks_the_shipped_protocol(pinned: Path) -> None:
    with anyio.fail_after(60):
        drift = await check(pinned)
    review = "\n".join(["The protocol has changed. Review:", *map(str, drift.changes), "then: uv run nox -s schema"])
    assert drift.changes == (), review
    assert (drift.found, drift.verdict) == (shipped_surface().version, "same")


async def test_the_backend_compares_the_binary_that_it_would_start(
    pinned: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AGENT_SDK_CODEX_PATH", str(pinned))
    with anyio.fail_after(60):
        found = await CodexBackend.check_protocol()
    assert (found.verdict, found.version) == ("same", found.shipped_version)


async def test_the_binary_sees_nothing_of_our_environment_but_the_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "not-a-key")
    monkeypatch.setenv("CODEX_HOME", "/never")
    seen = tmp_path / "seen"
    with anyio.fail_after(60), pytest.raises(HandshakeError):
        await check(script(tmp_path, f"env > {seen}; exit 3"))
    environment = {line.partition("=")[0]: line.partition("=")[2] for line in seen.read_text().splitlines()}
    assert "OPENAI_API_KEY" not in environment
    assert environment["CODEX_HOME"] == environment["HOME"] != "/never"
    assert environment["PATH"] == os.environ["PATH"]
    assert not Path(environment["HOME"]).exists()


@pytest.mark.parametrize(
    ("body", "error", "words"),
    [
        (
            "echo \"error: unrecognized subcommand 'generate-json-schema'\" >&2; exit 2",
            UnsupportedVersionError,
            "too old",
        ),
        ("echo disk full >&2; exit 7", HandshakeError, "could not be asked .*disk full"),
        ("exit 0", ProtocolError, "What codex 1.2.3 tells of its protocol cannot be read"),
    ],
)
async def test_what_it_cannot_tell_is_said_in_a_sentence(
    tmp_path: Path, body: str, error: type[AgentError], words: str
) -> None:
    with anyio.fail_after(60), pytest.raises(error, match=words):
        await check(script(tmp_path, body))


async def test_a_bundle_of_something_else_is_refused(tmp_path: Path) -> None:
    body = 'for last; do :; done; mkdir -p "$last"; echo "{}" > "$last/codex_app_server_protocol.schemas.json"'
    with anyio.fail_after(60), pytest.raises(ProtocolError, match="no schema bundle"):
        await check(script(tmp_path, body))


async def test_what_is_no_codex_is_refused(tmp_path: Path) -> None:
    path = script(tmp_path, "")
    path.write_text("#!/bin/sh\necho hello\n")
    with anyio.fail_after(60), pytest.raises(HandshakeError, match=r"is no codex.*'hello'"):
        await check(path)


async def test_a_missing_binary_is_named(tmp_path: Path) -> None:
    with anyio.fail_after(60), pytest.raises(ExecutableNotFoundError, match="nowhere"):
        await check(tmp_path / "nowhere")


async def test_one_that_hangs_is_ended_with_its_children(tmp_path: Path) -> None:
    path = script(tmp_path, "sleep 600 & sleep 600")
    with anyio.fail_after(60), pytest.raises(StartupTimeoutError, match=r"within 0\.5 s"):
        await check(path, timeout=0.5)
