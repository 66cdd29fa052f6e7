"""Encodes a script as the event stream of the Anthropic Messages API.

The events and their fields are those of the public API; `claude` 2.1.329 reads them through ``POST …/v1/messages``. Ids
come from the number of the request and the place of the content block, so that two runs of one script send the same
bytes.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal, TypeAlias

from agent_sdk_testing.model.encoding import CHUNK, NO_STREAM, ScriptEncoder, pieces
from agent_sdk_testing.model.http_server import StreamPart
from agent_sdk_testing.model.steps import (
    UNNAMED_ERROR,
    Call,
    Chunk,
    Custom,
    Failed,
    HttpError,
    Item,
    Reasoning,
    Step,
    Text,
    Tokens,
)

JsonObject: TypeAlias = dict[str, Any]

_INPUT_CHUNKS = 256
"""Deltas that a tool's input takes, at most: a client that shows each of them must not drown in a long one."""

_ERROR_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    504: "timeout_error",
    529: "overloaded_error",
}

_CODES = {
    "context_length_exceeded": "invalid_request_error",
    "insufficient_quota": "billing_error",
    "invalid_prompt": "invalid_request_error",
    "model_not_found": "not_found_error",
    "rate_limit_exceeded": "rate_limit_error",
    "server_error": "api_error",
    "server_is_overloaded": "overloaded_error",
    "unscripted_request": "invalid_request_error",
    "usage_limit_reached": "rate_limit_error",
}
"""What a script for Codex calls an error, in this API's words; its own words are sent as they are."""

_STOP_REASONS = {"content_filter": "refusal", "max_output_tokens": "max_tokens"}


def encode(steps: Sequence[Step], *, number: int, model: str, usage: Tokens) -> Iterator[StreamPart]:
    """Return the response to request `number`: bytes of whole events, and the pauses between them.

    Raises:
        ValueError: there is a step among them that this API has no form for; nothing was sent then.
    """
    for step in steps:
        match step:
            case HttpError():
                raise ValueError(NO_STREAM)
            case Custom():
                raise ValueError(
                    f"custom({step.name!r}) is for Codex: Claude has no tools that take free text, use call()"
                )
            case Call() if step.namespace is not None:
                raise ValueError(
                    f"call({step.name!r}, namespace=…) is for Codex: the name of a tool of an MCP server is "
                    "mcp__<server>__<tool>"
                )
            case _:
                pass
    return _Encoder(number, model, usage).run(steps)


def error_body(error: HttpError) -> bytes:
    """Return the JSON body of an HTTP error: ``{"type": "error", "error": {"type": "rate_limit_error", …}}``."""
    if error.body is not None:
        return error.body.encode()
    if error.kind == UNNAMED_ERROR:
        kind = _ERROR_TYPES.get(error.status, "api_error" if error.status >= 500 else "invalid_request_error")
    else:
        kind = _CODES.get(error.kind, error.kind)
    return json.dumps({"type": "error", "error": {"type": kind, "message": error.message, **error.fields}}).encode()


_BlockKind: TypeAlias = Literal["text", "thinking"]


