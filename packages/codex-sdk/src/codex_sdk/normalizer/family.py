"""`ThreadFamily`: the threads of one session, its main one and those that its sub-agents run in."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from agent_sdk_core.messages.base import Source
from agent_sdk_core.messages.parse import SDKMessage
from agent_sdk_core.messages.usage import ModelPrice, SessionUsage
from agent_sdk_core.wire.json_lines import mend
from agent_sdk_core.wire.reading import record_at, text_at
from agent_sdk_core.wire.recent import Recent
from codex_sdk.normalizer.cards.card import Contact
from codex_sdk.normalizer.items.agents import SubAgent
from codex_sdk.normalizer.items.shapes import Named
from codex_sdk.normalizer.thread import ThreadNormalizer
from codex_sdk.normalizer.turns.thread_facts import ThreadFacts
from codex_sdk.normalizer.turns.turns import BACKEND

_STARTING: Final = frozenset({"spawnAgent", "resumeAgent", "sendInput", "followupTask"})
_ITEMS: Final = ("item/started", "item/completed")
_REMEMBERED_THREADS: Final = 256


class ThreadFamily:
    """Turns the notifications of a session's threads into one stream of messages. Pure; never raises.

    A sub-agent's messages carry the session's id, and in `parent_tool_use_id` the tool use that started it. Its turns
    are tasks: `system/task_started` and `system/task_notification` instead of an init and a result.

    Codex announces no sub-agent's thread (0.163). It becomes one of the family when an item names it, or, where none
    does, by the root of its first turn; `take_adopted` tells, so that the caller can pass on what came before.

    Args:
        facts: What the main thread's response told.
        partial: Whether stream events and tool progress are wanted.
        uuid_prefix: First 24 characters of the uuids of the main thread's messages; random by default.
        prices: Price by model, from the user.

    Attributes:
        main: Makes messages of the main thread's events.
        adopted: The threads that were adopted since `take_adopted` was called.
    """

    def __init__(
        self,
        facts: ThreadFacts,
        *,
        partial: bool = True,
        uuid_prefix: str | None = None,
        prices: Mapping[str, ModelPrice] | None = None,
    ) -> None:
        self.main = ThreadNormalizer(facts, partial=partial, uuid_prefix=uuid_prefix, prices=prices)
        self._partial = partial
        self._prefix = uuid_prefix
        self._threads = {facts.thread_id: self.main}
        self.adopted: list[str] = []
        self._early: list[SDKMessage] = []
        self._rooted = Recent(_REMEMBERED_THREADS)

    @property
    def thread_ids(self) -> tuple[str, ...]:
        """The family's threads, the main one first, the others as they were adopted."""
        return tuple(self._threads)

    @property
    def usage(self) -> SessionUsage:
        """What the session used since we know it; total and context are the main thread's."""
        return self.main.usage

    def move_to(self, facts: ThreadFacts, *, anew: bool = True) -> None:
        """Take what is known of the main thread now, which may be another one than before; see `ThreadNormalizer`."""
        former = self.main.facts.thread_id
        self.main.move_to(facts, anew=anew)
        if facts.thread_id != former:
            others = {known: normalizer for known, normalizer in self._threads.items() if known != former}
            self._threads = {facts.thread_id: self.main, **others}

    def normalizer(self, thread_id: str) -> ThreadNormalizer | None:
        """Return what makes messages of a thread's events; None for a thread of no kin."""
        return self._threads.get(thread_id)

    def feed(self, thread_id: str, method: str, params: dict[str, Any], raw: dict[str, Any]) -> list[SDKMessage]:
        """Return the messages that a notification becomes; none for a thread of no kin.

        Args:
            thread_id: The thread that it is about.
            method: Its method.
            params: Its params.
            raw: All of it, for `message.raw`.
        """
        if len(self._threads) > 1 and method in _ITEMS:
            thread_id = self._thread_of_item(thread_id, method, params)
        normalizer = self._threads.get(thread_id)
        if normalizer is None:
            return []
        messages = normalizer.feed(method, params, raw)
        if self._early:
            messages, self._early = self._early + messages, []
        if normalizer.contacts:
            contacts = normalizer.contacts[:]
            normalizer.contacts.clear()
            for contact in contacts:
                messages += self._meet(normalizer, contact)
        return messages

    def feed_run(
        self, method: str, params: dict[str, Any], texts: Sequence[str], lines: Sequence[bytes]
    ) -> Sequence[SDKMessage] | None:
        """Return the messages that deltas on end of an open item become; None, with nothing done: each is to be fed.

        Args:
            method: Their method.
            params: Their params, but for the delta.
            texts: What each adds.
            lines: They as they were received, for `message.raw`.
        """
        normalizer = self._threads.get(params["threadId"])
        return None if normalizer is None or self._early else normalizer.feed_run(method, params, texts, lines)

    def thread_of(self, params: dict[str, Any]) -> str | None:
        """Return the thread whose turn an event names, whatever thread it names; None for a turn of no kin."""
        turn_id = text_at(params, "turnId") or text_at(record_at(params, "turn"), "id")
        known = (thread_id for thread_id, normalizer in self._threads.items() if normalizer.knows_turn(turn_id))
        return next(known, None) if turn_id else None

    def _thread_of_item(self, thread_id: str, method: str, params: dict[str, Any]) -> str:
        """Return the thread that has an item open, else the one that has its turn, else the one that it names."""
        item_id = text_at(record_at(params, "item"), "id")
        order = sorted(self._threads, key=lambda known: known != thread_id)
        opened = (known for known in order if self._threads[known].is_open(item_id))
        if method == "item/completed" and (owner := next(opened, None)) is not None:
            return owner
        named = self._threads.get(thread_id)
        has_turn = named is not None and named.knows_turn(text_at(params, "turnId"))
        return thread_id if has_turn else self.thread_of(params) or thread_id

    def take_adopted(self) -> list[str]:
        """Return the threads that were adopted since the last call."""
        adopted, self.adopted = self.adopted, []
        return adopted

    def claims(self, thread_id: str, method: str, params: dict[str, Any]) -> bool:
        """Tell whether the thread of an event, which is nobody's, is a sub-agent's of this session; then adopt it.

        True only where no item names the thread: its turn has one of this session's as its root, and no item that may
        still name it is open. The caller feeds what it kept of the thread.
        """
        if thread_id in self._threads:
            return False
        if method == "turn/started":
            root = text_at(record_at(params, "turn"), "rootTurnId")
            if root and self.main.knows_turn(root):
                self._rooted.note(thread_id, root)
        if thread_id not in self._rooted or self._is_starting():
            return False
        source = Source(BACKEND, self.main.facts.thread_id, item_id=f"agent:{thread_id}", synthetic=True)
        agent = SubAgent(thread_id, f"agent:{thread_id}", None, source, "sub-agent")
        self._early += self.main.call_for(agent)
        self._early += self._adopt(agent, model=None).announce()
        return True

    def item(self, thread_id: str, item_id: str) -> dict[str, Any] | None:
        """Return the latest known state of a tool item that is open, or that completed lately."""
        normalizer = self._threads.get(thread_id)
        return None if normalizer is None else normalizer.item(item_id)

    def open_items(self, thread_id: str) -> list[dict[str, Any]]:
        """Return the items of a thread that have started and not completed, the oldest first."""
        normalizer = self._threads.get(thread_id)
        return [] if normalizer is None else normalizer.open_items()

    def lifts_sandbox(self, thread_id: str, call_id: str) -> str | None:
        """Return why a call that is about to run asks to run outside of the sandbox; None if it does not."""
        normalizer = self._threads.get(thread_id)
        return None if normalizer is None else normalizer.lifts_sandbox(call_id)

    def refuse(self, thread_id: str, item_id: str) -> None:
        """Note that a tool item was refused, before Codex is told so: the result lists it."""
        if (normalizer := self._threads.get(thread_id)) is not None:
            normalizer.refuse(item_id)

    def parent_tool_use_id(self, thread_id: str) -> str | None:
        """Return the tool use that started a thread, None for the main one."""
        normalizer = self._threads.get(thread_id)
        return None if normalizer is None else normalizer.parent_tool_use_id

    def active_turns(self) -> list[tuple[str, str]]:
        """Return thread and turn of all that runs, the main thread's first."""
        return [
            (thread_id, turn_id)
            for thread_id, normalizer in self._threads.items()
            if (turn_id := normalizer.active_turn_id) is not None
        ]

    def end(
        self, *, code: str, message: str, terminal_reason: str | None, turn_id: str | None = None
    ) -> list[SDKMessage]:
        """End what runs, because Codex will not; the sub-agents first. Arguments as of `ThreadNormalizer.end`."""
        messages, self._early = self._early, []
        for normalizer in reversed(self._threads.values()):
            messages += normalizer.end(code=code, message=message, terminal_reason=terminal_reason, turn_id=turn_id)
        return messages

    def end_agents(self, *, code: str, message: str) -> list[SDKMessage]:
        """End the turns of sub-agents that run, because nobody listens to them; the main thread goes on."""
        messages: list[SDKMessage] = []
        for normalizer in self._threads.values():
            if normalizer is not self.main and normalizer.active_turn_id is not None:
                messages += normalizer.end(code=code, message=message, terminal_reason=None)
        return messages

    def _meet(self, parent: ThreadNormalizer, contact: Contact) -> list[SDKMessage]:
        named = contact.named
        known = self._threads.get(named.thread_id)
        if known is None:
            known = self._adopt(_agent(parent, named, contact.source), named.model)
        return known.announce() if named.spawned else []

    def _adopt(self, agent: SubAgent, model: str | None) -> ThreadNormalizer:
        facts = self.main.facts
        facts = replace(facts, thread_id=agent.thread_id, model=model or facts.model)
        name = f"{self._prefix} {agent.thread_id}"
        prefix = None if self._prefix is None else str(uuid.uuid5(uuid.NAMESPACE_OID, mend(name)))[:24]
        child = ThreadNormalizer(facts, partial=self._partial, uuid_prefix=prefix, agent=agent, root=self.main)
        self._threads[agent.thread_id] = child
        self.adopted.append(agent.thread_id)
        return child

    def _is_starting(self) -> bool:
        items = (item for normalizer in self._threads.values() for item in normalizer.open_items())
        return any(text_at(item, "tool") in _STARTING or item.get("type") == "subAgentActivity" for item in items)


def _agent(parent: ThreadNormalizer, named: Named, source: Source) -> SubAgent:
    # Without a turn: it may go on beside later ones.
    origin = Source(BACKEND, source.thread_id, item_id=source.item_id, synthetic=True)
    return SubAgent(named.thread_id, source.item_id or "", parent.parent_tool_use_id, origin, named.description)
