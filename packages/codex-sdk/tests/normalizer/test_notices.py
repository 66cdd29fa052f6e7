from __future__ import annotations

from typing import Any

import pytest


def only(wires: list[dict[str, Any]]) -> dict[str, Any]:
    (wire,) = wires
    return wire


@pytest.mark.parametrize(
    ("method", "params", "content"),
    [
        ("warning", {"message": "slow", "threadId": None}, "slow"),
        ("guardianWarning", {"message": "risky"}, "risky"),
        ("configWarning", {"summary": "bad key", "details": "line 3", "path": "/c.toml"}, "bad key\nline 3"),
        ("deprecationNotice", {"summary": "old"}, "old"),
        (
            "autoApprovalReview/strictReviewRequired",
            {},
            "The automatic review asks for a person's approval from here on.",
        ),
    ],
)
def test_warnings_are_told(scene: Any, method: str, params: dict[str, Any], content: str) -> None:
    wire = only(scene.feed(method, params))
    assert (wire["subtype"], wire["content"], wire["level"]) == ("informational", content, "warning")
    assert wire.get("path") == params.get("path")


def test_the_login_being_renewed_is_told(scene: Any) -> None:
    for method in ("modelProvider/authRecoveryStarted", "modelProvider/authRecoveryCompleted"):
        assert only(scene.feed(method, message="renewing", provider="p"))["level"] == "info"


def test_an_error_outside_a_turn_is_told(scene: Any) -> None:
    assert only(scene.feed("error", willRetry=False, error={"message": "odd"}))["level"] == "error"
    assert only(scene.feed("error", willRetry=True, error={"message": "again"}))["subtype"] == "api_retry"


def test_hooks_are_told(scene: Any) -> None:
    run = {"id": "h1", "eventName": "preToolUse", "sourcePath": "/hooks.json", "status": "completed"}
    started = only(scene.feed("hook/started", run=run))
    assert (started["subtype"], started["hook_id"], started["hook_event"]) == ("hook_started", "h1", "preToolUse")
    ended = only(scene.feed("hook/completed", run={**run, "entries": [{"text": "a"}, {"text": "b"}]}))
    assert (ended["subtype"], ended["outcome"], ended["output"]) == ("hook_response", "completed", "a\nb")


@pytest.mark.parametrize(
    ("action", "tool"),
    [
        ({"type": "command", "command": "rm"}, "Bash"),
        ({"type": "writeStdin"}, "WriteStdin"),
        ({"type": "applyPatch"}, "Edit"),
        ({"type": "mcpToolCall", "server": "s", "toolName": "t"}, "mcp__s__t"),
        ({"type": "networkAccess"}, "networkAccess"),
        ({}, "unknown"),
    ],
)
def test_what_the_automatic_review_refuses_is_a_denial(scene: Any, action: dict[str, Any], tool: str) -> None:
    review = {"status": "denied", "rationale": "dangerous"}
    wire = only(scene.feed("item/autoApprovalReview/completed", review=review, action=action, targetItemId="item-1"))
    assert (wire["subtype"], wire["tool_name"], wire["tool_use_id"]) == ("permission_denied", tool, "item-1")
    assert wire["message"] == "dangerous"


def test_what_the_automatic_review_passes_is_not_told(scene: Any) -> None:
    assert scene.feed("item/autoApprovalReview/completed", review={"status": "approved"}) == []
    wire = only(scene.feed("item/autoApprovalReview/completed", review={"status": "timedOut"}))
    assert wire["message"] == "The automatic review ended with timedOut."
    assert "tool_use_id" not in wire


def test_an_mcp_server_that_does_not_start_is_told(scene: Any) -> None:
    failed = {"name": "files", "status": "failed", "error": "no such file"}
    told = "The MCP server files did not start: no such file"
    assert scene.feed("mcpServer/startupStatus/updated", **failed) == []  # Nobody listens yet.
    assert scene.thread.facts.mcp_servers == {"files": "failed"}
    assert [wire["content"] for wire in scene.begin() if wire.get("subtype") == "informational"] == [told]
    assert only(scene.feed("mcpServer/startupStatus/updated", **failed))["content"] == told


def test_rate_limits_are_told_in_a_turn_when_they_change(scene: Any) -> None:
    limits = {"primary": {"usedPercent": 10}}
    assert scene.feed("account/rateLimits/updated", {"rateLimits": limits}) == []
    scene.begin()
    assert only(scene.feed("account/rateLimits/updated", {"rateLimits": limits}))["rate_limit_info"] == limits
    assert scene.feed("account/rateLimits/updated", {"rateLimits": limits}) == []
    assert scene.feed("account/rateLimits/updated", {"rateLimits": None}) == []


def test_a_review_is_told_with_what_it_found(scene: Any) -> None:
    scene.begin()
    assert scene.started("enteredReviewMode", review="look") == []
    assert only(scene.completed("enteredReviewMode", review="look"))["content"] == "Review started: look"
    assert scene.completed("enteredReviewMode", review="look") == []
    assert only(scene.completed("exitedReviewMode", "item-2", review="fine"))["review"] == "exited"
    assert only(scene.completed("exitedReviewMode", "item-3"))["content"] == "Review ended."


def test_what_hooks_tell_the_model_is_told(scene: Any) -> None:
    scene.begin()
    fragments = [{"text": "a", "hookRunId": "h"}, {"text": "b", "hookRunId": "h"}]
    assert only(scene.completed("hookPrompt", fragments=fragments))["content"] == "a\nb"


def test_a_changed_mode_is_told(scene: Any) -> None:
    settings = {"approvalPolicy": "on-request", "sandboxPolicy": {"type": "workspaceWrite"}, "model": "gpt-new"}
    wire = only(scene.feed("thread/settings/updated", {"threadSettings": settings}))
    assert (wire["status"], wire["permissionMode"]) == (None, "acceptEdits")
    assert scene.feed("thread/settings/updated", {"threadSettings": settings}) == []
    assert scene.begin()[0]["model"] == "gpt-new"


def test_an_unknown_method_is_kept_whole(scene: Any) -> None:
    wire = only(scene.feed("thread/teleported", {"where": "home"}))
    assert (wire["type"], wire["params"]) == ("codex/thread/teleported", {"where": "home"})
