"""`ScriptedModel` as a client of Anthropic Messages sees it."""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable
from typing import Any

import pytest

from agent_sdk_testing import ScriptedModel, Tokens, custom, http_error, item, text

Ask = Callable[..., http.client.HTTPResponse]
Say = Callable[..., http.client.HTTPResponse]


@pytest.fixture
def say(ask: Ask) -> Say:
    """Sends a prompt to the Messages API."""

    def send(prompt: str = "hi", *, stream: bool = True, **body: Any) -> http.client.HTTPResponse:
        messages = [{"role": "user", "content": prompt}]
        whole = {"model": "m", "max_tokens": 9, "stream": stream, "messages": messages, **body}
        return ask(whole, path="/v1/messages?beta=true")

    return send


def said(response: http.client.HTTPResponse) -> str:
    """Return the text of a response, or the message of an error."""
    body = response.read().decode()
    if response.headers["Content-Type"] == "application/json":
        decoded = json.loads(body)
        return decoded["content"][0]["text"] if response.status == 200 else decoded["error"]["message"]
    found = [json.loads(line.removeprefix("data: ")) for line in body.splitlines() if line.startswith("data: ")]
    return "".join(entry["delta"]["text"] for entry in found if entry["type"] == "content_block_delta")


def test_one_script_answers_both_apis(model: ScriptedModel, ask: Ask, say: Say) -> None:
    model.reply(text("Hel", "lo")).reply(text("Hello"))
    assert said(say()) == "Hello"
    assert b"Hello" in ask().read()
    assert [(request.number, request.path) for request in model.requests] == [(1, "/v1/messages"), (2, "/v1/responses")]
    assert model.requests[0].last_user_text == "hi"


def test_a_request_without_a_stream_gets_one_message(model: ScriptedModel, say: Say) -> None:
    model.reply(text("Hel", "lo"), model="other", usage=Tokens(input=3), headers={"X-Limit": "9"})
    response = say(stream=False)
    assert response.headers["X-Limit"] == "9"
    message = json.loads(response.read())
    assert (message["model"], message["usage"]["input_tokens"], message["content"][0]["text"]) == ("other", 3, "Hello")


def test_what_nothing_answers_is_refused_with_a_status_that_has_no_remedy(model: ScriptedModel, say: Say) -> None:
    response = say()
    assert response.status == 418
    assert "no scripted reply is left for request 1" in said(response)
    assert len(model.unexpected) == 1


def test_a_step_that_the_api_has_no_form_for_is_refused(model: ScriptedModel, say: Say) -> None:
    model.reply(text("a"), custom("apply_patch", "x"))
    response = say()
    assert response.status == 418
    assert "is for Codex" in said(response)


def test_a_body_that_is_no_request_is_unexpected(model: ScriptedModel, ask: Ask) -> None:
    assert ask(b"{broken", path="/v1/messages").status == 418
    assert len(model.unexpected) == 1


def test_a_check_of_a_model_takes_no_reply(model: ScriptedModel, say: Say) -> None:
    model.reply(text("queued"))
    assert said(say(stream=False, max_tokens=1)) == "Nothing."
    assert (model.requests, len(model.other_requests), model.replies_left) == ((), 1, 1)
    model.check()


def test_what_is_asked_on_the_side_can_be_scripted(model: ScriptedModel, say: Say) -> None:
    model.when("hi").reply(text("turn"))
    model.when(lambda request: "naming" in request.instructions, aside=True).reply(text('{"title": "T"}'))
    assert said(say(system="You are naming a coding session")) == '{"title": "T"}'
    assert said(say(system="You run a web search for another Claude model")) == "Nothing."
    assert said(say()) == "turn"
    assert [request.number for request in model.other_requests] == [0, 0]


def test_a_function_that_goes_wrong_for_an_aside_is_reported(model: ScriptedModel, say: Say) -> None:
    model.when(lambda request: bool(request.tool("none")), aside=True).reply(text("x"))
    assert "a function of the script raised KeyError" in said(say(max_tokens=1))


@pytest.mark.parametrize("max_tokens", [1, 32000])
def test_an_unknown_model_is_not_found(max_tokens: int, model: ScriptedModel, say: Say) -> None:
    model.unknown_models.add("bogus")
    model.reply(text("queued"))
    response = say(model="bogus", max_tokens=max_tokens)
    assert response.status == 404
    assert json.loads(response.read())["error"] == {"type": "not_found_error", "message": "model: bogus"}
    assert model.replies_left == 1
    model.check()


def test_an_unknown_model_is_not_found_by_codex_either(model: ScriptedModel, ask: Ask) -> None:
    model.unknown_models.add("m")
    assert ask().status == 404


def test_other_forms_of_a_request_get_the_same_error(model: ScriptedModel, say: Say) -> None:
    model.reply(http_error(400, "no")).reply(text("next"))
    assert [said(say()), said(say(stream=False)), said(say("new"))] == ["no", "no", "next"]
    assert [request.number for request in model.requests] == [1, 2]
    assert len(model.other_requests) == 1


def test_an_aside_rule_can_answer_another_form(model: ScriptedModel, say: Say) -> None:
    model.when(lambda request: request.json["stream"] is False, aside=True).reply(text("better"))
    model.reply(http_error(404))
    assert say().status == 404
    assert said(say(stream=False)) == "better"


def test_tokens_are_counted_by_rule_of_thumb(model: ScriptedModel, ask: Ask) -> None:
    assert json.loads(ask(b"x" * 400, path="/v1/messages/count_tokens?beta=true").read()) == {"input_tokens": 100}
    model.check()


@pytest.mark.parametrize("path", ["/", "/api/hello"])
def test_a_knock_at_the_door_is_answered(path: str, model: ScriptedModel, ask: Ask) -> None:
    assert ask(b"", method="HEAD", path=path).status == 200
    assert [request.method for request in model.other_requests] == ["HEAD"]
    model.check()


def test_blocks_in_the_words_of_the_protocol(model: ScriptedModel, say: Say) -> None:
    model.reply(item("redacted_thinking", data="x"))
    assert json.loads(say(stream=False).read())["content"] == [{"type": "redacted_thinking", "data": "x"}]
