"""What a tool does, independent of the name an agent gave it, so that a renderer need not know vendors' names."""

from __future__ import annotations

from typing import Final, Literal, cast

from agent_sdk_core.errors import InvalidRequestError

ToolKind = Literal[
    "execute", "read", "edit", "delete", "move", "search", "fetch", "think", "ask", "plan", "agent", "mcp", "other"
]

_KIND_BY_NAME: Final[dict[str, ToolKind]] = {
    "Bash": "execute",
    "Monitor": "execute",
    "BashOutput": "execute",
    "KillShell": "execute",
    "WriteStdin": "execute",
    "Read": "read",
    "NotebookRead": "read",
    "Edit": "edit",
    "MultiEdit": "edit",
    "NotebookEdit": "edit",
    "Write": "edit",
    "Delete": "delete",
    "Move": "move",
    "Glob": "search",
    "Grep": "search",
    "LS": "search",
    "ToolSearch": "search",
    "WebSearch": "search",
    "WebFetch": "fetch",
    "TodoWrite": "think",
    "TaskCreate": "think",
    "TaskUpdate": "think",
    "AskUserQuestion": "ask",
    "ExitPlanMode": "plan",
    "EnterPlanMode": "plan",
    "Agent": "agent",
    "Task": "agent",
}


def tool_kind(name: str) -> ToolKind:
    """Return the kind of the tool called `name`; MCP tools are named `mcp__<server>__<tool>` on both agents.

    Raises:
        InvalidRequestError: The name is no text.
    """
    if not isinstance(cast("object", name), str):
        raise InvalidRequestError(f"tool_kind: name must be text, not {type(name).__name__}.")
    if name.startswith("mcp__"):
        return "mcp"
    return _KIND_BY_NAME.get(name, "other")
