"""item/started and item/completed, by item type; a type without an entry is a tool call."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from agent_sdk_core.messages.system import CompactBoundary, StatusMessage
from agent_sdk_core.wire.reading import Json, record_at, text_at
from codex_sdk.normalizer import notices
from codex_sdk.normalizer.speech.speech import SPEECH, says
from codex_sdk.normalizer.state import ThreadState
from codex_sdk.normalizer.turns.turns import Turn

ItemHandler = Callable[[ThreadState, Turn, Json, bool], None]
"""Takes the thread, the turn, the item, and whether it completed."""


def started(state: ThreadState, params: Json) -> None:
    """Take item/started."""
    _take(state, params, completed=False)


def completed(state: ThreadState, params: Json) -> None:
    """Take item/completed."""
    _take(state, params, completed=True)


def _take(state: ThreadState, params: Json, *, completed: bool) -> None:
    item = record_at(params, "item")
    item_id, kind = _identity(state, item) if completed else (text_at(item, "id"), text_at(item, "type"))
    # An item stays what it was at first, so that a corrupt event cannot make two messages of one id.
    kind = state.kinds.get(item_id) or kind
    if not item_id or not kind:
        raise LookupError("the item has no id or no type")
    state.kinds.note(item_id, kind)
    turn = _turn(state, params, item if kind == "userMessage" else None, item_id)
    told = len(state.frames.out)
    ITEMS.get(kind, _tool)(state, turn, {**item, "id": item_id, "type": kind}, completed)
    if completed and text_at(item, "text") and len(state.frames.out) == told and not state.speech.said(item_id, item):
        raise LookupError("the item says what no message tells")


def _turn(state: ThreadState, params: Json, prompt: Json | None, item_id: str) -> Turn:
    """Return the turn of an item: the one in which it began, or which took the prompt, or which the event names."""
    if (turn := state.speech.turn_of(item_id) or state.cards.turn_of(item_id)) is not None:
        return turn
    turn_id = text_at(params, "turnId")
    if prompt is not None and turn_id and state.turns.known(turn_id) is None:
        turn = state.prompts.turn_of(prompt)
        return state.turns.begin(turn_id if turn is None else turn.id)
    return state.turn(params)


def _identity(state: ThreadState, item: Json) -> tuple[str, str]:
    """Return id and type of a completed item; where one is damaged and it says something, as what it says it."""
    item_id, told = text_at(item, "id"), text_at(item, "type")
    known = state.kinds.get(item_id)
    kind = known or told or ("agentMessage" if text_at(item, "text") else "")
    if known is not None and told and told != known and not says(known, item):
        if says(told, item):  # It bears the id of another.
            return f"{item_id}#{told}", told
        if known in SPEECH:
            raise LookupError("the item bears the id of another")
    if not item_id and says(kind, item):
        item_id = state.speech.unfinished(kind) or f"item-{state.frames.prefix}{state.frames.count:x}"
    return item_id, kind


def _tool(state: ThreadState, turn: Turn, item: Json, completed: bool) -> None:
    (state.cards.complete if completed else state.cards.start)(turn, item)


def _activity(state: ThreadState, turn: Turn, item: Json, completed: bool) -> None:
    # That a sub-agent completed is told by the end of its own turn.
    if item.get("kind") != "completed" or state.cards.opened(text_at(item, "id")):
        _tool(state, turn, item, completed)


def _speech(state: ThreadState, turn: Turn, item: Json, completed: bool) -> None:
    (state.speech.complete if completed else state.speech.start)(turn, item)


def _prompt(state: ThreadState, turn: Turn, item: Json, completed: bool) -> None:
    del completed
    if not state.prompts.knows(text_at(item, "id")):
        state.stop_compacting(turn)
        # Steered: Codex gives up what the model was saying.
        state.speech.cut(turn)
        state.prompts.seen(turn, item)


def _notice(handler: Callable[[ThreadState, Turn, Json], None]) -> ItemHandler:
    def take(state: ThreadState, turn: Turn, item: Json, completed: bool) -> None:
        item_id = text_at(item, "id")
        if completed and item_id not in state.noticed:
            state.noticed.note(item_id)
            handler(state, turn, item)

    return take


def _compaction(state: ThreadState, turn: Turn, item: Json, completed: bool) -> None:
    item_id = text_at(item, "id")
    source = turn.item_source(item_id)
    if item_id in state.noticed:
        return
    if item_id not in state.compacting:
        state.compacting[item_id] = state.meter.context_tokens
        state.frames.system(StatusMessage, "status", source, {"status": "compacting"})
    if not completed:
        return
    state.noticed.note(item_id)
    before, after = state.compacting.pop(item_id), state.meter.context_tokens
    # A turn of its own that nobody's prompt started is one that compact() started.
    metadata: Json = {"trigger": "auto" if turn.prompted or state.prompts.awaited else "manual"}
    if before is not None:
        metadata["pre_tokens"] = before
    if after is not None and after != before:
        metadata["post_tokens"] = after
    state.frames.system(CompactBoundary, "compact_boundary", source, {"compact_metadata": metadata})
    state.frames.system(StatusMessage, "status", source, {"status": None})


ITEMS: Final[Mapping[str, ItemHandler]] = {
    "userMessage": _prompt,
    "agentMessage": _speech,
    "reasoning": _speech,
    "plan": _speech,
    "contextCompaction": _compaction,
    "subAgentActivity": _activity,
    "enteredReviewMode": _notice(notices.review_mode),
    "exitedReviewMode": _notice(notices.review_mode),
    "hookPrompt": _notice(notices.hook_prompt),
}
"""The item types that are no tool call, or not always; those that are have their shape in `tool_shapes`."""
