from __future__ import annotations

import json
from typing import Any

import pytest

from agent_sdk_testing import ModelRequest
from agent_sdk_testing.model.anthropic.asides import is_aside, quiet_reply
from agent_sdk_testing.model.anthropic.request import parse
from agent_sdk_testing.model.steps import Text


def request(**body: Any) -> ModelRequest:
    return ModelRequest("POST", "/v1/messages", {}, json.dumps(body).encode(), parse=parse)


def quiet_text(**body: Any) -> str:
    (step,) = quiet_reply(request(**body)).steps
    assert isinstance(step, Text)
    (chunk,) = step.chunks
    assert isinstance(chunk, str)
    return chunk


@pytest.mark.parametrize(
    "body",
    [
        {"max_tokens": 1, "messages": [{"role": "user", "content": "Hi"}]},
        {"system": "You are naming a coding session so the user can pick it out."},
        {"system": [{"type": "text", "text": "You run a web search for another Claude model, which waits."}]},
        {"messages": [{"role": "user", "content": "\nWeb page content:\n---\n# Title\n---\nSum it up."}]},
    ],
)
def test_what_claude_asks_on_the_side_is_recognised(body: dict[str, Any]) -> None:
    assert is_aside(request(**body))


@pytest.mark.parametrize(
    "body",
    [
        {"max_tokens": 32000, "system": "You are an agent.", "messages": [{"role": "user", "content": "Hi"}]},
        {"tools": [{"name": "Bash"}], "messages": [{"role": "user", "content": "Web page content:\n---"}]},
        {},
    ],
)
def test_a_turn_is_no_aside(body: dict[str, Any]) -> None:
    assert not is_aside(request(**body))


def test_a_body_that_is_no_object_is_a_value_error() -> None:
    with pytest.raises(ValueError, match="not a JSON object"):
        is_aside(ModelRequest("POST", "/v1/messages", {}, b"[]", parse=parse))


def test_the_quiet_answer_says_nothing() -> None:
    assert quiet_text() == "Nothing."


def test_the_quiet_answer_has_the_form_that_was_asked_for() -> None:
    properties = {
        "title": {"type": "string"},
        "tags": {"type": "array"},
        "new": {"type": "boolean"},
        "count": {"type": "integer"},
        "more": {"type": "object"},
    }
    schema = {"type": "object", "properties": properties}
    said = quiet_text(output_config={"format": {"type": "json_schema", "schema": schema}})
    assert json.loads(said) == {"title": "scripted", "tags": [], "new": False, "count": 0, "more": {}}
