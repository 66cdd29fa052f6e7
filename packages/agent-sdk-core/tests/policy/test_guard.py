"""The guard: the first deny wins, then an ask, then an allow, and an allow covers no more than it says."""

from __future__ import annotations

import copy
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_sdk_core.asking.permissions import PermissionRequest
from agent_sdk_core.policy.guard import PolicyGuard


def verdict(
    guard: PolicyGuard, tool: str, given: Mapping[str, object], cwd: str | Path = "/nowhere", escalates: str = ""
) -> str:
    return guard.judge(tool, given, cwd=str(cwd), escalates=escalates.split()).verdict


def test_a_refusal_wins_over_what_is_asked_and_that_over_an_allow() -> None:
    guard = PolicyGuard(allow=["Bash"], ask=["Bash(git *)"], deny=["Bash(git push *)"])
    judged = [verdict(guard, "Bash", {"command": command}) for command in ("ls", "git log", "git push")]
    assert judged == ["allow", "ask", "deny"]


def test_what_no_rule_is_about_is_asked() -> None:
    decision = PolicyGuard(allow=["Read(**)"]).judge("Bash", {"command": "ls"}, cwd="/")
    assert (decision.verdict, decision.rule) == ("ask", None)
    assert decision.why == "no rule is about Bash"


def test_a_decision_names_its_rule() -> None:
    decision = PolicyGuard(deny=["kind:mcp"], source="c.toml").judge("mcp__a__b", {}, cwd="/")
    assert decision.rule is not None
    assert (decision.rule.text, decision.rule.source) == ("kind:mcp", "c.toml")


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """A workspace beside a folder that is not part of it."""
    for folder in ("repo/src", "outside"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "outside" / "secret").write_text("x", encoding="utf-8")
    (tmp_path / "repo" / "src" / "a.py").write_text("x", encoding="utf-8")
    (tmp_path / "repo" / "link").symlink_to(tmp_path / "outside")
    (tmp_path / "repo" / "loop").symlink_to(tmp_path / "repo" / "loop")
    os.link(tmp_path / "outside" / "secret", tmp_path / "repo" / "hard")
    return tmp_path / "repo"


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("src/a.py", "allow"),
        ("src/../src/a.py", "allow"),
        ("new.txt", "allow"),
        (".hidden", "allow"),
        ("../outside/secret", "ask"),
        ("link/secret", "ask"),
        ("link/../x", "ask"),
        ("src/../../outside/x", "ask"),
        ("hard", "ask"),
        ("~/x", "ask"),
        ("~root/x", "ask"),
        ("/proc/self/cwd/x", "allow"),
        ("/proc/1/cwd/x", "ask"),
        ("/dev/fd/3", "ask"),
        ("a\0b", "ask"),
        ("/etc/passwd", "ask"),
    ],
)
def test_an_edit_is_allowed_where_its_links_lead_into_the_workspace(workspace: Path, path: str, expected: str) -> None:
    guard = PolicyGuard(allow=["Edit(**)"])
    assert verdict(guard, "Write", {"file_path": path}, workspace) == expected
    assert verdict(guard, "NotebookEdit", {"notebook_path": path}, workspace) == expected


@pytest.mark.parametrize(
    "path", ["link/secret", "../outside/secret", "src/../link/secret", "/proc/self/cwd/link/secret"]
)
def test_a_refused_path_is_refused_by_any_way_to_it(workspace: Path, path: str) -> None:
    guard = PolicyGuard(allow=["Read"], deny=[f"Read({workspace.parent}/outside/**)"])
    assert verdict(guard, "Read", {"file_path": path}, workspace) == "deny"
    assert verdict(guard, "Grep", {"path": path, "pattern": "x"}, workspace) == "deny"


def test_a_refused_link_is_refused_by_its_own_name(workspace: Path) -> None:
    guard = PolicyGuard(allow=["Read"], deny=["Read(link/**)"])
    assert verdict(guard, "Read", {"file_path": "link/secret"}, workspace) == "deny"
    assert verdict(guard, "Read", {"file_path": "../outside/secret"}, workspace) == "deny"


