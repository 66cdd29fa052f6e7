"""A stored line as the frame that the agent wrote on stdout when it happened; pure.

Stored and live share their uuids. What only the stored line knows, or only the live frame, differs: a stored assistant
message has its final `usage` and `stop_reason`; `user_message_uuids` and the seconds of a run are live only.
"""

from __future__ import annotations

import re
from typing import Final, assert_never

from agent_sdk_core.records import dataclass
from agent_sdk_core.wire.reading import Json, record_of, records_of, text_of
from claude_sdk.store.transcript.entries import EntryKind, printed

_ASSISTANT_FIELDS: Final = {
    "error": "error",
    "requestId": "request_id",
    "thinkingDurationMs": "thinking_duration_ms",
    "thinkingDisplay": "thinking_display",
    "isAbortedMidStream": "aborted",
    "isApiErrorMessage": "is_api_error_message",
    "apiErrorStatus": "api_error_status",
    "apiErrorType": "api_error_type",
    "apiError": "api_error",
}
_NOT_TOLD: Final = frozenset({"preCompactOrganizationsCoverStart"})
_HUMP: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


@dataclass(frozen=True, slots=True)
class Agent:
    """A sub-agent, as the agent's own note beside its file tells.

    Attributes:
        agent_id: Its id, part of its file's name.
        tool_use_id: The tool use that started it.
        agent_type: What kind it is.
        description: What it was started for.
        background: Whether it was started in the background; its prompt is then not told live.
    """

    agent_id: str
    tool_use_id: str
    agent_type: str | None = None
    description: str | None = None
    background: bool = False


def frame_of(line: Json, kind: EntryKind, session_id: str, agent: Agent | None = None) -> Json | None:
    """Return the frame of a stored line, or None for one that is not told.

    Args:
        line: The line.
        kind: What `kind_of` says of it.
        session_id: The session that it is read for.
        agent: The sub-agent whose line it is; absent on the main thread.
    """
    match kind:
        case "hidden" | "notice":
            return None
        case "boundary":
            return None if agent else _boundary(line, session_id)
        case "steered":
            return _steered(line, session_id, agent)
        case "output":
            return _output(line, session_id)
        case "assistant":
            extra = {name: line[key] for key, name in _ASSISTANT_FIELDS.items() if key in line}
            return _frame(line, "assistant", line.get("message"), session_id, agent) | extra
        case "prompt" if agent:
            if agent.background and line.get("parentUuid") is None:
                return None
            return _frame(line, "user", _in_blocks(line), session_id, agent)
        case "prompt" | "echo":
            origin = {"origin": line["origin"]} if "origin" in line else {}
            return _frame(line, "user", line.get("message"), session_id, agent) | {"isReplay": True} | origin
        case "synthetic":
            return _synthetic(line, session_id, agent)
        case "interruption":
            return _frame(line, "user", line.get("message"), session_id, agent)
        case "results":
            return _results(line, session_id, agent)
        case _:
            assert_never(kind)


def _frame(line: Json, kind: str, message: object, session_id: str, agent: Agent | None) -> Json:
    frame: Json = {"type": kind, "message": message, "parent_tool_use_id": agent.tool_use_id if agent else None}
    frame |= {"session_id": session_id, "uuid": line.get("uuid")}
    if "timestamp" in line:
        frame["timestamp"] = line["timestamp"]
    if agent:
        told = {
            "agent_id": agent.agent_id,
            "subagent_type": agent.agent_type,
            "task_description": agent.description,
        }
        frame |= {key: value for key, value in told.items() if value is not None}
    return frame


def _in_blocks(line: Json) -> Json:
    """Return a user line's message with its text as a block, as the agent tells what nobody typed."""
    message = record_of(line.get("message"))
    content = message.get("content")
    return {**message, "content": [{"type": "text", "text": content}]} if isinstance(content, str) else message


def _synthetic(line: Json, session_id: str, agent: Agent | None) -> Json:
    if line.get("isCompactSummary") is True:
        frame = _frame(line, "user", line.get("message"), session_id, agent)
        return frame | {"isReplay": False, "isSynthetic": True}
    return _frame(line, "user", _in_blocks(line), session_id, agent) | {"isSynthetic": True}


def _results(line: Json, session_id: str, agent: Agent | None) -> Json:
    frame = _frame(line, "user", line.get("message"), session_id, agent)
    if "toolUseResult" in line:
        frame["tool_use_result"] = line["toolUseResult"]
    meta: Json = {}
    if denial := text_of(line.get("toolDenialKind")):
        meta["non_execution_kind"] = denial
    if decided := record_of(line.get("permissionDecision")):
        names = {"decision": "decision", "source": "source", "reasonType": "reason_type"}
        meta["permission_decision"] = {name: decided[key] for key, name in names.items() if key in decided}
    if meta:
        blocks = records_of(record_of(line.get("message")).get("content"))
        frame["tool_result_meta"] = [{"id": block["tool_use_id"], **meta} for block in blocks if "tool_use_id" in block]
    return frame


def _steered(line: Json, session_id: str, agent: Agent | None) -> Json:
    """Return the prompt that joined a running turn; it keeps the uuid that it was sent with."""
    attachment = record_of(line.get("attachment"))
    message = {"role": "user", "content": attachment.get("prompt")}
    frame = _frame(line, "user", message, session_id, agent) | {"uuid": attachment.get("source_uuid"), "isReplay": True}
    if origin := record_of(attachment.get("origin")):
        run = {"runId": attachment["runId"]} if "runId" in attachment else {}
        frame["origin"] = origin | run
    return frame


def _output(line: Json, session_id: str) -> Json:
    """Return what a command such as /context printed, which the agent tells as its own words."""
    content = [{"type": "text", "text": printed(line)}]
    message = {"id": line.get("uuid"), "type": "message", "model": "<synthetic>", "role": "assistant"}
    frame = _frame(line, "assistant", {**message, "content": content, "stop_reason": "end_turn"}, session_id, None)
    extra = {"content": "local_command_source", "contextUsage": "context_usage", "commandRun": "local_command_run"}
    return frame | {name: line[key] for key, name in extra.items() if key in line}


def _boundary(line: Json, session_id: str) -> Json:
    frame: Json = {
        "type": "system",
        "subtype": "compact_boundary",
        "session_id": session_id,
        "uuid": line.get("uuid"),
        "compact_metadata": _snake(record_of(line.get("compactMetadata"))),
    }
    if parent := text_of(line.get("logicalParentUuid")):
        frame["logical_parent_uuid"] = parent
    return frame


def _snake(members: Json) -> Json:
    """Return an object with its keys, and those of the objects in it, spelled as on the wire."""
    told = ((key, value) for key, value in members.items() if key not in _NOT_TOLD)
    return {_HUMP.sub("_", key).lower(): _snake(inner) if (inner := record_of(value)) else value for key, value in told}
