"""Recorded flows of the real binary, replayed without it: `uv run nox -s record` records them anew."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agent_sdk_core.messages.result import ResultMessage
from codex_sdk.playback.player import replay

FLOWS = Path(__file__).parent
NAMES = sorted(path.name.removesuffix(".wire.jsonl") for path in FLOWS.glob("*.wire.jsonl"))
Wires = dict[str, list[dict[str, Any]]]


@pytest.mark.parametrize("name", NAMES)
def test_a_recorded_wire_gives_the_flow_of_its_snapshot(name: str, wires: Wires, flow_text: Callable[..., str]) -> None:
    assert flow_text(replay(wires[name])) == (FLOWS / f"{name}.flow.txt").read_text()


@pytest.mark.parametrize("partial", [True, False])
@pytest.mark.parametrize("name", NAMES)
def test_a_recorded_flow_keeps_the_rules(name: str, partial: bool, wires: Wires, rules: Any, schema: Any) -> None:
    messages = list(replay(wires[name], partial=partial))
    rules(messages)
    schema(messages)
    if not partial:
        assert not [message for message in messages if message.type in ("stream_event", "tool_progress")]


@pytest.mark.parametrize("name", NAMES)
def test_each_recorded_prompt_is_ended_by_one_result(name: str, wires: Wires) -> None:
    sent = [
        record["msg"]["params"]["clientUserMessageId"]
        for record in wires[name]
        if record["msg"].get("method") in ("turn/start", "turn/steer", "thread/queue/add")
    ]
    results = [message for message in replay(wires[name]) if isinstance(message, ResultMessage)]
    assert Counter(uuid for result in results for uuid in result.user_message_uuids) == Counter(sent)


@pytest.mark.parametrize("name", NAMES)
def test_a_recording_tells_nothing_of_the_machine(name: str) -> None:
    told = (FLOWS / f"{name}.wire.jsonl").read_text()
    assert str(Path.home()) + "/" not in told.replace("/root/one", "")
    assert "agent-sdk-testing/" not in told


def test_a_replay_twice_gives_equal_messages(wires: Wires) -> None:
    for records in wires.values():
        assert [m.to_json() for m in replay(records)] == [m.to_json() for m in replay(records)]


def test_each_snapshot_has_its_wire() -> None:
    assert sorted(path.name.removesuffix(".flow.txt") for path in FLOWS.glob("*.flow.txt")) == NAMES
    assert len(NAMES) > 40
