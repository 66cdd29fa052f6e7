"""`HostWay`: the way of one session to its host, which may be gone for a while, or for good."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, Final

import anyio

from agent_fleet.line import HostLine
from agent_sdk_core.errors import AgentError

_log = logging.getLogger(__name__)

Json = dict[str, Any]

BACKEND: Final = "fleet"
"""What the backend is called."""

CALL_SECONDS: Final = 60.0
ANSWER_SECONDS: Final = 10.0


class HostWay:
    """The way to the host of a session.

    Args:
        line: The way to the host of today.
        key: The session.

    Attributes:
        line: The way to its host of today.
        key: The session.
        closing: Whether the session is being closed on our side.
        failure: Why the session does not go on; None: it does.
    """

    def __init__(self, line: HostLine, key: str) -> None:
        self.line = line
        self.key = key
        self.closing = False
        self.failure: AgentError | None = None
        self._here = anyio.Event()
        self._here.set()

    @property
    def here(self) -> bool:
        """Whether the host is not known to be gone."""
        return self._here.is_set()

    async def ready(self) -> None:
        """Wait until the host is back. Raises the failure, if the session does not go on."""
        await self._here.wait()
        if self.failure is not None:
            raise self.failure

    async def call(self, method: str, params: Mapping[str, Any], *, timeout: float = CALL_SECONDS) -> Json:
        """Ask the host something of the session; raises what `HostLine.request` raises."""
        return await self.line.request(method, {"key": self.key, **params}, timeout=timeout)

    async def stored(self, method: str, session_id: str, params: Mapping[str, Any]) -> Json:
        """Ask the host something of what its agent has stored; raises what `HostLine.request` raises."""
        return await self.line.request(method, {"session_id": session_id, **params}, timeout=CALL_SECONDS)

    def lose(self, error: AgentError) -> None:
        """Note that the host is gone."""
        if self._here.is_set():
            _log.warning("session %s: host %s is gone: %s", self.key, self.line.host, error)
            self._here = anyio.Event()

    def find(self) -> None:
        """Note that the host is back."""
        self._here.set()

    def give_up(self, error: AgentError) -> None:
        """Note that the session does not go on."""
        self.failure = error
        self._here.set()
