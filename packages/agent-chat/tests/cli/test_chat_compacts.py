"""`/compact` in the terminal's chat with the real agents, whose model is scripted: in a pipe and on a terminal."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agent_sdk_testing import ScriptedModel, text

SUMMARY = "<analysis>Short.</analysis><summary>They spoke of apples.</summary>"
THEIRS = ("ANTHROPIC_", "CLAUDE_", "CODEX_", "DISABLE_", "HOME")


@pytest.fixture(params=["claude", "codex"])
def agent(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def env(agent: str, command_env: dict[str, str], request: pytest.FixtureRequest) -> dict[str, str]:
    """The environment of a user whose agent asks the scripted model."""
    theirs: dict[str, str] = request.getfixturevalue(f"{agent}_env")
    own = {name: value for name, value in theirs.items() if name.startswith(THEIRS)}
    return command_env | own | {"AGENT_SDK_CONFIG": os.devnull}


def arguments(agent: str, folder: Path, tmp_path: Path) -> tuple[str, ...]:
    return ("chat", "--new", "--backend", agent, "--cwd", str(folder), "--store", str(tmp_path / "chats.db"))


def held(model: ScriptedModel) -> None:
    """Check that the agent goes on with the summary, and with nothing of what it stands for."""
    last = model.requests[-1].text
    assert "They spoke of apples." in last
    assert "A long tale of apples." not in last


def test_in_a_pipe_it_waits_for_the_summary_and_goes_on_with_it(
    agent: str, env: dict[str, str], scripted_model: ScriptedModel, agent_workspace: Path, tmp_path: Path
) -> None:
    scripted_model.reply(text("A long tale of apples.")).reply(text(SUMMARY)).reply(text("Of apples."))
    done = subprocess.run(
        [sys.executable, "-m", "agent_chat", *arguments(agent, agent_workspace, tmp_path)],
        input="Tell me a tale.\n/compact\nOf what was it?\n",
        capture_output=True,
        text=True,
        env=env,
        cwd=tmp_path,
        timeout=120,
        check=False,
    )
    assert (done.returncode, len(scripted_model.requests)) == (0, 3), done.stderr
    held(scripted_model)
    assert done.stdout.index("A long tale") < done.stdout.index("Of apples.")
    listed = subprocess.run(
        [sys.executable, "-m", "agent_chat", "chats", "list", "--json", "--store", str(tmp_path / "chats.db")],
        capture_output=True,
        text=True,
        env=env,
        timeout=120,
        check=True,
    )
    (chat,) = map(json.loads, listed.stdout.splitlines())
    assert (chat["backend"], chat["title"]) == (agent, "Tell me a tale.")


def test_on_a_terminal_it_is_shown_and_the_chat_goes_on(
    agent: str,
    env: dict[str, str],
    scripted_model: ScriptedModel,
    agent_workspace: Path,
    tmp_path: Path,
    terminal: Callable[..., Any],
) -> None:
    scripted_model.reply(text("A long tale of apples.")).reply(text(SUMMARY)).reply(text("Of apples."))
    screen = terminal(*arguments(agent, agent_workspace, tmp_path), env=env)
    screen.expect(f"{agent} · ")
    screen.type("Tell me a tale.\r")
    screen.expect("A long tale of apples.")
    screen.expect("Done")
    screen.type("/compact\r")
    screen.expect("was replaced by a summary")
    screen.type("Of what was it?\r")
    screen.expect("Of apples.")
    held(scripted_model)
    screen.type("/quit\r")
    assert screen.wait(60) == 0