@pytest.mark.parametrize(
    ("pattern", "path", "covered"),
    [
        ("**", "src/a.py", True),
        ("**", "../x", False),
        (".env", ".env", True),
        (".env", "deep/in/.env", True),
        ("*.pem", "deep/key.pem", True),
        ("src/*", "src/a.py", True),
        ("src", "src/deep/a.py", True),
        ("./src/**", "src/deep/a.py", True),
        ("src/**", "src", True),
        ("/etc/**", "/etc/x", True),
        ("//etc/**", "/etc/x", True),
        ("/etc", "/etc/x/y", True),
        ("/**", "/x", True),
        ("~/.ssh/**", "~/.ssh/id", True),
        ("{a,b}.txt", "b.txt", True),
        ("*.pem", "key.pem.txt", False),
        ("src/**", "srcs/a", False),
    ],
)
@pytest.mark.parametrize("effect", ["allow", "deny"])
def test_a_path_pattern_covers(workspace: Path, effect: str, pattern: str, path: str, covered: bool) -> None:
    guard = PolicyGuard(allow=[f"Read({pattern})"]) if effect == "allow" else PolicyGuard(deny=[f"Read({pattern})"])
    assert verdict(guard, "Read", {"file_path": path}, workspace) == (effect if covered else "ask")


def test_one_star_covers_one_level_for_an_allow_and_all_below_for_a_refusal(workspace: Path) -> None:
    deep = {"file_path": "src/deep/a.py"}
    assert verdict(PolicyGuard(allow=["Read(src/*)"]), "Read", deep, workspace) == "ask"
    assert verdict(PolicyGuard(deny=["Read(src/*)"]), "Read", deep, workspace) == "deny"


def test_special_characters_of_the_workspace_are_no_pattern(tmp_path: Path) -> None:
    odd = tmp_path / "a[b]*{c,d}"
    odd.mkdir()
    guard = PolicyGuard(allow=["Read(**)"])
    assert verdict(guard, "Read", {"file_path": "x"}, odd) == "allow"
    assert verdict(guard, "Read", {"file_path": f"{tmp_path}/ab/x"}, odd) == "ask"


def test_every_file_of_a_patch_counts(workspace: Path) -> None:
    guard = PolicyGuard(allow=["Edit(src/**)"], deny=["Edit(.git/**)"])

    def patch(*paths: str) -> dict[str, object]:
        return {"file_paths": list(paths), "changes": [{"tool_name": "Edit", "input": {"file_path": paths[-1]}}]}

    judged = [
        verdict(guard, "Edit", patch("src/a.py", other), workspace) for other in ("src/b.py", "b.py", ".git/config")
    ]
    assert judged == ["allow", "ask", "deny"]


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ({"allow": ["Edit"]}, "allow"),
        ({"allow": ["Edit"], "deny": ["Delete"]}, "deny"),
        ({"allow": ["Edit"], "deny": ["Delete(old.py)"]}, "deny"),
        ({"allow": ["Edit"], "deny": ["kind:delete"]}, "deny"),
        ({"allow": ["Edit"], "deny": ["Delete(other.py)", "Write(old.py)"]}, "allow"),
        ({"allow": ["Edit"], "ask": ["Write"], "deny": ["Delete(other.py)"]}, "ask"),
        ({"allow": ["Write"]}, "ask"),
    ],
)
def test_what_a_patch_does_to_each_file_is_judged_as_what_it_is(
    workspace: Path, rules: Mapping[str, Any], expected: str
) -> None:
    changes: list[Any] = [
        {"tool_name": "Write", "input": {"file_path": "new.py"}},
        {"tool_name": "Delete", "input": {"file_path": "old.py"}},
        "nonsense",
        {"tool_name": 5, "input": {}},
    ]
    given = {"file_paths": ["new.py", "old.py"], "changes": changes}
    decision = PolicyGuard(**rules).judge("Edit", given, cwd=str(workspace))
    assert decision.verdict == expected
    assert decision.rule is not None or expected == "ask"


def test_a_search_is_judged_by_where_it_looks(workspace: Path) -> None:
    guard = PolicyGuard(allow=["Read(**)"])
    assert verdict(guard, "Grep", {"pattern": "x"}, workspace) == "allow"
    assert verdict(guard, "Glob", {"pattern": "*.py"}, workspace) == "allow"
    assert verdict(guard, "Glob", {"pattern": "../**/*.py"}, workspace) == "ask"
    assert verdict(guard, "Glob", {"pattern": "/etc/*"}, workspace) == "ask"


