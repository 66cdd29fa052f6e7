"""What a thread did while nobody listened to it: read from the app-server, and told as if it had been heard."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from agent_sdk_core.rpc.jsonrpc import Peer
from agent_sdk_core.wire.reading import Json, records_at, text_at
from codex_sdk.normalizer.thread import ThreadNormalizer
from codex_sdk.threads.history import page_of_turns

_TURNS: Final = 10
"""Turns that are looked at, the latest: others may have begun some since."""


async def latest_turns(peer: Peer, thread_id: str) -> list[Json]:
    """Return the latest turns of a thread with their items: those that are complete, of one that runs (0.163).

    Raises:
        ProtocolError: The app-server refuses, as for a thread that is not on disk.
        FrameTooLargeError: The last turn alone is too long to be read.
    """
    page, _ = await page_of_turns(peer, {"threadId": thread_id, "sortDirection": "desc", "itemsView": "full"}, _TURNS)
    return records_at(page, "data")


def missed(normalizer: ThreadNormalizer, turns: Sequence[Json]) -> Iterator[tuple[str, Json]]:
    """Return the notifications that were missed of the turn that runs: method and params, in order.

    The prompt is told by the turn itself: here its item has another id than on the wire (0.163).
    """
    thread_id, turn_id = normalizer.facts.thread_id, normalizer.active_turn_id
    for turn in turns:
        if turn_id is None or text_at(turn, "id") != turn_id:
            continue
        for item in records_at(turn, "items"):
            is_prompt, runs = text_at(item, "type") == "userMessage", text_at(item, "status") == "inProgress"
            if not is_prompt and not runs and not normalizer.has_completed(text_at(item, "id")):
                yield "item/completed", {"threadId": thread_id, "turnId": turn_id, "item": item, "completedAtMs": 0}
        if text_at(turn, "status") != "inProgress":
            yield "turn/completed", {"threadId": thread_id, "turn": turn}
