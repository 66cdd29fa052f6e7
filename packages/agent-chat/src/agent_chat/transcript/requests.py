"""A permission request as something to decide on: everything that would happen, and every way to answer."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from agent_chat.transcript.blocks import Asked, Choice
from agent_chat.transcript.cards import changes
from agent_chat.transcript.diffs import FileDiff, from_unified
from agent_chat.transcript.paths import short_path
from agent_chat.transcript.sanitize import visible
from agent_sdk_core.asking.permissions import Allow, Deny, Escalation, Permission, PermissionOption, PermissionRequest
from agent_sdk_core.messages.system import RequestResolved

_LIFTS: Final[dict[Escalation, str]] = {
    "sandbox": "the sandbox",
    "network": "the network limits",
    "permissions": "the granted permissions",
    "stdin": "types into a running program",
    "path": "the limits on paths",
}
_CHANGE_KEYS: Final = frozenset({"file_path", "path", "notebook_path", "content", "old_string", "new_string", "edits"})
_FALLBACK: Final = (
    PermissionOption("allow_once", "Allow once", Allow()),
    PermissionOption("deny", "Deny", Deny()),
    PermissionOption("deny_stop", "Deny and stop the turn", Deny(interrupt=True)),
)


def asked(request: PermissionRequest, choices: tuple[Choice, ...] = ()) -> Asked:
    """Return the request as a block."""
    command = request.input.get("command")
    diffs = _diffs(request)
    shown = {"cwd", *(("command",) if isinstance(command, str) else ()), *(_CHANGE_KEYS if diffs else ())}
    rest = {key: value for key, value in request.input.items() if key not in shown and _says_something(request, value)}
    plan = request.input.get("plan") if request.kind == "plan" else None
    return Asked(
        heading=_heading(request, len(diffs)),
        command=visible(command) if isinstance(command, str) else "",
        subject=visible(plan).strip() if isinstance(plan, str) else _arguments(rest),
        diffs=diffs,
        facts=tuple(_facts(request)),
        choices=choices,
        tool_use_id=request.tool_use_id,
    )


def answers(request: PermissionRequest) -> list[tuple[Choice, Permission]]:
    """Return the ways to answer, each with its keys; a refusal, and one that stops the turn, are always among them."""
    options = list(request.options or _FALLBACK[:1])
    refusals = [option.answer for option in options if isinstance(option.answer, Deny)]
    if not any(not answer.interrupt for answer in refusals):
        options.append(_FALLBACK[1])
    if not any(answer.interrupt for answer in refusals):
        options.append(_FALLBACK[2])
    taken: set[str] = set()
    result: list[tuple[Choice, Permission]] = []
    for number, option in enumerate(options, 1):
        letter = _letter(option.answer)
        keys = (str(number),) if letter in taken else (str(number), letter)
        taken.add(letter)
        result.append((Choice(keys, visible(option.label), visible(option.stored)), option.answer))
    return result


def answer_text(answer: Permission) -> str:
    """Return what was answered, in words."""
    match answer:
        case Allow(scope="once"):
            return "Allowed once"
        case Allow(scope="session"):
            return "Allowed for this session"
        case Allow():
            return "Allowed always"
        case Deny(interrupt=True):
            return "Denied, and the turn stops"
        case Deny():
            return "Denied"


def outcome_told(message: RequestResolved) -> str:
    """Return how a request ended, as a person is told: "expired" where it was refused because nobody had answered."""
    unanswered = message.by in ("close", "deadline") and message.outcome in ("denied", "declined")
    return "expired" if unanswered else message.outcome


def was_denied(message: RequestResolved) -> bool:
    """Whether what was asked about was denied: what the end of a session refuses on its way has only stopped."""
    return message.outcome == "denied" and message.by != "close"


def summary(request: PermissionRequest) -> str:
    """Return the request in a line, for notices."""
    command = request.input.get("command")
    what = command if isinstance(command, str) else request.input.get("file_path")
    line = " ".join(visible(f"{request.tool_name} {what if isinstance(what, str) else ''}").split())
    return line if len(line) <= 100 else f"{line[:99]}…"


def _letter(answer: Permission) -> str:
    match answer:
        case Allow(scope="once"):
            return "y"
        case Allow(scope="session"):
            return "s"
        case Allow():
            return "a"
        case Deny(interrupt=True):
            return "x"
        case Deny():
            return "n"


def _heading(request: PermissionRequest, files: int) -> str:
    who = "A sub-agent" if request.parent_tool_use_id else "The agent"
    match request.kind:
        case "execute" if "command" in request.input:
            return f"{who} asks to run a command"
        case "edit" | "move" if files:
            return f"{who} asks to change {'a file' if files == 1 else f'{files} files'}"
        case "delete":
            return f"{who} asks to delete a file"
        case "plan":
            return f"{who} asks whether to carry out this plan"
        case _:
            return f"{who} asks to use {visible(request.tool_name)}"


def _diffs(request: PermissionRequest) -> tuple[FileDiff, ...]:
    if request.kind not in ("edit", "move", "delete"):
        return ()
    diffs = from_unified(request.diff) if request.diff else changes(request.input, visible)
    return tuple(
        FileDiff(
            short_path(visible(diff.path), request.cwd or ""),
            tuple(replace(hunk, lines=tuple(visible(line) for line in hunk.lines)) for hunk in diff.hunks),
        )
        for diff in diffs
    )


def _says_something(request: PermissionRequest, value: object) -> bool:
    """Whether an argument is worth a line: not a switch that is off, nor what the reason says already."""
    return value is not False and value is not None and (not request.reason or value != request.reason)


def _arguments(given: Mapping[str, object]) -> str:
    lines: list[str] = []
    for key, value in given.items():
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, indent=2, default=str)
        lines.append(f"{visible(key)}: {visible(text)}")
    return "\n".join(lines)


def _facts(request: PermissionRequest) -> list[tuple[str, str]]:
    cwd = request.cwd or request.input.get("cwd")
    facts = [("in", short_path(visible(cwd)))] if isinstance(cwd, str) else []
    if request.reason:
        facts.append(("reason", visible(request.reason)))
    for escalation in sorted(request.escalates):
        facts.append(("lifts", _LIFTS[escalation]))
        if escalation == "sandbox" and request.kind == "execute":
            facts[-1] = ("lifts", f"{_LIFTS[escalation]}: it runs with all your rights")
    return facts
