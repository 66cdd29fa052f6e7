"""Encodes a script as the event stream of the OpenAI Responses API.

The events and their fields are those of the public API; `codex app-server` 0.163 reads them through `POST …/responses`
with ``wire_api = "responses"``. Ids come from the number of the request and the place of the item, so that two runs of
one script send the same bytes.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeAlias, assert_never

from agent_sdk_testing.model.encoding import ScriptEncoder, pieces
from agent_sdk_testing.model.http_server import StreamPart
from agent_sdk_testing.model.steps import (
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

_CREATED_AT = 1_700_000_000


def encode(steps: Iterable[Step], *, number: int, model: str, usage: Tokens) -> Iterator[StreamPart]:
    """Yield the response to request `number`: bytes of whole events, and the pauses between them.

    Raises:
        ValueError: there is an HTTP error among the steps; it is not part of a stream.
    """
    return _Encoder(number, model, usage).run(steps)


def error_body(error: HttpError) -> bytes:
    """Return the JSON body of an HTTP error, such as ``{"error": {"type": "usage_limit_reached", …}}``."""
    if error.body is not None:
        return error.body.encode()
    return json.dumps(
        {"error": {"message": error.message, "type": error.kind, "code": error.kind, **error.fields}}
    ).encode()


class _Encoder(ScriptEncoder):
    malformed = b'data: {"type": "response.output_text.delta", "delta": \n\n'
    ends_incomplete = True

    def __init__(self, number: int, model: str, usage: Tokens) -> None:
        super().__init__(number, model, usage)
        self._response_id = f"resp_{number}"
        self._sequence = 0
        self._output: list[JsonObject] = []
        self._open: _OpenMessage | _OpenReasoning | None = None

    def _begin(self) -> Iterator[bytes]:
        yield self._response_event("response.created", "in_progress")
        yield self._response_event("response.in_progress", "in_progress")

    def _end(self, reason: str | None) -> Iterator[StreamPart]:
        if reason is None:
            yield from self._close()
            yield self._response_event("response.completed", "completed")
            return
        yield from self._close("incomplete")
        yield self._response_event("response.incomplete", "incomplete", incomplete_details={"reason": reason})

    def _failed(self, step: Failed) -> bytes:
        error = {"code": step.code, "message": step.message}
        return self._response_event("response.failed", "failed", error=error)

    def _event(self, fields: Mapping[str, Any]) -> bytes:
        kind = fields["type"]
        data = json.dumps({**fields, "sequence_number": self._sequence}, separators=(",", ":"))
        self._sequence += 1
        return f"event: {kind}\ndata: {data}\n\n".encode()

    def _response_event(self, kind: str, status: str, **fields: Any) -> bytes:
        done = status != "in_progress"
        usage = self._usage
        response = {
            "id": self._response_id,
            "object": "response",
            "created_at": _CREATED_AT,
            "status": status,
            "model": self._model,
            "output": self._output if done else [],
            "error": None,
            "incomplete_details": None,
            "usage": {
                "input_tokens": usage.input,
                "input_tokens_details": {"cached_tokens": usage.cached, "cache_write_tokens": usage.cache_write},
                "output_tokens": usage.output,
                "output_tokens_details": {"reasoning_tokens": usage.reasoning},
                "total_tokens": usage.input + usage.output,
            }
            if done
            else None,
            **fields,
        }
        return self._event({"type": kind, "response": response})

    def _deltas(
        self, kind: str, place: Mapping[str, Any], chunks: Iterable[Chunk], said: list[str]
    ) -> Iterator[StreamPart]:
        """Yield one event a chunk, append the chunks to `said`, and pass pauses on."""
        head = f"event: {kind}\ndata: " + json.dumps({"type": kind, **place}, separators=(",", ":"))[:-1] + ',"delta":'
        encoded: dict[str, str] = {}
        for chunk in chunks:
            if not isinstance(chunk, str):
                yield chunk
                continue
            if (delta := encoded.get(chunk)) is None:
                delta = encoded[chunk] = head + json.dumps(chunk) + ',"sequence_number":'
            said.append(chunk)
            yield f"{delta}{self._sequence}}}\n\n".encode()
            self._sequence += 1

    def _start_item(self, prefix: str, item: JsonObject) -> tuple[JsonObject, bytes]:
        started = {"id": f"{prefix}_{self._number}_{len(self._output) + 1}", **item}
        return started, self._event(
            {"type": "response.output_item.added", "output_index": len(self._output), "item": started}
        )

    def _end_item(self, item: JsonObject) -> bytes:
        event = self._event({"type": "response.output_item.done", "output_index": len(self._output), "item": item})
        self._output.append(item)
        return event

    def _text(self, step: Text) -> Iterator[StreamPart]:
        if not isinstance(self._open, _OpenMessage) or step.phase is not None:
            yield from self._close()
            fields: JsonObject = {"type": "message", "status": "in_progress", "role": "assistant", "content": []}
            if step.phase is not None:
                fields["phase"] = step.phase
            item, event = self._start_item("msg", fields)
            self._open = _OpenMessage(item)
            yield event
            yield self._event(
                {"type": "response.content_part.added", **self._place(item, content_index=0), "part": _part("")}
            )
        opened = self._open
        place: JsonObject = {**self._place(opened.item, content_index=0), "logprobs": []}
        yield from self._deltas("response.output_text.delta", place, step.chunks, opened.said)

    def _reasoning(self, step: Reasoning) -> Iterator[StreamPart]:
        if not isinstance(self._open, _OpenReasoning):
            yield from self._close()
            item, event = self._start_item("rs", {"type": "reasoning", "summary": []})
            self._open = _OpenReasoning(item)
            yield event
        opened = self._open
        if step.summary:
            place = self._place(opened.item, summary_index=len(opened.summary))
            said: list[str] = []
            yield self._event({"type": "response.reasoning_summary_part.added", **place, "part": _summary("")})
            yield from self._deltas("response.reasoning_summary_text.delta", place, step.summary, said)
            part = _summary("".join(said))
            yield self._event({"type": "response.reasoning_summary_text.done", **place, "text": part["text"]})
            yield self._event({"type": "response.reasoning_summary_part.done", **place, "part": part})
            opened.summary.append(part)
        if step.raw:
            place = self._place(opened.item, content_index=len(opened.content))
            said = []
            yield from self._deltas("response.reasoning_text.delta", place, step.raw, said)
            whole = "".join(said)
            yield self._event({"type": "response.reasoning_text.done", **place, "text": whole})
            opened.content.append({"type": "reasoning_text", "text": whole})

    def _call(self, step: Call) -> Iterator[StreamPart]:
        yield from self._close()
        head: JsonObject = {"call_id": self._call_id(step.call_id), "name": step.name}
        if step.namespace is not None:
            head["namespace"] = step.namespace
        item, event = self._start_item(
            "fc", {"type": "function_call", "status": "in_progress", **head, "arguments": ""}
        )
        yield event
        place = self._place(item)
        yield from self._deltas("response.function_call_arguments.delta", place, pieces(step.arguments), [])
        yield self._event({"type": "response.function_call_arguments.done", **place, "arguments": step.arguments})
        yield self._end_item({**item, "status": "completed", "arguments": step.arguments})

    def _custom(self, step: Custom) -> Iterator[StreamPart]:
        yield from self._close()
        head = {"call_id": self._call_id(step.call_id), "name": step.name}
        item, event = self._start_item(
            "ctc", {"type": "custom_tool_call", "status": "in_progress", **head, "input": ""}
        )
        yield event
        place = self._place(item)
        yield from self._deltas("response.custom_tool_call_input.delta", place, pieces(step.input), [])
        yield self._event({"type": "response.custom_tool_call_input.done", **place, "input": step.input})
        yield self._end_item({**item, "status": "completed", "input": step.input})

    def _item(self, step: Item) -> Iterator[StreamPart]:
        yield from self._close()
        item, event = self._start_item("item", dict(step.fields))
        yield event
        yield self._end_item(item)

    def _close(self, status: str = "completed") -> Iterator[StreamPart]:
        opened, self._open = self._open, None
        match opened:
            case None:
                return
            case _OpenMessage():
                whole = "".join(opened.said)
                place = self._place(opened.item, content_index=0)
                yield self._event({"type": "response.output_text.done", **place, "text": whole, "logprobs": []})
                yield self._event({"type": "response.content_part.done", **place, "part": _part(whole)})
                yield self._end_item({**opened.item, "status": status, "content": [_part(whole)]})
            case _OpenReasoning():
                fields: JsonObject = {"summary": opened.summary, "encrypted_content": None}
                if opened.content:
                    fields["content"] = opened.content
                yield self._end_item({**opened.item, **fields})
            case _:
                assert_never(opened)

    def _place(self, item: JsonObject, **indexes: int) -> JsonObject:
        return {"item_id": item["id"], "output_index": len(self._output), **indexes}

    def _call_id(self, given: str | None) -> str:
        return given or f"call_{self._number}_{len(self._output) + 1}"


class _OpenMessage:
    def __init__(self, item: JsonObject) -> None:
        self.item = item
        self.said: list[str] = []


class _OpenReasoning:
    def __init__(self, item: JsonObject) -> None:
        self.item = item
        self.summary: list[JsonObject] = []
        self.content: list[JsonObject] = []


def _part(text: str) -> JsonObject:
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}


def _summary(text: str) -> JsonObject:
    return {"type": "summary_text", "text": text}
