from __future__ import annotations

import json
from typing import Any

import pytest

from agent_sdk_testing import ModelRequest, http_error
from agent_sdk_testing.model.anthropic.repeats import Repeats


def request(*content: Any, agent: str = "", **body: Any) -> ModelRequest:
    headers = {"X-Claude-Code-Session-Id": "s"} | ({"X-Claude-Code-Agent-Id": agent} if agent else {})
    messages = [{"role": "user", "content": list(content)}, {"role": "assistant", "content": "a"}]
    return ModelRequest("POST", "/v1/messages", headers, json.dumps({"messages": messages, **body}).encode())


def block(text: str) -> dict[str, Any]:
    return {"type": "text", "text": text}


_RESULT = {"type": "tool_result", "tool_use_id": "1", "content": "out"}


def test_another_form_of_a_request_is_recognised() -> None:
    repeats, error = Repeats(), http_error(400)
    repeats.note(request(block("hi"), block("<system-reminder>tools"), {"type": "image"}, tools=[1]), error)
    assert repeats.error(request(block("hi"))) is error
    assert repeats.error(request(block("hi"), stream=False)) is error


@pytest.mark.parametrize("other", [request(block("hi"), block("again")), request(block("hi"), _RESULT), request()])
def test_a_new_request_is_none(other: ModelRequest) -> None:
    repeats = Repeats()
    repeats.note(request(block("hi")), http_error(400))
    assert repeats.error(other) is None


def test_each_agent_has_its_own_errors() -> None:
    repeats = Repeats()
    repeats.note(request(block("hi"), agent="a"), http_error(404))
    assert repeats.error(request(block("hi"), agent="b")) is None
    assert repeats.error(request(block("hi"))) is None
    assert repeats.error(request(block("hi"), agent="a")) is not None


def test_an_error_that_is_retried_as_it_is_counts_each_time() -> None:
    repeats = Repeats()
    repeats.note(request(block("hi")), http_error(529))
    assert repeats.error(request(block("hi"))) is None
