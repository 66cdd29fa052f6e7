"""Warm pool: claudes that were started before anybody asked for them, for sessions that are opened alike."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from uuid import uuid4

from agent_sdk_core.errors import AgentError
from agent_sdk_core.rpc.receiver import Holes, ProtocolIssue, Receiver, RequestId, Run, ServerRequest
from agent_sdk_core.runtime.host import Host
from agent_sdk_core.wire.reading import Json
from claude_sdk.process.launching import Launch
from claude_sdk.process.link import ClaudeLink

_log = logging.getLogger(__name__)

_SESSION: str = "--session-id="


class Handover(Receiver):
    """What a warm claude sends: kept until a session takes it.

    Args:
        link: The way to it.
    """

    def __init__(self, link: ClaudeLink) -> None:
        self._link = link
        self._taken: Receiver | None = None
        self._kept: list[Callable[[Receiver], object]] = []

    def give(self, receiver: Receiver) -> None:
        """Give what came so far, and all that comes, to a session."""
        self._taken = receiver
        kept, self._kept = self._kept, []
        for tell in kept:
            tell(receiver)

    def on_message(self, name: str, body: Json, raw: Json, /) -> None:
        """Take a frame."""
        self._pass(lambda to: to.on_message(name, body, raw))

    def holes_of(self, raw: Json, /) -> Holes | None:
        """Return what the session does; before there is one, each frame is kept."""
        return None if self._taken is None else self._taken.holes_of(raw)

    def on_run(self, run: Run, /) -> bool:
        """Take deltas on end."""
        return self._taken is not None and self._taken.on_run(run)

    def on_request(self, request: ServerRequest, /) -> None:
        """Take a request."""
        self._pass(lambda to: to.on_request(request))

    def on_withdrawn(self, request_id: RequestId, /) -> None:
        """Take that a request wants no answer any more."""
        self._pass(lambda to: to.on_withdrawn(request_id))

    def on_issue(self, issue: ProtocolIssue, /) -> None:
        """Take what was no valid frame."""
        self._pass(lambda to: to.on_issue(issue))

    def on_log_line(self, line: str, /) -> None:
        """Take a line of the log."""
        self._pass(lambda to: to.on_log_line(line))

    def on_batch_end(self) -> None:
        """Take the end of a chunk."""
        if self._taken is not None:
            self._taken.on_batch_end()

    def on_exit(self, ended: object | None, error: AgentError, /) -> None:
        """Take its end, which a session tells; before there is one, the pool forgets it."""
        self._link.lose(ended, error) if self._taken is None else self._taken.on_exit(ended, error)

    def _pass(self, tell: Callable[[Receiver], object]) -> None:
        if self._taken is not None:
            tell(self._taken)
        else:
            self._kept.append(tell)


class WarmPool:
    """Claudes that wait for sessions, all of them started in the way that was asked for last.

    Args:
        size: How many wait.
        host: Starts them.
        make: Returns a link that starts a claude so; raises an `AgentError` where there is no room for one.
        forget: Takes a link that ended, or was not started.
    """

    def __init__(
        self, size: int, host: Host, make: Callable[[Launch], ClaudeLink], forget: Callable[[ClaudeLink], object]
    ) -> None:
        self._size = size
        self._host = host
        self._make = make
        self._forget = forget
        self._wanted: Launch | None = None
        self._ready: list[tuple[Launch, ClaudeLink, Handover]] = []
        self._filling = False

    @property
    def pids(self) -> tuple[int, ...]:
        """Process ids of those that wait."""
        return tuple(pid for _, link, _ in self._ready if (pid := link.pid) is not None)

    def take(self, launch: Launch) -> tuple[Launch, ClaudeLink, Handover] | None:
        """Return one that was started in this way, but for the id of its session; None if none waits."""
        while self._ready and _alike(self._ready[0][0], launch):
            taken = self._ready.pop(0)
            if not taken[1].is_over:
                return taken
            self._forget(taken[1])
        return None

    def want(self, launch: Launch) -> None:
        """Have claudes wait that are started in this way, and none that are not."""
        self._wanted = launch
        while self._ready and not _alike(self._ready[-1][0], launch):
            self.drop_one()
        self._refill()

    def drop_one(self) -> bool:
        """End one that waits, to make room; False if none does."""
        if not self._ready:
            return False
        _, link, _ = self._ready.pop()
        self._host.start_soon(self._end, link)
        return True

    def _refill(self) -> None:
        if not self._filling and self._host.running:
            self._filling = True
            self._host.start_soon(self._fill)

    async def _fill(self) -> None:
        try:
            while self._wanted is not None and len(self._ready) < self._size:
                wanted, session_id = self._wanted, str(uuid4())
                arguments = tuple(one for one in wanted.arguments if not one.startswith(_SESSION))
                launch = replace(wanted, arguments=(*arguments, _SESSION + session_id), session_id=session_id)
                try:
                    link = self._make(launch)
                except AgentError:
                    return
                handover = link.receiver = Handover(link)
                try:
                    await link.connect()
                except AgentError as error:  # Who opens a session is told; the next one tries again.
                    _log.info("a claude could not be started ahead: %s", error)
                    self._forget(link)
                    return
                if _alike(launch, self._wanted):
                    link.when_lost.append(lambda ended, error, link=link: self._lost(link))
                    self._ready.append((launch, link, handover))
                else:
                    await self._end(link)
        finally:
            self._filling = False

    def _lost(self, link: ClaudeLink) -> None:
        kept = [one for one in self._ready if one[1] is not link]
        if len(kept) < len(self._ready):
            self._ready = kept
            self._forget(link)

    async def _end(self, link: ClaudeLink) -> None:
        await link.close(grace=0)
        self._forget(link)
        self._refill()  # Until now there may have been no room for another.


def _alike(one: Launch, other: Launch) -> bool:
    return _but_for_session(one) == _but_for_session(other)


def _but_for_session(launch: Launch) -> Launch:
    arguments = tuple(sorted(one for one in launch.arguments if not one.startswith(_SESSION)))
    return replace(launch, arguments=arguments, session_id="")
