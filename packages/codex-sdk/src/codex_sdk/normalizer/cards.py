"""Open tool uses: every one gets exactly one tool_result, and what goes on afterwards is told as a task."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, Literal

from agent_sdk_core.messages.base import Source
from agent_sdk_core.messages.conversation import ToolProgress
from agent_sdk_core.messages.system import TaskNotification, TaskStarted
from codex_sdk.normalizer.commands import command_result
from codex_sdk.normalizer.frames import Frames, set_attribute
from codex_sdk.normalizer.shapes import Named, Outcome, ToolShape, ToolUse
from codex_sdk.normalizer.tool_shapes import tool_shape
from codex_sdk.normalizer.turns import Turn
from codex_sdk.normalizer.wire import Recent, Wire, optional_text, text

_KEPT_ITEMS: Final = 32
"""How many items that completed last are kept whole, for requests that name one of them."""

_KEPT_OUTPUT: Final = 1 << 20
"""How much of a command's streamed output is kept, in characters, for a result that comes without its own."""

State = Literal["waiting", "yielded", "left", "task"]


@dataclass(slots=True, eq=False)
class Card:
    """One item that is a tool call.

    Attributes:
        turn: Its turn.
        item: Its latest known state.
        shape: How it becomes tool uses.
        source: Origin of its messages.
        uses: The tool uses that were emitted.
        state: "waiting" while the model waits for it, "yielded" when the model call that made it ended without its
            outcome, "left" when the model went on, "task" when it runs in the background of an ended turn.
        output: What it printed, the last part of it.
        size: Length of that.
    """

    turn: Turn
    item: Wire
    shape: ToolShape
    source: Source
    uses: list[ToolUse] = field(default_factory=list[ToolUse])
    state: State = "waiting"
    output: list[str] = field(default_factory=list[str])
    size: int = 0

    @property
    def id(self) -> str:
        """Id of the item and of its first tool use."""
        return self.source.item_id or ""

    @property
    def process_id(self) -> str | None:
        """Codex's id of the process, for a command that has one."""
        return optional_text(self.item, "processId")

    def use_id(self, index: int) -> str:
        """Return the id of one of its tool uses."""
        return f"{self.id}#{index + 1}" if index else self.id

    def printed(self) -> str:
        """Return what it printed."""
        return "".join(self.output)


@dataclass(frozen=True, slots=True)
class Contact:
    """A sub-agent that a closed item named.

    Attributes:
        named: The sub-agent.
        source: Origin of the item's messages.
    """

    named: Named
    source: Source


