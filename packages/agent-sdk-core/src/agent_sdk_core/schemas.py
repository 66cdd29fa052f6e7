"""JSON Schemas of what crosses processes: messages, requests, answers, values and errors, as other languages need."""

from __future__ import annotations

from typing import Any, Final, get_args

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema, models_json_schema

from agent_sdk_core.asking.permissions import Allow, Deny
from agent_sdk_core.asking.requests import AgentAnswer, AgentRequest
from agent_sdk_core.interfaces.account import Account
from agent_sdk_core.interfaces.goal import Goal
from agent_sdk_core.interfaces.mcp import McpServerStatus
from agent_sdk_core.interfaces.pages import StoredSession
from agent_sdk_core.interfaces.session import AgentCommand, BackgroundTask, InterruptReceipt, SessionInfo
from agent_sdk_core.messages import blocks, conversation
from agent_sdk_core.messages.parse import MESSAGE_TYPES, SYSTEM_SUBTYPES
from agent_sdk_core.messages.usage import SessionUsage
from agent_sdk_core.models import ChatModel
from agent_sdk_core.telemetry.metrics import Metric
from agent_sdk_core.telemetry.reporting import ErrorRecord
from agent_sdk_core.wire.error_form import CLASSES, ErrorForm
from agent_sdk_core.wire.forms import WireForm

_VALUES: Final = {
    "account": Account,
    "agent_command": AgentCommand,
    "background_task": BackgroundTask,
    "chat_model": ChatModel,
    "error_record": ErrorRecord,
    "goal": Goal,
    "interrupt_receipt": InterruptReceipt,
    "mcp_server_status": McpServerStatus,
    "metric": Metric,
    "session_info": SessionInfo,
    "session_usage": SessionUsage,
    "stored_session": StoredSession,
}
_REFERENCE: Final = "#/$defs/{model}"


def export_json_schemas() -> dict[str, dict[str, Any]]:
    """Return file name to JSON Schema (2020-12): what is valid validates against exactly one branch of the root."""
    return {
        "sdk_message.schema.json": _messages(),
        "agent_request.schema.json": _wire_forms("AgentRequest", AgentRequest),
        "pending_requests.schema.json": _list("PendingRequests", _wire_forms("AgentRequest", AgentRequest)),
        "agent_answer.schema.json": _wire_forms("AgentAnswer", AgentAnswer),
        "error.schema.json": _error(),
        **{f"{name}.schema.json": _value(cls) for name, cls in _VALUES.items()},
    }


def _messages() -> dict[str, Any]:
    classes = {cls.__name__: cls for cls in (*MESSAGE_TYPES.values(), *SYSTEM_SUBTYPES.values())}
    classes["UnknownMessage"] = conversation.UnknownMessage
    _, bundle = models_json_schema(
        [(cls, "validation") for _, cls in sorted(classes.items())], by_alias=True, ref_template=_REFERENCE
    )
    defs: dict[str, Any] = bundle["$defs"]
    _exclude_known(defs["UnknownBlock"], "type", sorted(blocks.KNOWN_BLOCKS))
    _exclude_known(defs["UnknownMessage"], "type", sorted(MESSAGE_TYPES))
    _exclude_known(defs["SystemMessage"], "subtype", sorted(SYSTEM_SUBTYPES))
    for name in classes:
        required: list[str] = defs[name].setdefault("required", [])
        discriminators = ["type", "subtype"] if "subtype" in defs[name]["properties"] else ["type"]
        required.extend(key for key in discriminators if key not in required)
    return _root("SDKMessage", sorted(classes), defs)


def _wire_forms(title: str, union: Any) -> dict[str, Any]:
    """Return the schema of what `to_wire` gives of each of these: their fields without the native ones, and a kind."""
    defs: dict[str, Any] = TypeAdapter(union).json_schema(ref_template=_REFERENCE)["$defs"]
    defs.pop("Source", None)
    for cls in (*get_args(union), Allow, Deny):
        if (schema := defs.get(cls.__name__)) is not None:
            native = {"raw", "source", "settled"}
            properties = {name: field for name, field in schema["properties"].items() if name not in native}
            for name in cls.wire_required:
                properties[name].pop("default", None)
            schema["properties"] = {"kind": {"const": cls.wire_kind}, **properties}
            schema["required"] = sorted({"kind", *cls.wire_required, *schema.get("required", ())})
    return _root(title, sorted(cls.__name__ for cls in get_args(union)), defs)


def _value(cls: type[WireForm]) -> dict[str, Any]:
    """Return the schema of what `to_wire` gives of one value, which has every field."""
    schema: dict[str, Any] = TypeAdapter(cls).json_schema(ref_template=_REFERENCE)
    schema["required"] = sorted(schema["properties"])
    return {"$schema": GenerateJsonSchema.schema_dialect, **schema}


def _error() -> dict[str, Any]:
    """Return the schema of what `error_to_wire` gives of an error."""
    schema = _value(ErrorForm)
    schema["title"] = "AgentError"
    schema["required"] = ["code", "error", "message", "retryable"]
    schema["properties"]["error"]["examples"] = sorted(CLASSES)
    return schema


def _list(title: str, of: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a list, such as what is pending in a session."""
    shared = {"$schema": of["$schema"], "$defs": of["$defs"]}
    return {**shared, "title": title, "type": "array", "items": {"oneOf": of["oneOf"]}}


def _root(title: str, branches: list[str], defs: dict[str, Any]) -> dict[str, Any]:
    return {
        "$schema": GenerateJsonSchema.schema_dialect,
        "title": title,
        "oneOf": [{"$ref": _REFERENCE.format(model=name)} for name in branches],
        "$defs": dict(sorted(defs.items())),
    }


def _exclude_known(schema: dict[str, Any], key: str, known: list[str]) -> None:
    """Make the catch-all branch exclude what has a branch of its own, so that a malformed message matches none."""
    schema["properties"][key] = {"type": "string", "not": {"enum": known}}
