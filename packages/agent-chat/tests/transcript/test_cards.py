from __future__ import annotations

from typing import Any

import pytest

from agent_chat.transcript.blocks import Card, Step
from agent_chat.transcript.cards import changes, close_card, open_card
from agent_chat.transcript.diffs import FileDiff, Hunk
from agent_sdk_core.messages.blocks import ToolResultBlock, ToolUseBlock


def use(name: str, **given: object) -> Card:
    return open_card(ToolUseBlock(id="t", name=name, input=given), cwd="/w")


WAITING = open_card(ToolUseBlock(id="t", name="WaitAgent", input={"agents": ["a"]}, kind="agent"))


def close(card: Card, content: Any = "ok", details: object = None, *, error: bool = False) -> Card:
    result = ToolResultBlock.model_validate({"tool_use_id": card.id, "content": content, "is_error": error})
    return close_card(card, result, details, declined=False)


@pytest.mark.parametrize(
    ("card", "title", "subject"),
    [
        (use("Bash", command="ls\x1b[2J"), "", ""),
        (use("Read", file_path="/etc/hosts"), "Read", "/etc/hosts"),
        (use("Grep", pattern="a b", path="src"), "Grep", "a b in src"),
        (use("Glob", pattern="*.py", path="/w"), "Glob", "*.py"),
        (use("WebSearch", query="what is new"), "WebSearch", "what is new"),
        (use("LS", path="src"), "LS", "src"),
        (use("WebFetch", url="https://example.org"), "WebFetch", "https://example.org"),
        (use("Move", file_path="a", new_path="b"), "Move", "a → b"),
        (use("Task", description="look around"), "Sub-agent", "look around"),
        (WAITING, "WaitAgent", '{"agents": ["a"]}'),
        (use("ExitPlanMode", plan="1. go"), "Proposed plan", ""),
        (use("mcp__git__log", n=3), "git · log", '{"n": 3}'),
        (use("mcp__alone"), "alone", ""),
        (use("sleep", seconds=[1]), "sleep", '{"seconds": [1]}'),
        (use("Glob", odd=1), "Glob", '{"odd": 1}'),
        (use("Other", text="x" * 300), "Other", '{"text": "' + "x" * 189 + "…"),
    ],
)
def test_a_card_says_what_a_tool_is_about(card: Card, title: str, subject: str) -> None:
    assert (card.title, card.subject) == (title, subject)


def test_a_command_is_shown_clean() -> None:
    assert use("Bash", command=" ls\x1b[2J \n").command == "ls"


def test_a_backend_may_know_the_kind_of_a_command_better() -> None:
    card = open_card(ToolUseBlock(id="t", name="Bash", input={"command": "cat f"}, kind="read"))
    assert (card.command, card.shows_output) == ("cat f", False)


def test_a_todo_list_becomes_steps() -> None:
    todos = [
        {"content": "a", "status": "completed"},
        {"content": "b", "status": "in_progress"},
        {"content": "c", "status": "new"},
        "odd",
    ]
    assert use("TodoWrite", todos=todos).steps == (
        Step("a", "completed"),
        Step("b", "in_progress"),
        Step("c", "pending"),
    )


@pytest.mark.parametrize(
    ("given", "lines"),
    [
        ({"file_path": "f", "content": "a\nb\n"}, [("+a", "+b")]),
        ({"file_path": "f", "old_string": "a", "new_string": "b\x07"}, [("-a", "+b")]),
        (
            {"file_path": "f", "edits": [{"old_string": "a", "new_string": "b"}, {"new_string": "c"}, 5]},
            [("-a", "+b"), ("+c",)],
        ),
        ({"file_path": "f"}, []),
    ],
)
def test_an_edit_shows_its_change_before_it_is_made(given: dict[str, object], lines: list[tuple[str, ...]]) -> None:
    assert [hunk.lines for diff in changes(given) for hunk in diff.hunks] == lines


def test_the_result_tells_the_change_with_its_true_lines() -> None:
    card = use("Edit", file_path="f", old_string="a", new_string="b")
    patch = [{"oldStart": 7, "newStart": 7, "lines": ["-a\x1b[2J", "+b"]}]
    assert close(card, details={"structuredPatch": patch}).diffs == (FileDiff("f", (Hunk(7, 7, ("-a", "+b")),)),)
    diff = "--- a/f\n+++ b/f\n@@ -9 +9 @@\n-a\n+b\n"
    assert close(card, details={"diff": diff}).diffs == (FileDiff("f", (Hunk(9, 9, ("-a", "+b")),)),)
    assert close(card, details={"diff": "nothing"}).diffs == card.diffs


def test_the_result_decides_the_state() -> None:
    card = use("Bash", command="x")
    assert close(card, error=True, details={"exitCode": 2, "durationMs": 5}).state == "failed"
    assert close(card, error=True, details={"interrupted": True}).state == "stopped"
    assert close(card, details="text").state == "completed"
    assert close(card, details={"exitCode": "?", "durationMs": None}).exit_code is None


def test_output_of_several_blocks_names_what_is_no_text() -> None:
    image = {"type": "image", "source": {"type": "url", "url": "x"}}
    assert close(use("Read", file_path="f"), [{"type": "text", "text": "a\x07"}, image]).output == "a\n[image]"
    assert close(use("Read", file_path="f"), None).output == ""
