from __future__ import annotations

from typing import Any

import pytest

from agent_sdk_testing import Conversation, InputMessage, ModelRequest, ToolOutput


def request_with(conversation: Conversation) -> ModelRequest:
    return ModelRequest("POST", "/v1/responses", {}, b"{}", number=1, parse=lambda _: conversation)


def test_credentials_are_not_recorded() -> None:
    headers = {"Authorization": "Bearer secret", "X-Api-Key": "secret", "Accept": "text/event-stream"}
    recorded = ModelRequest("POST", "/", headers, b"").headers
    assert recorded == {"authorization": "[redacted]", "x-api-key": "[redacted]", "accept": "text/event-stream"}


def test_the_content_is_read_through_the_parser() -> None:
    seen: list[Any] = []

    def parse(body: Any) -> Conversation:
        seen.append(body)
        return Conversation(model="m", instructions="be brief")

    request = ModelRequest("POST", "/", {}, b'{"a": 1}', parse=parse)
    assert (request.model, request.instructions, seen) == ("m", "be brief", [{"a": 1}])


def test_the_text_holds_messages_and_tool_outputs() -> None:
    request = request_with(
        Conversation(
            messages=(InputMessage("user", "fix it"), InputMessage("assistant", "well")),
            tool_outputs=(ToolOutput("call_1", "exit 2", {}),),
        )
    )
    assert request.text == "fix it\nwell\nexit 2"
    assert request.last_user_text == "fix it"


def test_a_request_without_a_user_message_has_no_user_text() -> None:
    assert request_with(Conversation()).last_user_text == ""


def test_a_tool_that_was_not_offered_is_a_clear_error() -> None:
    request = request_with(Conversation(tools={"ls": {"type": "function"}}))
    assert request.tool("ls") == {"type": "function"}
    with pytest.raises(KeyError, match="'rm' was not offered; these were: ls"):
        request.tool("rm")


def test_a_request_to_another_path_has_no_conversation() -> None:
    assert ModelRequest("GET", "/v1/models", {}, b"").conversation == Conversation()


def test_a_body_that_is_not_an_object_is_a_clear_error() -> None:
    with pytest.raises(ValueError, match="not a JSON object"):
        _ = ModelRequest("POST", "/x", {}, b"[]").json


@pytest.mark.anyio
async def test_the_end_of_the_response_can_be_waited_for() -> None:
    request = ModelRequest("POST", "/x", {}, b"xy", number=3)
    assert repr(request) == "<ModelRequest 3: POST /x, 2 bytes, running>"
    request.finish("client_gone")
    assert await request.finished() == "client_gone"
    assert request.finished_sync() == request.outcome == "client_gone"
