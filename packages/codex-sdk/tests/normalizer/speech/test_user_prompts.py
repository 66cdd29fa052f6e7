from __future__ import annotations

from typing import Any

import pytest


def user(scene: Any, uuid: str | None, text: str = "hi", item_id: str = "user-1", turn: str = "turn-1") -> Any:
    return scene.started("userMessage", item_id, turn=turn, clientId=uuid, content=[{"type": "text", "text": text}])


def test_a_prompt_is_shown_once_under_its_uuid_and_ended_by_its_turn(scene: Any) -> None:
    scene.thread.expect_prompt("uuid-1", [{"type": "text", "text": "hi"}, {"type": "image", "source": {}}])
    scene.begin()
    (shown,) = user(scene, "uuid-1")
    assert (shown["uuid"], shown["isReplay"]) == ("uuid-1", True)
    assert len(shown["message"]["content"]) == 2
    assert scene.completed("userMessage", "user-1", clientId="uuid-1", content=[]) == []
    assert scene.thread.assign_prompt("uuid-1", "turn-1")
    assert scene.end()[-1]["user_message_uuids"] == ["uuid-1"]
    assert scene.thread.assign_prompt("uuid-1", "turn-1")


def test_anothers_prompt_is_shown_likewise(scene: Any) -> None:
    scene.begin()
    (shown,) = user(scene, "theirs")
    assert (shown["uuid"], shown["message"]["content"]) == ("theirs", "hi")
    assert user(scene, None, item_id="user-2")[0]["uuid"]
    assert scene.end()[-1]["user_message_uuids"] == ["theirs"]


def test_a_prompt_whose_message_never_came_is_shown_before_its_result(scene: Any) -> None:
    scene.thread.expect_prompt("uuid-1", "hi")
    assert scene.thread.assign_prompt("uuid-1", "turn-1")
    assert scene.thread.active_turn_id == "turn-1"
    wires = scene.end("failed")
    assert [wire.get("subtype", wire["type"]) for wire in wires] == ["init", "status", "user", "error_during_execution"]
    assert wires[2]["message"]["content"] == "hi"
    assert wires[3]["user_message_uuids"] == ["uuid-1"]
    assert scene.messages[2].source.synthetic


def test_a_response_that_comes_after_the_turn_is_told_that_it_is_too_late(scene: Any) -> None:
    scene.thread.expect_prompt("uuid-1", "hi")
    scene.begin()
    scene.end()
    assert not scene.thread.assign_prompt("uuid-1", "turn-1")


def test_a_steer_joins_the_turn(scene: Any) -> None:
    scene.begin()
    user(scene, "uuid-1")
    scene.thread.expect_prompt("uuid-2", "more")
    assert scene.thread.assign_prompt("uuid-2", "turn-1")
    user(scene, "uuid-2", item_id="user-2")
    assert scene.end()[-1]["user_message_uuids"] == ["uuid-1", "uuid-2"]


@pytest.mark.parametrize("taken", [True, False])
def test_an_interrupted_turn_leaves_out_a_steer_that_it_has_not_taken(scene: Any, taken: bool) -> None:
    scene.begin()
    user(scene, "uuid-1")
    scene.thread.expect_prompt("uuid-2", "more", steered=True)
    assert scene.thread.assign_prompt("uuid-2", "turn-1")
    assert scene.thread.holds_prompt("uuid-2")
    if taken:
        user(scene, "uuid-2", item_id="user-2")
    result = scene.end(status="interrupted")[-1]
    assert result["user_message_uuids"] == ["uuid-1", *(["uuid-2"] if taken else [])]
    assert scene.thread.holds_prompt("uuid-2") is not taken
    scene.thread.forget_prompt("uuid-2")
    assert not scene.thread.holds_prompt("uuid-2")


def test_a_steer_whose_response_comes_after_the_interrupted_turn_is_held(scene: Any) -> None:
    scene.begin()
    scene.thread.expect_prompt("uuid-1", "more", steered=True)
    scene.end(status="interrupted")
    assert not scene.thread.assign_prompt("uuid-1", "turn-1")
    assert scene.thread.holds_prompt("uuid-1")


def test_a_refused_prompt_is_forgotten(scene: Any) -> None:
    scene.begin()
    scene.thread.expect_prompt("uuid-1", "hi")
    scene.thread.forget_prompt("uuid-1")
    scene.thread.forget_prompt("uuid-2")
    scene.thread.expect_prompt("uuid-3", "hi")
    scene.thread.assign_prompt("uuid-3", "turn-1")
    scene.thread.forget_prompt("uuid-3")
    assert scene.end()[-1]["user_message_uuids"] == []


def test_the_turn_in_which_a_prompt_is_seen_is_the_one_that_ends_it(scene: Any) -> None:
    scene.begin()
    scene.thread.expect_prompt("uuid-1", "hi")
    scene.thread.assign_prompt("uuid-1", "turn-1")
    scene.begin("turn-2")
    user(scene, "uuid-1", turn="turn-2")
    assert scene.thread.assign_prompt("uuid-1", "turn-1")
    assert scene.end()[-1]["user_message_uuids"] == []
    assert scene.end(turn="turn-2")[-1]["user_message_uuids"] == ["uuid-1"]


def test_a_prompt_is_ended_once_even_if_it_is_seen_again(scene: Any) -> None:
    scene.begin()
    user(scene, "uuid-1")
    scene.end()
    scene.begin("turn-2")
    assert user(scene, "uuid-1", item_id="user-2", turn="turn-2") == []
    assert scene.end(turn="turn-2")[-1]["user_message_uuids"] == []


def test_a_prompt_that_is_seen_after_its_turn_is_not_listed_but_shown(scene: Any) -> None:
    scene.thread.expect_prompt("uuid-1", "hi")
    scene.begin()
    scene.end()
    (shown,) = user(scene, "uuid-1")
    assert shown["uuid"] == "uuid-1"


def test_a_prompt_that_nobody_announced_belongs_to_the_turn_that_took_it(scene: Any) -> None:
    scene.begin()
    assert scene.thread.assign_prompt("uuid-1", "turn-1")
    user(scene, "uuid-1", "theirs")
    assert scene.wires[-1]["message"]["content"] == "theirs"
    assert scene.end()[-1]["user_message_uuids"] == ["uuid-1"]
