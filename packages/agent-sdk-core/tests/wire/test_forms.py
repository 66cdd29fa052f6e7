from __future__ import annotations

import json
from dataclasses import replace
from typing import Any, cast, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from agent_sdk_core import (
    Allow,
    Answers,
    Choice,
    Deny,
    ElicitationAnswer,
    ElicitationRequest,
    Escalation,
    InvalidRequestError,
    PermissionOption,
    PermissionRequest,
    PermissionUpdate,
    Question,
    QuestionRequest,
    Source,
    answer_from_wire,
    request_from_wire,
)
from agent_sdk_core.asking.permissions import GrantScope
from agent_sdk_core.schemas import export_json_schemas

SCHEMAS = export_json_schemas()
REQUEST_SCHEMA: Any = Draft202012Validator(SCHEMAS["agent_request.schema.json"])
ANSWER_SCHEMA: Any = Draft202012Validator(SCHEMAS["agent_answer.schema.json"])

TEXTS = st.text(max_size=5)
OPTIONAL = st.none() | TEXTS
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS
JSON = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3))
OBJECTS = st.dictionaries(TEXTS, JSON, max_size=3)
UPDATES = st.lists(
    st.one_of(
        st.builds(
            PermissionUpdate,
            st.sampled_from(["add_rules", "remove_rules"]),
            st.lists(st.sampled_from(["Bash", "Edit(/etc/**)"]), min_size=1, max_size=2),
            st.sampled_from(["allow", "deny", "ask"]),
        ),
        st.just(PermissionUpdate("add_directories", directories=["/a"])),
        st.just(PermissionUpdate("set_mode", mode="plan", destination="user")),
    ),
    max_size=2,
)
ALLOWS = st.builds(Allow, st.sampled_from(get_args(GrantScope)), OPTIONAL, st.none() | OBJECTS, UPDATES)
DENIES = st.builds(Deny, TEXTS, st.booleans(), OPTIONAL)
ANSWERS = st.one_of(
    ALLOWS,
    DENIES,
    st.builds(Answers, st.dictionaries(TEXTS, st.lists(TEXTS, max_size=3).map(tuple), max_size=3)),
    st.builds(ElicitationAnswer, st.sampled_from(["accept", "decline", "cancel"]), st.none() | OBJECTS),
)
SHARED: dict[str, Any] = {
    "request_id": TEXTS,
    "session_id": TEXTS,
    "parent_tool_use_id": OPTIONAL,
    "deadline": st.none() | st.floats(0, 1e12) | st.integers(0, 10**12),
    "raw": st.builds(object),
    "source": st.just(Source("memory")),
}
QUESTIONS = st.builds(
    Question,
    id=TEXTS,
    text=TEXTS,
    header=TEXTS,
    choices=st.lists(st.builds(Choice, TEXTS, TEXTS), max_size=3).map(tuple),
    multi_select=st.booleans(),
    allow_other=st.booleans(),
    secret=st.booleans(),
)
REQUESTS = st.one_of(
    st.builds(
        PermissionRequest,
        tool_name=TEXTS,
        input=OBJECTS,
        tool_use_id=OPTIONAL,
        cwd=OPTIONAL,
        reason=OPTIONAL,
        escalates=st.frozensets(st.sampled_from(get_args(Escalation))),
        options=st.lists(st.builds(PermissionOption, TEXTS, TEXTS, ALLOWS | DENIES, TEXTS), max_size=3).map(tuple),
        diff=OPTIONAL,
        agent_id=OPTIONAL,
        blocked_path=OPTIONAL,
        command_parts=st.lists(TEXTS, max_size=3).map(tuple),
        requires_person=st.booleans(),
        changeable=st.none() | st.lists(TEXTS, max_size=2).map(tuple),
        rule=st.none() | TEXTS,
        **SHARED,
    ),
    st.builds(QuestionRequest, questions=st.lists(QUESTIONS, max_size=3).map(tuple), tool_use_id=OPTIONAL, **SHARED),
    st.builds(
        ElicitationRequest,
        server=TEXTS,
        mode=st.sampled_from(["form", "url"]),
        message=TEXTS,
        schema=st.none() | OBJECTS,
        url=OPTIONAL,
        **SHARED,
    ),
)
PERMISSION = PermissionRequest("Bash", {}, "r", "s", options=(PermissionOption("a", "Yes", Allow()),))


def sent(value: Any) -> Any:
    """What another process reads."""
    return json.loads(json.dumps(value.to_wire()))


@given(REQUESTS)
def test_a_request_comes_back_as_it_was_without_what_is_native(request: Any) -> None:
    wire = sent(request)
    REQUEST_SCHEMA.validate(wire)
    assert request_from_wire(wire) == cast("Any", type(request)).from_wire(wire) == request
    assert request_from_wire(wire).raw is request_from_wire(wire).source is None


