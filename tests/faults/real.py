"""Schedules on the real agents: signals, and answers of the model that break."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

import anyio
from tests.contract.agents.claude import ClaudeAgent
from tests.contract.agents.codex import CodexAgent
from tests.faults.driving import SOUND, drive, next_session
from tests.faults.schedules import Blow, Schedule

from agent_sdk_testing import (
    Gate,
    ScriptedModel,
    Step,
    delay,
    disconnect,
    http_error,
    malformed,
    scratch_folder,
    stall,
    text,
)
from agent_sdk_testing.contract.process_agent import ProcessAgent

AGENTS: Final[Mapping[str, type[ProcessAgent]]] = {"claude": ClaudeAgent, "codex": CodexAgent}
_CALL_SECONDS: Final = 4.0
"""How long the application waits for a call: a claude takes a second to start."""


class Blows:
    """What befalls an agent with each request to its model in turn.

    Args:
        agent: The agent.
        blows: What befalls it.
    """

    def __init__(self, agent: ProcessAgent, blows: tuple[Blow | None, ...]) -> None:
        self._agent = agent
        self._gates: list[tuple[Gate, Blow]] = []
        for blow in blows:
            agent.model.reply(*self._steps(blow))
        agent.model.otherwise(text("Fine."))
        agent.model.when(SOUND).reply(text("Fine."))

    async def strike(self) -> None:
        """Strike whenever a reply has come to its gate."""
        for gate, blow in self._gates:
            await gate.reached(600.0)
            if blow == "folder gone":
                shutil.rmtree(self._agent.workspace, ignore_errors=True)
            else:
                for pid in self._agent.started:
                    with suppress(ProcessLookupError):
                        os.kill(pid, signal.Signals[blow])
            gate.open()

    def release(self) -> None:
        """Let the server go on that waits at a gate."""
        for gate, _ in self._gates:
            gate.open()

    def _steps(self, blow: Blow | None) -> list[Step]:
        match blow:
            case None:
                return [text("Fine.")]
            case "stall":
                return [text("Half "), stall()]
            case "disconnect":
                return [text("Half "), disconnect()]
            case "refused":
                return [http_error(500)]
            case "malformed":
                return [text("Half "), malformed()]
            case "slow":
                return [text("H", delay(0.2), "a", delay(0.2), "lf")]
            case _:
                gate = Gate()
                self._gates.append((gate, blow))
                return [text("Half ", gate, "of it.")]


async def complaints_of(agent_name: str, schedule: Schedule, folder: Path) -> list[str]:
    """Run a schedule on a real agent, and return what is wrong.

    Args:
        agent_name: Which one.
        schedule: What to do, and what befalls it.
        folder: Not used: codex wants one that is not temporary.
    """
    del folder
    complaints: list[str] = []
    with ScriptedModel() as model, scratch_folder(prefix="faults-") as scratch:
        agent = AGENTS[agent_name](model, scratch)
        blows = Blows(agent, schedule.blows)
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(blows.strike)
                complaints += await drive(schedule, agent.backend, agent.workspace, call_seconds=_CALL_SECONDS)
                blows.release()
                tasks.cancel_scope.cancel()
            agent.workspace.mkdir(exist_ok=True)
            complaints += await next_session(agent.backend, agent.workspace)
            try:
                await agent.closed()
            except TimeoutError:
                complaints.append("a process is left")
        finally:
            blows.release()
            agent.close()
    return [f"{agent_name} {schedule.seed}: {complaint}" for complaint in complaints]
