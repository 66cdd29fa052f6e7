"""A server in a thread of its own, so that a test can drive a browser, and stop and start the server between steps."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import Future
from typing import TypeVar

from agent_chat.chats.chat import Chat
from agent_chat.chats.service import ChatService
from agent_chat.web.access import Access
from agent_chat.web.app import create_app
from agent_chat.web.server import listen, running
from agent_sdk_core.messages.parse import parse_message

T = TypeVar("T")


class Server:
    """The page and its API on one port, over services that are made anew with each start.

    Args:
        make_service: Makes the service of a start.
    """

    def __init__(self, make_service: Callable[[], ChatService]) -> None:
        self.access = Access()
        self.port = 0
        self.service: ChatService
        self._make = make_service
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop
        self._end: asyncio.Event

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def link(self) -> str:
        return self.access.link(self.base)

    def start(self) -> None:
        """Serve; a second start is on the same port, and knows the same browsers."""
        ready: Future[None] = Future()
        self._thread = threading.Thread(target=self._run, args=(ready,), daemon=True)
        self._thread.start()
        ready.result(30)

    def stop(self) -> None:
        """End the server, its chats and its agents."""
        if self._thread is not None:
            self._loop.call_soon_threadsafe(self._end.set)
            self._thread.join(60)
            assert not self._thread.is_alive()
            self._thread = None

    def call(self, work: Callable[[ChatService], Awaitable[T]]) -> T:
        """Do something with the service, in its event loop."""

        async def run() -> T:
            return await work(self.service)

        return asyncio.run_coroutine_threadsafe(run(), self._loop).result(60)

    def tell(self, chat: Chat, *messages: Mapping[str, object]) -> None:
        """Have a chat show what an agent would say."""

        async def take(service: ChatService) -> None:
            del service
            for message in messages:
                chat.take(parse_message(message))

        self.call(take)

    def _run(self, ready: Future[None]) -> None:
        try:
            asyncio.run(self._serve(ready))
        except BaseException as error:
            if not ready.done():
                ready.set_exception(error)
            raise

    async def _serve(self, ready: Future[None]) -> None:
        self._loop, self._end = asyncio.get_running_loop(), asyncio.Event()
        bound = listen("127.0.0.1", self.port)
        self.port = bound.getsockname()[1]
        self.access.add_loopback(self.port)
        self.service = self._make()
        async with self.service, running(create_app(self.service, self.access), bound):
            ready.set_result(None)
            await self._end.wait()
