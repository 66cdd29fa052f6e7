"""Every rule of the documentation's table can be used, and covers what the table says of it, and nothing beside."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pytest

from agent_sdk_core.policy.guard import PolicyGuard

PAGE: Final = Path(__file__).parents[4] / "docs" / "policy.md"


def command(text: str) -> tuple[str, dict[str, Any]]:
    return "Bash", {"command": text}


def read(path: str) -> tuple[str, dict[str, Any]]:
    return "Read", {"file_path": path}


def edit(path: str, tool: str = "Edit") -> tuple[str, dict[str, Any]]:
    return tool, {"file_path": path}


def fetch(url: str) -> tuple[str, dict[str, Any]]:
    return "WebFetch", {"url": url}


Call = tuple[str, dict[str, Any]]

COVERED: Final[Mapping[str, tuple[Call, Call | None]]] = {
    "Bash": (("Monitor", {"command": "ls"}), read("a")),
    "Bash(make test)": (command("make test"), command("make")),
    "Bash(git push *)": (command("git push"), command("git pull")),
    "Bash(git push:*)": (command("git push --force"), command("git pull")),
    "Bash(npm run test*)": (command("npm run test:unit"), command("npm run build")),
    "Bash(* --force)": (command("git push --force"), command("git push")),
    "Bash(make *) +sandbox": (command("make test"), command("cmake test")),
    "Read": (("Grep", {"pattern": "x"}), edit("a")),
    "Read(**)": (read(".hidden"), read("../a")),
    "Read(src/**)": (read("src/a/b"), read("a")),
    "Read(./src/**)": (read("src/a/b"), read("a")),
    "Read(src/*)": (read("src/a"), read("src/a/b")),
    "Read(docs)": (read("docs/a/b"), read("docs.md")),
    "Read(.env)": (read("a/.env"), read("../.env")),
    "Read(*.pem)": (read("a/b.pem"), read("a/b.pem.txt")),
    "Edit(/etc/**)": (edit("/etc/a/b"), edit("etc/a")),
    "Edit(//etc/**)": (edit("/etc/a/b"), edit("etc/a")),
    "Edit(~/.ssh/**)": (edit("~/.ssh/id"), edit(".ssh/id")),
    "Edit({a,b}.txt)": (edit("b.txt"), edit("c.txt")),
    "Write(**)": (edit("a", "Write"), edit("a")),
    "WebFetch(domain:example.com)": (fetch("https://example.com/a"), fetch("https://example.org")),
    "domain:*.example.com": (fetch("https://a.example.com"), fetch("https://example.com")),
    "mcp__github": (("mcp__github__get_issue", {}), ("mcp__gitlab__get", {})),
    "mcp__github__*": (("mcp__github__get_issue", {}), ("mcp__gitlab__get", {})),
    "mcp__github__get_*": (("mcp__github__get_issue", {}), ("mcp__github__put", {})),
    "Agent(reviewer)": (("Agent", {"subagent_type": "reviewer"}), ("Agent", {"subagent_type": "writer"})),
    "Skill(deploy)": (("Skill", {"skill": "deploy"}), ("Skill", {"skill": "test"})),
    "kind:execute": (command("ls"), read("a")),
    "kind:edit(/etc/**)": (edit("/etc/a", "Write"), edit("a")),
    "*": (("Whatever", {}), None),
}
"""A call that each rule covers, and one that it does not."""


def documented() -> list[str]:
    table = PAGE.read_text(encoding="utf-8").partition("| rule | covers |\n|---|---|\n")[2].partition("\n\n")[0]
    rows = [line.split(" | ") for line in table.splitlines()]
    kinds = {"execute", "read", "search", "edit", "delete", "move", "fetch", "mcp", "src", "/etc", ".ssh"}
    named = [name for row in rows for name in re.findall(r"`([^`]+)`", row[0])]
    named += [name for row in rows for name in re.findall(r"`([^`]+)`", row[1]) if "*:" in name or ":*" in name]
    return [name for name in named if name not in kinds]


def test_there_are_twenty_examples_and_each_is_tried() -> None:
    assert len(documented()) >= 20
    assert sorted(documented()) == sorted(COVERED)


@pytest.mark.parametrize("rule", COVERED)
def test_a_documented_rule_covers_what_it_says(rule: str, tmp_path: Path) -> None:
    text = f"WebFetch({rule})" if rule.startswith("domain:") else rule
    covered, other = COVERED[rule]
    guard = PolicyGuard(allow=[text])
    assert guard.judge(covered[0], covered[1], cwd=str(tmp_path)).verdict == "allow"
    assert PolicyGuard(deny=[text.partition(" +")[0]]).judge(*covered, cwd=str(tmp_path)).verdict == "deny"
    if other is not None:
        assert guard.judge(other[0], other[1], cwd=str(tmp_path)).verdict == "ask"
