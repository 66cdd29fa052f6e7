"""Runs: deltas on end that differ in nothing but their text and their uuid, as one thing that crosses. Pure.

A long answer is thousands of them. Each is a message of its own again where it arrives, at a fraction of what it costs
to write and read each by itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final, cast

from agent_sdk_core.hosting.forms import Json, message_from_wire
from agent_sdk_core.hosting.pieces import piece_of
from agent_sdk_core.hosting.stream import Entry, Piece
from agent_sdk_core.messages.base import Source
from agent_sdk_core.messages.conversation import StreamEvent
from agent_sdk_core.messages.parse import SDKMessage

_FIELDS: Final = set(StreamEvent.model_fields)
"""What a delta has of which there are runs: each field of its class, and nothing else."""


class _Run:
    """A delta, and those on end after it.

    Args:
        entry: The first.
        piece: What it adds.

    Attributes:
        told: All of them as they cross.
    """

    def __init__(self, entry: Entry, piece: Piece) -> None:
        self.told = entry.to_wire()
        self._like = _without(entry, piece)
        self._uuids: list[str] = []
        self._texts: list[str] = []

    def takes(self, entry: Entry, piece: Piece) -> bool:
        """Take the next delta, and tell whether it differs in nothing but its text and its uuid."""
        if self._like is None or _without(entry, piece) != self._like:
            return False
        if not self._uuids:
            self.told |= {"uuids": self._uuids, "texts": self._texts}
        self._uuids.append(entry.data["message"]["uuid"])
        self._texts.append(piece.text)
        self.told["seq"] = entry.seq
        return True


def entries_to_wire(entries: Iterable[Entry]) -> list[Json]:
    """Return entries as JSON-compatible data; a run of deltas is one, which has the number of the last of them."""
    told: list[Json] = []
    run: _Run | None = None
    for entry in entries:
        if entry.piece is None:
            run = None
            told.append(entry.to_wire())
        elif run is None or not run.takes(entry, entry.piece):
            run = _Run(entry, entry.piece)
            told.append(run.told)
    return told


def messages_from_wire(event: Mapping[str, Any]) -> list[SDKMessage]:
    """Return the messages of what `entries_to_wire` made of entries with some."""
    first = message_from_wire(event)
    if not (uuids := event.get("uuids")):
        return [first]
    like: Json = event["message"]
    source, step = cast("Source", first.source), like["event"]
    delta, key = step["delta"], cast("Piece", piece_of(first)).block[-1]
    assembled = StreamEvent.assembled
    rest: list[SDKMessage] = []
    for uuid, text in zip(uuids, event["texts"], strict=True):
        fields = {**like, "uuid": uuid, "event": {**step, "delta": {**delta, key: text}}}
        rest.append(assembled(fields, _FIELDS, source, fields))
    return [first, *rest]


def _without(entry: Entry, piece: Piece) -> Json | None:
    """Return a delta without its text and its uuid; None for one of which there are no runs."""
    message = entry.data["message"]
    if message.keys() != _FIELDS or type(message["uuid"]) is not str or "source" not in entry.data:
        return None
    data = piece.put(entry.data, "")
    data["message"]["uuid"] = ""
    return data
