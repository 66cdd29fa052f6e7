"""Replay: a recorded wire log through the same normalizer as live, offline.

Reads what was asked of the app-server beside what it sent: the responses to thread/start and its like open sessions,
prompts are known by their turn/start, and what Codex asked is told with what it was answered. Pure.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from agent_sdk_core.messages.parse import SDKMessage
from agent_sdk_core.transport.json_lines import mend
from agent_sdk_core.usage import ModelPrice
from codex_sdk.normalizer import ThreadFacts, ThreadFamily
from codex_sdk.normalizer.content import user_content
from codex_sdk.normalizer.wire import Wire, as_record, optional_text, record, text
from codex_sdk.replay_requests import ReplayedRequests

_OPENING: Final = frozenset({"thread/start", "thread/resume", "thread/fork"})
_PROMPTING: Final = frozenset({"turn/start", "turn/steer"})
_LOG_ENDS: Final = ("log_ended", "The recording ends here.")


def replay(
    records: Iterable[Mapping[str, Any]],
    *,
    partial: bool = True,
    prices: Mapping[str, ModelPrice] | None = None,
) -> Iterator[SDKMessage]:
    """Return the messages that a recorded wire log becomes; never raises for what the log holds.

    Messages of several sessions come as they were recorded; `session_id` tells them apart. What is open at the end of
    the log is closed, as when the agent's process ends. Threads whose opening was not recorded come last.

    Args:
        records: The log, as `read_wire_log` reads it: objects with `dir` and `msg`.
        partial: Whether stream events and tool progress are wanted.
        prices: Price by model, for costs.
    """
    log = _Replay(partial=partial, prices=prices)
    for entry in records:
        logged = as_record(entry) or {}
        if (message := as_record(logged.get("msg"))) is not None:
            yield from log.sent(message) if logged.get("dir") == "out" else log.received(message)
    yield from log.finish()


class _Replay:
    """The sessions of one log."""

    def __init__(self, *, partial: bool, prices: Mapping[str, ModelPrice] | None) -> None:
        self._partial = partial
        self._prices = prices
        self._opened = 0
        self._families: dict[str, ThreadFamily] = {}
        self._owners: dict[str, ThreadFamily] = {}
        self._kept: dict[str, list[Wire]] = {}
        self._closed: set[str] = set()
        self._asked: dict[object, Wire] = {}
        self._requests = ReplayedRequests()

    def sent(self, message: Wire) -> Iterator[SDKMessage]:
        """Take a message of ours."""
        method = optional_text(message, "method")
        if method is None:
            yield from self._requests.answered(message)
            return
        if method == "initialize":
            # Another process: it knows nothing of the one before, whose request ids begin anew.
            yield from self._end_all("process_exited", "Codex was started anew.", "agent_exited")
        params = record(message, "params")
        family = self._owners.get(text(params, "threadId"))
        prompt = optional_text(params, "clientUserMessageId")
        if family is not None and method in _PROMPTING and prompt is not None:
            normalizer = family.normalizer(text(params, "threadId")) or family.main
            structured = params.get("outputSchema") is not None
            normalizer.expect_prompt(prompt, user_content({"content": params.get("input")}), structured=structured)
        elif family is not None and method == "turn/interrupt":
            normalizer = family.normalizer(text(params, "threadId"))
            if normalizer is not None:
                normalizer.begin_interrupt(text(params, "turnId"))
        if _hashable(message.get("id")):
            self._asked[message.get("id")] = message

    def received(self, message: Wire) -> Iterator[SDKMessage]:
        """Take a message of the agent's."""
        method = optional_text(message, "method")
        if method is None:
            yield from self._response(message)
        elif "id" in message:
            yield from self._request(method, message)
        else:
            yield from self._notification(method, message)

    def finish(self) -> Iterator[SDKMessage]:
        """End what is open, and replay the threads of which only events were recorded."""
        for thread_id in list(self._kept):
            kept = self._kept.get(thread_id)
            if kept:
                yield from self._open(ThreadFacts(thread_id))
        yield from self._end_all(*_LOG_ENDS, None)

    def _response(self, message: Wire) -> Iterator[SDKMessage]:
        asked = self._asked.pop(message["id"], None) if _hashable(message.get("id")) else None
        if asked is None:
            return
        method, params, result = text(asked, "method"), record(asked, "params"), as_record(message.get("result"))
        family = self._owners.get(text(params, "threadId"))
        if method in _OPENING:
            facts = ThreadFacts.from_response(result or {})
            if facts.thread_id:
                yield from self._open(facts)
        elif method in _PROMPTING and family is not None:
            self._prompted(family, params, result)
        elif method == "thread/unsubscribe" and family is not None and family is self._families.get(params["threadId"]):
            yield from self._close(family, "session_closed", "The session was closed.", "aborted_streaming")

    def _prompted(self, family: ThreadFamily, params: Wire, result: Wire | None) -> None:
        prompt = optional_text(params, "clientUserMessageId")
        normalizer = family.normalizer(text(params, "threadId"))
        if prompt is None or normalizer is None:
            return
        if result is None:
            normalizer.forget_prompt(prompt)
        elif turn_id := text(record(result, "turn"), "id") or text(result, "turnId"):
            normalizer.assign_prompt(prompt, turn_id)

    def _request(self, method: str, message: Wire) -> Iterator[SDKMessage]:
        thread_id = text(record(message, "params"), "threadId")
        if (family := self._owners.get(thread_id)) is not None:
            yield from self._requests.asked(method, message, family)
        elif thread_id and thread_id not in self._closed:
            self._kept.setdefault(thread_id, []).append(message)

    def _notification(self, method: str, message: Wire) -> Iterator[SDKMessage]:
        params = record(message, "params")
        thread_id = optional_text(params, "threadId")
        if thread_id not in self._owners:  # Where the thread is damaged, the turn may tell.
            known = (thread for family in self._families.values() if (thread := family.thread_of(params)))
            thread_id = next(known, thread_id)
        if thread_id is None:
            if method == "account/rateLimits/updated":
                for main_id, family in self._families.items():
                    yield from family.feed(main_id, method, params, message)
            return
        if method == "serverRequest/resolved":
            yield from self._requests.withdrawn(params.get("requestId"))
        family = self._owners.get(thread_id)
        if family is not None:
            yield from family.feed(thread_id, method, params, message)
            yield from self._adopted(family)
            return
        if thread_id in self._closed:
            return
        self._kept.setdefault(thread_id, []).append(message)
        for candidate in self._families.values():
            if candidate.claims(thread_id, method, params):
                yield from self._adopted(candidate)
                return

    def _adopted(self, family: ThreadFamily) -> Iterator[SDKMessage]:
        for thread_id in family.take_adopted():
            if thread_id not in self._owners:
                self._owners[thread_id] = family
                yield from self._release(thread_id)

    def _open(self, facts: ThreadFacts) -> Iterator[SDKMessage]:
        thread_id = facts.thread_id
        if (before := self._owners.get(thread_id)) is not None:
            yield from self._close(before, "session_closed", "The session was opened anew.", "aborted_streaming")
        self._opened += 1
        prefix = str(uuid.uuid5(uuid.NAMESPACE_OID, mend(f"{self._opened} {thread_id}")))[:24]
        family = ThreadFamily(facts, partial=self._partial, uuid_prefix=prefix, prices=self._prices)
        self._families[thread_id] = self._owners[thread_id] = family
        self._closed.discard(thread_id)
        yield from self._release(thread_id)

    def _release(self, thread_id: str) -> Iterator[SDKMessage]:
        """Replay what came of a thread before its session was known."""
        for message in self._kept.pop(thread_id, ()):
            yield from self.received(message)

    def _close(self, family: ThreadFamily, code: str, reason: str, terminal_reason: str | None) -> Iterator[SDKMessage]:
        yield from self._requests.closed(family)
        yield from family.end(code=code, message=reason, terminal_reason=terminal_reason)
        self._families.pop(family.main.facts.thread_id, None)
        for thread_id in [key for key, value in self._owners.items() if value is family]:
            del self._owners[thread_id]
            self._closed.add(thread_id)

    def _end_all(self, code: str, reason: str, terminal_reason: str | None) -> Iterator[SDKMessage]:
        for family in list(self._families.values()):
            yield from self._close(family, code, reason, terminal_reason)
        self._asked.clear()


def _hashable(value: object) -> bool:
    return isinstance(value, int | str)
