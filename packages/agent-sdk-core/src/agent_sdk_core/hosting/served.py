"""`ServedSession`: an agent's session as who serves it has it: prompts go in once at most, messages come in order.

The host of a fleet and the chats of an application are two of these. What they do with a message is theirs, and whether
they note it before they tell it.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from math import inf

import anyio

from agent_sdk_core.errors import AgentError
from agent_sdk_core.hosting.journal import Journal
from agent_sdk_core.interfaces.session import AgentSession
from agent_sdk_core.messages.parse import SDKMessage
from agent_sdk_core.runtime.host import start_beside

_log = logging.getLogger(__name__)


class ServedSession:
    """A session, read from when this is made until it ends.

    Args:
        key: What the journal calls it.
        session: The session.
        journal: Notes what is handed to it.
        take: Takes each message.
        over: Told that none comes any more.

    Attributes:
        key: What the journal calls it.
        session: The session.
        messages: What it tells.
        ended: Set once it has told everything.
    """

    def __init__(
        self,
        key: str,
        session: AgentSession,
        journal: Journal,
        take: Callable[[SDKMessage], Awaitable[None]],
        over: Callable[[], None],
    ) -> None:
        self.key = key
        self.session = session
        self.messages = session.messages()
        self.ended = anyio.Event()
        self._journal = journal
        self._take = take
        self._over = over
        start_beside(self._read, name=f"the messages of session {key}")

    async def hand(self, uuid: str, send: Callable[[], Awaitable[object]]) -> None:
        """Hand a prompt to the agent: that is noted before, and again where the agent does not take it.

        Args:
            uuid: The prompt.
            send: Sends it.

        Raises:
            AgentError: It must not be sent, or the agent does not take it.
        """
        await self._journal.dispatch(self.key, uuid)
        try:
            await send()
        except AgentError:
            await self._journal.refused(self.key, uuid)
            raise

    async def close(self, *, kill: bool = False, seconds: float = inf) -> None:
        """Close the session, and return when everything it told is taken, or that takes too long; never raises."""
        await (self.session.kill() if kill else self.session.aclose())
        with anyio.move_on_after(seconds):
            await self.ended.wait()

    async def _read(self) -> None:
        try:
            async for message in self.messages:
                await self._take(message)
        except Exception:
            _log.exception("session %s is not read any more", self.key)
        finally:
            self._over()
            self.ended.set()
