"""Requests that OpenAI's Responses API refuses with a 400 before a model is asked, in words of its kind.

Only what is cheap to see in one request and easy to get wrong: schemas in strict mode, roles, and whether calls and
outputs belong together. Of strict mode it knows the documented subset of JSON Schema, not its limits of size.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, cast

from agent_sdk_testing.model.steps import HttpError

_KEYWORDS: Final = frozenset(
    {"type", "properties", "required", "additionalProperties", "items", "anyOf", "enum", "const", "$ref", "$defs"}
    | {"definitions", "title", "description", "pattern", "format", "multipleOf", "minimum", "maximum"}
    | {"exclusiveMinimum", "exclusiveMaximum", "minItems", "maxItems"}
)
_FORMATS: Final = ("date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid")
_DEFINITIONS: Final = ("$defs", "definitions")
_REFERENCE: Final = re.compile(r"#|#/(\$defs|definitions)/[^/]+")
_LOOKAROUNDS: Final = ("(?=", "(?!", "(?<=", "(?<!")
_ROLES: Final = ("assistant", "system", "developer", "user")
_CALLS: Final = {"function_call_output": "function_call", "custom_tool_call_output": "custom_tool_call"}


def refused(body: Mapping[str, Any]) -> HttpError | None:
    """Return the answer to a request that the API does not take; None where it takes it."""
    entries = _objects(body.get("input"))
    for index, entry in enumerate(entries):
        role = entry.get("role")
        if entry.get("type", "message") == "message" and role not in _ROLES:
            known = ", ".join(f"'{name}'" for name in _ROLES[:-1])
            message = f"Invalid value: '{role}'. Supported values are: {known}, and '{_ROLES[-1]}'."
            return _invalid(message, param=f"input[{index}].role", code="invalid_value")
    if not body.get("previous_response_id") and (problem := _unpaired(entries)) is not None:
        return _invalid(problem, param="input")
    answer = _object(_object(body.get("text")).get("format"))
    if answer.get("strict") is True and (problem := strict_problem(answer.get("schema"))) is not None:
        about = f"Invalid schema for response_format '{answer.get('name')}': {problem}"
        return _invalid(about, param="text.format.schema", code="invalid_json_schema")
    for index, tool in enumerate(_objects(body.get("tools"))):
        if tool.get("strict") is True and (problem := strict_problem(tool.get("parameters"))) is not None:
            about = f"Invalid schema for function '{tool.get('name')}': {problem}"
            return _invalid(about, param=f"tools[{index}].parameters", code="invalid_function_parameters")
    return None


def strict_problem(schema: object) -> str | None:
    """Return what strict mode finds wrong with a JSON Schema, in its words; None where it takes it."""
    root = _object(schema)
    if root.get("type") != "object":
        return f"schema must be a JSON Schema of 'type: \"object\"', got 'type: \"{root.get('type')}\"'."
    return next(_problems(root, root, ()), None)


def _problems(root: Mapping[str, Any], schema: object, context: tuple[str, ...]) -> Iterator[str]:
    node, where = _object(schema), f"In context={context!r}, "
    for keyword in node.keys() - _KEYWORDS:
        yield f"{where}'{keyword}' is not permitted."
    if "$ref" in node:
        yield from _reference_problems(root, node, where)
    elif "type" not in node and "anyOf" not in node:
        yield f"{where}schema must have a 'type' key."
    kinds = _list(node.get("type")) or [node.get("type")]
    if "object" in kinds:
        yield from _object_problems(node, where)
    if "array" in kinds and "items" not in node:
        yield f"{where}array schema missing items."
    if node.get("format", _FORMATS[0]) not in _FORMATS:
        yield f"{where}'{node['format']}' is not a valid format."
    if any(words in str(node.get("pattern")) for words in _LOOKAROUNDS):
        yield f"{where}'pattern' has a lookaround, which is not supported."
    for keyword in ("properties", *_DEFINITIONS):
        for name, part in _object(node.get(keyword)).items():
            yield from _problems(root, part, (*context, keyword, name))
    for index, part in enumerate(_list(node.get("anyOf"))):
        yield from _problems(root, part, (*context, "anyOf", str(index)))
    if "items" in node:
        yield from _problems(root, node["items"], (*context, "items"))


def _reference_problems(root: Mapping[str, Any], node: Mapping[str, Any], where: str) -> Iterator[str]:
    if others := node.keys() - {"$ref", *_DEFINITIONS}:
        yield f"{where}$ref cannot have keywords {set(others)!r}."
    pointer = str(node["$ref"])
    _, *path = pointer.split("/")
    if not _REFERENCE.fullmatch(pointer) or (path and path[1] not in _object(root.get(path[0]))):
        yield f"{where}reference to component '{pointer}' which was not found in the schema."


def _object_problems(node: Mapping[str, Any], where: str) -> Iterator[str]:
    properties, required = _object(node.get("properties")), _list(node.get("required"))
    if node.get("additionalProperties") is not False:
        yield f"{where}'additionalProperties' is required to be supplied and to be false."
    about = f"{where}'required' is required to be supplied and to be an array including every key in properties."
    for name in properties:
        if name not in required:
            yield f"{about} Missing '{name}'."
    for name in required:
        if name not in properties:
            yield f"{about} Extra required key '{name}' supplied."


def _unpaired(entries: Sequence[Mapping[str, Any]]) -> str | None:
    for output, call in _CALLS.items():
        name = "custom tool call" if call == "custom_tool_call" else "function call"
        # An output of no call, with a name instead, is context that codex adds from 0.169 on, such as a goal.
        called, answered = (
            {str(entry.get("call_id")) for entry in entries if entry.get("type") == kind and not _is_context(entry)}
            for kind in (call, output)
        )
        if alone := answered - called:
            return f"No tool call found for {name} output with call_id {min(alone)}."
        if alone := called - answered:
            return f"No tool output found for {name} {min(alone)}."
    return None


def _is_context(entry: Mapping[str, Any]) -> bool:
    return "call_id" not in entry and "name" in entry and "output" in entry


def _invalid(message: str, **fields: str) -> HttpError:
    return HttpError(400, message, "invalid_request_error", fields=fields)


def _object(value: object) -> Mapping[str, Any]:
    return cast("Mapping[str, Any]", value) if isinstance(value, Mapping) else {}


def _list(value: object) -> list[Any]:
    return cast("list[Any]", value) if isinstance(value, list) else []


def _objects(value: object) -> list[Mapping[str, Any]]:
    return [cast("Mapping[str, Any]", entry) for entry in _list(value) if isinstance(entry, dict)]
