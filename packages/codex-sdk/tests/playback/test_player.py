"""A recorded wire log becomes the messages that were live, whatever is missing of it."""

from __future__ import annotations

from typing import Any

import pytest

from agent_sdk_core.messages.result import ResultMessage
from agent_sdk_core.messages.system import RequestOpened, RequestResolved
from agent_sdk_core.messages.usage import ModelPrice
from codex_sdk.playback.player import replay

Record = dict[str, Any]


def out(method: str | None = None, request_id: object = None, **params: Any) -> Record:
    message: Record = {"method": method, "params": params}
    if request_id is not None:
        message["id"] = request_id
    return {"t": 0, "dir": "out", "msg": message}


def told(method: str, thread: str = "t1", **params: Any) -> Record:
    return {"t": 0, "dir": "in", "msg": {"method": method, "params": {"threadId": thread, **params}}}


def response(request_id: object, result: Any) -> Record:
    return {"t": 0, "dir": "in", "msg": {"id": request_id, "result": result}}


def refusal(request_id: object) -> Record:
    return {"t": 0, "dir": "in", "msg": {"id": request_id, "error": {"code": -32600, "message": "no"}}}


def asked(request_id: object, method: str, **params: Any) -> Record:
    params = {"threadId": "t1", "turnId": "turn-1", **params}
    return {"t": 0, "dir": "in", "msg": {"id": request_id, "method": method, "params": params}}


def answered(request_id: object, result: Any) -> Record:
    return {"t": 0, "dir": "out", "msg": {"id": request_id, "result": result}}


def opening(thread: str = "t1", request_id: object = 1, method: str = "thread/start") -> list[Record]:
    result = {"thread": {"id": thread}, "model": "big", "cwd": "/w"}
    return [out(method, request_id), response(request_id, result)]


def turn(thread: str = "t1", turn_id: str = "turn-1", prompt: str = "p1", request_id: object = 2) -> list[Record]:
    content = [{"type": "text", "text": "hi"}]
    return [
        out("turn/start", request_id, threadId=thread, clientUserMessageId=prompt, input=content),
        response(request_id, {"turn": {"id": turn_id}}),
        told("turn/started", thread, turn={"id": turn_id, "rootTurnId": turn_id}),
    ]


def ended(thread: str = "t1", turn_id: str = "turn-1", status: str = "completed") -> Record:
    return told("turn/completed", thread, turn={"id": turn_id, "status": status})


def results(records: list[Record], **options: Any) -> list[ResultMessage]:
    return [message for message in replay(records, **options) if isinstance(message, ResultMessage)]


def test_a_turn_ends_the_prompt_that_the_log_shows() -> None:
    messages = list(replay([*opening(), *turn(), ended()]))
    assert [getattr(message, "subtype", message.type) for message in messages] == ["init", "status", "user", "success"]
    assert messages[2].uuid == "p1"
    assert isinstance(messages[-1], ResultMessage)
    assert messages[-1].user_message_uuids == ["p1"]
    assert {message.session_id for message in messages} == {"t1"}


def test_sessions_of_one_log_are_told_apart_and_stay_in_order() -> None:
    records = [
        *opening("t1", 1),
        *opening("t2", 2),
        *turn("t1", "turn-1", "p1", 3),
        *turn("t2", "turn-2", "p2", 4),
        ended("t2", "turn-2"),
        ended("t1", "turn-1"),
    ]
    assert [(result.session_id, result.user_message_uuids) for result in results(records)] == [
        ("t2", ["p2"]),
        ("t1", ["p1"]),
    ]


def test_events_before_the_response_that_opens_their_thread_are_not_lost() -> None:
    start, response_ = opening()
    messages = list(replay([start, told("warning", message="early"), response_]))
    assert [getattr(message, "content", None) for message in messages] == ["early"]


def test_a_turn_that_the_log_leaves_open_is_closed() -> None:
    (result,) = results([*opening(), *turn()])
    assert result.user_message_uuids == ["p1"]
    assert result.error_code == "log_ended"


def test_a_log_without_the_opening_shows_its_threads_at_the_end() -> None:
    records = [told("turn/started", "lost", turn={"id": "x"}), *opening(), *turn(), ended(), ended("lost", "x")]
    assert [result.session_id for result in results(records)] == ["t1", "lost"]


def test_a_new_process_ends_what_the_one_before_was_doing() -> None:
    records = [*opening(), *turn(), out("initialize", 1), *opening("t1", 2, "thread/resume"), *turn(request_id=3)]
    first, second = results(records)
    assert first.error_code == "process_exited"
    assert second.error_code == "log_ended"
    assert first.uuid != second.uuid


def test_a_thread_that_is_opened_again_begins_anew() -> None:
    records = [
        *opening(),
        *turn(),
        *opening("t1", 5, "thread/resume"),
        *turn("t1", "turn-2", "p2", 6),
        ended("t1", "turn-2"),
    ]
    assert [result.error_code for result in results(records)] == ["session_closed", None]


