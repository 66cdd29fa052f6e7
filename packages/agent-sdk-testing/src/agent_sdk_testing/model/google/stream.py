"""Encodes a script as the event stream of Gemini's `streamGenerateContent`, and as the body of `generateContent`.

The chunks and their fields are those of the public API. The same script sends the same bytes in two runs.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, TypeAlias

from agent_sdk_testing.model.encoding import ScriptEncoder, require_form
from agent_sdk_testing.model.http_server import StreamPart
from agent_sdk_testing.model.steps import (
    Call,
    Chunk,
    Disconnect,
    Event,
    Failed,
    HttpError,
    Malformed,
    Reasoning,
    Stall,
    Step,
    Text,
    Tokens,
)

JsonObject: TypeAlias = dict[str, Any]

_API: Final = "Gemini's API"
_REASONS: Final = {"max_output_tokens": "MAX_TOKENS", "content_filter": "SAFETY"}
_STATUSES: Final = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
}


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


def error_body(error: HttpError) -> bytes:
    """Return the JSON body of an HTTP error."""
    if error.body is not None:
        return error.body.encode()
    told = {"code": error.status, "message": error.message, "status": _STATUSES.get(error.status, "UNKNOWN")}
    return json.dumps({"error": {**told, **error.fields}}).encode()


class _Encoder(ScriptEncoder):
    malformed = b'data: {"candidates": [{"content": \n\n'

    def __init__(self, number: int, model: str, usage: Tokens) -> None:
        super().__init__(number, model, usage)
        self._calls = 0

    def _end(self, reason: str | None) -> Iterator[bytes]:
        finish = "STOP" if reason is None else _REASONS.get(reason, reason.upper())
        yield self._chunk({"text": ""}, finish=finish, usage=self._tokens())

    def _failed(self, step: Failed) -> bytes:
        return self._event({"error": {"code": 500, "message": step.message, "status": step.code.upper()}})

    def _event(self, fields: Mapping[str, Any]) -> bytes:
        return f"data: {json.dumps(fields, separators=(',', ':'))}\r\n\r\n".encode()

    def _text(self, step: Text) -> Iterator[StreamPart]:
        return self._say(step.chunks)

    def _reasoning(self, step: Reasoning) -> Iterator[StreamPart]:
        return self._say((*step.summary, *step.raw), thought=True)

    def _say(self, chunks: Iterable[Chunk], **marks: bool) -> Iterator[StreamPart]:
        for chunk in chunks:
            yield self._chunk({"text": chunk, **marks}) if isinstance(chunk, str) else chunk

    def _call(self, step: Call) -> Iterator[bytes]:
        self._calls += 1
        named = {"id": step.call_id or f"call_{self._number}_{self._calls}", "name": step.name}
        yield self._chunk({"functionCall": {**named, "args": json.loads(step.arguments)}})

    def _chunk(self, part: JsonObject, *, finish: str | None = None, usage: JsonObject | None = None) -> bytes:
        candidate: JsonObject = {"content": {"role": "model", "parts": [part]}, "index": 0}
        if finish is not None:
            candidate["finishReason"] = finish
        head = {"candidates": [candidate], "modelVersion": self._model, "responseId": f"resp_{self._number}"}
        return self._event(head if usage is None else {**head, "usageMetadata": usage})

    def _tokens(self) -> JsonObject:
        usage = self._usage
        return {
            "promptTokenCount": usage.input,
            "cachedContentTokenCount": usage.cached,
            "candidatesTokenCount": usage.output - usage.reasoning,
            "thoughtsTokenCount": usage.reasoning,
            "totalTokenCount": usage.input + usage.output,
        }


def _whole(stream: Iterator[StreamPart]) -> Iterator[StreamPart]:
    parts: list[JsonObject] = []
    last: JsonObject = {}
    for part in stream:
        if not isinstance(part, bytes):
            yield part
            if isinstance(part, Disconnect | Stall):
                return
            continue
        last = json.loads(part.partition(b"data: ")[2])
        for candidate in last.get("candidates", []):
            parts += [each for each in candidate["content"]["parts"] if each != {"text": ""}]
    if "candidates" in last:
        last["candidates"][0]["content"]["parts"] = parts
    yield json.dumps(last).encode()