def test_an_input_without_a_target_is_asked_about() -> None:
    guard = PolicyGuard(allow=["Read(**)", "Bash(ls *)", "WebFetch(domain:a.example)", "Agent(helper)"])
    assert {verdict(guard, tool, {}) for tool in ("Read", "Bash", "WebFetch", "Agent")} == {"ask"}
    assert verdict(guard, "Bash", {"command": 7}) == "ask"


def test_a_command_in_words_is_judged_like_one_in_text() -> None:
    guard = PolicyGuard(allow=["Bash(ls *)"], deny=["Bash(rm *)"])
    assert verdict(guard, "Bash", {"command": ["ls", "a; rm x"]}) == "allow"
    assert verdict(guard, "Bash", {"command": ["bash", "-lc", "rm x"]}) == "deny"


@pytest.mark.parametrize(
    ("rule", "escalates", "expected"),
    [
        ("Bash(make *)", "", "allow"),
        ("Bash(make *)", "sandbox", "ask"),
        ("Bash(make *) +sandbox", "sandbox", "allow"),
        ("Bash(make *) +sandbox", "sandbox network", "ask"),
        ("Bash", "sandbox", "ask"),
    ],
)
def test_an_allow_lifts_what_it_names(rule: str, escalates: str, expected: str) -> None:
    assert verdict(PolicyGuard(allow=[rule]), "Bash", {"command": "make x"}, escalates=escalates) == expected


def test_a_place_or_a_host_that_is_named_is_lifted(workspace: Path) -> None:
    guard = PolicyGuard(allow=[f"Edit({workspace.parent}/outside/new)", "Edit(**)", "WebFetch(domain:a.example)"])
    target = {"file_path": str(workspace.parent / "outside" / "new")}
    assert verdict(guard, "Write", target, workspace, "path") == "allow"
    assert verdict(guard, "Write", {"file_path": "x"}, workspace, "path") == "ask"
    assert verdict(guard, "WebFetch", {"url": "https://a.example"}, escalates="network") == "allow"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://docs.example/x", "allow"),
        ("https://DOCS.example.:443/x", "allow"),
        ("https://a.docs.example", "ask"),
        ("https://docs.example@other.example", "ask"),
        ("https://docs.example.other.example", "ask"),
        ("https://evil.example", "deny"),
        ("https://a.b.evil.example", "deny"),
        ("https://notevil.example", "ask"),
        ("not a url", "ask"),
        ("http://[bad", "ask"),
    ],
)
def test_hosts_are_compared_as_they_are_looked_up(url: str, expected: str) -> None:
    guard = PolicyGuard(allow=["WebFetch(domain:docs.example)"], deny=["WebFetch(domain:evil.example)"])
    assert verdict(guard, "WebFetch", {"url": url}) == expected


def test_sub_agents_and_skills_are_named() -> None:
    guard = PolicyGuard(allow=["Agent(review*)"], deny=["Skill(deploy)"])
    assert verdict(guard, "Task", {"subagent_type": "reviewer"}) == "allow"
    assert verdict(guard, "Agent", {"subagent_type": "writer"}) == "ask"
    assert verdict(guard, "Skill", {"skill": "Deploy"}) == "deny"


def test_a_command_may_write_where_an_edit_may(workspace: Path) -> None:
    guard = PolicyGuard(allow=["Bash(echo *)", "Edit(src/**)"])
    assert verdict(guard, "Bash", {"command": "echo x > src/b"}, workspace) == "allow"
    assert verdict(guard, "Bash", {"command": "echo x > b"}, workspace) == "ask"
    assert verdict(PolicyGuard(allow=["Bash"], deny=["Edit"]), "Bash", {"command": "echo x > b"}, workspace) == "deny"


def test_a_command_that_is_watched_is_a_command() -> None:
    guard = PolicyGuard(allow=["Bash(ls *)"], ask=["Bash(git *)"], deny=["Bash(rm *)"])
    commands = ("ls -l", "git log", "ls; rm x", "make")
    assert [verdict(guard, "Monitor", {"command": command}) for command in commands] == ["allow", "ask", "deny", "ask"]
    assert verdict(guard, "Monitor", {"description": "a socket"}) == "ask"
    assert verdict(PolicyGuard(deny=["kind:execute"]), "Monitor", {}) == "deny"
    assert verdict(PolicyGuard(deny=["Monitor"]), "Bash", {"command": "ls"}) == "ask"


