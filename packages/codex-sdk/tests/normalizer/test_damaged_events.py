"""An event that is damaged loses nothing that it says, and what it had to end ends, once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from codex_sdk.normalizer import ThreadFacts, ThreadFamily
from codex_sdk.playback.player import replay

LONE = "\ud83d"
Wire = dict[str, Any]


def said(messages: list[Any]) -> list[str]:
    return [message.text for message in messages if message.type == "assistant" and message.text]


@pytest.mark.parametrize(
    ("params", "damage"),
    [
        ({}, {"id": 5}),
        ({}, {"id": "x"}),
        ({}, {"type": None}),
        ({}, {"type": "userMessage"}),
        ({"turnId": {}}, {}),
        ({"turnId": "x"}, {}),
        ({"turnId": None}, {"id": None, "type": None}),
    ],
    ids=str,
)
@pytest.mark.parametrize("streamed", [True, False])
def test_what_an_item_says_is_told_in_its_turn(
    scene: Any, rules: Callable[..., None], params: Wire, damage: Wire, streamed: bool
) -> None:
    scene.begin()
    if streamed:
        scene.started("agentMessage")
        scene.said("Hel")
    item = {"type": "agentMessage", "id": "item-1", "text": "Hello", **damage}
    scene.feed("item/completed", {"threadId": "thread-1", "turnId": "turn-1", "item": item, **params})
    scene.end()
    rules(scene.messages)
    if damage.get("type") == "userMessage" and not streamed:
        return  # Nothing says that it is none.
    assert "Hello" in said(scene.messages)
    assert {message.source.turn_id for message in scene.messages} == {"turn-1"}
    [result] = [message for message in scene.messages if message.type == "result"]
    assert result.outcome == "completed"


def test_what_bears_the_id_of_another_item_is_told_beside_it(scene: Any, rules: Callable[..., None]) -> None:
    scene.begin()
    scene.completed("userMessage", "prompt", clientId="uuid-1", content=[])
    scene.completed("agentMessage", "item-1", text="One")
    scene.completed("agentMessage", "prompt", text="Two")
    scene.completed("agentMessage", "item-1", text="Three")
    scene.completed("agentMessage", "item-1", text="One more")
    scene.completed("agentMessage", "item-1", text="One more")
    scene.end()
    rules(scene.messages)
    assert said(scene.messages) == ["One", "Two", "Three", "One more"]


def test_a_turn_ends_whatever_its_end_calls_it(scene: Any) -> None:
    scene.begin()
    scene.end(turn="other")
    assert [message.source.turn_id for message in scene.messages if message.type == "result"] == ["turn-1"]
    assert not scene.end(turn="turn-1")


def test_a_turn_that_began_with_a_damaged_id_does_not_outlive_the_true_one(scene: Any) -> None:
    scene.feed("turn/started", {"threadId": "thread-1", "turn": {"id": "wrong"}})
    scene.thread.expect_prompt("uuid-1", "hi")
    scene.thread.assign_prompt("uuid-1", "turn-1")
    scene.completed("agentMessage", text="Hello")
    scene.end()
    results = {message.source.turn_id: message for message in scene.messages if message.type == "result"}
    assert {turn: result.outcome for turn, result in results.items()} == {"wrong": "failed", "turn-1": "completed"}
    assert scene.thread.active_turn_id is None


def test_an_event_whose_thread_is_damaged_belongs_to_its_turn() -> None:
    family = ThreadFamily(ThreadFacts("thread-1"))
    family.feed("thread-1", "turn/started", {"turn": {"id": "turn-1"}}, {})
    assert family.thread_of({"turnId": "turn-1", "threadId": 5}) == "thread-1"
    assert family.thread_of({"turn": {"id": "turn-1"}}) == "thread-1"
    assert family.thread_of({"turnId": "turn-2"}) is None
    assert family.thread_of({"turnId": ""}) is None


def test_text_that_is_no_unicode_is_told_with_a_mark_in_its_place(scene: Any) -> None:
    scene.begin()
    assert scene.completed("agentMessage", text=f"He{LONE}llo")[-4]["message"]["content"][0]["text"] == "He\ufffdllo"


def logged(**message: Any) -> Wire:
    return {"dir": "in", "msg": message}


@pytest.mark.parametrize(
    "entry",
    [
        logged(id=1, method=5, params={}),
        logged(id=1, method=[], params={"threadId": "t"}),
        logged(id=1, method=f"a{LONE}", params={"threadId": "t"}),
        logged(id=[], method="item/tool/call", params=[]),
        logged(method=f"{LONE}", params={"threadId": f"t{LONE}", "turnId": LONE}),
        logged(method="item/completed", params={"threadId": f"t{LONE}", "item": {"type": LONE, "id": LONE}}),
        logged(id={}, result={"thread": {"id": LONE}}),
        {"dir": "out", "msg": {"method": 5, "id": {}, "params": []}},
        {"dir": "out", "msg": {"method": {}, "id": 1, "params": {"threadId": {}}}},
        {"dir": "out", "msg": {"method": "turn/start", "id": 1, "params": {"threadId": "t", "input": 5}}},
        {"dir": 5, "msg": {}},
        {"dir": "in", "msg": '{"method": "turn/st'},
        {},
        '{"dir": "in", "msg": {"meth',
        None,
        5,
        [],
    ],
    ids=repr,
)
def test_a_replay_raises_for_nothing_that_a_log_holds(entry: Any) -> None:
    opening: Wire = {"dir": "out", "msg": {"method": "thread/start", "id": 1, "params": {}}}
    ended = logged(method="turn/completed", params={"threadId": "t", "turn": {"id": "turn-1", "status": "completed"}})
    told = list(replay([opening, logged(id=1, result={"thread": {"id": "t"}}), entry, ended, ended]))
    assert [message.type for message in told if message.type == "result"] == ["result"]
    for message in told:
        message.to_json()