class _Encoder(ScriptEncoder):
    malformed = b'event: content_block_delta\ndata: {"type":"content_block_delta","delta": \n\n'

    def __init__(self, number: int, model: str, usage: Tokens) -> None:
        super().__init__(number, model, usage)
        self._index = 0
        """The place of the block that is open, or else of the next one."""
        self._open: _BlockKind | None = None
        self._calls = False

    def _begin(self) -> Iterator[bytes]:
        yield self._start()
        yield self._event({"type": "ping"})

    def _failed(self, step: Failed) -> bytes:
        return self._event(
            {"type": "error", "error": {"type": _CODES.get(step.code, step.code), "message": step.message}}
        )

    def _event(self, fields: Mapping[str, Any]) -> bytes:
        return f"event: {fields['type']}\ndata: {json.dumps(fields, separators=(',', ':'))}\n\n".encode()

    def _start(self) -> bytes:
        message: JsonObject = {
            "id": f"msg_{self._number}",
            "type": "message",
            "role": "assistant",
            "model": self._model,
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": {**self._input_usage(), "output_tokens": min(1, self._usage.output), "service_tier": "standard"},
        }
        return self._event({"type": "message_start", "message": message})

    def _end(self, reason: str | None) -> Iterator[bytes]:
        yield from self._close()
        usual = "tool_use" if self._calls else "end_turn"
        stop_reason = usual if reason is None else _STOP_REASONS.get(reason, reason)
        delta = {"stop_reason": stop_reason, "stop_sequence": None}
        usage = {
            **self._input_usage(),
            "output_tokens": self._usage.output,
            "output_tokens_details": {"thinking_tokens": self._usage.reasoning},
        }
        yield self._event({"type": "message_delta", "delta": delta, "usage": usage})
        yield self._event({"type": "message_stop"})

    def _input_usage(self) -> JsonObject:
        usage = self._usage
        return {
            "input_tokens": usage.input - usage.cached - usage.cache_write,
            "cache_creation_input_tokens": usage.cache_write,
            "cache_read_input_tokens": usage.cached,
        }

    def _text(self, step: Text) -> Iterator[StreamPart]:
        if self._open != "text" or step.phase is not None:
            yield from self._close()
            yield self._start_block({"type": "text", "text": ""})
            self._open = "text"
        yield from self._deltas("text_delta", "text", step.chunks)

    def _reasoning(self, step: Reasoning) -> Iterator[StreamPart]:
        if self._open != "thinking":
            yield from self._close()
            yield self._start_block({"type": "thinking", "thinking": "", "signature": ""})
            self._open = "thinking"
        else:
            yield self._delta("thinking_delta", "thinking", "\n\n")
        yield from self._deltas("thinking_delta", "thinking", step.summary or step.raw)

    def _call(self, step: Call) -> Iterator[StreamPart]:
        yield from self._close()
        self._calls = True
        call_id = step.call_id or f"toolu_{self._number}_{self._index + 1}"
        yield self._start_block({"type": "tool_use", "id": call_id, "name": step.name, "input": {}})
        yield from self._deltas("input_json_delta", "partial_json", _pieces(step.arguments))
        yield self._end_block()

    def _item(self, step: Item) -> Iterator[StreamPart]:
        yield from self._close()
        block: JsonObject = dict(step.fields)
        self._calls = self._calls or block["type"] == "tool_use"
        # What the API streams is streamed here too: a client takes it from the deltas only.
        streamed = {name: block[name] for name in ("text", "thinking", "signature") if isinstance(block.get(name), str)}
        block |= dict.fromkeys(streamed, "")
        arguments = block.get("input")
        if arguments is not None:
            block["input"] = {}
        yield self._start_block(block)
        for name, value in streamed.items():
            yield self._delta(f"{name}_delta", name, value)
        if arguments is not None:
            text = arguments if isinstance(arguments, str) else json.dumps(arguments)
            yield from self._deltas("input_json_delta", "partial_json", _pieces(text))
        yield self._end_block()

    def _close(self) -> Iterator[bytes]:
        opened, self._open = self._open, None
        if opened == "thinking":
            yield self._delta("signature_delta", "signature", f"signature_{self._number}_{self._index + 1}")
        if opened is not None:
            yield self._end_block()

    def _start_block(self, block: Mapping[str, Any]) -> bytes:
        return self._event({"type": "content_block_start", "index": self._index, "content_block": block})

    def _end_block(self) -> bytes:
        event = self._event({"type": "content_block_stop", "index": self._index})
        self._index += 1
        return event

    def _delta(self, kind: str, key: str, value: str) -> bytes:
        return self._event({"type": "content_block_delta", "index": self._index, "delta": {"type": kind, key: value}})

    def _deltas(self, kind: str, key: str, chunks: Iterable[Chunk]) -> Iterator[StreamPart]:
        """Yield one event a chunk, and pass pauses on."""
        encoded: dict[str, bytes] = {}
        for chunk in chunks:
            if not isinstance(chunk, str):
                yield chunk
                continue
            if (event := encoded.get(chunk)) is None:
                event = encoded[chunk] = self._delta(kind, key, chunk)
            yield event


def _pieces(text: str) -> Sequence[str]:
    return pieces(text, max(CHUNK, -(-len(text) // _INPUT_CHUNKS)))
