"""`agent-sdk replay` shows a recorded wire log as the conversation that it was."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from agent_sdk_testing import ScriptedModel, call, clean_env, text

CLAUDE_FLOWS = Path(__file__).parents[3] / "claude-sdk" / "tests" / "flows"
THREAD = {"thread": {"id": "t1"}, "model": "m", "cwd": "/w"}


def record(direction: str, message: object) -> str:
    return json.dumps({"t": 0.0, "dir": direction, "msg": message})


@pytest.fixture
def log(tmp_path: Path) -> Path:
    said = {"type": "agentMessage", "id": "i1", "text": "Hello from the log."}
    lines = [
        record("out", {"id": 1, "method": "thread/start", "params": {}}),
        record("in", {"id": 1, "result": THREAD}),
        record("in", {"method": "turn/started", "params": {"threadId": "t1", "turn": {"id": "u1"}}}),
        record("in", {"method": "item/completed", "params": {"threadId": "t1", "turnId": "u1", "item": said}}),
        record(
            "in",
            {"method": "turn/completed", "params": {"threadId": "t1", "turn": {"id": "u1", "status": "completed"}}},
        ),
    ]
    path = tmp_path / "wire.jsonl"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "agent_chat", "replay", *map(str, arguments)]
    return subprocess.run(command, env=clean_env(), capture_output=True, text=True, timeout=120, check=False)


def test_a_log_is_shown_as_its_transcript(log: Path) -> None:
    shown = run(log)
    assert shown.returncode == 0, shown.stderr
    assert "Hello from the log." in shown.stdout


def test_json_prints_the_messages(log: Path) -> None:
    shown = run(log, "--json")
    messages = [json.loads(line) for line in shown.stdout.splitlines()]
    assert [message["type"] for message in messages if message["type"] != "stream_event"] == [
        "system",
        "system",
        "assistant",
        "result",
    ]


def test_a_log_of_claude_is_shown_too() -> None:
    shown = run(CLAUDE_FLOWS / "plain_text.wire.jsonl", "-b", "claude")
    assert shown.returncode == 0, shown.stderr
    assert shown.stdout.strip()


def test_several_logs_are_told_apart(log: Path) -> None:
    shown = run(log, log)
    assert shown.stdout.count("Hello from the log.") == 2
    assert shown.stderr.count(str(log)) == 2


def test_a_line_that_is_no_record_is_named(log: Path) -> None:
    log.write_text(log.read_text(encoding="utf-8") + "nonsense\n", encoding="utf-8")
    shown = run(log)
    assert shown.returncode == 2
    assert "line 6" in shown.stderr


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [(["/nowhere.jsonl"], "There is no wire log at /nowhere.jsonl."), (["x", "-b", "nope"], "No backend is called")],
)
def test_what_cannot_be_replayed_is_one_sentence(arguments: list[str], sentence: str) -> None:
    shown = run(*arguments)
    assert shown.returncode == 2
    assert sentence in shown.stderr
    assert "Traceback" not in shown.stderr


def test_a_session_that_was_logged_can_be_replayed(
    scripted_model: ScriptedModel, codex_env: dict[str, str], agent_workspace: Path
) -> None:
    scripted_model.reply(call("exec_command", cmd="echo from the sandbox"))
    scripted_model.reply(text("All done."))
    program = """
import sys, anyio, codex_sdk

async def main():
    with codex_sdk.WireLog(sys.argv[1]) as log:
        async with codex_sdk.CodexBackend(wire_log=log) as backend:
            async with await backend.create_session() as session:
                print((await session.query("Go").wait()).result)

anyio.run(main)
"""
    path = agent_workspace / "wire.jsonl"
    subprocess.run(
        [sys.executable, "-c", program, str(path)], env=codex_env, cwd=agent_workspace, timeout=60, check=True
    )
    assert "All done." in run(path).stdout
