"""The requests of one session to its app-server: to the one at hand, with what Codex answers in our errors."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Final

from agent_sdk_core.errors import AgentError, ProtocolError
from agent_sdk_core.wire.reading import Json, optional_text_at, record_of, records_at
from codex_sdk.normalizer import ThreadFamily
from codex_sdk.process.errors import translate
from codex_sdk.process.link import AppServerLink

_log = logging.getLogger(__name__)

_REQUEST_SECONDS: Final = 60.0
GOODBYE_SECONDS: Final = 2.0
"""How long who has other things to do waits for an answer."""


async def every_entry(ask: Callable[[Json], Awaitable[object]], params: Json) -> list[Json]:
    """Return the entries of all pages of a list.

    Args:
        ask: Returns the page for these parameters.
        params: Those of the first one.
    """
    entries: list[Json] = []
    cursor: str | None = None
    while True:
        page = record_of(await ask(params if cursor is None else {**params, "cursor": cursor}))
        entries += records_at(page, "data")
        following = optional_text_at(page, "nextCursor")
        if following is None or following == cursor:
            return entries
        cursor = following


class ThreadCalls:
    """Asks the app-server for a thread.

    Args:
        link: The way to the app-server, which is asked at each call.
        family: Knows the thread.
        ready: Has the thread open.
    """

    def __init__(self, link: AppServerLink, family: ThreadFamily, ready: Callable[[], Awaitable[None]]) -> None:
        self._link = link
        self._family = family
        self._ready = ready

    async def call(self, method: str, params: Json | None, *, timeout: float = _REQUEST_SECONDS) -> object:
        """Ask for what has no effect on the conversation, with the thread open."""
        await self._ready()
        return await self.send(method, params, timeout=timeout)

    async def send(self, method: str, params: Json | None, *, timeout: float = _REQUEST_SECONDS) -> object:
        """Send a request to the app-server at hand, and to no other one: what was lost on its way is not sent again."""
        try:
            return await self._link.today.peer.request(method, params, timeout=timeout)
        except ProtocolError as error:
            raise translate(error, session_id=self._family.main.facts.thread_id) from error

    async def quietly(self, method: str, params: Json, timeout: float = GOODBYE_SECONDS) -> AgentError | None:
        """Send what may fail because its object is gone already, and return how it failed."""
        try:
            await self._link.today.peer.request(method, params, timeout=timeout, counted=False)
        except AgentError as error:
            _log.debug("%s: %s", method, error)
            return error
        return None