def test_a_file_that_may_be_changed_is_asked_about(workspace: Path) -> None:
    guard = PolicyGuard(allow=["Bash(cat *)", "Bash(frob *)"], deny=["Edit(src/**)"])
    assert verdict(guard, "Bash", {"command": "cat src/a.py"}, workspace) == "allow"
    assert verdict(guard, "Bash", {"command": "frob src/a.py"}, workspace) == "ask"


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("cp src/a.py b", "ask"),
        ("cp b src/a.py", "deny"),
        ("cp -t src b", "deny"),
        ("cp --target-directory=src b", "deny"),
        ("mv src/a.py b", "deny"),
        ("sed -n p src/a.py", "ask"),
        ("sed -ni p src/a.py", "deny"),
        ("sort a -o src/a.py", "ask"),
    ],
)
def test_what_a_program_changes_is_refused_and_what_it_may_change_is_asked(
    workspace: Path, command: str, expected: str
) -> None:
    guard = PolicyGuard(allow=["Bash"], deny=["Edit(src/**)"])
    assert verdict(guard, "Bash", {"command": command}, workspace) == expected


def test_a_place_that_depends_on_the_process_is_asked_about_where_a_refusal_may_mean_it() -> None:
    guard = PolicyGuard(allow=["Read"], deny=["Read(/x/**)"])
    assert verdict(guard, "Read", {"file_path": "/proc/1/root/x/y"}) == "ask"


RULES = st.sampled_from(
    ["Bash", "Bash(git *)", "Bash(rm *)", "Read(**)", "Read(/etc/**)", "Edit(src/**)", "kind:execute", "*", "mcp__a"]
)
CALLS_THERE_ARE: list[tuple[str, dict[str, object]]] = [
    ("Bash", {"command": "git status; rm x"}),
    ("Bash", {"command": "git status"}),
    ("Bash", {"command": "cat /etc/passwd > src/x"}),
    ("Read", {"file_path": "/etc/passwd"}),
    ("Read", {"file_path": "a"}),
    ("Write", {"file_path": "src/a"}),
    ("mcp__a__b", {}),
]
CALLS = st.sampled_from(CALLS_THERE_ARE)
LISTS = st.lists(RULES, max_size=3)
RANKS = {"deny": 0, "ask": 1, "allow": 2}


@given(LISTS, LISTS, LISTS, LISTS, LISTS, LISTS, CALLS)
def test_what_a_workspace_adds_never_allows_more(
    deny: list[str],
    ask: list[str],
    allow: list[str],
    more_deny: list[str],
    more_ask: list[str],
    more_allow: list[str],
    call: tuple[str, dict[str, object]],
) -> None:
    mine = PolicyGuard(deny=deny, ask=ask, allow=allow)
    tightened = mine.tightened(PolicyGuard(deny=more_deny, ask=more_ask, allow=more_allow))
    assert RANKS[verdict(tightened, *call)] <= RANKS[verdict(mine, *call)]


def test_guards_are_joined_compared_and_shown() -> None:
    joined = PolicyGuard(allow=["Read(**)"]) | PolicyGuard(deny=["Bash(rm *)"])
    assert joined == PolicyGuard(deny=["Bash(rm *)"], allow=["Read(**)"])
    assert hash(joined) == hash(copy.deepcopy(joined))
    assert repr(joined) == "PolicyGuard(deny=['Bash(rm *)'], allow=['Read(**)'])"
    assert joined != "x"


def test_a_request_is_judged_from_its_own_folder(workspace: Path) -> None:
    request = PermissionRequest("Write", {"file_path": "a.py"}, "r", "s", cwd=str(workspace / "src"))
    guard = PolicyGuard(allow=["Edit(src/**)"])
    assert guard.judge_request(request, workspace=str(workspace)).verdict == "allow"
    assert (
        guard.judge_request(
            PermissionRequest("Write", {"file_path": "a.py"}, "r", "s"), workspace=str(workspace)
        ).verdict
        == "ask"
    )
