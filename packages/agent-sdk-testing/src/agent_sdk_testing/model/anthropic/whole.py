"""Encodes a script as the one JSON answer of the Anthropic Messages API, for a request that asks for no stream."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Sequence
from typing import Any, TypeAlias

from agent_sdk_testing.model.anthropic import stream as messages
from agent_sdk_testing.model.http_server import StreamPart
from agent_sdk_testing.model.steps import Disconnect, Event, Malformed, Stall, Step, Tokens

JsonObject: TypeAlias = dict[str, Any]

_PIECES = {"text_delta": "text", "thinking_delta": "thinking", "signature_delta": "signature"}
"""By the kind of a delta: the key of its piece, which is that of the block too."""


def encode(steps: Sequence[Step], *, number: int, model: str, usage: Tokens) -> Iterator[StreamPart]:
    """Return the pauses of the script, and the body at the end; what only a stream can hold is left out.

    Raises:
        ValueError: there is a step among them that this API has no form for.
    """
    sendable = [step for step in steps if not isinstance(step, Event | Malformed)]
    return _assemble(messages.encode(sendable, number=number, model=model, usage=usage))


def _assemble(parts: Iterator[StreamPart]) -> Iterator[StreamPart]:
    message: JsonObject = {}
    cut = False
    for part in parts:
        if isinstance(part, bytes):
            message = _add(message, json.loads(part.partition(b"data: ")[2]))
        else:
            cut = isinstance(part, Disconnect | Stall)
            yield part
    if not cut:
        yield json.dumps(message).encode()


def _add(message: JsonObject, event: JsonObject) -> JsonObject:
    """Return the message with what an event tells of it."""
    match event["type"]:
        case "message_start":
            return event["message"]
        case "error":
            return event
        case "content_block_start":
            message["content"].append(event["content_block"])
        case "content_block_delta":
            _extend(message["content"][event["index"]], event["delta"])
        case "content_block_stop":
            _close(message["content"][event["index"]])
        case "message_delta":
            message |= event["delta"]
            message["usage"] |= event["usage"]
        case _:
            pass
    return message


def _extend(block: JsonObject, delta: JsonObject) -> None:
    if (key := _PIECES.get(delta["type"])) is not None:
        block[key] += delta[key]
    else:
        block["input"] = (block["input"] or "") + delta["partial_json"]


def _close(block: JsonObject) -> None:
    if isinstance(block.get("input"), str):
        # The script may have given arguments that are no JSON, and those are what it wants to see sent.
        with contextlib.suppress(ValueError):
            block["input"] = json.loads(block["input"])
