"""The store against the real agent: what it wrote on stdout is what is read from its files."""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from agent_sdk_core.messages.conversation import AssistantMessage, UserMessage
from agent_sdk_core.messages.system import CompactBoundary
from agent_sdk_testing import Gate, ScriptedModel, call, reasoning, text
from claude_sdk.store import delete, find_session, folder, list_sessions, project_key, read_history, rename

Json = dict[str, Any]

_STORED_ONLY = {
    "usage",
    "stop_reason",
    "stop_sequence",
    "stop_details",
    "context_management",
    "diagnostics",
    "container",
}
_BOUND = 60.0
"""Seconds after which a process that does not answer is killed, which ends the wait for it."""


class Claude:
    """A claude process, spoken to line by line."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.frames: list[Json] = []

    def write(self, frame: Json) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(frame) + "\n")
        self._process.stdin.flush()

    def until(self, wanted: Callable[[Json], bool]) -> Json:
        """Read on to a frame; permissions are given to all but `rm`."""
        assert self._process.stdout is not None
        for line in self._process.stdout:
            frame: Json = json.loads(line)
            self.frames.append(frame)
            if frame["type"] == "control_request":
                self._permit(frame)
            if wanted(frame):
                return frame
        raise AssertionError("claude ended before it wrote what was waited for")

    def _permit(self, frame: Json) -> None:
        asked = frame["request"]["input"]
        denied = "rm " in str(asked.get("command"))
        verdict = {"behavior": "deny", "message": "no"} if denied else {"behavior": "allow", "updatedInput": asked}
        response = {"subtype": "success", "request_id": frame["request_id"], "response": verdict}
        self.write({"type": "control_response", "response": response})

    def send(self, prompt: str) -> None:
        message = {"role": "user", "content": prompt}
        self.write({"type": "user", "message": message, "parent_tool_use_id": None, "uuid": str(uuid4())})

    def prompt(self, prompt: str) -> Json:
        self.send(prompt)
        return self.result()

    def result(self) -> Json:
        return self.until(lambda frame: frame["type"] == "result")

    def control(self, subtype: str, **fields: Any) -> None:
        self.write({"type": "control_request", "request_id": subtype, "request": {"subtype": subtype, **fields}})

    def answered(self, subtype: str) -> Json:
        return self.until(lambda f: f["type"] == "control_response" and f["response"]["request_id"] == subtype)


@pytest.fixture
def run(claude_executable: Path, claude_env: dict[str, str]) -> Callable[..., Any]:
    @contextmanager
    def running(cwd: Path, *arguments: str) -> Generator[Claude]:
        command = [
            str(claude_executable),
            "--input-format",
            "stream-json",
            "--output-format",
            "stream-json",
            "--verbose",
        ]
        command += ["--permission-prompt-tool", "stdio", "--replay-user-messages", "--include-partial-messages"]
        with subprocess.Popen(
            [*command, *arguments],
            cwd=cwd,
            env=claude_env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        ) as process:
            watchdog = threading.Timer(_BOUND, process.kill)
            watchdog.start()
            try:
                claude = Claude(process)
                claude.control("initialize", forwardSubagentText=True)
                claude.answered("initialize")
                yield claude
                assert process.stdin is not None
                process.stdin.close()
                for line in process.stdout or ():
                    claude.frames.append(json.loads(line))
            except BaseException:
                process.kill()
                raise
            finally:
                watchdog.cancel()

    return running


def comparable(frame: Json) -> Json:
    """Leave out what only the stored or only the live frame can know."""
    kept = {key: value for key, value in frame.items() if key not in ("user_message_uuid", "user_message_uuids")}
    if "message" in kept:
        kept["message"] = {key: value for key, value in kept["message"].items() if key not in _STORED_ONLY}
    return kept


def converse(claude: Claude, model: ScriptedModel, file: Path) -> None:
    """Do one of everything that a history shows."""
    model.reply(
        reasoning("I look first."),
        text("I will"),
        call("Read", file_path=str(file)),
        call("Bash", command="echo hi > b.txt; echo out", description="write"),
    )
    model.reply(call("Edit", file_path=str(file), old_string="one", new_string="two"))
    model.reply(call("Bash", command="rm -rf x", description="remove"))
    model.reply(text("all done"))
    assert claude.prompt("do it")["terminal_reason"] == "completed"

    work = {"description": "look", "prompt": "look around", "subagent_type": "general-purpose"}
    model.reply(call("Agent", {**work, "run_in_background": False}))
    model.reply(text("I am the child"), call("Bash", command="echo child", description="say"))
    model.reply(text("child done"))
    model.reply(text("agent finished"))
    assert claude.prompt("delegate")["terminal_reason"] == "completed"

    gate = Gate()
    model.reply(text("partial answer", gate, "never said"))
    claude.send("take your time")
    claude.until(lambda frame: frame["type"] == "stream_event" and "partial answer" in json.dumps(frame))
    claude.control("interrupt")
    assert claude.result()["terminal_reason"] == "aborted_streaming"
    gate.open()

    claude.control("rename_session", title="Named by the agent")
    assert claude.answered("rename_session")["response"]["subtype"] == "success"
    model.reply(text("<summary>much was done</summary>"))
    assert claude.prompt("/compact")["is_error"] is False
    model.reply(text("after all"))
    assert claude.prompt("go on")["result"] == "after all"
    model.reply(text("one way"))
    assert claude.prompt("do this")["result"] == "one way"


def test_a_real_session_is_read_listed_renamed_branched_and_deleted(
    run: Callable[..., Any], claude_env: dict[str, str], scripted_model: ScriptedModel, agent_workspace: Path
) -> None:
    cwd = agent_workspace / "e😀 ü" / ("x" * 100) / ("y" * 100)
    cwd.mkdir(parents=True)
    file = cwd / "a.txt"
    file.write_text("one\n")
    session_id = str(uuid4())
    with run(cwd, "--session-id", session_id) as claude:
        converse(claude, scripted_model, file)

    root = folder(claude_env)
    path = find_session(root, session_id)
    assert path.parent.name == project_key(cwd)
    (summary,) = list_sessions(root, cwd).sessions
    assert (summary.session_id, summary.title, summary.cwd) == (session_id, "Named by the agent", str(cwd))

    page = read_history(path)
    told = [
        frame
        for frame in claude.frames
        if frame["type"] in ("user", "assistant") or frame.get("subtype") == "compact_boundary"
    ]
    live = {frame["uuid"]: comparable(frame) for frame in told}
    stored = {str(message.uuid): comparable(message.to_wire()) for message in page}
    assert stored == live
    assert sorted(message.uuid or "" for message in page) == sorted(frame["uuid"] for frame in told)
    assert any(isinstance(message, CompactBoundary) for message in page)
    assert {message.parent_tool_use_id is None for message in page} == {True, False}
    assert any(isinstance(message, AssistantMessage) and message.aborted for message in page)

    rename(path, "Named by us")
    began = next(message for message in page if isinstance(message, AssistantMessage) and message.text == "after all")
    scripted_model.reply(text("another way"))
    with run(agent_workspace, "--resume", session_id, "--resume-session-at", str(began.uuid)) as claude:
        assert claude.prompt("do otherwise")["session_id"] == session_id

    assert find_session(root, session_id) == path
    (summary,) = list_sessions(root, cwd).sessions
    assert summary.title == "Named by us"
    prompts = [message.text for message in read_history(path) if isinstance(message, UserMessage) and message.is_replay]
    assert prompts[0] == "do it"
    assert prompts[-2:] == ["go on", "do otherwise"]

    delete(path)
    assert list_sessions(root).sessions == ()
    assert [left for left in root.rglob("*") if session_id in left.name and "tmp" not in left.parts] == []
