from __future__ import annotations

from typing import Any

import pytest

from agent_sdk_core import PermissionUpdate, UnsupportedOptionError
from agent_sdk_core.policy.rules import parse_rules
from claude_sdk.asking.updates import rule_texts, updates_of, updates_to_claude

ALL = ("user", "project", "local")


@pytest.mark.parametrize(
    ("rule", "native"),
    [
        ("Bash(make *) +sandbox", {"toolName": "Bash", "ruleContent": "make *"}),
        ("Edit(/etc/**)", {"toolName": "Edit", "ruleContent": "//etc/**"}),
        ("Edit(//etc/**)", {"toolName": "Edit", "ruleContent": "//etc/**"}),
        ("Read(~/.ssh/**)", {"toolName": "Read", "ruleContent": "~/.ssh/**"}),
        ("Read(src/**)", {"toolName": "Read", "ruleContent": "src/**"}),
        ("WebFetch(domain:a.example)", {"toolName": "WebFetch", "ruleContent": "domain:a.example"}),
        ("mcp__github__*", {"toolName": "mcp__github__*"}),
        ("Bash", {"toolName": "Bash"}),
    ],
)
def test_a_rule_is_written_as_claude_writes_it(rule: str, native: dict[str, str]) -> None:
    [sent] = updates_to_claude([PermissionUpdate("add_rules", [rule], "allow")], ALL)
    assert sent == {"type": "addRules", "destination": "session", "behavior": "allow", "rules": [native]}


@pytest.mark.parametrize(
    ("update", "said"),
    [
        (PermissionUpdate("add_rules", ["kind:execute"], "deny"), "no rules for a kind"),
        (PermissionUpdate("add_rules", ["Note*"], "deny"), "wildcards in a tool's name"),
        (PermissionUpdate("add_rules", ["Read({a,b}/**)"], "deny"), "no braces"),
        (PermissionUpdate("set_mode", mode="bypass"), "at its start alone"),
        (PermissionUpdate("add_rules", ["Bash"], "allow", destination="local"), "does not read: add 'local'"),
    ],
)
def test_what_claude_cannot_keep_is_refused(update: PermissionUpdate, said: str) -> None:
    with pytest.raises(UnsupportedOptionError, match=said):
        updates_to_claude([update], ("user",))


def test_each_update_goes_out_and_comes_back() -> None:
    updates = (
        PermissionUpdate("replace_rules", ["Bash(ls *)", "Edit(/etc/**)"], "ask", destination="user"),
        PermissionUpdate("remove_rules", ["Read"], "deny", destination="project"),
        PermissionUpdate("set_mode", mode="accept_edits"),
        PermissionUpdate("add_directories", directories=["/srv"], destination="local"),
        PermissionUpdate("remove_directories", directories=["/srv"]),
    )
    sent = updates_to_claude(updates, ALL)
    assert [one["type"] for one in sent] == [
        *("replaceRules", "removeRules", "setMode", "addDirectories", "removeDirectories")
    ]
    assert updates_of(sent) == updates


@pytest.mark.parametrize(
    "odd",
    [
        {"type": "addTeleport"},
        {"type": "addRules", "rules": [{"toolName": "Edit", "ruleContent": "/src"}], "behavior": "allow"},
        {"type": "setMode", "mode": "wild"},
        {"type": "addRules", "rules": [{"toolName": "Ta sk"}], "behavior": "allow", "destination": "session"},
    ],
)
def test_what_is_no_update_of_ours_is_left_out(odd: dict[str, Any]) -> None:
    assert updates_of([odd]) == ()


def test_rules_stand_in_settings_as_texts() -> None:
    rules = (*parse_rules(["Edit(/etc/**)", "kind:read"], "deny"), *parse_rules(["Bash"], "allow"))
    assert list(rule_texts(rules)) == [("deny", "Edit(//etc/**)"), ("allow", "Bash")]
