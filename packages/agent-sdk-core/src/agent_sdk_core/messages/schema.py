"""The message contract as JSON Schema, for consumers in other languages and for the tests' own validation."""

from __future__ import annotations

from typing import Any, Final

from pydantic.json_schema import GenerateJsonSchema, models_json_schema

from agent_sdk_core.messages import blocks, conversation
from agent_sdk_core.messages.parse import MESSAGE_TYPES, SYSTEM_SUBTYPES

_ID: Final = "sdk_message.schema.json"


def export_json_schemas() -> dict[str, dict[str, Any]]:
    """Return file name to JSON Schema (2020-12): any message validates against exactly one branch of the root."""
    classes = {cls.__name__: cls for cls in (*MESSAGE_TYPES.values(), *SYSTEM_SUBTYPES.values())}
    classes["UnknownMessage"] = conversation.UnknownMessage
    _, bundle = models_json_schema(
        [(cls, "validation") for _, cls in sorted(classes.items())], by_alias=True, ref_template="#/$defs/{model}"
    )
    defs: dict[str, Any] = bundle["$defs"]
    _exclude_known(defs["UnknownBlock"], "type", sorted(blocks.KNOWN_BLOCKS))
    _exclude_known(defs["UnknownMessage"], "type", sorted(MESSAGE_TYPES))
    _exclude_known(defs["SystemMessage"], "subtype", sorted(SYSTEM_SUBTYPES))
    for name in classes:
        required: list[str] = defs[name].setdefault("required", [])
        discriminators = ["type", "subtype"] if "subtype" in defs[name]["properties"] else ["type"]
        required.extend(key for key in discriminators if key not in required)
    root = {
        "$schema": GenerateJsonSchema.schema_dialect,
        "title": "SDKMessage",
        "oneOf": [{"$ref": f"#/$defs/{name}"} for name in sorted(classes)],
        "$defs": dict(sorted(defs.items())),
    }
    return {_ID: root}


def _exclude_known(schema: dict[str, Any], key: str, known: list[str]) -> None:
    """Make the catch-all branch exclude what has a branch of its own, so that a malformed message matches none."""
    schema["properties"][key] = {"type": "string", "not": {"enum": known}}
