"""A frame that is damaged passes as an `UnknownMessage`, and what it had to begin or to end begins or ends."""

from __future__ import annotations

from typing import Any

import pytest

from agent_sdk_core import (
    AssistantMessage,
    InitMessage,
    ResultMessage,
    SDKMessage,
    TaskNotification,
    UnknownMessage,
    UserMessage,
)
from claude_sdk.normalizer.closer import Closer
from claude_sdk.normalizer.session_facts import SessionFacts

Json = dict[str, Any]
INIT: Json = {"type": "system", "subtype": "init", "cwd": "/w", "uuid": "i", "session_id": "s"}
RESULT: Json = {
    "type": "result",
    "subtype": "success",
    "is_error": False,
    "result": "Hi",
    "uuid": "r",
    "session_id": "s",
}
USE: Json = {
    "type": "assistant",
    "message": {"id": "m", "content": [{"type": "tool_use", "id": "t", "name": "Bash", "input": {}}]},
}
ANSWER: Json = {"type": "user", "message": {"content": [{"type": "tool_result", "tool_use_id": "t", "content": "x"}]}}


@pytest.fixture
def closer() -> Closer:
    """A closer whose prompt was taken up."""
    closer = Closer("s", SessionFacts(cwd="/w"))
    closer.expect("p", "Go.")
    for state in ("queued", "started"):
        closer.feed({"type": "command_lifecycle", "command_uuid": "p", "state": state})
    return closer


def event(**fields: Any) -> Json:
    return {"type": "stream_event", "api_message_id": "m", "event": fields}


def results(messages: list[SDKMessage]) -> list[ResultMessage]:
    return [message for message in messages if isinstance(message, ResultMessage)]


@pytest.mark.parametrize("block", [{"type": 5}, {"type": {}}, {}, 5, None])
def test_a_block_of_no_type_does_not_keep_its_turn_from_ending(closer: Closer, block: Any) -> None:
    closer.feed(INIT)
    closer.feed(event(type="message_start", message={"id": "m"}))
    frame = event(type="content_block_start", index=0, content_block=block)
    [told] = closer.feed(frame)
    assert (type(told), told.raw) == (UnknownMessage, frame)
    closer.feed(event(type="content_block_delta", index=0, delta={"type": "text_delta", "text": "Hi"}))
    [ended] = results(closer.feed(RESULT))
    assert (ended.outcome, ended.user_message_uuids) == ("completed", ["p"])


def test_a_damaged_init_begins_its_turn(closer: Closer) -> None:
    frame = {**INIT, "tools": 5, "model": "m"}
    unknown, init, prompt = closer.feed(frame)
    assert (type(unknown), unknown.raw) == (UnknownMessage, frame)
    assert isinstance(init, InitMessage)
    assert (init.cwd, init.model, init.tools) == ("/w", "m", [])
    assert isinstance(prompt, UserMessage)
    assert prompt.uuid == "p"


def test_a_turn_without_an_init_begins_whatever_the_last_one_held(closer: Closer) -> None:
    closer.feed({**INIT, "tools": 5})
    closer.feed(RESULT)
    closer.expect("q", "More.")
    closer.feed({"type": "command_lifecycle", "command_uuid": "q", "state": "started"})
    assert isinstance(closer.feed(event(type="message_start", message={}))[0], InitMessage)


@pytest.mark.parametrize(
    ("damage", "outcome"),
    [
        ({"usage": 5}, "completed"),
        ({"errors": [1]}, "completed"),
        ({"subtype": 5}, "failed"),
        ({"is_error": "x"}, "failed"),
    ],
)
def test_a_damaged_result_ends_its_turn(closer: Closer, damage: Json, outcome: str) -> None:
    closer.feed(INIT)
    frame = {**RESULT, **damage}
    unknown, ended = closer.feed(frame)
    assert (type(unknown), unknown.raw) == (UnknownMessage, frame)
    assert isinstance(ended, ResultMessage)
    assert (ended.outcome, ended.user_message_uuids, ended.result) == (outcome, ["p"], "Hi")
    assert ended.error is None or ended.error.code == "protocol_error"
    assert not closer.running


def test_a_turn_whose_result_was_lost_ends_when_claude_is_idle(closer: Closer) -> None:
    closer.feed(INIT)
    closer.feed({**RESULT, "type": 5})
    _, ended = closer.feed({"type": "system", "subtype": "session_state_changed", "state": "idle"})
    assert isinstance(ended, ResultMessage)
    assert (ended.error_code, ended.user_message_uuids) == ("protocol_error", ["p"])


def test_a_result_that_comes_again_is_no_second_one(closer: Closer) -> None:
    closer.feed(INIT)
    assert len(results(closer.feed(RESULT))) == 1
    [again] = closer.feed(RESULT)
    assert (again.to_wire()["subtype"], again.raw) == ("late_result", RESULT)
    [listed] = closer.feed({**RESULT, "uuid": "other", "user_message_uuids": ["p"]})
    assert listed.to_wire()["subtype"] == "late_result"


def test_a_result_begins_the_turn_of_which_nothing_else_came() -> None:
    closer = Closer("s", SessionFacts(cwd="/w"))
    closer.expect("p", "Go.")
    init, prompt, ended = closer.feed({**RESULT, "user_message_uuids": ["p"]})
    assert [type(message) for message in (init, prompt, ended)] == [InitMessage, UserMessage, ResultMessage]
    assert {message.source.turn_id for message in (init, prompt, ended) if message.source} == {"p"}


def test_an_init_tells_which_prompt_it_takes_up() -> None:
    closer = Closer("s", SessionFacts(cwd="/w"))
    closer.expect("p", "Go.")
    _, prompt = closer.feed({**INIT, "user_message_uuids": ["p"]})
    assert (prompt.uuid, closer.state_of("p")) == ("p", "started")


def test_a_tools_result_before_its_use_is_its_only_one(closer: Closer) -> None:
    closer.feed(INIT)
    assert closer.feed(ANSWER)[0].type == "user"
    [use] = closer.feed(USE)
    assert isinstance(use, AssistantMessage)
    assert [message.type for message in closer.feed(RESULT)] == ["result"]


def test_a_tools_result_that_comes_again_is_a_notice(closer: Closer) -> None:
    closer.feed(INIT)
    closer.feed(USE)
    closer.feed(ANSWER)
    [again] = closer.feed(ANSWER)
    assert again.to_wire()["subtype"] == "late_tool_result"


def test_a_damaged_notice_ends_its_task(closer: Closer) -> None:
    task: Json = {"type": "system", "task_id": "a", "tool_use_id": "t"}
    closer.feed(INIT)
    closer.feed({**task, "subtype": "task_started", "is_backgrounded": True})
    unknown, ended = closer.feed({**task, "subtype": "task_notification", "status": "completed", "summary": 5})
    assert isinstance(unknown, UnknownMessage)
    assert isinstance(ended, TaskNotification)
    assert (ended.status, ended.summary, closer.background_tasks) == ("completed", None, [])


def test_an_unknown_state_is_no_work(closer: Closer) -> None:
    closer.feed({"type": "system", "subtype": "session_state_changed", "state": "running"})
    closer.feed({"type": "system", "subtype": "session_state_changed", "state": 5})
    assert not closer.working