def test_what_comes_after_the_end_of_a_session_is_nobodys() -> None:
    records = [
        *opening(),
        *turn(),
        ended(),
        out("thread/unsubscribe", 3, threadId="t1"),
        response(3, {}),
        told("warning", message="late"),
        asked(9, "item/commandExecution/requestApproval", itemId="x"),
    ]
    assert len(list(replay(records))) == 4


def test_a_prompt_that_was_refused_is_in_no_result() -> None:
    steer = out("turn/steer", 3, threadId="t1", clientUserMessageId="p2", input=[])
    assert [result.user_message_uuids for result in results([*opening(), *turn(), steer, refusal(3), ended()])] == [
        ["p1"]
    ]
    taken = [*opening(), *turn(), steer, response(3, {"turnId": "turn-1"}), ended()]
    assert [result.user_message_uuids for result in results(taken)] == [["p1", "p2"]]


def test_a_schema_that_was_sent_makes_the_answer_data() -> None:
    records = [*opening(), *turn()]
    records[2]["msg"]["params"]["outputSchema"] = {}
    said = told("item/completed", turnId="turn-1", item={"type": "agentMessage", "id": "m", "text": '{"n": 1}'})
    (result,) = results([*records, said, ended()])
    assert result.structured_output == {"n": 1}


def test_prices_give_costs() -> None:
    usage = {"total": {"inputTokens": 10, "outputTokens": 1}, "last": {"inputTokens": 10, "outputTokens": 1}}
    tokens = told("thread/tokenUsage/updated", turnId="turn-1", tokenUsage=usage)
    records = [*opening(), *turn(), tokens, ended()]
    (result,) = results(records, prices={"big": ModelPrice(1.0, 1.0, 1.0)})
    assert result.total_cost_usd == pytest.approx(11e-6)
    assert results(records)[0].total_cost_usd is None


def test_an_interrupt_in_the_log_tells_a_command_that_was_left_from_one_that_was_awaited() -> None:
    command = {"type": "commandExecution", "id": "c", "command": "sleep 9", "processId": "7", "status": "inProgress"}
    records = [
        *opening(),
        *turn(),
        told("item/started", turnId="turn-1", item=command),
        out("turn/interrupt", 3, threadId="t1", turnId="turn-1"),
        out("turn/interrupt", 4, threadId="stranger", turnId="turn-1"),
        ended(status="interrupted"),
    ]
    kinds = [getattr(message, "subtype", message.type) for message in replay(records)]
    assert "task_started" not in kinds


def test_rate_limits_are_told_to_every_session() -> None:
    limits = {"t": 0, "dir": "in", "msg": {"method": "account/rateLimits/updated", "params": {"rateLimits": {"a": 1}}}}
    messages = list(replay([*opening(), *turn(), limits]))
    assert "rate_limit_event" in [message.type for message in messages]


PERMISSIONS = "item/permissions/requestApproval"
APPROVAL = "item/commandExecution/requestApproval"
FORM: Record = {"mode": "form", "serverName": "s", "message": "who?", "requestedSchema": {}}
MCP: Record = {**FORM, "_meta": {"codex_approval_kind": "mcp_tool_call", "tool_params": {}}}
QUESTION: Record = {"questions": [{"id": "q", "question": "which?"}]}
PATCHED: Record = {"type": "fileChange", "id": "i", "status": "inProgress", "changes": []}
CALLED: Record = {"type": "mcpToolCall", "id": "i", "status": "inProgress", "server": "s", "tool": "t", "arguments": {}}
AMENDED = {"acceptWithExecpolicyAmendment": {"execpolicy_amendment": ["ls"]}}


def network(action: str) -> Record:
    return {"decision": {"applyNetworkPolicyAmendment": {"network_policy_amendment": {"host": "h", "action": action}}}}


