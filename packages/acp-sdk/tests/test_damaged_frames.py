"""Damaged updates of an agent: nothing is raised, no text is lost, no turn stays open."""

from __future__ import annotations

import copy
import os
import random
from typing import Any, cast

from acp_sdk.normalizer.facts import SessionFacts
from acp_sdk.normalizer.session import SessionNormalizer
from acp_sdk.protocol.upgrade import SessionUpgrade
from agent_sdk_core import AssistantMessage, ResultMessage, UserMessage

LINES = int(os.environ.get("FUZZ_LINES", "400"))
ODD: list[Any] = [None, 0, -1, "", "odd", [], {}, [1], {"type": "odd"}, True, 1e300]
UPDATES: list[dict[str, Any]] = [
    {"sessionUpdate": "agent_thought_chunk", "content": {"type": "text", "text": "Hm."}},
    {"sessionUpdate": "tool_call", "toolCallId": "a", "title": "ls", "kind": "execute", "rawInput": {"command": "ls"}},
    {"sessionUpdate": "tool_call_update", "toolCallId": "a", "status": "completed", "rawOutput": {"output": "x"}},
    {
        "sessionUpdate": "tool_call_update",
        "toolCallId": "b",
        "kind": "edit",
        "status": "in_progress",
        "locations": [{"path": "/a", "line": 1}],
        "content": [{"type": "diff", "path": "/a", "oldText": "x", "newText": "y"}],
    },
    {"sessionUpdate": "plan", "entries": [{"content": "a", "priority": "low", "status": "pending"}]},
    {"sessionUpdate": "available_commands_update", "availableCommands": [{"name": "go", "description": "d"}]},
    {"sessionUpdate": "config_option_update", "configOptions": [{"id": "m", "type": "select", "options": []}]},
    {"sessionUpdate": "usage_update", "used": 1, "size": 2, "cost": {"amount": 1, "currency": "USD"}},
    {"sessionUpdate": "session_info_update", "title": "T"},
    {"sessionUpdate": "notice", "severity": "info", "title": "N"},
    {"sessionUpdate": "compaction_update", "compactionId": "c", "status": "completed", "summary": []},
    {"sessionUpdate": "current_mode_update", "currentModeId": "x"},
]
ENDINGS: list[dict[str, Any]] = [{"stopReason": "end_turn", "usage": {"inputTokens": 1, "outputTokens": 2}}]


def places(value: Any) -> list[tuple[Any, Any]]:
    """Return every place in a frame, as what holds it and its key."""
    found: list[tuple[Any, Any]] = []
    keys: list[Any] = []
    if isinstance(value, dict):
        keys = list(cast("dict[str, Any]", value))
    elif isinstance(value, list):
        keys = list(range(len(cast("list[Any]", value))))
    held = cast("Any", value)
    for key in keys:
        inner: Any = held[key]
        found += [(value, key), *places(inner)]
    return found


def damaged(frame: dict[str, Any], dice: random.Random) -> dict[str, Any]:
    frame = copy.deepcopy(frame)
    holder, key = dice.choice(places(frame))
    if dice.random() < 0.3:
        del holder[key]
    else:
        holder[key] = copy.deepcopy(dice.choice(ODD))
    return frame


def test_damaged_updates_of_an_agent_harm_nothing() -> None:
    for seed in range(LINES):
        dice = random.Random(seed)
        upgrade, normalizer = SessionUpgrade(), SessionNormalizer(SessionFacts("a", "s", "/"), partial=True)
        upgrade.opened(damaged({"sessionId": "s", "configOptions": [{"id": "m"}], "modes": {"x": [1]}}, dice))
        messages = normalizer.begin("prompt", "Hi", "turn")
        for number in range(8):
            frame = damaged(dice.choice(UPDATES), dice)
            whole = {"sessionUpdate": "agent_message_chunk", "content": {"type": "text", "text": f"{number};"}}
            for update in (frame, whole):
                messages += normalizer.feed(upgrade.update({"sessionId": "s", "update": update}), update)
        ending = damaged(ENDINGS[0], dice)
        messages += normalizer.feed(upgrade.ended(ending), ending)
        told = "".join(message.text for message in messages if isinstance(message, AssistantMessage))
        assert all(f"{number};" in told for number in range(8)), seed
        results = [message for message in messages if isinstance(message, ResultMessage)]
        assert [result.user_message_uuids for result in results] == [["prompt"]], seed
        uses = [use.id for message in messages if isinstance(message, AssistantMessage) for use in message.tool_uses]
        closed = [
            each.tool_use_id
            for message in messages
            if isinstance(message, UserMessage)
            for each in message.tool_results
        ]
        assert sorted(uses) == sorted(closed), seed
        assert len(set(uses)) == len(uses), seed
