"""Models come from the agents' own lists: no product code names one."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

PACKAGES = Path(__file__).parents[2]
GENERATED = PACKAGES / "codex-sdk/src/codex_sdk/protocol"
"""Comes from the agent's own schema, whose examples are not ours."""

STAND_IN = PACKAGES / "agent-sdk-testing/src"
"""Plays the provider: the models that it serves must have names which the real agents know."""

SOURCES = sorted(
    path
    for pattern in ("*/src/**/*.py", "*/src/**/*.pyi")
    for path in PACKAGES.glob(pattern)
    if not path.is_relative_to(GENERATED) and not path.is_relative_to(STAND_IN)
)
MODEL = re.compile(
    r"\bgpt-?(?:\d|oss)"
    r"|\b(?:opus|sonnet|haiku)\b"
    r"|\bclaude-(?:instant|\d)"
    r"|\b(?:gemini|llama|mistral|qwen|grok|deepseek|kimi|glm)-?\d"
    r"|[\"'`]o\d(?:-[a-z]+)*[\"'`]"
    r"|\bcodex-(?:mini|max)",
    re.IGNORECASE,
)


def test_there_is_something_to_check() -> None:
    assert {path.relative_to(PACKAGES).parts[2] for path in SOURCES} >= {"agent_sdk_core", "codex_sdk", "agent_chat"}


def test_no_model_is_named_in_the_code() -> None:
    named = {str(path.relative_to(PACKAGES)): MODEL.findall(path.read_text(encoding="utf-8")) for path in SOURCES}
    assert {path: names for path, names in named.items() if names} == {}


@pytest.mark.parametrize(
    "name",
    ["gpt-5.5", "gpt4o", "claude-opus-4-1", "claude-3-7-sonnet", "'haiku'", '"o3"', "`o4-mini`", "codex-mini-latest"],
)
def test_model_names_are_recognised(name: str) -> None:
    assert MODEL.search(f"model = {name}")


@pytest.mark.parametrize("text", ["claude-sdk", "codex-cli", "claude-code", "to3", "o3 = 1", "chatgpt-account-id"])
def test_other_names_are_not_taken_for_models(text: str) -> None:
    assert MODEL.search(text) is None
