from __future__ import annotations

from typing import Any

import pytest

from agent_sdk_core import Allow, Answers, Deny, InvalidRequestError, UnsupportedOptionError
from agent_sdk_core.asking.approvals import ends_turn, require_change
from agent_sdk_core.asking.permissions import PermissionRequest
from agent_sdk_core.asking.requests import AgentAnswer, Ask
from codex_sdk import protocol
from codex_sdk.asking.envelope import Envelope
from codex_sdk.asking.mcp_approvals import mcp_approval

ARGUMENTS = {"path": "/a"}


def elicitation(**meta: Any) -> Envelope:
    """An elicitation in the words of Codex's own approvals; `meta` beats them."""
    told = {"codex_approval_kind": "mcp_tool_call", "tool_params": ARGUMENTS, "tool_title": "Harmless", **meta}
    params = {"threadId": "thread-1", "turnId": "turn-1", "serverName": "files", "message": "Ok?", "_meta": told}
    return Envelope("request-1", "session-1", "0", params, parent_tool_use_id="spawn", deadline=12.5)


def call(**fields: Any) -> dict[str, Any]:
    usual = {"server": "files", "tool": "delete", "arguments": ARGUMENTS, "status": "inProgress"}
    return {"type": "mcpToolCall", "id": "item-1", **usual, **fields}


def approval(*calls: dict[str, Any], **meta: Any) -> Ask[PermissionRequest]:
    found = mcp_approval(elicitation(**meta), calls or [call()])
    assert found is not None
    return found


def test_it_is_about_the_call_that_codex_shows_not_what_it_says() -> None:
    request = approval().request
    assert (request.tool_name, dict(request.input)) == ("mcp__files__delete", ARGUMENTS)
    assert (request.tool_use_id, request.parent_tool_use_id, request.deadline) == ("item-1", "spawn", 12.5)
    assert (request.request_id, request.session_id) == ("request-1", "session-1")
    assert request.source is not None
    assert (request.source.thread_id, request.source.request_id) == ("thread-1", "0")


@pytest.mark.parametrize(
    "fields",
    [
        {"server": "other"},
        {"arguments": {"path": "/b"}},
        {"arguments": None},
        {"status": "completed"},
        {"type": "dynamicToolCall"},
    ],
)
def test_without_an_open_call_that_fits_it_is_the_servers_own(fields: dict[str, Any]) -> None:
    assert mcp_approval(elicitation(), [call(**fields)]) is None


def test_without_any_call_it_is_the_servers_own() -> None:
    assert mcp_approval(elicitation(), []) is None


@pytest.mark.parametrize("meta", [None, [], "mcp_tool_call", {}, {"codex_approval_kind": "other"}])
def test_what_does_not_claim_to_be_an_approval_is_none(meta: object) -> None:
    asked = elicitation()
    asked.params["_meta"] = meta
    assert mcp_approval(asked, [call()]) is None


def test_of_two_kinds_of_call_that_fit_neither_is_meant() -> None:
    assert mcp_approval(elicitation(), [call(), call(id="item-2", tool="read")]) is None


def test_of_two_equal_calls_none_is_named() -> None:
    request = approval(call(), call(id="item-2")).request
    assert (request.tool_name, request.tool_use_id) == ("mcp__files__delete", None)


def test_other_calls_do_not_matter() -> None:
    assert approval(call(server="other", tool="read"), call(id="item-2")).request.tool_use_id == "item-2"


@pytest.mark.parametrize(("shown", "told"), [(None, None), ({}, None), (None, {})])
def test_no_arguments_are_the_same_as_empty_ones(shown: Any, told: Any) -> None:
    assert dict(approval(call(arguments=shown), tool_params=told).request.input) == {}


@pytest.mark.parametrize(
    ("persist", "lasting"),
    [
        (None, []),
        ([], []),
        ("session", ["allow_session"]),
        (["session"], ["allow_session"]),
        (["always", "session"], ["allow_session", "allow_always"]),
        (["forever"], []),
    ],
)
def test_only_what_codex_offers_can_last(persist: object, lasting: list[str]) -> None:
    options = [option.id for option in approval(persist=persist).request.options]
    assert options == ["allow", *lasting, "deny", "deny_stop"]


@pytest.mark.parametrize(
    ("answer", "persist"),
    [
        (Allow(), None),
        (Allow("session"), "session"),
        (Allow("always"), "always"),
        (Allow(option="allow"), None),
        (Allow(option="allow_session"), "session"),
        (Allow(option="allow_always"), "always"),
        (Allow(updated_input=ARGUMENTS), None),
    ],
)
def test_an_allow_lasts_as_long_as_it_says(answer: AgentAnswer, persist: str | None) -> None:
    body = approval(persist=["session", "always"]).encode(answer)
    assert body == {"action": "accept", "content": {}, "_meta": {"persist": persist} if persist else None}
    protocol.McpServerElicitationRequestResponse.model_validate(body, extra="forbid")


@pytest.mark.parametrize(
    ("offered", "answer", "persist"),
    [
        (None, Allow("session"), None),
        (None, Allow("always"), None),
        (["session"], Allow("always"), "session"),
        (["always"], Allow("session"), None),
    ],
)
def test_an_allow_that_cannot_last_so_long_lasts_for_less(offered: object, answer: Allow, persist: str | None) -> None:
    body = approval(persist=offered).encode(answer)
    assert body["_meta"] == ({"persist": persist} if persist else None)


@pytest.mark.parametrize(("servers", "offered"), [({"files"}, False), ({"other"}, True), (set[str](), True)])
def test_for_good_is_offered_where_codex_can_keep_it(servers: set[str], offered: bool) -> None:
    found = mcp_approval(elicitation(persist=["session", "always"]), [call()], servers)
    assert found is not None
    ids = [option.id for option in found.request.options]
    assert "allow_session" in ids
    assert ("allow_always" in ids) is offered


@pytest.mark.parametrize(
    ("answer", "action"),
    [
        (Deny(), "decline"),
        (Deny(option="deny"), "decline"),
        (Deny(interrupt=True), "cancel"),
        (Deny(option="deny_stop"), "cancel"),
    ],
)
def test_a_denial_declines_or_stops(answer: AgentAnswer, action: str) -> None:
    body = approval().encode(answer)
    assert body == {"action": action, "content": None, "_meta": None}
    protocol.McpServerElicitationRequestResponse.model_validate(body, extra="forbid")


@pytest.mark.parametrize(
    ("answer", "stopped"),
    [
        (Deny(interrupt=True), True),
        (Deny(option="deny_stop"), True),
        (Deny(option="deny"), False),
        (Deny(), False),
        (Allow(), False),
    ],
)
def test_a_denial_that_stops_has_to_be_followed_by_an_interrupt(answer: AgentAnswer, stopped: bool) -> None:
    assert ends_turn(approval().request, answer) is stopped


@pytest.mark.parametrize("option", ["allow_always", "nonsense", "deny"])
def test_an_option_that_was_not_offered_allows_nothing(option: str) -> None:
    with pytest.raises(InvalidRequestError, match="no such option"):
        approval(persist=["session"]).encode(Allow(option=option))


def test_a_changed_input_is_refused() -> None:
    with pytest.raises(UnsupportedOptionError, match="changed input"):
        require_change(approval().request, Allow(updated_input={"path": "/b"}))


def test_an_answer_of_another_kind_is_refused() -> None:
    with pytest.raises(InvalidRequestError, match="not Answers"):
        approval().encode(Answers({}))
