"""Tool calls as the protocol shows them: title, kind, places, content; of any tool, by what it does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from agent_chat.acp.converting.changes import Change, absolute, changes_of, happened
from agent_chat.transcript.cards import ToolUse, open_card
from agent_chat.transcript.sanitize import clean
from agent_sdk_core.messages.blocks import DocumentBlock, ImageBlock, TextBlock, ToolResultBlock
from agent_sdk_core.messages.kinds import ToolKind
from agent_sdk_core.wire.reading import as_record

KINDS: Final[Mapping[ToolKind, str]] = {
    "execute": "execute",
    "read": "read",
    "edit": "edit",
    "delete": "delete",
    "move": "move",
    "search": "search",
    "fetch": "fetch",
    "think": "think",
    "ask": "other",
    "plan": "switch_mode",
    "agent": "think",
    "mcp": "other",
    "other": "other",
}
"""The protocol's word for each kind of ours."""

META: Final = "agentSdk"
"""The key of `_meta` under which everything stands that the protocol has no word for."""

TITLE_LIMIT: Final = 300
OUTPUT_LIMIT: Final = 1_000_000
"""Characters of a tool's output that a client is sent; the chat keeps all of it."""

_FENCED: Final = frozenset({"execute", "read", "search"})
"""Kinds whose output is plain text, not Markdown."""

_EDITS: Final = frozenset({"edit", "delete", "move"})


@dataclass(slots=True)
class OpenCall:
    """A tool call that was told, and has no result yet.

    Attributes:
        id: Its id.
        kind: What the tool does.
        changes: What it would change.
        is_command: Whether it runs a command line, whose output streams.
        output: What was told of its output.
    """

    id: str
    kind: ToolKind
    changes: tuple[Change, ...] = ()
    is_command: bool = False
    output: list[str] = field(default_factory=list[str])


def opened(use: ToolUse, cwd: str, parent: str | None) -> tuple[OpenCall, list[dict[str, Any]]]:
    """Return a call that begins, and the updates that tell of it."""
    given: Mapping[str, object] = use.input
    kind = use.kind
    changes = changes_of(kind, use.name, given, cwd) if kind in _EDITS else ()
    command = given.get("command")
    call = OpenCall(use.id, kind, changes, kind == "execute" and isinstance(command, str))
    update: dict[str, Any] = {
        "sessionUpdate": "tool_call_update",
        "toolCallId": use.id,
        "name": use.name,
        "title": title_of(use, cwd),
        "kind": KINDS[kind],
        "status": "in_progress",
        "rawInput": dict(given),
    }
    if places := locations(given, cwd):
        update["locations"] = places
    content: list[dict[str, Any]] = [change.to_wire() for change in changes]
    updates = [update]
    if call.is_command:
        folder = given.get("cwd")
        where = absolute(folder, cwd) if isinstance(folder, str) else cwd
        updates.insert(0, {"sessionUpdate": "terminal_update", "terminalId": use.id, "command": command, "cwd": where})
        content.append({"type": "terminal", "terminalId": use.id})
    elif kind == "plan" and isinstance(plan := given.get("plan"), str):
        content.append(markdown(clean(plan)))
    if content:
        update["content"] = content
    if parent is not None:
        update["_meta"] = {META: {"parentToolCallId": parent}}
    return call, updates


def closed(call: OpenCall, result: ToolResultBlock, details: object, *, declined: bool) -> list[dict[str, Any]]:
    """Return the updates that end a call.

    Args:
        call: The call.
        result: The tool's result.
        details: `tool_use_result` of its message, if any.
        declined: Whether it was refused.
    """
    facts = as_record(details) or {}
    failed = bool(result.is_error)
    status = "cancelled" if declined or facts.get("interrupted") is True else "failed" if failed else "completed"
    update: dict[str, Any] = {"sessionUpdate": "tool_call_update", "toolCallId": call.id, "status": status}
    output = _shortened(clean(result.text))
    raw: dict[str, object] = {"output": output} if output else {}
    if isinstance(code := facts.get("exitCode"), int):
        raw["exitCode"] = code
    if raw:
        update["rawOutput"] = raw
    if call.is_command:
        ended: dict[str, Any] = {"sessionUpdate": "terminal_update", "terminalId": call.id, "output": output}
        if status != "cancelled" or output:
            ended["exitStatus"] = {"exitCode": code if isinstance(code, int) else 1 if failed else 0}
        else:
            ended["exitStatus"] = {"exitCode": None}
        return [ended, update]
    if call.kind in _EDITS and call.changes and not failed:
        update["content"] = [change.to_wire() for change in happened(call.changes, facts)]
    elif content := _content(call, result, output, failed=failed or declined):
        update["content"] = content
    return [update]


def title_of(use: ToolUse, cwd: str) -> str:
    """Return what a call is called: its command, or what the tool does to what."""
    card = open_card(use, cwd=cwd)
    title = " ".join((card.command or f"{card.title} {card.subject}").split())
    title = title or use.name or "Tool"
    return title if len(title) <= TITLE_LIMIT else f"{title[: TITLE_LIMIT - 1]}…"


def locations(given: Mapping[str, object], cwd: str) -> list[dict[str, Any]]:
    """Return the places in files that a call is about."""
    found: list[dict[str, Any]] = []
    for key in ("file_path", "notebook_path", "path", "new_path"):
        path = given.get(key)
        if isinstance(path, str) and path:
            place: dict[str, Any] = {"path": absolute(path, cwd)}
            line = given.get("offset")
            if key == "file_path" and type(line) is int and line > 0:
                place["line"] = line
            found.append(place)
    return found


def markdown(text: str) -> dict[str, Any]:
    """Return text as content of a tool call."""
    return {"type": "content", "content": {"type": "text", "text": text}}


def fenced(text: str) -> dict[str, Any]:
    """Return plain text as content of a tool call, which a client renders as Markdown."""
    fence = "```"
    while fence in text:
        fence += "`"
    return markdown(f"{fence}\n{text}\n{fence}")


def image(block: ImageBlock | DocumentBlock) -> dict[str, Any] | None:
    """Return an image as a content block; None for one that is not there to be sent."""
    data, kind = block.source.get("data"), block.source.get("media_type")
    if isinstance(block, ImageBlock) and isinstance(data, str) and isinstance(kind, str):
        return {"type": "image", "data": data, "mimeType": kind}
    return None


def _content(call: OpenCall, result: ToolResultBlock, output: str, *, failed: bool) -> list[dict[str, Any]]:
    shown: list[dict[str, Any]] = [change.to_wire() for change in call.changes]
    if output:
        shown.append(fenced(output) if call.kind in _FENCED or failed else markdown(output))
    for block in result.content if isinstance(result.content, list) else ():
        if isinstance(block, ImageBlock | DocumentBlock) and (picture := image(block)) is not None:
            shown.append({"type": "content", "content": picture})
        elif not isinstance(block, TextBlock | ImageBlock):
            shown.append(markdown(f"[{block.type}]"))
    return shown


def _shortened(text: str) -> str:
    text = text.strip("\n")
    return text if len(text) <= OUTPUT_LIMIT else f"{text[:OUTPUT_LIMIT]}\n… {len(text) - OUTPUT_LIMIT} more characters"
