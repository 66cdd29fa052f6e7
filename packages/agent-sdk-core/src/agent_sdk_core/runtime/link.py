"""Link to an agent: the connection of today, which is made when it is needed, lost, closed, and held by nobody else.

Whoever talks to an agent asks its link at each call. So another connection may take the place of one that was lost,
whether it is a new process or a server elsewhere, and no driver notices.
"""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from typing import Final, Generic, Protocol, TypeVar

import anyio

from agent_sdk_core.errors import AgentError, SessionClosedError
from agent_sdk_core.rpc.correlation import Correlation
from agent_sdk_core.runtime.host import Host
from agent_sdk_core.transport.channel import OwnedChannel
from agent_sdk_core.transport.process.patience import start_patiently

_HALF_MADE: Final = 0.2
"""Seconds that an agent has to end by itself when its start is given up: it has nothing to save."""


class Connection(Protocol):
    """A running agent, and the conversation with it."""

    @property
    def channel(self) -> OwnedChannel:
        """The bytes, and a way to end it."""
        ...

    @property
    def peer(self) -> Correlation:
        """The conversation."""
        ...


C = TypeVar("C", bound=Connection)
T = TypeVar("T")


class Link(ABC, Generic[C]):
    """The way to one agent. An agent's link writes `_spawn` and `_greet`.

    Args:
        host: Runs what nobody waits for.
        owner: Whose link it is, for errors: "backend" or "session".
        seconds: How long a start may take, further tries at one that fails for a passing reason included.

    Attributes:
        generation: Which connection it is, 1 for the first; what was begun on an earlier one has ended with it.
        when_lost: Called when a connection ends that nobody closed, with how it ended (None: it lives, and says nothing
            more) and the error that says so; not for a start that fails, which raises it.
    """

    def __init__(self, host: Host, *, owner: str, seconds: float) -> None:
        self.generation = 0
        self.when_lost: list[Callable[[object | None, AgentError], object]] = []
        self._host = host
        self._owner = owner
        self._seconds = seconds
        self._connecting = anyio.Lock()
        self._connection: C | None = None
        self._greeted = False
        self._failure: AgentError | None = None

    @property
    def today(self) -> C:
        """The connection of today, to be asked for at each call and not kept; what has ended says so when it is used.

        Raises:
            SessionClosedError: There is none yet.
        """
        if self._connection is None:
            raise SessionClosedError(f"The {self._owner} is not connected to its agent yet.")
        return self._connection

    @property
    def is_over(self) -> bool:
        """Whether its agent has ended, or says nothing more."""
        connection = self._connection
        return connection is not None and (connection.peer.failed or connection.channel.exit is not None)

    async def connect(self) -> C:
        """Return the connection of today, made if there is none: once for all who wait.

        Raises:
            AgentError: It cannot be made, and nothing is left of it; or it was lost, or closed.
        """
        if not self._greeted:
            async with self._connecting:
                if not self._greeted:
                    await start_patiently(self._attempt, seconds=self._seconds)
        self._require_wanted()
        return self.today

    def lose(self, ended: object | None, error: AgentError) -> None:
        """Note that the connection has ended by itself; what the agent left behind is ended too."""
        if self._failure is not None or not self._greeted:  # Closed by us, or still to be told by the start.
            return
        self._failure = error
        if ended is not None:
            self._let_go()
        if self._host.running:
            self._host.start_soon(self._stop, 1.0, 2.0)
        for told in self.when_lost:
            told(ended, error)

    async def close(self, *, grace: float = 1.0, term: float = 2.0) -> None:
        """End the connection, or keep it from being made; bounded, never raises.

        Args:
            grace: Seconds that the agent has to end by itself.
            term: Seconds that it then has to end when told to.
        """
        if self._failure is None:
            self._failure = SessionClosedError(f"The {self._owner} was closed meanwhile.")
        if self._connection is not None:
            self._connection.peer.fail(self._failure)
        await self._stop(grace if self._greeted else _HALF_MADE, term)

    def kill_now(self) -> None:
        """Kill the agent without an event loop."""
        if self._connection is not None:
            self._connection.channel.kill_now()
        self._let_go()

    # What an agent does differently.

    @abstractmethod
    async def _spawn(self) -> C:
        """Start the agent, with a reader that tells its end to `lose`; one that fails leaves nothing but `_let_go`."""

    @abstractmethod
    async def _greet(self, connection: C, seconds: float) -> None:
        """Shake hands.

        Raises:
            AgentError: The agent cannot be used.
        """

    def _let_go(self) -> None:
        """Give back what others may have once the agent has ended; idempotent."""

    def _require_wanted(self) -> None:
        if self._failure is not None:
            raise copy.copy(self._failure)

    async def _attempt(self, seconds: float) -> None:
        self._require_wanted()
        try:
            connection = self._connection = await self._spawn()
            self._require_wanted()
            await self._greet(connection, seconds)
            connection.peer.require_open()
        except BaseException as error:
            await self._give_up()
            if isinstance(error, AgentError):
                self._require_wanted()
            raise
        self._greeted = True
        self.generation += 1

    async def _give_up(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            # Before it is stopped, or its end would be told.
            connection.peer.fail(SessionClosedError("The agent was given up during its start."))
            try:
                await connection.channel.stop(grace=_HALF_MADE)
            except BaseException:  # The event loop ends meanwhile.
                connection.channel.kill_now()
                raise
        self._let_go()

    async def _stop(self, grace: float, term: float) -> None:
        if self._connection is not None:
            await self._connection.channel.stop(grace=grace, term=term)
        self._let_go()


async def look_through(link: Callable[[Host], Link[C]], name: str, look: Callable[[C], Awaitable[T]]) -> T:
    """Make a connection, look at the agent through it, and end it.

    Args:
        link: Makes the link, given what runs its tasks.
        name: What errors call the undertaking.
        look: Is given the connection.

    Raises:
        AgentError: It cannot be made, or `look` raised it.
    """
    made: list[Link[C]] = []

    async def stop() -> None:
        for one in made:
            await one.close()

    def abort(error: AgentError) -> None:
        del error
        for one in made:
            one.kill_now()

    host = Host(name, on_stop=stop, on_abort=abort)
    await host.start()
    try:
        made.append(link(host))
        return await look(await made[0].connect())
    finally:
        await host.aclose()
