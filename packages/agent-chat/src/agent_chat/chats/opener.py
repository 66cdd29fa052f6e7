"""`SessionOpener`: opens the agent's session of a chat where it was left: same model, effort and mode, same session."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING

from agent_chat.chats.agents import Agents
from agent_chat.chats.settings import session_options
from agent_chat.chats.trust import ProjectTrust
from agent_sdk_core.config.runtime import RuntimeConfig
from agent_sdk_core.errors import AgentError, SessionNotFoundError
from agent_sdk_core.interfaces.backend import AgentBackend
from agent_sdk_core.interfaces.session import AgentSession
from agent_sdk_core.options import SessionOptions
from agent_sdk_core.policy.guard import PolicyGuard

if TYPE_CHECKING:
    from agent_chat.chats.chat import Chat


class SessionOpener:
    """Opens the sessions of all chats.

    Args:
        agents: The agents.
        config: Returns what is configured now.
        trust: Returns what a folder brings along for agents, and whether the user trusts it.
        options: What every session has beside that.
        policy: Rules for every session.
    """

    def __init__(
        self,
        agents: Agents,
        config: Callable[[], RuntimeConfig],
        trust: Callable[[str], Awaitable[ProjectTrust | None]],
        *,
        options: SessionOptions | None,
        policy: PolicyGuard | None,
    ) -> None:
        self._agents = agents
        self._config = config
        self._trust = trust
        self._options = options
        self._policy = policy
        self._told_untrusted: set[Path] = set()

    async def open(self, chat: Chat, backend: AgentBackend) -> AgentSession:
        """Open the session of a chat with an agent, and say in it what is not as it was.

        Raises:
            AgentError: The agent refuses.
        """
        meta = chat.meta
        if meta.model is not None and meta.last_session_id is not None and not await self._offers(backend, meta.model):
            await chat.change(model=None)
            chat.inform(f"The model {meta.model} is no longer offered; the agent's own choice answers now.", "warning")
        config = self._config()
        options = session_options(chat.meta, config, base=self._options, policy=self._policy, extra=chat.extra)
        options = await self._with_sources(chat, backend, options)
        try:
            session = await backend.create_session(options)
        except SessionNotFoundError:
            chat.inform("The agent no longer has this session; it begins anew, and knows nothing of this.", "warning")
            session = await backend.create_session(options.model_copy(update={"resume": None, "fork": False}))
        if session.resumable and session.resolved_session_id != meta.last_session_id:
            await chat.change(last_session_id=session.resolved_session_id)
        return session

    async def _with_sources(self, chat: Chat, backend: AgentBackend, options: SessionOptions) -> SessionOptions:
        """Return options that have a project's settings read where the user trusts its folder, and only there."""
        folder, unsupported = chat.meta.cwd, backend.capabilities.unsupported_options
        if folder is None or options.setting_sources is not None or "setting_sources" in unsupported:
            return options
        project = await self._trust(folder)
        if project is None or project.sources is None:
            return options
        if project.left_out is not None and project.trust.root not in self._told_untrusted:
            self._told_untrusted.add(project.trust.root)
            chat.inform(f"{project.left_out}; `agent-sdk chat --trust` in it lets them apply.", "warning")
        return options.model_copy(update={"setting_sources": project.sources})

    async def _offers(self, backend: AgentBackend, model: str) -> bool:
        try:
            listed = await self._agents.models(backend.type)
        except AgentError:  # Nobody knows: then the agent itself says so.
            return True
        return not listed.models or listed.offers(model)
