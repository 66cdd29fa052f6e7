from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import anyio
import pytest

from agent_sdk_testing import FakeClaude, FakeControl, FakePrompt

Json = dict[str, Any]
Connect = Callable[..., "Client"]


class Client:
    """The other end of a fake's pipes, spoken to line by line."""

    def __init__(self, claude: FakeClaude, *arguments: str, cwd: Path | None = None) -> None:
        self.process = subprocess.Popen(
            [claude.executable, *arguments], cwd=cwd, env={"PATH": os.environ["PATH"]},
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        self._count = 0

    def send(self, frame: Json) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(frame).encode() + b"\n")
        self.process.stdin.flush()

    def control(self, subtype: str, **fields: object) -> Json:
        self._count += 1
        self.send(
            {"type": "control_request", "request_id": str(self._count), "request": {"subtype": subtype, **fields}}
        )
        return self.read()["response"]

    def prompt(self, uuid: str = "u1", content: object = "Hi", **fields: object) -> None:
        self.send({"type": "user", "uuid": uuid, "message": {"role": "user", "content": content}, **fields})

    def line(self) -> bytes:
        assert self.process.stdout is not None
        return self.process.stdout.readline()

    def read(self) -> Json:
        return json.loads(self.line())

    def until(self, kind: str) -> list[Json]:
        frames = [self.read()]
        while frames[-1]["type"] != kind:
            frames.append(self.read())
        return frames

    def close_stdin(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.stdin = None

    def close(self) -> None:
        self.process.kill()
        self.process.communicate()


@pytest.fixture
def claude() -> Iterator[FakeClaude]:
    with FakeClaude() as running:
        yield running


@pytest.fixture
def connect() -> Iterator[Connect]:
    clients: list[Client] = []

    def start(claude: FakeClaude, *arguments: str, **options: Any) -> Client:
        clients.append(Client(claude, *arguments, **options))
        return clients[-1]

    yield start
    for client in clients:
        client.close()


@pytest.fixture
def client(claude: FakeClaude, connect: Connect) -> Client:
    return connect(claude, "--session-id=s1")


def test_left_alone_it_greets_and_says_hello(claude: FakeClaude, client: Client) -> None:
    greeting = client.control("initialize", forwardSubagentText=True)
    assert (greeting["subtype"], greeting["request_id"]) == ("success", "1")
    assert greeting["response"]["claude_code_version"] == claude.version
    assert greeting["response"]["pid"] == client.process.pid == claude.process.pid
    client.prompt()
    frames = [client.read() for _ in range(6)]
    assert [(frame["type"], frame.get("state") or frame.get("subtype")) for frame in frames] == [
        ("command_lifecycle", "queued"), ("command_lifecycle", "started"), ("system", "init"), ("assistant", None),
        ("result", "success"), ("command_lifecycle", "completed"),
    ]  # fmt: skip
    assert {frame["session_id"] for frame in frames} == {"s1"}
    assert frames[3]["message"]["content"] == [{"type": "text", "text": "Hello."}]
    assert (frames[4]["result"], frames[4]["user_message_uuids"]) == ("Hello.", ["u1"])
    assert (claude.prompts[0].uuid, claude.prompts[0].content) == ("u1", "Hi")
    assert claude.requests == [FakeControl("1", "initialize", {"forwardSubagentText": True}, claude.process)]


def test_it_takes_every_control_request(claude: FakeClaude, client: Client) -> None:
    assert [model["value"] for model in client.control("list_models")["response"]["models"]] == [
        "default", "fake-model"
    ]  # fmt: skip
    assert client.control("set_model", model="m")["response"] == {"model": "m"}
    assert client.control("set_model", model=None)["response"] == {"model": "fake-model"}
    assert client.control("set_permission_mode", mode="plan")["response"] == {"mode": "plan"}
    assert client.read()["permissionMode"] == "plan"
    assert client.control("cancel_async_message", message_uuid="u")["response"]["cancelled"] is False
    assert client.control("interrupt")["response"] == {"still_queued": []}
    assert client.control("anything")["response"] == {}
    assert client.control("end_session")["subtype"] == "success"
    assert client.process.wait(30) == 0


def test_it_was_started_with_arguments_in_a_folder(claude: FakeClaude, connect: Connect, tmp_path: Path) -> None:
    client = connect(claude, "--resume=old", "--model=m", "--permission-mode=plan", cwd=tmp_path)
    client.prompt()
    init = client.until("system")[-1]
    assert (init["session_id"], init["model"], init["permissionMode"], init["cwd"]) == (
        "old", "m", "plan", str(tmp_path)
    )  # fmt: skip
    process = claude.process
    assert process.arguments == ["--resume=old", "--model=m", "--permission-mode=plan"]
    assert (process.cwd, process.flag("--model="), process.flag("--effort=")) == (str(tmp_path), "m", None)


@pytest.mark.anyio
async def test_each_process_is_one_of_its_own(claude: FakeClaude, connect: Connect) -> None:
    one = connect(claude, "--session-id=a")
    first = await claude.started()
    two = connect(claude)
    second = await claude.started(2)
    first.frame("auth_status")
    second.frame("keep_alive")
    assert (one.read()["type"], two.read()["type"]) == ("auth_status", "keep_alive")
    assert [process.pid for process in claude.processes] == [one.process.pid, two.process.pid]
    assert second.session_id != first.session_id == "a"
    second.exit(4)
    await claude.wait_until(lambda: second.gone, "its end")
    assert not first.gone
    assert two.process.wait(30) == 4


def test_an_interrupt_ends_the_turn_that_runs(claude: FakeClaude, client: Client) -> None:
    claude.on_prompt(FakePrompt.accept)
    client.prompt()
    client.until("system")
    assert client.control("interrupt")["subtype"] == "success"
    result, lifecycle = client.read(), client.read()
    assert (result["subtype"], result["terminal_reason"]) == ("error_during_execution", "aborted_streaming")
    assert (result["user_message_uuids"], lifecycle["state"]) == (["u1"], "cancelled")
    client.control("interrupt")
    assert claude.process.running is None


def test_a_prompt_can_be_answered_step_by_step(claude: FakeClaude, client: Client) -> None:
    def work(prompt: FakePrompt) -> None:
        prompt.accept()
        prompt.use("Bash", "toolu_7", command="ls")
        prompt.say("Done.")
        prompt.result("Done.", is_error=True, user_message_uuids=[])

    claude.on_prompt(work)
    client.prompt(priority="next")
    frames = client.until("result")
    assert frames[3]["message"]["content"] == [
        {"type": "tool_use", "id": "toolu_7", "name": "Bash", "input": {"command": "ls"}}
    ]
    assert (frames[-1]["is_error"], frames[-1]["user_message_uuids"]) == (True, [])
    assert claude.prompts[0].frame["priority"] == "next"


@pytest.mark.anyio
async def test_a_held_request_is_answered_by_the_test(claude: FakeClaude, client: Client) -> None:
    claude.hold("get_settings")
    client.send({"type": "control_request", "request_id": "7", "request": {"subtype": "get_settings"}})
    request = await claude.request("get_settings")
    request.answer({"a": 1})
    request.answer()
    request.refuse("no", code="not_found")
    request.refuse("never")
    assert [client.read()["response"] for _ in range(4)] == [
        {"subtype": "success", "request_id": "7", "response": {"a": 1}},
        {"subtype": "success", "request_id": "7", "response": {}},
        {"subtype": "error", "request_id": "7", "error": "no", "error_code": "not_found"},
        {"subtype": "error", "request_id": "7", "error": "never"},
    ]
    claude.release("get_settings")
    assert client.control("get_settings")["response"] == {}


@pytest.mark.anyio
async def test_what_it_asks_knows_its_answers(claude: FakeClaude, client: Client) -> None:
    process = await claude.started()
    asked = process.ask("can_use_tool", request_id="a", tool_name="Bash")
    assert process.ask("can_use_tool", request_id="a") is asked
    request = {"subtype": "can_use_tool", "tool_name": "Bash"}
    assert client.read() == {"type": "control_request", "request_id": "a", "request": request}
    client.read()
    for request_id in ("b", "a", "a"):
        response: Json = {"subtype": "success", "request_id": request_id, "response": {}}
        client.send({"type": "control_response", "response": response})
    assert await asked.answered() == {"subtype": "success", "response": {}}
    await claude.wait_until(lambda: len(asked.answers) == 2, "the second answer")
    asked.withdraw()
    assert client.read() == {"type": "control_cancel_request", "request_id": "a"}
    client.send({"type": "surprise"})
    await claude.wait_until(lambda: process.received[-1] == {"type": "surprise"}, "a frame of no known type")


@pytest.mark.anyio
async def test_a_wait_in_vain_says_what_came(claude: FakeClaude, client: Client) -> None:
    client.control("initialize")
    client.prompt()
    await claude.prompt()
    with pytest.raises(TimeoutError, match=r"interrupt no\. 1 did not come .*'initialize', 'prompt'"):
        await claude.request("interrupt", timeout=0.01)
    with anyio.move_on_after(0.01) as scope:
        await claude.prompt(2, timeout=3)
    assert scope.cancelled_caught


def test_anything_can_be_written(claude: FakeClaude, client: Client) -> None:
    client.control("initialize")
    claude.process.write(b"\xff not JSON", [1])
    assert [client.line(), client.line()] == [b"\xff not JSON\n", b"[1]\n"]
    claude.process.write_long_line(70_000)
    assert client.line() == b"x" * 70_000 + b"\n"


def test_it_ends_as_it_is_told(claude: FakeClaude, connect: Connect) -> None:
    leaving = connect(claude)
    leaving.control("initialize")
    claude.process.exit(3, log="no disk")
    assert leaving.process.wait(30) == 3  # Before `communicate`, which closes stdin: that would end it too.
    assert leaving.process.communicate(timeout=120) == (b"", b"no disk\n")
    killed = connect(claude)
    killed.control("initialize")
    claude.process.kill(signal.SIGTERM)
    assert killed.process.wait(30) == -signal.SIGTERM
    silent = connect(claude)
    silent.control("initialize")
    claude.process.close_stdout()
    assert silent.line() == b""
    claude.process.exit(5)
    assert silent.process.wait(30) == 5
    claude.process.frame("nobody_listens")


@pytest.mark.anyio
async def test_it_ends_with_its_input_unless_it_is_stubborn(claude: FakeClaude, connect: Connect) -> None:
    client = connect(claude)
    client.control("initialize")
    client.close_stdin()
    assert client.process.wait(30) == 0
    with FakeClaude(version=None, ignore_eof=True, ignore_sigterm=True) as stubborn:
        mule = connect(stubborn)
        assert mule.control("initialize")["response"]["claude_code_version"] is None
        mule.process.terminate()
        assert mule.control("get_settings")["subtype"] == "success"
        mule.close_stdin()
        await stubborn.wait_until(lambda: stubborn.process.stdin_closed, "the end of its input")
        stubborn.process.frame("keep_alive")
        assert mule.read()["type"] == "keep_alive"
    assert mule.process.wait(30) == 0


def test_a_handler_that_fails_fails_the_test(connect: Connect) -> None:
    def broken(request: FakeControl) -> None:
        raise LookupError(request.subtype)

    def run(then: Callable[[], object]) -> None:
        with FakeClaude() as claude:
            claude.on("get_settings", broken)
            client = connect(claude)
            client.send({"type": "control_request", "request_id": "1", "request": {"subtype": "get_settings"}})
            client.control("initialize")
            then()

    with pytest.raises(LookupError, match="get_settings"):
        run(lambda: None)
    with pytest.raises(ZeroDivisionError):
        run(lambda: 1 / 0)


def test_it_leaves_nothing_behind() -> None:
    with FakeClaude() as claude:
        folder = claude.executable.parent
        assert folder.exists()
    assert not folder.exists()
