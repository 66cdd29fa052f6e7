"""`ClientRequests`: what the agent asks in a session, put to its client, and answered by what that says."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Final

from agent_chat.acp.converting.asking import answer_of, asks
from agent_chat.acp.converting.forms import Forms
from agent_chat.acp.opened.client import Client
from agent_chat.acp.opened.outlet import Outlet
from agent_chat.chats.chat import Chat
from agent_sdk_core.asking.requests import AgentRequest, refusal_of, request_from_wire
from agent_sdk_core.errors import AgentError
from agent_sdk_core.messages.system import RequestOpened, RequestResolved

NAME: Final = "acp"
"""What other front ends are told who answered a request."""


class ClientRequests:
    """The requests of one session.

    Args:
        chat: The chat.
        client: Who is asked.
        outlet: Tells the client that the session waits.
    """

    def __init__(self, chat: Chat, client: Client, outlet: Outlet) -> None:
        self._chat = chat
        self._client = client
        self._outlet = outlet
        self._asks: dict[str, asyncio.Task[None]] = {}

    @property
    def tasks(self) -> list[asyncio.Task[None]]:
        """What waits for the client."""
        return [*self._asks.values()]

    def put_pending(self) -> None:
        """Ask what waits already."""
        if self._chat.session is not None:
            for request in self._chat.session.pending:
                self._put(request)

    async def opened(self, message: RequestOpened) -> None:
        """Ask the client what the agent asks now."""
        session = self._chat.session
        if session is None or all(request.request_id != message.request_id for request in session.pending):
            return  # It has been answered since.
        await self._outlet.tell_state("requires_action")
        with suppress(AgentError):
            self._put(request_from_wire(message.request))

    async def resolved(self, message: RequestResolved) -> None:
        """Take back what was answered elsewhere."""
        asking = self._asks.pop(message.request_id, None)
        if asking is not None:
            asking.cancel()
        if self._chat.session is None or not self._chat.session.pending:
            state = self._outlet.state
            await self._outlet.tell_state("running" if state == "requires_action" else state)

    def _put(self, request: AgentRequest) -> None:
        if request.request_id not in self._asks and not self._outlet.closed:
            self._asks[request.request_id] = asyncio.create_task(self._ask(request))

    async def _ask(self, request: AgentRequest) -> None:
        """Put a request to the client, and answer it; whatever is no answer refuses."""
        dialect = self._client.dialect
        askings = asks(request, Forms(dialect.form, dialect.url), self._chat.meta.cwd or "")
        results: list[object] = []
        for asking in askings:
            params = asking.params
            if asking.method == "session/request_permission":
                params = dialect.permission(params)
            try:
                results.append(await self._client.ask(asking.method, {"sessionId": self._chat.id, **params}))
            except AgentError:
                break
        if not askings:
            title = "The agent asked for something that cannot be asked here, and got no answer."
            await self._outlet.tell({"sessionUpdate": "notice", "severity": "warning", "title": title})
        self._asks.pop(request.request_id, None)
        try:
            await self._chat.answer(request.request_id, answer_of(request, askings, results), by=NAME)
        except AgentError as error:
            if error.code not in ("already_answered", "not_waiting"):
                with suppress(AgentError):
                    await self._chat.answer(request.request_id, refusal_of(request), by=NAME)
