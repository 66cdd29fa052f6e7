"""The vocabulary of scripts: the functions with which a test says what a model says, and what goes wrong meanwhile."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from agent_sdk_testing.model.steps import (
    UNNAMED_ERROR,
    Call,
    Chunk,
    Custom,
    Delay,
    Disconnect,
    Event,
    Failed,
    HttpError,
    Incomplete,
    Item,
    JsonValue,
    Malformed,
    Phase,
    Reasoning,
    Stall,
    Text,
)


def text(*chunks: Chunk, phase: Phase | None = None) -> Text:
    """Say text, one delta for each chunk; a `Gate` or `delay` may stand between the chunks.

    Texts that follow each other, with nothing but gates, delays and malformed data between them, stream one message. A
    text with a `phase` starts a message of its own.
    """
    return Text(chunks, phase)


def deltas(count: int, chunk: str = "abcde") -> Text:
    """Say the same chunk `count` times, one delta each: a long stream that is cheap to make."""
    return Text([chunk] * count)


def reasoning(*chunks: Chunk, raw: str | Sequence[Chunk] = ()) -> Reasoning:
    """Reason: the chunks are the deltas of one summary part, `raw` those of the unabridged reasoning.

    Reasonings that follow each other are the parts of one item.
    """
    return Reasoning(chunks, (raw,) if isinstance(raw, str) else raw)


def call(
    name: str,
    arguments: Mapping[str, JsonValue] | str | None = None,
    /,
    *,
    call_id: str | None = None,
    namespace: str | None = None,
    **named: JsonValue,
) -> Call:
    """Call a tool that takes JSON arguments: ``call("exec_command", cmd="ls")``.

    `arguments` holds the ones whose names are not Python's to write, or a string that is sent as it is, valid or not.
    Calls that follow each other are made in parallel.

    Raises:
        ValueError: a string is given together with named arguments.
    """
    if isinstance(arguments, str):
        if named:
            raise ValueError("arguments given as a string are sent as they are; add the named ones to the string")
        return Call(name, arguments, call_id, namespace)
    return Call(name, json.dumps({**(arguments or {}), **named}), call_id, namespace)


def custom(name: str, text: str, /, *, call_id: str | None = None) -> Custom:
    """Call a tool that takes free text, such as Codex's ``apply_patch``."""
    return Custom(name, text, call_id)


def item(kind: str, /, **fields: JsonValue) -> Item:
    """Send an output item of a kind that has no step here, such as ``item("web_search_call", action={…})``."""
    return Item({"type": kind, **fields})


def event(kind: str, /, **fields: JsonValue) -> Event:
    """Send a stream event of a kind that has no step here."""
    return Event({"type": kind, **fields})


def malformed(data: bytes | str | None = None) -> Malformed:
    """Put bytes on the stream as they are; by default an event of the protocol whose JSON is cut off."""
    return Malformed(data.encode() if isinstance(data, str) else data)


def delay(seconds: float) -> Delay:
    """Pause the stream. Where a test can know the moment, a `Gate` is better."""
    return Delay(seconds)


def disconnect(*, clean: bool = False) -> Disconnect:
    """Drop the connection in mid-stream; `clean` ends the HTTP body properly, but without the last event."""
    return Disconnect(clean)


def stall() -> Stall:
    """Say nothing more, and keep the connection open."""
    return Stall()


def failed(code: str, message: str = "The model failed, as scripted.") -> Failed:
    """End the response as failed, such as ``failed("context_length_exceeded")``."""
    return Failed(code, message)


def incomplete(reason: str = "max_output_tokens") -> Incomplete:
    """End the response as cut off."""
    return Incomplete(reason)


def http_error(
    status: int,
    message: str = "The request failed, as scripted.",
    /,
    *,
    kind: str = UNNAMED_ERROR,
    body: str | None = None,
    **fields: JsonValue,
) -> HttpError:
    """Answer with an HTTP error.

    `kind` is the error's type, such as ``usage_limit_reached``; `fields` are added to the error object, and `body`
    replaces all of it.
    """
    return HttpError(status, message, kind, fields, body)
