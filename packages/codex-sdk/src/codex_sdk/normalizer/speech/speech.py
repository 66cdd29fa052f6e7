"""What the model says: agentMessage, reasoning and plan items, streamed, completed, or cut off."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from agent_sdk_core.messages.parse import SDKMessage
from agent_sdk_core.wire.reading import Json, integer_at, text_at, texts_at
from agent_sdk_core.wire.recent import Recent
from codex_sdk.normalizer.emitter import Frames
from codex_sdk.normalizer.speech.streamed import StreamedMessage, StreamedPlan, StreamedThinking
from codex_sdk.normalizer.turns.turns import Turn, Turns

SPEECH: Final[Mapping[str, type[StreamedMessage]]] = {
    "agentMessage": StreamedMessage,
    "reasoning": StreamedThinking,
    "plan": StreamedPlan,
}
"""The item types that are speech."""

SUMMARY: Final = 0
RAW: Final = 1
"""The blocks of reasoning."""

STREAMED: Final[Mapping[object, tuple[type[StreamedMessage], int, str]]] = {
    "item/agentMessage/delta": (StreamedMessage, 0, ""),
    "item/reasoning/summaryTextDelta": (StreamedThinking, SUMMARY, "summaryIndex"),
    "item/reasoning/textDelta": (StreamedThinking, RAW, "contentIndex"),
}
"""By method that streams what is said: what it is, which block, and what counts its parts."""

_EXTRAS: Final = ("phase", "delivery", "questions", "memoryCitation")


class Speech:
    """The items that are being said; several may be open at once, such as a plan inside an agentMessage.

    Args:
        frames: Where messages are added.
        turns: The thread's turns.
        kinds: By item of the thread, the type that it was first said to have.
    """

    def __init__(self, frames: Frames, turns: Turns, kinds: Recent) -> None:
        self._frames = frames
        self._turns = turns
        self._kinds = kinds
        self._open: dict[str, StreamedMessage] = {}
        self._turn_of: dict[str, Turn] = {}
        # By item that completed or was cut off: the hash of what it said, 0 of nothing.
        self._done = Recent()
        self._again = Recent()

    def start(self, turn: Turn, item: Json) -> None:
        """Take item/started."""
        item_id = text_at(item, "id")
        if item_id in self._open or item_id in self._done or turn.ended:
            return
        kind = text_at(item, "type")
        if kind != "plan":
            # The model says one thing at a time, but for the plan inside a message: what is open was given up.
            self.cut(turn)
        self._begin(turn, item_id, kind)

    def delta(self, params: Json, kind: str) -> None:
        """Take more of an agentMessage or of a plan."""
        message = self._open.get(params.get("itemId", "")) or self._unopened(params, kind)
        piece = params.get("delta")
        if message is not None and isinstance(piece, str):
            message.add(0, piece)

    def reasoning(self, params: Json, block: int, number: str) -> None:
        """Take more of the reasoning, or that another part of it begins.

        Args:
            params: Those of the notification.
            block: `SUMMARY` or `RAW`.
            number: The field that counts its parts.
        """
        message = self._open.get(params.get("itemId", "")) or self._unopened(params, "reasoning")
        if not isinstance(message, StreamedThinking):
            return
        message.part(block, integer_at(params, number) or 0)
        piece = params.get("delta")
        if isinstance(piece, str):
            message.add(block, piece)

    def run(
        self, method: str, params: Json, texts: Sequence[str], lines: Sequence[bytes]
    ) -> Sequence[SDKMessage] | None:
        """Take deltas on end, and return what they become; None, with nothing done, unless their block is open."""
        kind, block, number = STREAMED[method]
        message = self._open.get(params.get("itemId", ""))
        if type(message) is not kind or not message.goes_on(block, params.get(number)):
            return None
        return message.add_run(block, texts, lines)

    def complete(self, turn: Turn, item: Json) -> None:
        """Take item/completed: finalize what streamed."""
        item_id, kind = text_at(item, "id"), text_at(item, "type")
        full = _texts(kind, item)
        message = self._open.get(item_id)
        if message is None:
            said = self._done.get(item_id)
            if said == hash("".join(full)) or not (said is None or any(full)):
                return
            message = self._begin(turn, self._another(item_id) if said else item_id, kind)
        self._close(message, item_id, hash("".join(full)))
        self._finish(turn, message, item, full)
        if kind == "agentMessage" and full[0]:
            turn.said = full[0]
            if item.get("phase") == "final_answer" and item.get("delivery") != "async":
                turn.answer = full[0]

    def cut(self, turn: Turn | None = None) -> None:
        """Finalize, as cut off, what is open in a turn; without one, everything."""
        for item_id, owner in list(self._turn_of.items()):
            if turn is None or owner is turn:
                message = self._open[item_id]
                self._close(message, item_id, hash("".join(message.texts())))
                self._abort(owner, message)

    def turn_of(self, item_id: str) -> Turn | None:
        """Return the turn of an item that is being said."""
        return self._turn_of.get(item_id)

    def goes_on(self, turn: Turn) -> bool:
        """Tell whether something is being said in a turn."""
        return turn in self._turn_of.values()

    def unfinished(self, kind: str) -> str | None:
        """Return an item of a type that is being said, for an event that does not say which."""
        return next((key for key, message in self._open.items() if type(message) is SPEECH[kind]), None)

    def said(self, item_id: str, item: Json) -> bool:
        """Tell whether an item was told to its end, and said this."""
        return self._done.get(item_id) == hash(text_at(item, "text"))

    def _another(self, message_id: str) -> str:
        """Return an id for what the item of a message says beside it."""
        number = self._again.get(message_id, 1) + 1
        self._again.note(message_id, number)
        return f"{message_id}#{number}"

    def _unopened(self, params: Json, kind: str) -> StreamedMessage | None:
        """Return a message for a delta whose item/started did not come; None if it is too late for one."""
        item_id, turn_id = text_at(params, "itemId"), text_at(params, "turnId")
        if not item_id or not turn_id or item_id in self._done or self._kinds.get(item_id, kind) != kind:
            return None
        self._kinds.note(item_id, kind)
        self.start(self._turns.of(turn_id), {"type": kind, "id": item_id})
        return self._open.get(item_id)

    def _begin(self, turn: Turn, item_id: str, kind: str) -> StreamedMessage:
        message = SPEECH[kind](self._frames, turn.item_source(item_id), item_id, turn.model)
        self._open[item_id] = message
        self._turn_of[item_id] = turn
        return message

    def _close(self, message: StreamedMessage, item_id: str, said: int) -> None:
        self._done.note(item_id, said)
        del self._open[message.message_id]
        del self._turn_of[message.message_id]

    def _finish(self, turn: Turn, message: StreamedMessage, item: Json, full: list[str]) -> None:
        extra = {key: item[key] for key in _EXTRAS if item.get(key) is not None}
        if not message.finish(full, extra):
            # What streamed cannot be taken back; the consumer keeps it as cut off, and gets the truth beside it.
            self._abort(turn, message)
            again = self._another(message.message_id)
            message = type(message)(self._frames, turn.item_source(text_at(item, "id")), again, turn.model)
            message.finish(full, extra)
        if "questions" in extra and not any(full):
            block = {"type": "text", "text": ""}
            self._frames.assistant(turn.item_source(message.message_id), message.message_id, turn.model, block, extra)
        self._answer_plan(turn, message, "The plan is ready.", is_error=False)

    def _abort(self, turn: Turn, message: StreamedMessage) -> None:
        message.abort()
        self._answer_plan(turn, message, "The plan was cut off.", is_error=True)

    def _answer_plan(self, turn: Turn, message: StreamedMessage, content: str, *, is_error: bool) -> None:
        if isinstance(message, StreamedPlan) and any(message.texts()):
            source = turn.item_source(message.message_id, synthetic=True)
            self._frames.tool_result(source, message.message_id, content, is_error=is_error, result=None)


def says(kind: str, item: Json) -> bool:
    """Tell whether an item, read as one of this type, says anything."""
    return kind in SPEECH and any(_texts(kind, item))


def _texts(kind: str, item: Json) -> list[str]:
    """Return the item's full text by block."""
    if kind == "reasoning":
        return ["\n\n".join(texts_at(item, "summary")), "\n\n".join(texts_at(item, "content"))]
    return [text_at(item, "text")]
