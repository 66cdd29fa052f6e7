"""Calls of the model that Codex makes no item of, such as a command that the sandbox refuses as it starts (0.163).

They show in what the model said and heard, `rawResponseItem/completed`, which comes for a thread that was started with
`experimentalRawEvents`: once a message, call or output, never a delta. A call that an item names is the item's.
"""

from __future__ import annotations

import re
from typing import Final

from pydantic_core import from_json

from agent_sdk_core.wire.reading import Json, as_record, optional_text_at, record_at, records_at, text_at
from agent_sdk_core.wire.recent import Recent
from codex_sdk.normalizer.items.calls import mcp_tool_name
from codex_sdk.normalizer.items.commands import command_result
from codex_sdk.normalizer.items.shapes import Outcome, ToolShape, ToolUse

RAW_CALL: Final = "rawCall"
"""Type of the item that stands for such a call; Codex has none of this name."""

_CALLS: Final = frozenset({"function_call", "custom_tool_call"})
_OUTPUTS: Final = frozenset({"function_call_output", "custom_tool_call_output"})
_COMMANDS: Final = re.compile(r"exec_command|shell(_command)?")
_TOLD_OTHERWISE: Final = re.compile(r"update_plan|write_stdin|request_user_input|exec|wait")
"""Tools without an item that are told otherwise: a checklist, a command's input, a question, code by what it calls."""

_ESCALATED: Final = "require_escalated"
_REMEMBERED: Final = 256
_RAN: Final = re.compile(r"(?:Chunk ID: .*\n)?Wall time: .*\nProcess exited with code (-?\d+)\n(?:.*\n)*?Output:\n")
"""Before the output of a command, for the model."""

_FAILED: Final = re.compile(
    r".*(?:blocked by|unsupported|fail|error|invalid|unknown|not found|reject|denied)", re.IGNORECASE
)
_BLOCKED: Final = "blocked by PreToolUse hook: "
"""What the model hears of a call that a hook or a policy refused (0.163)."""

_REFUSED: Final = re.compile(rf"{_BLOCKED}|reject|denied|not permitted|forbidden|approval|sandbox", re.IGNORECASE)


class RawCalls:
    """The calls of a thread that have no output yet.

    Args:
        kinds: The thread's items.
    """

    def __init__(self, kinds: Recent) -> None:
        self._kinds = kinds
        self._calls = Recent(_REMEMBERED)

    def take(self, item: Json) -> Json | None:
        """Take what the model said or heard; return what stands for a call that has its output and no item."""
        call_id, kind = text_at(item, "call_id"), text_at(item, "type")
        if not call_id:  # An output of no call: context, such as a goal (0.169).
            return None
        if kind in _CALLS and not _TOLD_OTHERWISE.fullmatch(text_at(item, "name")):
            self._calls.note(call_id, item)
        if kind not in _OUTPUTS or (call := self._calls.pop(call_id, None)) is None or call_id in self._kinds:
            return None
        self._kinds.note(call_id, RAW_CALL)
        return {"type": RAW_CALL, "id": call_id, "call": call, "output": item.get("output")}

    def lifts_sandbox(self, call_id: str) -> str | None:
        """Return why a call that runs now asks to leave the sandbox, in the words of the model; None if it does not."""
        arguments = _arguments(self._calls.get(call_id) or {})
        if arguments.get("sandbox_permissions") != _ESCALATED:
            return None
        return optional_text_at(arguments, "justification") or ""


def _uses(item: Json) -> list[ToolUse]:
    call = record_at(item, "call")
    name, arguments = text_at(call, "name"), _arguments(call)
    if _COMMANDS.fullmatch(name):
        command = arguments.get("cmd", arguments.get("command"))
        told: Json = {"command": command if isinstance(command, str) else text_at(call, "arguments")}
        if cwd := optional_text_at(arguments, "workdir"):
            told["cwd"] = cwd
        return [ToolUse("Bash", told)]
    if name == "apply_patch":
        return [ToolUse("Edit", {"diff": text_at(call, "input") or text_at(arguments, "input")}, "edit")]
    namespace = text_at(call, "namespace").removeprefix("mcp__")
    return [ToolUse(mcp_tool_name(namespace, name) if namespace else name or "unknown", arguments)]


def _arguments(call: Json) -> Json:
    try:
        return as_record(from_json(text_at(call, "arguments"))) or {}
    except ValueError:
        return {key: call[key] for key in ("arguments", "input") if call.get(key)}


def _outcomes(item: Json, streamed: str) -> list[Outcome]:
    del streamed
    output = text_at(item, "output") or "\n".join(text_at(entry, "text") for entry in records_at(item, "output"))
    name = text_at(record_at(item, "call"), "name")
    if not _COMMANDS.fullmatch(name):
        failed = name == "apply_patch" or _FAILED.match(output) is not None
        return [Outcome(output, failed, _BLOCKED in output)]
    ran = _RAN.match(output)
    printed, code = (output[ran.end() :], int(ran[1])) if ran else (output, None)
    # Codex makes no item of a command that ran only where it takes the failure for the sandbox's.
    declined = bool(code) if ran else _REFUSED.search(output) is not None
    content = printed if not code else f"{printed.rstrip()}\nExit code {code}".lstrip()
    return [Outcome(content, code != 0, declined, command_result(printed, exit_code=code))]


RAW_SHAPE: Final = ToolShape(_uses, _outcomes, opens="completed")
"""The shape of calls without an item."""
