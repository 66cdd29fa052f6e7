"""Runs of AG-UI over an agent in memory: their events, their interrupts, their ends, and clients that go away."""

from __future__ import annotations

from typing import Any

import pytest

from agent_chat.web.agui.events import RunEvents
from agent_sdk_core import PermissionRequest
from agent_sdk_core.wire.json_lines import json_object
from agent_sdk_testing import Gate, call, failed, reasoning, text

pytestmark = pytest.mark.anyio


def body(thread: str, *said: str, run: str = "r", **more: Any) -> dict[str, Any]:
    messages = [{"id": f"{run}{number}", "role": "user", "content": each} for number, each in enumerate(said)]
    return {"threadId": thread, "runId": run, "messages": messages, "tools": [], "context": [], "state": {}, **more}


def read(answer: Any) -> list[dict[str, Any]]:
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/event-stream")
    return [{**json_object(line[6:], "The event")} for line in answer.text.splitlines() if line]


def kinds(events: list[dict[str, Any]]) -> list[str]:
    return [event["type"] for event in events]


async def post(served: Any, given: dict[str, Any], path: str = "/api/agui") -> list[dict[str, Any]]:
    return read(await served.client.post(path, json=given))


async def test_a_run_tells_thoughts_text_tools_and_its_end(served: Any) -> None:
    served.agent.on("Bash", "out")
    served.agent.reply(reasoning("Hm."), text("Let me ", "look."), call("Bash", command="ls")).reply(text("Done."))
    first = await post(served, body("t", "Look"))
    assert first[0] == {"type": "RUN_STARTED", "threadId": "t", "runId": "r", "protocolVersion": "1.0"}
    outcome = first[-1]["outcome"]
    assert (first[-1]["type"], outcome["type"]) == ("RUN_FINISHED", "interrupt")
    (asked,) = outcome["interrupts"]
    assert "ls" in asked["message"]
    assert asked["metadata"]["agent-sdk"]["kind"] == "permission"
    resume = [{"interruptId": asked["id"], "status": "resolved", "payload": {"approved": True}}]
    second = await post(served, body("t", run="s", resume=resume))
    assert "CUSTOM" in kinds(second)
    (result,) = [event for event in second if event["type"] == "TOOL_CALL_RESULT"]
    assert (result["toolCallId"], result["content"]) == (asked["toolCallId"], "out")
    assert second[-1]["outcome"] == {"type": "success"}
    texts = [event["delta"] for event in [*first, *second] if event["type"] == "TEXT_MESSAGE_CONTENT"]
    assert "".join(texts) == "Let me look.Done."
    for begin, end in (("TEXT_MESSAGE_START", "TEXT_MESSAGE_END"), ("REASONING_START", "REASONING_END")):
        for events in (first, second):
            assert kinds(events).count(begin) == kinds(events).count(end)


async def test_a_prompt_that_comes_twice_runs_once(served: Any) -> None:
    served.agent.reply(text("one")).reply(text("two"))
    await post(served, body("t", "Go"))
    again = await post(served, body("t", "Go"))
    assert kinds(again) == ["RUN_STARTED", "RUN_FINISHED"]
    (chat,) = served.service.open_chats
    assert [each.uuid for each in await served.service.store.prompts(chat.id)] != []
    assert len(await served.service.store.prompts(chat.id)) == 1


async def test_the_agent_is_chosen_by_path_or_property(served: Any) -> None:
    served.agent.otherwise(text("ok"))
    await post(served, body("a", "Go"), "/api/agui/other")
    await post(served, body("b", "Go", forwardedProps={"backend": "other", "title": "Named"}))
    assert [chat.meta.backend for chat in served.service.open_chats] == ["other", "other"]
    assert served.service.open_chats[1].meta.title == "Named"
    refused = await served.client.post("/api/agui/nobody", json=body("c", "Go"))
    assert (refused.status_code, refused.json()["error"]["code"]) == (400, "invalid_request")


async def test_a_turn_that_fails_ends_the_run_with_its_error(served: Any) -> None:
    served.agent.reply(failed("server_error", "It broke."))
    events = await post(served, body("t", "Go"))
    assert events[-1]["type"] == "RUN_ERROR"
    assert "It broke." in events[-1]["message"]


async def test_nothing_new_is_said_past_what_waits(served: Any) -> None:
    served.agent.reply(call("Bash", command="ls")).otherwise(text("ok"))
    await post(served, body("t", "Go"))
    refused = await served.client.post("/api/agui", json=body("t", "And this", run="s"))
    assert refused.status_code == 409
    seen = await post(served, body("t", run="u"))
    assert kinds(seen) == ["RUN_STARTED", "MESSAGES_SNAPSHOT", "RUN_FINISHED"]
    assert seen[-1]["outcome"]["type"] == "interrupt"
    roles = [message["role"] for message in seen[1]["messages"]]
    assert roles == ["user", "assistant"]


