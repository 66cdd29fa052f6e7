from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import anyio
import pytest

from agent_sdk_core import Allow, Prompt
from agent_sdk_core.sync import AgentBackend, AgentSession


class Agent:
    """What the agent behind the faces does: it repeats a prompt, asks for one that begins with "ask", or hangs.

    Attributes:
        made: The async sessions, in order.
        asked: What each request that it made became.
        hanging: Set when a turn hangs.
    """

    def __init__(self, kind: Any) -> None:
        self.backend = kind()
        self.backend.prepare = self._prepare
        self.made: list[Any] = []
        self.asked: list[str] = []
        self.hanging = threading.Event()

    def _prepare(self, session: Any) -> None:
        self.made.append(session)
        driver = session.driver

        async def start_turn(prompt: Prompt, uuid: str) -> str:
            turn_id = driver.open(uuid)
            self.backend.host.start_soon(self._answer, session, str(prompt))
            return turn_id

        driver.hooks["start_turn"] = start_turn

    async def _answer(self, session: Any, prompt: str) -> None:
        driver = session.driver
        driver.emit(driver.init())
        if prompt == "hang":
            self.hanging.set()
            return
        if prompt == "ask":
            resolution = await driver.ask(session.options.can_use_tool)
            self.asked.append("allowed" if isinstance(resolution.answer, Allow) else "denied")
        await anyio.lowlevel.checkpoint()
        driver.finish(f"You said: {prompt}")


@pytest.fixture
def agent(make_backend: Any) -> Iterator[Agent]:
    """The agent; nothing of its is left when a test ends."""
    before = threading.active_count()
    yield Agent(make_backend)
    for thread in threading.enumerate():
        if thread.name == "agent-sdk callback":
            thread.join(30)
    assert threading.active_count() <= before, threading.enumerate()


@pytest.fixture
def backend(agent: Agent) -> Iterator[AgentBackend]:
    with AgentBackend(agent.backend) as backend:
        yield backend


@pytest.fixture
def session(backend: AgentBackend) -> Iterator[AgentSession]:
    with backend.create_session() as session:
        yield session
