# pyright: reportUnknownLambdaType=false, reportUnknownArgumentType=false, reportUnknownVariableType=false
from __future__ import annotations

import copy
import json
import pickle
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_sdk_core.messages import conversation, system
from agent_sdk_core.messages.base import Source
from agent_sdk_core.messages.conversation import UnknownMessage, UserMessage
from agent_sdk_core.messages.parse import MESSAGE_TYPES, SYSTEM_SUBTYPES, parse_message
from agent_sdk_core.messages.result import ResultMessage

# Names of fields whose wire spelling differs are not keys that an agent uses.
PYTHON_NAMES = {"is_synthetic", "is_replay", "permission_mode", "api_key_source", "model_usage", "declared_kind"}
KEYS = st.one_of(
    st.sampled_from(
        ["raw", "source", "kind", "model_config", "cls", "self", "_fields_set", "_raw", "_source", "origin", "x"]
    ),
    st.text(max_size=5),
).filter(lambda key: key not in PYTHON_NAMES)
JSON = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.text(max_size=5)
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=3)),
    max_leaves=6,
)
OBJECTS = st.dictionaries(KEYS, JSON, max_size=4)
BLOCKS = st.recursive(
    st.one_of(
        st.fixed_dictionaries({"type": st.just("text"), "text": st.text(max_size=5)}, optional={"citations": JSON}),
        st.fixed_dictionaries(
            {"type": st.just("thinking"), "thinking": st.text(max_size=5)}, optional={"signature": JSON}
        ),
        st.fixed_dictionaries(
            {"type": st.just("tool_use"), "id": st.text(max_size=5), "name": st.text(max_size=5), "input": OBJECTS},
            optional={"kind": JSON, "caller": JSON},
        ),
        st.fixed_dictionaries({"type": st.text(max_size=8), "x": JSON}),
        st.fixed_dictionaries({"type": st.just("image"), "source": OBJECTS}),
    ),
    lambda inner: st.fixed_dictionaries(
        {"type": st.just("tool_result"), "tool_use_id": st.text(max_size=5)},
        optional={"content": st.one_of(st.none(), st.text(max_size=5), st.lists(inner, max_size=3)), "is_error": JSON},
    ),
    max_leaves=5,
)
CONTENT = st.one_of(st.text(max_size=5), st.lists(BLOCKS, max_size=4), JSON)
IDENTITY: dict[str, st.SearchStrategy[Any]] = {
    "uuid": st.one_of(st.none(), st.text(max_size=5)),
    "session_id": st.one_of(st.none(), st.text(max_size=5)),
    "parent_tool_use_id": st.one_of(st.none(), st.text(max_size=5)),
}
FIELDS: dict[str, st.SearchStrategy[Any]] = {
    name: JSON
    for cls in (*MESSAGE_TYPES.values(), *SYSTEM_SUBTYPES.values())
    for field, info in cls.model_fields.items()
    if (name := info.alias or field) not in ("type", "subtype", "uuid", "session_id", "parent_tool_use_id", "message")
}
FRAMES = st.builds(
    lambda known, extra: {**extra, **known},
    st.one_of(
        st.fixed_dictionaries(
            {
                "type": st.sampled_from(["assistant", "user"]),
                "message": st.one_of(
                    st.fixed_dictionaries({"role": st.just("user"), "content": CONTENT}, optional={"usage": JSON}), JSON
                ),
            },
            optional=IDENTITY,
        ),
        st.fixed_dictionaries(
            {
                "type": st.sampled_from([*MESSAGE_TYPES, "unheard_of", 5, None]),
                "subtype": st.sampled_from([*SYSTEM_SUBTYPES, "success", "unheard_of", 5, None]),
            },
            optional={**IDENTITY, **FIELDS},
        ),
    ),
    OBJECTS,
)


def same(one: Any, other: Any) -> bool:
    """Compare as JSON, for Python takes 1, 1.0 and True for equal."""
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


@given(FRAMES)
def test_a_frame_comes_back_as_it_was(frame: dict[str, Any]) -> None:
    message = parse_message(frame)
    assert same(message.to_wire(), frame)
    assert same(json.loads(message.to_json()), frame)
    assert "\n" not in message.to_json()
    assert message.raw is None
    assert message.source is None


@given(
    st.dictionaries(st.one_of(st.text(max_size=4), st.integers(), st.none()), st.one_of(JSON, st.binary()), max_size=4)
)
def test_parsing_never_raises(data: dict[Any, Any]) -> None:
    message = parse_message(data)
    assert len(message.to_wire()) <= len(data)


@given(FRAMES)
def test_copies_keep_fields_and_origin(frame: dict[str, Any]) -> None:
    source = Source("memory", thread_id="t")
    message = parse_message(frame, source=source, raw={"native": 1})
    for other in (
        copy.copy(message),
        copy.deepcopy(message),
        pickle.loads(pickle.dumps(message)),
        message.model_copy(),
        message.model_copy(deep=True),
    ):
        assert type(other) is type(message)
        assert same(other.to_wire(), frame)
        assert (other.source, other.raw) == (source, {"native": 1})


