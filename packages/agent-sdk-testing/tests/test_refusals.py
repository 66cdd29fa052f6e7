"""Requests that a real provider refuses are refused by the scripted model too."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any

import pytest

from agent_sdk_testing import ScriptedModel, text
from agent_sdk_testing.model.anthropic.refusals import refused as refused_by_messages
from agent_sdk_testing.model.openai.refusals import refused as refused_by_responses
from agent_sdk_testing.model.openai.refusals import strict_problem

Json = dict[str, Any]
OBJECT: Json = {"type": "object", "properties": {}, "required": [], "additionalProperties": False}
HI: Json = {"role": "user", "content": "Hi"}
USE: Json = {"role": "assistant", "content": [{"type": "tool_use", "id": "t1", "name": "x", "input": {}}]}
RESULT: Json = {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t1", "content": ""}]}


def whole(**properties: Any) -> dict[str, Any]:
    return {**OBJECT, "properties": properties, "required": list(properties)}


@pytest.mark.parametrize(
    ("schema", "says"),
    [
        (None, "'type: \"object\"', got 'type: \"None\"'"),
        ({"type": "array", "items": OBJECT}, "got 'type: \"array\"'"),
        ({"type": "object", "properties": {}}, "In context=(), 'additionalProperties' is required to be supplied"),
        ({**OBJECT, "properties": {"a": {"type": "null"}}}, "Missing 'a'."),
        ({**OBJECT, "required": ["a"]}, "Extra required key 'a' supplied."),
        (whole(a={"type": "string", "default": "x"}), "In context=('properties', 'a'), 'default' is not permitted."),
        (whole(a={"oneOf": [{"type": "string"}]}), "'oneOf' is not permitted"),
        (whole(a={}), "schema must have a 'type' key."),
        (whole(a={"type": "array"}), "array schema missing items."),
        (whole(a={"type": ["array", "null"], "items": {"anyOf": [{}]}}), "('properties', 'a', 'items', 'anyOf', '0')"),
        (whole(a={"type": "string", "format": "uri"}), "'uri' is not a valid format."),
        (whole(a={"type": "string", "pattern": "(?=a)"}), "lookaround"),
        ({**whole(a={"$ref": "#/$defs/A"})}, "reference to component '#/$defs/A' which was not found"),
        ({**whole(a={"$ref": "#/properties/a"})}, "which was not found"),
        (
            {**whole(a={"$ref": "#/$defs/A", "title": "A"}), "$defs": {"A": OBJECT}},
            "$ref cannot have keywords {'title'}",
        ),
        ({**OBJECT, "$defs": {"A": {"minLength": 1, "type": "string"}}}, "('$defs', 'A'), 'minLength' is not"),
    ],
)
def test_strict_mode_refuses_what_it_does_not_know(schema: Any, says: str) -> None:
    assert says in (strict_problem(schema) or "")


def test_strict_mode_takes_its_subset() -> None:
    part = {"anyOf": [{"$ref": "#"}, {"$ref": "#/$defs/A"}, {"type": "null"}], "description": "A part."}
    schema: Json = {**whole(a=part, b={"type": "string", "enum": ["x"], "title": "B"}), "$defs": {"A": OBJECT}}
    assert strict_problem(schema) is None


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"input": [{"role": "robot", "content": "Hi"}]}, "Invalid value: 'robot'. Supported values are: 'assistant'"),
        (
            {"input": [{"type": "function_call_output", "call_id": "c1", "output": ""}]},
            "No tool call found for function call output with call_id c1.",
        ),
        (
            {"input": [{"type": "custom_tool_call", "call_id": "c1", "input": ""}]},
            "No tool output found for custom tool call c1.",
        ),
        (
            {"text": {"format": {"type": "json_schema", "name": "answer", "strict": True, "schema": {}}}},
            "Invalid schema for response_format 'answer': schema must be",
        ),
        (
            {"tools": [{"type": "function", "name": "f", "strict": True, "parameters": {"type": "object"}}]},
            "Invalid schema for function 'f': In context=(), 'additionalProperties'",
        ),
    ],
)
def test_the_responses_api_refuses_a_request(body: Mapping[str, Any], says: str) -> None:
    error = refused_by_responses(body)
    assert error is not None
    assert (error.status, error.kind) == (400, "invalid_request_error")
    assert says in error.message


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"input": "Hi"},
        {"input": [{"type": "function_call_output", "call_id": "c1"}], "previous_response_id": "r"},
        {"input": [{"type": "function_call_output", "namespace": "agent", "name": "goal_objective", "output": "Go."}]},
        {"text": {"format": {"type": "json_schema", "name": "answer", "schema": {"type": "array"}}}},
        {"tools": [{"type": "function", "name": "f", "strict": False, "parameters": {"type": "object"}}]},
    ],
)
def test_the_responses_api_takes_a_request(body: Mapping[str, Any]) -> None:
    assert refused_by_responses(body) is None


REFUSED_MESSAGES: list[tuple[Any, Any]] = [
    ({"messages": []}, "at least one message"),
    ({"messages": [{"role": "robot", "content": "Hi"}]}, "messages.0.role: Input should be"),
    ({"messages": [{"role": "user", "content": ""}]}, "text content blocks must be non-empty"),
    (
        {"messages": [HI, {"role": "assistant", "content": [{"type": "text", "text": " \n"}]}]},
        "text content blocks must contain non-whitespace text",
    ),
    ({"messages": [{"role": "user", "content": []}, HI]}, "messages.0: all messages must have non-empty content"),
    ({"messages": [RESULT]}, "unexpected `tool_use_id` found in `tool_result` blocks: t1"),
    ({"messages": [HI, USE, RESULT, RESULT, USE, HI]}, "messages.4: `tool_use` ids were found without"),
    (
        {"messages": [HI, USE, RESULT, {"role": "assistant", "content": "Ok"}, RESULT]},
        "messages.4.content: unexpected",
    ),
    ({"messages": [HI, {**USE, "content": USE["content"] * 2}, RESULT]}, "`tool_use` ids must be unique"),
    ({"messages": [HI], "tools": [{"name": "a b", "input_schema": OBJECT}]}, "tools.0.custom.name: String should"),
    ({"messages": [HI], "tools": [{"name": "a", "input_schema": {}}]}, "input_schema.type: Field required"),
    ({"messages": [HI], "tools": [{"name": "a", "input_schema": {"type": "array"}}]}, "Input should be `object`"),
    (
        {"messages": [HI], "tools": [{"name": "a", "input_schema": {**OBJECT, "anyOf": []}}]},
        "does not support oneOf, allOf, or anyOf at the top level",
    ),
    (
        {"messages": [HI], "tools": [{"name": "a", "input_schema": {**OBJECT, "properties": {"ä": {}}}}]},
        "Property keys should match pattern",
    ),
    ({"messages": [HI], "tools": [{"name": "a", "input_schema": OBJECT}] * 2}, "Tool names must be unique"),
]


@pytest.mark.parametrize(
    ("body", "says"),
    REFUSED_MESSAGES,
)
def test_the_messages_api_refuses_a_request(body: Mapping[str, Any], says: str) -> None:
    error = refused_by_messages(body)
    assert error is not None
    assert error.status == 400
    assert says in error.message


def test_the_messages_api_takes_a_conversation() -> None:
    told: Json = {"role": "system", "content": []}
    tools: list[Json] = [{"type": "web_search_20250305", "name": "web search"}, {"name": "x", "input_schema": OBJECT}]
    body: Json = {"messages": [HI, USE, told, RESULT, HI, {"role": "assistant", "content": []}], "tools": tools}
    assert refused_by_messages(body) is None


@pytest.mark.parametrize(
    ("path", "body", "says"),
    [
        ("/v1/responses", {"model": "m", "input": [{"role": "robot"}]}, "Supported values"),
        ("/v1/messages", {"model": "m", "messages": []}, "at least one"),
    ],
)
def test_the_scripted_model_answers_with_the_refusal_and_keeps_its_reply(path: str, body: Any, says: str) -> None:
    with ScriptedModel() as model:
        model.reply(text("Hi"))
        request = urllib.request.Request(model.url + path, json.dumps(body).encode())
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(request)
        with caught.value as response:
            assert response.code == 400
            assert says in json.load(response)["error"]["message"]
        assert model.replies_left == 1
        model.check()
