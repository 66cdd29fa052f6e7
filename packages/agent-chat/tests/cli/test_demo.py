"""The real demo, as a process: the real agents, on a terminal, in a pipe, and cut off."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from agent_chat.cli.demo import run_demo
from agent_chat.demo import script, stage
from agent_sdk_core.errors import HandshakeError
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


@pytest.fixture
def quick(env: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Play in this process, without the pauses for readers."""
    for name in ("XDG_CACHE_HOME", "HOME"):
        monkeypatch.setenv(name, env[name])
    monkeypatch.setattr(script, "CHUNK_SECONDS", 0)
    monkeypatch.setattr(stage, "READING_SECONDS", 0)


def run(env: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *arguments], env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120
    )


def leftovers(cache: Path) -> list[str]:
    """Return the files and processes that are still there; what was killed may take a moment to be gone."""
    deadline = time.monotonic() + 30
    while (left := _processes(cache)) and time.monotonic() < deadline:
        time.sleep(0.02)
    return [str(path) for path in cache.rglob("*") if path.name not in ("Library", "Caches")] + left


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


def in_order(text: str, parts: Iterable[str]) -> None:
    at = -1
    for part in parts:
        found = text.find(part, at + 1)
        assert found > at, f"{part!r} is not where it belongs in:\n{text}"
        at = found


CONVERSATION = (
    "thinking:",
    "I'll run the check first",
    "? The agent asks to run a command\n  $ sh check.sh",
    "[Allowed once (by the demo's script)]",
    "checking wrld!\n",
    "-Hello, wrld!\n  +Hello, world!",
    "[Denied (by the demo's script)]",
    "[declined, did not run]",
    "- **publish.sh** did not run: you declined it",
    "[completed · ",
    "context ",
)


def test_both_agents_do_the_same_in_a_pipe_and_leave_nothing(env: dict[str, str], cache: Path) -> None:
    done = run(env)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("(A scripted model answers here, not a real one. The agents are the real claude and")
    same = "The conversation is the same on both: message by message, block by block, in the same order."
    numbers = ("claude   codex\n", "system/init                        1       1\n", "\nresult  ")
    beside = ("\nBeside it each agent tells", "\nstream_event  ", "Claude streams a tool's input too")
    in_order(
        done.stdout,
        ("(This is claude.)", *CONVERSATION, "(This is codex.)", *CONVERSATION, same, *numbers, *beside),
    )
    assert "\x1b" not in done.stdout
    assert done.stderr.splitlines() == [
        "starting claude and codex …",
        "agent-sdk: Checked on disk: what was allowed happened, what was declined did not.",
    ]
    assert leftovers(cache) == []


def test_on_a_wide_terminal_they_stand_side_by_side(
    env: dict[str, str], cache: Path, terminal: Callable[..., Any]
) -> None:
    screen = terminal("demo", env=env)
    screen.expect("claude ")
    screen.expect("│ codex")
    screen.expect("Done")
    screen.expect("The conversation is the same on both")
    screen.expect("Checked on disk")
    assert screen.wait() == 0
    assert any(line.count("The agent asks to run a command") == 2 for line in screen.text.splitlines())
    assert "Traceback" not in screen.text
    assert screen.raw.count("\x1b[?25l") == screen.raw.count("\x1b[?25h")
    assert leftovers(cache) == []


def test_without_one_of_them_the_demo_plays_with_the_other(env: dict[str, str], cache: Path) -> None:
    done = run(env | {"AGENT_SDK_CLAUDE_PATH": "/nowhere/claude"})
    assert done.returncode == 0
    notice = "agent-sdk: warning: claude is not shown. There is no claude executable at /nowhere/claude (from "
    assert done.stderr.startswith(notice)
    assert "The agent is the real codex.)" in done.stdout
    in_order(done.stdout, (*CONVERSATION, "What it sent: codex\n", "tool_progress "))
    assert "Claude" not in done.stdout
    assert leftovers(cache) == []


