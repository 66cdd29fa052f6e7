"""Hooks that Codex calls, as events, and their outcomes as the program that it runs tells them. Pure.

Shapes are those of Codex's hook commands (0.163): exit code 2 blocks with what is on stderr, whatever else was written;
an input is changed only together with an allow, after which Codex still asks what it would ask. It tells of commands
and patches their text alone.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any, Final

from agent_sdk_core.hooks.events import (
    HookEvent,
    PostCompactEvent,
    PostToolUseEvent,
    PreCompactEvent,
    PreToolUseEvent,
    StopEvent,
    SubagentStartEvent,
    SubagentStopEvent,
)
from agent_sdk_core.policy.patches import headers
from agent_sdk_core.records import dataclass
from agent_sdk_core.runtime.asking.hooking import HookOutcome
from agent_sdk_core.tools.registry import ToolRegistry
from agent_sdk_core.wire.json_lines import encode_line, mend
from agent_sdk_core.wire.reading import Json, filled_text, record_of
from codex_sdk.normalizer.items.calls import mcp_tool_name

Answer = tuple[str, str, int]
"""What the program that Codex runs writes, what it writes to stderr, and its exit code."""

NO_ANSWER: Final[Answer] = "{}", "", 0

PROOF: Final = "UserPromptSubmit"
"""The event that is always hooked: it brings along what hooks add, and proves in each turn that hooks are called."""

_NAMES: Final[Mapping[str, str]] = {
    "view_image": "Read",
    "update_plan": "TodoWrite",
    "tool_search": "ToolSearch",
    "request_user_input": "AskUserQuestion",
    "request_permissions": "RequestPermissions",
    "spawn_agent": "Agent",
    "send_input": "SendInput",
    "send_message": "SendMessage",
    "followup_task": "FollowupTask",
    "resume_agent": "ResumeAgent",
    "interrupt_agent": "InterruptAgent",
    "close_agent": "CloseAgent",
    "list_agents": "ListAgents",
    "wait_agent": "WaitAgent",
}
_OF_AGENTS: Final = re.compile(r"multi_agent_v\d+(?=[a-z])")
"""The namespace that stands before the names of tools for sub-agents."""

_OF_RESOURCES: Final = frozenset({"list_mcp_resources", "list_mcp_resource_templates", "read_mcp_resource"})
"""Tools about what an MCP server has to read; messages name them as that server's."""

_ACTIONS: Final[Mapping[str, str]] = {
    "Add File": "Write",
    "Update File": "Edit",
    "Delete File": "Delete",
    "Move to": "Move",
}


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A tool's call as messages name it.

    Attributes:
        tool_name: The tool, in Claude's vocabulary.
        input: Its arguments.
        names: All that it is: a patch of several files may write, edit, move and delete.
        native: The argument of Codex's in which the changeable text stands, and under which of `input` it does; None
            where all arguments are passed on as they are.
    """

    tool_name: str
    input: Json
    names: Collection[str]
    native: tuple[str, str] | None = None

    def changed(self, given: Mapping[str, object]) -> Json | None:
        """Return a changed input as Codex takes it; None for a change that it cannot make."""
        if self.native is None:
            return dict(given)
        theirs, ours = self.native
        text = given.get(ours)
        rest = {key: value for key, value in given.items() if key != ours}
        unchanged = all(key in self.input and self.input[key] == value for key, value in rest.items())
        return {theirs: text} if isinstance(text, str) and unchanged else None


def tool_call(call: Json, registries: Sequence[ToolRegistry]) -> ToolCall:
    """Return the tool's call of a hook, with the names that messages have for it."""
    name, arguments = filled_text(call.get("tool_name")) or "", record_of(call.get("tool_input"))
    if name == "Bash":
        return ToolCall(name, {"command": arguments.get("command")}, (name,), ("command", "command"))
    if name == "apply_patch":
        return _patch(str(arguments.get("command") or ""), filled_text(call.get("cwd")) or "/")
    for registry in registries:
        for tool in registry:
            if name == f"{registry.name}{tool.name}":
                shown = mcp_tool_name(registry.name, tool.name)
                return ToolCall(shown, arguments, (shown,))
    shown = _NAMES.get(_OF_AGENTS.sub("", name, count=1), name)
    if name in _OF_RESOURCES:
        shown = mcp_tool_name(filled_text(arguments.get("server")) or "codex", name)
    if name == "view_image":
        return ToolCall(shown, {"file_path": arguments.get("path")}, (shown, name), ("path", "file_path"))
    return ToolCall(shown, arguments, {shown, name})


