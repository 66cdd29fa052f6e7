from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from agent_sdk_core import (
    Account,
    AgentCommand,
    BackgroundTask,
    ContextWindow,
    Goal,
    InterruptReceipt,
    McpServerStatus,
    McpTool,
    ModelUsage,
    SessionInfo,
    SessionUsage,
    StoredSession,
    Usage,
)
from agent_sdk_core.messages.base import Source
from agent_sdk_core.messages.conversation import UnknownMessage
from agent_sdk_core.messages.parse import MESSAGE_TYPES, SYSTEM_SUBTYPES, parse_message
from agent_sdk_core.schemas import export_json_schemas
from agent_sdk_core.telemetry.metrics import Metric, MetricSeries
from agent_sdk_core.telemetry.reporting import ErrorRecord
from agent_sdk_core.wire.forms import WireForm

SCHEMAS = export_json_schemas()
VALIDATOR: Any = Draft202012Validator(SCHEMAS["sdk_message.schema.json"])

BLOCKS: list[dict[str, Any]] = [
    {"type": "text", "text": "x"},
    {"type": "thinking", "thinking": "x", "signature": None},
    {"type": "redacted_thinking", "data": "x"},
    {"type": "tool_use", "id": "1", "name": "Bash", "input": {"a": [1]}, "kind": "read", "extra": None},
    {"type": "tool_result", "tool_use_id": "1", "content": [{"type": "text", "text": "x"}, {"type": "new"}]},
    {"type": "tool_result", "tool_use_id": "1", "content": "x", "is_error": True},
    {"type": "image", "source": {"type": "url"}},
    {"type": "document", "source": {}},
    {"type": "server_tool_use", "id": "1", "name": "web_search", "input": {}},
    {"type": "web_search_tool_result", "tool_use_id": "1", "content": []},
    {"type": "of_tomorrow", "x": 1},
]
IDENTITY: dict[str, Any] = {"uuid": "u", "session_id": "s", "parent_tool_use_id": None}
VALID: list[dict[str, Any]] = [
    {"type": "assistant", "message": {"id": "m", "role": "assistant", "content": BLOCKS, "usage": {"input_tokens": 1}}},
    {"type": "assistant", "message": {"content": []}, "aborted": True, "error": "server_error", "new": 1},
    {"type": "user", "message": {"role": "user", "content": "x"}, "isReplay": True, **IDENTITY},
    {"type": "user", "message": {"role": "user", "content": BLOCKS}, "tool_use_result": {"stdout": ""}},
    {"type": "stream_event", "event": {"type": "content_block_delta", "index": 0, "delta": {"text": "x"}}},
    {"type": "stream_event", "event": {"type": "of_tomorrow", "x": 1}, "api_message_id": "m"},
    {"type": "tool_progress", "tool_use_id": "1", "elapsed_time_seconds": 1.5},
    {"type": "command_lifecycle", "command_uuid": "u", "state": "queued"},
    {"type": "rate_limit_event", "rate_limit_info": {}},
    {"type": "result", "subtype": "success", "duration_ms": 1.5, "modelUsage": {"m": {"inputTokens": 1}}},
    {"type": "system", "subtype": "init", "tools": ["Bash"], "permissionMode": "plan"},
    {"type": "system", "subtype": "task_progress", "task_id": "t"},
    {"type": "system", "subtype": "of_tomorrow", "x": 1},
    {"type": "of_tomorrow", "x": 1, **IDENTITY},
]
MALFORMED: list[dict[str, Any]] = [
    {},
    {"type": 5},
    {"type": "assistant"},
    {"type": "assistant", "message": {"content": "x"}},
    {"type": "user", "message": {"content": [5]}},
    {"type": "stream_event", "event": "x"},
    {"type": "stream_event", "event": {"delta": "x"}},
    {"type": "tool_progress"},
    {"type": "result"},
    {"type": "result", "subtype": "success", "is_error": 1},
    {"type": "result", "subtype": "success", "num_turns": 1.5},
    {"type": "system"},
    {"type": "system", "subtype": "task_started"},
    {"type": "system", "subtype": "messages_dropped", "dropped": "1"},
    {"type": "of_tomorrow", "uuid": 5},
]


@pytest.mark.parametrize("frame", VALID, ids=str)
def test_a_valid_message_validates(frame: dict[str, Any]) -> None:
    VALIDATOR.validate(frame)
    VALIDATOR.validate(parse_message(frame).to_wire())
    assert isinstance(parse_message(frame), UnknownMessage) == (frame["type"] == "of_tomorrow")


