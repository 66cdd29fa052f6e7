"""Everything that is kept of one thread, for the functions that take its events."""

from __future__ import annotations

from agent_sdk_core.messages.base import Source
from agent_sdk_core.messages.system import StatusMessage
from agent_sdk_core.wire.reading import Json, text_at
from agent_sdk_core.wire.recent import Recent
from codex_sdk.normalizer.cards.open_cards import Cards
from codex_sdk.normalizer.emitter import Frames
from codex_sdk.normalizer.items.agents import SubAgent
from codex_sdk.normalizer.items.raw_calls import RawCalls
from codex_sdk.normalizer.speech.speech import Speech
from codex_sdk.normalizer.speech.user_prompts import Prompts
from codex_sdk.normalizer.turns.thread_facts import ThreadFacts
from codex_sdk.normalizer.turns.turns import BACKEND, Turn, Turns
from codex_sdk.normalizer.turns.usage import Ledger, UsageMeter


class ThreadState:
    """One thread.

    Attributes:
        frames: Where messages are added.
        turns: Its turns, and its facts.
        prompts: What was asked.
        speech: What the model says.
        cards: What it does.
        raw_calls: What it does, of which Codex makes no item.
        meter: What it costs.
        compacting: By open contextCompaction item, the context's tokens before it.
        noticed: The items that became a notice.
        kinds: By item, the type that it was first said to have.
        rate_limits: The limits that were told last.
        finished: Whether Codex ended a turn.
        pursues: Whether Codex has a goal that it pursues.
        given_up: The turns that we ended, and Codex has not.
    """

    def __init__(
        self,
        facts: ThreadFacts,
        frames: Frames,
        *,
        ledger: Ledger | None = None,
        agent: SubAgent | None = None,
        root: Turns | None = None,
    ) -> None:
        self.frames = frames
        self.turns = Turns(frames, facts, agent=agent, root=root)
        self.prompts = Prompts(frames, self.turns)
        self.kinds = Recent()
        self.speech = Speech(frames, self.turns, self.kinds)
        self.cards = Cards(frames)
        self.raw_calls = RawCalls(self.kinds)
        self.meter = UsageMeter(ledger)
        self.compacting: dict[str, int | None] = {}
        self.noticed = Recent()
        self.rate_limits: Json | None = None
        self.finished = False
        self.pursues = False
        self.given_up: set[str] = set()

    def source(self, params: Json) -> Source:
        """Return the origin of a message about an event: its turn, else the one that runs, else the thread.

        A turn that was not told to have begun, which its response may name early, is none yet.
        """
        turn = self.turns.known(text_at(params, "turnId")) or self.turns.active
        return turn.source if turn is not None and turn.begun else Source(BACKEND, self.turns.facts.thread_id)

    def turn(self, params: Json) -> Turn:
        """Return the turn of an event, with its opening emitted.

        Raises:
            LookupError: The event names none, and none runs.
        """
        if turn_id := text_at(params, "turnId"):
            return self.turns.of(turn_id)
        if (active := self.turns.active) is not None:
            return self.turns.begin(active.id)
        raise LookupError("the event belongs to no turn")

    def stop_compacting(self, turn: Turn) -> None:
        """End the status of a compaction that failed, whose item is never completed."""
        if self.compacting:
            self.compacting.clear()
            self.frames.system(StatusMessage, "status", turn.synthetic, {"status": None})
