"""What a call of a tool is called here, and what it is called with: in Claude's vocabulary where it has the word.

Agents tell little of their tools: a kind, a title for people, the raw input if they like, a diff where they have one.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, cast

from pydantic_core import from_json

from acp_sdk.normalizer.mcp_names import mcp_name
from acp_sdk.normalizer.patches import diff_text, structured_patch
from acp_sdk.protocol.tool_calls import (
    ENDED_STATUSES,
    ContentItem,
    DiffItem,
    TerminalItem,
    ToolCall,
    ToolCallLocation,
    UnknownItem,
)
from agent_sdk_core.messages.kinds import ToolKind
from agent_sdk_core.wire.reading import Json, as_record

Item = ContentItem | DiffItem | TerminalItem | UnknownItem

KINDS: Final[dict[str, ToolKind]] = {
    "read": "read",
    "edit": "edit",
    "delete": "delete",
    "move": "move",
    "search": "search",
    "execute": "execute",
    "think": "think",
    "fetch": "fetch",
    "switch_mode": "plan",
}
_NAME: Final = re.compile(r"[A-Za-z_][\w.-]*")
_COMMANDS: Final = ("command", "cmd", "script")
_PATHS: Final = ("file_path", "filePath", "filepath", "path", "abs_path", "absolute_path", "file")
_OLD: Final = ("old_string", "oldString", "old_str", "oldText")
_NEW: Final = ("new_string", "newString", "new_str", "newText")
_CONTENT: Final = ("content", "file_text", "contents")
_NAMES: Final = {"read": "Read", "delete": "Delete", "move": "Move", "fetch": "WebFetch"}


@dataclass(frozen=True)
class Facts:
    """What is known of a call.

    Attributes:
        name: The tool's own name; "" if the agent did not tell.
        named: Whether the agent told the name as one, not by a title that looks like one.
        title: The latest line for people.
        kind: In the protocol's words.
        status: Likewise.
        raw_input: What it was called with, if anything was told.
        raw_output: What it gave, if anything was told.
        content: What it gave, for people.
        locations: The files that it is about.
    """

    name: str = ""
    named: bool = False
    title: str = ""
    kind: str = "other"
    status: str = "pending"
    raw_input: Any = None
    raw_output: Any = None
    content: Sequence[Item] = ()
    locations: Sequence[ToolCallLocation] = field(default_factory=tuple[ToolCallLocation, ...])

    def told(self, call: ToolCall) -> Facts:
        """Return what is known after an update; a first title that is a name is the tool's."""
        given = call.model_fields_set
        changes: dict[str, Any] = {
            key: value
            for key in ("title", "kind", "status", "name")
            if key in given and isinstance(value := getattr(call, key), str)
        }
        changes |= {key: getattr(call, key) for key in ("raw_input", "raw_output") if key in given}
        changes |= {key: getattr(call, key) or () for key in ("content", "locations") if key in given}
        if changes.get("name"):
            changes["named"] = True
        elif not self.name and not self.title and _NAME.fullmatch(changes.get("title", "")):
            changes["name"] = changes["title"]
        return replace(self, **changes)

    @property
    def diffs(self) -> list[DiffItem]:
        """The diffs that tell of both texts."""
        return [item for item in self.content if isinstance(item, DiffItem) and item.new_text is not None and item.path]

    @property
    def is_vague(self) -> bool:
        """Whether it is an edit of which nothing is known but where: Gemini CLI tells what with its end (0.61)."""
        return self.kind == "edit" and not self._input and not self.diffs

    @property
    def text(self) -> str:
        """The text that it gave, for people."""
        texts: list[str] = []
        for item in self.content:
            if isinstance(item, ContentItem):
                text = getattr(item.content, "text", None)
                texts.append(text if isinstance(text, str) else "")
        return "\n".join(text for text in texts if text)

    @property
    def command(self) -> str | None:
        """The command that it runs, where the raw input tells; the title is for people."""
        return next((text for key in _COMMANDS if (text := _command(self._input.get(key)))), None)

    @property
    def _input(self) -> Json:
        return as_record(self.raw_input) or {}

    @property
    def path(self) -> str | None:
        """The file that it is about."""
        named = next((value for key in _PATHS if isinstance(value := self._input.get(key), str) and value), None)
        return named or next((each.path for each in self.locations), None)


@dataclass(frozen=True, slots=True)
class Tool:
    """A call as messages and requests have it.

    Attributes:
        name: The tool.
        input: What it is called with.
        kind: What it does.
        surmised: Whether the command, or that it is a tool of an MCP server, is known by its title alone.
    """

    name: str
    input: Json
    kind: ToolKind
    surmised: bool = False


