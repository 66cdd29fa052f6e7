"""Plans: the list of what is to do, however an agent keeps it, as one plan of the session."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, cast

from agent_chat.transcript.sanitize import clean_line
from agent_sdk_core.messages.blocks import ToolResultBlock, ToolUseBlock
from agent_sdk_core.wire.reading import as_record

PLAN_ID: Final = "plan"
LISTS: Final = frozenset({"TodoWrite"})
TASKS: Final = frozenset({"TaskCreate", "TaskUpdate"})

_STATUSES: Final = frozenset({"pending", "in_progress", "completed"})


class Plan:
    """The plan of one session, from the calls of the tools that keep it."""

    def __init__(self) -> None:
        self._entries: dict[str, dict[str, str]] = {}
        self._told: list[dict[str, str]] = []

    def called(self, use: ToolUseBlock) -> list[dict[str, Any]]:
        """Take a call that writes the whole list; returns the update, if the plan is another one now."""
        todos = use.input.get("todos")
        if use.name not in LISTS or not isinstance(todos, list):
            return []
        self._entries = {}
        for place, todo in enumerate(cast("list[object]", todos)):
            fields = as_record(todo) or {}
            self._entries[f"todo {place}"] = _entry(fields.get("content"), fields.get("status"))
        return self._update()

    def answered(self, use: ToolUseBlock, result: ToolResultBlock, details: object) -> list[dict[str, Any]]:
        """Take the result of a call that makes or changes one entry."""
        if result.is_error:
            return []
        facts = as_record(details) or {}
        if use.name == "TaskCreate":
            task = as_record(facts.get("task")) or {}
            key = task.get("id", f"call {use.id}")
            self._entries[str(key)] = _entry(use.input.get("subject") or task.get("subject"), "pending")
        elif use.name == "TaskUpdate":
            key, status = str(use.input.get("taskId")), use.input.get("status")
            if status == "deleted":
                self._entries.pop(key, None)
            elif key in self._entries:
                before = self._entries[key]
                subject = use.input.get("subject")
                self._entries[key] = _entry(subject or before["content"], status or before["status"])
        return self._update()

    def _update(self) -> list[dict[str, Any]]:
        entries = list(self._entries.values())
        if entries == self._told:
            return []
        self._told = entries
        plan: Mapping[str, Any] = {"type": "items", "planId": PLAN_ID, "entries": [dict(entry) for entry in entries]}
        return [{"sessionUpdate": "plan_update", "plan": plan}]


def _entry(content: object, status: object) -> dict[str, str]:
    return {
        "content": clean_line(content) if isinstance(content, str) else "",
        "priority": "medium",
        "status": status if isinstance(status, str) and status in _STATUSES else "pending",
    }
