from __future__ import annotations

from typing import Any

import pytest

from agent_sdk_core.messages.parse import parse_message
from agent_sdk_core.messages.texts import TextPieces


def delta(text: str, *, message: Any = "m", index: Any = 0, kind: str = "text", **fields: Any) -> dict[str, Any]:
    event = {"type": "content_block_delta", "index": index, "delta": {"type": f"{kind}_delta", kind: text}}
    return {"type": "stream_event", "event": event, "api_message_id": message, **fields}


def stop(*, message: str = "m", index: int = 0) -> dict[str, Any]:
    return {
        "type": "stream_event",
        "event": {"type": "content_block_stop", "index": index},
        "api_message_id": message,
    }


def whole(*texts: str, message: Any = "m", **fields: Any) -> dict[str, Any]:
    content = [{"type": "text", "text": text} for text in texts]
    return {"type": "assistant", "message": {"id": message, "role": "assistant", "content": content}, **fields}


def result(**fields: Any) -> dict[str, Any]:
    return {"type": "result", "subtype": "success", **fields}


THOUGHT = {
    "type": "assistant",
    "message": {"role": "assistant", "content": [{"type": "thinking", "thinking": "Hm."}]},
}

FLOWS: dict[str, tuple[list[dict[str, Any]], list[str]]] = {
    "deltas, and the whole that repeats them": (
        [delta("He"), delta("llo"), whole("Hello"), stop(), result(result="Hello")],
        ["He", "llo"],
    ),
    "without deltas": (
        [whole("One", message="a"), whole("Two", message="b"), result(result="Two")],
        ["One", "\n\nTwo"],
    ),
    "two blocks of one message": (
        [
            *(delta("One"), whole("One"), stop(), delta("Two", index=1), whole("Two"), stop(index=1)),
            *(whole("Three"), result()),
        ],
        ["One", "\n\nTwo", "\n\nThree"],
    ),
    "thoughts, and what has no text": (
        [delta("Hm.", kind="thinking"), THOUGHT, stop(), delta("Yes", index=1), whole("Yes"), whole(""), result()],
        ["Yes"],
    ),
    "sub-agents": (
        [delta("a", parent_tool_use_id="t"), whole("ab", parent_tool_use_id="t"), whole("Main", message="n")],
        ["Main"],
    ),
    "a whole that goes on where the deltas ended": ([delta("He"), whole("Hello", aborted=True)], ["He", "llo"]),
    "a whole that says something else": ([delta("He"), whole("Bye"), whole("More", message="n")], ["He", "\n\nMore"]),
    "blocks of two messages at once": (
        [
            *(delta("A", message="a"), delta("B", message="b"), delta("a", message="a"), delta("b", message="b")),
            *(delta("C", message="c"), whole("Bb", message="b"), stop(message="b")),
            *(whole("Aa", message="a"), delta("c", message="c")),
        ],
        ["A", "a", "\n\nBb\n\nC", "c"],
    ),
    "what still waits at the end": (
        [delta("A", message="a"), delta("B", message="b"), delta("C", message="c"), result(result="C")],
        ["A", "\n\nB\n\nC"],
    ),
    "nothing but a result": ([result(result="$0.00")], ["$0.00"]),
    "nothing but a failure": (
        [whole("API Error", error="server_error"), result(is_error=True, result="API Error")],
        [],
    ),
    "messages without an id": ([whole("One", message=None), whole("Two", message=None)], ["One", "\n\nTwo"]),
    "an index that is none": ([delta("One", index=[]), delta("Two", index=[])], ["One", "Two"]),
}


@pytest.mark.parametrize("flow", FLOWS)
def test_the_text_of_a_turn_comes_in_pieces(flow: str) -> None:
    wires, expected = FLOWS[flow]
    pieces = TextPieces()
    told = [pieces.feed(parse_message(wire)) for wire in wires]
    assert [piece for piece in told if piece] == expected
