"""`Cards`: the calls of tools, each told once as a use and once as a result, whatever the agent leaves out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from acp_sdk.normalizer.facts import SessionFacts
from acp_sdk.normalizer.frames import Frames
from acp_sdk.normalizer.tools import Facts, Tool, exit_code, outcome, result_text, tool_of, was_stopped
from acp_sdk.protocol.tool_calls import ENDED_STATUSES, ToolCall, ToolCallContentChunk
from agent_sdk_core.messages.conversation import ToolProgress
from agent_sdk_core.wire.reading import Json

REFUSED: Final = "Nobody allowed it."


@dataclass(slots=True)
class Card:
    """A call.

    Attributes:
        facts: What is known of it.
        use: How its use was told; None: not yet.
        shown: The output that was told as progress.
        refused: Whether it was refused.
    """

    facts: Facts
    use: Tool | None = None
    shown: str = ""
    refused: bool = False


class Cards:
    """The calls of a session.

    Args:
        frames: Where its messages are made.
        session: What is known of the session.

    Attributes:
        denials: The uses that were refused since `take_denials`.
        interrupting: Whether the turn was asked to end: a command that tells no exit code then has been ended.
        closed: Ids of the calls of this turn that have their result, and of those that an earlier one was cut off in:
            of them an agent may tell when the turn is over.
    """

    def __init__(self, frames: Frames, session: SessionFacts) -> None:
        self._frames = frames
        self._session = session
        self._open: dict[str, Card] = {}
        self.interrupting = False
        self.closed: set[str] = set()
        self._cut_off: set[str] = set()
        self._stopped = False
        self._denials: list[dict[str, object]] = []

    def in_tool(self, *, interrupting: bool) -> bool:
        """Tell whether a turn that is cut off now is so in a call.

        Args:
            interrupting: Whether the turn was asked to end; if not, a refusal has ended it.
        """
        waits = any(card.use is not None for card in self._open.values())
        return waits or self._stopped or (bool(self._denials) and not interrupting)

    def feed(self, call: ToolCall, model: str | None) -> bool:
        """Take what is told of a call; False for one that has its result already."""
        if call.tool_call_id in self.closed:
            return False
        card = self._open.get(call.tool_call_id) or Card(Facts())
        self._open[call.tool_call_id] = card
        card.facts = card.facts.told(call)
        status = card.facts.status
        if status in ENDED_STATUSES:
            self._end(call.tool_call_id, card, model)
        elif card.facts.is_vague:
            pass
        elif status != "pending" or (card.facts.raw_input and card.facts.command) or card.facts.diffs:
            self._tell_use(call.tool_call_id, card, model)
            self._progress(call.tool_call_id, card)
        return True

    def chunk(self, update: ToolCallContentChunk, model: str | None) -> bool:
        """Take one more thing that a call gave; see `feed`."""
        card = self._open.get(update.tool_call_id)
        content = [*(card.facts.content if card is not None else ()), update.content]
        return self.feed(ToolCall(tool_call_id=update.tool_call_id, content=content), model)

    def asked(self, call: ToolCall, model: str | None) -> tuple[Facts, Tool]:
        """Note that a person is asked about a call, which may be the first that is told of it.

        Returns:
            What is known of it with what the request tells, and as a request has it.
        """
        card = self._open.get(call.tool_call_id)
        if card is None:
            facts = Facts().told(call)
            if call.tool_call_id in self.closed:  # It has its result already, and gets no second.
                return facts, self._tool(facts)
            card = self._open[call.tool_call_id] = Card(facts)
        facts = card.facts.told(call)
        if not card.facts.raw_input and facts.raw_input:
            card.facts = facts
        self._tell_use(call.tool_call_id, card, model, facts)
        tool = self._tool(facts)
        # A request may repeat less than was told of the call; whatever differs is asked as the request has it.
        if card.use is not None and card.use.name == tool.name and {**card.use.input, **tool.input} == card.use.input:
            tool = replace(card.use, surmised=tool.surmised)
        return facts, tool

    def refuse(self, tool_use_id: str) -> None:
        """Note that a call was refused."""
        if (card := self._open.get(tool_use_id)) is not None:
            card.refused = True

    def end_refused(self, model: str | None) -> None:
        """Give each call that was refused its result: the agent goes on, and told none."""
        for call_id, card in list(self._open.items()):
            if card.refused:
                self._end(call_id, card, model)

    def end_all(self, reason: str, model: str | None) -> None:
        """Give each open call a result: the agent tells none any more, or never does."""
        for call_id, card in list(self._open.items()):
            self._cut_off.add(call_id)
            if card.use is not None or card.facts.raw_input or card.facts.title:
                self._tell_use(call_id, card, model)
                self._close(call_id, card, result_text(card.facts) or reason, is_error=True, interrupted=True)
        self._open.clear()

    def take_denials(self) -> list[dict[str, object]]:
        """Return the uses that were refused, and forget the calls that are over."""
        denials, self._denials, self._stopped = self._denials, [], False
        self.closed = set(self._cut_off)
        return denials

    def _tell_use(self, call_id: str, card: Card, model: str | None, facts: Facts | None = None) -> None:
        if card.use is not None:
            return
        card.use = self._tool(facts or card.facts)
        block: Json = {"type": "tool_use", "id": call_id, "name": card.use.name, "input": card.use.input}
        self._frames.assistant(f"call_{call_id}", model, {**block, "kind": card.use.kind})

    def _tool(self, facts: Facts) -> Tool:
        return tool_of(facts, self._session.mcp_servers)

    def _progress(self, call_id: str, card: Card) -> None:
        text = card.facts.text
        if not self._frames.partial or card.use is None or len(text) <= len(card.shown):
            return
        new = text.removeprefix(card.shown)
        card.shown = text
        self._frames.add(ToolProgress, tool_use_id=call_id, tool_name=card.use.name, output=new)

    def _end(self, call_id: str, card: Card, model: str | None) -> None:
        self._tell_use(call_id, card, model)
        cut = self.interrupting and card.facts.kind == "execute" and exit_code(card.facts) is None
        stopped = card.facts.status == "cancelled" or was_stopped(card.facts) or cut
        failed = card.facts.status != "completed" or card.refused or stopped or exit_code(card.facts) not in (None, 0)
        self._stopped |= self.interrupting and failed  # Agents tell the end of the call before that of its turn.
        text = result_text(card.facts)
        if not text and card.refused:
            text = REFUSED
        self._close(call_id, card, text, is_error=failed, interrupted=stopped)

    def _close(self, call_id: str, card: Card, text: str, *, is_error: bool, interrupted: bool) -> None:
        self._open.pop(call_id, None)
        self.closed.add(call_id)
        assert card.use is not None
        found = outcome(card.facts, interrupted=interrupted)
        late = self._tool(card.facts)
        if late.name == card.use.name and late.input != card.use.input and not late.surmised:
            found = {**(found or {}), "input": late.input}
        if card.refused:
            self._denials.append({"tool_name": card.use.name, "tool_use_id": call_id, "tool_input": card.use.input})
        self._frames.tool_result(call_id, text, is_error=is_error, outcome=found)
