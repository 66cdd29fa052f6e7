"""Commands: a commandExecution item as a Bash tool use."""

from __future__ import annotations

import re
import shlex
from typing import Final

from agent_sdk_core.messages.kinds import ToolKind
from agent_sdk_core.wire.reading import Json, integer_at, optional_text_at, records_at, text_at
from codex_sdk.normalizer.items.shapes import Outcome, ToolShape, ToolUse, status

_WRAPPER: Final = re.compile(r"(?:\S*/)?(?:ba|z|da|k)?sh -l?c ")
_REFUSED: Final = re.compile(r": Read-only file system$")
"""How a command ends that the sandbox refused after a while; of one refused at once there is no item (0.163)."""

_KILLED: Final = 128 + 9

_SEARCHES: Final = frozenset({"search", "listFiles"})


def script(command: str) -> str:
    """Return a command without the shell that Codex wraps around it, `/bin/bash -lc '…'`.

    A command that is no such wrapper, or that cannot be unquoted, is returned as it is.
    """
    if not _WRAPPER.match(command):
        return command
    try:
        words = shlex.split(command)
    except ValueError:
        return command
    return words[2] if len(words) == 3 else command


def command_kind(item: Json) -> ToolKind | None:
    """Return what a command does, where Codex recognized every part of it as reading or searching."""
    kinds = {text_at(action, "type") for action in records_at(item, "commandActions")}
    if kinds == {"read"}:
        return "read"
    if kinds and kinds <= _SEARCHES:
        return "search"
    return None


def _uses(item: Json) -> list[ToolUse]:
    arguments: Json = {"command": script(text_at(item, "command"))}
    if cwd := optional_text_at(item, "cwd"):
        arguments["cwd"] = cwd
    return [ToolUse("Bash", arguments, command_kind(item))]


def _outcomes(item: Json, streamed: str) -> list[Outcome]:
    output = optional_text_at(item, "aggregatedOutput")
    output = streamed if output is None else output
    code, state = integer_at(item, "exitCode"), status(item)
    if state == "failed" and _was_ended(item):
        cut = command_result(output, interrupted=True, duration_ms=integer_at(item, "durationMs"))
        return [Outcome(_with_note(output, "Interrupted before it finished."), True, False, cut)]
    result = command_result(output, exit_code=code, duration_ms=integer_at(item, "durationMs"))
    if state == "declined":
        return [Outcome(_with_note(output, "The command was declined."), True, True, result)]
    if state == "failed":
        note = "The command failed." if code is None else f"Exit code {code}"
        refused = bool(code) and _REFUSED.search(output.rstrip()) is not None
        return [Outcome(_with_note(output, note), True, refused, result)]
    return [Outcome(output, bool(code), False, result)]


def _was_ended(item: Json) -> bool:
    """Tell whether Codex ended a command, as an interrupt, the close of a session or `stop_task` ask it to.

    One that could not be started has the same exit code, and no process (0.163).
    """
    ran = optional_text_at(item, "processId") is not None or bool(integer_at(item, "durationMs"))
    return ran and integer_at(item, "exitCode") == -1


def cut_off(item: Json) -> Json:
    """Return the command of an interrupted turn as Codex tells one that it ended.

    Of one whose process was gone before Codex had noted that it ends it, it tells the code of the shell, 128 and the
    signal (0.163).
    """
    killed = text_at(item, "type") == "commandExecution" and integer_at(item, "exitCode") == _KILLED
    return {**item, "exitCode": -1} if killed and status(item) == "failed" else item


def command_result(
    output: str, *, exit_code: int | None = None, interrupted: bool = False, duration_ms: int | None = None
) -> Json:
    """Return the structured outcome of a command; Codex does not tell stderr apart."""
    return {
        "stdout": output,
        "stderr": "",
        "exitCode": exit_code,
        "interrupted": interrupted,
        "durationMs": duration_ms,
    }


def _with_note(output: str, note: str) -> str:
    return f"{output.rstrip()}\n{note}" if output.strip() else note


COMMAND: Final = ToolShape(_uses, _outcomes, runs_on=True)
"""The shape of commandExecution items."""
