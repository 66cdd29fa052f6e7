"""`AbandonedTurns`: turns that were given up here, and that the agent has not ended yet: it runs one at a time."""

from __future__ import annotations

from typing import Final

import anyio

from agent_sdk_core.errors import SessionBusyError

FREE_SECONDS: Final = 10.0
"""How long a prompt waits for the end of a turn that was given up."""


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
