"""The page in a real browser, over the real agents with scripted models or an agent in memory."""

# pyright: reportUnknownMemberType=false
from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Locator, Page, expect, sync_playwright
from tests.e2e.browser import ARGUMENTS, find_chromium
from tests.e2e.serving import Server

from agent_chat import settings
from agent_chat.chats.service import ChatService
from agent_chat.demo.agents import AGENTS
from agent_chat.storage.memory_store import MemoryStore
from agent_chat.web import bundle
from agent_sdk_core import RuntimeConfig, SessionOptions, Tool
from agent_sdk_core.interfaces.backend import AgentBackend
from agent_sdk_testing import MemoryBackend, ScriptedModel, scratch_folder, text

SHOTS = Path(os.environ.get("AGENT_SDK_SCREENSHOTS", ".cache/screenshots"))
"""Where screenshots are kept."""

expect.set_options(timeout=60_000)


class KeptStore(MemoryStore):
    """A store that outlives its service, as one on disk does."""


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    if not bundle.is_built():
        pytest.fail("The page is not built: `uv run nox -s web`.", pytrace=False)
    if (path := find_chromium()) is None:
        pytest.fail("Chromium is missing: `python -m tests.e2e.browser` says how to get it.", pytrace=False)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, headless=True, args=list(ARGUMENTS))
        yield browser
        browser.close()


@dataclass
class Tab:
    """One tab of the browser, with what a user does in it."""

    page: Page

    @property
    def message(self) -> Locator:
        return self.page.get_by_role("textbox", name="Message")

    @property
    def log(self) -> Locator:
        return self.page.get_by_role("log", name="Conversation")

    @property
    def asking(self) -> Locator:
        return self.page.get_by_role("alertdialog")

    def button(self, name: str) -> Locator:
        return self.page.get_by_role("button", name=name, exact=True)

    def say(self, text: str, *, by: str = "Send") -> None:
        self.message.fill(text)
        self.button(by).click()

    def answer(self, name: str, *, about: str) -> None:
        """Press a button of the request that is about something."""
        asked = self.page.get_by_role("alertdialog", name=about)
        asked.get_by_role("button", name=name, exact=True).click()
        expect(asked).to_have_count(0)

    def ended(self) -> None:
        """Wait until the agent is ready again."""
        expect(self.page.locator(".state-text")).to_have_text("ready")

    def card(self, name: str) -> Locator:
        return self.page.get_by_role("article", name=name)

    def shot(self, name: str) -> None:
        SHOTS.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=SHOTS / f"{name}.png")


class Window:
    """A browser of one user; the tabs of a test are his."""

    def __init__(self, context: BrowserContext, server: Server) -> None:
        self.context = context
        self.server = server
        self.problems: list[str] = []
        self._opened = False

    def tab(self, at: str | None = None) -> Tab:
        """Open a tab: with a link the first time, then as it is."""
        page = self.context.new_page()
        page.on("pageerror", lambda error: self.problems.append(str(error)))
        page.on("console", self._note)
        page.goto(at or (f"{self.server.base}/" if self._opened else self.server.link()))
        self._opened = True
        return Tab(page)

    def _note(self, message: ConsoleMessage) -> None:
        if (
            message.type == "error"
            and "Failed to load resource" not in message.text
            and "WebSocket" not in message.text
        ):
            self.problems.append(message.text)


MakeServer = Callable[..., Server]


@pytest.fixture
def make_server(tmp_path: Path) -> Iterator[MakeServer]:
    """Serve chats with a backend of each name, in one folder and one store."""
    with ExitStack() as stack:

        def make(
            make_backend: Callable[[str], AgentBackend], *names: str, folder: Path | None = None, **more: Any
        ) -> Server:
            store = KeptStore()
            project = folder or tmp_path / "project"
            project.mkdir(exist_ok=True)

            def service() -> ChatService:
                return ChatService(
                    config=RuntimeConfig(),
                    store=store,
                    make_backend=make_backend,
                    backends=names,
                    cwd=project,
                    keeps_requests=True,
                    **more,
                )

            server = Server(service)
            server.start()
            stack.callback(server.stop)
            return server

        yield make


@pytest.fixture
def open_window(chromium: Browser) -> Iterator[Callable[..., Window]]:
    """Open windows; a script error in one of them fails the test."""
    windows: list[Window] = []

    def open_one(server: Server, **options: Any) -> Window:
        context = chromium.new_context(
            **cast("dict[str, Any]", {"viewport": {"width": 1280, "height": 860}, **options})
        )
        windows.append(Window(context, server))
        return windows[-1]

    yield open_one
    for window in windows:
        window.context.close()
    assert [problem for window in windows for problem in window.problems] == []


@pytest.fixture
def memory() -> MemoryBackend:
    return MemoryBackend()


@pytest.fixture
def quick(make_server: MakeServer, memory: MemoryBackend) -> Server:
    """A server whose agent is in memory: for what no agent has a part in."""
    return make_server(
        {"memory": memory, "second": MemoryBackend().otherwise(text("second"))}.__getitem__, "memory", "second"
    )


@pytest.fixture
def real(request: pytest.FixtureRequest, make_server: MakeServer) -> Generator[tuple[Server, ScriptedModel]]:
    """A server with a real agent, named by the parameter, perhaps with tools, and the model that it asks."""
    name, tools = cast(
        "tuple[str, list[Tool] | None]",
        (*request.param, None)[:2] if isinstance(request.param, tuple) else (request.param, None),
    )
    agent = next(agent for agent in AGENTS if agent.name == name)
    executable = agent.find()
    with scratch_folder(prefix="e2e-") as folder, ScriptedModel() as model:
        env = agent.environment(folder / agent.name, model)

        def make(name: str) -> AgentBackend:
            return settings.open_backend(name, executable=str(executable), env=env)

        more = {"options": SessionOptions(tools=tools)} if tools else {}
        server = make_server(make, agent.name, folder=folder / "project", **more)
        yield server, model
        server.stop()
