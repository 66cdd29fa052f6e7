"""The backend of agents that speak the Agent Client Protocol: one process a folder, started when a session wants it."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, TypeVar

from acp_sdk.capabilities import BEFORE, told_by
from acp_sdk.folders import Folders
from acp_sdk.modes import models_of, permission_modes
from acp_sdk.process.command import command_of
from acp_sdk.stored_sessions import StoredSessions
from agent_sdk_core.arguments import checked_class
from agent_sdk_core.client_names import require_client
from agent_sdk_core.errors import AgentError, InvalidRequestError, ProtocolError, SessionBusyError
from agent_sdk_core.interfaces.diagnosis import DEFAULT_SECONDS, Diagnosis
from agent_sdk_core.models import ChatModel
from agent_sdk_core.option_values import environment_of, require_count, require_positive
from agent_sdk_core.options import SessionOptions
from agent_sdk_core.paths import off_the_loop, working_folder
from agent_sdk_core.redaction import learn_from
from agent_sdk_core.rpc.correlation import Tap
from agent_sdk_core.secret import Secret

if TYPE_CHECKING:
    from acp_sdk.folder_agent import FolderAgent
    from acp_sdk.process.agent import AcpAgent
    from acp_sdk.protocol.initialization import InitializeResponse
    from acp_sdk.session import AcpSession

T = TypeVar("T")

_LOGIN_SECONDS: Final = 600.0
"""How long a login may take: a person does it."""


@checked_class("command")
class AcpBackend(StoredSessions):
    """An agent that speaks the Agent Client Protocol over the pipes of a process.

    Args:
        command: The program that is the agent, and its arguments: `["opencode", "acp"]`.
        name: What the agent is called, in messages and errors; absent: "acp".
        env: The whole environment of the agent, values may be `Secret`; absent: this process's.
        startup_timeout: Seconds that the agent has to start and answer.
        max_restarts: How often in a row an agent that was lost is started again, until one lives for ten seconds; its
            sessions go on with it where it can open them again. 0: its sessions end with it.
        protocol_version: The newest version of the protocol to offer: 2 is a draft, which agents of version 1 take for
            what they know.
        client_name: Name of your application, for the agent; absent: this SDK's.
        client_title: Its name for people; absent: `client_name`.
        client_version: Its version.
        wire_log: Called with "in" or "out" and each message on the wire; what it raises is ignored.

    Raises:
        InvalidRequestError: An argument is wrong.

    Attributes:
        version: Version of the running agent, as it tells it; None before the start.
    """

    type = "acp"
    capabilities = BEFORE

    def __init__(
        self,
        *,
        command: Sequence[str | os.PathLike[str]],
        name: str | None = None,
        env: Mapping[str, str | Secret] | None = None,
        startup_timeout: float = 60.0,
        max_restarts: int = 5,
        protocol_version: Literal[1, 2] = 1,
        client_name: str | None = None,
        client_title: str | None = None,
        client_version: str | None = None,
        wire_log: Tap | None = None,
    ) -> None:
        if name is not None:
            self.type = name
        super().__init__()
        self._command = command_of(command, backend=self.type)
        require_positive("AcpBackend", "startup_timeout", startup_timeout)
        require_count("AcpBackend", "max_restarts", max_restarts)
        if protocol_version not in (1, 2):
            raise InvalidRequestError(
                f"AcpBackend: protocol_version is 1 or 2, not {protocol_version!r}.",
                backend=self.type,
                details={"option": "protocol_version"},
            )
        require_client(self.type, client_name=client_name, client_version=client_version)
        self.version: str | None = None
        self._env = dict(os.environ) if env is None else environment_of("AcpBackend", env)
        learn_from(self._env)
        self._startup_timeout = startup_timeout
        self._max_restarts = max_restarts
        self._protocol_version = protocol_version
        self._client = client_name, client_title, client_version
        self._tap = wire_log
        self._folders = Folders(
            self._host,
            self._make,
            self._note,
            lambda agent: bool(self._sessions_of(agent)),
            self._ended,
            name=self.type,
        )
        self._greeting: InitializeResponse | None = None
        self._unknown: dict[str, int] = {}

    async def diagnose(self, *, timeout: float = DEFAULT_SECONDS) -> Diagnosis:
        """Look at the agent that this backend would start, in a process of its own."""
        from acp_sdk.diagnosis import diagnose

        require_positive("AgentBackend.diagnose", "timeout", timeout)
        version, folder = self._protocol_version, str(await off_the_loop(Path.cwd))
        return await diagnose(
            self._command, self._env, backend=self.type, version=version, timeout=timeout, folder=folder
        )

    @property
    def pids(self) -> Sequence[int]:
        """Process ids of the agents that run, one for each folder that sessions work in."""
        return [pid for agent in self._folders if (pid := agent.link.pid) is not None]

    @property
    def greeting(self) -> InitializeResponse | None:
        """What the agent said of itself and of what it can do; None before the first one was started."""
        return self._greeting

    @property
    def unknown_methods(self) -> Mapping[str, int]:
        """How often each notification or request of the agent's came that this package does not know."""
        return self._unknown

    async def authenticate(self, method_id: str) -> None:
        """Have the agent log in by one of its own ways, which `greeting` lists; it may open a browser.

        Raises:
            AuthenticationError: It did not work.
        """
        from acp_sdk.process.errors import translate
        from acp_sdk.protocol import methods

        async def log_in(folder: FolderAgent) -> None:
            agent = folder.link.today
            method = methods.LOGIN if agent.version > 1 else methods.V1_LOGIN
            try:
                await agent.peer.request(method, {"methodId": method_id}, timeout=_LOGIN_SECONDS)
            except ProtocolError as error:
                logins = agent.greeting.auth_methods
                raise translate(error, backend=self.type, command=self._command, logins=logins) from error

        await self._with(log_in)

    async def request(self, method: str, params: Mapping[str, object] | None = None) -> object:
        """Send a request of the protocol, in the words of the version that is spoken, and return its result.

        Raises:
            AgentError: The agent refused it.
        """
        sent = None if params is None else dict(params)
        return await self._with(lambda agent: agent.link.today.peer.request(method, sent))

    async def list_models(self) -> list[ChatModel]:
        """Return the models that the agent offers in a session: of an open one, else of one that is opened for it."""
        for session in self.sessions:
            return models_of(session.driver.normalizer.facts.options, self.type)

        async def look(agent: FolderAgent) -> list[ChatModel]:
            folder = Path(agent.link.folder)
            opened = await self._host.call(lambda: agent.opener.open(SessionOptions(), folder))
            await agent.opener.close(opened.facts.session_id)
            return models_of(opened.facts.options, self.type)

        return await self._with(look)

    # The agents, one a folder. Their modules are loaded when the first is needed.

    async def _with(self, use: Callable[[FolderAgent], Awaitable[T]], folder: str | None = None) -> T:
        """Return what is done with an agent, of a folder or of any; it is not ended meanwhile."""
        await self.start()
        return await self._folders.use(use, folder)

    def _make(self, folder: str) -> FolderAgent:
        from acp_sdk.folder_agent import FolderAgent

        agent = FolderAgent(
            self._host,
            self.emit,
            self.take_log_line,
            self._unknown,
            name=self.type,
            command=self._command,
            folder=folder,
            env=self._env,
            seconds=self._startup_timeout,
            client=self._client,
            version=self._protocol_version,
            tap=self._tap,
            max_restarts=self._max_restarts,
        )
        if self._max_restarts:
            agent.link.when_lost.append(partial(self._agent_gone, agent))
        agent.link.when_restarted.append(partial(self._restarted, agent))
        agent.link.when_dead.append(partial(self._agent_dead, agent))
        self._links.append(agent.link)
        return agent

    def _sessions_of(self, agent: FolderAgent) -> list[AcpSession]:
        return [session for session in self.sessions if session.driver.link is agent.link]

    def _agent_gone(self, agent: FolderAgent, ended: object | None, error: AgentError) -> None:
        """Settle what ran in a folder whose agent comes back."""
        self._tell_exited(ended, error, cwd=agent.link.folder)
        for session in self._sessions_of(agent):
            session.cut_off(error)

    def _agent_dead(self, agent: FolderAgent, ended: object | None, error: AgentError) -> None:
        """Settle what ran in a folder whose agent does not come back; the next session there has another one."""
        error.backend = error.backend or self.type
        self._folders.drop(agent)
        for session in self._sessions_of(agent):
            session.disconnected(error)
        self._tell_exited(ended, error, cwd=agent.link.folder)

    def _ended(self, agent: FolderAgent) -> None:
        if agent.link in self._links:
            self._links.remove(agent.link)

    # What differs from other backends.

    async def _connect(self) -> None:
        from acp_sdk.process.command import find_program

        await off_the_loop(_load)
        await off_the_loop(partial(find_program, self._command[0], self._env, backend=self.type))
        self.emit("started", f"The {self.type} agent is started in each folder that a session works in.")

    def _restarted(self, agent: FolderAgent) -> None:
        running = agent.link.today
        self._note(running)
        self.emit("restarted", f"The {self.type} agent was started again.", self._told(running))

    def _told(self, agent: AcpAgent) -> Mapping[str, object]:
        return {"pid": agent.channel.pid, "protocol_version": agent.version}

    def _note(self, agent: AcpAgent) -> None:
        """Note what the agent can do."""
        info = agent.greeting.info
        self._greeting = agent.greeting
        self.version = None if info is None else info.version
        self.capabilities = replace(told_by(agent), permission_modes=self.capabilities.permission_modes)

    async def _plan(self, options: SessionOptions) -> Path:
        from acp_sdk.choices import settings_of

        settings_of(options, backend=self.type)
        if options.resume is not None and not options.fork and self._open_one(options.resume):
            raise SessionBusyError(f"Session {options.resume} is open in this backend already.", backend=self.type)
        folder = options.cwd
        if folder is None and options.resume is not None:
            folder = await self._folder_of(options.resume)
        return await off_the_loop(partial(working_folder, folder or ".", backend=self.type))

    async def _open(self, options: SessionOptions, plan: Path) -> AcpSession:
        session = await self._folders.use(lambda agent: agent.open(options, plan, self._folders.end_unused), plan)
        self._remember(session.resolved_session_id, str(plan))
        session.when_closed.append(lambda: self._remember(session.resolved_session_id, str(plan)))
        offered = session.driver.normalizer.facts.options
        self.capabilities = replace(self.capabilities, permission_modes=permission_modes(offered))
        return session


def _load() -> None:
    """Load the modules that sessions need; an import asks the disk."""
    from acp_sdk import driver, session, sessions

    del driver, session, sessions