@given(ANSWERS)
def test_an_answer_comes_back_as_it_was(answer: Any) -> None:
    wire = sent(answer)
    ANSWER_SCHEMA.validate(wire)
    assert answer_from_wire(wire) == cast("Any", type(answer)).from_wire(wire) == answer
    assert not REQUEST_SCHEMA.is_valid(wire)


@given(st.one_of(REQUESTS, ANSWERS), st.data())
def test_what_the_schema_takes_is_read_and_nothing_else_raises_more_than_an_invalid_request(
    value: Any, data: st.DataObject
) -> None:
    wire: Any = sent(value)
    validator, read = (ANSWER_SCHEMA, answer_from_wire) if answers(value) else (REQUEST_SCHEMA, request_from_wire)
    held, key = wire, data.draw(st.sampled_from(sorted(wire)))
    while keys := places(held[key]):
        if data.draw(st.booleans()):
            break
        held, key = held[key], data.draw(st.sampled_from(keys))
    held[key] = data.draw(JSON)
    try:
        read(wire)
    except InvalidRequestError:
        assert not validator.is_valid(wire)
    else:
        validator.validate(wire)


def places(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return sorted(cast("dict[str, Any]", value))
    return list(range(len(cast("list[Any]", value)))) if isinstance(value, list) else []


def answers(value: object) -> bool:
    return isinstance(value, Allow | Deny | Answers | ElicitationAnswer)


BAD: list[tuple[dict[Any, Any], str]] = [
    ({"kind": "wish"}, "request.kind must be one of 'permission', 'question', 'elicitation'."),
    ({"kind": ["permission"]}, "request.kind must be one of"),
    ({"input": []}, "request.input is of type list, not an object."),
    ({"input": {1: 2}}, "A key of request.input is of type int, not a string."),
    ({"cwd": 5}, "request.cwd is of type int, not a string."),
    ({"deadline": True}, "request.deadline is of type bool, not a number."),
    ({"escalates": ["sandbox", "world"]}, r"request.escalates\[1\] must be one of 'sandbox', "),
    ({"options": "none"}, "request.options is of type str, not an array."),
    ({"options": [{"id": "a"}]}, r"request.options\[0\].label is missing."),
    (
        {"options": [{"id": "a", "label": "b", "answer": {"kind": "answers", "answers": {}}}]},
        r"request.options\[0\].answer.kind must be one of 'allow', 'deny'.",
    ),
    (
        {"options": [{"id": "a", "label": "b", "answer": {"kind": "allow", "scope": "for ever"}}]},
        r"request.options\[0\].answer.scope must be one of 'once', 'session', 'always'.",
    ),
]


@pytest.mark.parametrize(("change", "problem"), BAD)
def test_bad_data_is_refused_with_its_place(change: dict[Any, Any], problem: str) -> None:
    with pytest.raises(InvalidRequestError, match=f"^{problem}"):
        request_from_wire({**PERMISSION.to_wire(), **change})


@pytest.mark.parametrize("data", [None, [], "allow", 5, {}, {"kind": None}, {"kind": "permission"}])
def test_what_is_no_answer_at_all_is_refused(data: Any) -> None:
    with pytest.raises(InvalidRequestError, match=r"^answer"):
        answer_from_wire(data)
    with pytest.raises(InvalidRequestError, match=r"^Allow"):
        Allow.from_wire(data)


def test_an_error_shows_no_value_for_it_may_be_a_secret() -> None:
    with pytest.raises(InvalidRequestError) as caught:
        answer_from_wire({"kind": "answers", "answers": {"password": "hunter2"}})
    assert str(caught.value) == "answer.answers.password is of type str, not an array."


def test_what_has_a_default_may_be_left_out_and_what_is_not_known_is_passed_over() -> None:
    assert answer_from_wire({"kind": "allow"}) == Allow()
    assert answer_from_wire({"kind": "deny", "message": "No.", "mood": "bad"}) == Deny("No.")
    assert request_from_wire({**PERMISSION.to_wire(), "raw": 1, "source": "of another", "newer": {}}) == PERMISSION


def test_a_secret_is_marked_for_whoever_shows_the_question() -> None:
    request = QuestionRequest((Question("Password?", "q", secret=True), Question("Name?", "p")), "r", "s")
    assert [question["secret"] for question in sent(request)["questions"]] == [True, False]


@pytest.mark.parametrize(
    ("answer", "place"),
    [
        (Allow(updated_input={"a": [b"x"]}), r"updated_input.a\[0\] is of type bytes"),
        (ElicitationAnswer("accept", {"a": float("nan")}), "content.a is nan"),
    ],
)
def test_an_answer_that_json_cannot_hold_has_no_wire_form(answer: Any, place: str) -> None:
    with pytest.raises(InvalidRequestError, match=place):
        answer.to_wire()


def test_parts_cross_by_themselves() -> None:
    [option] = PERMISSION.options
    assert PermissionOption.from_wire(sent(option)) == option
    question = Question("Which?", "q", choices=(Choice("a"),))
    assert Question.from_wire(sent(question)) == question
    assert PERMISSION.from_wire(sent(replace(PERMISSION, raw=object()))) == PERMISSION
