"""The real demo, as a process: the real codex, on a terminal, in a pipe, and cut off."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from agent_chat import demo_script
from agent_chat.demo import run_demo
from agent_sdk_core.messages.parse import parse_message
from agent_sdk_core.messages.result import ResultMessage
from agent_sdk_testing import scratch_folder

COMMAND = (sys.executable, "-m", "agent_chat", "demo")


@pytest.fixture
def cache() -> Iterator[Path]:
    """An empty cache folder, outside the system's temporary one, as codex needs it; the demo must leave it empty."""
    with scratch_folder(prefix="demo-test-") as folder:
        yield folder


@pytest.fixture
def env(command_env: dict[str, str], cache: Path) -> dict[str, str]:
    return command_env | {"XDG_CACHE_HOME": str(cache), "HOME": str(cache)}


def run(env: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *arguments], env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60
    )


def leftovers(cache: Path) -> list[str]:
    """Return the files and processes that are still there."""
    return [str(path) for path in cache.rglob("*") if path.name not in ("Library", "Caches")] + _processes(cache)


def _processes(cache: Path) -> list[str]:
    """Return the processes whose environment names the folder: the command's children inherit it."""
    if not Path("/proc/self/environ").exists():
        listing = subprocess.run(["ps", "-axwwE"], capture_output=True, text=True, check=True).stdout
        return [line for line in listing.splitlines() if str(cache) in line]
    found: list[str] = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if str(cache).encode() in (process / "environ").read_bytes():
                found.append((process / "cmdline").read_text())
    return found


def test_the_demo_shows_everything_in_a_pipe_and_leaves_nothing(env: dict[str, str], cache: Path) -> None:
    done = run(env)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("(A scripted model answers here, not a real one.")
    parts = (
        "thinking:",
        "I'll run the check first",
        "? The agent asks to run a command\n  $ sh check.sh",
        "[Allowed once (by the demo's script)]",
        "checking wrld!\n",
        "[exit code 0 in ",
        "-Hello, wrld!\n  +Hello, world!",
        "[Denied (by the demo's script)]",
        "[declined, did not run]",
        "- **publish.sh** did not run: you declined it",
        "[completed · ",
        "context ",
    )
    at = -1
    for part in parts:
        assert part in done.stdout, part
        assert done.stdout.index(part) > at, part
        at = done.stdout.index(part)
    assert "\x1b" not in done.stdout
    assert done.stderr.splitlines() == [
        "starting codex app-server …",
        "agent-sdk: Checked on disk: what was allowed happened, what was declined did not.",
    ]
    assert leftovers(cache) == []


def test_json_is_messages_only(env: dict[str, str], cache: Path) -> None:
    done = run(env, "--json")
    assert done.returncode == 0, done.stderr
    messages = [parse_message(json.loads(line)) for line in done.stdout.splitlines()]
    assert messages[0].type == "system"
    assert {"stream_event", "assistant", "user", "tool_progress"} <= {message.type for message in messages}
    assert isinstance(messages[-1], ResultMessage)
    assert messages[-1].outcome == "completed"
    assert leftovers(cache) == []


@pytest.mark.parametrize("arguments", [(), ("--json",)])
def test_a_reader_that_goes_away_ends_the_demo_quietly(
    env: dict[str, str], cache: Path, arguments: tuple[str, ...]
) -> None:
    with subprocess.Popen(
        [*COMMAND, *arguments],
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline()
        process.stdout.close()
        assert process.wait(60) == 141
        errors = process.stderr.read()
    assert "Traceback" not in errors
    assert "Error" not in errors
    assert leftovers(cache) == []


def test_sigterm_cleans_up(env: dict[str, str], cache: Path) -> None:
    with subprocess.Popen([*COMMAND, "--json"], env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline()
        os.kill(process.pid, signal.SIGTERM)
        process.stdout.read()
        assert process.wait(60) == 143
    assert leftovers(cache) == []


def test_without_codex_there_is_one_sentence(env: dict[str, str], cache: Path) -> None:
    done = run(env | {"AGENT_SDK_CODEX_PATH": "/nowhere/codex"})
    assert done.returncode == 1
    assert done.stderr.startswith("agent-sdk: AGENT_SDK_CODEX_PATH is '/nowhere/codex', which is not a file.")
    assert leftovers(cache) == []


def test_on_a_terminal_the_person_decides(env: dict[str, str], cache: Path, terminal: Callable[..., Any]) -> None:
    screen = terminal("demo", "--interactive", env=env)
    screen.expect("A scripted model answers here")
    screen.expect("$ sh check.sh")
    screen.expect("Your answer: ")
    screen.type("maybe\n")
    screen.expect("Type one of")
    screen.expect("Your answer: ")
    screen.type("y\n")
    screen.expect("Allowed once")
    screen.expect("typos found: 1")
    screen.expect("greeting.txt")
    screen.expect("+ Hello, world!")
    screen.expect("Your answer: ")
    screen.type("1\n")
    screen.expect("$ sh publish.sh")
    screen.expect("Your answer: ")
    screen.type("\x04")
    screen.expect("Denied: the input ended")
    screen.expect("did not run: you declined it")
    screen.expect("Checked on disk")
    assert screen.wait() == 0
    assert "Traceback" not in screen.text
    assert screen.raw.count("\x1b[?25l") == screen.raw.count("\x1b[?25h")
    assert leftovers(cache) == []


def test_ctrl_c_at_a_question_withdraws_it_and_ends_the_turn(
    env: dict[str, str], cache: Path, terminal: Callable[..., Any]
) -> None:
    screen = terminal("demo", "--interactive", env=env)
    screen.expect("Your answer: ")
    screen.type("\x03")
    screen.expect("Withdrawn: no answer is needed any more")
    screen.expect("Interrupted")
    assert screen.wait() == 130
    assert "press Ctrl-C again to quit" in screen.text
    assert "Traceback" not in screen.text
    assert leftovers(cache) == []


def test_deny_and_stop_ends_the_turn(env: dict[str, str], cache: Path, terminal: Callable[..., Any]) -> None:
    screen = terminal("demo", "--interactive", env=env)
    screen.expect("Your answer: ")
    screen.type("x\n")
    screen.expect("Denied, and the turn stops")
    assert screen.wait() == 130
    assert leftovers(cache) == []


def test_ctrl_c_before_the_first_message_quits(env: dict[str, str], cache: Path, terminal: Callable[..., Any]) -> None:
    screen = terminal("demo", env=env)
    screen.expect("starting codex app-server")
    screen.type("\x03")
    assert screen.wait() == 130
    assert "Traceback" not in screen.text
    assert leftovers(cache) == []


def test_a_demo_that_contradicts_the_disk_fails(
    env: dict[str, str], cache: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    nothing = demo_script.Proof(check=False, edit=False, publish=False)

    def read_nothing(folder: Path) -> demo_script.Proof:
        return nothing

    for name in ("XDG_CACHE_HOME", "HOME"):
        monkeypatch.setenv(name, env[name])
    monkeypatch.setattr(demo_script.Proof, "read", read_nothing)
    assert run_demo(interactive=False, as_json=False) == 1
    errors = capfd.readouterr().err
    assert "the demo went wrong: the step 'check' did not happen although it was allowed; the step 'edit'" in errors
    assert leftovers(cache) == []
