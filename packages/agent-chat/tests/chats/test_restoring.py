"""The end of a log in whose last turn the application ended."""

from __future__ import annotations

from agent_chat.chats.restoring import ENDED, closing
from agent_sdk_core import SDKMessage, parse_message


def said(kind: str, **wire: object) -> SDKMessage:
    return parse_message({"type": kind, "session_id": "s", **wire})


def use(name: str, parent: str | None = None) -> SDKMessage:
    block: dict[str, object] = {"type": "tool_use", "id": name, "name": "Bash", "input": {}}
    message: dict[str, object] = {"id": name, "content": [block]}
    return said("assistant", message=message, parent_tool_use_id=parent)


def test_what_is_open_in_a_log_is_ended_tasks_in_the_background_too() -> None:
    prompt = said("user", uuid="p", isReplay=True, message={"role": "user", "content": "Go."})
    task = said("system", subtype="task_started", task_id="t", tool_use_id="u")
    tool, notification, result = closing([prompt, use("u"), task], backend="codex")
    assert tool.to_wire()["message"]["content"][0]["content"] == ENDED
    told = notification.to_wire()
    assert (told["subtype"], told["task_id"], told["status"]) == ("task_notification", "t", "stopped")
    assert result.to_wire()["user_message_uuids"] == ["p"]
    again = [prompt, use("u"), task, tool, notification, result]
    assert closing(again, backend="codex") == []


def test_a_turn_that_has_ended_leaves_open_only_what_goes_on_after_it() -> None:
    ended = said("result", subtype="success", user_message_uuids=[])
    [tool] = closing([use("own"), use("nested", "task"), ended], backend="claude")
    assert tool.to_wire()["message"]["content"][0]["tool_use_id"] == "nested"
