"""Settings of an open session: checked at once, put to the agent between two turns, remembered for its copies."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Final, get_args

import anyio

from agent_sdk_core.asking.mode_names import parse_mode
from agent_sdk_core.errors import AgentError, InvalidRequestError
from agent_sdk_core.option_values import require_text
from agent_sdk_core.runtime.driver import SessionDriver, Setting

if TYPE_CHECKING:
    from agent_sdk_core.turn_options import TurnOptions

_log = logging.getLogger(__name__)

SETTINGS: Final[tuple[Setting, ...]] = get_args(Setting)


class SessionSettings:
    """What was set since the session was opened.

    An agent may take a setting at once, or with its next turn; what is set while a turn runs is therefore kept until
    that turn has ended.

    Args:
        driver: Puts a setting to the agent.
        running: Returns the turn that runs.
    """

    def __init__(self, driver: SessionDriver, running: Callable[[], object | None]) -> None:
        self._driver = driver
        self._running = running
        self._held: dict[Setting, str | None] = {}
        self._applied: dict[Setting, str | None] = {}
        self._refusal: AgentError | None = None
        self._applying = anyio.Lock()
        self._borrower: object | None = None
        self._lent: set[Setting] = set()
        self._owed: set[Setting] = set()

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
            InvalidRequestError: There is no such value, or it is blank.
            AgentError: The agent refused it.
        """
        if value is not None:
            require_text(setting, value, "None is the agent's default", backend=self._driver.name)
        if setting == "permission_mode" and value is not None:
            value = parse_mode(value, backend=self._driver.name)
        await self._driver.check(setting, value)
        self._held[setting] = value
        if self._running() is None:
            await self.settle()

    def note(self, setting: Setting, value: str | None) -> None:
        """Note what the agent was told otherwise, with an answer; what one turn borrowed is given back all the same."""
        if setting not in self._lent:
            self._applied[setting] = value

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
            if self._owed:  # It is put back before the next turn, or that does not start.
                _log.warning("what one turn changed is not put back yet: %s", error)
            else:
                self._refusal = error

    async def lend(self, options: TurnOptions, turn: object) -> None:
        """Check the settings of one turn, and change those that its driver leaves to us; `give_back` puts them back.

        Raises:
            AgentError: The agent cannot have one; the turn must not start.
        """
        values: list[tuple[Setting, str | None]] = [(setting, getattr(options, setting)) for setting in SETTINGS]
        for setting, value in values:
            if value is not None:
                await self._driver.check(setting, value)
        if self._running() is not turn:
            return
        self._borrower = turn
        async with self._applying:
            for setting, value in values:
                if value is None or setting not in self._driver.lends or self._borrower is not turn:
                    continue
                self._lent.add(setting)
                try:
                    await self._driver.apply(setting, value)
                finally:
                    if self._borrower is not turn:  # It ended meanwhile.
                        self._owe(setting)

    def give_back(self, running: object | None) -> None:
        """Let what a turn borrowed be put back, unless that one still runs; what was set meanwhile holds instead."""
        if self._borrower is not None and self._borrower is not running:
            self._borrower = None
            for setting in self._lent:
                self._owe(setting)
            self._lent.clear()

    def _owe(self, setting: Setting) -> None:
        own = self._applied.get(setting, getattr(self._driver.sink.options, setting))
        self._held.setdefault(setting, own)
        self._owed.add(setting)

    async def _apply(self) -> None:
        async with self._applying:
            while self._held:
                setting, value = next(iter(self._held.items()))
                applied = False
                try:
                    await self._driver.apply(setting, value)
                    self._applied[setting] = value
                    applied = True
                finally:
                    unchanged = setting in self._held and self._held[setting] == value
                    if unchanged and (applied or setting not in self._owed):
                        del self._held[setting]
                        self._owed.discard(setting)


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
