from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from agent_sdk_core import Allow, InvalidRequestError, PermissionUpdate

ours: Any = PermissionUpdate


@dataclass
class TheirRule:
    """As `PermissionRuleValue` of claude-agent-sdk."""

    tool_name: str
    rule_content: str | None = None


@dataclass
class Theirs:
    """As `PermissionUpdate` of claude-agent-sdk."""

    type: str
    rules: list[TheirRule] | None = None
    behavior: str | None = None
    mode: str | None = None
    directories: list[str] | None = None
    destination: str | None = None


@pytest.mark.parametrize(
    ("theirs", "update"),
    [
        (
            Theirs("addRules", [TheirRule("Bash", "npm test")], "allow", destination="session"),
            ours("add_rules", ["Bash(npm test)"], "allow"),
        ),
        (
            Theirs("removeRules", [TheirRule("Read")], "deny", destination="userSettings"),
            ours("remove_rules", ["Read"], "deny", destination="user"),
        ),
        (Theirs("setMode", mode="acceptEdits"), ours("set_mode", mode="accept_edits")),
        (
            Theirs("addDirectories", directories=["/srv/"], destination="localSettings"),
            ours("add_directories", directories=["/srv"], destination="local"),
        ),
        (
            {
                "type": "replaceRules",
                "rules": [{"toolName": "Edit", "ruleContent": "//etc/**"}, "Read(src/**)"],
                "behavior": "ask",
                "destination": "projectSettings",
            },
            ours("replace_rules", ["Edit(/etc/**)", "Read(src/**)"], "ask", destination="project"),
        ),
    ],
)
def test_an_official_update_is_ours(theirs: Any, update: PermissionUpdate) -> None:
    assert Allow(updates=[theirs]).updates == (update,)


def test_every_spelling_of_ours_is_one_value() -> None:
    update = ours("addRules", ["  Bash(ls *) "], "deny", destination="userSettings")
    assert update == ours("add_rules", ("Bash(ls *)",), "deny", None, (), "user")
    assert ours("setMode", mode="acceptEdits").mode == "accept_edits"
    assert ours("add_directories", directories=[Path("/a/../b")]).directories == ("/b",)
    assert PermissionUpdate.from_json(update.to_json()) == update
    assert ours("replace_rules", [], "allow").rules == ()


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: ours("add_rule", ["Bash"], "allow"), "did you mean 'add_rules'"),
        (lambda: ours("nonsense"), "there are: add_rules"),
        (lambda: ours("add_rules", ["Bash"]), "add_rules needs behavior"),
        (lambda: ours("add_rules", [], "allow"), "add_rules needs rules"),
        (lambda: ours("add_rules", "Bash", "allow"), "rules must be a list"),
        (lambda: ours("add_rules", [" "], "allow"), "a rule is blank"),
        (lambda: ours("add_rules", [5], "allow"), "a rule is a text such as"),
        (lambda: ours("add_rules", ["Bash"], "permit"), "there is no behavior 'permit'"),
        (lambda: ours("add_rules", ["Bash"], "allow", mode="plan"), "takes no mode"),
        (lambda: ours("add_rules", ["Bash"], "allow", destination="cliArg"), "no destination 'cliArg'"),
        (lambda: ours("add_rules", [{"toolName": "Edit", "ruleContent": "/src/**"}], "allow"), "counts from the wor"),
        (lambda: ours("set_mode"), "set_mode needs mode"),
        (lambda: ours("set_mode", mode="acceptEdit"), "did you mean 'accept_edits'"),
        (lambda: ours("set_mode", mode=5), "mode must be text"),
        (lambda: ours("add_directories", directories=["src"]), "relative; write an absolute path"),
        (lambda: ours("add_directories", directories=[5]), "one is of type int"),
        (lambda: ours("add_directories", directories=["/a\0b"]), "is no path"),
        (lambda: Allow(updates=ours("set_mode", mode="plan")), "must be a list of PermissionUpdate, not one alone"),
        (lambda: Allow(updates=["Bash"]), "one is of type str"),  # type: ignore[list-item]  # refused
        (lambda: Allow(updates=[{"type": "setMode", "modes": "plan"}]), "did you mean 'mode'"),  # type: ignore[list-item]  # refused
        (lambda: Allow(updates=[{"mode": "plan"}]), "it needs a type"),  # type: ignore[list-item]  # refused
        (lambda: Allow(updates=[SimpleNamespace(type="setMode")]), "of type SimpleNamespace"),  # type: ignore[list-item]  # refused
    ],
)
def test_an_update_that_makes_no_sense_is_refused_when_it_is_made(make: Any, said: str) -> None:
    with pytest.raises(InvalidRequestError, match=said):
        make()
