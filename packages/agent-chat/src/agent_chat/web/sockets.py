"""WebSockets of the server: the stream of one chat from a cursor on, and the events of all."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, Final

from starlette.websockets import WebSocket, WebSocketDisconnect

from agent_chat.chats.service import ChatService
from agent_chat.web.access import TOKEN_PROTOCOL
from agent_chat.web.hold import Hold
from agent_sdk_core.errors import AgentError
from agent_sdk_core.hosting.stream import Cursor
from agent_sdk_core.wire.json_lines import json_text

PROTOCOL: Final = "agent-sdk.chat.v1"
MAX_SOCKETS: Final = 200
"""Open WebSockets at once."""

MAX_HEARD: Final = 64 * 2**10
"""Characters of a message that a client sends: it has nothing to say there."""

TOO_LARGE: Final = 1009
NOT_FOUND: Final = 4404
TOO_MANY: Final = 4429
ENDED: Final = 4410
HELD: Final = 4409


class Sockets:
    """The WebSockets over one service.

    Args:
        service: What they tell of.
        hold: The hold on the server, where a program holds it.
    """

    def __init__(self, service: ChatService, hold: Hold | None = None) -> None:
        self._service = service
        self._hold = hold
        self._open = 0

    async def chat(self, socket: WebSocket) -> None:
        """Send what happens in a chat: batches of `ChatReader`, from the `cursor` of the query on."""

        async def serve() -> int:
            try:
                chat = await self._service.open(socket.path_params["chat_id"])
                given = socket.query_params.get("cursor")
                reader = chat.follow(None if given is None else Cursor.parse(given))
            except AgentError as error:
                await _send(socket, {"type": "error", "error": {"code": error.code, "message": error.message}})
                return NOT_FOUND
            while (told := await reader.read()) is not None:
                await _send(socket, told)
            return ENDED

        await self._serve(socket, serve)

    async def events(self, socket: WebSocket) -> None:
        """Send events of all chats: what lists and notifications need."""

        async def serve() -> int:
            events = self._service.bus.subscribe()
            await _send(socket, {"type": "ready"})
            async for event in events:
                name = type(event).__name__
                await _send(socket, {"type": "event", "event": name, "dropped": events.dropped, **event.to_wire()})
            return ENDED

        await self._serve(socket, serve)

    async def hold(self, socket: WebSocket) -> None:
        """Have a program that shows a token hold the server, once the one that held it is gone."""
        await socket.accept(_protocol(socket))
        if self._hold is None or self._hold.is_held:
            await socket.close(NOT_FOUND if self._hold is None else HELD)
            return
        self._hold.grip()
        try:
            await _send(socket, {"type": "held"})
            while (told := await socket.receive())["type"] != "websocket.disconnect":
                await _send(socket, self._hold.take(told.get("text") or told.get("bytes") or b""))
        except (WebSocketDisconnect, RuntimeError):  # It went while it was answered.
            return
        finally:
            self._hold.release()

    async def _serve(self, socket: WebSocket, serve: Callable[[], Awaitable[int]]) -> None:
        """Send until there is nothing more, or until the client goes; what it says is read and passed over."""
        await socket.accept(_protocol(socket))
        if self._open >= MAX_SOCKETS:
            await socket.close(TOO_MANY)
            return
        self._open += 1
        sender = asyncio.ensure_future(serve())
        listener = asyncio.ensure_future(_heard(socket))
        try:
            await asyncio.wait([sender, listener], return_when=asyncio.FIRST_COMPLETED)
            if sender.done() and not listener.done():
                with suppress(WebSocketDisconnect, RuntimeError):
                    await socket.close(sender.result())
        finally:
            self._open -= 1
            for task in (sender, listener):
                task.cancel()
            await asyncio.gather(sender, listener, return_exceptions=True)


def _protocol(socket: WebSocket) -> str | None:
    """Return the protocol of ours that a client offers, so that it hears it was understood."""
    offered = [name.strip() for name in socket.headers.get("sec-websocket-protocol", "").split(",")]
    fitting = next((name for name in offered if name == PROTOCOL or name.startswith(TOKEN_PROTOCOL)), None)
    return PROTOCOL if PROTOCOL in offered else fitting


async def _heard(socket: WebSocket) -> None:
    """Return when the client is gone, or says more than it has to say here."""
    while (message := await socket.receive())["type"] != "websocket.disconnect":
        said = message.get("text") or message.get("bytes") or ""
        if len(said) > MAX_HEARD:
            with suppress(WebSocketDisconnect, RuntimeError):
                await socket.close(TOO_LARGE)
            return


async def _send(socket: WebSocket, told: dict[str, Any]) -> None:
    await socket.send_text(json_text(told))
