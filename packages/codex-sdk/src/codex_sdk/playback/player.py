"""Replay: a recorded wire log through the same normalizer as live, offline.

Reads what was asked of the app-server beside what it sent: the responses to thread/start and its like open sessions,
prompts are known by their turn/start, and what Codex asked is told with what it was answered. Pure.
"""

from __future__ import annotations

import math
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from agent_sdk_core.arguments import checked
from agent_sdk_core.messages.parse import SDKMessage
from agent_sdk_core.messages.usage import ModelPrice
from agent_sdk_core.wire.json_lines import mend
from agent_sdk_core.wire.reading import Json, as_record, optional_text_at, record_at, text_at
from codex_sdk.normalizer import ThreadFacts, ThreadFamily
from codex_sdk.normalizer.items.content import user_content
from codex_sdk.playback.requests import ReplayedRequests
from codex_sdk.routing.early_notifications import EarlyNotifications
from codex_sdk.routing.router import Router

_OPENING: Final = frozenset({"thread/start", "thread/resume", "thread/fork"})
_PROMPTING: Final = frozenset({"turn/start", "turn/steer"})
_LOG_ENDS: Final = ("log_ended", "The recording ends here.")


@checked
def replay(
    records: Iterable[object],
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
            (log.sent if logged.get("dir") == "out" else log.received)(message)
            yield from log.take()
    log.finish()
    yield from log.take()


class _Recorded:
    """A session of a log, the owner of its threads.

    Args:
        family: Makes messages of the events of its threads.
        requests: Makes messages of what Codex asks.
        told: Takes the messages.
    """

    def __init__(self, family: ThreadFamily, requests: ReplayedRequests, told: list[SDKMessage]) -> None:
        self.family = family
        self.thread_id = family.main.facts.thread_id
        self.claims = family.claims
        self.thread_of = family.thread_of
        self.take_adopted = family.take_adopted
        self._requests = requests
        self._told = told

    def feed(self, thread_id: str, method: str, params: Json, raw: Json) -> Sequence[str]:
        """Take a notification or a request of one of its threads."""
        if "id" in raw:
            self._told.extend(self._requests.asked(method, raw, self.family))
            return ()
        if method == "serverRequest/resolved":
            self._told.extend(self._requests.withdrawn(params.get("requestId")))
        self._told.extend(self.family.feed(thread_id, method, params, raw))
        return self.family.adopted


class _Replay:
    """The sessions of one log; each method tells what it leads to, for `take`."""

    def __init__(self, *, partial: bool, prices: Mapping[str, ModelPrice] | None) -> None:
        self._partial = partial
        self._prices = prices
        self._opened = 0
        self._early = EarlyNotifications(threads=math.inf, messages=math.inf)  # They are in the log, at any rate.
        self._router: Router[_Recorded] = Router(self._early)
        self._asked: dict[object, Json] = {}
        self._requests = ReplayedRequests()
        self._told: list[SDKMessage] = []

    def take(self) -> list[SDKMessage]:
        """Return what was told since the last call."""
        told = self._told[:]
        self._told.clear()
        return told

    def sent(self, message: Json) -> None:
        """Take a message of ours."""
        method = optional_text_at(message, "method")
        if method is None:
            self._told.extend(self._requests.answered(message))
            return
        if method == "initialize":
            # Another process: it knows nothing of the one before, whose request ids begin anew.
            self._end_all("process_exited", "Codex was started anew.", "agent_exited")
        params = record_at(message, "params")
        session = self._router.owner(text_at(params, "threadId"))
        prompt = optional_text_at(params, "clientUserMessageId")
        if session is not None and method in _PROMPTING and prompt is not None:
            normalizer = session.family.normalizer(text_at(params, "threadId")) or session.family.main
            normalizer.expect_prompt(
                prompt,
                user_content({"content": params.get("input")}),
                structured=params.get("outputSchema") is not None,
                steered=method == "turn/steer",
            )
        elif session is not None and method == "turn/interrupt":
            normalizer = session.family.normalizer(text_at(params, "threadId"))
            if normalizer is not None:
                normalizer.begin_interrupt(text_at(params, "turnId"))
        if _hashable(message.get("id")):
            self._asked[message.get("id")] = message

    def received(self, message: Json) -> None:
        """Take a message of the agent's."""
        method, params = optional_text_at(message, "method"), record_at(message, "params")
        thread_id = text_at(params, "threadId")
        if method is None:
            self._response(message)
        elif "id" in message and self._router.owner(thread_id) is None:
            if thread_id:
                self._early.keep(thread_id, method, params, message)
        elif not self._router.route(method, params, message) and method == "account/rateLimits/updated":
            self._router.spread(method, params, message)

    def finish(self) -> None:
        """Replay the threads of which only events were recorded, and end what is open."""
        while waiting := self._early.waiting:
            self._open(ThreadFacts(waiting[0]))
        self._end_all(*_LOG_ENDS, None)

    def _response(self, message: Json) -> None:
        asked = self._asked.pop(message["id"], None) if _hashable(message.get("id")) else None
        if asked is None:
            return
        method, params, result = text_at(asked, "method"), record_at(asked, "params"), as_record(message.get("result"))
        session = self._router.owner(text_at(params, "threadId"))
        if method in _OPENING:
            facts = ThreadFacts.from_response(result or {})
            if facts.thread_id:
                self._open(facts)
        elif method in _PROMPTING and session is not None:
            _prompted(session.family, params, result)
        elif method == "thread/unsubscribe" and session is not None and session.thread_id == params["threadId"]:
            self._close(session, "session_closed", "The session was closed.", "aborted_streaming")

    def _open(self, facts: ThreadFacts) -> None:
        if (before := self._router.owner(facts.thread_id)) is not None:
            self._close(before, "session_closed", "The session was opened anew.", "aborted_streaming")
        self._opened += 1
        prefix = str(uuid.uuid5(uuid.NAMESPACE_OID, mend(f"{self._opened} {facts.thread_id}")))[:24]
        family = ThreadFamily(facts, partial=self._partial, uuid_prefix=prefix, prices=self._prices)
        self._router.open(facts.thread_id, _Recorded(family, self._requests, self._told))

    def _close(self, session: _Recorded, code: str, reason: str, terminal_reason: str | None) -> None:
        self._told.extend(self._requests.closed(session.family))
        self._told.extend(session.family.end(code=code, message=reason, terminal_reason=terminal_reason))
        self._router.close(session.thread_id, session)

    def _end_all(self, code: str, reason: str, terminal_reason: str | None) -> None:
        for session in self._router.owners:
            self._close(session, code, reason, terminal_reason)
        self._asked.clear()


def _prompted(family: ThreadFamily, params: Json, result: Json | None) -> None:
    """Note what became of a prompt."""
    prompt = optional_text_at(params, "clientUserMessageId")
    normalizer = family.normalizer(text_at(params, "threadId"))
    if prompt is None or normalizer is None:
        return
    if result is None:
        normalizer.forget_prompt(prompt)
    elif turn_id := text_at(record_at(result, "turn"), "id") or text_at(result, "turnId"):
        normalizer.assign_prompt(prompt, turn_id)


def _hashable(value: object) -> bool:
    return isinstance(value, int | str)
