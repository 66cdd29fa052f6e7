"""`RemoteHost`: a session host whose clients are elsewhere, served by calls of JSON-compatible data.

A shell hands over what clients ask, and hands back what it answers, whatever engine carries the calls.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any, Final, cast

import anyio
from pydantic_core import from_json

from agent_sdk_core.errors import (
    NOTHING_STORED,
    AgentError,
    SessionBusyError,
    SessionClosedError,
)
from agent_sdk_core.hosting.bridge import Bridge
from agent_sdk_core.hosting.calls import BACKEND_CALLS
from agent_sdk_core.hosting.forms import Json, message_to_wire
from agent_sdk_core.hosting.host import SessionHost
from agent_sdk_core.hosting.journal import Claim, Journal
from agent_sdk_core.hosting.left import ending_of, shows
from agent_sdk_core.hosting.notices import Notices
from agent_sdk_core.hosting.options_form import CALLBACKS, options_from_wire
from agent_sdk_core.hosting.session import HostedSession
from agent_sdk_core.hosting.stream import EventStream
from agent_sdk_core.interfaces.backend import AgentBackend
from agent_sdk_core.interfaces.session import AgentSession
from agent_sdk_core.options import SessionOptions
from agent_sdk_core.wire.error_form import error_to_wire
from agent_sdk_core.wire.json_lines import json_text

_log = logging.getLogger(__name__)

PROTOCOL: Final = 3
"""Version of what hosts and clients tell each other: both have the same."""

CLIENT_SECONDS: Final = 8.0
"""How long a client may be silent before another one may have its session."""

_BUSY: Final = ("running", "requires_action")
"""States of a session in which it is left as it is, whoever is gone."""

ABANDONED_SECONDS: Final = 3600.0
"""How long a session is kept that rests and whose client is silent."""

LAST_SECONDS: Final = 5.0
"""How long what a session told last may take to be noted, once it is closed."""

POLL_SECONDS: Final = 5.0
"""How long a poll waits for something to happen."""


class RemoteHost(SessionHost[HostedSession]):
    """Serves the sessions of one backend to clients that call it; asynchronous, and in one event loop.

    Args:
        make: Makes the backend, which the host starts with the first session and closes.
        journal: Notes what is sent and what ended; absent: nothing is noted.
        name: What the host is called.
        prepare: Returns what a session is opened with, of its key and of what its client asked for, once nobody else
            can have it: a shell that makes its folder does that here.
        abandoned_seconds: How long a client may be silent before its session is closed, once nothing runs in it and
            nothing is asked: the client has died, and whoever resumes the session opens it again.
    """

    def __init__(
        self,
        make: Callable[[], AgentBackend],
        *,
        journal: Journal | None = None,
        name: str = "host",
        prepare: Callable[[str, Mapping[str, Any]], Awaitable[Mapping[str, Any]]] | None = None,
        abandoned_seconds: float = ABANDONED_SECONDS,
    ) -> None:
        self._notices = Notices()
        super().__init__(make, self._notices.add, name=name, last_seconds=LAST_SECONDS)
        self._journal = journal or Journal()
        self._prepare = prepare
        self._abandoned_seconds = abandoned_seconds
        self._opened_at: dict[str, int] = {}
        self._calls = 0
        self._watching = False
        self._methods: Mapping[str, Callable[[Mapping[str, Any]], Awaitable[Any]]] = {
            "hello": self._hello,
            "start": self._start,
            "open": self._open,
            "poll": self._poll,
            "close": self._close,
        }

    async def request(self, body: bytes) -> bytes:
        """Answer one call: an object of "method" and "params" in, one of "result" or of "failure" out; never raises."""
        try:
            asked = cast("Json", from_json(body))
            answer: Json = {"result": await self.call(str(asked["method"]), asked.get("params") or {})}
        except AgentError as error:
            answer = {"failure": error_to_wire(error)}
        except Exception as error:
            _log.exception("a call could not be answered")
            answer = {"failure": error_to_wire(AgentError(f"The host could not do it: {error!r}"))}
        return json_text(answer).encode()

    async def call(self, method: str, params: Mapping[str, Any]) -> Any:
        """Answer one call.

        Raises:
            AgentError: It cannot be done.
        """
        self._calls += 1
        try:
            if (do := self._methods.get(method)) is not None:
                return await do(params)
            if (ask := BACKEND_CALLS.get(method)) is not None:
                return await ask(await self._started(), params)
            return await self._of(params).call(method, params)
        finally:
            self._calls -= 1

    async def lose(self, key: str, reason: str) -> None:
        """End a session whose right is lost: at once, and its client is told."""
        if (hosted := self._sessions.pop(key, None)) is not None:
            _log.warning("session %s is given up: %s", key, reason)
            await hosted.close(kill=True, seconds=LAST_SECONDS)

    async def close_abandoned(self) -> None:
        """Close the sessions that rest and whose clients are silent, and the agent with the last of all.

        It is done every now and then, and never raises. Who calls again has the agent started again.
        """
        closed = False
        for key in list(self._sessions):
            try:
                if await self.close(key, when=self._is_abandoned) is not None:
                    _log.warning("session %s is closed: its client is silent", key)
                    closed = True
            except AgentError as error:
                _log.warning("session %s is not given back: %s", key, error)
                closed = True
        if closed and not self._calls:
            await self.rest()

    def _is_abandoned(self, hosted: HostedSession) -> bool:
        return hosted.abandoned >= self._abandoned_seconds and hosted.session.state not in _BUSY

    # Calls

    async def _hello(self, params: Mapping[str, Any]) -> Json:
        from importlib.metadata import version

        del params
        return {
            "protocol": PROTOCOL,
            "name": self.name,
            "python": ".".join(map(str, sys.version_info[:2])),
            "agent_sdk": version("agent-sdk-base"),
            "sessions": len(self._sessions),
            "running": sum(hosted.session.state in _BUSY for hosted in self._sessions.values()),
        }

    async def _open(self, params: Mapping[str, Any]) -> Json:
        key, client = str(params["key"]), str(params["client"])
        ended: Json | None = None

        async def begin() -> HostedSession:
            nonlocal ended
            self._opened_at[key] = self._notices.last
            hosted, ended = await self._begun(key, params)
            hosted.client = client
            return hosted

        await self._enter()
        # It stays open where nobody waits for it: its client comes back, or its lease runs out.
        hosted = await self._host.call(partial(self.open, key, begin))
        if ended is not None:
            return {**hosted.snapshot(), "cursor": hosted.beginning, "attached": False, "ended": ended}
        silent = anyio.current_time() - hosted.seen
        if hosted.client != client and silent < CLIENT_SECONDS and not params.get("takes_over"):
            raise SessionBusyError(
                f"Session {key} is open elsewhere: another program used it {silent:.0f} s ago. Close it there.",
                code="session_in_use",
                details={"session": key},
            )
        hosted.client, hosted.seen = client, anyio.current_time()
        return {**hosted.snapshot(), "attached": True, "ended": {}}

    async def _begun(self, key: str, params: Mapping[str, Any]) -> tuple[HostedSession, Json]:
        """Open a session, and return it with the results of the prompts that its last host left."""
        claim = await self._journal.claim(key)
        session: AgentSession | None = None
        try:
            stream = EventStream()
            bridge = Bridge(stream)
            if self._prepare is not None:
                params = await self._prepare(key, params)
            options = options_from_wire(params["options"])
            options = options.model_copy(update=dict.fromkeys(CALLBACKS, bridge.ask))
            session = await self._session(params, options, claim)
            hosted = HostedSession(key, stream, bridge, session, self._journal, self._host)
            await self._journal.opened(key, session.resolved_session_id)
            ended = {uuid: await self._end_left(key, session, uuid, params) for uuid in claim.dispatched}
        except BaseException:
            with anyio.CancelScope(shield=True):
                if session is not None:
                    await session.kill()
                await self._give_back(key)
            raise
        return hosted, ended

    async def _session(self, params: Mapping[str, Any], options: SessionOptions, claim: Claim) -> AgentSession:
        backend = await self._started()
        if (source := params.get("fork_of")) is not None and claim.session_id is None:
            origin = self._of({"key": source}).session
            return await cast("Any", origin).fork(at=params.get("fork_at"), options=options)
        if claim.session_id is None:
            return await backend.create_session(options)
        again = {"resume": claim.session_id, "fork": False, "fork_at": None, "session_id": None}
        try:
            return await backend.create_session(options.model_copy(update=again))
        except AgentError as error:
            if error.code not in NOTHING_STORED or not params.get("anew"):
                raise
            # Nothing that was said in it has been stored, so that it begins again.
            return await backend.create_session(options)

    async def _end_left(self, key: str, session: AgentSession, uuid: str, params: Mapping[str, Any]) -> Json | None:
        """Return the result of a prompt that was handed to an agent which is gone; None: it may be sent again."""
        shown = await shows(session, uuid)
        if shown is False and params.get("redeliver") == "if_absent":
            await self._journal.refused(key, uuid)
            return None
        data = message_to_wire(ending_of(session, uuid, shown=shown))
        await self._journal.ended(key, data, (uuid,))
        return data

    async def _poll(self, params: Mapping[str, Any]) -> Json:
        hosted = self._of(params)
        if hosted.client != params.get("client"):
            raise SessionClosedError(f"Session {hosted.key} is used by another program now.", code="session_taken")
        batch = await hosted.poll(str(params["cursor"]), float(params.get("seconds", POLL_SECONDS)))
        opened_at = self._opened_at.get(hosted.key, self._notices.last)
        return {**batch, "notices": self._notices.since(params.get("notices"), opened_at)}

    async def _close(self, params: Mapping[str, Any]) -> Json:
        key = str(params["key"])
        if key not in self._sessions:
            return {}
        hosted = await self.close(key, kill=bool(params.get("kill")))
        return {} if hosted is None else hosted.state()

    async def _ended(self, key: str) -> None:
        self._opened_at.pop(key, None)
        await self._journal.release(key)

    async def _start(self, params: Mapping[str, Any]) -> Json:
        await self._started()
        return await self._hello(params)

    # The backend

    async def _started(self) -> AgentBackend:
        backend = await self.backend()
        if not self._watching:
            self._watching = True
            self._host.start_soon(self._watch_clients)
        return backend

    async def _watch_clients(self) -> None:
        while True:
            await anyio.sleep(self._abandoned_seconds / 4)
            await self.close_abandoned()

    def _of(self, params: Mapping[str, Any]) -> HostedSession:
        key = str(params.get("key"))
        hosted = self._sessions.get(key)
        if hosted is None:
            raise SessionClosedError(f"Session {key} is not open on this host.", code="not_hosted")
        return hosted

    async def _give_back(self, key: str) -> None:
        try:
            await self._journal.release(key)
        except AgentError as error:
            _log.warning("session %s is not given back: %s", key, error)
