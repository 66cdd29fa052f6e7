from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from agent_sdk_core import ModelPrice, RequestOpened, RequestResolved, ResultMessage, SDKMessage, UserMessage
from agent_sdk_core.wire_log import read_wire_log
from claude_sdk import ClaudeBackend, replay

FLOWS = sorted((Path(__file__).parents[1] / "flows").glob("*.wire.jsonl"))


def received(**fields: object) -> dict[str, Any]:
    return {"dir": "in", "msg": {"session_id": "s", **fields}}


def sent(**fields: object) -> dict[str, Any]:
    return {"dir": "out", "msg": fields}


def prompt(uuid: str, text: str = "Hi", session_id: str = "s") -> list[dict[str, Any]]:
    """Return what passes when a prompt is sent and taken up."""
    message = {"role": "user", "content": text}
    states = ("queued", "started")
    return [
        sent(type="user", uuid=uuid, message=message),
        *(
            received(
                type="command_lifecycle", command_uuid=uuid, state=state, uuid=f"{uuid}{state}", session_id=session_id
            )
            for state in states
        ),
        received(type="system", subtype="init", cwd="/w", uuid=f"{uuid}init", session_id=session_id),
    ]


def result(uuid: str, session_id: str = "s") -> dict[str, Any]:
    fields = {"type": "result", "subtype": "success", "result": "Done.", "user_message_uuids": [uuid]}
    return received(**fields, uuid=f"{uuid}result", session_id=session_id)


def asked(tool: str = "Bash", **body: object) -> dict[str, Any]:
    request = {"subtype": "can_use_tool", "tool_name": tool, "input": {"command": "ls"}, "tool_use_id": "t1", **body}
    return {"dir": "in", "msg": {"type": "control_request", "request_id": "r1", "request": request}}


def answered(**body: object) -> dict[str, Any]:
    response = {"subtype": "success", "request_id": "r1", "response": body}
    return sent(type="control_response", response=response)


def outcomes(records: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(each.outcome, each.by) for each in replay(records) if isinstance(each, RequestResolved)]


def results(messages: list[SDKMessage]) -> list[tuple[str | None, str, list[str]]]:
    return [
        (each.session_id, each.outcome, each.user_message_uuids) for each in messages if isinstance(each, ResultMessage)
    ]


@pytest.mark.parametrize("flow", FLOWS, ids=lambda path: path.name.partition(".")[0])
def test_what_was_recorded_is_told_the_same_each_time(flow: Path) -> None:
    first, second = list(ClaudeBackend.replay(flow)), list(ClaudeBackend.replay(flow))
    assert [message.to_wire() for message in first] == [message.to_wire() for message in second]
    assert any(isinstance(message, ResultMessage) for message in first)
    plain = list(
        replay(read_wire_log(flow), partial=False, prices={"m": ModelPrice(input=1, cached_input=1, output=1)})
    )
    assert {message.type for message in first} - {message.type for message in plain} <= {
        "stream_event",
        "tool_progress",
    }


def test_prompts_are_repeated_in_the_session_that_took_them_up() -> None:
    told = list(replay([*prompt("a"), *prompt("b", "Ho", "other"), result("b", "other"), result("a")]))
    prompts = [(each.session_id, each.text) for each in told if isinstance(each, UserMessage)]
    assert prompts == [("s", "Hi"), ("other", "Ho")]
    assert results(told) == [("other", "completed", ["b"]), ("s", "completed", ["a"])]


def test_what_is_open_at_the_end_is_closed() -> None:
    told = list(replay([*prompt("a"), asked()]))
    assert results(told) == [("s", "failed", ["a"])]
    assert outcomes([*prompt("a"), asked()]) == [("withdrawn", "close")]


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (answered(behavior="allow"), ("allowed", "answer")),
        (answered(behavior="deny"), ("denied", "answer")),
        (
            {"dir": "in", "msg": {"type": "control_cancel_request", "request_id": "r1"}},
            ("withdrawn", "agent"),
        ),
    ],
)
def test_a_request_is_told_with_what_became_of_it(answer: dict[str, Any], outcome: tuple[str, str]) -> None:
    records = [*prompt("a"), asked(), answer, answer, result("a")]
    assert outcomes(records) == [outcome]
    [opened] = [each for each in replay(records) if isinstance(each, RequestOpened)]
    assert (opened.kind, opened.request["tool_name"]) == ("permission", "Bash")


def test_a_question_of_claude_is_answered_or_declined() -> None:
    question = {"question": "Which?", "header": "H", "options": [{"label": "A"}], "multiSelect": False}
    ask = asked("AskUserQuestion", input={"questions": [question]})
    for behavior, outcome in (("allow", "answered"), ("deny", "declined")):
        assert outcomes([*prompt("a"), ask, answered(behavior=behavior)])[0][0] == outcome


def test_a_goodbye_closes_the_only_session() -> None:
    goodbye = sent(type="control_request", request_id="9", request={"subtype": "end_session"})
    told = list(replay([*prompt("a"), goodbye, *prompt("b"), result("b")]))
    assert results(told) == [("s", "interrupted", ["a"]), ("s", "completed", ["b"])]
    two = list(replay([*prompt("a"), *prompt("b", "Ho", "other"), goodbye, result("a")]))
    assert results(two)[0] == ("s", "completed", ["a"])


@pytest.mark.parametrize("record", [None, 5, [], "text"])
def test_what_is_no_record_is_passed_over(record: object) -> None:
    assert list(replay([record])) == []


def test_a_session_that_is_renamed_is_the_same_one() -> None:
    reset = received(type="conversation_reset", new_conversation_id="new", uuid="x")
    told = list(replay([*prompt("a"), reset, result("a", "new")]))
    assert results(told) == [("new", "completed", ["a"])]


@pytest.mark.parametrize(
    "record",
    [
        {},
        {"dir": "in", "msg": 1},
        {"dir": "in", "msg": {"type": "keep_alive"}},
        {"dir": "in", "msg": {"type": "control_response"}},
        {"dir": "in", "msg": {"type": "control_request", "request_id": "1", "request": {"subtype": "mcp_message"}}},
        {"dir": "out", "msg": {"type": "control_request", "request": {"subtype": "initialize"}}},
        {"dir": "out", "msg": {"type": "control_response", "response": None}},
        asked(),
        asked(input=5, tool_name=None),
    ],
)
def test_what_cannot_be_read_or_belongs_to_nobody_is_passed_over(record: dict[str, Any]) -> None:
    assert list(replay([record])) == []
    told = list(replay([*prompt("a"), record, result("a")]))
    assert results(told) == [("s", "completed", ["a"])]
