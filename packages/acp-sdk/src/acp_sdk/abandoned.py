"""`AbandonedTurns`: turns that were given up here and that the agent, which runs one at a time, has not ended yet."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

import anyio

from acp_sdk.protocol import methods
from agent_sdk_core.errors import AgentError, RequestTimeoutError, SessionBusyError

if TYPE_CHECKING:
    from acp_sdk.process.agent import AcpAgent

_log = logging.getLogger(__name__)

FREE_SECONDS: Final = 10.0
"""How long a prompt waits for the end of a turn that was given up."""

ALIVE_SECONDS: Final = 5.0
"""How long an agent may take to answer that is doubted."""

_NOTHING: Final = "_agent_sdk/alive"
"""A request of nobody's, which the protocol has refused: an agent that does so lives."""


class AbandonedTurns:
    """How many turns of one session go on at its agent although nobody waits for them."""

    def __init__(self) -> None:
        self._count = 0
        self._over = anyio.Event()

    def __bool__(self) -> bool:
        return self._count > 0

    def add(self) -> None:
        """Count one more."""
        self._count += 1
        self._over = anyio.Event()

    def ended(self) -> None:
        """Note that the agent has ended one."""
        self._count -= 1
        if not self._count:
            self._over.set()

    def all_ended(self) -> None:
        """Note that the agent runs nothing any more."""
        self._count = 0
        self._over.set()

    async def over(self, *, backend: str) -> None:
        """Wait until all have ended.

        Raises:
            SessionBusyError: They did not, in the time that a prompt waits for it.
        """
        with anyio.move_on_after(FREE_SECONDS):
            await self._over.wait()
            return
        raise SessionBusyError(
            f"The {backend} agent still runs the turn whose interrupt it did not confirm; try again later, or kill "
            "the session.",
            backend=backend,
        )


async def is_alive(agent: AcpAgent) -> bool:
    """Tell whether an agent answers anything at all."""
    method = _NOTHING if agent.sessions.list_sessions is None else methods.LIST
    try:
        await agent.peer.request(method, {}, timeout=ALIVE_SECONDS, counted=False)
    except RequestTimeoutError:
        _log.warning("the agent answers nothing, and is killed")
        return False
    except AgentError as error:
        _log.debug("%s: %s", method, error)
    return True
