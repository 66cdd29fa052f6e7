from __future__ import annotations

from agent_sdk_testing import InputMessage
from agent_sdk_testing.model.openai.request import parse


def test_messages_are_found_by_role() -> None:
    found = parse(
        {
            "model": "gpt-5.5",
            "instructions": "You are an agent.",
            "input": [
                {"type": "message", "role": "developer", "content": [{"type": "input_text", "text": "Be brief."}]},
                {"role": "user", "content": "hi"},
                {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Hello"}]},
            ],
        }
    )
    assert found.model == "gpt-5.5"
    assert found.instructions == "You are an agent.\nBe brief."
    assert found.messages == (InputMessage("user", "hi"), InputMessage("assistant", "Hello"))


def test_what_the_agent_writes_as_the_user_is_not_the_user() -> None:
    found = parse({"input": [{"role": "user", "content": "<environment_context>\n  <cwd>/x</cwd>"}]})
    assert [message.role for message in found.messages] == ["context"]


def test_an_output_of_no_call_is_context() -> None:
    goal = {"type": "function_call_output", "namespace": "agent", "name": "goal_objective", "output": "Get there."}
    found = parse({"input": [goal]})
    assert (found.messages, found.tool_outputs) == ((InputMessage("context", "Get there."),), ())


def test_input_may_be_a_string() -> None:
    assert parse({"input": "hi"}).messages == (InputMessage("user", "hi"),)


def test_tool_outputs_are_text_whatever_their_shape() -> None:
    part = {"type": "input_text", "text": "b"}
    entries = [
        {"type": "function_call_output", "call_id": "1", "output": "a"},
        {"type": "custom_tool_call_output", "call_id": "2", "output": [part, {"type": "input_image"}, "odd"]},
        {"type": "function_call_output", "call_id": "3", "output": {"content": "c"}},
        {"type": "function_call", "call_id": "3", "name": "x", "arguments": "{}"},
    ]
    found = parse({"input": entries}).tool_outputs
    assert [(output.call_id, output.text) for output in found] == [("1", "a"), ("2", "b"), ("3", "c")]
    assert found[0].raw == entries[0]


def test_tools_are_found_in_namespaces_and_in_the_input() -> None:
    found = parse(
        {
            "tools": [{"type": "function", "name": "ls"}, {"type": "web_search"}, 5],
            "input": [
                {
                    "type": "additional_tools",
                    "tools": [{"type": "namespace", "name": "clock", "tools": [{"type": "function", "name": "sleep"}]}],
                }
            ],
        }
    )
    assert list(found.tools) == ["ls", "web_search", "clock.sleep"]


def test_a_body_of_another_shape_is_an_empty_conversation() -> None:
    found = parse({"tools": "none", "input": 5})
    assert (found.model, found.messages, found.tools) == ("", (), {})