@pytest.mark.parametrize(
    ("method", "params", "item", "body", "kind", "outcome"),
    [
        (APPROVAL, {"command": "ls"}, None, {"decision": "accept"}, "permission", "allowed"),
        (APPROVAL, {"command": "ls"}, None, {"decision": "acceptForSession"}, "permission", "allowed"),
        (APPROVAL, {"command": "ls"}, None, {"decision": AMENDED}, "permission", "allowed"),
        (APPROVAL, {"command": "ls"}, None, network("allow"), "permission", "allowed"),
        (APPROVAL, {"command": "ls"}, None, network("deny"), "permission", "denied"),
        (APPROVAL, {"command": "ls"}, None, {"decision": "decline"}, "permission", "denied"),
        (APPROVAL, {"command": "ls"}, None, None, "permission", "denied"),
        ("item/fileChange/requestApproval", {}, PATCHED, {"decision": "cancel"}, "permission", "denied"),
        (PERMISSIONS, {"permissions": {"a": 1}}, None, {"permissions": {"a": 1}}, "permission", "allowed"),
        (PERMISSIONS, {"permissions": {"a": 1}}, None, {"permissions": {}}, "permission", "denied"),
        ("item/tool/requestUserInput", QUESTION, None, {"answers": {"q": {"answers": ["a"]}}}, "question", "answered"),
        ("item/tool/requestUserInput", QUESTION, None, {"answers": {}}, "question", "declined"),
        ("mcpServer/elicitation/request", FORM, None, {"action": "accept"}, "elicitation", "answered"),
        ("mcpServer/elicitation/request", FORM, None, {"action": "decline"}, "elicitation", "declined"),
        ("mcpServer/elicitation/request", MCP, CALLED, {"action": "accept"}, "permission", "allowed"),
        ("mcpServer/elicitation/request", MCP, CALLED, {"action": "cancel"}, "permission", "denied"),
    ],
)  # fmt: skip
def test_a_request_is_opened_and_resolved_as_it_was_answered(
    method: str, params: Record, item: Record | None, body: Any, kind: str, outcome: str
) -> None:
    shown = [] if item is None else [told("item/started", turnId="turn-1", item=item)]
    records = [*opening(), *turn(), *shown, asked(0, method, itemId="i", **params), answered(0, body)]
    messages = list(replay(records))
    (opened,) = [message for message in messages if isinstance(message, RequestOpened)]
    (resolved,) = [message for message in messages if isinstance(message, RequestResolved)]
    assert (opened.kind, resolved.kind) == (kind, kind)
    assert resolved.outcome == outcome
    assert resolved.by == "answer"
    assert resolved.request_id == opened.request_id
    assert opened.session_id == "t1"


def test_a_request_without_an_answer_is_withdrawn() -> None:
    by_agent = told("serverRequest/resolved", requestId=0)
    for last, by in ((by_agent, "agent"), (out("initialize", 1), "close"), (None, "close")):
        records = [*opening(), *turn(), asked(0, APPROVAL, command="ls"), *([last] if last else [])]
        (resolved,) = [message for message in replay(records) if isinstance(message, RequestResolved)]
        assert (resolved.outcome, resolved.by) == ("withdrawn", by)


def test_an_id_that_is_used_again_is_another_request() -> None:
    records = [*opening(), *turn(), asked(0, APPROVAL, command="a"), asked(0, APPROVAL, command="b"), answered(0, {})]
    messages = list(replay(records))
    assert [m.outcome for m in messages if isinstance(m, RequestResolved)] == ["withdrawn", "denied"]


@pytest.mark.parametrize(
    "record",
    [
        asked(0, "item/tool/call", tool="t"),
        asked(0, "item/fileChange/requestApproval", itemId="unknown"),
        asked(0, "mcpServer/elicitation/request", mode="openai/userVerification"),
        asked(0, "item/tool/requestUserInput", questions=5),
        asked([], APPROVAL, command="ls"),
        asked(0, "something/new"),
        asked(0, APPROVAL, threadId=None),
        answered([], {}),
        response([], {}),
        response(99, {}),
        told("turn/started", thread=None),  # type: ignore[arg-type]  # a corrupt thread
        out("turn/start", [], threadId="t1"),
        {"dir": "in", "msg": 5},
        {"dir": "in"},
        {},
        {"dir": "in", "msg": {}},
    ],
)
def test_what_cannot_be_shown_is_passed_over(record: Record) -> None:
    before = len(list(replay([*opening(), *turn(), ended()])))
    assert len(list(replay([*opening(), record, *turn(), ended()]))) == before


def test_a_response_without_a_thread_opens_nothing() -> None:
    assert (
        list(replay([out("thread/start", 1), response(1, None), out("thread/start", 2), response(2, {"thread": 5})]))
        == []
    )


def test_a_prompt_without_a_uuid_is_shown_as_another_clients() -> None:
    records = [*opening(), out("turn/start", 2, threadId="t1", input=[]), response(2, {"turn": {"id": "turn-1"}})]
    started = told("turn/started", turn={"id": "turn-1"})
    (result,) = results([*records, started, ended()])
    assert result.user_message_uuids == []


def test_a_sub_agent_that_only_its_turn_names_joins_its_session() -> None:
    child = told("turn/started", "child", turn={"id": "c", "rootTurnId": "turn-1"})
    said = told("item/completed", "child", turnId="c", item={"type": "agentMessage", "id": "m", "text": "hi"})
    messages = list(replay([*opening(), *turn(), child, said, ended("child", "c"), ended()]))
    assert {message.session_id for message in messages} == {"t1"}
    assert [message.parent_tool_use_id for message in messages if message.type == "assistant"] == [None, "agent:child"]
    assert len([message for message in messages if message.type == "result"]) == 1