def test_json_is_messages_only_one_agent_after_the_other(
    quick: None, cache: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    assert run_demo(interactive=False, as_json=True) == 0
    lines = capfdbinary.readouterr().out.splitlines()
    messages = [parse_message(json.loads(line)) for line in lines]
    assert list(dict.fromkeys(json.loads(line)["backend"] for line in lines)) == ["claude", "codex"]
    assert messages[0].type == "system"
    assert {"stream_event", "assistant", "user", "tool_progress"} <= {message.type for message in messages}
    assert len(dict.fromkeys(message.session_id for message in messages)) == 2
    results = [message for message in messages if isinstance(message, ResultMessage)]
    assert [result.outcome for result in results] == ["completed", "completed"]
    assert messages[-1] is results[-1]
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
        assert process.wait(120) == 141
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
        assert process.wait(120) == 143
    assert leftovers(cache) == []


def test_without_any_of_them_there_is_one_line(env: dict[str, str], cache: Path) -> None:
    done = run(env | {"AGENT_SDK_CODEX_PATH": "/nowhere/codex", "AGENT_SDK_CLAUDE_PATH": "/nowhere/claude"})
    assert (done.returncode, done.stdout) == (1, "")
    missing = "There is nothing to show: claude is not shown. There is no claude executable at /nowhere/claude (from "
    assert done.stderr.startswith(f"agent-sdk: {missing}")
    assert "codex is not shown. There is no codex executable at /nowhere/codex (from " in done.stderr
    assert done.stderr.count("\n") == 1


def test_an_agent_that_the_demo_does_not_know_is_a_usage_error(env: dict[str, str], cache: Path) -> None:
    done = run(env, "--backend", "frob")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "agent-sdk: The demo does not know the agent 'frob'; it plays with claude, codex.\n"
    assert leftovers(cache) == []


def test_on_a_terminal_the_person_decides(env: dict[str, str], cache: Path, terminal: Callable[..., Any]) -> None:
    screen = terminal("demo", "--interactive", "--backend", "codex", env=env)
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
    screen = terminal("demo", "--interactive", "--backend", "codex", env=env)
    screen.expect("Your answer: ")
    screen.type("\x03")
    screen.expect("Withdrawn: no answer is needed any more")
    screen.expect("Interrupted")
    assert screen.wait() == 130
    assert "press Ctrl-C again to quit" in screen.text
    assert "Traceback" not in screen.text
    assert leftovers(cache) == []


def test_deny_and_stop_ends_the_turn(env: dict[str, str], cache: Path, terminal: Callable[..., Any]) -> None:
    screen = terminal("demo", "--interactive", "--backend", "codex", env=env)
    screen.expect("Your answer: ")
    screen.type("x\n")
    screen.expect("Denied, and the turn stops")
    assert screen.wait() == 130
    assert leftovers(cache) == []


def test_ctrl_c_before_the_first_message_quits(env: dict[str, str], cache: Path, terminal: Callable[..., Any]) -> None:
    screen = terminal("demo", "--backend", "codex", env=env)
    screen.expect("starting codex …")
    screen.type("\x03")
    assert screen.wait() == 130
    assert "KeyboardInterrupt" not in screen.text
    assert leftovers(cache) == []


def test_a_demo_that_contradicts_the_disk_fails(
    quick: None, cache: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    nothing = script.Proof(check=False, edit=False, publish=False)

    def read_nothing(folder: Path) -> script.Proof:
        return nothing

    monkeypatch.setattr(script.Proof, "read", read_nothing)
    assert run_demo("codex", interactive=False, as_json=False) == 1
    errors = capfd.readouterr().err
    assert (
        "the demo went wrong: codex: the step 'check' did not happen although it was allowed; codex: the step 'edit'"
        in errors
    )
    assert leftovers(cache) == []


@pytest.mark.parametrize("moment", ["│ codex", "I'll run the check first"])
def test_ctrl_c_ends_both(env: dict[str, str], cache: Path, terminal: Callable[..., Any], moment: str) -> None:
    screen = terminal("demo", env=env)
    screen.expect(moment)
    screen.type("\x03")
    assert screen.wait() == 130
    assert "Traceback" not in screen.text
    # It may come before the cursor was ever hidden.
    assert screen.raw.rfind("\x1b[?25h") >= screen.raw.rfind("\x1b[?25l")
    assert leftovers(cache) == []


def test_where_a_person_answers_they_come_one_after_the_other(
    env: dict[str, str], cache: Path, terminal: Callable[..., Any]
) -> None:
    screen = terminal("demo", "--interactive", env=env)
    for name in ("claude", "codex"):
        screen.expect(f"starting {name} …")
        for answer in ("y", "y", "n"):
            screen.expect("Your answer: ")
            screen.type(f"{answer}\n")
        screen.expect("did not run: you declined it")
    screen.expect("The conversation is the same on both")
    assert screen.wait() == 0
    assert leftovers(cache) == []


def test_a_demo_that_one_agent_cannot_play_fails(
    quick: None, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    broken = tmp_path / "claude"
    broken.write_text("#!/bin/sh\necho 'no, thank you' >&2\nexit 3\n")
    broken.chmod(0o755)
    monkeypatch.setenv("AGENT_SDK_CLAUDE_PATH", str(broken))
    with pytest.raises(HandshakeError, match="claude ended during its start: no, thank you"):
        run_demo(interactive=False, as_json=False)
    out = capfd.readouterr().out
    assert "error: claude ended during its start: no, thank you\n" in out
    assert "[completed · " in out
    assert leftovers(cache) == []
