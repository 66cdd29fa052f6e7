"""Link to an agent: the connection of today, which is made when it is needed, lost, closed, and held by nobody else.

Whoever talks to an agent asks its link at each call. So another connection may take the place of one that was lost,
whether it is a new process or a server elsewhere, and no driver notices.
"""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from typing import Final, Generic, Protocol, TypeVar, cast

import anyio

from agent_sdk_core.errors import AccountError, AgentError, SessionClosedError
from agent_sdk_core.rpc.correlation import Correlation
from agent_sdk_core.runtime.driver import Away
from agent_sdk_core.runtime.host import Host
from agent_sdk_core.runtime.supervisor import ON_DEMAND, Restarts, Revival
from agent_sdk_core.telemetry import metrics
from agent_sdk_core.telemetry.reporting import error_reporter
from agent_sdk_core.transport.channel import OwnedChannel
from agent_sdk_core.transport.process.patience import start_patiently

_LOSS_SECONDS: Final = 5.0
"""How long a killed agent's end may take to be told."""

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
        revival: How a connection that was lost comes back.

    Attributes:
        generation: Which connection it is, 1 for the first; what was begun on an earlier one has ended with it.
        when_lost: Called when a connection ends that nobody closed, with how it ended (None: it lives, and says nothing
            more) and the error that says so; not for a start that fails, which raises it.
        when_restarted: Called when a connection was made by itself in the place of one that was lost.
        when_dead: Called when there will be none in its place, with how the last one ended and the error that says why.
    """

    def __init__(self, host: Host, *, owner: str, seconds: float, revival: Revival = None) -> None:
        self.generation = 0
        self.when_lost: list[Callable[[object | None, AgentError], object]] = []
        self.when_restarted: list[Callable[[], object]] = []
        self.when_dead: list[Callable[[object | None, AgentError], object]] = []
        self._host = host
        self._owner = owner
        self._seconds = seconds
        self._revival: Revival = revival
        self._connecting = anyio.Lock()
        self._connection: C | None = None
        self._greeted = False
        self._restarted: anyio.Event | None = None
        self._silenced: anyio.Event | None = None
        self._doubt: anyio.Event | None = None
        self._loss: AgentError | None = None
        self._failure: AgentError | None = None

    @property
    def today(self) -> C:
        """The connection of today, to be asked for at each call and not kept; what has ended says so when it is used.

        Raises:
            AgentError: There is none yet, or none any more.
        """
        if self._connection is None:
            missing = SessionClosedError(f"The {self._owner} is not connected to its agent yet.")
            raise missing if self._loss is None else copy.copy(self._loss)
        return self._connection

    @property
    def pid(self) -> int | None:
        """Process id of its agent, while it can be talked to; None for one that is no process of ours."""
        connection = self._connection
        return None if connection is None or self.is_over else connection.channel.pid

    @property
    def is_over(self) -> bool:
        """Whether its agent has ended, or says nothing more."""
        connection = self._connection
        if connection is None:
            return self.generation > 0 and not self._connecting.locked()
        return connection.peer.failed or connection.channel.exit is not None

    @property
    def is_up(self) -> bool:
        """Whether there is a connection that has greeted and was not lost."""
        return self._greeted and self._failure is None

    @property
    def in_doubt(self) -> bool:
        """Whether its agent is being looked at or killed, or has ended and its reader has yet to say so.

        Whoever wants to use it calls `connect` first.
        """
        return self._doubt is not None or (self.is_up and self.is_over)

    @property
    def away(self) -> Away | None:
        """Why there is no connection that was there once; None: there is, or there never was."""
        if self._greeted or not self.generation:
            return None
        return "parked" if self._loss is None else "disconnected"

    async def connect(self) -> C:
        """Return the connection of today, made if there is none: once for all who wait.

        While one that was lost is being made again, this waits for it: as long as it is tried, which is bounded. While
        one is in doubt, this waits for the verdict.

        Raises:
            AgentError: It cannot be made, and nothing is left of it; or it was closed, or lost for good.
        """
        while self.in_doubt or not self._greeted:
            self._require_wanted()
            if self._greeted:
                self.doubt()
            if self._doubt is not None:
                await self._doubt.wait()
                continue
            if self._restarted is not None:
                await self._restarted.wait()
                continue
            async with self._connecting:
                if not self._greeted and self._restarted is None:
                    await start_patiently(self._attempt, seconds=self._seconds)
        self._require_wanted()
        return self.today

    def lose(self, ended: object | None, error: AgentError) -> None:
        """Note that the connection has ended by itself; what the agent left behind is ended too."""
        connection = self._connection
        if self._failure is not None or not self._greeted or connection is None:
            return  # Closed by us, or still to be told by the start.
        self._loss, self._greeted = error, False
        self._end_doubt()
        metrics.EXITS.add(1, backend=self._host.backend)
        error_reporter().report(error, where="agent", backend=self._host.backend)
        supervised = isinstance(self._revival, Restarts) and self._host.running
        if not supervised and self._revival != ON_DEMAND:
            self._failure = error
        if ended is not None:
            self._let_go()
        if self._host.running:
            if ended is None:  # Nothing may be started beside one that still lives.
                self._silenced = anyio.Event()
            self._host.start_soon(self._end, connection, self._silenced)
        if supervised:
            self._restarted = anyio.Event()
            self._host.start_soon(self._restart, self._restarted, ended)
        for told in self.when_lost:
            told(ended, error)
        if self._failure is not None:
            self._die(ended, error)

    async def park(self, idle: Callable[[], bool], *, grace: float = 1.0, term: float = 2.0) -> None:
        """End the connection until somebody asks for one again; bounded, never raises.

        Args:
            idle: Tells whether nobody uses it. Where somebody does by now, it stays.
            grace: As of `close`.
            term: Likewise.
        """
        async with self._connecting:
            if not self._greeted or self._failure is not None or not idle():
                return
            self._greeted = False
            connection, self._connection = self._connection, None
            if connection is not None:
                await self._farewell(connection)
                connection.peer.fail(SessionClosedError(f"The agent of the {self._owner} was parked meanwhile."))
            await self._stop(connection, grace, term)

    async def close(self, *, grace: float = 1.0, term: float = 2.0) -> None:
        """End the connection, or keep it from being made; bounded, never raises.

        Args:
            grace: Seconds that the agent has to end by itself.
            term: Seconds that it then has to end when told to.
        """
        if self._failure is None:
            self._failure = SessionClosedError(f"The {self._owner} was closed meanwhile.")
        if self._restarted is not None:
            self._restarted.set()
        self._end_doubt()
        if self._connection is not None:
            self._connection.peer.fail(self._failure)
        await self._stop(self._connection, grace if self._greeted else _HALF_MADE, term)

    def doubt(self, is_sound: Callable[[C], Awaitable[bool]] | None = None) -> None:
        """Have an agent killed that does not stop otherwise; its end is then a loss, and nothing is sent to it before.

        Args:
            is_sound: Looks first whether it is to live on; absent: it is not.
        """
        if self._doubt is None and self._connection is not None and self._greeted:
            doubt = anyio.Event()
            self._host.start_soon(self._judge, self._connection, doubt, is_sound)
            self._doubt = doubt  # Only now: where nobody judges, nobody waits for a verdict.

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

    async def _farewell(self, connection: C) -> None:
        """Tell the agent that it is parked; bounded, never raises."""
        del connection

    def _let_go(self) -> None:
        """Give back what others may have once the agent has ended; idempotent."""

    def _require_wanted(self) -> None:
        if self._failure is not None:
            raise copy.copy(self._failure)

    async def _attempt(self, seconds: float) -> None:
        self._require_wanted()
        if self._silenced is not None:
            await self._silenced.wait()
        began, again = anyio.current_time(), self._loss is not None
        try:
            connection = self._connection = await self._spawn()
            self._require_wanted()
            await self._greet(connection, seconds)
            connection.peer.require_open()
        except BaseException as error:
            await self._give_up()
            if isinstance(error, AgentError):
                self._require_wanted()
                error_reporter().report(error, where="start", backend=self._host.backend)
            raise
        self._greeted, self._loss = True, None
        self.generation += 1
        self._count_start(anyio.current_time() - began, again=again)
        if isinstance(self._revival, Restarts):
            self._revival.connected(anyio.current_time())

    def _count_start(self, seconds: float, *, again: bool) -> None:
        backend = self._host.backend
        metrics.STARTS.add(1, backend=backend)
        metrics.START_SECONDS.add(seconds, backend=backend)
        if again:
            metrics.RESTARTS.add(1, backend=backend)

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

    async def _restart(self, restarted: anyio.Event, ended: object | None) -> None:
        """Make a connection in the place of one that was lost, as often as its policy has it."""
        failure = self._loss
        try:
            while (pause := cast("Restarts", self._revival).pause(anyio.current_time())) is not None:
                with anyio.move_on_after(pause):
                    await restarted.wait()  # Set by a close.
                if self._failure is not None:
                    return
                try:
                    async with self._connecting:
                        await start_patiently(self._attempt, seconds=self._seconds)
                except AgentError as error:
                    failure = error
                    if self._failure is None and self._may_pass(error):
                        continue
                    break
                self._restarted = None
                for told in self.when_restarted:
                    told()
                return
            if self._failure is None and failure is not None:
                self._failure = self._loss = failure
                self._die(ended, failure)
        finally:
            if self._restarted is restarted:
                self._restarted = None
            restarted.set()

    def _may_pass(self, error: AgentError) -> bool:
        """Tell whether a start that failed is tried again."""
        return not isinstance(error, AccountError)

    def _die(self, ended: object | None, error: AgentError) -> None:
        for told in self.when_dead:
            told(ended, error)

    async def _stop(self, connection: C | None, grace: float, term: float) -> None:
        if connection is not None:
            await connection.channel.stop(grace=grace, term=term)
        self._let_go()

    async def _judge(self, connection: C, doubt: anyio.Event, is_sound: Callable[[C], Awaitable[bool]] | None) -> None:
        try:
            if is_sound is None or not await is_sound(connection):
                await connection.channel.stop(grace=0, term=0)
                with anyio.move_on_after(_LOSS_SECONDS):  # Its reader tells of the end that it finds.
                    await doubt.wait()
                if self._doubt is doubt and (ended := connection.channel.exit) is not None:
                    self.lose(ended, connection.channel.exit_error())
        finally:
            if self._doubt is doubt:
                self._end_doubt()

    def _end_doubt(self) -> None:
        if self._doubt is not None:
            self._doubt.set()
            self._doubt = None

    async def _end(self, connection: C, silenced: anyio.Event | None) -> None:
        """End what a lost agent left behind, and itself where it still lives."""
        await connection.channel.stop()
        if silenced is not None:
            self._let_go()
            silenced.set()


async def look_through(
    link: Callable[[Host], Link[C]], name: str, look: Callable[[C], Awaitable[T]], *, backend: str
) -> T:
    """Make a connection, look at the agent through it, and end it.

    Args:
        link: Makes the link, given what runs its tasks.
        name: What errors call the undertaking.
        look: Is given the connection.
        backend: Name of the agent's backend, for telemetry.

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

    host = Host(name, on_stop=stop, on_abort=abort, backend=backend)
    await host.start()
    try:
        made.append(link(host))
        return await look(await made[0].connect())
    finally:
        await host.aclose()
