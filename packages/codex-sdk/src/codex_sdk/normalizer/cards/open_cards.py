"""Open tool uses: every one gets exactly one tool_result, and what goes on afterwards is told as a task."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from agent_sdk_core.wire.reading import Json, text_at
from agent_sdk_core.wire.recent import Recent
from codex_sdk.normalizer.cards.card import Card, Contact
from codex_sdk.normalizer.cards.card_messages import CardMessages
from codex_sdk.normalizer.emitter import Frames
from codex_sdk.normalizer.items.commands import cut_off
from codex_sdk.normalizer.items.shapes import ToolShape
from codex_sdk.normalizer.items.tool_shapes import tool_shape
from codex_sdk.normalizer.turns.turns import Turn

_KEPT_ITEMS: Final = 32
"""How many items that completed last are kept whole, for requests that name one of them."""

_CUT: Final = {
    "interrupted": "Interrupted before it finished.",
    "completed": "Codex told no outcome before the turn ended.",
    "failed": "The turn failed before it finished.",
}


class Cards:
    """The tool calls of a thread that are open, and those that completed last.

    Args:
        frames: Where messages are added.

    Attributes:
        contacts: The sub-agents that closed items named, until somebody takes them.
    """

    def __init__(self, frames: Frames) -> None:
        self._say = CardMessages(frames)
        self._cards: dict[str, Card] = {}
        self._done = Recent()
        self._closed = Recent(_KEPT_ITEMS)
        self.contacts: list[Contact] = []

    def start(self, turn: Turn, item: Json) -> None:
        """Take item/started: emit its tool uses, if they are known yet."""
        item_id = text_at(item, "id")
        if item_id in self._cards or item_id in self._done:
            return
        for card in self._open(turn):
            if card.state == "yielded":
                card.state = "left"
        shape = tool_shape(text_at(item, "type"))
        if turn.ended and not shape.runs_on:
            # Nothing would close it: it appears when it completes.
            return
        card = self._add(turn, item, shape)
        if shape.opens == "started":
            self._say.use(card, shape.uses(item))
        if turn.ended:
            self._leave(card)

    def update(self, item_id: str, changes: Json) -> None:
        """Note fields of an open item that changed before it completed."""
        if (card := self._cards.get(item_id)) is not None:
            card.item = {**card.item, **changes}

    def progress(self, item_id: str, piece: str, extra: Json) -> None:
        """Take output of a running tool."""
        card = self._cards.get(item_id)
        if card is not None:
            card.print(piece)
            self._say.progress(card, piece, extra)

    def refuse(self, item_id: str) -> None:
        """Note that an open tool call was refused. Codex 0.163 tells that itself, but for MCP servers and our tools."""
        card = self._cards.get(item_id)
        if card is not None and card.item.get("type") in ("mcpToolCall", "dynamicToolCall"):
            card.refused = True

    def typed_into(self, item_id: str) -> None:
        """Note that the model wrote to a command, or polled it. Codex 0.163 tells it when that call is over."""
        card = self._cards.get(item_id)
        if card is not None and card.state in ("yielded", "left"):
            card.state = "waiting"

    def model_called(self, turn: Turn) -> None:
        """Note that a model call was counted: a command it made that is still open has yielded."""
        if not turn.interrupting:
            # An interrupt counts the call as well, while its commands have not yielded.
            for card in self._open(turn):
                if card.state == "waiting":
                    card.state = "yielded"

    def complete(self, turn: Turn, item: Json) -> None:
        """Take item/completed: emit the results, or for a background command the notice that it ended."""
        item_id = text_at(item, "id")
        card = self._cards.get(item_id)
        if card is None:
            if item_id in self._done:
                return
            card = self._add(turn, item, tool_shape(text_at(item, "type")))
        if turn.interrupting and card.state != "task":  # An interrupt leaves those alone.
            item = cut_off(item)
        card.item = item
        outcomes = card.shape.outcomes(item, card.printed())
        if card.state == "task":
            self._say.task_completed(card, outcomes[0])
        else:
            self._say.resolve(card, card.shape.uses(item), outcomes)
        self._close(card)

    def settle(self, turn: Turn, status: str, reason: str | None = None) -> None:
        """Close every card of a turn that ends.

        Args:
            turn: The turn.
            status: How it ended, in Codex's words; "gone" when its process is, so that nothing runs on.
            reason: What a card that is cut off says, where it is not Codex that ended the turn.
        """
        for card in self._open(turn):
            if card.state == "waiting" and status != "completed":
                if card.process_id:
                    turn.foreground.append(card.process_id)
                elif card.shape.runs_on:
                    turn.unnamed.append(card.id)
            if card.shape.runs_on and status != "gone" and card.outlives_turn(status):
                self._leave(card)
            elif card.state != "task":
                self._say.cut(card, reason or _CUT.get(status, _CUT["failed"]))
                self._close(card)

    def stop_tasks(self, reason: str) -> None:
        """Tell the end of everything that ran in the background: its process is gone."""
        for card in list(self._cards.values()):
            if card.state == "task":
                self._say.task_stopped(card, reason)
                self._close(card)

    def turn_of(self, item_id: str) -> Turn | None:
        """Return the turn of an item that is open."""
        card = self._cards.get(item_id)
        return None if card is None else card.turn

    def opened(self, item_id: str) -> bool:
        """Tell whether an item has started and not completed."""
        return item_id in self._cards

    def item(self, item_id: str) -> Json | None:
        """Return the latest state of an item that is open, or that completed lately."""
        card = self._cards.get(item_id)
        item: Json | None = self._closed.get(item_id) if card is None else card.item
        return item

    def open_items(self) -> list[Json]:
        """Return the latest state of every item that has started and not completed, the oldest first."""
        return [card.item for card in self._cards.values()]

    def foreground(self, turn: Turn) -> list[str]:
        """Return the process ids of the commands that the model waits for in a turn."""
        waiting = [card for card in self._open(turn) if card.state == "waiting"]
        return turn.foreground + [card.process_id for card in waiting if card.process_id]

    def unnamed(self, turn: Turn) -> list[str]:
        """Return the items of the commands that the model waits for and whose process Codex did not name.

        It names none where it asked before: the item has started by then, and is not told again (0.171).
        """
        waiting = [card for card in self._open(turn) if card.state == "waiting"]
        return turn.unnamed + [card.id for card in waiting if card.shape.runs_on and not card.process_id]

    def busy(self, turn: Turn) -> bool:
        """Tell whether the turn waits for a tool."""
        return any(card.uses and card.state == "waiting" for card in self._open(turn))

    def _open(self, turn: Turn) -> Iterator[Card]:
        return iter([card for card in self._cards.values() if card.turn is turn])

    def _add(self, turn: Turn, item: Json, shape: ToolShape) -> Card:
        card = Card(turn, item, shape, turn.item_source(text_at(item, "id")))
        self._cards[card.id] = card
        return card

    def _leave(self, card: Card) -> None:
        self._say.leave(card)
        card.state = "task"

    def _close(self, card: Card) -> None:
        self.contacts += [Contact(named, card.source) for named in card.shape.names(card.item)]
        del self._cards[card.id]
        self._done.note(card.id)
        self._closed.note(card.id, card.item)
