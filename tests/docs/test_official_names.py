"""docs/official-names.md has every public name of the official packages, and what it calls ours exists."""

from __future__ import annotations

import ast
import re
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import pytest

import agent_sdk_core
import claude_sdk
import codex_sdk

PAGE: Final = (Path(__file__).parents[2] / "docs" / "official-names.md").read_text(encoding="utf-8")
ROWS: Final = [line.split(" | ") for line in PAGE.splitlines() if line.startswith("| `")]
THERE: Final = {name for row in ROWS for name in re.findall(r"`(\w+)`", row[0])}

OPENAI_CODEX: Final = frozenset(
    {
        "__version__",
        "CodexConfig",
        "Codex",
        "AsyncCodex",
        "ApprovalMode",
        "Sandbox",
        "ChatgptLoginHandle",
        "DeviceCodeLoginHandle",
        "AsyncChatgptLoginHandle",
        "AsyncDeviceCodeLoginHandle",
        "Thread",
        "AsyncThread",
        "TurnHandle",
        "AsyncTurnHandle",
        "TurnResult",
        "Input",
        "InputItem",
        "RunInput",
        "ExternalMessage",
        "TextInput",
        "ImageInput",
        "LocalImageInput",
        "SkillInput",
        "MentionInput",
        "retry_on_overload",
        "CodexError",
        "TransportClosedError",
        "JsonRpcError",
        "CodexRpcError",
        "ParseError",
        "InvalidRequestError",
        "MethodNotFoundError",
        "InvalidParamsError",
        "InternalRpcError",
        "ServerBusyError",
        "RetryLimitExceededError",
        "is_retryable_error",
    }
)
"""What openai-codex 0.163.0 exports; the workspace does not install it."""


def names_of_claude_agent_sdk() -> set[str]:
    """Return what the installed package exports; it is read, for the workspace lacks what it needs to be imported."""
    spec = find_spec("claude_agent_sdk")
    assert spec is not None
    assert spec.origin is not None
    for node in ast.parse(Path(spec.origin).read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return set(ast.literal_eval(node.value))
    raise AssertionError("claude_agent_sdk has no __all__")


def test_every_official_name_is_in_the_table() -> None:
    assert names_of_claude_agent_sdk() | OPENAI_CODEX <= THERE


def test_the_table_names_nothing_that_is_not_there() -> None:
    of_mcp = {"ToolAnnotations"}
    assert THERE.issubset(names_of_claude_agent_sdk() | OPENAI_CODEX | of_mcp)


def test_what_the_table_calls_ours_exists() -> None:
    ours = {name for row in ROWS for name in re.findall(r"`([A-Z]\w+)", row[1])}
    assert len(ours) > 60
    for name in ours:
        assert any(hasattr(package, name) for package in (agent_sdk_core, claude_sdk, codex_sdk)), name


def test_every_official_name_is_ours_or_met_with_what_to_write() -> None:
    for name in names_of_claude_agent_sdk() | OPENAI_CODEX:
        if hasattr(codex_sdk, name) or hasattr(claude_sdk, name):
            continue
        with pytest.raises(AttributeError, match=f"has no attribute '{name}': "):
            getattr(agent_sdk_core, name)
