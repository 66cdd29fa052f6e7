"""The command as a client starts it: what it costs, what it leaves behind, and what it says where."""

from __future__ import annotations

import json
import os
import resource
import select
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from agent_chat.cli.entry import plain_backend
from agent_sdk_testing import Gate, ScriptedModel, text
from agent_sdk_testing.agents.environment import scratch_folder
from agent_sdk_testing.fakes.acp import FakeAcp

HELLO = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {"protocolVersion": 1}}


def environment(command_env: dict[str, str], codex_env: dict[str, str], data: Path) -> dict[str, str]:
    names = ("CODEX_HOME", "HOME", "CODEX_APP_SERVER_DISABLE_MANAGED_CONFIG")
    return {**command_env, **{name: codex_env[name] for name in names}, "XDG_DATA_HOME": str(data)}


class Program:
    """A running `agent-sdk acp`, read line by line."""

    def __init__(self, env: dict[str, str], *arguments: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "agent_chat", "acp", *arguments],
            env=env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def send(self, message: dict[str, Any]) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(message).encode() + b"\n")
        self.process.stdin.flush()

    def until(self, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            message = json.loads(line)
            if wanted(message):
                return message
        raise AssertionError("it ended: " + str(self.process.stderr and self.process.stderr.read()))

    def call(self, request_id: int, method: str, **params: Any) -> Any:
        self.send({"jsonrpc": "2.0", "id": request_id, "method": method, "params": params})
        answer = self.until(lambda message: message.get("id") == request_id and "method" not in message)
        assert "error" not in answer, answer
        return answer["result"]

    def end(self) -> None:
        """Leave nothing of it."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(120)
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            if pipe is not None:
                pipe.close()

    def children(self) -> list[int]:
        """Return the processes that it has started, and theirs."""
        found: list[int] = []
        waiting = [self.process.pid]
        while waiting:
            parent = waiting.pop()
            for task in Path(f"/proc/{parent}/task").glob("*/children"):
                with suppress(OSError):  # Threads come and go.
                    inner = [int(pid) for pid in task.read_text().split()]
                    found += inner
                    waiting += inner
        return found


@pytest.fixture
def program(
    command_env: dict[str, str], codex_env: dict[str, str], scripted_model: ScriptedModel, tmp_path: Path
) -> Iterator[Program]:
    del scripted_model
    made = Program(environment(command_env, codex_env, tmp_path / "data"), "--backend", "codex")
    yield made
    made.end()


def test_the_first_answer_costs_little(command_env: dict[str, str]) -> None:
    """User and system time until the end of a program that was asked nothing but what it can do."""
    spent: list[float] = []
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = subprocess.run(
            [sys.executable, "-m", "agent_chat", "acp"],
            input=json.dumps(HELLO) + "\n",
            env=command_env,
            capture_output=True,
            text=True,
            timeout=120,
            check=True,
        )
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        spent.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
        assert json.loads(done.stdout)["result"]["protocolVersion"] == 1
    print(f"CPU until the first answer: {sorted(spent)} s")  # noqa: T201  # a figure to read


@pytest.mark.parametrize("backend", [("--backend", "codex"), ()], ids=["codex", "configured"])
@pytest.mark.parametrize("terminal", [True, False], ids=["terminal", "no terminal"])
def test_what_the_first_answer_does_not_need_is_not_loaded(
    command_env: dict[str, str], backend: tuple[str, ...], terminal: bool
) -> None:
    """Pydantic, the store, the agents and the other commands cost as much as all the rest, each."""
    hello = {**HELLO, "params": {"protocolVersion": 1, "clientCapabilities": {"auth": {"terminal": terminal}}}}
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "agent_chat", "acp", *backend],
        input=json.dumps(hello) + "\n",
        env=command_env,
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    loaded = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines() if line.startswith("import time:")}
    assert "agent_chat.acp.agent" in loaded
    assert bool(json.loads(done.stdout)["result"]["authMethods"]) is terminal
    heavy = {
        "pydantic",
        "sqlalchemy",
        "codex_sdk",
        "claude_sdk",
        "agent_chat.chats.service",
        "starlette",
        "rich",
        "typer",
    }
    assert loaded & heavy == set()


def test_an_agent_that_is_not_there_is_one_sentence(command_env: dict[str, str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "agent_chat", "acp", "--backend", "nonsense"],
        stdin=subprocess.DEVNULL,
        env=command_env,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1
    assert "codex" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "plain"),
    [
        (["acp"], (None,)),
        (["acp", "--backend", "codex"], ("codex",)),
        (["acp", "-b", "codex"], ("codex",)),
        (["acp", "--backend=codex"], ("codex",)),
        (["acp", "--backend"], None),
        (["acp", "--backend", "--login"], None),
        (["acp", "--help"], None),
        (["run", "x"], None),
    ],
)
def test_plain_command_lines_are_read_at_once(arguments: list[str], plain: tuple[str | None] | None) -> None:
    assert plain_backend(arguments) == plain


@pytest.mark.parametrize("ending", ["input closed", "SIGTERM", "SIGKILL"])
def test_a_client_that_disappears_leaves_nothing_running(
    program: Program, scripted_model: ScriptedModel, agent_workspace: Path, ending: str
) -> None:
    gate = Gate()
    scripted_model.reply(text("One word after another. "), gate)  # What may begin a secret waits for its end.
    program.send(HELLO)
    program.until(lambda message: message.get("id") == 1)
    session = program.call(2, "session/new", cwd=str(agent_workspace), mcpServers=[])["sessionId"]
    prompt = [{"type": "text", "text": "go"}]
    program.send(
        {"jsonrpc": "2.0", "id": 3, "method": "session/prompt", "params": {"sessionId": session, "prompt": prompt}}
    )
    program.until(lambda message: "agent_message_chunk" in str(message))
    children = program.children()
    assert children
    assert program.process.stdin is not None
    match ending:
        case "input closed":
            program.process.stdin.close()
            assert program.process.wait(120) == 0
        case "SIGTERM":
            program.process.send_signal(signal.SIGTERM)
            assert program.process.wait(120) == 143
        case _:
            program.process.kill()
            program.process.wait(120)
    gate.open()
    for child in children:
        wait_gone(child)


FOREVER = 4_102_444_800_000
LOGINS: dict[str, dict[str, Any]] = {
    "claude": {"claudeAiOauth": {"accessToken": "fake", "expiresAt": FOREVER, "scopes": ["user:inference"]}},
    "codex": {"auth_mode": "apikey", "OPENAI_API_KEY": "fake"},
}


@pytest.mark.parametrize(("backend", "version"), [("claude", 1), ("codex", 2)])
def test_a_logout_is_the_agents_own_and_the_next_session_wants_a_login(
    command_env: dict[str, str], backend: str, version: int
) -> None:
    with scratch_folder(prefix="login-") as home:
        file = home / (".claude/.credentials.json" if backend == "claude" else ".codex/auth.json")
        file.parent.mkdir(parents=True)
        file.write_text(json.dumps(LOGINS[backend]))
        own = {"HOME": str(home), "XDG_DATA_HOME": str(home / "data"), "CODEX_HOME": str(home / ".codex")}
        program = Program({**command_env, **own, "HTTPS_PROXY": "http://127.0.0.1:9"}, "--backend", backend)
        try:
            kind = "clientCapabilities" if version == 1 else "capabilities"
            given: dict[str, Any] = {
                kind: {"auth": {"terminal": True if version == 1 else {}}},
                "info": {"name": "a", "version": "1"},
            }
            hello = program.call(1, "initialize", protocolVersion=version, **given)
            assert [each["type"] for each in hello["authMethods"]] == ["terminal"]
            program.call(2, "session/new", cwd=str(home), mcpServers=[])
            assert program.call(3, "auth/logout" if version == 2 else "logout") == {}
            assert not file.exists() or "fake" not in file.read_text()
            params: dict[str, Any] = {"cwd": str(home), "mcpServers": []}
            program.send({"jsonrpc": "2.0", "id": 4, "method": "session/new", "params": params})
            error = program.until(lambda message: message.get("id") == 4)["error"]
            assert error["code"] == -32000
            assert f"{backend} " in error["message"], "it says the command that helps"
            assert program.process.stdin is not None
            program.process.stdin.close()
            assert program.process.wait(120) == 0
        finally:
            program.end()


@pytest.mark.parametrize("chosen", ["command line", "configuration", "broken configuration"])
@pytest.mark.parametrize("version", [1, 2])
def test_an_agent_of_the_configuration_is_offered_no_login_whoever_chose_it(
    command_env: dict[str, str], tmp_path: Path, version: int, chosen: str
) -> None:
    config = tmp_path / "config.toml"
    named = 'backend = "mine"\n' if chosen == "configuration" else "]" if chosen.startswith("broken") else ""
    config.write_text(f'{named}[backends.mine]\ntype = "acp"\ncommand = ["/bin/false"]\n')
    arguments = ("--backend", "mine") if chosen == "command line" else ()
    program = Program({**command_env, "AGENT_SDK_CONFIG": str(config)}, *arguments)
    try:
        kind = "clientCapabilities" if version == 1 else "capabilities"
        given: dict[str, Any] = {kind: {"auth": {"terminal": True if version == 1 else {}}}}
        hello = program.call(1, "initialize", protocolVersion=version, info={"name": "a", "version": "1"}, **given)
        assert hello["authMethods"] == []
    finally:
        program.end()


def test_the_login_at_an_agent_of_the_configuration_says_that_it_is_its_own(
    command_env: dict[str, str], tmp_path: Path
) -> None:
    config = tmp_path / "config.toml"
    with FakeAcp() as fake:
        command = json.dumps(fake.command)
        config.write_text(f'backend = "mine"\n[backends.mine]\ntype = "acp"\ncommand = {command}\n')
        done = subprocess.run(
            [sys.executable, "-m", "agent_chat", "acp", "--login"],
            env={**command_env, "AGENT_SDK_CONFIG": str(config)},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    assert (done.returncode != 0, done.stdout) == (True, "")
    assert "At mine one logs in by its own command alone" in done.stderr
    assert "Traceback" not in done.stderr


def wait_gone(pid: int) -> None:
    """Wait until a process that is nobody's child of ours has ended."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        readable, _, _ = select.select([descriptor], [], [], 120)
        assert readable, f"process {pid} still runs"
    finally:
        os.close(descriptor)


def test_what_is_printed_by_others_does_not_reach_the_client(command_env: dict[str, str]) -> None:
    code = (
        "import sys, threading\n"
        "from agent_chat.acp import stdio\n"
        "pipes = stdio.take_pipes()\n"
        "print('stray')\n"
        "import os; os.write(pipes[1], os.read(pipes[0], 100))\n"
        "assert sys.stdin.read() == ''\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], input="mine", env=command_env, capture_output=True, text=True, timeout=60
    )
    assert (done.stdout, done.stderr) == ("mine", "stray\n")
