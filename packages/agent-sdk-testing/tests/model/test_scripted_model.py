from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Callable

import anyio
import pytest

from agent_sdk_testing import ModelRequest, ScriptedModel, Step, Tokens, http_error, text

Ask = Callable[..., http.client.HTTPResponse]


def said(response: http.client.HTTPResponse) -> str:
    """Return the text of a streamed response, or the message of an error."""
    body = response.read().decode()
    if response.status != 200:
        return json.loads(body)["error"]["message"]
    found = [json.loads(line.removeprefix("data: ")) for line in body.splitlines() if line.startswith("data: ")]
    return "".join(entry["delta"] for entry in found if entry["type"] == "response.output_text.delta")


def test_replies_are_given_in_order(model: ScriptedModel, ask: Ask) -> None:
    model.reply(text("one")).reply(text("two"))
    assert model.replies_left == 2
    assert [said(ask()), said(ask())] == ["one", "two"]
    assert model.replies_left == 0
    model.check()


def test_a_rule_goes_before_the_queue_and_repeats_its_last_reply(model: ScriptedModel, ask: Ask) -> None:
    model.reply(text("queued"))
    model.when("fix").reply(text("first")).reply(text("again"))
    assert [said(ask({"input": "fix it"})) for _ in range(3)] == ["first", "again", "again"]
    assert said(ask({"input": "hello"})) == "queued"


def test_a_rule_can_be_limited(model: ScriptedModel, ask: Ask) -> None:
    model.when(lambda request: request.model == "m", times=1).reply(text("rule"))
    model.reply(text("queued"))
    assert [said(ask()), said(ask())] == ["rule", "queued"]


def test_a_rule_without_a_reply_answers_nothing(model: ScriptedModel, ask: Ask) -> None:
    model.when("hi")
    model.reply(text("queued"))
    assert said(ask()) == "queued"


def test_the_fallback_answers_what_nothing_else_does(model: ScriptedModel, ask: Ask) -> None:
    model.otherwise(lambda request: text(f"You said {request.last_user_text}"))
    model.reply(text("queued"))
    assert [said(ask()), said(ask()), said(ask())] == ["queued", "You said hi", "You said hi"]


def test_what_nothing_answers_is_a_clear_error_and_recorded(model: ScriptedModel, ask: Ask) -> None:
    response = ask()
    assert response.status == 400
    assert "no scripted reply is left for request 1" in said(response)
    (unexpected,) = model.unexpected
    assert unexpected.request is model.requests[0]
    with pytest.raises(AssertionError, match="POST /v1/responses: no scripted reply is left for request 1"):
        model.check()


def test_a_body_that_is_no_request_is_unexpected(model: ScriptedModel, ask: Ask) -> None:
    model.reply(text("x"))
    assert "request 1 cannot be answered" in said(ask(b"{broken"))
    assert model.replies_left == 1


def raises(_: ModelRequest) -> Step:
    raise LookupError


def says_too_much(_: ModelRequest) -> list[Step]:
    return [http_error(500), text("late")]


@pytest.mark.parametrize("broken", [raises, says_too_much])
def test_a_function_of_the_script_that_goes_wrong_is_reported(
    broken: Callable[[ModelRequest], Step], model: ScriptedModel, ask: Ask
) -> None:
    model.reply(broken)
    assert ask().status == 400
    assert len(model.unexpected) == 1


def test_a_predicate_that_raises_is_reported(model: ScriptedModel, ask: Ask) -> None:
    model.when(lambda request: bool(request.tool("none"))).reply(text("x"))
    assert "a function of the script raised KeyError" in said(ask())


def test_an_unknown_path_is_unexpected_but_no_request_to_the_model(model: ScriptedModel, ask: Ask) -> None:
    assert ask(path="/v1/nope?x=1").status == 404
    assert [str(entry) for entry in model.unexpected] == ["POST /v1/nope: the scripted model does not serve this path"]
    assert model.requests == ()


def test_the_list_of_models_is_empty_and_not_unexpected(model: ScriptedModel, ask: Ask) -> None:
    assert json.loads(ask(method="GET", path="/v1/models?client_version=1").read())["models"] == []
    assert [request.path for request in model.other_requests] == ["/v1/models"]
    model.check()


def test_an_http_error_has_its_status_headers_and_kind(model: ScriptedModel, ask: Ask) -> None:
    model.reply(http_error(429, "slow down", kind="rate_limit"), headers={"Retry-After": "3"})
    response = ask()
    assert (response.status, response.headers["Retry-After"], said(response)) == (429, "3", "slow down")
    model.check()


def test_a_reply_can_claim_a_model_counts_and_headers(model: ScriptedModel, ask: Ask) -> None:
    model.reply(text("x"), model="other", usage=Tokens(input=3), headers={"X-Limit": "9"})
    response = ask()
    assert response.headers["X-Limit"] == "9"
    last = json.loads(response.read().decode().split("data: ")[-1])["response"]
    assert (last["model"], last["usage"]["input_tokens"]) == ("other", 3)


def test_requests_at_the_same_time_each_get_a_reply(model: ScriptedModel, ask: Ask) -> None:
    for _ in range(16):
        model.reply(text("x" * 1000))
    answers: list[str] = []
    threads = [threading.Thread(target=lambda: answers.append(said(ask()))) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert answers == ["x" * 1000] * 16
    assert [request.number for request in model.requests] == list(range(1, 17))


def test_a_thread_can_wait_for_a_request(model: ScriptedModel, ask: Ask) -> None:
    model.otherwise(text("x"))
    said(ask())
    assert model.wait_for_requests_sync(1).number == 1
    with pytest.raises(TimeoutError):
        model.wait_for_requests_sync(2, timeout=0.01)


def test_a_string_matches_the_newest_message_of_the_user_only(model: ScriptedModel, ask: Ask) -> None:
    model.when("fix").reply(text("rule"))
    model.otherwise(text("fallback"))
    assert (
        said(ask({"input": [{"role": "user", "content": "fix it"}, {"role": "user", "content": "stop"}]})) == "fallback"
    )


@pytest.mark.anyio
async def test_an_event_loop_can_wait_for_a_request() -> None:
    async with ScriptedModel() as model:
        model.otherwise(text("x"))
        connection = http.client.HTTPConnection(model.url.removeprefix("http://"), timeout=120)

        def ask() -> None:
            for _ in range(2):
                connection.request("POST", "/v1/responses", body=b'{"input": "hi"}')
                connection.getresponse().read()

        with anyio.fail_after(30):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(anyio.to_thread.run_sync, ask)
                request = await model.wait_for_requests(2)
                assert request is model.requests[1]
                assert await request.finished() == "completed"
        connection.close()


def test_a_model_is_started_once() -> None:
    model = ScriptedModel()
    model.close()
    with pytest.raises(RuntimeError, match="not started"):
        _ = model.url
    with model, pytest.raises(RuntimeError, match="started before"):
        model.start()
    model.close()
