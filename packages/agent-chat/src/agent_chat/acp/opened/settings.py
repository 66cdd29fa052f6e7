"""`SessionSettings`: modes, options and commands of a session as its client has them and changes them."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from agent_chat.acp.converting.choices import DEFAULT, MODE, checked_choice, config_options, modes
from agent_chat.acp.converting.commands import COMPACT, commands_of
from agent_chat.acp.opened.client import Client
from agent_chat.acp.opened.outlet import Outlet
from agent_chat.chats.chat import Chat
from agent_chat.chats.service import ChatService
from agent_sdk_core.errors import AgentError
from agent_sdk_core.interfaces.capabilities import BackendCapabilities
from agent_sdk_core.interfaces.session import SessionInfo
from agent_sdk_core.models import ChatModel


class SessionSettings:
    """The settings of one session.

    Args:
        chat: The chat.
        service: Where it belongs.
        client: Who has them.
        outlet: Tells the client what has changed.
    """

    def __init__(self, chat: Chat, service: ChatService, client: Client, outlet: Outlet) -> None:
        self._chat = chat
        self._service = service
        self._client = client
        self._outlet = outlet
        self._can: BackendCapabilities | None = None
        self._models: tuple[ChatModel, ...] = ()
        self._told_title = chat.meta.title
        self._told_commands: list[dict[str, Any]] = []
        self._told_options: list[dict[str, Any]] = []

    @property
    def compacts(self) -> bool:
        """Whether compacting is a command of ours, because the agent can do it and has no command of that name."""
        ours = any(command.get("_meta") for command in self._told_commands if command["name"] == COMPACT)
        return ours and self._can is not None and self._can.compact

    def takes(self, capabilities: BackendCapabilities) -> None:
        """Note what the agent can do."""
        self._can = capabilities

    async def find_models(self, backend: str) -> None:
        """Find the models to choose from, as far as the agent tells them."""
        with suppress(AgentError):
            self._models = (await self._service.models(backend)).models

    def opened(self) -> dict[str, Any]:
        """Return what a client is told that opens the session."""
        options = self._told_options = self._options()
        can, mode = self._can or BackendCapabilities(), self._service.config.permission_mode
        told = modes(self._chat.meta, self._info, can, mode)
        self._outlet.words.mode = told["currentModeId"]
        return {"configOptions": options, "modes": told}

    async def set_mode(self, mode: object) -> None:
        """Set the permission mode; raises what `choose` raises."""
        await self.choose(MODE, mode)
        await self._outlet.tell({"sessionUpdate": "config_option_update", "configOptions": self._told_options})

    async def choose(self, config_id: object, value: object) -> list[dict[str, Any]]:
        """Set one of the settings, and return all as the client has them.

        Raises:
            InvalidRequestError: There is no such setting, or it takes no such value.
            AgentError: The agent refused it.
        """
        chosen = checked_choice(self._options(), config_id, value)
        match config_id:
            case "mode":
                await self._chat.set_permission_mode(chosen)
            case "model":
                await self._chat.set_model(chosen)
            case "effort":
                await self._chat.set_effort(None if chosen == DEFAULT else chosen)
            case _:
                await self._service.change_sandbox(self._chat, None if chosen == DEFAULT else chosen)
        options = self._options()
        before, self._told_options = self._told_options, options
        if config_id == MODE and before != options:
            self._outlet.words.mode = None
            update = {"sessionUpdate": "config_option_update", "configOptions": options}
            await self._outlet.tell(update, only_mode=True)
        return self._client.dialect.config_options(options)

    async def follow(self, view: Mapping[str, Any]) -> None:
        """Tell of a title or settings that are otherwise now."""
        title = view.get("title")
        if isinstance(title, str) and title and title != self._told_title:
            self._told_title = title
            await self._outlet.tell({"sessionUpdate": "session_info_update", "title": title})
        options = self._options()
        if options != self._told_options and self._told_options:
            self._told_options = options
            await self._outlet.tell({"sessionUpdate": "config_option_update", "configOptions": options})

    async def tell_commands(self) -> None:
        """Tell of the commands that a prompt may begin with, if they are others than before."""
        with suppress(AgentError):
            compacts = self._can is not None and self._can.compact
            commands = commands_of(await self._chat.commands(), compacts=compacts)
            if commands != self._told_commands:
                self._told_commands = commands
                update = {"sessionUpdate": "available_commands_update", "availableCommands": commands}
                await self._outlet.tell(update)

    @property
    def _info(self) -> SessionInfo | None:
        session = self._chat.session
        return None if session is None else session.info

    def _options(self) -> list[dict[str, Any]]:
        can, mode = self._can or BackendCapabilities(), self._service.config.permission_mode
        return config_options(self._chat.meta, self._info, can, self._models, mode)
