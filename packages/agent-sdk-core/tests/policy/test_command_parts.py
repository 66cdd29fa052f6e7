"""The parts of a command line: what a person is shown of it, and whether rules cover each of them."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from agent_sdk_core.policy.command_rules import command_parts, cover_each_part


@pytest.mark.parametrize(
    ("line", "parts"),
    [
        ("ls -l", ["ls -l"]),
        ("cd sub && make; make", ["cd sub", "make"]),
        ("cat a | tee b > c", ["cat a", "tee b"]),
        ("(rm x) & sleep 1", ["rm x", "sleep 1"]),
        ("bash -c 'rm x; ls'", ["bash -c rm x; ls", "rm x", "ls"]),
        ("echo $(rm x)", ["echo $(rm x)", "rm x"]),
        ("for i in 1 2; do touch $i; done", ["touch $i"]),
        ("", []),
        ("echo 'open", []),
    ],
)
def test_a_command_line_is_shown_in_its_parts(line: str, parts: Sequence[str]) -> None:
    assert sorted(command_parts(line)) == sorted(parts)


@pytest.mark.parametrize(
    ("patterns", "line", "covered"),
    [
        (["make *"], "make all; make install", True),
        (["make *"], "make all | tee log", False),
        (["make *", "tee *"], "make all | tee log", True),
        (["make *"], "cd sub && make", False),
        (["bash *"], "bash -c 'rm x'", False),
        ([], "make", False),
        (["make *"], "", False),
    ],
)
def test_each_part_needs_a_rule(patterns: Sequence[str], line: str, covered: bool) -> None:
    assert cover_each_part(patterns, line) == covered
