"""The recorded flows, and the rules that every stream of messages keeps, whatever happened to its wire."""

from __future__ import annotations

import importlib
import json
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, cast

import jsonschema
import pytest

from agent_sdk_core.schemas import export_json_schemas
from agent_sdk_core.wire_log import read_wire_log

FLOWS = Path(__file__).parent
SCRIPTS = FLOWS.parents[3] / "scripts"
Rules = Callable[[Sequence[Any]], None]


@pytest.fixture(scope="session")
def flow_text() -> Iterator[Callable[..., str]]:
    """What shows a flow as its snapshot does."""
    sys.path.insert(0, str(SCRIPTS))
    try:
        yield importlib.import_module("flows.snapshot").flow_text
    finally:
        sys.path.remove(str(SCRIPTS))


@pytest.fixture(scope="session")
def wires() -> dict[str, list[dict[str, Any]]]:
    """Every recorded wire by its flow's name."""
    return {path.name.removesuffix(".wire.jsonl"): list(read_wire_log(path)) for path in FLOWS.glob("*.wire.jsonl")}


@pytest.fixture(scope="session")
def rules() -> Rules:
    """Checks the messages of one session."""
    return check_rules


@pytest.fixture(scope="session")
def schema() -> Rules:
    """Checks messages against the exported JSON Schema; of those that differ only in their values, one."""
    validator: Any = jsonschema.Draft202012Validator(export_json_schemas()["sdk_message.schema.json"])
    seen: set[str] = set()

    def check(messages: Sequence[Any]) -> None:
        for message in messages:
            wire = json.loads(message.to_json())
            shape = json.dumps(_shape(wire), sort_keys=True)
            if shape not in seen:
                validator.validate(wire)
                seen.add(shape)

    return check


def check_rules(messages: Sequence[Any]) -> None:
    uuids = [message.uuid for message in messages]
    assert len(set(uuids)) == len(uuids)
    _check_turns(messages)
    _check_tools(messages)
    _check_tasks(messages)
    _check_requests(messages)
    _check_blocks(messages)


def _check_turns(messages: Sequence[Any]) -> None:
    begun: dict[str, str] = {}
    results: Counter[str] = Counter()
    prompts: Counter[str] = Counter()
    ended: Counter[str] = Counter()
    for message in messages:
        turn = str(message.source.turn_id) if message.source and message.source.turn_id else None
        if message.type == "result":
            assert message.parent_tool_use_id is None
            assert turn is not None
            results[turn] += 1
            ended.update(message.user_message_uuids)
        if message.type == "user" and message.is_replay:
            prompts[message.uuid] += 1
        # A request may name a turn of which nothing else arrived.
        asks = str(getattr(message, "subtype", "")).startswith("request_")
        if turn is not None and turn not in begun and message.parent_tool_use_id is None and not asks:
            begun[turn] = str(message.subtype if message.type == "system" else message.type)
    assert set(begun.values()) <= {"init"}, begun
    assert set(results) == set(begun)
    assert set(results.values()) <= {1}
    assert set(ended.values()) <= {1}
    assert set(prompts.values()) <= {1}


def _check_tools(messages: Sequence[Any]) -> None:
    used: set[str] = set()
    answered: set[str] = set()
    for message in messages:
        if message.type == "assistant":
            for use in message.tool_uses:
                assert use.id not in used
                used.add(use.id)
        elif message.type == "user":
            for result in message.tool_results:
                assert result.tool_use_id in used
                assert result.tool_use_id not in answered
                answered.add(result.tool_use_id)
        elif message.type == "tool_progress":
            assert message.tool_use_id in used
        assert message.parent_tool_use_id is None or message.parent_tool_use_id in used
    assert used == answered


def _check_tasks(messages: Sequence[Any]) -> None:
    running: set[str] = set()
    for message in messages:
        match getattr(message, "subtype", None):
            case "task_started":
                assert message.task_id not in running
                running.add(message.task_id)
            case "task_notification":
                running.remove(message.task_id)
            case _:
                pass
    assert not running


def _check_requests(messages: Sequence[Any]) -> None:
    opened = [message.request_id for message in messages if getattr(message, "subtype", None) == "request_opened"]
    resolved = [message.request_id for message in messages if getattr(message, "subtype", None) == "request_resolved"]
    assert len(set(opened)) == len(opened)
    assert sorted(opened) == sorted(resolved)


def _check_blocks(messages: Sequence[Any]) -> None:
    open_blocks: dict[tuple[str, int], str] = {}
    full: dict[str, list[Any]] = defaultdict(list)
    begun: set[str] = set()
    ended: set[str] = set()
    for message in messages:
        if message.type == "assistant":
            full[message.message.id] += message.content
        if message.type != "stream_event":
            continue
        message_id, event = message.api_message_id, message.event
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
                ended.add(message_id)
    assert begun == ended


def _shape(value: Any, key: str = "") -> Any:
    if isinstance(value, dict):
        return {name: _shape(inner, name) for name, inner in cast("dict[str, Any]", value).items()}
    if isinstance(value, list):
        return [_shape(inner) for inner in cast("list[Any]", value)]
    return value if key in ("type", "subtype") else type(value).__name__
