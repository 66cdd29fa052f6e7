"""Shows a stream of messages so that a person can review it: a line a message, sub-agents indented."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any, Final, cast

from agent_sdk_core.messages.parse import SDKMessage

Wire = dict[str, Any]

_IDENTITY: Final = frozenset({"type", "subtype", "uuid", "session_id", "parent_tool_use_id", "api_message_id"})
_LONGEST: Final = 300


def flow_lines(messages: Iterable[SDKMessage]) -> Iterator[str]:
    """Return the lines of a flow; messages of a second session say which."""
    levels: dict[str, int] = {}
    first: str | None = None
    for message in messages:
        wire = message.to_wire()
        parent, session = wire.get("parent_tool_use_id"), wire.get("session_id")
        level = 0 if parent is None else levels.get(parent, 0) + 1
        if wire["type"] == "assistant":
            for block in wire["message"]["content"]:
                levels.setdefault(str(block.get("id")), level)
        first = first or session
        other = "" if session == first else f"({session}) "
        made = " *" if message.source is not None and message.source.synthetic else ""
        yield "    " * level + other + _line(wire) + made


def flow_text(messages: Iterable[SDKMessage]) -> str:
    """Return a flow as the text of its snapshot; what ends with an asterisk is ours, not the agent's."""
    return "".join(f"{line}\n" for line in flow_lines(messages))


def _line(wire: Wire) -> str:
    match wire["type"]:
        case "stream_event":
            return "~ " + _event(wire)
        case "assistant":
            message = wire["message"]
            extra = {key: value for key, value in wire.items() if key not in _IDENTITY | {"message"}}
            return " ".join(["assistant", str(message["id"]), *map(_block, message["content"]), *_fields(extra)])
        case "user":
            content = wire["message"]["content"]
            extra = {key: value for key, value in wire.items() if key not in _IDENTITY | {"message"}}
            blocks = [_text(content)] if isinstance(content, str) else map(_block, content)
            return " ".join(["user", *blocks, *_fields(extra)])
        case "system":
            return " ".join([f"system/{wire['subtype']}", *_fields(wire)])
        case "result":
            return " ".join([f"result/{wire['subtype']}", *_fields(wire)])
        case other:
            return " ".join([str(other), *_fields(wire)])


def _event(wire: Wire) -> str:
    event = wire["event"]
    where = f"{wire['api_message_id']}[{event['index']}]" if "index" in event else wire["api_message_id"]
    delta = event.get("delta")
    if event["type"] == "content_block_delta":
        told = delta.get("text") or delta.get("thinking") or delta.get("partial_json") or ""
        return f"{where} {delta['type']} {_text(told)}"
    if event["type"] == "content_block_start":
        return f"{where} start {event['content_block']['type']}"
    names = {"message_start": "begin", "content_block_stop": "stop", "message_delta": "delta", "message_stop": "end"}
    return f"{where} {names.get(event['type'], event['type'])}"


def _block(block: Wire) -> str:
    match block["type"]:
        case "text" | "thinking":
            return f"{block['type']} {_text(block[block['type']])}"
        case "tool_use":
            kind = f" ({block['kind']})" if "kind" in block else ""
            return f"tool_use {block['name']}{kind} {block['id']} {_json(block['input'])}"
        case "tool_result":
            how = "ERROR" if block.get("is_error") else "ok"
            content = block["content"]
            told = _text(content) if isinstance(content, str) else " ".join(map(_block, content))
            return f"tool_result {block['tool_use_id']} {how} {told}"
        case other:
            return f"{other} {_json({key: value for key, value in block.items() if key != 'type'})}"


def _fields(wire: Wire) -> list[str]:
    return [f"{key}={_json(_brief(value))}" for key, value in wire.items() if key not in _IDENTITY]


def _brief(value: object) -> object:
    """Leave out the token counts that are zero."""
    if not isinstance(value, dict):
        return value
    members = cast("Wire", value).items()
    return {key: _brief(member) for key, member in members if not ("oken" in key and member == 0)}


def _text(text: str) -> str:
    return _json(text)


def _json(value: object) -> str:
    if isinstance(value, dict) and not value:
        return "{}"
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…({len(text)})"
