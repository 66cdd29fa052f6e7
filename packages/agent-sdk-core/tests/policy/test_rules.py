"""A rule that can be read means what it says; one that cannot is refused with what to write instead."""

from __future__ import annotations

from typing import Any

import pytest

from agent_sdk_core.errors import InvalidRequestError
from agent_sdk_core.policy.rules import Verdict, parse_rule, parse_rules


@pytest.mark.parametrize(
    ("text", "tool", "kind", "pattern", "lifts"),
    [
        ("Bash", "Bash", None, None, set[str]()),
        ("Bash(*)", "Bash", None, None, set[str]()),
        ("Bash()", "Bash", None, None, set[str]()),
        (" Bash( git push * ) ", "Bash", None, "git push *", set[str]()),
        ("Bash(echo (a) b)", "Bash", None, "echo (a) b", set[str]()),
        ("Bash(make *) +sandbox +network", "Bash", None, "make *", {"sandbox", "network"}),
        ("kind:execute", "", "execute", None, set[str]()),
        ("kind:edit(/etc/**)", "", "edit", "/etc/**", set[str]()),
        ("mcp__github__get_*", "mcp__github__get_*", None, None, set[str]()),
        ("WebFetch(domain:example.com)", "WebFetch", None, "domain:example.com", set[str]()),
        ("stock_price", "stock_price", None, None, set[str]()),
        ("*", "*", None, None, set[str]()),
    ],
)
def test_a_rule_is_read(text: str, tool: str, kind: str | None, pattern: str | None, lifts: set[str]) -> None:
    rule = parse_rule(text, "allow")
    assert (rule.tool, rule.kind, rule.pattern, rule.lifts) == (tool, kind, pattern, lifts)
    assert str(rule) == text.strip()


@pytest.mark.parametrize(
    ("text", "verdict", "words"),
    [
        ("", "deny", "write Tool"),
        ("Bash(git", "deny", "write Tool"),
        ("Bash git push", "deny", "write Tool"),
        ("bash(git *)", "deny", "spelt Bash"),
        ("webfetch", "deny", "spelt WebFetch"),
        ("Edti(/etc/**)", "deny", "did you mean 'Edit'"),
        ("frobnicate(x)", "deny", "takes a pattern; there are"),
        ("kind:exec", "deny", "there is no kind 'exec'"),
        ("kind:think(x)", "deny", "takes no pattern"),
        ("mcp__a__b(x)", "deny", "takes no pattern"),
        ("WebFetch(example.com)", "deny", "domain:example.com"),
        ("WebFetch(domain: )", "deny", "domain:example.com"),
        ("Bash(x) +sandbx", "allow", "+sandbx; did you mean 'sandbox'"),
        ("Bash(x) +sandbox", "deny", "only an allow"),
        ("Edit(a\0b)", "deny", "NUL"),
        ("Edit(src/*/../../x)", "deny", "leads nowhere"),
        (7, "deny", "a rule is a text"),
    ],
)
def test_a_rule_that_cannot_be_used_is_refused(text: Any, verdict: Verdict, words: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        parse_rule(text, verdict, "c.toml:3")
    assert words in caught.value.message
    assert caught.value.message.startswith("c.toml:3: ")
    assert caught.value.code == "invalid_policy"


def test_one_text_is_no_list_of_rules() -> None:
    with pytest.raises(InvalidRequestError, match="takes a list of rules"):
        parse_rules("Bash", "deny")


@pytest.mark.parametrize(
    ("text", "tool", "covered"),
    [
        ("Edit", "Write", True),
        ("Edit", "NotebookEdit", True),
        ("Write", "Edit", False),
        ("Read", "Grep", True),
        ("Task", "Agent", True),
        ("kind:execute", "KillShell", True),
        ("kind:mcp", "mcp__a__b", True),
        ("mcp__a", "mcp__a__b", True),
        ("mcp__a", "mcp__ab__c", False),
        ("mcp__a__*", "mcp__a__b", True),
        ("*", "anything", True),
        ("Bash", "BashOutput", False),
    ],
)
def test_a_rule_covers_its_family(text: str, tool: str, covered: bool) -> None:
    assert parse_rule(text, "deny").covers(tool) is covered


def test_case_counts_for_an_allow_alone() -> None:
    assert parse_rule("stock", "deny").covers("STOCK")
    assert not parse_rule("stock", "allow").covers("STOCK")