VALID: dict[type, dict[str, Any]] = {
    conversation.AssistantMessage: {"type": "assistant", "message": {"content": []}},
    conversation.UserMessage: {"type": "user", "message": {"content": "x"}},
    conversation.StreamEvent: {"type": "stream_event", "event": {"type": "message_stop"}},
    conversation.ToolProgress: {"type": "tool_progress", "tool_use_id": "t"},
    conversation.CommandLifecycle: {"type": "command_lifecycle", "command_uuid": "u", "state": "queued"},
    conversation.RateLimitEvent: {"type": "rate_limit_event", "rate_limit_info": {}},
    ResultMessage: {"type": "result", "subtype": "success"},
    system.InitMessage: {"type": "system", "subtype": "init"},
    system.TaskUpdated: {"type": "system", "subtype": "task_progress", "task_id": "t"},
    system.SystemMessage: {"type": "system", "subtype": "of tomorrow"},
    UnknownMessage: {"type": "of tomorrow"},
}


@pytest.mark.parametrize(("cls", "frame"), VALID.items(), ids=lambda value: getattr(value, "__name__", ""))
def test_the_class_follows_from_type_and_subtype(cls: type, frame: dict[str, Any]) -> None:
    assert type(parse_message(frame)) is cls
    assert type(parse_message(MappingProxyType(frame))) is cls


MALFORMED: list[dict[str, Any]] = [
    {},
    {"type": 5},
    {"type": "assistant"},
    {"type": "assistant", "message": {"content": [5]}},
    {"type": "assistant", "message": {"content": [{"type": 5}]}},
    {"type": "user", "message": None, "cls": 1, "_fields_set": 2, "self": 3},
    {"type": "stream_event", "event": 5},
    {"type": "stream_event", "event": {"type": "content_block_delta", "delta": "x"}},
    {"type": "stream_event", "event": {"type": "content_block_delta", "delta": None}},
    {"type": "result"},
    {"type": "result", "subtype": "success", "is_error": "yes"},
    {"type": "result", "subtype": "success", "num_turns": 1.5},
    {"type": "result", "subtype": "success", "duration_ms": True},
    {"type": "system"},
    {"type": "system", "subtype": 5},
    {"type": "system", "subtype": "task_started", "task_id": 5},
    {"type": "assistant", "uuid": 5, "message": {"content": []}},
]


@pytest.mark.parametrize("frame", MALFORMED, ids=str)
def test_what_does_not_fit_its_type_is_unknown_with_its_fields(frame: dict[str, Any]) -> None:
    message = parse_message(frame)
    assert type(message) is UnknownMessage
    assert message.to_wire() == frame
    for key, value in frame.items():
        if key not in ("type", "uuid"):
            assert (message.model_extra or {})[key] == value
    assert isinstance(message.type, str)
    assert message.uuid is None


def test_raw_is_the_frame_itself_when_a_source_is_given() -> None:
    frame = {"type": "user", "message": {"content": "x"}}
    source = Source("memory")
    assert parse_message(frame, source=source).raw is frame
    assert parse_message(frame, source=source, raw=[1]).raw == [1]
    assert parse_message({"type": 5}, source=source).source is source


def test_numbers_keep_their_spelling() -> None:
    frame = {"type": "result", "subtype": "success", "duration_ms": 5.0, "total_cost_usd": 1}
    assert parse_message(frame).to_json() == json.dumps(frame, separators=(",", ":"))


def test_a_lone_surrogate_in_a_message_still_makes_a_line_of_json() -> None:
    message = parse_message({"type": "user", "message": {"content": "cut \ud83d"}})
    assert json.loads(message.to_json())["message"]["content"].startswith("cut ")


def test_no_text_of_a_message_that_we_make_holds_half_a_character() -> None:
    result = {"type": "tool_result", "tool_use_id": "t", "content": [{"type": "text", "text": "cut \ud83d"}]}
    told = UserMessage.synthesize(Source("test"), message={"content": [result]}, tool_use_result={"\ud83d": "é"})
    assert UserMessage.from_json(told.to_json()).to_wire() == told.to_wire()
    assert told.tool_use_result == {"\ufffd": "é"}
    assert told.to_wire()["message"]["content"][0]["content"] == [{"type": "text", "text": "cut \ufffd"}]


def test_blocks_nested_beyond_reason_do_not_raise() -> None:
    block: dict[str, Any] = {"type": "text", "text": "deep"}
    for _ in range(120):
        block = {"type": "tool_result", "tool_use_id": "t", "content": [block]}
    frame = {"type": "user", "message": {"content": [block]}}
    assert parse_message(frame).to_wire() == frame
