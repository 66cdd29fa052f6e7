from __future__ import annotations

import shlex
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codex_sdk.normalizer.items.commands import COMMAND, command_kind, script


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("/bin/bash -lc 'echo hi'", "echo hi"),
        ("/bin/bash -lc ls", "ls"),
        ("bash -c 'a && b'", "a && b"),
        ("/usr/bin/zsh -lc \"printf 'a\\\\nb'\"", "printf 'a\\nb'"),
        ("/bin/bash -lc \"a=1; echo '\"'$a'\"' \\\"it's\\\" \\\\\"'$a'", "a=1; echo '$a' \"it's\" \\$a"),
        ("/bin/bash -lc \"echo 'it'\\\"'\\\"'s'\"", "echo 'it'\"'\"'s'"),
        ("ls -la", "ls -la"),
        ("bash -lc 'unbalanced", "bash -lc 'unbalanced"),
        ("bash -lc 'a' b", "bash -lc 'a' b"),
        ("python -c 'print(1)'", "python -c 'print(1)'"),
        ("bash script.sh", "bash script.sh"),
        ("", ""),
    ],
)
def test_the_shell_around_a_command_is_taken_off(command: str, expected: str) -> None:
    assert script(command) == expected


@given(st.text(st.characters(codec="utf-8"), min_size=1))
def test_any_quoted_command_comes_back(command: str) -> None:
    assert script(f"/bin/bash -lc {shlex.quote(command)}") == command


@pytest.mark.parametrize(
    ("actions", "expected"),
    [
        (["read", "read"], "read"),
        (["search"], "search"),
        (["listFiles", "search"], "search"),
        (["read", "search"], None),
        (["unknown"], None),
        ([], None),
    ],
)
def test_what_only_reads_or_searches_is_said_to(actions: list[str], expected: str | None) -> None:
    assert command_kind({"commandActions": [{"type": action} for action in actions]}) == expected


def test_the_kind_is_told_on_the_block(scene: Any) -> None:
    scene.begin()
    (use,) = scene.started("commandExecution", command="cat a", commandActions=[{"type": "read"}])
    assert use["message"]["content"][0]["kind"] == "read"
    assert scene.messages[-1].tool_uses[0].kind == "read"


@pytest.mark.parametrize(
    ("item", "content", "is_error", "declined"),
    [
        ({"status": "completed", "exitCode": 0, "aggregatedOutput": "a\n"}, "a\n", False, False),
        ({"status": "completed", "exitCode": 1, "aggregatedOutput": "a\n"}, "a\n", True, False),
        ({"status": "completed", "exitCode": 0, "aggregatedOutput": None}, "streamed", False, False),
        ({"status": "failed", "exitCode": 2, "aggregatedOutput": "a\n"}, "a\nExit code 2", True, False),
        ({"status": "failed", "exitCode": 2, "aggregatedOutput": ""}, "Exit code 2", True, False),
        ({"status": "failed", "aggregatedOutput": ""}, "The command failed.", True, False),
        ({"status": "declined", "aggregatedOutput": ""}, "The command was declined.", True, True),
    ],
)
def test_the_status_says_more_than_the_exit_code(
    item: dict[str, Any], content: str, is_error: bool, declined: bool
) -> None:
    (outcome,) = COMMAND.outcomes(item, "streamed")
    assert (outcome.content, outcome.is_error, outcome.declined) == (content, is_error, declined)
