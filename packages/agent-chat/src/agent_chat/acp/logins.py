"""`Logins`: whether somebody is logged in at the agents of a client's sessions, and the logout at its own."""

from __future__ import annotations

from agent_chat.chats.service import ChatService
from agent_chat.terminal.login import refusal_of_prompts
from agent_sdk_core.interfaces.backend import AgentBackend


class Logins:
    """The accounts behind one connection. An agent keeps what it logs in with; nothing of it is read here.

    Args:
        service: Has the agents.
        backend: The agent of the connection; None: as configured.
    """

    def __init__(self, service: ChatService, backend: str | None) -> None:
        self._service = service
        self._backend = backend
        self._known: set[str] = set()

    async def require(self, agent: AgentBackend) -> None:
        """Look, once, whether an agent answers prompts; what it cannot tell, a turn tells.

        Raises:
            AuthenticationError: Nobody is logged in; the message says what helps.
        """
        if agent.type in self._known:
            return
        if (refusal := await refusal_of_prompts(agent)) is not None:
            raise refusal
        self._known.add(agent.type)

    async def log_out(self) -> None:
        """Have the agent forget the login that it stores; sessions that are open may go on with it.

        Raises:
            AgentError: It could not, or it has no login.
        """
        agent = await self._service.agent(self._backend)
        self._known.discard(agent.type)
        await agent.logout()