class Cards:
    """The tool calls of a thread that are open, and those that completed last.

    Attributes:
        contacts: The sub-agents that closed items named, until somebody takes them.
    """

    def __init__(self, frames: Frames) -> None:
        self._frames = frames
        self._cards: dict[str, Card] = {}
        self._done = Recent()
        self._closed = Recent(_KEPT_ITEMS)
        self.contacts: list[Contact] = []

    def start(self, turn: Turn, item: Wire) -> None:
        """Take item/started: emit its tool uses, if they are known yet."""
        item_id = text(item, "id")
        if item_id in self._cards or item_id in self._done:
            return
        for card in self._open(turn):
            if card.state == "yielded":
                card.state = "left"
        shape = tool_shape(text(item, "type"))
        if turn.ended and not shape.runs_on:
            # Nothing would close it: it appears when it completes.
            return
        card = self._add(turn, item, shape)
        if shape.opens == "started":
            self._use(card, shape.uses(item))
        if turn.ended:
            self._leave(card)

    def update(self, item_id: str, changes: Wire) -> None:
        """Note fields of an open item that changed before it completed."""
        if (card := self._cards.get(item_id)) is not None:
            card.item = {**card.item, **changes}

    def progress(self, item_id: str, piece: str, extra: Wire) -> None:
        """Take output of a running tool."""
        card = self._cards.get(item_id)
        if card is None:
            return
        card.output.append(piece)
        card.size += len(piece)
        if card.size > 2 * _KEPT_OUTPUT:
            card.output = ["".join(card.output)[-_KEPT_OUTPUT:]]
            card.size = _KEPT_OUTPUT
        frames = self._frames
        if not (frames.partial and card.uses):
            return
        frames.count = count = frames.count + 1
        message = ToolProgress.__pydantic_validator__.validate_python(
            {
                "type": "tool_progress",
                "uuid": f"{frames.prefix}{count:012x}",
                "session_id": frames.session_id,
                "parent_tool_use_id": frames.parent_tool_use_id,
                "tool_use_id": item_id,
                "tool_name": card.uses[0].name,
                "output": piece,
                **extra,
            }
        )
        set_attribute(message, "_source", card.source)
        set_attribute(message, "_raw", frames.raw)
        frames.out.append(message)

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

    def complete(self, turn: Turn, item: Wire) -> None:
        """Take item/completed: emit the results, or for a background command the notice that it ended."""
        item_id = text(item, "id")
        card = self._cards.get(item_id)
        if card is None:
            if item_id in self._done:
                return
            card = self._add(turn, item, tool_shape(text(item, "type")))
        card.item = item
        outcomes = card.shape.outcomes(item, card.printed())
        if card.state == "task":
            code = outcomes[0].result.get("exitCode")
            how = "failed" if outcomes[0].is_error else "completed"
            summary = f"The command {how}." if code is None else f"The command {how} with exit code {code}."
            self._notify(card, how, summary, outcomes[0].result)
        else:
            self._resolve(card, card.shape.uses(item), outcomes)
        self._close(card)

    def settle(self, turn: Turn, status: str, reason: str | None = None) -> None:
        """Close every card of a turn that ends.

        Args:
            turn: The turn.
            status: How it ended, in Codex's words; "gone" when its process is, so that nothing runs on.
            reason: What a card that is cut off says, where it is not Codex that ended the turn.
        """
        for card in self._open(turn):
            if card.state == "waiting" and card.process_id and status != "completed":
                turn.foreground.append(card.process_id)
            if card.shape.runs_on and status != "gone" and _runs_on(card, status):
                self._leave(card)
            elif card.state != "task":
                self._cut(card, reason or _CUT.get(status, _CUT["failed"]))

    def stop_tasks(self, reason: str) -> None:
        """Tell the end of everything that ran in the background: its process is gone."""
        for card in list(self._cards.values()):
            if card.state == "task":
                self._notify(card, "stopped", reason, self._result(card))
                self._close(card)

    def opened(self, item_id: str) -> bool:
        """Tell whether an item has started and not completed."""
        return item_id in self._cards

    def item(self, item_id: str) -> Wire | None:
        """Return the latest state of an item that is open, or that completed lately."""
        card = self._cards.get(item_id)
        item: Wire | None = self._closed.get(item_id) if card is None else card.item
        return item

    def open_items(self) -> list[Wire]:
        """Return the latest state of every item that has started and not completed, the oldest first."""
        return [card.item for card in self._cards.values()]

    def foreground(self, turn: Turn) -> list[str]:
        """Return the process ids of the commands that the model waits for in a turn."""
        waiting = [card for card in self._open(turn) if card.state == "waiting"]
        return turn.foreground + [card.process_id for card in waiting if card.process_id]

    def busy(self, turn: Turn) -> bool:
        """Tell whether the turn waits for a tool."""
        return any(card.uses and card.state == "waiting" for card in self._open(turn))

    def _open(self, turn: Turn) -> Iterator[Card]:
        return iter([card for card in self._cards.values() if card.turn is turn])

    def _add(self, turn: Turn, item: Wire, shape: ToolShape) -> Card:
        card = Card(turn, item, shape, turn.item_source(text(item, "id")))
        self._cards[card.id] = card
        return card

    def _use(self, card: Card, uses: list[ToolUse]) -> None:
        for use in uses:
            block: Wire = {
                "type": "tool_use",
                "id": card.use_id(len(card.uses)),
                "name": use.name,
                "input": use.input,
            }
            if use.kind is not None:
                block["kind"] = use.kind
            card.uses.append(use)
            card.turn.tool_uses += 1
            self._frames.assistant(card.source, card.id, card.turn.model, block, {})

    def _resolve(self, card: Card, uses: list[ToolUse], outcomes: list[Outcome]) -> None:
        opened = list(card.uses)
        self._use(card, uses[len(opened) :])
        for index, use in enumerate(card.uses):
            if index >= len(outcomes):
                self._answer(card, index, Outcome("It is no longer part of the change.", is_error=True), card.source)
                continue
            outcome = outcomes[index]
            result = outcome.result
            if index < len(opened) and uses[index].input != use.input:
                result = {**result, "input": uses[index].input}
            self._answer(card, index, Outcome(outcome.content, outcome.is_error, outcome.declined, result), card.source)

    def _answer(self, card: Card, index: int, outcome: Outcome, source: Source) -> None:
        use, use_id = card.uses[index], card.use_id(index)
        if outcome.declined and not card.turn.ended:
            denial = {"tool_name": use.name, "tool_use_id": use_id, "tool_input": use.input}
            card.turn.denials.append(denial)
        result = outcome.result or None
        self._frames.tool_result(source, use_id, outcome.content, is_error=outcome.is_error, result=result)

    def _cut(self, card: Card, reason: str) -> None:
        source = card.turn.item_source(card.id, synthetic=True)
        printed = card.printed()
        content = f"{printed.rstrip()}\n{reason}" if printed.strip() else reason
        for index in range(len(card.uses)):
            self._answer(card, index, Outcome(content, True, False, self._result(card)), source)
        self._close(card)

    def _leave(self, card: Card) -> None:
        source = card.turn.item_source(card.id, synthetic=True)
        named = f" as process {card.process_id}" if card.process_id else ""
        note = f"Running in background{named}, task {card.id}."
        printed = card.printed()
        content = f"{printed.rstrip()}\n{note}" if printed.strip() else note
        result = {**command_result(printed), "backgroundTaskId": card.id}
        self._answer(card, 0, Outcome(content, False, False, result), source)
        fields: Wire = {
            "task_id": card.id,
            "tool_use_id": card.id,
            "description": card.uses[0].input.get("command", card.uses[0].name),
            "task_type": "local_bash",
            "process_id": card.process_id,
        }
        self._frames.system(TaskStarted, "task_started", source, fields)
        card.state = "task"

    def _notify(self, card: Card, status: str, summary: str, result: Wire) -> None:
        fields: Wire = {
            "task_id": card.id,
            "tool_use_id": card.id,
            "status": status,
            "summary": summary,
            "tool_use_result": result,
        }
        self._frames.system(TaskNotification, "task_notification", card.source, fields)

    def _result(self, card: Card) -> Wire:
        return command_result(card.printed(), interrupted=True) if card.shape.runs_on else {}

    def _close(self, card: Card) -> None:
        self.contacts += [Contact(named, card.source) for named in card.shape.names(card.item)]
        del self._cards[card.id]
        self._done.note(card.id)
        self._closed.note(card.id, card.item)


_CUT: Final = {
    "interrupted": "Interrupted before it finished.",
    "completed": "Codex told no outcome before the turn ended.",
    "failed": "The turn failed before it finished.",
}


def _runs_on(card: Card, status: str) -> bool:
    """Tell whether a command that is open at its turn's end goes on: the model left it, or the turn is content."""
    left = card.state == "left" or (card.state == "yielded" and card.turn.interrupting)
    return card.state != "task" and (status == "completed" or left)
