"""Settings of an open session: checked at once, put to the agent between two turns, remembered for its copies."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Final, get_args

import anyio

from agent_sdk_core.asking.permissions import PermissionMode
from agent_sdk_core.errors import AgentError, InvalidRequestError
from agent_sdk_core.runtime.driver import SessionDriver, Setting

MODES: Final[tuple[str, ...]] = get_args(PermissionMode)


class SessionSettings:
    """What was set since the session was opened.

    An agent may take a setting at once, or with its next turn; what is set while a turn runs is therefore kept until
    that turn has ended.

    Args:
        driver: Puts a setting to the agent.
        running: Tells whether a turn runs.
    """

    def __init__(self, driver: SessionDriver, running: Callable[[], bool]) -> None:
        self._driver = driver
        self._running = running
        self._held: dict[Setting, str | None] = {}
        self._applied: dict[Setting, str | None] = {}
        self._refusal: AgentError | None = None
        self._applying = anyio.Lock()

    @property
    def chosen(self) -> dict[str, str | None]:
        """Everything that was set, as fields of `SessionOptions`."""
        return {**self._applied, **self._held}

    @property
    def held(self) -> bool:
        """Whether something waits for the end of the running turn."""
        return bool(self._held)

    async def change(self, setting: Setting, value: str | None) -> None:
        """Change a setting from the next turn.

        Raises:
            InvalidRequestError: There is no such value.
            AgentError: The agent refused it.
        """
        if setting == "permission_mode" and value is not None:
            require_known("permission mode", value, MODES, backend=self._driver.name)
        await self._driver.check(setting, value)
        self._held[setting] = value
        if not self._running():
            await self.settle()

    async def settle(self) -> None:
        """Put what waits to the agent; called before a turn starts.

        Raises:
            AgentError: The agent refused something, now or since the last turn ended; it is told once.
        """
        if self._held or self._applying.locked():
            await self._apply()
        if (refusal := self._refusal) is not None:
            self._refusal = None
            raise refusal

    async def settle_idle(self) -> None:
        """Put what waits to the agent after a turn; what it refuses is told by the next `settle`."""
        try:
            await self._apply()
        except AgentError as error:
            self._refusal = error

    async def _apply(self) -> None:
        async with self._applying:
            while self._held:
                setting, value = next(iter(self._held.items()))
                try:
                    await self._driver.apply(setting, value)
                    self._applied[setting] = value
                finally:
                    if setting in self._held and self._held[setting] == value:
                        del self._held[setting]


def require_known(what: str, value: str, known: Collection[str], *, backend: str) -> None:
    """Refuse a value that is none of those there are.

    Args:
        what: What it is, for the message.
        value: What was given.
        known: What there is.
        backend: Name of the backend, for the error.

    Raises:
        InvalidRequestError: It is not known; the message names the nearest, or all.
    """
    if value in known:
        return
    from difflib import get_close_matches

    near = get_close_matches(str(value), known, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(sorted(known))}."
    raise InvalidRequestError(f"There is no {what} {value!r}; {hint}", backend=backend)
