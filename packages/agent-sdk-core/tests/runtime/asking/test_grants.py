"""What was granted for the session covers exactly that act, and nothing that a person has to see."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from agent_sdk_core.asking.approvals import ALLOW, DENY
from agent_sdk_core.asking.permissions import Allow, Deny, PermissionOption, PermissionRequest
from agent_sdk_core.asking.questions import Answers, Question, QuestionRequest
from agent_sdk_core.runtime.asking import grants as module
from agent_sdk_core.runtime.asking.grants import SessionGrants

SESSION = PermissionOption("allow_session", "Yes, for this session", Allow("session"), "here")
ALWAYS = PermissionOption("everything", "Yes, always", Allow("always", option="everything"), "there")
OPTIONS = (ALLOW, SESSION, ALWAYS, DENY)
REQUEST = PermissionRequest(
    "Bash", {"command": "make", "description": "Build."}, cwd="/r", escalates=frozenset({"sandbox"}), options=OPTIONS
)


def noted(answer: Any, request: Any = REQUEST) -> SessionGrants:
    grants = SessionGrants()
    grants.note(request, answer)
    return grants


@pytest.mark.parametrize(
    ("answer", "kept"),
    [
        (Allow("session"), True),
        (Allow("always"), True),
        (Allow(option="allow_session"), True),
        (Allow(option="everything"), True),
        (Allow(), False),
        (Allow(option="allow"), False),
        (Allow(option="deny"), False),
        (Allow(option="of nobody"), False),
        (Allow("session", updated_input={"command": "rm"}), False),
        (Allow("session", updated_input=REQUEST.input), True),
        (Deny(), False),
        (None, False),
    ],
)
def test_what_lasts_is_kept(answer: Any, kept: bool) -> None:
    assert noted(answer).covers(REQUEST) == kept


def test_a_scope_that_the_request_does_not_offer_grants_nothing() -> None:
    once = replace(REQUEST, options=(ALLOW, DENY))
    assert not noted(Allow("always"), once).covers(once)
    session = replace(REQUEST, options=(ALLOW, SESSION, DENY))
    assert noted(Allow("always"), session).covers(session)
    lasting = replace(REQUEST, options=(ALLOW, ALWAYS, DENY))
    assert not noted(Allow("session"), lasting).covers(lasting)


CHANGES: list[tuple[dict[str, Any], bool]] = [
    ({"request_id": "another", "tool_use_id": "two", "reason": "Again."}, True),
    ({"input": {"command": "make", "description": "Build again."}}, True),
    ({"input": {"command": "make install"}}, False),
    ({"input": {"command": "make", "run_in_background": True}}, False),
    ({"tool_name": "Monitor"}, False),
    ({"cwd": "/elsewhere"}, False),
    ({"escalates": frozenset({"sandbox", "network"})}, False),
    ({"escalates": frozenset()}, False),
    ({"blocked_path": "/etc"}, False),
    ({"requires_person": True}, False),
]


@pytest.mark.parametrize(("changes", "covered"), CHANGES)
def test_another_act_is_another_question(changes: Any, covered: bool) -> None:
    assert noted(Allow("session")).covers(replace(REQUEST, **changes)) == covered


@pytest.mark.parametrize("name", ["mcp__tickets__open", "Write"])
def test_what_another_tool_than_a_command_is_told_is_part_of_the_act(name: str) -> None:
    request = replace(REQUEST, tool_name=name, input={"description": "One.", "justification": "It is late."})
    grants = noted(Allow("session"), request)
    assert grants.covers(request)
    assert not grants.covers(replace(request, input={**request.input, "description": "All of them."}))
    assert not grants.covers(replace(request, input={**request.input, "justification": "It is early."}))


def test_what_a_person_has_to_see_is_never_kept() -> None:
    person = replace(REQUEST, requires_person=True)
    assert len(noted(Allow("session"), person)) == 0


def test_other_requests_grant_nothing() -> None:
    question = QuestionRequest((Question("1", "Which?"),))
    grants = noted(Answers({"1": ("a",)}), question)
    assert not grants.covers(question)
    assert not noted(Allow("session")).covers(question)


def test_what_has_no_text_is_not_kept() -> None:
    odd = replace(REQUEST, input={"command": object()})
    assert len(noted(Allow("session"), odd)) == 0
    assert not noted(Allow("session")).covers(odd)


def test_no_more_is_kept_than_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MOST", 2)
    grants = SessionGrants()
    requests = [replace(REQUEST, input={"command": str(number)}) for number in range(3)]
    for request in requests:
        grants.note(request, Allow("session"))
    assert [grants.covers(request) for request in requests] == [False, True, True]


CALL = replace(REQUEST, tool_use_id="t-1")


@pytest.mark.parametrize(
    ("asked", "covered"),
    [
        (CALL, True),
        (replace(CALL, input={"command": "make", "cwd": "/r"}), True),
        (replace(CALL, escalates=frozenset()), True),
        (replace(CALL, tool_use_id="t-2"), False),
        (replace(CALL, tool_use_id=None), False),
        (replace(CALL, input={"command": "make install"}), False),
        (replace(CALL, tool_name="WriteStdin"), False),
        (replace(CALL, escalates=frozenset({"sandbox", "network"})), False),
        (replace(CALL, requires_person=True), False),
    ],
)
def test_a_call_that_a_person_allowed_is_covered_with_what_it_lifts(asked: PermissionRequest, covered: bool) -> None:
    grants = SessionGrants()
    grants.note_call(CALL, CALL.input)
    assert grants.covers_call(asked) is covered
    assert not (covered and grants.covers_call(asked)), "a second time is another act"
    assert not grants.covers(asked)


def test_a_call_is_covered_as_it_was_changed_and_only_where_it_lifts_something(monkeypatch: pytest.MonkeyPatch) -> None:
    grants = SessionGrants()
    grants.note_call(CALL, {"command": "make safe"})
    assert not grants.covers_call(CALL)
    grants.note_call(CALL, {"command": "make safe"})
    assert grants.covers_call(replace(CALL, input={"command": "make safe"}))
    grants.note_call(replace(CALL, escalates=frozenset()), CALL.input)
    assert not grants.covers_call(CALL)
    monkeypatch.setattr(module, "_MOST", 1)
    grants.note_call(CALL, CALL.input)
    grants.note_call(replace(CALL, tool_use_id="t-2"), CALL.input)
    assert not grants.covers_call(CALL)
