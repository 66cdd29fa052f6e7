"""A rule that can be read means what it says; one that cannot is refused with what to write instead."""

from __future__ import annotations

from typing import Any

import pytest

from agent_sdk_core.errors import InvalidRequestError
from agent_sdk_core.policy.guard import PolicyGuard
from agent_sdk_core.policy.rules import Verdict, parse_rule, parse_rules
from agent_sdk_core.policy.tool_names import TOOLS, likely, slip


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


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("kind:", "write a kind behind it"),
        ("mcp__", "write the server behind it"),
        ("B\u0430sh", "no tool is called 'B.u0430sh'; did you mean 'Bash'"),
        ("WebFetch(domain:https://example.com)", "write the host alone"),
        ("WebFetch(domain:example.com/path)", "write the host alone"),
    ],
)
def test_a_rule_that_could_cover_nothing_is_refused_though_it_looks_like_one(text: str, said: str) -> None:
    with pytest.raises(InvalidRequestError, match=said):
        parse_rule(text, "deny")


@pytest.mark.parametrize("verdict", ["deny", "ask"])
@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("Bsh", "Bash"),
        ("Bassh", "Bash"),
        ("Bahs", "Bash"),
        ("Bish", "Bash"),
        ("Edits", "Edit"),
        ("Wirte(*)", "Write"),
        ("WebSerch", "WebSearch"),
        ("Montior", "Monitor"),
    ],
)
def test_a_refusal_of_a_tool_that_is_another_but_for_one_letter_is_refused(
    text: str, meant: str, verdict: Verdict
) -> None:
    with pytest.raises(InvalidRequestError, match=f"did you mean '{meant}'") as caught:
        parse_rule(text, verdict)
    assert f"write [{text[0]}]{text.removesuffix('(*)')[1:]}." in caught.value.message


def test_an_allow_that_is_misspelt_is_refused_only_with_brackets_and_told_without() -> None:
    with pytest.raises(InvalidRequestError, match="did you mean 'Read'"):
        parse_rule("Raed(*)", "allow")
    assert PolicyGuard(allow=["Raed"], source="c.toml:3").warnings() == (
        "c.toml:3: the policy's rule 'Raed' may cover nothing: no agent has a tool 'Raed'; did you mean 'Read'?",
    )


def test_what_may_be_a_tool_of_another_agent_is_told_and_not_refused() -> None:
    assert [slip(name) for name in ("kill", "Kill", "raed", "LSS", "WebSearcher")] == [None] * 5
    told = PolicyGuard(deny=["kill", "raed", "WebSearcher"]).warnings()
    assert [sentence.split("'")[-2] for sentence in told] == ["Skill", "Read", "WebSearch"]


@pytest.mark.parametrize(
    "name",
    [*sorted(TOOLS), "stock_price", "pay", "read_file", "mcp__bsh", "mcp__a__Raed", "[B]sh", "Bsh*", "B?sh", "*"],
)
def test_no_alarm_is_given_for_a_tool_that_there_is_or_that_is_like_none(name: str) -> None:
    assert (slip(name), likely(name)) == (None, None)
    guard = PolicyGuard(deny=[name], ask=[name], allow=[name])
    assert guard.warnings() == ()


def test_a_wildcard_says_that_a_name_is_meant() -> None:
    assert parse_rule("[B]sh", "deny").covers("Bsh")
    assert not parse_rule("[B]sh", "deny").covers("Bash")


def test_a_kind_is_no_name_of_a_tool() -> None:
    assert PolicyGuard(deny=["kind:read", "kind:execute"]).warnings() == ()
