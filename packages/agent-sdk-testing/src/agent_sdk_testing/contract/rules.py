"""The rules that hold for every stream of messages, whatever the case at hand: checked on all that the suite sees."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from typing import Any, cast

from jsonschema import Draft202012Validator

from agent_sdk_core import (
    AssistantMessage,
    InitMessage,
    RequestOpened,
    RequestResolved,
    ResultMessage,
    SDKMessage,
    StreamEvent,
    TextBlock,
    ThinkingBlock,
    ToolProgress,
    ToolUseBlock,
    UserMessage,
    parse_message,
    request_from_wire,
)
from agent_sdk_core.asking.requests import kind_of
from agent_sdk_core.schemas import export_json_schemas

BlockId = tuple[str | None, int]


def check_rules(messages: Sequence[SDKMessage], session_id: str) -> None:
    """Check everything that a session told, from its creation to its end."""
    for message in messages:
        assert message.session_id == session_id, f"a message of another session, or of none: {message!r}"
    identities = [message.uuid for message in messages]
    assert None not in identities
    assert len(set(identities)) == len(identities), "two messages share a uuid"
    check_turns(messages)
    check_tools(messages)
    check_requests(messages)
    check_blocks(messages)
    check_wire(messages)


def check_turn(messages: Sequence[SDKMessage], uuid: str) -> None:
    """Check what a `Turn` yielded: init first, its result last, and no other result."""
    results = [message for message in messages if isinstance(message, ResultMessage)]
    assert len(results) == 1, f"a turn has exactly one result, this one has {len(results)}"
    assert messages[-1] is results[0]
    assert uuid in results[0].user_message_uuids
    if len(messages) > 1:
        assert isinstance(messages[0], InitMessage), f"a turn begins with init, not with {messages[0]!r}"
    check_tools(messages)


def check_turns(messages: Sequence[SDKMessage]) -> None:
    """Each turn begins with init, and each prompt is ended by exactly one result."""
    seen: set[str] = set()
    for message in messages:
        turn = message.source.turn_id if message.source else None
        if turn is not None and turn not in seen and message.parent_tool_use_id is None:
            assert isinstance(message, InitMessage), f"a turn begins with init, not with {message!r}"
            seen.add(turn)
    ended = [uuid for message in messages if isinstance(message, ResultMessage) for uuid in message.user_message_uuids]
    assert len(set(ended)) == len(ended), "a prompt has two results"
    prompts = [message.uuid for message in messages if isinstance(message, UserMessage) and message.is_prompt]
    assert len(set(prompts)) == len(prompts), "a prompt is repeated twice"
    assert set(prompts) <= set(ended), "a prompt has no result"


def check_tools(messages: Sequence[SDKMessage]) -> None:
    """Each tool use has exactly one result, after it; progress comes between the two."""
    used: set[str] = set()
    answered: set[str] = set()
    for message in messages:
        if isinstance(message, AssistantMessage):
            for use in message.tool_uses:
                assert use.id not in used, f"two tool uses {use.id}"
                used.add(use.id)
        elif isinstance(message, UserMessage):
            for result in message.tool_results:
                assert result.tool_use_id in used, f"a result of an unknown tool use {result.tool_use_id}"
                assert result.tool_use_id not in answered, f"a second result of {result.tool_use_id}"
                answered.add(result.tool_use_id)
        elif isinstance(message, ToolProgress):
            assert message.tool_use_id in used
    assert used == answered, f"tool uses without a result: {used - answered}"


def check_requests(messages: Sequence[SDKMessage]) -> None:
    """Each request is opened once and resolved once, and who reads it on the wire has it as it was."""
    open_requests: set[str] = set()
    known: set[str] = set()
    for message in messages:
        if isinstance(message, RequestOpened):
            assert message.request_id not in known
            known.add(message.request_id)
            open_requests.add(message.request_id)
            request = request_from_wire(message.request)
            assert (request.request_id, kind_of(request)) == (message.request_id, message.kind)
            assert request.to_wire() == message.request, "a request does not come back from its wire form"
        elif isinstance(message, RequestResolved):
            assert message.request_id in open_requests, "a request was resolved twice, or never opened"
            open_requests.remove(message.request_id)
    assert not open_requests, "a request was never resolved"


def check_blocks(messages: Sequence[SDKMessage]) -> None:
    """The deltas of a block joined equal the block, which comes after them and before its stop."""
    streams: dict[BlockId, list[str]] = defaultdict(list)
    full: dict[str | None, int] = defaultdict(int)
    started: set[str | None] = set()
    stopped: set[str | None] = set()
    for message in messages:
        if isinstance(message, StreamEvent):
            _check_event(message, streams, full, started, stopped)
        elif isinstance(message, AssistantMessage):
            identity = message.message.id
            for block in message.content:
                _check_block(block, streams.get((identity, full[identity])))
                full[identity] += 1
    for identity, index in streams:
        assert full[identity] > index, f"block {index} of message {identity} streamed, and was never completed"
    assert started == stopped, "a message was started and never stopped"


def _check_event(
    message: StreamEvent,
    streams: dict[BlockId, list[str]],
    full: dict[str | None, int],
    started: set[str | None],
    stopped: set[str | None],
) -> None:
    identity, index = message.api_message_id, message.event.get("index", 0)
    assert identity is not None
    match message.event.get("type"):
        case "message_start":
            assert identity not in started
            started.add(identity)
        case "message_stop":
            assert identity in started
            stopped.add(identity)
        case "content_block_start":
            assert identity in started
            assert (identity, index) not in streams
            streams[identity, index] = []
        case "content_block_delta":
            assert (identity, index) in streams, "a delta of a block that was not started"
            assert full[identity] <= index, "a delta of a block that was completed"
            streams[identity, index].append(_piece(message))
        case "content_block_stop":
            assert full[identity] > index, "a block was stopped before its full message came"
        case _:
            pass


def _piece(message: StreamEvent) -> str:
    delta = message.event.get("delta", {})
    return delta.get("text") or delta.get("thinking") or delta.get("partial_json") or ""


def _check_block(block: object, pieces: list[str] | None) -> None:
    if pieces is None:
        return
    joined = "".join(pieces)
    match block:
        case TextBlock():
            assert joined == block.text
        case ThinkingBlock():
            assert joined == block.thinking
        case ToolUseBlock():
            _check_input(joined, block)
        case _:
            raise AssertionError(f"deltas of a block that does not stream: {block!r}")


def _check_input(joined: str, block: ToolUseBlock) -> None:
    """The input that streamed is in the whole one, to which the agent may add its defaults."""
    partial = (block.model_extra or {}).get("partial_input")
    if partial is not None:  # It was cut off.
        assert joined == partial
        return
    streamed = json.loads(joined)
    assert {name: block.input.get(name) for name in streamed} == streamed


_ROOT = next(iter(export_json_schemas().values()))
_VALIDATOR = Draft202012Validator(_ROOT)
_valid_shapes: set[str] = set()


def check_wire(messages: Sequence[SDKMessage]) -> None:
    """The wire form fits the exported schema and reads back as the same message."""
    for message in messages:
        wire = cast("dict[str, object]", json.loads(message.to_json()))
        again = parse_message(wire)
        assert isinstance(message, type(again))  # A result may have a typed answer as well, which is not on the wire.
        assert again.to_wire() == message.to_wire()
        shape = json.dumps(_shape(wire), sort_keys=True)
        if shape not in _valid_shapes:  # Of messages that differ only in their values, one is enough.
            _VALIDATOR.validate(wire)  # pyright: ignore[reportUnknownMemberType]  # jsonschema has no types for it
            _valid_shapes.add(shape)


def _shape(value: object, key: str = "") -> Any:
    if isinstance(value, dict):
        return {name: _shape(inner, name) for name, inner in cast("dict[str, object]", value).items()}
    if isinstance(value, list):
        return [_shape(inner) for inner in cast("list[object]", value)]
    return value if key in ("type", "subtype") else type(value).__name__
