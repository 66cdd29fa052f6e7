"""`Journal`: what a host notes before it acts and after, so that no prompt is sent twice, whoever dies in between.

An engine-free seam: the one here notes nothing; those of a fleet and of a chat write to their stores, under a lease.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import anyio

from agent_sdk_core.errors import AgentError
from agent_sdk_core.records import dataclass

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to run a session, and how it was left.

    Attributes:
        session_id: What the agent calls it, to be resumed; None: it was never open.
        dispatched: Uuids of prompts that were handed to the agent, and have no result.
    """

    session_id: str | None = None
    dispatched: tuple[str, ...] = ()


class Journal:
    """Notes of one host about its sessions; this one notes nothing. What raises, refuses what it precedes."""

    async def claim(self, key: str) -> Claim:
        """Take the right to run a session.

        Args:
            key: The session, as clients call it.

        Raises:
            SessionBusyError: Another host has it.
            SessionNotFoundError: There is no such session.
        """
        del key
        return Claim()

    async def opened(self, key: str, session_id: str) -> None:
        """Note what the agent calls a session."""
        del key, session_id

    async def dispatch(self, key: str, uuid: str) -> None:
        """Note that a prompt is about to be handed to the agent.

        Raises:
            SessionClosedError: The right to run the session is lost.
            InvalidRequestError: The prompt is not waiting to be sent.
        """
        del key, uuid

    async def refused(self, key: str, uuid: str) -> None:
        """Note that the agent did not take a prompt; it waits again."""
        del key, uuid

    async def ended(self, key: str, result: Mapping[str, Any], uuids: tuple[str, ...]) -> None:
        """Note the result of prompts, before anybody is told."""
        del key, result, uuids

    async def release(self, key: str) -> None:
        """Give the right to run a session back."""
        del key


async def keep_renewing(renew: Callable[[], Awaitable[None]], seconds: float) -> None:
    """Renew leases until it is cancelled; what goes wrong is logged, and the next time comes before they end.

    Args:
        renew: Renews them once.
        seconds: How long they last.
    """
    while True:
        await anyio.sleep(seconds / 3)
        try:
            await renew()
        except AgentError as error:
            _log.warning("leases are not renewed: %s", error)
        except Exception:
            _log.exception("leases are not renewed")
