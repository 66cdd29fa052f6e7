"""Several agents at the same task at the same time. Any signal ends all of them, and leaves nothing behind."""

from __future__ import annotations

import signal
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Protocol

import anyio
from anyio.abc import TaskStatus

from agent_chat.demo import script
from agent_chat.demo.agents import DemoAgent
from agent_chat.demo.stage import Board, ScriptedAnswers, Stage
from agent_chat.exits import ENDING_SIGNALS, ExitCode
from agent_chat.terminal.screens import View
from agent_chat.terminal.side_by_side import SideBySide
from agent_chat.transcript.blocks import Block, Notice
from agent_sdk_core.errors import AgentError

if TYPE_CHECKING:
    from agent_sdk_core.messages.parse import SDKMessage


class Audience(Board, Protocol):
    """Who sees one agent's part."""

    def show(self, message: SDKMessage) -> None:
        """Show a message."""
        ...


@dataclass(slots=True)
class Part:
    """What one agent did.

    Attributes:
        stage: Where.
        messages: What it sent.
        failure: What kept it from it.
    """

    stage: Stage
    messages: list[SDKMessage] = field(default_factory=list["SDKMessage"])
    failure: AgentError | None = None

    async def play(self, audience: Audience) -> None:
        """Run the prompt to its end."""
        try:
            async with self.stage.open() as (backend, options), await backend.create_session(options) as session:
                async for message in session.query(script.PROMPT):
                    self.messages.append(message)
                    audience.show(message)
        except AgentError as error:
            self.failure = error
            audience.put(Notice(f"{error.message}", "error"))


class Turn:
    """An audience that sees what is shown to it when its turn comes, and from then on at once.

    Args:
        view: What it then sees it on.
    """

    def __init__(self, view: View) -> None:
        self._view = view
        self._waiting: list[Callable[[], None]] | None = []

    def show(self, message: SDKMessage) -> None:
        """Show a message."""
        self._do(lambda: self._view.show(message))

    def put(self, block: Block) -> None:
        """Show a block."""
        self._do(lambda: self._view.put(block))

    def reviewed(self, tool_use_id: str) -> None:
        """Keep the card of this tool use brief."""
        self._do(lambda: self._view.reviewed(tool_use_id))

    def begin(self) -> None:
        """Show what has come so far."""
        waiting, self._waiting = self._waiting or [], None
        for act in waiting:
            act()

    def _do(self, act: Callable[[], None]) -> None:
        if self._waiting is None:
            act()
        else:
            self._waiting.append(act)


class Ensemble:
    """The agents.

    Args:
        agents: Who plays.

    Attributes:
        parts: What each did, in the order of the agents.
    """

    def __init__(self, agents: Sequence[DemoAgent]) -> None:
        self.parts: list[Part] = []
        self._agents = agents
        self._scope: anyio.CancelScope | None = None
        self._code = ExitCode.OK
        self._broken: OSError | None = None

    async def play_beside(self, screen: SideBySide) -> int:
        """Play on a terminal, beside each other, and return the exit code.

        Raises:
            AgentError: An agent could not be started.
            OSError: The terminal is gone.
        """

        async def play(part: Part, number: int) -> None:
            await part.play(screen.panes[number])
            screen.panes[number].end()

        try:
            return await self._play(screen.panes, play, screen.animate)
        finally:
            screen.close()

    async def play_in_turn(self, views: Sequence[View]) -> int:
        """Play all at once, show one after the other, and return the exit code.

        Args:
            views: Where each is shown.

        Raises:
            AgentError: An agent could not be started.
            OSError: Nobody reads the views any more.
        """
        turns = [Turn(view) for view in views]
        for agent, turn in zip(self._agents, turns, strict=True):
            turn.put(Notice(f"This is {agent.name}."))  # a pipe shows no headers
        ended = [anyio.Event() for _ in views]

        async def play(part: Part, number: int) -> None:
            await part.play(turns[number])
            ended[number].set()

        async def raise_curtains() -> None:
            for view, turn, end in zip(views, turns, ended, strict=True):
                turn.begin()
                await end.wait()
                await view.drain()

        return await self._play(turns, play, raise_curtains)

    async def _play(
        self,
        boards: Sequence[Board],
        play: Callable[[Part, int], Awaitable[None]],
        show: Callable[[], Awaitable[None]],
    ) -> int:
        """Play every part while `show` runs, which ends by itself when all have ended."""
        # Signals are heard until all agents are closed: an impatient Ctrl-C must not cut that short.
        async with anyio.create_task_group() as host:
            with anyio.CancelScope() as self._scope:
                await host.start(self._listen)
                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(self._contain, show)
                    for number, (agent, board) in enumerate(zip(self._agents, boards, strict=True)):
                        part = Part(Stage(agent, ScriptedAnswers(board).permission))
                        self.parts.append(part)
                        tasks.start_soon(self._contain, partial(play, part, number))
            host.cancel_scope.cancel()
        if self._broken is not None:
            raise self._broken
        for part in self.parts:
            if part.failure is not None and self._code == ExitCode.OK:
                raise part.failure
        return self._code

    async def _contain(self, run: Callable[[], Awaitable[None]]) -> None:
        """Run something that may find that nobody is there to see it."""
        try:
            await run()
        except OSError as error:
            self._broken = error
            self._leave()

    async def _listen(self, *, task_status: TaskStatus[None]) -> None:
        with anyio.open_signal_receiver(signal.SIGINT, *ENDING_SIGNALS) as signals:
            task_status.started()
            async for received in signals:
                if self._code == ExitCode.OK:
                    self._code = ENDING_SIGNALS.get(received, ExitCode.INTERRUPTED)
                self._leave()

    def _leave(self) -> None:
        if self._scope is not None:
            self._scope.cancel()
