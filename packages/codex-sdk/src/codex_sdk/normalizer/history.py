"""Stored turns as messages: the same user, assistant, tool_result and boundary messages that the live stream gave."""

from __future__ import annotations

import uuid
from typing import Any

from agent_sdk_core.messages.conversation import AssistantMessage, UserMessage
from agent_sdk_core.messages.parse import SDKMessage
from agent_sdk_core.messages.system import CompactBoundary
from agent_sdk_core.wire.reading import records_at, text_at
from codex_sdk.normalizer.items.commands import cut_off
from codex_sdk.normalizer.thread import ThreadNormalizer
from codex_sdk.normalizer.turns.thread_facts import ThreadFacts


def history_messages(turn: dict[str, Any], facts: ThreadFacts) -> list[SDKMessage]:
    """Return the messages of a stored turn, as thread/turns/list gives it with `itemsView` "full".

    Their uuids follow from the turn's id, so that reading again gives equal messages; a prompt has its own uuid.
    What was cut off while it streamed is not stored, and so not here. A running turn leaves cards open.

    Args:
        turn: The turn with its items.
        facts: The thread.
    """
    turn_id, items = text_at(turn, "id"), records_at(turn, "items")
    normalizer = ThreadNormalizer(facts, partial=False, uuid_prefix=str(uuid.uuid5(uuid.NAMESPACE_OID, turn_id))[:24])
    if any(item.get("type") == "userMessage" for item in items):
        normalizer.note_prompted(turn_id)
    if text_at(turn, "status") == "interrupted" and items:
        items = [*items[:-1], cut_off(items[-1])]
    messages: list[SDKMessage] = []
    for item in items:
        event = {"item": item, "turnId": turn_id, "threadId": facts.thread_id}
        method = "item/started" if item.get("status") == "inProgress" else "item/completed"
        messages += normalizer.feed(method, event, item)
    if text_at(turn, "status") != "inProgress":
        messages += normalizer.feed("turn/completed", {"turn": turn, "threadId": facts.thread_id}, turn)
    return [message for message in messages if isinstance(message, AssistantMessage | UserMessage | CompactBoundary)]
