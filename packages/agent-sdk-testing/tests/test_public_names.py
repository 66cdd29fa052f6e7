from __future__ import annotations

import pytest

import agent_sdk_testing


def test_the_public_names_are_these() -> None:
    assert agent_sdk_testing.__all__ == dir(agent_sdk_testing) == [
        "Action",
        "Conversation",
        "FakeAsked",
        "FakeClaude",
        "FakeClaudeProcess",
        "FakeCodex",
        "FakeControl",
        "FakePrompt",
        "FakeQuestion",
        "FakeRequest",
        "FakeTurn",
        "Fault",
        "Gate",
        "InputMessage",
        "MemoryBackend",
        "ModelRequest",
        "Outcome",
        "Reply",
        "Rule",
        "ScriptedModel",
        "Signal",
        "Step",
        "Tokens",
        "ToolOutput",
        "UnexpectedRequest",
        "ask_user",
        "call",
        "call_tool",
        "clean_env",
        "custom",
        "delay",
        "deltas",
        "disconnect",
        "edit_file",
        "event",
        "failed",
        "find_claude",
        "find_codex",
        "http_error",
        "incomplete",
        "item",
        "malformed",
        "reasoning",
        "run_command",
        "scratch_folder",
        "spawn_agent",
        "stall",
        "text",
        "write_claude_config",
        "write_codex_home",
        "write_file",
    ]  # fmt: skip


def test_every_public_name_can_be_loaded() -> None:
    for name in agent_sdk_testing.__all__:
        assert getattr(agent_sdk_testing, name) is not None


def test_another_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nope'"):
        _ = agent_sdk_testing.nope  # pyright: ignore[reportAttributeAccessIssue]  # what is refused
