"""Encodes a script as the event stream of OpenAI's Chat Completions API, and as the body of an answer without one.

The chunks and their fields are those of the public API, which many providers speak. Reasoning goes into
`reasoning_content`, as most of them have it. The same script sends the same bytes in two runs.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, TypeAlias

from agent_sdk_testing.model.encoding import ScriptEncoder, pieces, require_form
from agent_sdk_testing.model.http_server import StreamPart
from agent_sdk_testing.model.steps import (
    Call,
    Chunk,
    Disconnect,
    Event,
    Failed,
    Malformed,
    Reasoning,
    Stall,
    Step,
    Text,
    Tokens,
)

JsonObject: TypeAlias = dict[str, Any]

_API: Final = "the Chat Completions API"
_CREATED: Final = 1_700_000_000
_REASONS: Final = {"max_output_tokens": "length"}


def encode(steps: Sequence[Step], *, number: int, model: str, usage: Tokens) -> Iterator[StreamPart]:
    """Yield the response to request `number`: bytes of whole chunks, and the pauses between them.

    Raises:
        ValueError: there is a step among them that this API has no form for.
    """
    require_form(steps, _API)
    return _Encoder(number, model, usage).run(steps)


def encode_whole(steps: Sequence[Step], *, number: int, model: str, usage: Tokens) -> Iterator[StreamPart]:
    """Return the pauses of the script, and the body at the end; raises what `encode` raises."""
    require_form(steps, _API)
    kept = [step for step in steps if not isinstance(step, Event | Malformed)]
    return _whole(_Encoder(number, model, usage).run(kept))


class _Encoder(ScriptEncoder):
    malformed = b'data: {"choices": [{"delta": \n\n'

    def __init__(self, number: int, model: str, usage: Tokens) -> None:
        super().__init__(number, model, usage)
        self._head: JsonObject = {
            "id": f"chatcmpl-{number}",
            "object": "chat.completion.chunk",
            "created": _CREATED,
            "model": model,
        }
        self._calls = 0

    def _begin(self) -> Iterator[bytes]:
        yield self._chunk({"role": "assistant", "content": ""})

    def _end(self, reason: str | None) -> Iterator[bytes]:
        usual = "tool_calls" if self._calls else "stop"
        yield self._chunk({}, finish=usual if reason is None else _REASONS.get(reason, reason))
        yield self._event({**self._head, "choices": [], "usage": self._tokens()})
        yield b"data: [DONE]\n\n"

    def _failed(self, step: Failed) -> bytes:
        return self._event({"error": {"message": step.message, "type": step.code, "code": step.code}})

    def _event(self, fields: Mapping[str, Any]) -> bytes:
        return f"data: {json.dumps(fields, separators=(',', ':'))}\n\n".encode()

    def _text(self, step: Text) -> Iterator[StreamPart]:
        return self._say("content", step.chunks)

    def _reasoning(self, step: Reasoning) -> Iterator[StreamPart]:
        return self._say("reasoning_content", (*step.summary, *step.raw))

    def _say(self, key: str, chunks: Iterable[Chunk]) -> Iterator[StreamPart]:
        for chunk in chunks:
            yield self._chunk({key: chunk}) if isinstance(chunk, str) else chunk

    def _call(self, step: Call) -> Iterator[bytes]:
        index, self._calls = self._calls, self._calls + 1
        place = {"index": index}
        call_id = step.call_id or f"call_{self._number}_{index + 1}"
        function = {"name": step.name, "arguments": ""}
        yield self._chunk({"tool_calls": [{**place, "id": call_id, "type": "function", "function": function}]})
        for piece in pieces(step.arguments):
            yield self._chunk({"tool_calls": [{**place, "function": {"arguments": piece}}]})

    def _chunk(self, delta: JsonObject, *, finish: str | None = None) -> bytes:
        return self._event({**self._head, "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]})

    def _tokens(self) -> JsonObject:
        usage = self._usage
        return {
            "prompt_tokens": usage.input,
            "completion_tokens": usage.output,
            "total_tokens": usage.input + usage.output,
            "prompt_tokens_details": {"cached_tokens": usage.cached},
            "completion_tokens_details": {"reasoning_tokens": usage.reasoning},
        }


def _whole(parts: Iterator[StreamPart]) -> Iterator[StreamPart]:
    message: JsonObject = {"role": "assistant", "content": None}
    body: JsonObject = {}
    for part in parts:
        if not isinstance(part, bytes):
            yield part
            if isinstance(part, Disconnect | Stall):
                return
            continue
        if b"[DONE]" in part:
            continue
        chunk = json.loads(part.partition(b"data: ")[2])
        if "error" in chunk:
            yield json.dumps(chunk).encode()
            return
        for choice in chunk["choices"]:
            _extend(message, choice["delta"])
            finish = choice["finish_reason"]
            body["choices"] = [{"index": 0, "message": message, "finish_reason": finish}]
        body = {**chunk, **body, "object": "chat.completion", "usage": chunk.get("usage")}
    yield json.dumps(body).encode()


def _extend(message: JsonObject, delta: JsonObject) -> None:
    for key in ("content", "reasoning_content"):
        if delta.get(key):
            message[key] = (message.get(key) or "") + delta[key]
    for call in delta.get("tool_calls", []):
        calls = message.setdefault("tool_calls", [])
        if call["index"] == len(calls):
            calls.append({key: value for key, value in call.items() if key != "index"})
        else:
            calls[call["index"]]["function"]["arguments"] += call["function"]["arguments"]
