"""WebSockets as channels to clients of the protocol: a message of the protocol is one message of text, both ways."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Final

from starlette.websockets import WebSocket, WebSocketDisconnect

from agent_chat.acp.agent import AcpAgent
from agent_chat.chats.service import ChatService
from agent_chat.web.access import TOKEN_PROTOCOL
from agent_sdk_core.errors import AgentError, ConnectionLostError, SessionClosedError
from agent_sdk_core.rpc.connection import LineConnection
from agent_sdk_core.rpc.jsonrpc import Peer

MAX_SOCKETS: Final = 50
"""Clients at once."""

TOO_MANY: Final = 4429
PROTOCOL: Final = "acp"
_GONE: Final = "The client is gone."


class SocketChannel:
    """An accepted WebSocket, a line a message."""

    def __init__(self, socket: WebSocket) -> None:
        self._socket = socket
        self._writing = asyncio.Lock()
        self._closed = False

    @property
    def name(self) -> str:
        """What errors call the other side."""
        return "the client"

    async def read(self) -> bytes:
        """Return the next message and a line's end, empty when the client is gone."""
        message = await self._socket.receive()
        if message["type"] == "websocket.disconnect":
            return b""
        text = message.get("text")
        data = text.encode("utf-8", "replace") if isinstance(text, str) else message.get("bytes") or b""
        return data.replace(b"\r", b" ").replace(b"\n", b" ") + b"\n"

    async def write(self, data: bytes, /) -> None:
        """Send a line as a message.

        Raises:
            ConnectionLostError: The client is gone.
            SessionClosedError: `close_input` has been called.
        """
        if self._closed:
            raise SessionClosedError(_GONE)
        async with self._writing:
            try:
                await self._socket.send_text(data.decode().rstrip("\n"))
            except (WebSocketDisconnect, RuntimeError):
                raise ConnectionLostError(_GONE) from None

    def close_input(self) -> None:
        """Send nothing more."""
        self._closed = True

    async def wait(self) -> object:
        """Return how the other side ended, which is all that is known of it."""
        return "ended"

    def exit_error(self) -> AgentError:
        """Return what everything fails with that waits for the client."""
        return ConnectionLostError(_GONE)


class AcpSockets:
    """The clients over WebSockets of one service.

    Args:
        service: The chats.
    """

    def __init__(self, service: ChatService) -> None:
        self._service = service
        self._open = 0

    async def serve(self, socket: WebSocket) -> None:
        """Serve a client until it is gone; `?backend=NAME` chooses the agent of its new sessions."""
        offered = [name.strip() for name in socket.headers.get("sec-websocket-protocol", "").split(",")]
        fitting = next((name for name in offered if name == PROTOCOL or name.startswith(TOKEN_PROTOCOL)), None)
        await socket.accept(PROTOCOL if PROTOCOL in offered else fitting)
        if self._open >= MAX_SOCKETS:
            await socket.close(TOO_MANY)
            return
        self._open += 1
        channel = SocketChannel(socket)
        agent = AcpAgent(self._opened, backend=socket.query_params.get("backend"))
        agent.peer = Peer(channel.write, agent, name="The client", version="2.0", cancels=True)
        try:
            await LineConnection(channel, agent.peer).run()
        finally:
            self._open -= 1
            await agent.aclose()
            with suppress(WebSocketDisconnect, RuntimeError):
                await socket.close()

    async def _opened(self) -> ChatService:
        return self._service