@pytest.mark.parametrize("frame", MALFORMED, ids=str)
def test_a_malformed_message_does_not(frame: dict[str, Any]) -> None:
    assert not VALIDATOR.is_valid(frame)
    assert isinstance(parse_message(frame), UnknownMessage)


@pytest.mark.parametrize("known", ["text", "tool_use"])
def test_a_malformed_known_block_validates_as_no_block(known: str) -> None:
    assert not VALIDATOR.is_valid({"type": "assistant", "message": {"content": [{"type": known}]}})


def test_the_schema_is_one_and_every_message_has_its_branch() -> None:
    schema = SCHEMAS["sdk_message.schema.json"]
    Draft202012Validator.check_schema(schema)
    names = {branch["$ref"].rpartition("/")[2] for branch in schema["oneOf"]}
    classes = {cls.__name__ for cls in (*MESSAGE_TYPES.values(), *SYSTEM_SUBTYPES.values())}
    assert names == classes | {"UnknownMessage"}
    assert export_json_schemas() == SCHEMAS


@given(
    st.sampled_from(VALID),
    st.dictionaries(
        st.sampled_from(["x", "raw", "source", "model_config"]),
        st.one_of(st.none(), st.integers(), st.text(max_size=3)),
    ),
)
def test_extra_keys_are_valid(frame: dict[str, Any], extra: dict[str, Any]) -> None:
    VALIDATOR.validate({**extra, **frame})


@pytest.mark.parametrize(
    "cls", dict.fromkeys((*MESSAGE_TYPES.values(), *SYSTEM_SUBTYPES.values())), ids=lambda cls: cls.__name__
)
def test_a_synthetic_message_validates(cls: Any) -> None:
    values: dict[str, object] = {
        "message": {"content": []},
        "event": {},
        "rate_limit_info": {},
        "usage": {},
        "dropped": 1,
    }
    if cls.__name__ == "PermissionDenied":
        values["message"] = "no"
    needed = {name: values.get(name, "x") for name, field in cls.model_fields.items() if field.is_required()}
    VALIDATOR.validate(cls.synthesize(Source("memory"), **needed).to_wire())


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("account", Account("subscription", needs_login=False, email="a@b.c")),
        ("metric", Metric("n", "counter", "s", "d", (MetricSeries({"a": "b"}, 1.5, 2, (1, 1)),), (0.5,))),
        ("error_record", ErrorRecord("E", ("AgentError",), "c", "turn", None, 1, 1.0, 2.0, "No.", {"session": "s"})),
        ("goal", Goal("Get there.", tokens_used=1, seconds_used=0.5)),
        ("session_info", SessionInfo(model="m", tools=("Bash",))),
        ("interrupt_receipt", InterruptReceipt(True, ("a",))),
        ("stored_session", StoredSession("s", "Title", archived=True)),
        ("agent_command", AgentCommand("review", "Reads the change.", kind="skill", path="/s")),
        ("background_task", BackgroundTask("t", "sleep 9", "/r", 7)),
        ("mcp_server_status", McpServerStatus("m", "connected", tools=(McpTool("t", read_only=True),))),
        ("session_usage", SessionUsage(Usage(input_tokens=1), {"m": ModelUsage()}, ContextWindow(3, 9), 0.5, "agent")),
    ],
)
def test_a_value_validates_against_its_schema_and_a_damaged_one_does_not(name: str, value: Any) -> None:
    schema = SCHEMAS[f"{name}.schema.json"]
    wire = json.loads(json.dumps(value.to_wire()))
    jsonschema.validate(wire, schema)
    assert value.from_wire(wire) == value
    for key in wire:
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate({**wire, key: [{"nonsense": 1}]}, schema)


def test_every_value_that_crosses_has_a_schema() -> None:
    told = {name for schema in SCHEMAS.values() for name in (schema.get("title"), *schema.get("$defs", ()))}
    forms = {cls.__name__ for cls in all_of(WireForm) if cls.__module__.startswith("agent_sdk_core.")}
    assert forms - told == {"AnswerForm", "ErrorForm"}
    assert "AgentError" in told


def all_of(cls: type) -> set[type]:
    return {each for inner in cls.__subclasses__() for each in (inner, *all_of(inner))}
