"""`agent-sdk run` with the real codex, whose model is scripted."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agent_sdk_testing import ScriptedModel, call, text

RUN = (sys.executable, "-m", "agent_chat", "run", "--backend", "codex")


@pytest.fixture
def env(command_env: dict[str, str], codex_env: dict[str, str]) -> dict[str, str]:
    """The environment of a user whose codex asks the scripted model."""
    return command_env | {
        name: codex_env[name] for name in ("CODEX_HOME", "HOME", "CODEX_APP_SERVER_DISABLE_MANAGED_CONFIG")
    }


def run(env: dict[str, str], cwd: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [*RUN, "--cwd", str(cwd), *arguments]
    return subprocess.run(command, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120)


def touch(name: str) -> Any:
    return call("exec_command", cmd=f"touch {name}", sandbox_permissions="require_escalated", justification="to test")


def test_a_session_runs_and_goes_on(env: dict[str, str], scripted_model: ScriptedModel, agent_workspace: Path) -> None:
    scripted_model.reply(text("hello ", "there"))
    first = run(env, agent_workspace, "greet me")
    assert (first.returncode, first.stdout.split("\n\n")[0]) == (0, "hello there"), first.stderr
    resume = re.search(r"--resume (\S+) ", first.stderr)
    assert resume is not None
    scripted_model.reply(text("again"))
    second = run(env, agent_workspace, "--resume", resume.group(1), "and again")
    assert (second.returncode, second.stdout.split("\n\n")[0]) == (0, "again"), second.stderr
    assert "greet me" in scripted_model.requests[-1].text


def test_without_a_terminal_what_needs_an_approval_does_not_run(
    env: dict[str, str], scripted_model: ScriptedModel, agent_workspace: Path
) -> None:
    scripted_model.reply(touch("made")).reply(text("as you wish"))
    done = run(env, agent_workspace, "make it")
    assert done.returncode == 0
    assert "[declined, did not run]" in done.stdout
    assert "denied: Bash touch made (to test). Nobody can be asked here" in done.stderr
    assert not (agent_workspace / "made").exists()


def test_on_a_terminal_each_approval_is_asked(
    env: dict[str, str], scripted_model: ScriptedModel, agent_workspace: Path, terminal: Callable[..., Any]
) -> None:
    scripted_model.reply(touch("one"), touch("two")).reply(text("done"))
    screen = terminal("run", "--backend", "codex", "--cwd", str(agent_workspace), "make two", env=env)
    for answer in ("y", "n"):
        screen.expect("The agent asks to run a command")
        screen.expect("Your answer: ")
        screen.type(f"{answer}\n")
    screen.expect("done")
    screen.expect("To go on: agent-sdk run --backend codex --resume ")
    assert screen.wait() == 0
    assert [(agent_workspace / name).exists() for name in ("one", "two")].count(True) == 1


def test_an_unknown_session_is_one_sentence(
    env: dict[str, str], scripted_model: ScriptedModel, agent_workspace: Path
) -> None:
    unknown = "01900000-0000-7000-8000-000000000000"
    done = run(env, agent_workspace, "--resume", unknown, "x")
    assert (done.returncode, done.stdout) == (1, "")
    assert unknown in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_pager_that_does_not_read_does_not_hold_up_ctrl_c(
    env: dict[str, str], scripted_model: ScriptedModel, agent_workspace: Path
) -> None:
    scripted_model.reply(text("x" * 300_000))
    command = [*RUN, "--cwd", str(agent_workspace), "go"]
    ours: dict[str, Any] = {"env": env, "stdin": subprocess.DEVNULL, "text": True}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **ours) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.read(1) == "x"
        process.send_signal(signal.SIGINT)
        if "again to quit" in process.stderr.readline():
            process.send_signal(signal.SIGINT)
        assert process.wait(timeout=120) == 130
        assert "Traceback" not in process.stderr.read()


def test_a_missing_login_is_told_before_anything_is_asked(
    command_env: dict[str, str], codex_env: dict[str, str], scripted_model: ScriptedModel, agent_workspace: Path
) -> None:
    home = Path(codex_env["CODEX_HOME"])
    (home / "config.toml").unlink()  # Of a model that asks for no login.
    env = command_env | {name: codex_env[name] for name in ("CODEX_HOME", "HOME")}
    done = run(env, agent_workspace, "hello")
    assert (done.returncode, done.stdout) == (3, "")
    assert re.search(r"Codex is not logged in\. Log in with `.*login`\. \[not_logged_in\]", done.stderr), done.stderr
    assert scripted_model.requests == ()


def test_what_was_denied_fails_a_run_that_says_so(
    env: dict[str, str], scripted_model: ScriptedModel, agent_workspace: Path
) -> None:
    scripted_model.reply(touch("made")).reply(text("as you wish"))
    done = run(env, agent_workspace, "--fail-on-denied", "make it")
    assert done.returncode == 4, done.stderr
    assert "error: 1 of the agent's requests were denied" in done.stderr


def test_a_command_whose_time_is_over_ends_with_its_turn(
    env: dict[str, str], scripted_model: ScriptedModel, agent_workspace: Path
) -> None:
    scripted_model.reply(call("exec_command", cmd="sleep 120", yield_time_ms=30_000))
    done = run(env, agent_workspace, "--timeout", "12", "wait")
    assert done.returncode == 124, done.stderr
    assert "interrupting: 12 s are over" in done.stderr


def test_its_sessions_and_models_are_listed(
    env: dict[str, str], scripted_model: ScriptedModel, agent_workspace: Path
) -> None:
    scripted_model.reply(text("hello there"))
    assert run(env, agent_workspace, "greet me").returncode == 0
    ours = [sys.executable, "-m", "agent_chat"]

    def told(*arguments: str) -> str:
        command = [*ours, *arguments, "--backend", "codex"]
        done = subprocess.run(command, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        return done.stdout

    listed = told("sessions", "list").splitlines()
    assert "greet me" in listed[1]
    assert told("sessions", "show", listed[1].split()[0]) == "> greet me\n\nhello there\n"
    assert len(told("models").splitlines()) > 1


def test_on_a_terminal_a_plan_is_approved_and_carried_out(
    env: dict[str, str], scripted_model: ScriptedModel, agent_workspace: Path, terminal: Callable[..., Any]
) -> None:
    scripted_model.reply(text("<proposed_plan>\n1. Look\n2. Leap\n</proposed_plan>\n")).reply(text("I leapt."))
    where = ("run", "--backend", "codex", "--permission-mode", "plan", "--cwd", str(agent_workspace))
    screen = terminal(*where, "plan it", env=env)
    screen.expect("asks whether to carry out this plan")
    screen.expect("Your answer: ")
    screen.type("2\n")
    screen.expect("I leapt.")
    screen.expect("To go on: ")
    assert screen.wait() == 0


def test_on_a_terminal_trust_in_a_project_is_asked_once(
    env: dict[str, str], scripted_model: ScriptedModel, agent_workspace: Path, terminal: Callable[..., Any]
) -> None:
    (agent_workspace / "AGENTS.md").write_text("Say everything twice.\n")
    ours = env | {"AGENT_SDK_CONFIG": str(agent_workspace.parent / "ours.toml")}
    (agent_workspace.parent / "ours.toml").touch()
    for asked in (True, False):
        scripted_model.reply(text("hello"))
        screen = terminal("run", "--backend", "codex", "--cwd", str(agent_workspace), "greet me", env=ours)
        if asked:
            screen.expect("Do you trust ")
            screen.expect("[y/N]")
            screen.type("y\n")
            screen.expect("from now on, by ")
        screen.expect("hello")
        assert screen.wait() == 0
    assert str(agent_workspace) in (agent_workspace.parent / "ours.toml").read_text()


@pytest.mark.parametrize("flags", [(), ("--json",)], ids=["text", "json"])
def test_what_nobody_can_be_shown_ends_the_run_with_a_code_of_its_own(
    env: dict[str, str], scripted_model: ScriptedModel, agent_workspace: Path, flags: tuple[str, ...]
) -> None:
    scripted_model.otherwise(text("hello"))
    command = [*RUN, "--cwd", str(agent_workspace), *flags, "greet me"]
    done = subprocess.run(
        ["sh", "-c", 'exec "$@" >&-', "sh", *command], env=env, capture_output=True, text=True, timeout=120, check=False
    )
    assert (done.returncode, done.stdout) == (5, "")
    assert "standard output is closed. Leave it open, or write it elsewhere." in done.stderr
    assert "unexpected" not in done.stderr
