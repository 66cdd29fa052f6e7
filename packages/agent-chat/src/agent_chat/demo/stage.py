"""The stage of one agent: its folder, its model and its process, what was asked there, and what really happened."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Final, Protocol

import anyio

from agent_chat import settings
from agent_chat.demo import script
from agent_chat.demo.agents import DemoAgent
from agent_chat.transcript.blocks import Answered, Block
from agent_chat.transcript.requests import answer_text, asked
from agent_sdk_core.asking.permissions import Allow, CanUseTool, Deny, Permission, PermissionRequest
from agent_sdk_core.interfaces.backend import AgentBackend
from agent_sdk_core.options import SessionOptions

READING_SECONDS: Final = 0.5
"""How long a question stands before the script answers it."""


class Board(Protocol):
    """Where questions and their answers are put up."""

    def put(self, block: Block) -> None:
        """Show a block."""
        ...

    def reviewed(self, tool_use_id: str) -> None:
        """Take note that a question has shown this tool use in full."""
        ...


class Stage:
    """The stage of one agent.

    Args:
        agent: The agent.
        decide: Answers what it asks.

    Attributes:
        answers: The steps that were asked about, and whether each was allowed.
        proof: What the folder showed at the end; None before.
    """

    def __init__(self, agent: DemoAgent, decide: CanUseTool) -> None:
        self.agent = agent
        self.answers: dict[script.Step, bool] = {}
        self.proof: script.Proof | None = None
        self._decide = decide

    @asynccontextmanager
    async def open(self) -> AsyncGenerator[tuple[AgentBackend, SessionOptions]]:
        """Set everything up, and leave nothing behind."""
        from agent_sdk_testing import ScriptedModel, scratch_folder

        executable = self.agent.find()
        with scratch_folder(prefix="demo-") as folder, ScriptedModel() as model:
            project = folder / "project"
            script.write_project(project)
            script.script(model, self.agent, project)
            env = self.agent.environment(folder / self.agent.name, model)
            backend = settings.open_backend(self.agent.name, executable=str(executable), env=env)
            options = settings.session_options(settings.RunSettings(cwd=str(project)), self._answer)
            async with backend:
                yield backend, options
            self.proof = script.Proof.read(project)

    def problems(self) -> list[str]:
        """Return what contradicts the answers that were given, one sentence each."""
        return [] if self.proof is None else self.proof.contradictions(self.answers)

    async def _answer(self, request: PermissionRequest) -> Permission:
        answer = await self._decide(request)
        if (step := script.step_of(request)) is not None:
            self.answers[step] = isinstance(answer, Allow)
        return answer


class ScriptedAnswers:
    """Shows each question and answers it: yes to the check and the edit, no to what leaves the folder.

    Args:
        board: Where they are shown.
    """

    def __init__(self, board: Board) -> None:
        self._board = board

    async def permission(self, request: PermissionRequest) -> Permission:
        """Return the script's answer."""
        answer = Allow() if script.step_of(request) in ("check", "edit") else Deny()
        self._board.put(asked(request))
        if request.tool_use_id is not None:
            self._board.reviewed(request.tool_use_id)
        await anyio.sleep(READING_SECONDS)
        self._board.put(Answered(f"{answer_text(answer)} (by the demo's script)", allowed=isinstance(answer, Allow)))
        return answer


@contextmanager
def room() -> Generator[None]:
    """Take away, in the end, the folders that had to be made for the stages' own."""
    from agent_sdk_testing.agents.environment import cache_folder

    parent = cache_folder()
    made = [path for path in (parent, *parent.parents) if not path.exists()]
    try:
        yield
    finally:
        for path in made:
            # Somebody else may have put something there meanwhile.
            with suppress(OSError):
                path.rmdir()
