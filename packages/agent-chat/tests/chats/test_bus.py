"""The event bus: kinds, bounds, subscribers that nobody holds."""

from __future__ import annotations

import pytest

from agent_chat.chats.bus import EventBus
from agent_chat.chats.events import ChatChanged, ChatCreated, ChatDeleted, SettingsChanged
from agent_sdk_core.errors import InvalidRequestError

pytestmark = pytest.mark.anyio


async def test_a_subscriber_gets_the_kinds_that_it_wants_in_order() -> None:
    bus = EventBus()
    some, every = bus.subscribe(ChatCreated, ChatDeleted), bus.subscribe()
    events = [ChatCreated("1"), ChatChanged("1"), ChatDeleted("1"), SettingsChanged(("model",))]
    for event in events:
        bus.publish(event)
    bus.close()
    assert [event async for event in some] == [events[0], events[2]]
    assert [event async for event in every] == events


async def test_a_slow_subscriber_loses_the_oldest_and_takes_nothing_from_others() -> None:
    bus = EventBus()
    slow, quick = bus.subscribe(limit=2), bus.subscribe()
    for number in range(5):
        bus.publish(ChatChanged(str(number)))
    bus.close()
    assert [event async for event in slow] == [ChatChanged("3"), ChatChanged("4")]
    assert slow.dropped == 3
    assert len([event async for event in quick]) == 5


async def test_a_subscription_that_nobody_holds_takes_nothing() -> None:
    bus = EventBus()
    dropped = bus.subscribe()
    kept = bus.subscribe(ChatCreated)
    del dropped
    bus.publish(ChatCreated("1"))
    bus.close()
    assert [event async for event in kept] == [ChatCreated("1")]
    assert [event async for event in bus.subscribe()] == []


def test_a_subscription_holds_something() -> None:
    with pytest.raises(InvalidRequestError, match="at least one"):
        EventBus().subscribe(limit=0)


def test_an_event_crosses_as_json_and_back() -> None:
    event = SettingsChanged(("a", "b"))
    assert SettingsChanged.from_json(event.to_json()) == event
