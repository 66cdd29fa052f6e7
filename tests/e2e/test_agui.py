"""Both real agents used by the official AG-UI client, in node: runs, interrupts and their resumption, stops."""

# pyright: reportUnknownMemberType=false
from __future__ import annotations

import json
import os
import subprocess
import uuid
from pathlib import Path
from typing import Any

import pytest
from tests.e2e.serving import Server

from agent_chat.web.bundle import find_node
from agent_sdk_testing import Gate, ScriptedModel, ask_user, edit_file, reasoning, run_command, spawn_agent, text

HERE = Path(__file__).parent / "agui"
Real = tuple[Server, ScriptedModel]
BOTH = pytest.mark.parametrize("real", ["claude", "codex"], indirect=True)


@pytest.fixture(scope="session")
def client() -> Path:
    """The program that runs the client, installed as its lock says."""
    node, npm = find_node()
    env = {**os.environ, "PATH": f"{node.parent}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(
        [node, npm, "ci", "--loglevel=error"],
        cwd=HERE,
        env=env,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return HERE / "client.mjs"


def run(client: Path, server: Server, *steps: dict[str, Any], thread: str | None = None) -> list[dict[str, Any]]:
    """Run the client for some steps, and return what it got in each."""
    given = {
        "url": f"{server.base}/api/agui",
        "token": server.access.token(),
        "threadId": thread or str(uuid.uuid4()),
        "steps": steps,
    }
    node, _ = find_node()
    done = subprocess.run(
        [node, client, json.dumps(given)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={"PATH": "/nowhere"},
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def said(step: dict[str, Any], role: str = "assistant") -> str:
    return "\n".join(str(each["content"]) for each in step["messages"] if each["role"] == role and each.get("content"))


@BOTH
def test_a_run_streams_is_interrupted_and_resumed(real: Real, client: Path) -> None:
    server, model = real
    folder = server.service.cwd
    (folder / "a.txt").write_text("one\ntwo\n")
    model.reply(
        reasoning("Hm, let me think."), text("I look ", "first."), run_command("echo hello > made.txt", escalate=True)
    )
    model.reply(edit_file(folder / "a.txt", "two", "three")).reply(text("All done."))
    first, second, third = run(
        client, server, {"say": "Please do it"}, {"resume": {"option": "1"}}, {"resume": {"approved": True}}
    )
    (asked,) = first["interrupts"]
    assert first["events"][-1] == "RUN_FINISHED"
    assert "REASONING_MESSAGE_CONTENT" in first["events"]
    assert asked["reason"] == "tool_call"
    assert "echo hello > made.txt" in asked["message"]
    assert asked["responseSchema"]["properties"]["option"]["enum"]
    (call,) = [call for each in first["messages"] for call in each.get("toolCalls", ())]
    assert call["id"] == asked["toolCallId"]
    assert said(first) == "I look first."
    assert "a.txt" in second["interrupts"][0]["message"]
    assert (folder / "made.txt").read_text() == "hello\n"
    assert (folder / "a.txt").read_text() == "one\nthree\n"
    assert third["interrupts"] == []
    assert said(third) == "I look first.\nAll done."
    calls = [call["id"] for each in third["messages"] for call in each.get("toolCalls", ())]
    answered = [each["toolCallId"] for each in third["messages"] if each["role"] == "tool"]
    assert sorted(calls) == sorted(answered)
    assert len(calls) >= 2


@BOTH
@pytest.mark.parametrize("step", [{"cancel": True}, {"resume": {"approved": False}}], ids=["cancelled", "denied"])
def test_who_gives_no_answer_allows_nothing(real: Real, client: Path, step: dict[str, Any]) -> None:
    server, model = real
    model.reply(run_command("echo no > never.txt", escalate=True)).otherwise(text("As you like."))
    asked, after = run(client, server, {"say": "Go"}, step)
    assert len(asked["interrupts"]) == 1
    assert after["interrupts"] == []
    assert not (server.service.cwd / "never.txt").exists()


@BOTH
def test_an_answer_that_cannot_be_read_leaves_the_request_open(real: Real, client: Path) -> None:
    server, model = real
    model.reply(run_command("echo yes > made.txt", escalate=True)).otherwise(text("Done."))
    asked, wrong, other, right = run(
        client,
        server,
        {"say": "Go"},
        {"resume": {"approve": 1}},
        {"resume": {"option": "99"}},
        {"resume": {"option": "1"}},
    )
    assert len(asked["interrupts"]) == 1
    assert "approved" in wrong["error"]
    assert "no option" in other["error"]
    assert right["interrupts"] == []
    assert (server.service.cwd / "made.txt").exists()


@pytest.mark.parametrize("real", ["claude"], indirect=True)
def test_a_question_is_answered_by_its_schema(real: Real, client: Path) -> None:
    server, model = real
    model.reply(ask_user("Which colour?", "red", "blue")).reply(text("Fine."))
    asked, after = run(client, server, {"say": "Ask"}, {"resume": {"answers": {"Which colour?": "blue"}}})
    (interrupt,) = asked["interrupts"]
    assert interrupt["reason"] == "input_required"
    assert "Which colour?" in interrupt["responseSchema"]["properties"]["answers"]["properties"]
    assert said(after) == "Fine."
    assert "blue" in model.requests[-1].text


@BOTH
def test_a_second_prompt_goes_on_in_the_same_chat(real: Real, client: Path) -> None:
    server, model = real
    model.reply(text("First.")).reply(text("Second."))
    one, two = run(client, server, {"say": "one"}, {"say": "two"})
    assert (said(one), said(two)) == ("First.", "First.\nSecond.")
    assert len(server.service.open_chats) == 1
    assert server.service.open_chats[0].meta.title == "one"
    assert "First." in model.requests[-1].text


@BOTH
def test_who_comes_without_anything_new_gets_the_conversation(real: Real, client: Path) -> None:
    server, model = real
    model.reply(run_command("echo hello > made.txt", escalate=True)).reply(text("Done."))
    thread = str(uuid.uuid4())
    run(client, server, {"say": "Do it"}, thread=thread)
    seen, after = run(client, server, {}, {"resume": {"option": "1"}}, thread=thread)
    assert "MESSAGES_SNAPSHOT" in seen["events"]
    assert said(seen, "user") == "Do it"
    assert len(seen["interrupts"]) == 1
    assert said(after) == "Done."


@BOTH
def test_a_client_that_aborts_stops_the_agent(real: Real, client: Path) -> None:
    server, model = real
    gate = Gate()
    model.reply(text("begun "), gate, text("ended")).otherwise(text("later"))
    thread = str(uuid.uuid4())
    run(client, server, {"say": "Go", "abortAt": "TEXT_MESSAGE_CONTENT"}, thread=thread)
    server.call(lambda service: idle(service.opened(thread)))
    gate.open()
    (seen,) = run(client, server, {}, thread=thread)
    assert "ended" not in said(seen)


async def idle(chat: Any) -> None:
    """Wait until an agent is idle."""
    await chat.session.wait_idle()


@pytest.mark.parametrize("real", ["claude"], indirect=True)
def test_a_sub_agent_has_events_of_its_own(real: Real, client: Path) -> None:
    server, model = real
    model.when("Count the files").reply(text("There are seven."))
    model.reply(spawn_agent("Count the files", description="Counting")).otherwise(text("Seven, it says."))
    (seen,) = run(client, server, {"say": "Have somebody count"})
    assert seen["events"].count("SUBAGENT_STARTED") == seen["events"].count("SUBAGENT_FINISHED") >= 1
    assert "Seven, it says." in said(seen)
