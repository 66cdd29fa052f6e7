"""`FolderAgent`: the agent of one folder, with what routes and opens its sessions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from acp_sdk.asking.requests import UnownedRequests
from acp_sdk.driver import AcpDriver
from acp_sdk.normalizer.session import SessionNormalizer
from acp_sdk.process.agent import introduction
from acp_sdk.process.link import AgentLink
from acp_sdk.routing.receiver import Emit, Router
from acp_sdk.session import AcpSession
from acp_sdk.sessions import SessionOpener
from acp_sdk.stored import require_stored
from agent_sdk_core.errors import (
    AgentError,
    HandshakeError,
    ProtocolError,
    SessionBusyError,
)
from agent_sdk_core.options import SessionOptions
from agent_sdk_core.rpc.correlation import Tap
from agent_sdk_core.rpc.receiver import RequestId
from agent_sdk_core.runtime.asking.broker import RequestBroker
from agent_sdk_core.runtime.host import Host
from agent_sdk_core.runtime.supervisor import Restarts


class FolderAgent:
    """One process in one folder.

    Args:
        host: Runs its tasks.
        emit: Publishes an event of the backend.
        log: Takes a line that is no message.
        unknown: Counts what nobody here knows.
        name: What the agent is called.
        command: Its program and arguments.
        folder: The folder.
        env: The whole environment of the process.
        seconds: How long a start may take.
        client: Name, title and version of who introduces himself.
        version: The newest version of the protocol to offer.
        tap: Sees each message in both directions.
        max_restarts: How often in a row it is started again.

    Attributes:
        link: The way to the process.
        router: Brings what it sends to its sessions.
        opener: Opens its sessions.
        users: How many do something with it beside its sessions, and need it to stay.
    """

    def __init__(
        self,
        host: Host,
        emit: Emit,
        log: Callable[[str], None],
        unknown: dict[str, int],
        *,
        name: str,
        command: Sequence[str],
        folder: str,
        env: Mapping[str, str],
        seconds: float,
        client: tuple[str | None, str | None, str | None],
        version: int,
        tap: Tap | None,
        max_restarts: int,
    ) -> None:
        broker = RequestBroker(lambda: self.link.today.peer, UnownedRequests())
        self._host = host
        self.users = 0
        self.router = Router(host, emit, log, self._lose, broker, self._complain, name, unknown)
        self.link = AgentLink(
            host,
            self.router,
            name=name,
            command=command,
            folder=folder,
            env=env,
            seconds=seconds,
            client=introduction(*client),
            version=version,
            tap=tap,
            revival=Restarts(limit=max_restarts) if max_restarts else None,
        )
        self.opener = SessionOpener(self.link, self.router)

    async def open(
        self, options: SessionOptions, folder: Path, when_closed: Callable[[FolderAgent], object]
    ) -> AcpSession:
        """Open a session; one that fails leaves nothing.

        Args:
            options: Its options.
            folder: The folder that it works in.
            when_closed: Told, with this agent, when it is closed.

        Raises:
            AgentError: It cannot be opened.
        """
        with self.router.opening():
            return await self._open(options, folder, when_closed)

    async def _open(
        self, options: SessionOptions, folder: Path, when_closed: Callable[[FolderAgent], object]
    ) -> AcpSession:
        try:
            opened = await self.opener.open(options, folder)
        except ProtocolError as error:
            if options.resume is not None:
                await require_stored(self.link.today, options.resume, str(folder), error, backend=self.link.name)
            raise
        session_id = opened.facts.session_id
        if self.router.is_open(session_id):
            if options.resume == session_id:  # Two asked for it at the same time.
                raise SessionBusyError(f"Session {session_id} is open in this backend already.", backend=self.link.name)
            raise HandshakeError(
                f"The {self.link.name} agent opened a session under an id that another open one has: {session_id}.",
                backend=self.link.name,
            )
        normalizer = SessionNormalizer(opened.facts, partial=options.include_partial_messages)
        driver = AcpDriver(
            self.link,
            self._host,
            normalizer,
            opened.upgrade,
            options,
            self.opener,
            stored=opened.stored,
            told=opened.told,
        )
        try:
            await driver.choices.settle(options)
        except BaseException:
            await driver.close()
            raise
        session = AcpSession(options, self._host, driver)
        router = self.router

        def moved(former: str) -> None:
            router.detach(former, session)
            session.moved()
            router.attach(session.resolved_session_id, session)

        def closed() -> None:
            router.detach(session.resolved_session_id, session)
            self._host.call_soon_threadsafe(when_closed, self)

        driver.moved = moved
        session.when_closed.append(closed)
        router.attach(driver.session_id, session)
        return session

    async def _complain(self, request_id: RequestId, why: str, code: int) -> None:
        with suppress(AgentError):  # An agent that is gone waits for nothing.
            await self.link.today.peer.complain(why, code=code, request_id=request_id)

    def _lose(self, ended: object | None, error: AgentError) -> None:
        self.link.lose(ended, error)
