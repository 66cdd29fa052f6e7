"""What those see who watch a running turn: its messages, and what the assistant said last."""

from __future__ import annotations

from collections.abc import Sequence

from agent_sdk_core.messages.base import Source
from agent_sdk_core.messages.conversation import AssistantMessage
from agent_sdk_core.messages.parse import SDKMessage
from agent_sdk_core.messages.result import ResultMessage
from agent_sdk_core.runtime.turns.records import RunningTurn


def show(running: RunningTurn | None, batch: Sequence[SDKMessage]) -> None:
    """Give messages to those who watch the running turn, if they belong to it."""
    if running is None or not running.records or not batch:
        return
    watched = [(record.uuid, buffer) for record in running.records if (buffer := record.buffer) is not None]
    if watched:
        last = batch[-1]
        result = last if isinstance(last, ResultMessage) and last.parent_tool_use_id is None else None
        rest = batch if result is None else batch[:-1]
        ended = set(result.user_message_uuids) if result is not None else set[str]()
        ending = any(uuid in ended for uuid, _ in watched)
        mine = _belonging(rest, running.native_id)
        mine = running.in_order(mine, ending=ending)
        for uuid, buffer in watched:
            buffer.publish([*mine, last] if uuid in ended else mine)


def note_text(running: RunningTurn | None, message: AssistantMessage) -> None:
    """Remember what the assistant said last, for `Turn.text`."""
    if running is not None and _belongs(message, running.native_id) and (text := message.text):
        for record in running.records:
            record.text = text


def _belonging(batch: Sequence[SDKMessage], native_id: str | None) -> list[SDKMessage]:
    """Return the messages of the running turn; those of one item share their source, so that each is looked at once."""
    mine: list[SDKMessage] = []
    last: Source | None = None
    for message in batch:
        source = message.source
        if (source is last and last is not None) or _belongs(message, native_id):
            mine.append(message)
            last = source
    return mine


def _belongs(message: SDKMessage, native_id: str | None) -> bool:
    """Tell whether a message is of the running turn: not of one that ended, unless a sub-agent's."""
    source = message.source
    if source is None or source.turn_id is None or message.parent_tool_use_id is not None:
        return True
    return source.turn_id == native_id