async def test_what_another_has_answered_lets_the_run_go_on(served: Any) -> None:
    served.agent.reply(call("Bash", command="ls")).otherwise(text("ok"))
    asked = (await post(served, body("t", "Go")))[-1]["outcome"]["interrupts"][0]
    path = f"/api/chats/t/requests/{asked['id']}"
    await served.client.post(path, json={"option": "1"}, headers={"x-client": "a tab"})
    resume = [{"interruptId": asked["id"], "status": "cancelled"}]
    events = await post(served, body("t", run="s", resume=resume))
    resolved = next(event["value"] for event in events if event["type"] == "CUSTOM")
    assert (resolved["outcome"], resolved["by"]) == ("allowed", "a tab")
    assert events[-1]["outcome"] == {"type": "success"}


async def test_a_thread_that_is_not_there_cannot_be_resumed(served: Any) -> None:
    resume = [{"interruptId": "x", "status": "cancelled"}]
    refused = await served.client.post("/api/agui", json=body("nothing", resume=resume))
    assert refused.status_code == 404


@pytest.mark.parametrize(("props", "state"), [({}, "idle"), ({"on_disconnect": "continue"}, "running")])
async def test_a_client_that_goes_stops_the_agent_unless_it_said_otherwise(
    served: Any, props: dict[str, str], state: str
) -> None:
    gate = Gate()
    served.agent.reply(text("begun "), gate, text("ended")).otherwise(text("later"))
    async with served.client.stream("POST", "/api/agui", json=body("t", "Go", forwardedProps=props)) as answer:
        async for line in answer.aiter_lines():
            if "begun" in line:
                break
    (chat,) = served.service.open_chats
    if state == "idle":
        await chat.session.wait_idle()
    assert chat.state == state
    gate.open()
    seen = await post(served, body("t", run="s"))
    assert seen[-1]["type"] == "RUN_FINISHED"
    told = str(seen)
    assert ("ended" in told) is (state == "running")


async def test_a_question_and_a_form_come_with_the_schema_of_their_answer(served: Any) -> None:
    options = [{"label": "red", "description": ""}, {"label": "blue", "description": ""}]
    asked = {"question": "Which?", "header": "Colour", "options": options, "multiSelect": False}
    served.agent.reply(call("AskUserQuestion", questions=[asked])).otherwise(text("ok"))
    (interrupt,) = (await post(served, body("t", "Go")))[-1]["outcome"]["interrupts"]
    assert interrupt["reason"] == "input_required"
    answers = interrupt["responseSchema"]["properties"]["answers"]
    assert list(answers["properties"]) == ["Which?"]
    resume = [{"interruptId": interrupt["id"], "status": "resolved", "payload": {"answers": {"Which?": "blue"}}}]
    assert (await post(served, body("t", run="s", resume=resume)))[-1]["outcome"] == {"type": "success"}


def told(message: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"kind": "message", "message": message, **more}


