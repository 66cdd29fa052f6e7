"""`ThreadNormalizer`: one Codex thread's notifications in, messages out. It routes each to the part that knows it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from agent_sdk_core.messages.parse import SDKMessage
from agent_sdk_core.messages.usage import ModelPrice, SessionUsage
from agent_sdk_core.wire.reading import as_record, record_at, text_at
from codex_sdk.normalizer.emitter import Frames
from codex_sdk.normalizer.items.agents import SubAgent, started_outcome
from codex_sdk.normalizer.methods import METHODS
from codex_sdk.normalizer.not_messages import NOT_MESSAGES
from codex_sdk.normalizer.state import ThreadState
from codex_sdk.normalizer.turn_events import finish
from codex_sdk.normalizer.turns.results import ended_by_us
from codex_sdk.normalizer.turns.thread_facts import ThreadFacts
from codex_sdk.normalizer.turns.turns import Turns
from codex_sdk.normalizer.turns.usage import Ledger


class ThreadNormalizer:
    """Turns one thread's notifications into messages. Pure: no I/O, no awaits, no clock; it never raises.

    Args:
        facts: What the thread's response told; later ones are assigned to `facts`.
        partial: Whether stream events and tool progress are wanted.
        uuid_prefix: First 24 characters of the uuids of messages; random by default.
        agent: The sub-agent that this thread is of.
        root: The session's main thread, for a sub-agent's.
        prices: Price by model, for the costs of a main thread's session.
    """

    def __init__(
        self,
        facts: ThreadFacts,
        *,
        partial: bool = True,
        uuid_prefix: str | None = None,
        agent: SubAgent | None = None,
        root: ThreadNormalizer | None = None,
        prices: Mapping[str, ModelPrice] | None = None,
    ) -> None:
        self._frames = Frames(
            facts.thread_id if root is None else root.facts.thread_id,
            partial=partial,
            prefix=uuid_prefix,
            parent_tool_use_id=None if agent is None else agent.tool_use_id,
        )
        self._state = ThreadState(
            facts,
            self._frames,
            ledger=Ledger(prices) if root is None else root.ledger,
            agent=agent,
            root=None if root is None else root.turns,
        )
        self.contacts = self._state.cards.contacts

    @property
    def facts(self) -> ThreadFacts:
        """What is known of the thread beside its events."""
        return self._state.turns.facts

    @facts.setter
    def facts(self, facts: ThreadFacts) -> None:
        self._state.turns.facts = facts

    def move_to(self, facts: ThreadFacts, *, anew: bool = True) -> None:
        """Take the facts of the thread that goes on with the session; another one's usage counts from zero.

        Args:
            facts: What is known of it.
            anew: Whether the app-server that ran its turns is gone, and with it the turns that were given up.
        """
        if anew:
            self._state.given_up.clear()
        if facts.thread_id != self.facts.thread_id:
            self._state.meter.start_over()
        self.facts = facts

    @property
    def active_turn_id(self) -> str | None:
        """The turn that runs, None while there is none."""
        turn = self._state.turns.active
        return None if turn is None else turn.id

    @property
    def has_finished_turn(self) -> bool:
        """Whether Codex ended a turn; before that the thread cannot be resumed."""
        return self._state.finished

    @property
    def pursues_goal(self) -> bool:
        """Whether Codex has a goal that it pursues."""
        return self._state.pursues

    @property
    def given_up(self) -> Sequence[str]:
        """The turns that `end` ended one by one, and that Codex may still run."""
        return tuple(self._state.given_up)

    @property
    def usage(self) -> SessionUsage:
        """What the session used since we know it; total and context are this thread's."""
        return self._state.meter.session_usage()

    @property
    def ledger(self) -> Ledger:
        """What all threads of the session used."""
        return self._state.meter.ledger

    @property
    def agent(self) -> SubAgent | None:
        """The sub-agent that this thread is of, None for a main thread."""
        return self._state.turns.agent

    @property
    def turns(self) -> Turns:
        """The thread's turns."""
        return self._state.turns

    @property
    def parent_tool_use_id(self) -> str | None:
        """The tool use that started this thread, None for a main thread."""
        return self._frames.parent_tool_use_id

    def feed(self, method: str, params: dict[str, Any], raw: dict[str, Any]) -> list[SDKMessage]:
        """Return the messages that a notification becomes.

        Args:
            method: Its method.
            params: Its params.
            raw: All of it, for `message.raw`.
        """
        frames = self._frames
        frames.raw = raw
        handler = METHODS.get(method)
        try:
            if handler is not None:
                handler(self._state, params)
            elif method not in NOT_MESSAGES:
                frames.unknown(self._state.source(params), method, params)
        except Exception:
            # A corrupt event must neither stop the stream nor get lost, and the end of a turn must stay one.
            self._unreadable(method, params)
        frames.raw = None
        out, frames.out = frames.out, []  # As `take`; hot.
        return out

    def feed_run(
        self, method: str, params: dict[str, Any], texts: Sequence[str], lines: Sequence[bytes]
    ) -> Sequence[SDKMessage] | None:
        """Return the messages that deltas on end of an open item become; see `ThreadFamily.feed_run`."""
        return self._state.speech.run(method, params, texts, lines)

    def expect_prompt(
        self, uuid: str, content: str | list[dict[str, Any]], *, structured: bool = False, steered: bool = False
    ) -> None:
        """Note a prompt, before turn/start or turn/steer is sent with `uuid` as its clientUserMessageId.

        Args:
            uuid: Of the prompt.
            content: As its sender wrote it.
            structured: Whether an output schema is sent with it, so that the answer is JSON.
            steered: Whether it is sent to join a turn.
        """
        self._state.prompts.expect(uuid, content, structured=structured, steered=steered)

    def holds_prompt(self, uuid: str) -> bool:
        """Tell whether Codex was steered by a prompt, and has not taken it into the conversation."""
        return self._state.prompts.holds(uuid)

    def assign_prompt(self, uuid: str, turn_id: str) -> bool:
        """Note the turn that the response to turn/start or turn/steer names.

        Returns:
            Whether that turn's result lists the prompt or will. False if the turn is over without it: then the caller
            ends the prompt.
        """
        return self._state.prompts.assign(uuid, turn_id)

    def forget_prompt(self, uuid: str) -> None:
        """Drop a prompt whose turn/start or turn/steer was refused, or that a turn left out."""
        self._state.prompts.forget(uuid)

    def begin_interrupt(self, turn_id: str) -> list[str]:
        """Note that turn/interrupt is about to be sent; return the process ids of what the turn waits for.

        Without this call an interrupted turn's commands are told apart less well: Codex counts the interrupted model
        call, which looks as if its commands had been left running on purpose.
        """
        turn = self._state.turns.known(turn_id)
        if turn is None:
            return []
        turn.interrupting = True
        return self._state.cards.foreground(turn)

    def foreground_processes(self, turn_id: str) -> list[str]:
        """Return the process ids of the commands that the turn waits for, or waited for when it ended."""
        turn = self._state.turns.known(turn_id)
        return [] if turn is None else self._state.cards.foreground(turn)

    def unnamed_commands(self, turn_id: str) -> list[str]:
        """Return the items of the commands that belong to these, and of whose process Codex told no id."""
        turn = self._state.turns.known(turn_id)
        return [] if turn is None else self._state.cards.unnamed(turn)

    def lifts_sandbox(self, call_id: str) -> str | None:
        """Return why a call that is about to run asks to run outside of the sandbox; None if it does not."""
        return self._state.raw_calls.lifts_sandbox(call_id)

    def item(self, item_id: str) -> dict[str, Any] | None:
        """Return the latest known state of a tool item that is open, or that completed lately."""
        return self._state.cards.item(item_id)

    def open_items(self) -> list[dict[str, Any]]:
        """Return the latest known state of the tool items that have started and not completed, the oldest first."""
        return self._state.cards.open_items()

    def is_open(self, item_id: str) -> bool:
        """Tell whether an item has started and not completed."""
        return self._state.cards.opened(item_id) or self._state.speech.turn_of(item_id) is not None

    def has_completed(self, item_id: str) -> bool:
        """Tell whether an item was met, and is not open any more."""
        return self._state.kinds.get(item_id) is not None and not self.is_open(item_id)

    def knows_turn(self, turn_id: str) -> bool:
        """Tell whether the thread has a turn of this id, running or lately ended."""
        return self._state.turns.known(turn_id) is not None

    def announce(self) -> list[SDKMessage]:
        """Return the message that tells of the sub-agent whose thread this is, if it was not told."""
        if (agent := self.agent) is not None:
            agent.start(self._frames)
        return self._frames.take()

    def call_for(self, agent: SubAgent) -> list[SDKMessage]:
        """Return a tool use and its result for a sub-agent that no item of this thread started."""
        source = replace(agent.source, synthetic=True)
        block = {
            "type": "tool_use",
            "id": agent.tool_use_id,
            "name": "Task",
            "input": {"description": agent.description},
            "kind": "agent",
        }
        self._frames.assistant(source, agent.tool_use_id, self.facts.model, block, {})
        content, result = started_outcome(agent.thread_id, agent.description)
        self._frames.tool_result(source, agent.tool_use_id, content, is_error=False, result=result)
        return self._frames.take()

    def end(
        self, *, code: str, message: str, terminal_reason: str | None, turn_id: str | None = None
    ) -> list[SDKMessage]:
        """End what runs, because Codex will not: its process ended, the session closes, an interrupt got no answer.

        Args:
            code: Code of the `AgentError` class that says why.
            message: A sentence for a person.
            terminal_reason: As on the result, for example "aborted_streaming".
            turn_id: The turn to end; without one all of them and all background work.
        """
        ending = ended_by_us(code, message, terminal_reason)
        for turn in list(self._state.turns.running()):
            if turn_id is None or turn is self._state.turns.known(turn_id):
                status = "gone" if turn_id is None else "interrupted"
                finish(self._state, turn, status, ending, turn.synthetic, reason=message)
                if turn_id is not None:
                    self._state.given_up.add(turn.id)
        if turn_id is None:
            self._state.given_up.clear()
            self._state.cards.stop_tasks(message)
            if (agent := self.agent) is not None:
                agent.end(self._frames, "stopped", message)
        return self._frames.take()

    def refuse(self, item_id: str) -> None:
        """Note that a tool item was refused, before Codex is told so."""
        self._state.cards.refuse(item_id)

    def note_prompted(self, turn_id: str) -> None:
        """Note that a turn has prompts before they are seen: a stored turn, of which all is known."""
        self._state.turns.expect(turn_id).prompted = True

    def _unreadable(self, method: str, params: object) -> None:
        wire = as_record(params) or {}
        self._frames.unknown(self._state.source(wire), method, params)
        turn = self._state.turns.known(text_at(record_at(wire, "turn"), "id")) or self._state.turns.active
        if method == "turn/completed" and turn is not None and not turn.ended:
            ending = ended_by_us("protocol_error", "The turn ended with an event that could not be read.", "api_error")
            finish(self._state, turn, "failed", ending, turn.source)
