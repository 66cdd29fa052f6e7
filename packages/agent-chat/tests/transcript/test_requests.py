from __future__ import annotations

from typing import Any

import pytest

from agent_chat.terminal.plain import plain
from agent_chat.transcript.blocks import Asked, Choice
from agent_chat.transcript.diffs import FileDiff, Hunk
from agent_chat.transcript.requests import answer_text, answers, asked, outcome_told, summary, was_denied
from agent_sdk_core.asking.permissions import Allow, Deny, Permission, PermissionOption, PermissionRequest


def request(tool_name: str = "Bash", given: dict[str, object] | None = None, **fields: object) -> PermissionRequest:
    given = {"command": "make"} if given is None else given
    return PermissionRequest(tool_name, given, "r", "s", **fields)  # pyright: ignore[reportArgumentType]  # fields by name


def test_a_command_is_shown_in_full_with_all_that_matters() -> None:
    block = asked(
        request(
            given={"command": "ls\x1b[2K\n\rrm -rf /", "cwd": "/w", "timeout": 5},
            cwd="/w",
            reason="be\x07cause",
            escalates=frozenset({"sandbox", "network"}),
            tool_use_id="t",
        )
    )
    assert block == Asked(
        "The agent asks to run a command",
        command="ls\\x1b[2K\n\\rrm -rf /",
        subject="timeout: 5",
        facts=(
            ("in", "/w"),
            ("reason", "be\\x07cause"),
            ("lifts", "the network limits"),
            ("lifts", "the sandbox: it runs with all your rights"),
        ),
        tool_use_id="t",
    )


def test_an_edit_shows_its_whole_diff_and_nothing_hidden_in_it() -> None:
    diff = "--- a/one\n+++ b/one\n@@ -1 +1 @@\n-a\n+b\u202e\n--- a/two\n+++ b/two\n@@ -0,0 +1 @@\n+x\n"
    block = asked(request("Edit", {"file_path": "one", "old_string": "a", "new_string": "b"}, diff=diff))
    assert block.heading == "The agent asks to change 2 files"
    assert block.subject == ""
    assert block.diffs == (
        FileDiff("one", (Hunk(1, 1, ("-a", "+b\\u202e")),)),
        FileDiff("two", (Hunk(0, 1, ("+x",)),)),
    )


def test_an_edit_without_a_diff_is_shown_from_its_input() -> None:
    block = asked(request("Write", {"file_path": "/w/f", "content": "a\x1b[2J\n"}, cwd="/w"))
    assert block.heading == "The agent asks to change a file"
    assert block.diffs == (FileDiff("f", (Hunk(0, 1, ("+a\\x1b[2J",)),)),)


@pytest.mark.parametrize(
    ("tool_name", "given", "heading", "subject"),
    [
        ("Edit", {"file_path": "f"}, "The agent asks to use Edit", "file_path: f"),
        ("Delete", {"file_path": "f"}, "The agent asks to delete a file", "file_path: f"),
        ("WriteStdin", {"chars": "y\x03"}, "The agent asks to use WriteStdin", "chars: y\\x03"),
        ("mcp__a__b", {"n": [1]}, "The agent asks to use mcp__a__b", "n: [\n  1\n]"),
        ("RequestPermissions", {}, "The agent asks to use RequestPermissions", ""),
    ],
)
def test_any_other_tool_is_shown_with_all_its_arguments(
    tool_name: str, given: dict[str, object], heading: str, subject: str
) -> None:
    block = asked(request(tool_name, given))
    assert (block.heading, block.subject) == (heading, subject)


def test_a_sub_agent_is_named_as_the_one_who_asks() -> None:
    assert asked(request(parent_tool_use_id="t")).heading == "A sub-agent asks to run a command"


def test_every_option_has_a_number_and_the_first_of_its_kind_a_letter() -> None:
    options = (
        PermissionOption("1", "Yes", Allow()),
        PermissionOption("2", "Yes, here", Allow(scope="session"), "in the process"),
        PermissionOption("3", "Always", Allow(scope="always"), "in the rules"),
        PermissionOption("4", "Always for the host", Allow(scope="always", option="4")),
        PermissionOption("5", "No", Deny()),
        PermissionOption("6", "No, stop", Deny(interrupt=True)),
    )
    offered = answers(request(options=options))
    assert [choice for choice, _ in offered] == [
        Choice(("1", "y"), "Yes"),
        Choice(("2", "s"), "Yes, here", "in the process"),
        Choice(("3", "a"), "Always", "in the rules"),
        Choice(("4",), "Always for the host"),
        Choice(("5", "n"), "No"),
        Choice(("6", "x"), "No, stop"),
    ]
    assert [answer for _, answer in offered] == [option.answer for option in options]


@pytest.mark.parametrize(
    "options", [(), (PermissionOption("1", "Yes", Allow()),), (PermissionOption("2", "Stop", Deny(interrupt=True)),)]
)
def test_one_can_always_refuse_and_stop(options: tuple[PermissionOption, ...]) -> None:
    offered = [answer for _, answer in answers(request(options=options))]
    assert Deny() in offered
    assert Deny(interrupt=True) in offered


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (Allow(), "Allowed once"),
        (Allow(scope="session"), "Allowed for this session"),
        (Allow(scope="always"), "Allowed always"),
        (Deny(), "Denied"),
        (Deny(interrupt=True), "Denied, and the turn stops"),
    ],
)
def test_answers_have_words(answer: Permission, text: str) -> None:
    assert answer_text(answer) == text


@pytest.mark.parametrize(
    ("outcome", "by", "told", "denied"),
    [
        ("denied", "answer", "denied", True),
        ("denied", "close", "expired", False),
        ("declined", "close", "expired", False),
        ("denied", "deadline", "expired", True),
        ("allowed", "answer", "allowed", False),
        ("withdrawn", "close", "withdrawn", False),
    ],
)
def test_nobody_is_said_to_have_denied_what_nobody_answered(
    wire: Any, outcome: str, by: str, told: str, denied: bool
) -> None:
    resolved = wire.system("request_resolved", request_id="r", kind="permission", outcome=outcome, by=by)
    assert (outcome_told(resolved), was_denied(resolved)) == (told, denied)


def test_a_request_fits_in_a_line() -> None:
    assert summary(request(given={"command": "a\nb\x07"})) == "Bash a b\\x07"
    assert summary(request("Edit", {"file_path": "f"})) == "Edit f"
    assert summary(request("Odd", {})) == "Odd"
    assert len(summary(request(given={"command": "x" * 500}))) == 100


def test_a_question_in_plain_text_is_whole() -> None:
    offered = answers(request())
    block = asked(
        request("Write", {"file_path": "f", "content": "a", "mode": 7}, cwd="/w"),
        tuple(choice for choice, _ in offered),
    )
    assert (
        plain(block)
        == """\
? The agent asks to change a file
  mode: 7
  f
  @@ -0,0 +1,1 @@
  +a
  in: /w
  1/y: Yes
  2/n: No
  3/x: Deny and stop the turn"""
    )
    assert plain(asked(request(given={"command": "a\nb"}))) == "? The agent asks to run a command\n  $ a\n    b"
