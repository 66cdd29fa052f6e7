"""Clients of others' making, with `agent-sdk acp` and the real agents behind it, whose model is scripted."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from tests.acp import installing

from agent_chat.demo.agents import AGENTS
from agent_chat.web.bundle import find_node
from agent_sdk_testing import Gate, ScriptedModel, call, text
from agent_sdk_testing.agents.environment import scratch_folder

SECONDS = 300
PROGRAMS = Path(__file__).parent / "programs"


class Client:
    """A client in a home of its own, with one of our agents.

    Attributes:
        folder: Where the agent works.
        model: What its model says.
    """

    def __init__(self, backend: str, model: ScriptedModel, folder: Path) -> None:
        self.backend = backend
        self.model = model
        self.folder = folder / "project"
        self.folder.mkdir()
        agent = next(agent for agent in AGENTS if agent.name == backend)
        node, _ = find_node()
        own = agent.environment(folder / "home", model)
        path = f"{node.parent}{os.pathsep}{os.environ['PATH']}"
        self.env = {"LANG": "C.UTF-8", **own, "PATH": path, "XDG_DATA_HOME": str(folder / "data")}
        self.node = str(node)
        self.served = [sys.executable, "-m", "agent_chat", "acp", "--backend", backend]

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        acpx = [self.node, str(installing.acpx() / "cli.js"), "--agent", " ".join(self.served)]
        return self.begin(*acpx, "--cwd", str(self.folder), "--ttl", "60", *arguments)

    def begin(self, *command: str) -> subprocess.Popen[str]:
        """Start a client."""
        pipe = subprocess.PIPE
        return subprocess.Popen(command, env=self.env, cwd=self.folder, stdin=pipe, stdout=pipe, stderr=pipe, text=True)

    def run(self, *arguments: str, code: int = 0) -> str:
        with self.start(*arguments) as process:
            stdout, stderr = process.communicate(timeout=SECONDS)
        assert process.returncode == code, (stdout, stderr)
        return stdout

    def choosing(self, outcome: str, *prompts: str) -> list[dict[str, Any]]:
        """Return how the turns of a session ended in which acpx answers every permission in one way."""
        program = str(PROGRAMS / "acpx_choice.mjs")
        state = str(self.folder.parent / "state")
        runtime = str(installing.acpx() / "runtime.js")
        with self.begin(self.node, program, runtime, outcome, state, *self.served) as process:
            stdout, stderr = process.communicate("".join(f"{prompt}\n" for prompt in prompts), timeout=SECONDS)
        assert process.returncode == 0, (stdout, stderr)
        return [json.loads(line) for line in stdout.splitlines()]

    def touch(self, name: str) -> Any:
        """Return a call that makes a file, about which the agent asks."""
        if self.backend == "codex":
            escalated = {"sandbox_permissions": "require_escalated", "justification": "to test"}
            return call("exec_command", cmd=f"touch {name}", **escalated)
        return call("Bash", command=f"touch {name}", description="to test")


@pytest.fixture(params=["claude", "codex"])
def client(request: pytest.FixtureRequest, scripted_model: ScriptedModel) -> Iterator[Client]:
    with scratch_folder(prefix="acpx-") as folder:
        yield Client(request.param, scripted_model, folder)


@pytest.mark.parametrize(("policy", "code", "made"), [("--approve-all", 0, True), ("--deny-all", 5, False)])
def test_a_permission_is_what_the_user_said(client: Client, policy: str, code: int, made: bool) -> None:
    client.model.reply(text("I make it."), client.touch("made")).reply(text("So be it."))
    told = client.run(policy, "--format", "quiet", "exec", "make it", code=code)
    assert "So be it." in told
    assert (client.folder / "made").exists() is made


def test_a_session_goes_on_in_another_process_and_is_closed(client: Client) -> None:
    client.model.reply(text("one")).reply(text("two"))
    client.run("sessions", "new")
    assert "one" in client.run("--format", "quiet", "prompt", "the first")
    assert "two" in client.run("--format", "quiet", "prompt", "the second")
    assert "the first" in client.model.requests[-1].text
    assert "plan" in client.run("set-mode", "plan")
    assert "the first" in client.run("sessions", "list")
    client.run("sessions", "close")


def test_a_turn_is_cancelled(client: Client) -> None:
    gate = Gate()
    client.model.reply(text("one ", gate, "two"))
    client.run("sessions", "new")
    with client.start("--format", "json", "prompt", "count") as running:
        assert running.stdout is not None
        for line in running.stdout:
            if "agent_message_chunk" in line:
                break
        client.run("cancel")
        rest, _ = running.communicate(timeout=SECONDS)
    gate.open()
    assert "cancelled" in rest
    client.run("sessions", "close")


@pytest.mark.parametrize(
    ("outcome", "made", "asked", "end"),
    [
        ("allow_once", True, 2, "end_turn"),
        ("allow_always", True, None, "end_turn"),
        ("reject_once", False, 2, "end_turn"),
        ("reject_always", False, 2, "end_turn"),
        ("cancel", False, 2, "cancelled"),
    ],
)
def test_every_choice_of_a_permission_is_kept(
    client: Client, outcome: str, made: bool, asked: int | None, end: str
) -> None:
    for name in ("one", "two"):
        client.model.reply(text("I make it."), client.touch(name))
        if end == "end_turn":
            client.model.reply(text("So be it."))
    first, second = client.choosing(outcome, "make one", "make two")
    assert [(client.folder / name).exists() for name in ("one", "two")] == [made, made]
    assert [turn["end"].get("stopReason") for turn in (first, second)] == [end, end]
    assert ["So be it." in turn["said"] for turn in (first, second)] == [end == "end_turn"] * 2
    assert first["asked"] == 1
    if asked is not None:
        assert second["asked"] == asked


def test_a_client_that_crashes_leaves_nothing_running(client: Client) -> None:
    gate = Gate()
    client.model.reply(text("One word after another. "), gate)
    runtime, state = str(installing.acpx() / "runtime.js"), str(client.folder.parent / "state")
    program = str(PROGRAMS / "acpx_choice.mjs")
    with client.begin(client.node, program, runtime, "allow_once", state, *client.served) as process:
        assert process.stdin is not None
        process.stdin.write("count\n")
        process.stdin.flush()
        client.model.wait_for_requests_sync(1, timeout=SECONDS)
        left: list[int] = []
        for pid in descendants(process.pid):
            with suppress(ProcessLookupError):  # What an agent ran in passing may have ended.
                left.append(os.pidfd_open(pid))
        assert left
        process.kill()
    for descriptor in left:
        ended, _, _ = select.select([descriptor], [], [], 120)
        os.close(descriptor)
        assert ended, "a process of ours outlives its client"
    gate.open()


def descendants(pid: int) -> list[int]:
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):  # It may have ended.
            for child in map(int, task.read_text().split()):
                found += [child, *descendants(child)]
    return found


@pytest.mark.parametrize("official", ["typescript", "python"])
@pytest.mark.parametrize(("choice", "made"), [("allow_once", True), ("reject_once", False)])
def test_a_client_of_an_official_package(client: Client, official: str, choice: str, made: bool) -> None:
    gate = Gate()
    client.model.reply(text("I make it."), client.touch("made")).reply(text("So be it."))
    client.model.reply(text("One word after another. "), gate)
    if official == "typescript":
        command = [client.node, str(PROGRAMS / "typescript_client.mjs"), str(installing.typescript())]
    else:
        command = [str(installing.python()), str(PROGRAMS / "python_client.py")]
    with client.begin(*command, choice, *client.served) as process:
        stdout, stderr = process.communicate(timeout=SECONDS)
    gate.open()
    assert process.returncode == 0, (stdout, stderr)
    seen = json.loads(stdout.splitlines()[-1])
    assert (client.folder / "made").exists() is made
    assert (seen["version"], seen["stops"], seen["exit"], seen["listed"]) == (1, ["end_turn", "cancelled"], 0, True)
    assert {"default", "plan"} <= set(seen["modes"])
    [kinds] = seen["asked"]
    assert {"allow_once", "reject_once"} <= set(kinds)
    assert [statuses[-1] for statuses in seen["tools"].values()] == ["completed" if made else "failed"]
    assert seen["live"].startswith("I make it.So be it.One word after another.")
    assert seen["replayed"].startswith("I make it.So be it.")


@pytest.mark.parametrize(("choice", "made"), [("allow_once", True), ("reject_once", False)])
def test_a_client_of_the_official_package_that_speaks_version_2(client: Client, choice: str, made: bool) -> None:
    gate = Gate()
    client.model.reply(text("I make it."), client.touch("made")).reply(text("So be it."))
    client.model.reply(text("One word after another. "), gate)
    program, package = str(PROGRAMS / "typescript_client_v2.mjs"), str(installing.typescript(version=2))
    with client.begin(client.node, program, package, choice, *client.served) as process:
        stdout, stderr = process.communicate(timeout=SECONDS)
    gate.open()
    assert process.returncode == 0, (stdout, stderr)
    seen = json.loads(stdout.splitlines()[-1])
    assert (client.folder / "made").exists() is made
    assert (seen["version"], seen["stops"], seen["exit"], seen["listed"]) == (2, ["end_turn", "cancelled"], 0, True)
    assert {"mode", "model"} <= set(seen["options"])
    assert seen["states"] == ["running", "requires_action", "running", "idle", "running", "idle"]
    assert seen["resumed"] == ["idle"]
    assert (seen["logins"], seen["loggedOut"]) == (["terminal"], {}), "a way to log in, and hence a way out"
    [kinds] = seen["asked"]
    assert {"allow_once", "reject_once"} <= set(kinds)
    assert [statuses[-1] for statuses in seen["tools"].values()] == ["completed" if made else "cancelled"]
    assert seen["live"].startswith("I make it.So be it.One word after another.")
    assert seen["replayed"].startswith("I make it.So be it.")
