"""The program that Codex runs as a hook: whatever goes wrong with it, what it guards does not go on."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent_sdk_testing import scratch_folder
from codex_sdk.hooks import relay


def run(path: Path, event: str, seconds: str = "5") -> subprocess.CompletedProcess[str]:
    program = [sys.executable, "-I", "-S", relay.__file__, str(path), event, seconds]
    return subprocess.run(program, input='{"a": 1}', capture_output=True, text=True, timeout=120, check=False)


@pytest.fixture
def path() -> Iterator[Path]:
    with scratch_folder(prefix="relay-") as folder:
        yield folder / "s"


def serve(path: Path, answer: bytes | None) -> list[bytes]:
    """Answer one program, or take what it says and say nothing."""
    heard: list[bytes] = []
    server = socket.socket(socket.AF_UNIX)
    server.bind(str(path))
    server.listen()

    def work() -> None:
        with server, server.accept()[0] as connection:
            while chunk := connection.recv(65_536):
                heard.append(chunk)
            if answer is None:
                threading.Event().wait(2)
            else:
                connection.sendall(answer)

    threading.Thread(target=work, daemon=True).start()
    return heard


def test_it_hands_on_what_it_is_told_and_says_what_it_is_answered(path: Path) -> None:
    heard = serve(path, json.dumps(["out", "err", 2]).encode())
    ran = run(path, "PreToolUse")
    assert (ran.stdout, ran.stderr, ran.returncode) == ("out", "err", 2)
    assert b"".join(heard) == b'{"a": 1}'


def test_it_waits_for_longer_than_a_socket_can_be_told_to(path: Path) -> None:
    serve(path, json.dumps(["out", "", 0]).encode())
    ran = run(path, "PreToolUse", str(365 * 86_400))
    assert (ran.stdout, ran.stderr, ran.returncode) == ("out", "", 0)


@pytest.mark.parametrize("answer", [b"", b"nonsense", b"[1]", None], ids=["nothing", "nonsense", "short", "late"])
def test_an_answer_that_cannot_be_used_refuses(path: Path, answer: bytes | None) -> None:
    serve(path, answer)
    ran = run(path, "PreToolUse", "0.2")
    assert ran.returncode == 2
    assert "could not be asked" in ran.stderr
    assert ran.stdout == ""


@pytest.mark.parametrize("event", ["PreToolUse", "PostToolUse", "UserPromptSubmit"])
def test_nobody_there_refuses(path: Path, event: str) -> None:
    ran = run(path, event)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert "FileNotFoundError" in ran.stderr


def test_a_compaction_is_refused_in_the_one_word_that_codex_has(path: Path) -> None:
    ran = run(path, "PreCompact")
    assert ran.returncode == 0
    assert json.loads(ran.stdout)["continue"] is False


@pytest.mark.parametrize("event", ["Stop", "SubagentStop", "SubagentStart", "PostCompact"])
def test_what_guards_nothing_lets_an_end_be_one(path: Path, event: str) -> None:
    ran = run(path, event)
    assert (ran.returncode, ran.stdout) == (0, "{}")
