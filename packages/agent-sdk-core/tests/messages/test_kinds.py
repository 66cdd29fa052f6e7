from __future__ import annotations

import pytest

from agent_sdk_core.messages.kinds import tool_kind


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("Bash", "execute"),
        ("Read", "read"),
        ("Write", "edit"),
        ("MultiEdit", "edit"),
        ("Delete", "delete"),
        ("Move", "move"),
        ("Grep", "search"),
        ("WebFetch", "fetch"),
        ("TodoWrite", "think"),
        ("AskUserQuestion", "ask"),
        ("ExitPlanMode", "plan"),
        ("Task", "agent"),
        ("mcp__server__tool", "mcp"),
        ("mcp__", "mcp"),
        ("bash", "other"),
        ("", "other"),
    ],
)
def test_the_kind_follows_from_the_name(name: str, kind: str) -> None:
    assert tool_kind(name) == kind
