"""Tool uses as cards: what a tool is about, read from its kind and its input, never from an agent's name for it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Final, Literal, cast

from agent_chat.transcript.blocks import Card, CardState, Step
from agent_chat.transcript.diffs import FileDiff, from_structured, from_texts, from_unified
from agent_chat.transcript.paths import short_path
from agent_chat.transcript.sanitize import clean, clean_line
from agent_sdk_core.messages.blocks import ServerToolUseBlock, TextBlock, ToolResultBlock, ToolUseBlock
from agent_sdk_core.messages.kinds import ToolKind

_SUBJECT_KEYS: Final = (
    "file_path",
    "path",
    "notebook_path",
    "pattern",
    "query",
    "url",
    "description",
    "prompt",
    "question",
)
_CHANGES: Final[frozenset[ToolKind]] = frozenset({"edit", "delete", "move"})
_QUIET: Final[frozenset[ToolKind]] = frozenset({"read", "search", "fetch", "think", "plan", "ask", *_CHANGES})
_MAX_ARGUMENTS: Final = 200

ToolUse = ToolUseBlock | ServerToolUseBlock


def open_card(use: ToolUse, *, cwd: str = "", nested: bool = False) -> Card:
    """Return the card of a tool that was just called; paths are shown relative to `cwd`."""
    given: Mapping[str, object] = use.input
    return Card(
        id=use.id,
        title="" if _text(given, "command") else _title(use),
        subject=_subject(use, cwd),
        command=clean(_text(given, "command")).strip(),
        diffs=changes(given) if use.kind in _CHANGES else (),
        steps=tuple(_steps(given.get("todos"))),
        text=clean(_text(given, "plan")),
        shows_output=use.kind not in _QUIET,
        nested=nested,
    )


def close_card(card: Card, result: ToolResultBlock, details: object, *, declined: bool) -> Card:
    """Return the card with its outcome.

    Args:
        card: The open card.
        result: The tool's result.
        details: `tool_use_result` of the message, if any.
        declined: Whether the tool was refused.
    """
    facts: Mapping[str, object] = cast("Mapping[str, object]", details) if isinstance(details, dict) else {}
    exit_code, duration = facts.get("exitCode"), facts.get("durationMs")
    state = _state(result, facts, declined=declined)
    # What is told of a tool that was stopped is said to the model: a person reads what it had printed.
    output = _text(facts, "stdout") if state == "stopped" else _result_text(result)
    return replace(
        card,
        state=state,
        diffs=_result_changes(card, facts),
        output=clean(output).strip("\n"),
        exit_code=exit_code if isinstance(exit_code, int) else None,
        duration_ms=duration if isinstance(duration, (int, float)) else None,
    )


def changes(given: Mapping[str, object], sanitize: Callable[[str], str] = clean) -> tuple[FileDiff, ...]:
    """Return what an edit's input says of its change, as far as it does; `sanitize` treats its texts."""
    path = clean_line(_text(given, "file_path") or _text(given, "notebook_path") or _text(given, "path"))
    if isinstance(content := given.get("content"), str):
        edits = [("", content)]
    elif isinstance(several := given.get("edits"), list):
        edits = [
            _old_and_new(cast("Mapping[str, object]", edit))
            for edit in cast("list[object]", several)
            if isinstance(edit, dict)
        ]
    else:
        edits = [_old_and_new(given)]
    diff = from_texts(path, [(sanitize(old), sanitize(new)) for old, new in edits if old or new])
    return (diff,) if diff.hunks else ()


def _title(use: ToolUse) -> str:
    name = use.name
    if name.startswith("mcp__"):
        server, _, tool = name.removeprefix("mcp__").partition("__")
        return clean_line(f"{server} · {tool}" if tool else server)
    match use.kind:
        case "think":
            return "Plan"
        case "plan":
            return "Proposed plan"
        case "ask" if use.input.get("questions"):
            return "Question"
        case "agent" if name in ("Agent", "Task"):
            return "Sub-agent"
        case _:
            return clean_line(name)


def _subject(use: ToolUse, cwd: str) -> str:
    given = use.input
    if _text(given, "command") or use.kind in ("think", "plan"):
        return ""
    if use.kind in ("mcp", "other"):
        return _arguments(given)
    if questions := list(_questions(given.get("questions"))):
        return " ".join(questions)
    if use.kind == "search" and (wanted := clean_line(_text(given, "pattern") or _text(given, "query"))):
        place = short_path(clean_line(_text(given, "path")), cwd)
        return f"{wanted} in {place}" if place and place != cwd else wanted
    subject = next((short_path(clean_line(text), cwd) for key in _SUBJECT_KEYS if (text := _text(given, key))), "")
    target = short_path(clean_line(_text(given, "new_path")), cwd)
    return f"{subject} → {target}" if target else subject or _arguments(given)


def _questions(asked: object) -> Iterable[str]:
    for question in cast("list[object]", asked) if isinstance(asked, list) else []:
        if isinstance(question, dict):
            yield clean_line(_text(cast("Mapping[str, object]", question), "question"))


def _arguments(given: Mapping[str, object]) -> str:
    if not given:
        return ""
    line = clean_line(json.dumps(given, ensure_ascii=False, default=str))
    return line if len(line) <= _MAX_ARGUMENTS else line[: _MAX_ARGUMENTS - 1] + "…"


def _steps(todos: object) -> Iterable[Step]:
    for todo in cast("list[object]", todos) if isinstance(todos, list) else []:
        if not isinstance(todo, dict):
            continue
        fields = cast("Mapping[str, object]", todo)
        status = fields.get("status")
        known: Literal["pending", "in_progress", "completed"] = "pending"
        if status in ("in_progress", "completed"):
            known = status
        yield Step(clean_line(_text(fields, "content")), known)


def _state(result: ToolResultBlock, facts: Mapping[str, object], *, declined: bool) -> CardState:
    if declined:
        return "declined"
    if facts.get("interrupted") is True:
        return "stopped"
    return "failed" if result.is_error else "completed"


def _result_changes(card: Card, facts: Mapping[str, object]) -> tuple[FileDiff, ...]:
    path = card.subject.partition(" → ")[0]
    if (diff := from_structured(path, facts.get("structuredPatch"))) is not None:
        return (_clean(diff),)
    if isinstance(text := facts.get("diff"), str) and (diffs := from_unified(clean(text))):
        return diffs
    return card.diffs


def _clean(diff: FileDiff) -> FileDiff:
    hunks = (replace(hunk, lines=tuple(clean(line).replace("\n", " ") for line in hunk.lines)) for hunk in diff.hunks)
    return replace(diff, hunks=tuple(hunks))


def _result_text(result: ToolResultBlock) -> str:
    if result.content is None or isinstance(result.content, str):
        return result.content or ""
    return "\n".join(block.text if isinstance(block, TextBlock) else f"[{block.type}]" for block in result.content)


def _old_and_new(edit: Mapping[str, object]) -> tuple[str, str]:
    return _text(edit, "old_string"), _text(edit, "new_string")


def _text(fields: Mapping[str, object], key: str) -> str:
    value = fields.get(key)
    return value if isinstance(value, str) else ""