def _patch(text: str, cwd: str) -> ToolCall:
    """Return a patch as what it does to its files; the whole text is what can be changed."""
    touched = [(_ACTIONS[action], str(PurePosixPath(cwd, path))) for action, path in headers(text)]
    names = {name for name, _ in touched} or {"Edit"}
    paths = list(dict.fromkeys(path for _, path in touched))
    shown: Json = {"diff": text, "file_paths": paths}
    if len(names) > 1:
        shown["changes"] = [{"tool_name": name, "input": {"file_path": path}} for name, path in touched]
    if len(paths) == 1:
        shown["file_path"] = paths[0]
        if names == {"Write"}:
            lines = text.split("\n")
            shown["content"] = "".join(f"{line[1:]}\n" for line in lines if line.startswith("+"))
    return ToolCall(next(iter(names)) if len(names) == 1 else "Edit", shown, {*names, "Edit"}, ("command", "diff"))


def event_of(call: Json, registries: Sequence[ToolRegistry]) -> HookEvent | None:
    """Return what a call of a hook tells; None for what is told otherwise, or to nobody."""
    common: dict[str, Any] = {
        "session_id": filled_text(call.get("session_id")) or "",
        "cwd": filled_text(call.get("cwd")),
        "agent_id": filled_text(call.get("agent_id")),
        "raw": call,
    }
    use_id = filled_text(call.get("tool_use_id"))
    last, active = filled_text(call.get("last_assistant_message")), call.get("stop_hook_active") is True
    trigger, kind = call.get("trigger"), filled_text(call.get("agent_type")) or ""
    match call.get("hook_event_name"):
        case "PreToolUse":
            tool = tool_call(call, registries)
            return PreToolUseEvent(tool.tool_name, tool.input, use_id, **common)
        case "PostToolUse":
            tool = tool_call(call, registries)
            response = call.get("tool_response")
            failed = record_of(response).get("isError") is True
            return PostToolUseEvent(tool.tool_name, tool.input, response, use_id, failed, **common)
        case "Stop":
            return StopEvent(last, active, **common)
        case "PreCompact":
            return PreCompactEvent("auto" if trigger == "auto" else "manual", **common)
        case "PostCompact":
            return PostCompactEvent("auto" if trigger == "auto" else "manual", **common)
        case "SubagentStart":
            return SubagentStartEvent(kind, **common)
        case "SubagentStop":
            return SubagentStopEvent(kind, last, active, **common)
        case _:
            return None


def prompt_answer(proof: str, context: str | None) -> Answer:
    """Return the answer to a prompt of ours: words that come back, and what the model is told beside."""
    body: Json = {"systemMessage": proof}
    if context is not None:
        body["hookSpecificOutput"] = {"hookEventName": PROOF, "additionalContext": context}
    return _written(body), "", 0


def answer_of(event: str, outcome: HookOutcome, tool: ToolCall | None = None) -> Answer:
    """Return what the program writes, what it writes to stderr, and its exit code."""
    reason = outcome.block if outcome.block is not None else outcome.stop
    if reason is not None:
        if event == "PreCompact":
            return _written({"continue": False, "stopReason": reason}), "", 0
        if outcome.stop is not None and event == "PostToolUse":
            return _written({"continue": False, "stopReason": reason}), "", 0
        return "", mend(reason), 2
    told: Json = {}
    if outcome.input is not None and tool is not None:
        changed = tool.changed(outcome.input)
        if changed is None:
            text = tool.native[1] if tool.native is not None else "input"
            return "", f"A hook changed the input of {tool.tool_name}, of which Codex can change {text!r} alone.", 2
        told |= {"permissionDecision": "allow", "updatedInput": changed}
    if outcome.text is not None:
        told["additionalContext"] = outcome.text
    return _written({"hookSpecificOutput": {"hookEventName": event, **told}} if told else {}), "", 0


def _written(body: Json) -> str:
    """Return what the program writes: ASCII, whatever its locale, and no half characters, which Codex cannot read."""
    return json.dumps(json.loads(encode_line(body)))
