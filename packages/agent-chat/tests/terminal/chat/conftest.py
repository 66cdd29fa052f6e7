"""A talk over a service with an agent in memory, with a front of which the test plays the person."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from agent_chat.chats.service import ChatService
from agent_chat.chats.settings import ChatSettings
from agent_chat.storage.memory_store import MemoryStore
from agent_chat.terminal.chat.front import Line, Row, Status
from agent_chat.terminal.chat.talk import Talk
from agent_chat.transcript.blocks import Block, Level, Notice, Said
from agent_chat.transcript.transcript import Transcript
from agent_sdk_core import Allow, Answers, ElicitationAnswer, RuntimeConfig
from agent_sdk_core.messages.parse import SDKMessage
from agent_sdk_testing import MemoryBackend


class Person:
    """A front: what is shown is kept, what is typed comes from the test.

    Attributes:
        shown: Texts that were shown.
        asked: Requests that were asked.
        answer: Answers a permission; awaited.
        menus: Headings and rows of what could be chosen.
        choice: What is chosen.
        given: What was given back.
    """

    def __init__(self, *, live: bool = True) -> None:
        self.live = live
        self.typed = ""
        self.interrupted: Callable[[], None] = lambda: None
        self.shown: list[str] = []
        self.asked: list[Any] = []
        self.answer: Callable[[Any], Any] = _allow
        self.menus: list[tuple[str, list[Row]]] = []
        self.choice: Callable[[Sequence[Row]], str | None] = lambda rows: None
        self.given: list[str] = []
        self.status: Status | None = None
        self.lines: asyncio.Queue[Line | None] = asyncio.Queue()
        self.broken = False
        self._news = asyncio.Event()
        self._transcript = Transcript()

    @property
    def view(self) -> Any:
        return self

    @property
    def asker(self) -> Any:
        return self

    def type(self, *texts: str, steers: bool = False) -> None:
        for text in texts:
            self.lines.put_nowait(Line(text, steers))

    def leave(self) -> None:
        self.lines.put_nowait(None)

    async def until(self, done: Callable[[], object]) -> None:
        try:
            async with asyncio.timeout(30):
                while not done():
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            raise AssertionError(f"it never came: {self.shown}") from None

    async def until_shown(self, text: str) -> None:
        await self.until(lambda: any(text in each for each in self.shown))

    async def line(self) -> Line | None:
        return await self.lines.get()

    async def choose(self, heading: str, rows: Sequence[Row], chosen: int = 0) -> str | None:
        self.menus.append((heading, list(rows)))
        return self.choice(rows)

    def renew(self) -> None:
        self._transcript = Transcript()

    def tell(self, status: Status) -> None:
        self.status = status
        self._news.set()

    def give_back(self, text: str) -> None:
        self.given.append(text)
        self._news.set()

    async def drain(self) -> None: ...

    def show(self, message: SDKMessage) -> None:
        if self.broken:
            raise BrokenPipeError
        for block in self._transcript.feed(message):
            self.put(block)

    def put(self, block: Block) -> None:
        self.shown.append(block.text if isinstance(block, Notice | Said) else repr(block))
        self._news.set()

    def notice(self, text: str, level: Level = "info") -> None:
        self.put(Notice(text, level))

    async def permission(self, request: Any) -> Any:
        self.asked.append(request)
        self._news.set()
        return await self.answer(request)

    async def question(self, request: Any) -> Answers:
        self.asked.append(request)
        return Answers({question.id: ("blue",) for question in request.questions})

    async def elicitation(self, request: Any) -> ElicitationAnswer:
        self.asked.append(request)
        return ElicitationAnswer("decline")


async def _allow(request: Any) -> Allow:
    del request
    return Allow()


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def agent() -> MemoryBackend:
    return MemoryBackend()


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
async def service(store: MemoryStore, agent: MemoryBackend, tmp_path: Path) -> AsyncIterator[ChatService]:
    def always(name: str) -> MemoryBackend:
        del name
        return agent

    made = ChatService(
        config=RuntimeConfig(), store=store, make_backend=always, backends=("memory", "other"), cwd=tmp_path
    )
    async with made:
        yield made


@pytest.fixture
def person() -> Person:
    return Person()


@pytest.fixture
def talk(service: ChatService, person: Person) -> Talk:
    return Talk(service, person, ChatSettings("memory"))
