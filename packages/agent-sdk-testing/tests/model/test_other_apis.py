"""OpenAI Chat Completions and Gemini's API, as the scripted model speaks them."""

from __future__ import annotations

import http.client
import json
from typing import Any
from urllib.parse import urlsplit

import pytest

from agent_sdk_testing import ScriptedModel, call, custom, disconnect, failed, http_error, incomplete, reasoning, text
from agent_sdk_testing.model.google.asides import quiet_reply
from agent_sdk_testing.model.requests import ModelRequest

CHAT = "/v1/chat/completions"
GEMINI = "/v1beta/models/gemini-x:streamGenerateContent?alt=sse"
WHOLE = "/v1beta/models/gemini-x:generateContent"


def send(model: ScriptedModel, path: str, body: dict[str, Any]) -> tuple[int, str]:
    connection = http.client.HTTPConnection(urlsplit(model.url).netloc, timeout=120)
    try:
        connection.request("POST", path, json.dumps(body))
        response = connection.getresponse()
        return response.status, response.read().decode()
    finally:
        connection.close()


def chunks(stream: str) -> list[Any]:
    lines = [line.removeprefix("data: ").strip() for line in stream.splitlines() if line.startswith("data: ")]
    return [json.loads(line) for line in lines if line != "[DONE]"]


def user(words: str, **more: Any) -> dict[str, Any]:
    return {"model": "m", "messages": [{"role": "user", "content": words}], **more}


def asked(words: str, **more: Any) -> dict[str, Any]:
    return {"contents": [{"role": "user", "parts": [{"text": words}]}], **more}


def test_chat_streams_text_reasoning_and_calls(scripted_model: ScriptedModel) -> None:
    scripted_model.reply(reasoning("Hm."), text("Hel", "lo"), call("bash", command="ls"))
    status, stream = send(scripted_model, CHAT, user("Hi", stream=True))
    assert status == 200
    assert stream.endswith("data: [DONE]\n\n")
    told = chunks(stream)
    deltas = [each["choices"][0]["delta"] for each in told if each["choices"]]
    assert "".join(delta.get("content") or "" for delta in deltas) == "Hello"
    assert "".join(delta.get("reasoning_content", "") for delta in deltas) == "Hm."
    arguments = "".join(part["function"]["arguments"] for delta in deltas for part in delta.get("tool_calls", []))
    assert json.loads(arguments) == {"command": "ls"}
    assert told[-2]["choices"][0]["finish_reason"] == "tool_calls"
    assert told[-1]["usage"]["total_tokens"] == 15


def test_chat_answers_whole(scripted_model: ScriptedModel) -> None:
    scripted_model.reply(text("Hel", "lo"), call("bash", command="ls")).reply(incomplete("max_output_tokens"))
    scripted_model.reply(failed("server_error", "It broke."))
    message = json.loads(send(scripted_model, CHAT, user("Hi"))[1])["choices"][0]["message"]
    assert message["content"] == "Hello"
    assert json.loads(message["tool_calls"][0]["function"]["arguments"]) == {"command": "ls"}
    assert json.loads(send(scripted_model, CHAT, user("Hi"))[1])["choices"][0]["finish_reason"] == "length"
    assert json.loads(send(scripted_model, CHAT, user("Hi"))[1])["error"]["message"] == "It broke."


def test_chat_requests_are_read(scripted_model: ScriptedModel) -> None:
    scripted_model.reply(text("Yes."))
    messages = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": [{"type": "text", "text": "Hi"}]},
        {"role": "tool", "tool_call_id": "c", "content": "done"},
        {"role": "user", "content": "<system-reminder>no</system-reminder>"},
    ]
    tools: list[Any] = [{"type": "function", "function": {"name": "bash", "parameters": {}}}]
    send(scripted_model, CHAT, {"model": "m", "messages": messages, "tools": tools, "stream": True})
    (request,) = scripted_model.requests
    assert (request.model, request.instructions, request.last_user_text) == ("m", "Be brief.", "Hi")
    assert [output.text for output in request.conversation.tool_outputs] == ["done"]
    assert list(request.tools) == ["bash"]