def delta(piece: str, **more: Any) -> dict[str, Any]:
    event = {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": piece}}
    return told({"type": "stream_event", "api_message_id": "m", "event": event, **more})


def request(kind: str = "elicitation") -> dict[str, Any]:
    form = {"message": "Who?", "server": "forms", "schema": {"type": "object"}}
    return {"request_id": "q", "kind": kind, "deadline": 0.0, "request": form}


def opened(asked: dict[str, Any]) -> dict[str, Any]:
    message = {"type": "system", "subtype": "request_opened", "request_id": "q", "kind": asked["kind"]}
    return told(message, request=asked)


def test_a_block_goes_on_under_another_id_after_an_interrupt() -> None:
    events = RunEvents("t")
    events.started("r")
    made = [*events.take(delta("one ")), *events.take(opened(request())), *events.interrupted()]
    assert [event.type.value for event in made] == [
        "TEXT_MESSAGE_START",
        "TEXT_MESSAGE_CONTENT",
        "TEXT_MESSAGE_END",
        "RUN_FINISHED",
    ]
    interrupt: Any = made[-1]
    (asked,) = interrupt.outcome.interrupts
    assert (asked.expires_at, asked.message) == ("1970-01-01T00:00:00+00:00", "forms: Who?")
    assert events.take(delta("lost")) == []
    events.started("s")
    events.answered.add("q")
    assert events.interrupted() == []
    content = [{"type": "text", "text": "one two three"}]
    whole = told({"type": "assistant", "uuid": "u", "message": {"id": "m", "content": content}})
    more: list[Any] = [*events.take(delta("two ")), *events.take(whole)]
    assert [event.type.value for event in more] == [
        "TEXT_MESSAGE_START",
        "TEXT_MESSAGE_CONTENT",
        "TEXT_MESSAGE_CONTENT",
        "TEXT_MESSAGE_END",
    ]
    assert more[0].message_id != "m.text.0"
    assert "".join(event.delta for event in more[1:3]) == "two three"


def test_a_sub_agent_is_suspended_with_the_run_and_begins_again_with_the_next() -> None:
    events = RunEvents("t")
    events.started("r")
    made: list[Any] = [*events.take(delta("in ", parent_tool_use_id="sub")), *events.take(opened(request()))]
    made += events.interrupted()
    assert [event.type.value for event in made[:2]] == ["SUBAGENT_STARTED", "TEXT_MESSAGE_START"]
    assert made[-2].outcome.type == "suspended"
    events.started("s")
    events.answered.add("q")
    more: list[Any] = [*events.take(delta("there", parent_tool_use_id="sub"))]
    assert more[0].type.value == "SUBAGENT_STARTED"
    end: list[Any] = events.take(told({"type": "result", "subtype": "success", "uuid": "x"}))
    assert [event.type.value for event in end] == ["TEXT_MESSAGE_END", "SUBAGENT_FINISHED", "RUN_FINISHED"]


def test_the_turn_of_another_prompt_does_not_end_the_run() -> None:
    events = RunEvents("t", prompts={"mine"})
    events.started("r")
    other = {"type": "result", "subtype": "success", "uuid": "x", "user_message_uuids": ["other"]}
    assert events.take(told(other)) == []
    assert not events.ended
    prompt = {"type": "user", "uuid": "other", "isReplay": True, "message": {"role": "user", "content": "Hi"}}
    assert [event.type.value for event in events.take(told(prompt, prompt="Hi"))] == [
        "TEXT_MESSAGE_START",
        "TEXT_MESSAGE_CONTENT",
        "TEXT_MESSAGE_END",
    ]
    stopped = {**other, "user_message_uuids": ["mine"], "is_error": True, "terminal_reason": "aborted_streaming"}
    end: list[Any] = events.take(told({**stopped, "subtype": "error_during_execution"}))
    assert end[-1].outcome.type == "cancelled"


def test_progress_plans_and_notices_are_told() -> None:
    events = RunEvents("t")
    events.started("r")
    progress = {"type": "tool_progress", "tool_use_id": "u", "output": "50 %"}
    (custom,) = events.take(told(progress, notice={"text": "Careful", "level": "warning"}))[:1]
    assert custom.type.value == "CUSTOM"
    use: dict[str, Any] = {"type": "tool_use", "id": "u", "name": "TodoWrite", "input": {"todos": []}}
    said = told(
        {"type": "assistant", "message": {"id": "m", "content": [use]}}, cards={"u": {"steps": [{"text": "a"}]}}
    )
    assert events.take(said)[-1].type.value == "ACTIVITY_SNAPSHOT"
    assert events.take({"kind": "chat", "chat": {}}) == []


async def test_what_waits_since_before_a_restart_is_answered_and_no_run_waits_for_a_turn_that_there_is_not(
    served: Any,
) -> None:
    served.agent.reply(text("Hi."))
    await post(served, body("t", "Hi"))
    (chat,) = served.service.open_chats
    for name in ("r-1", "r-2"):
        chat.kept.keep(PermissionRequest("Bash", {"command": "ls"}, name, cwd=chat.meta.cwd))
    told = await post(served, body("t", run="a"))
    assert [each["id"] for each in told[-1]["outcome"]["interrupts"]] == ["r-1", "r-2"]
    deny = [{"interruptId": "r-1", "status": "cancelled"}]
    told = await post(served, body("t", run="b", resume=deny))
    assert [each["id"] for each in told[-1]["outcome"]["interrupts"]] == ["r-2"]
    served.agent.on("Bash", "out")
    served.agent.reply(text("So?"))
    allow = [{"interruptId": "r-2", "status": "resolved", "payload": {"approved": True}}]
    told = await post(served, body("t", run="c", resume=allow))
    assert told[-1]["outcome"] == {"type": "success"}
    assert [event["delta"] for event in told if event["type"] == "TEXT_MESSAGE_CONTENT"][-1] == "So?"
    chat.kept.keep(PermissionRequest("Bash", {"command": "ls"}, "r-3", cwd=chat.meta.cwd))
    told = await post(served, body("t", run="d", resume=[{"interruptId": "r-3", "status": "cancelled"}]))
    assert told[-1]["outcome"] == {"type": "success"}


async def test_who_answers_what_a_restart_has_ended_is_told_how_the_chat_stands(served: Any) -> None:
    chat = await served.make()
    told = await post(served, body(chat, run="a", resume=[{"interruptId": "gone", "status": "cancelled"}]))
    assert kinds(told) == ["RUN_STARTED", "MESSAGES_SNAPSHOT", "RUN_FINISHED"]
