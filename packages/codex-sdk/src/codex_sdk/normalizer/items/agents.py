"""Sub-agents: the items that start, address and end them, and the task that each one's thread is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from agent_sdk_core.messages.base import Source
from agent_sdk_core.messages.system import TaskNotification, TaskStarted
from agent_sdk_core.records import dataclass
from agent_sdk_core.wire.reading import Json, as_record, optional_text_at, record_at, text_at, texts_at
from codex_sdk.normalizer.emitter import Frames
from codex_sdk.normalizer.items.shapes import Named, Outcome, ToolShape, ToolUse, failed, status

_DESCRIPTION: Final = 80
"""How many characters of a prompt describe a sub-agent that has no name."""

_CALLS: Final[Mapping[str, str]] = {
    "spawnAgent": "Task",
    "sendInput": "SendInput",
    "sendMessage": "SendMessage",
    "followupTask": "FollowupTask",
    "resumeAgent": "ResumeAgent",
    "interruptAgent": "InterruptAgent",
    "closeAgent": "CloseAgent",
    "listAgents": "ListAgents",
    "wait": "WaitAgent",
}
"""Tool by the `tool` of a collabAgentToolCall item; one that is new goes by its own name."""

_ACTIVITIES: Final[Mapping[str, str]] = {
    "started": "Task",
    "interacted": "MessageAgent",
    "interrupted": "InterruptAgent",
}
"""Tool by the `kind` of a subAgentActivity item. Codex does not tell sending a message and giving a task apart."""

_ADDRESSING: Final = frozenset({"spawnAgent", "sendInput", "sendMessage", "followupTask", "resumeAgent"})


@dataclass(slots=True, eq=False)
class SubAgent:
    """A sub-agent as the thread that started it sees it: a task, which runs while the sub-agent's turn does.

    Attributes:
        thread_id: Its thread, which is the task's id.
        tool_use_id: The tool use that started it.
        level: `parent_tool_use_id` of the messages of the thread that started it, so of the task's.
        source: Origin of the task's messages.
        description: What it does, in a few words.
        running: Whether it was told to have started, and not yet to have ended.
    """

    thread_id: str
    tool_use_id: str
    level: str | None
    source: Source
    description: str
    running: bool = False

    def start(self, frames: Frames) -> None:
        """Tell that it runs, unless that was told."""
        if self.running:
            return
        self.running = True
        fields: Json = {
            "task_id": self.thread_id,
            "tool_use_id": self.tool_use_id,
            "description": self.description,
            "task_type": "local_agent",
            "parent_tool_use_id": self.level,
        }
        frames.system(TaskStarted, "task_started", self.source, fields)

    def end(self, frames: Frames, outcome: str, summary: str, extra: Json | None = None) -> None:
        """Tell that it ended, if it runs; `outcome` is "completed", "failed" or "stopped"."""
        if not self.running:
            return
        self.running = False
        fields: Json = {
            "task_id": self.thread_id,
            "tool_use_id": self.tool_use_id,
            "status": outcome,
            "summary": summary,
            "parent_tool_use_id": self.level,
            **(extra or {}),
        }
        frames.system(TaskNotification, "task_notification", self.source, fields)


def describe(prompt: str) -> str:
    """Return the first line of a prompt, shortened."""
    line = next(iter(prompt.strip().splitlines()), "")
    return line if len(line) <= _DESCRIPTION else f"{line[: _DESCRIPTION - 1]}…"


def started_outcome(thread_id: str, description: str) -> tuple[str, Json]:
    """Return the content and the structured outcome of the tool use that started a sub-agent."""
    result: Json = {"status": "async_launched", "agentId": thread_id, "description": description}
    return f"The agent was started, thread {thread_id}.", result


def _call_uses(item: Json) -> list[ToolUse]:
    tool, prompt = text_at(item, "tool"), optional_text_at(item, "prompt")
    arguments: Json = {}
    if tool == "spawnAgent":
        arguments["description"] = describe(prompt or "") or "sub-agent"
    elif threads := texts_at(item, "receiverThreadIds"):
        arguments["agents"] = threads
    if prompt is not None:
        arguments["prompt" if tool == "spawnAgent" else "message"] = prompt
    return [ToolUse(_CALLS.get(tool) or tool or "CollabAgent", arguments, "agent")]


def _call_outcomes(item: Json, streamed: str) -> list[Outcome]:
    del streamed
    tool, threads, states = text_at(item, "tool"), texts_at(item, "receiverThreadIds"), record_at(item, "agentsStates")
    told = [_state(thread, as_record(state) or {}) for thread, state in states.items()]
    if tool != "spawnAgent":
        result: Json = {"agents": states} if states else {}
        return [Outcome("\n".join(told) or ("It failed." if failed(item) else "Done."), failed(item), False, result)]
    if failed(item) or not threads:
        return [Outcome("\n".join(["The agent could not be started.", *told]), True)]
    prompt = text_at(item, "prompt")
    content, result = started_outcome(threads[0], describe(prompt))
    result["prompt"] = prompt
    for key in ("model", "reasoningEffort"):
        if value := text_at(item, key):
            result[key] = value
    return [Outcome(content, False, False, result)]


def _call_names(item: Json) -> list[Named]:
    tool = text_at(item, "tool")
    if tool not in _ADDRESSING or failed(item):
        return []
    description = describe(text_at(item, "prompt")) or "sub-agent"
    model = text_at(item, "model") or None
    spawned = tool == "spawnAgent"
    return [Named(thread, description, spawned, model) for thread in texts_at(item, "receiverThreadIds") if thread]


def _state(thread: str, state: Json) -> str:
    said = optional_text_at(state, "message")
    return f"{thread}: {text_at(state, 'status') or 'unknown'}" + (f": {said}" if said else "")


def _activity_uses(item: Json) -> list[ToolUse]:
    kind, path = text_at(item, "kind"), text_at(item, "agentPath")
    arguments: Json = {"description": path or "sub-agent"} if kind == "started" else {"agents": [path]}
    return [ToolUse(_ACTIVITIES.get(kind, f"SubAgent.{kind}"), arguments, "agent")]


def _activity_outcomes(item: Json, streamed: str) -> list[Outcome]:
    del streamed
    thread, kind = text_at(item, "agentThreadId"), text_at(item, "kind")
    result: Json = {"agentId": thread, "agentPath": text_at(item, "agentPath")}
    for key in ("model", "reasoningEffort"):
        if value := text_at(item, key):
            result[key] = value
    if kind != "started":
        return [Outcome(status(item) if kind not in _ACTIVITIES else "Done.", failed(item), False, result)]
    content, launched = started_outcome(thread, text_at(item, "agentPath"))
    return [Outcome(content, False, False, {**launched, **result})]


def _activity_names(item: Json) -> list[Named]:
    thread, kind = text_at(item, "agentThreadId"), text_at(item, "kind")
    if not thread or kind not in ("started", "interacted"):
        return []
    description = text_at(item, "agentPath") or "sub-agent"
    return [Named(thread, description, kind == "started", text_at(item, "model") or None)]


AGENT_CALL: Final = ToolShape(_call_uses, _call_outcomes, names=_call_names)
"""The shape of collabAgentToolCall items, which v1 sub-agents are made of, and v2 uses to wait."""

AGENT_ACTIVITY: Final = ToolShape(_activity_uses, _activity_outcomes, names=_activity_names)
"""The shape of subAgentActivity items, which v2 sub-agents are made of; their prompts are encrypted (0.163)."""
