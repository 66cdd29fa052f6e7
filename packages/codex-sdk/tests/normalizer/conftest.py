"""A scene: one normalizer, fed with hand-written wires; every message it gives is checked against the schema."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from typing import Any

import jsonschema
import pytest

from agent_sdk_core.schemas import export_json_schemas
from codex_sdk.normalizer import ThreadFacts, ThreadNormalizer

Wire = dict[str, Any]


class Scene:
    """Feeds a normalizer and keeps what it gives, as the dicts that go on the wire."""

    def __init__(self, validator: Any, *, partial: bool = True) -> None:
        self.facts = ThreadFacts("thread-1", cwd="/w", model="gpt-test")
        self.thread = ThreadNormalizer(self.facts, partial=partial)
        self.messages: list[Any] = []
        self._validator = validator

    def feed(self, method: str, params: Any = None, **fields: Any) -> list[Wire]:
        """Feed one notification of turn-1."""
        params = {"threadId": "thread-1", "turnId": "turn-1", **fields} if params is None else params
        return self.take(self.thread.feed(method, params, {"method": method, "params": params}))

    def take(self, messages: list[Any]) -> list[Wire]:
        self.messages += messages
        wires = [json.loads(message.to_json()) for message in messages]
        for wire in wires:
            self._validator.validate(wire)
        return wires

    def begin(self, turn: str = "turn-1", **fields: Any) -> list[Wire]:
        return self.feed("turn/started", turn={"id": turn, "rootTurnId": turn, **fields})

    def started(self, kind: str, item_id: str = "item-1", turn: str = "turn-1", **fields: Any) -> list[Wire]:
        return self.feed("item/started", turnId=turn, item={"type": kind, "id": item_id, **fields})

    def completed(self, kind: str, item_id: str = "item-1", turn: str = "turn-1", **fields: Any) -> list[Wire]:
        return self.feed("item/completed", turnId=turn, item={"type": kind, "id": item_id, **fields})

    def said(self, piece: str, item_id: str = "item-1") -> list[Wire]:
        return self.feed("item/agentMessage/delta", itemId=item_id, delta=piece)

    def printed(self, piece: str, item_id: str = "item-1") -> list[Wire]:
        return self.feed("item/commandExecution/outputDelta", itemId=item_id, delta=piece)

    def counted(self, total: int, last: int = 10, turn: str = "turn-1", **fields: Any) -> list[Wire]:
        usage: Wire = {
            "total": {"inputTokens": total, "outputTokens": 0, "totalTokens": total},
            "last": {"inputTokens": last, "outputTokens": 0, "totalTokens": last},
            **fields,
        }
        return self.feed("thread/tokenUsage/updated", turnId=turn, tokenUsage=usage)

    def end(self, status: str = "completed", turn: str = "turn-1", **fields: Any) -> list[Wire]:
        return self.feed("turn/completed", {"threadId": "thread-1", "turn": {"id": turn, "status": status, **fields}})

    @property
    def wires(self) -> list[Wire]:
        return [json.loads(message.to_json()) for message in self.messages]


def check_rules(messages: list[Any]) -> None:
    """Assert what holds of any stream of messages, whatever the wire did."""
    uuids = Counter(message.uuid for message in messages)
    assert not [uuid for uuid, count in uuids.items() if count > 1]
    assert {message.session_id for message in messages} <= {"thread-1"}
    assert all(message.source is not None and message.source.backend == "codex" for message in messages)
    results = Counter(message.source.turn_id for message in messages if message.type == "result")
    assert all(count == 1 for count in results.values())
    _check_tools(messages)
    _check_streams(messages)


def _check_tools(messages: list[Any]) -> None:
    used = Counter(use.id for message in messages if message.type == "assistant" for use in message.tool_uses)
    answered: Counter[str] = Counter()
    for message in messages:
        if message.type == "assistant":
            assert all(used[use.id] == 1 for use in message.tool_uses)
        elif message.type == "user":
            answered.update(result.tool_use_id for result in message.tool_results)
    assert set(answered) <= set(used)
    assert all(count == 1 for count in answered.values())


def _check_streams(messages: list[Any]) -> None:
    """Blocks: deltas joined equal the block; start, deltas, full, stop, message_delta, message_stop in order."""
    open_blocks: dict[tuple[str, int], str] = {}
    full: dict[str, list[Any]] = {}
    begun: set[str] = set()
    for message in messages:
        if message.type == "assistant":
            full.setdefault(message.message.id, []).append(message.content[0])
        if message.type != "stream_event":
            continue
        event, message_id = message.event, message.api_message_id
        match event["type"]:
            case "message_start":
                assert message_id not in begun
                begun.add(message_id)
            case "content_block_start":
                assert message_id in begun
                open_blocks[message_id, event["index"]] = ""
            case "content_block_delta":
                delta = event["delta"]
                piece = delta.get("text") or delta.get("thinking") or delta.get("partial_json") or ""
                open_blocks[message_id, event["index"]] += piece
            case "content_block_stop":
                block, streamed = full[message_id][-1], open_blocks.pop((message_id, event["index"]))
                if block.type == "tool_use":
                    assert json.loads(streamed) == block.input
                else:
                    assert streamed == (block.text if block.type == "text" else block.thinking)
            case "message_delta":
                assert not [key for key in open_blocks if key[0] == message_id]
            case other:
                assert other == "message_stop"


@pytest.fixture(scope="session")
def validator() -> Any:
    return jsonschema.Draft202012Validator(export_json_schemas()["sdk_message.schema.json"])


@pytest.fixture
def scene(validator: Any) -> Any:
    return Scene(validator)


@pytest.fixture
def quiet_scene(validator: Any) -> Any:
    """A scene without stream events and tool progress."""
    return Scene(validator, partial=False)


@pytest.fixture(scope="session")
def make_scene(validator: Any) -> Callable[[], Any]:
    return lambda: Scene(validator)


@pytest.fixture(scope="session")
def rules() -> Callable[[list[Any]], None]:
    return check_rules
