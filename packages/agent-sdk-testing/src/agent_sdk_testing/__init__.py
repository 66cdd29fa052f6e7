"""Test agent applications against the real agents, offline: a scripted model server, faulty agents, and fixtures.

The names load their modules on first use, so that installing the pytest plugin costs nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from agent_sdk_testing.agents.claude import find_claude, write_claude_config
    from agent_sdk_testing.agents.codex import find_codex, write_codex_home
    from agent_sdk_testing.agents.environment import clean_env, scratch_folder
    from agent_sdk_testing.fakes.claude import FakeClaude
    from agent_sdk_testing.fakes.claude_exchanges import FakeAsked, FakeClaudeProcess, FakeControl, FakePrompt
    from agent_sdk_testing.fakes.codex import FakeCodex
    from agent_sdk_testing.fakes.codex_exchanges import FakeQuestion, FakeRequest, FakeTurn
    from agent_sdk_testing.fakes.faults import Fault
    from agent_sdk_testing.memory.backend import MemoryBackend
    from agent_sdk_testing.model.actions import (
        Action,
        ask_user,
        call_tool,
        edit_file,
        run_command,
        spawn_agent,
        write_file,
    )
    from agent_sdk_testing.model.requests import (
        Conversation,
        InputMessage,
        ModelRequest,
        Outcome,
        ToolOutput,
        UnexpectedRequest,
    )
    from agent_sdk_testing.model.rules import Rule
    from agent_sdk_testing.model.script import (
        call,
        custom,
        delay,
        deltas,
        disconnect,
        event,
        failed,
        http_error,
        incomplete,
        item,
        malformed,
        reasoning,
        stall,
        text,
    )
    from agent_sdk_testing.model.scripted_model import ScriptedModel
    from agent_sdk_testing.model.steps import Reply, Step, Tokens
    from agent_sdk_testing.signals import Gate, Signal

__version__ = "0.1.0"

_MODULES = {
    "agents.claude": ("find_claude", "write_claude_config"),
    "agents.codex": ("find_codex", "write_codex_home"),
    "agents.environment": ("clean_env", "scratch_folder"),
    "fakes.claude": ("FakeClaude",),
    "fakes.claude_exchanges": ("FakeAsked", "FakeClaudeProcess", "FakeControl", "FakePrompt"),
    "fakes.codex": ("FakeCodex",),
    "fakes.codex_exchanges": ("FakeQuestion", "FakeRequest", "FakeTurn"),
    "fakes.faults": ("Fault",),
    "model.actions": ("Action", "ask_user", "call_tool", "edit_file", "run_command", "spawn_agent", "write_file"),
    "memory.backend": ("MemoryBackend",),
    "model.requests": ("Conversation", "InputMessage", "ModelRequest", "Outcome", "ToolOutput", "UnexpectedRequest"),
    "model.rules": ("Rule",),
    "model.script": (
        "call",
        "custom",
        "delay",
        "deltas",
        "disconnect",
        "event",
        "failed",
        "http_error",
        "incomplete",
        "item",
        "malformed",
        "reasoning",
        "stall",
        "text",
    ),
    "model.scripted_model": ("ScriptedModel",),
    "model.steps": ("Reply", "Step", "Tokens"),
    "signals": ("Gate", "Signal"),
}
_MODULE_OF = {name: module for module, names in _MODULES.items() for name in names}

__all__ = [
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
]


def __getattr__(name: str) -> object:
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(importlib.import_module(f"{__name__}.{_MODULE_OF[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