@pytest.mark.parametrize(("path", "body"), [(CHAT, user("Hi", stream=True)), (GEMINI, asked("Hi"))])
def test_errors_and_what_has_no_form(path: str, body: dict[str, Any]) -> None:
    with ScriptedModel() as model:
        model.reply(http_error(429, "Slow down.")).reply(custom("x", "y")).reply(text("a"), disconnect())
        status, told = send(model, path, body)
        assert (status, json.loads(told)["error"]["message"]) == (429, "Slow down.")
        status, told = send(model, path, body)
        assert status == 400
        assert "has no form" in told
        with pytest.raises((http.client.HTTPException, OSError)):
            send(model, path, body)


def test_what_is_asked_on_the_side_takes_no_reply(scripted_model: ScriptedModel) -> None:
    scripted_model.reply(text("A turn."))
    title = {"model": "m", "messages": [{"role": "system", "content": "You are a title generator."}]}
    assert "Nothing." in send(scripted_model, CHAT, title)[1]
    routing = asked("x", systemInstruction={"parts": [{"text": "You are a specialized Task Routing AI."}]})
    assert "Nothing." in send(scripted_model, WHOLE, routing)[1]
    assert json.loads(send(scripted_model, WHOLE.replace("generateContent", "countTokens"), asked("Hi"))[1])[
        "totalTokens"
    ]
    assert scripted_model.replies_left == 1
    asked_json = ModelRequest("POST", "/", {}, b'{"generationConfig": {"responseMimeType": "application/json"}}')
    assert "next_speaker" in str(quiet_reply(asked_json).steps[0])


def test_gemini_streams_and_answers_whole(scripted_model: ScriptedModel) -> None:
    steps = (reasoning("Hm."), text("Hel", "lo"), call("run_shell_command", command="ls"))
    scripted_model.reply(*steps).reply(*steps).reply(failed("internal", "It broke.")).reply(
        incomplete("max_output_tokens")
    )
    told = chunks(send(scripted_model, GEMINI, asked("Hi"))[1])
    parts = [part for each in told for part in each["candidates"][0]["content"]["parts"]]
    assert "".join(part.get("text", "") for part in parts if not part.get("thought")) == "Hello"
    assert [part["functionCall"]["args"] for part in parts if "functionCall" in part] == [{"command": "ls"}]
    assert told[-1]["usageMetadata"]["totalTokenCount"] == 15
    whole = json.loads(send(scripted_model, WHOLE, asked("Hi"))[1])
    assert len(whole["candidates"][0]["content"]["parts"]) == 4
    assert json.loads(send(scripted_model, WHOLE, asked("Hi"))[1])["error"]["message"] == "It broke."
    last = json.loads(send(scripted_model, WHOLE, asked("Hi"))[1])
    assert last["candidates"][0]["finishReason"] == "MAX_TOKENS"


def test_gemini_requests_are_read(scripted_model: ScriptedModel) -> None:
    scripted_model.reply(text("Yes."))
    body = {
        "systemInstruction": {"parts": [{"text": "Be brief."}]},
        "contents": [
            {"role": "user", "parts": [{"text": "<session_context>here"}]},
            {"role": "user", "parts": [{"text": "Hi"}]},
            {"role": "model", "parts": [{"text": "Hm", "thought": True}, {"text": "Well"}]},
            {"role": "user", "parts": [{"functionResponse": {"id": "c", "response": {"output": "done"}}}]},
            {"role": "user", "parts": [{"functionResponse": {"name": "d", "response": {"x": 1}}}]},
        ],
        "tools": [{"functionDeclarations": [{"name": "write_file"}]}],
    }
    send(scripted_model, GEMINI, body)
    (request,) = scripted_model.requests
    assert (request.model, request.instructions, request.last_user_text) == ("gemini-x", "Be brief.", "Hi")
    assert [output.text for output in request.conversation.tool_outputs] == ["done", '{"x": 1}']
    assert list(request.tools) == ["write_file"]
