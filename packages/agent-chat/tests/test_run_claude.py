"""`agent-sdk run` with the real claude, whose model is scripted."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agent_sdk_testing import ModelRequest, ScriptedModel, Step, call, stall, text

RUN = (sys.executable, "-m", "agent_chat", "run", "--backend", "claude")
OURS = ("ANTHROPIC_", "CLAUDE_", "DISABLE_", "HOME")


@pytest.fixture
def env(command_env: dict[str, str], claude_env: dict[str, str]) -> dict[str, str]:
    """The environment of a user whose claude asks the scripted model."""
    return command_env | {name: value for name, value in claude_env.items() if name.startswith(OURS)}


def test_options_reach_the_agent_and_json_tells_its_messages(
    env: dict[str, str], scripted_model: ScriptedModel, agent_workspace: Path
) -> None:
    scripted_model.reply(text("hello ", "there"))
    options = ("--cwd", str(agent_workspace), "--model", "another", "--effort", "low", "--json")
    done = subprocess.run(
        [*RUN, *options, "greet me"], env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert '"result":"hello there"' in done.stdout.splitlines()[-1]
    assert "To go on: agent-sdk run --backend claude --resume " in done.stderr
    asked = scripted_model.requests[0].json
    assert (asked["model"], asked["output_config"]) == ("another", {"effort": "low"})


def test_approvals_questions_and_plans_are_asked_on_a_terminal(
    env: dict[str, str], scripted_model: ScriptedModel, agent_workspace: Path, terminal: Callable[..., Any]
) -> None:
    def write_plan(request: ModelRequest) -> Step:
        path = re.search(r"(/\S+/plans/[\w-]+\.md)", request.text)
        assert path is not None
        return call("Write", file_path=path[1], content="# Plan\n\nTouch the file.\n")

    choices = [{"label": "Red", "description": "like fire"}, {"label": "Blue", "description": "like water"}]
    question = {"question": "Which colour?", "header": "Colour", "multiSelect": False, "options": choices}
    scripted_model.reply(call("AskUserQuestion", questions=[question]))
    scripted_model.reply(write_plan)
    scripted_model.reply(call("ExitPlanMode"))
    scripted_model.reply(call("Bash", command="touch made", description="Touch it"))
    scripted_model.reply(text("All done."))

    screen = terminal(
        *("run", "--backend", "claude", "--permission-mode", "plan", "--cwd", str(agent_workspace), "paint it"), env=env
    )
    screen.expect("? Which colour?")
    screen.expect("2  Blue (like water)")
    screen.expect("Your answer: ")
    screen.type("2\n")
    screen.expect("Question  Which colour?")
    screen.expect("? The agent asks whether to carry out this plan")
    screen.expect("Touch the file.")
    screen.expect("Your answer: ")
    screen.type("y\n")
    screen.expect("? The agent asks to run a command")
    screen.expect("$ touch made")
    screen.expect("Your answer: ")
    screen.type("y\n")
    screen.expect("All done.")
    assert screen.wait() == 0
    assert (agent_workspace / "made").exists()
    assert "Blue" in scripted_model.requests[1].text


def run(env: dict[str, str], cwd: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [*RUN, "--cwd", str(cwd), *arguments]
    return subprocess.run(command, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120)


def test_a_missing_login_is_told_before_anything_is_asked(
    env: dict[str, str], scripted_model: ScriptedModel, agent_workspace: Path
) -> None:
    for name in ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN"):
        env.pop(name, None)
    done = run(env, agent_workspace, "hello")
    assert (done.returncode, done.stdout) == (3, "")
    assert "Claude is not logged in. Log in with `" in done.stderr
    assert "auth login`, or set ANTHROPIC_API_KEY. [not_logged_in]" in done.stderr
    assert scripted_model.requests == ()


def test_what_was_denied_fails_a_run_that_says_so(
    env: dict[str, str], scripted_model: ScriptedModel, agent_workspace: Path
) -> None:
    scripted_model.reply(call("Bash", command="touch made", description="d")).reply(text("as you wish"))
    done = run(env, agent_workspace, "--fail-on-denied", "make it")
    assert done.returncode == 4, done.stderr
    assert "error: 1 of the agent's requests were denied" in done.stderr


def test_a_turn_whose_time_is_over_is_interrupted(
    env: dict[str, str], scripted_model: ScriptedModel, agent_workspace: Path
) -> None:
    scripted_model.reply(stall())
    done = run(env, agent_workspace, "--timeout", "15", "wait")
    assert done.returncode == 124, done.stderr
    assert "interrupting: 15 s are over" in done.stderr


def test_its_sessions_and_models_are_listed(
    env: dict[str, str], scripted_model: ScriptedModel, agent_workspace: Path
) -> None:
    scripted_model.reply(text("hello there"))
    assert run(env, agent_workspace, "greet me").returncode == 0
    ours = [sys.executable, "-m", "agent_chat"]

    def told(*arguments: str) -> str:
        command = [*ours, *arguments, "--backend", "claude"]
        done = subprocess.run(command, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        return done.stdout

    listed = told("sessions", "list").splitlines()
    assert "greet me" in listed[1]
    assert told("sessions", "show", listed[1].split()[0]) == "> greet me\n\nhello there\n"
    assert len(told("models").splitlines()) > 1
