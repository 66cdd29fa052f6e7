"""Commands that a prompt may begin with, as a client offers them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, cast

from agent_chat.acp.converting.tool_calls import META
from agent_sdk_core.interfaces.session import AgentCommand
from agent_sdk_core.wire.reading import as_record

COMPACT: Final = "compact"


def commands_of(commands: Iterable[object], *, compacts: bool) -> list[dict[str, Any]]:
    """Return the commands of an agent, and compacting where it can be done and is none of them."""
    told: dict[str, dict[str, Any]] = {}
    for command in commands:
        if not isinstance(command, AgentCommand) or command.kind != "command" or " " in command.name:
            continue
        entry: dict[str, Any] = {
            "type": "command",
            "name": command.name,
            "description": command.description or command.name,
        }
        if command.argument_hint:
            entry["input"] = {"type": "text", "hint": command.argument_hint}
        told[command.name] = entry
    if compacts and COMPACT not in told:
        about = "Replace the conversation by a summary."
        told[COMPACT] = {"type": "command", "name": COMPACT, "description": about, "_meta": {META: {"own": True}}}
    return list(told.values())


def wants_compaction(prompt: object) -> bool:
    """Whether a prompt is nothing but the command to compact."""
    blocks = cast("list[object]", prompt) if isinstance(prompt, list) else []
    texts = [(as_record(block) or {}).get("text") for block in blocks]
    return len(texts) == 1 and isinstance(texts[0], str) and texts[0].strip() == f"/{COMPACT}"
