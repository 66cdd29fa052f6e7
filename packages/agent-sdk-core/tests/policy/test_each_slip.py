"""Each known way to slip past a policy, by its name: a refused command, file or host behind it is never allowed."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import pytest

from agent_sdk_core.policy.guard import PolicyGuard

DENY: Final = ["Bash(rm *)", "Edit({outside}/**)", "Read({outside}/secret)", "WebFetch(domain:evil.example)"]
EVERYTHING: Final = ["Bash", "Read", "Edit", "WebFetch"]
SOME: Final = ["Bash(ls *)", "Bash(echo *)", "Bash(cat *)", "Bash(cd *)", "Read(**)", "Edit(**)"]

SLIPS: Final[Mapping[str, Sequence[str]]] = {
    ";": ["ls; rm x", "ls;rm x", "ls ;;rm x", ";rm x"],
    "&&": ["ls && rm x", "ls&&rm x", "cd {outside} && echo x > secret"],
    "||": ["ls || rm x", "false||rm x"],
    "|": ["ls | rm x", "ls |& rm x", "echo x | tee {outside}/secret"],
    "&": ["ls & rm x", "ls&rm x", "rm x &"],
    "newline": ["ls\nrm x", "ls\r\nrm x", "ls\n\n \trm x"],
    "$( )": ["echo $(rm x)", 'echo "$(rm x)"', "echo $(echo $(rm x))", "$(echo rm) x"],
    "backticks": ["echo `rm x`", 'echo "`rm x`"', "`echo rm` x", "echo `echo \\`rm x\\``"],
    "<( )": ["cat <(rm x)", "echo x > >(rm x)", "cat <(cat <(rm x))"],
    "env prefix": ["A=1 rm x", "A=1 B=2 rm x", "PATH=.:$PATH ls", "A=$(rm x) ls", "LD_PRELOAD=./x.so ls"],
    "sudo": ["sudo rm x", "sudo -n -u root rm x", "sudo -- rm x", "sudo sudo rm x", "sudo -i <<< 'rm x'"],
    "env": ["env rm x", "env A=1 rm x", "env -i -u A rm x", "env -S 'rm x'", "/usr/bin/env rm x"],
    "nice": ["nice rm x", "nice -n 19 rm x", "nice -19 nice rm x", "ionice -c3 rm x"],
    "xargs": ["xargs rm", "echo x | xargs rm", "xargs -I{{}} rm {{}}", "xargs -P4 -n1 rm -rf", "xargs sh -c 'rm x'"],
    "find -exec": [
        "find . -exec rm {{}} \\;",
        "find . -exec rm {{}} +",
        "find . -execdir rm {{}} \\;",
        "find . -ok rm {{}} \\;",
        "find . -exec sh -c 'rm x' \\;",
        "find . -name x -exec {{}} \\;",
    ],
    "bash -c": [
        "bash -c 'rm x'",
        "sh -ec 'rm x'",
        "bash -lc 'bash -c \"rm x\"'",
        "dash -c rm\\ x",
        "bash -c $'rm\\tx'",
    ],
    "eval": ["eval rm x", "eval 'rm x'", 'eval "r""m x"', "eval $(echo rm x)", "eval `echo rm x`", "eval eval rm x"],
    "redirection": [
        "echo x > {outside}/secret",
        "echo x >>{outside}/secret",
        "echo x >| {outside}/secret",
        "echo x &> {outside}/secret",
        "echo x 3> {outside}/secret",
        "> {outside}/new",
        "cat < {outside}/secret",
        "cat <> {outside}/secret",
    ],
    "here-doc": [
        "cat <<EOF\n$(rm x)\nEOF",
        "bash <<EOF\nrm x\nEOF",
        "bash <<'EOF'\nrm x\nEOF",
        "sh <<-EOF\n\trm x\n\tEOF",
        "cat <<EOF | sh\nrm x\nEOF",
        "cat > {outside}/new <<EOF\nx\nEOF",
        "bash <<< 'rm x'",
    ],
    "brace expansion": [
        "{{rm,x}}",
        "r{{m,x}} y",
        "{{,rm}} x",
        "cat {outside}/{{secret,x}}",
        "cat {outside}/secre{{s..t}}",
    ],
    "glob expansion": [
        "/bin/r? x",
        "/???/rm x",
        "/bin/[r]m x",
        "cat {outside}/secre?",
        "cat {outside}/*",
        "cat ../*/secret",
        "echo x > {outside}/n*",
    ],
    "quoting inside words": [
        "r'm' x",
        'r"m" x',
        "'r'm x",
        "r''m x",
        "$'r'm x",
        "$'\\x72m' x",
        'r"$EMPTY"m x',
        "\\r\\m x",
    ],
    "\\ newline": ["r\\\nm x", "rm\\\n x", "ls \\\n; rm x", "ls && \\\nrm x", "bash -c 'r\\\nm x'"],
    "alias": [
        "alias ls=rm; ls x",
        "alias a='rm x'\na",
        "ls() {{ rm x; }}; ls",
        "hash -p /bin/rm ls; ls x",
        "shopt -s expand_aliases; a",
    ],
    "unicode look-alike": [
        "r\u200bm x",
        "r\u00adm x",
        "ls \u202erm x",
        "ls \u2066x",
        "curl https://evil\u3002example",
        "curl https://\uff45vil.example",
    ],
    "symlink": [
        "cat link",
        "cat ./link",
        "echo x > linked/new",
        "cd linked && echo x > new",
        "tee linked/new",
        "cp x linked",
    ],
    "hard link": ["cat hard", "echo x > hard", "tee hard", "ln {outside}/secret other", "cp -l {outside}/secret other"],
    "case": ["RM x", "Rm x", "/BIN/RM x", "cat {OUTSIDE}/SECRET", "curl https://EVIL.Example"],
    "/proc/self/cwd": [
        "cat /proc/self/cwd/../outside/secret",
        "cat /proc/self/cwd/link",
        "cat /proc/self/root{outside}/secret",
        "echo x > /proc/self/cwd/linked/new",
        "/proc/self/cwd/../bin/rm x",
        "cat /proc/$$/cwd/link",
    ],
    "~user": [
        "cat ~root/../{outside}/secret",
        "cat ~/../../{outside}/secret",
        "echo x > ~root/../{outside}/new",
        "cat ~+/link",
        "cat ~-/secret",
    ],
}
"""By their names; `{{outside}}` is the folder that may not be changed, of which one file may not be read."""


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """A workspace with links to a folder beside it."""
    outside, repo = tmp_path / "outside", tmp_path / "repo"
    outside.mkdir()
    repo.mkdir()
    (outside / "secret").write_text("x", encoding="utf-8")
    (repo / "link").symlink_to(outside / "secret")
    (repo / "linked").symlink_to(outside)
    os.link(outside / "secret", repo / "hard")
    return repo


def guard(workspace: Path, allow: Sequence[str]) -> PolicyGuard:
    outside = str(workspace.parent / "outside")
    return PolicyGuard(allow=allow, deny=[rule.replace("{outside}", outside) for rule in DENY])


@pytest.mark.parametrize("way", SLIPS)
@pytest.mark.parametrize("allow", [EVERYTHING, SOME], ids=["everything", "some"])
def test_no_way_past_a_refusal_is_allowed(workspace: Path, way: str, allow: Sequence[str]) -> None:
    outside = str(workspace.parent / "outside")
    policy = guard(workspace, allow)
    passed = [
        command
        for slip in SLIPS[way]
        if policy.judge(
            "Bash",
            {"command": (command := slip.format(outside=outside, OUTSIDE=outside.upper()))},
            cwd=str(workspace),
        ).verdict
        == "allow"
    ]
    assert passed == []


@pytest.mark.parametrize(
    ("tool", "key", "path", "expected"),
    [
        ("Read", "file_path", "hard", "deny"),
        ("Grep", "path", "hard", "deny"),
        ("Edit", "file_path", "hard", "ask"),
        ("Write", "file_path", "hard", "ask"),
        ("Read", "file_path", "link", "deny"),
        ("Edit", "file_path", "linked/new", "deny"),
        ("Edit", "file_path", "new", "allow"),
        ("Read", "file_path", "{outside}/other", "allow"),
    ],
)
def test_a_file_is_judged_by_all_of_its_names(workspace: Path, tool: str, key: str, path: str, expected: str) -> None:
    given = {key: path.format(outside=workspace.parent / "outside"), "pattern": "x"}
    decision = guard(workspace, [*EVERYTHING, "Grep"]).judge(tool, given, cwd=str(workspace))
    assert decision.verdict == expected, decision.why


def test_a_refused_file_that_is_not_there_has_no_second_name(workspace: Path) -> None:
    policy = PolicyGuard(allow=["Read"], deny=["Read(nowhere)"])
    assert policy.judge("Read", {"file_path": "hard"}, cwd=str(workspace)).verdict == "allow"
