"""A reader of a chat's stream: what has ended comes at once, deltas in batches, a snapshot to who is too slow."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from agent_chat.chats import reader as reading
from agent_chat.chats.reader import ChatReader
from agent_sdk_core.hosting.stream import EventStream, Piece

pytestmark = pytest.mark.anyio


def delta(stream: EventStream, text: str) -> None:
    stream.publish("message", {"text": text}, Piece(("a",), text, lambda data, joined: {**data, "text": joined}))


def reader_of(stream: EventStream) -> ChatReader:
    return ChatReader(stream, dict, stream.cursor)


def texts(told: dict[str, Any] | None) -> list[Any]:
    assert told is not None
    return [event.get("text") for event in told["events"]]


async def test_deltas_gather_until_something_has_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    assert reading.DELTA_SECONDS == 0.05, "20 batches a second at most"
    monkeypatch.setattr(reading, "DELTA_SECONDS", 1000.0)
    stream = EventStream()
    reader = reader_of(stream)
    delta(stream, "first")
    assert texts(await reader.read()) == ["first"]
    next_batch = asyncio.create_task(reader.read())
    for text in ("one ", "two ", "three"):
        delta(stream, text)
        await asyncio.sleep(0)
        assert not next_batch.done()
    stream.publish("chat", {"text": "the end"})
    assert texts(await next_batch) == ["one two three", "the end"]


async def test_however_many_deltas_come_they_are_one_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "DELTA_SECONDS", 1000.0)
    stream = EventStream()
    reader = reader_of(stream)
    delta(stream, "first")
    await reader.read()
    next_batch = asyncio.create_task(reader.read())
    for _ in range(2_000):
        delta(stream, "x")
        await asyncio.sleep(0)
    assert not next_batch.done()
    stream.close()
    assert texts(await next_batch) == ["x" * 2_000]


async def test_deltas_alone_come_when_their_batch_is_due(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "DELTA_SECONDS", 0.01)
    stream = EventStream()
    reader = reader_of(stream)
    delta(stream, "one")
    assert texts(await reader.read()) == ["one"]
    delta(stream, "two")
    assert texts(await reader.read()) == ["two"]


async def test_who_is_too_slow_begins_anew_with_a_snapshot_and_holds_nothing_up() -> None:
    stream = EventStream(limit=3)
    slow, quick = reader_of(stream), reader_of(stream)
    for number in range(10):
        stream.publish("chat", {"text": number})
        assert texts(await quick.read()) == [number]
    assert await slow.read() == {"type": "snapshot"}
    stream.publish("chat", {"text": "new"})
    assert texts(await slow.read()) == ["new"]
    stream.close()
    assert await slow.read() is None
