"""A server in this process over an agent in memory, and clients of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

from agent_chat.chats.service import ChatService
from agent_chat.storage.memory_store import MemoryStore
from agent_chat.web.access import Access
from agent_chat.web.app import create_app
from agent_chat.web.server import listen, running
from agent_sdk_core import RuntimeConfig
from agent_sdk_testing import MemoryBackend

EDITOR = "vscode-webview://here"


@dataclass
class Served:
    """A server that runs.

    Attributes:
        service: Its chats.
        access: Its secrets.
        agent: The agent of every chat.
        base: Its address.
        client: A browser that has opened the link.
    """

    service: ChatService
    access: Access
    agent: MemoryBackend
    base: str
    client: httpx2.AsyncClient

    @property
    def cookie(self) -> str:
        return "; ".join(f"{name}={value}" for name, value in self.client.cookies.items())

    def socket(self, path: str, *, subprotocols: Sequence[Subprotocol] | None = None, **headers: str) -> connect:
        """Return a WebSocket of the page, or with other headers."""
        given = {"Origin": self.base, "Cookie": self.cookie} | {name.title(): value for name, value in headers.items()}
        shown = {name: value for name, value in given.items() if value}
        return connect(
            f"{self.base.replace('http', 'ws', 1)}{path}",
            additional_headers=shown,
            subprotocols=subprotocols,
            proxy=None,
        )

    async def make(self, **settings: Any) -> str:
        answer = await self.client.post("/api/chats", json=settings)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["chat"]["id"])


@pytest.fixture
def page(tmp_path: Path) -> Path:
    folder = tmp_path / "page"
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_text("<!doctype html><title>Chats</title>")
    (folder / "assets" / "app-1234.js").write_text("1")
    (folder / "secret.pem").write_text("no")
    return folder


@pytest.fixture
async def served(tmp_path: Path, page: Path) -> AsyncIterator[Served]:
    agent = MemoryBackend()

    def make(name: str) -> MemoryBackend:
        del name
        return agent

    folder = tmp_path / "project"
    folder.mkdir()
    service = ChatService(
        config=RuntimeConfig(), store=MemoryStore(), make_backend=make, backends=("memory", "other"), cwd=folder
    )
    bound = listen("127.0.0.1", 0)
    port = bound.getsockname()[1]
    access = Access(origins=[EDITOR])
    access.add_loopback(port)
    base = f"http://127.0.0.1:{port}"
    async with (
        service,
        running(create_app(service, access, page=page, demo="Try it"), bound),
        httpx2.AsyncClient(base_url=base, trust_env=False, timeout=60) as client,
    ):
        opened = await client.get(access.link(""))
        assert opened.status_code == 303, opened.text
        yield Served(service, access, agent, base, client)
