"""Prompts, steers, interrupts and the agent's messages in orders drawn at random, the seed being the test's name."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

import anyio
import pytest

from agent_sdk_core.errors import AgentError, InvalidRequestError, ProcessExitedError
from agent_sdk_core.messages.result import ResultMessage
from agent_sdk_core.runtime.turns import runner

pytestmark = pytest.mark.anyio


class ErraticAgent:
    """Answers late or early, refuses now and then, and takes turns that nobody asked for."""

    def __init__(self, agent: Any, chance: random.Random) -> None:
        self.agent = agent
        self.chance = chance
        agent.hooks.update(start_turn=self.start, steer=self.steer, interrupt=self.interrupt)

    async def wait(self) -> None:
        for _ in range(self.chance.randrange(4)):
            await anyio.lowlevel.checkpoint()

    async def start(self, _: object, uuid: str) -> str:
        await self.wait()
        if self.chance.random() < 0.15:
            raise self.chance.choice([InvalidRequestError("no"), OSError("pipe")])
        if self.agent.session.state == "disconnected":
            raise ProcessExitedError("gone")
        if self.agent.turn_id is not None:  # Still in a turn of its own.
            self.end()
        turn_id = self.agent.open(uuid)
        if self.chance.random() < 0.5:
            self.agent.emit(self.agent.init())
            if self.chance.random() < 0.3:
                self.end()
        await self.wait()
        return turn_id

    async def steer(self, _: object, uuid: str, turn_id: str | None) -> bool:
        await self.wait()
        if self.chance.random() < 0.15:
            raise self.chance.choice([InvalidRequestError("no"), OSError("pipe")])
        joined = self.agent.turn_id is not None and self.agent.turn_id == turn_id
        if joined:
            self.agent.uuids.append(uuid)
        await self.wait()
        return joined

    async def interrupt(self, turn_id: str | None, *, cancel_held: bool = True) -> None:
        await self.wait()
        if self.agent.turn_id == turn_id and self.chance.random() < 0.8:
            self.end(subtype="error_during_execution", terminal_reason="aborted_streaming")

    def end(self, **fields: object) -> None:
        if self.agent.turn_id is not None:
            self.agent.emit(self.agent.result(**fields))

    def begin_unasked(self) -> None:
        if self.agent.turn_id is None:
            self.agent.open("nobody's")
            self.agent.uuids = []
            self.agent.emit(self.agent.init())


class User:
    """Sends prompts in every way, and notes which were accepted and what each handle saw."""

    def __init__(self, session: Any, chance: random.Random) -> None:
        self.session = session
        self.chance = chance
        self.accepted: list[str] = []

    async def send(self, priority: str) -> None:
        try:
            self.accepted.append(await self.session.send("x", priority=priority))
        except AgentError:
            return

    async def query(self) -> None:
        try:
            turn = self.session.query("x")
        except AgentError:
            return
        seen: list[Any] = []
        with anyio.CancelScope() as scope:
            try:
                async with turn:
                    self.accepted.append(turn.uuid)
                    if self.chance.random() < 0.3:
                        scope.cancel()
                    async for message in turn:
                        seen.append(message)
                        if self.chance.random() < 0.2:
                            break
            except AgentError:
                return
        results = [message for message in seen if isinstance(message, ResultMessage)]
        assert len(results) <= 1
        assert all(turn.uuid in result.user_message_uuids for result in results)
        assert turn.result is not None or turn.uuid not in self.accepted

    async def interrupt(self) -> None:
        await self.session.interrupt(cancel_queued=self.chance.random() < 0.5)


@pytest.mark.parametrize("ending", ["aclose", "kill", "disconnect"])
@pytest.mark.parametrize("seed", range(8))
async def test_every_accepted_prompt_has_exactly_one_result(
    session: Any, agent: Any, seed: int, ending: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "INTERRUPT_SECONDS", 0.01)
    chance = random.Random(seed)
    erratic, user = ErraticAgent(agent, chance), User(session, chance)
    everything = session.messages()
    with anyio.fail_after(30):
        async with anyio.create_task_group() as tasks:
            for _ in range(30):
                match chance.choice(["queue", "steer", "query", "interrupt", "end", "end", "end", "unasked", "wait"]):
                    case "queue" | "steer" as priority:
                        tasks.start_soon(user.send, priority)
                    case "query":
                        tasks.start_soon(user.query)
                    case "interrupt":
                        tasks.start_soon(user.interrupt)
                    case "end":
                        erratic.end()
                    case "unasked":
                        erratic.begin_unasked()
                    case _:
                        await anyio.wait_all_tasks_blocked()
                await erratic.wait()
            if ending == "disconnect":
                session.disconnected(ProcessExitedError("gone"))
                await session.wait_idle()
            else:
                await getattr(session, ending)()
        assert not session.queue
        await session.aclose()
        results = [message async for message in everything if isinstance(message, ResultMessage)]
    told = Counter(uuid for result in results for uuid in result.user_message_uuids)
    assert {uuid: told[uuid] for uuid in user.accepted} == dict.fromkeys(user.accepted, 1)
