"""What is open in a chat: text in the making, previews of running tools, and what takes them away."""

from __future__ import annotations

from typing import Any

from agent_chat.chats.pieces import PREVIEW_LIMIT, OpenPieces, is_shown, piece_of
from agent_sdk_core.messages.parse import SDKMessage, parse_message


def message(kind: str, /, **fields: Any) -> SDKMessage:
    return parse_message({"type": kind, "uuid": "u", "session_id": "s", **fields})


def delta(name: str, text: str, *, of: str = "m", index: int = 0) -> SDKMessage:
    event = {"type": "content_block_delta", "index": index, "delta": {"type": f"{name}_delta", name: text}}
    return message("stream_event", api_message_id=of, event=event)


def said(kind: str, text: str, *, of: str = "m") -> SDKMessage:
    return message("assistant", message={"id": of, "content": [{"type": kind, kind: text}]})


def texts(pieces: OpenPieces) -> list[str]:
    found: list[str] = []
    for data in pieces.to_wire():
        wire = data["message"]
        delta = wire.get("event", {}).get("delta", {})
        found.append(delta.get("text") or delta.get("thinking") or wire.get("output"))
    return found


def feed(*messages: SDKMessage) -> OpenPieces:
    pieces = OpenPieces()
    for each in messages:
        pieces.feed(each)
    return pieces


def test_what_streams_is_kept_as_one_delta_a_block() -> None:
    pieces = feed(
        delta("thinking", "Hm"), delta("text", "Hel", index=1), delta("text", "lo", index=1), delta("text", "x", of="n")
    )
    assert texts(pieces) == ["Hm", "Hello", "x"]


def test_a_full_message_takes_its_block_away_and_no_other() -> None:
    pieces = feed(delta("thinking", "Hm"), delta("text", "Hel", index=1), delta("text", "x", of="n"))
    pieces.feed(said("text", "Hello"))
    assert texts(pieces) == ["Hm", "x"]
    pieces.feed(said("thinking", "Hm"))
    pieces.feed(said("text", "nobody streamed this", of="other"))
    assert texts(pieces) == ["x"]


def test_the_end_of_a_turn_and_a_retry_take_everything_away() -> None:
    for end in (message("result", subtype="success"), message("system", subtype="api_retry")):
        assert texts(feed(delta("text", "x"), end)) == []


def test_a_running_tool_has_a_bounded_preview_until_its_result() -> None:
    grown = [message("tool_progress", tool_use_id="t", output="a" * 5_000) for _ in range(3)]
    pieces = feed(*grown, message("tool_progress", tool_use_id="t", output="end"))
    (preview,) = texts(pieces)
    assert len(preview) == PREVIEW_LIMIT
    assert preview.endswith("aend")
    block = {"type": "tool_result", "tool_use_id": "t", "content": "all"}
    pieces.feed(message("user", message={"role": "user", "content": [block]}))
    assert texts(pieces) == []


def test_steps_of_a_stream_without_text_are_not_shown() -> None:
    start = message("stream_event", event={"type": "message_start", "message": {}})
    assert not is_shown(start)
    assert piece_of(message("tool_progress", tool_use_id="t")) is None
    assert is_shown(delta("text", "x"))
    assert is_shown(said("text", "x"))
