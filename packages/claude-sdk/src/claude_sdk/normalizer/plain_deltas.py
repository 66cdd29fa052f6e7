"""Deltas of the shape that nearly all have: looked at by hand, which costs a third of a validation. Pure."""

from __future__ import annotations

from typing import Any, Final, cast

from agent_sdk_core.messages.base import Source
from agent_sdk_core.messages.conversation import StreamEvent
from agent_sdk_core.messages.parse import SDKMessage
from agent_sdk_core.rpc.receiver import Holes, Run
from agent_sdk_core.wire.reading import Json

FIELDS: Final = set(StreamEvent.model_fields)
"""The fields of a plain delta, which are all that its class has."""


def is_plain_delta(frame: dict[str, Any]) -> bool:
    """Tell whether a frame is a delta that needs no validation: it has each field, fit and filled, and no other."""
    if frame.keys() != FIELDS or frame["parent_tool_use_id"] is not None:
        return False
    event: object = frame["event"]
    return (
        type(event) is dict
        and type(cast("dict[str, object]", event).get("delta")) is dict
        and cast("dict[str, object]", event).get("type") == "content_block_delta"
        and type(frame["uuid"]) is str
        and type(frame["session_id"]) is str
        and type(frame["api_message_id"]) is str
    )


_HOLES: Final = {
    "text_delta": Holes(("event", "delta", "text"), ("uuid",)),
    "thinking_delta": Holes(("event", "delta", "thinking"), ("uuid",)),
    "input_json_delta": Holes(("event", "delta", "partial_json"), ("uuid",)),
}
"""By type of delta, where those of one block differ."""


def holes_of(frame: Json) -> Holes | None:
    """Return where the deltas after this one may differ from it; None unless it is a plain one."""
    if frame.get("type") != "stream_event" or not is_plain_delta(frame):
        return None
    delta = cast("Json", frame["event"]["delta"])
    kind: object = delta.get("type")
    holes = _HOLES.get(kind) if type(kind) is str else None
    return holes if holes is not None and type(delta.get(holes.text[-1])) is str else None


def messages_of(run: Run, source: Source) -> list[SDKMessage]:
    """Return the messages of deltas on end."""
    like, event, key = run.like, cast("Json", run.like["event"]), run.holes.text[-1]
    delta = cast("Json", event["delta"])
    assembled = StreamEvent.assembled
    return [
        assembled({**like, "uuid": uuid, "event": {**event, "delta": {**delta, key: text}}}, FIELDS, source, line)
        for text, uuid, line in zip(run.texts, run.identities, run.lines, strict=True)
    ]
