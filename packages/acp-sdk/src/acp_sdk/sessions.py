"""`SessionOpener`: opens sessions at an agent, new, resumed or forked, and opens them again after a loss."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol, cast

from acp_sdk.choices import Choices
from acp_sdk.mcp import servers
from acp_sdk.minute_files import minute_over, sweep
from acp_sdk.modes import values_of
from acp_sdk.normalizer.facts import SessionFacts
from acp_sdk.normalizer.session import SessionNormalizer
from acp_sdk.process.agent import AcpAgent
from acp_sdk.process.errors import translate
from acp_sdk.process.link import AgentLink
from acp_sdk.protocol import methods
from acp_sdk.protocol.downgrade import downgrade_request
from acp_sdk.protocol.sessions import OpenedSession
from acp_sdk.protocol.upgrade import SessionUpgrade
from acp_sdk.replay import Replay
from acp_sdk.routing.receiver import Router
from agent_sdk_core.asking.escalations import absolute_folders
from agent_sdk_core.errors import (
    AgentError,
    ConnectionLostError,
    HandshakeError,
    ProtocolError,
    UnsupportedOptionError,
)
from agent_sdk_core.messages.parse import SDKMessage
from agent_sdk_core.options import SessionOptions
from agent_sdk_core.wire.reading import Json, record_of

_log = logging.getLogger(__name__)

OPEN_SECONDS: Final = 120.0
"""How long opening a session may take: agents start MCP servers, and read long conversations."""


@dataclass(frozen=True)
class Opened:
    """A session that the agent has open.

    Attributes:
        facts: What is known of it.
        upgrade: Reads its updates.
        told: What was said in it before, as far as the agent tells.
        stored: Whether it had been stored.
    """

    facts: SessionFacts
    upgrade: SessionUpgrade
    told: Sequence[SDKMessage]
    stored: bool


class Reopened(Protocol):
    """The driver of a session that is opened again: what is known of the session, and its choices."""

    normalizer: SessionNormalizer
    upgrade: SessionUpgrade
    choices: Choices


class SessionOpener:
    """Opens sessions of one agent.

    Args:
        link: The way to the agent.
        router: Reads what it tells meanwhile.
    """

    def __init__(self, link: AgentLink, router: Router) -> None:
        self._link = link
        self._router = router
        self._reopens = False

    @property
    def reopens(self) -> bool:
        """Whether the agent can open a stored session; of one that was lost, whether it could."""
        return self._reopens

    def opening(self) -> AbstractContextManager[None]:
        """Keep what the agent tells of a session until it is known to whom; held until it is attached."""
        return self._router.opening()

    async def open(self, options: SessionOptions, cwd: Path) -> Opened:
        """Open a session as the options say.

        Raises:
            UnsupportedOptionError: The agent cannot do what an option asks.
            AgentError: The agent refused.
        """
        agent = await self._link.connect()
        params = self._params(agent, options, str(cwd))
        if options.resume is None:
            return await self._opened(agent, methods.NEW, params, options, str(cwd))
        if options.fork:
            if agent.sessions.fork is None:
                raise self._cannot("copy sessions", "fork")
            return await self._opened(agent, methods.FORK, {**params, "sessionId": options.resume}, options, str(cwd))
        return await self.resume(options.resume, params, options, str(cwd), agent=agent)

    async def resume(
        self, session_id: str, params: Json, options: SessionOptions, cwd: str, *, agent: AcpAgent, replay: bool = True
    ) -> Opened:
        """Open a stored session; with what was said in it, where the agent tells that."""
        params = {**params, "sessionId": session_id}
        if agent.sessions.load is not None and (replay or agent.sessions.resume is None):
            params["replayFrom"] = {"type": "start"}
        elif agent.sessions.resume is None:
            raise self._cannot("open stored sessions", "resume")
        own_name = None if agent.greeting.info is None else agent.greeting.info.name
        await minute_over(own_name, session_id, self._link.env)
        opened = await self._opened(agent, methods.RESUME, params, options, cwd)
        await sweep(own_name, session_id, self._link.env)
        return opened

    async def reopen(self, driver: Reopened, options: SessionOptions, *, stored: bool) -> None:
        """Open a session again in the agent of today, with what was chosen in it; anew where no turn is stored."""
        agent = await self._link.connect()
        facts = driver.normalizer.facts
        params = self._params(agent, options, facts.cwd)
        chosen = values_of(facts.options)
        opened = await self._again(agent, facts, params, options, stored=stored)
        if opened is None:
            opened = await self._opened(agent, methods.NEW, params, options, facts.cwd)
        driver.upgrade = opened.upgrade
        facts.session_id, facts.options = opened.facts.session_id, opened.facts.options
        driver.normalizer.moved()
        await driver.choices.choose_again(chosen)

    async def _again(
        self, agent: AcpAgent, facts: SessionFacts, params: Json, options: SessionOptions, *, stored: bool
    ) -> Opened | None:
        """Open a session as it was stored; None where the agent has stored none in which no turn has ended well."""
        if not self._reopens:
            return None
        try:
            return await self.resume(facts.session_id, params, options, facts.cwd, agent=agent, replay=False)
        except ConnectionLostError:
            raise
        except AgentError:
            if stored:
                raise
            return None

    async def close(self, session_id: str) -> None:
        """Let the agent close a session that nobody wants, where it has a word for that."""
        try:
            agent = self._link.today
            if agent.sessions.close is not None:
                await agent.peer.request(methods.CLOSE, {"sessionId": session_id}, timeout=2.0, counted=False)
        except AgentError as error:  # It keeps it open, and that harms nobody.
            _log.debug("session/close: %s", error)

    def params(self, agent: AcpAgent, cwd: str) -> Json:
        """Return the parameters that open a session in a folder, with nothing else asked."""
        return self._params(agent, SessionOptions(), cwd)

    def _params(self, agent: AcpAgent, options: SessionOptions, cwd: str) -> Json:
        params: Json = {
            "cwd": cwd,
            "mcpServers": servers(options.servers, agent.servers, backend=self._link.name),
        }
        if options.add_dirs:
            if agent.sessions.additional_directories is None:
                raise self._cannot("work in further folders", "add_dirs")
            params["additionalDirectories"] = list(absolute_folders(options.add_dirs))
        return {**params, **options.native}

    async def _opened(self, agent: AcpAgent, method: str, params: Json, options: SessionOptions, cwd: str) -> Opened:
        self._reopens = agent.sessions.load is not None or agent.sessions.resume is not None
        name, upgrade = self._link.name, SessionUpgrade()
        session_id = cast("str | None", params.get("sessionId")) if method == methods.RESUME else None
        info = agent.greeting.info
        replay = Replay(agent, SessionFacts(name, session_id or "", cwd), upgrade)
        if session_id is not None:
            self._router.read(session_id, replay.take)
        try:
            sent_method, sent = downgrade_request(method, params) if agent.version == 1 else (method, params)
            answer = record_of(await agent.peer.request(sent_method, sent, timeout=OPEN_SECONDS))
            if "replayFrom" in params:
                await replay.rest()
        except ProtocolError as error:
            raise translate(
                error,
                backend=name,
                command=self._link.command,
                logins=agent.greeting.auth_methods,
                session_id=options.resume,
            ) from error
        finally:
            if session_id is not None:
                self._router.unread(session_id)
        replay.end()
        opened = OpenedSession.read(upgrade.opened(answer) if agent.version == 1 else answer)
        session_id = session_id or (None if opened is None else opened.session_id)
        if opened is None or not session_id:
            raise HandshakeError(f"The {name} agent opened a session without telling its id.", backend=name)
        facts = SessionFacts(
            name,
            session_id,
            cwd,
            version=None if info is None else info.version,
            mcp_servers=tuple(options.servers),
            options=opened.config_options,
            commands=opened.available_commands or replay.facts.commands,
            title=replay.facts.title,
            used=replay.facts.used,
            size=replay.facts.size,
            cost=replay.facts.cost,
        )
        return Opened(facts, upgrade, replay.told, stored=method != methods.NEW)

    def _cannot(self, what: str, option: str) -> UnsupportedOptionError:
        return UnsupportedOptionError(
            f"The {self._link.name} agent cannot {what}: SessionOptions.{option}.",
            backend=self._link.name,
            details={"option": option},
        )