def tool_of(facts: Facts, servers: Sequence[str] = ()) -> Tool:
    """Return a call as messages and requests have it.

    Args:
        facts: What is known of it.
        servers: The MCP servers that the application gave to the session.
    """
    kind = KINDS.get(facts.kind, "other")
    given = as_record(facts.raw_input)
    raw: Json = dict(given) if given is not None else {} if facts.raw_input is None else {"input": facts.raw_input}
    match facts.kind:
        case "execute":
            told = facts.command
            rest = {key: value for key, value in raw.items() if key not in _COMMANDS}
            return Tool("Bash", {"command": told or facts.title, **rest}, kind, surmised=told is None)
        case "edit":
            name, edited = _edit(facts, raw)
            return Tool(name, edited, kind)
        case "read" | "delete" | "move" | "fetch":
            if facts.path is not None and facts.kind != "fetch":
                raw = {"file_path": facts.path, **{key: value for key, value in raw.items() if key not in _PATHS}}
            return Tool(_NAMES[facts.kind], raw or {"title": facts.title}, kind)
        case "other" if (name := mcp_name(facts.name, facts.title, servers)) is not None:
            return Tool(name, raw or _shown_input(facts), "mcp", surmised=not facts.named)
        case _:
            return Tool(facts.name or facts.kind or "tool", raw or {"title": facts.title}, kind)


def _shown_input(facts: Facts) -> Json:
    """Return what a call that runs, or is asked about, shows as its input: Gemini CLI tells it so (0.61)."""
    try:
        return {} if facts.status in ENDED_STATUSES else as_record(from_json(facts.text)) or {}
    except ValueError:
        return {}


def _edit(facts: Facts, raw: Json) -> tuple[str, Json]:
    diffs = facts.diffs
    if len(diffs) == 1:
        path, old, new = diffs[0].path, diffs[0].old_text, diffs[0].new_text
    elif diffs:
        changes = [{"file_path": each.path, "old_string": each.old_text, "new_string": each.new_text} for each in diffs]
        return "Edit", {"file_path": diffs[0].path, "changes": changes}
    else:
        path, old, new = facts.path, _first(raw, _OLD), _first(raw, _NEW)
        if new is None and (content := _first(raw, _CONTENT)) is not None:
            old, new = None, content
    if path is None or new is None:
        return "Edit", {**({} if path is None else {"file_path": path}), **raw} or {"title": facts.title}
    if not old:
        return "Write", {"file_path": path, "content": new}
    return "Edit", {"file_path": path, "old_string": old, "new_string": new}


def result_text(facts: Facts) -> str:
    """Return what a call gave, as text."""
    if text := facts.text:
        return text
    output = facts.raw_output
    if isinstance(output, str):
        return output
    fields = as_record(output)
    for key in ("output", "formatted_output", "stdout", "error", "message", "text"):
        if fields is not None and isinstance(value := fields.get(key), str):
            return value
    return diff_text(facts.diffs) or ""


def exit_code(facts: Facts) -> int | None:
    """Return the exit code of a command, where the agent tells."""
    return next((value for value in _exits(facts) if type(value) is int), None)


def was_stopped(facts: Facts) -> bool:
    """Tell whether a command has no exit code, where the agent tells them: it was ended, whatever its status says."""
    told = list(_exits(facts))
    return bool(told) and all(value is None for value in told)


def _exits(facts: Facts) -> Iterator[object]:
    fields = as_record(facts.raw_output) or {}
    for place in (fields, as_record(fields.get("metadata")) or {}):
        yield from (place[key] for key in ("exitCode", "exit_code", "exit") if key in place)


def outcome(facts: Facts, *, interrupted: bool) -> Json | None:
    """Return the structured outcome of a call; None: nothing is known."""
    if facts.kind == "execute":
        code = exit_code(facts)
        told: Json = {} if code is None else {"exitCode": code}
        return {"stdout": result_text(facts), "stderr": "", "interrupted": interrupted, **told}
    found: Json = {"interrupted": True} if interrupted else {}
    if (diff := diff_text(facts.diffs)) is not None:
        found["diff"] = diff
    if (hunks := structured_patch(facts.diffs, facts.raw_output, facts.locations)) is not None:
        found["structuredPatch"] = hunks
    if facts.raw_output is not None:
        found["output"] = facts.raw_output
    return found or None


def _first(fields: Json, keys: Sequence[str]) -> str | None:
    return next((value for key in keys if isinstance(value := fields.get(key), str)), None)


def _command(value: object) -> str | None:
    if isinstance(value, str):
        return value or None
    if isinstance(value, list):
        parts = cast("list[object]", value)
        return shlex.join(str(part) for part in parts) if parts else None
    return None
