"""opencode and Gemini CLI behind the interfaces, offline: prompts, approvals, interrupts, settings, the command."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import subprocess
import sys
import termios
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from tests.acp.agents import GeminiAgent, RealAgent

from agent_chat.demo import script
from agent_chat.demo.agents import DemoAgent
from agent_sdk_core import (
    Allow,
    AssistantMessage,
    Deny,
    ElicitationAnswer,
    ElicitationRequest,
    PermissionRequest,
    SessionOptions,
    UnsupportedOptionError,
    UserMessage,
)
from agent_sdk_testing import Gate, ScriptedModel, Step, run_command, text, write_file
from agent_sdk_testing.contract.cases.test_tools import SERVERS

pytestmark = pytest.mark.anyio


def results(messages: list[Any]) -> list[Any]:
    return [result for message in messages if isinstance(message, UserMessage) for result in message.tool_results]


async def test_a_task_with_its_approvals(agent: RealAgent, scripted_model: ScriptedModel) -> None:
    asked: list[PermissionRequest] = []

    async def decide(request: PermissionRequest) -> Allow:
        asked.append(request)
        return Allow()

    path = agent.workspace / "notes.txt"
    scripted_model.reply(text("I will ", "write."), write_file(path, "one\n"))
    scripted_model.reply(run_command("cat notes.txt > copy.txt"))
    scripted_model.reply(text("Both are ", "written."))
    async with agent.session(can_use_tool=decide) as session:
        result = await session.run("Write it down.")
        assert result.outcome == "completed"
        assert result.result == "Both are written."
        told = list(await session.history())
    assert [request.tool_name for request in asked] == ["Write", "Bash"]
    assert asked[0].input == {"file_path": str(path), "content": "one\n"}
    assert asked[1].input["command"] == "cat notes.txt > copy.txt"
    assert (agent.read("notes.txt"), agent.read("copy.txt")) == ("one\n", "one\n")
    uses = [use for message in told if isinstance(message, AssistantMessage) for use in message.tool_uses]
    assert [use.name for use in uses] == ["Write", "Bash"]
    assert [result.tool_use_id for result in results(told)] == [use.id for use in uses]
    scripted_model.check()


async def test_a_refusal(agent: RealAgent, scripted_model: ScriptedModel) -> None:
    async def decide(request: PermissionRequest) -> Deny:
        return Deny()

    scripted_model.reply(run_command("touch made.txt")).otherwise(text("Well."))
    async with agent.session(can_use_tool=decide) as session:
        result = await session.run("Touch it.")
    assert not agent.exists("made.txt")
    assert [denial["tool_name"] for denial in result.permission_denials] == ["Bash"]


async def test_nobody_allows(agent: RealAgent, scripted_model: ScriptedModel) -> None:
    scripted_model.reply(run_command("touch made.txt")).otherwise(text("Well."))
    async with agent.session() as session:
        await session.run("Touch it.")
    assert not agent.exists("made.txt")


async def test_what_is_allowed_for_good_is_not_asked_again(agent: RealAgent, scripted_model: ScriptedModel) -> None:
    asked: list[PermissionRequest] = []

    async def decide(request: PermissionRequest) -> Allow:
        asked.append(request)
        return Allow("always")

    for _ in range(2):
        scripted_model.reply(run_command("touch made.txt")).reply(text("Done."))
    async with agent.session(can_use_tool=decide) as session:
        await session.run("Touch it.")
        await session.run("Again.")
    assert agent.exists("made.txt")
    assert len(asked) == 1


async def test_an_interrupt(agent: RealAgent, scripted_model: ScriptedModel) -> None:
    hold = Gate()
    scripted_model.reply(text("I am ", hold, "thinking.")).otherwise(text("Yes."))
    async with agent.session() as session:
        async with session.query("Think.") as turn:
            async for message in turn:
                if message.type == "stream_event" and getattr(message, "text", ""):
                    await session.interrupt()
                    break
            assert (await turn.wait()).outcome == "interrupted"
        hold.open()
        assert (await session.run("Are you there?")).outcome == "completed"


async def test_what_an_mcp_server_asks_reaches_nobody(agent: RealAgent, scripted_model: ScriptedModel) -> None:
    """Their clients of MCP servers take no forms; one that does has the cases of the contract suite for it."""
    asked: list[ElicitationRequest] = []

    async def answer(request: ElicitationRequest) -> ElicitationAnswer:
        asked.append(request)
        return ElicitationAnswer("accept", {"name": "Ada"})

    async def allow(request: PermissionRequest) -> Allow:
        return Allow()

    scripted_model.reply(agent.mcp_tool("bench", "ask")).otherwise(text("Well."))
    async with agent.session(mcp_servers=SERVERS, can_use_tool=allow, on_elicitation=answer) as session:
        result = await session.run("Ask.")
    assert (result.outcome, asked) == ("completed", [])


class Playing(DemoAgent):
    """An agent of others in the demo's task.

    Args:
        agent: The agent.
    """

    def __init__(self, agent: RealAgent) -> None:
        self.agent = agent
        self.name = agent.name

    def find(self) -> Path:
        return self.agent.executable

    def environment(self, folder: Path, model: ScriptedModel) -> dict[str, str]:
        del folder, model
        return self.agent.env

    def run(self, command: str, why: str) -> Step:
        del why
        return self.agent.command(command)

    def edit(self, file: Path, old: str, new: str) -> Step:
        return self.agent.patch(update={file.name: [(old, new)]})[-1]


async def test_the_task_of_the_demo(agent: RealAgent, scripted_model: ScriptedModel) -> None:
    answers: dict[script.Step, bool] = {}

    async def decide(request: PermissionRequest) -> Allow | Deny:
        step = script.step_of(request)
        assert step is not None
        answers[step] = step != "publish"
        return Allow() if answers[step] else Deny()

    script.write_project(agent.workspace)
    if agent.name == "opencode":  # It edits no file that it has not read.
        scripted_model.reply(agent.patch(update={"greeting.txt": [("", "")]})[0])
    script.script(scripted_model, Playing(agent), agent.workspace)
    async with agent.session(can_use_tool=decide) as session:
        result = await session.run(script.PROMPT)
    proof = script.Proof.read(agent.workspace)
    assert (result.outcome, proof.contradictions(answers)) == ("completed", [])
    assert result.result == proof.report()
    assert [denial["tool_name"] for denial in result.permission_denials] == ["Bash"]
    scripted_model.check()


async def test_modes_and_models(agent: RealAgent, scripted_model: ScriptedModel) -> None:
    scripted_model.otherwise(text("Hi."))
    async with agent.session(permission_mode="plan", model=agent.other_models[0]) as session:
        assert (session.info.permission_mode, session.info.model) == ("plan", agent.other_models[0])
        await session.run("Hi")
        assert scripted_model.requests[-1].model == agent.other_models[0].rpartition("/")[2]
        await session.set_permission_mode("default")
        assert session.info.permission_mode == "default"
        with pytest.raises(UnsupportedOptionError, match="it offers"):
            await session.set_model("no-such-model")


async def test_a_session_goes_on(agent: RealAgent, scripted_model: ScriptedModel) -> None:
    scripted_model.otherwise(text("Noted."))
    async with agent.backend() as backend:
        async with await agent.open(backend) as session:
            await session.run("The word is plinth.")
        if not backend.capabilities.list_sessions:  # Gemini CLI lists none.
            with pytest.raises(UnsupportedOptionError, match="cannot list"):
                await backend.list_sessions()
            async with backend.resume(session.session_id, SessionOptions(cwd=agent.workspace)) as again:
                await again.run("What is the word?")
            assert "plinth" in scripted_model.requests[-1].text
            return
        (stored,) = await backend.list_sessions(cwd=agent.workspace)
        assert stored.session_id == session.session_id
        told = await backend.read_history(stored.session_id)
        assert [message.type for message in told] == ["user", "assistant"]
        async with backend.resume(stored.session_id) as again:
            assert len(await again.history()) == 2
            await again.run("What is the word?")
            assert "plinth" in scripted_model.requests[-1].text
        async with backend.create_session(
            SessionOptions(cwd=agent.workspace, resume=stored.session_id, fork=True)
        ) as copy:
            assert copy.session_id != stored.session_id


@pytest.mark.parametrize("agent", [GeminiAgent], ids=["gemini"], indirect=True)
async def test_a_session_is_opened_again_in_the_minute_in_which_it_was_made(
    agent: RealAgent, scripted_model: ScriptedModel
) -> None:
    """Gemini CLI would clear it: the backend waits until the minute is over."""
    agent.env.pop("NODE_OPTIONS")
    scripted_model.otherwise(text("Noted."))
    async with agent.session() as session:
        await session.run("The word is plinth.")
    async with agent.session(resume=session.session_id) as again:
        assert [message.type for message in await again.history()][-2:] == ["user", "assistant"]
        agent.kill(again)
        await again.run("What is the word?")
        assert "plinth" in scripted_model.requests[-1].text


async def test_a_killed_agent(agent: RealAgent, scripted_model: ScriptedModel) -> None:
    hold = Gate()
    scripted_model.reply(text("I am ", hold, "thinking."))
    async with agent.backend() as backend, await agent.open(backend) as session:
        async with session.query("Think.") as turn:
            async for message in turn:
                if message.type == "stream_event" and getattr(message, "text", ""):
                    os.kill(backend.pids[0], 9)  # type: ignore[attr-defined]  # of the backend of ACP alone
                    break
            result = await turn.wait()
        hold.open()
        assert result.outcome == "failed"


def configured(agent: RealAgent) -> tuple[list[str], dict[str, str]]:
    """Return the command that runs an agent as somebody has configured it, and its environment."""
    command = json.dumps([str(agent.wrapper), *agent.rest])
    config = agent.folder / "config.toml"
    config.write_text(f'[backends.{agent.name}]\ntype = "acp"\ncommand = {command}\n')
    run = [sys.executable, "-m", "agent_chat", "run", "-b", agent.name, "--cwd", str(agent.workspace)]
    return run, {**agent.env, "AGENT_SDK_CONFIG": str(config)}


@pytest.mark.parametrize("answer", ["y", "n"])
def test_the_command_asks_at_its_terminal_what_the_agent_wants(
    agent: RealAgent, scripted_model: ScriptedModel, answer: str
) -> None:
    run, env = configured(agent)
    scripted_model.reply(text("I make it."), run_command("echo a > made.txt")).reply(text("So be it."))
    near, far = pty.openpty()
    with subprocess.Popen(
        [*run, "Make it"],
        env={**env, "TERM": "xterm-256color"},
        stdin=far,
        stdout=far,
        stderr=far,
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # What it asks, it asks at its own terminal.
    ) as process:
        os.close(far)
        shown, typed = "", False
        with suppress(OSError):  # Linux reports so that the other end has been closed.
            while data := os.read(near, 65_536):
                shown += data.decode("utf-8", "replace")
                if "Your answer: " in shown and not typed:
                    typed = True
                    os.write(near, f"{answer}\n".encode())
        os.close(near)
        code = process.wait(120)
    assert typed, shown
    assert (code, "So be it." in shown) == (0, True), shown
    assert (agent.workspace / "made.txt").exists() is (answer == "y")


def test_the_command_runs_an_agent_that_the_configuration_names(
    agent: RealAgent, scripted_model: ScriptedModel
) -> None:
    run, env = configured(agent)
    scripted_model.reply(text("Hello ", "there."))
    done = subprocess.run(
        [*run, "Hi"],
        env=env,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("Hello there.\n")
