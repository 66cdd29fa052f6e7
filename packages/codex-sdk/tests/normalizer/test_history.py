from __future__ import annotations

from typing import Any

import pytest

from codex_sdk.normalizer import history_messages

ITEMS: list[dict[str, Any]] = [
    {"type": "userMessage", "id": "u", "clientId": "uuid-1", "content": [{"type": "text", "text": "hi"}]},
    {"type": "contextCompaction", "id": "c"},
    {"type": "reasoning", "id": "r", "summary": ["a", "b"], "content": []},
    {"type": "commandExecution", "id": "x", "command": "ls", "status": "completed", "exitCode": 0},
    {"type": "agentMessage", "id": "m", "text": "done", "phase": "final_answer"},
]


def wires(messages: list[Any]) -> list[dict[str, Any]]:
    return [{key: value for key, value in message.to_wire().items() if key != "uuid"} for message in messages]


def test_a_stored_turn_reads_as_it_was_watched(scene: Any, rules: Any) -> None:
    scene.thread.expect_prompt("uuid-1", "hi")
    scene.begin()
    for item in ITEMS:
        scene.feed("item/started", item=item)
        scene.feed("item/completed", item=item)
    scene.end()
    watched = [
        message
        for message in scene.messages
        if message.type in ("assistant", "user") or getattr(message, "subtype", "") == "compact_boundary"
    ]
    stored = history_messages({"id": "turn-1", "status": "completed", "items": ITEMS}, scene.facts)
    assert wires(stored) == wires(watched)
    assert stored[0].uuid == "uuid-1"
    assert stored[-1].source is not None
    assert stored[-1].source.item_id == "m"
    assert stored[-1].raw == ITEMS[-1]
    rules(stored)


def test_reading_again_gives_the_same(scene: Any) -> None:
    turn = {"id": "turn-1", "status": "completed", "items": ITEMS}
    first, second = history_messages(turn, scene.facts), history_messages(turn, scene.facts)
    assert [message.uuid for message in first] == [message.uuid for message in second]
    other = history_messages({**turn, "id": "turn-2"}, scene.facts)
    assert not {message.uuid for message in first[1:]} & {message.uuid for message in other}


def test_an_interrupted_turn_closes_its_cards(scene: Any) -> None:
    item = {"type": "commandExecution", "id": "x", "command": "ls", "status": "inProgress"}
    use, answer = wires(history_messages({"id": "t", "status": "interrupted", "items": [item]}, scene.facts))
    assert use["message"]["content"][0]["id"] == "x"
    assert answer["message"]["content"][0]["is_error"] is True


@pytest.mark.parametrize("last", [True, False])
def test_the_last_command_of_an_interrupted_turn_was_cut_off_where_it_was_killed(scene: Any, last: bool) -> None:
    item = {"type": "commandExecution", "id": "x", "command": "ls", "status": "failed", "exitCode": 137}
    items = [{**item, "processId": "1"}, *([] if last else [{"type": "agentMessage", "id": "m", "text": "Killed."}])]
    told = wires(history_messages({"id": "t", "status": "interrupted", "items": items}, scene.facts))
    assert told[1]["tool_use_result"]["interrupted"] is last


def test_a_running_turn_leaves_its_last_card_open(scene: Any) -> None:
    item = {"type": "commandExecution", "id": "x", "command": "ls", "status": "inProgress"}
    messages = history_messages({"id": "t", "status": "inProgress", "items": [item]}, scene.facts)
    assert [message.type for message in messages] == ["assistant"]


def test_a_compaction_of_its_own_turn_was_asked_for(scene: Any) -> None:
    turn = {"id": "t", "status": "completed", "items": [{"type": "contextCompaction", "id": "c"}]}
    (boundary,) = wires(history_messages(turn, scene.facts))
    assert boundary["compact_metadata"] == {"trigger": "manual"}
