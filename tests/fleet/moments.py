"""Moments of a turn in which something dies: in text, in a command, during an approval; and what comes of each."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import anyio
from tests.fleet.driving import FleetAgent

from agent_fleet import FleetSession
from agent_sdk_core import AgentSession, Allow, RequestOpened, ResultMessage, StreamEvent, Turn
from agent_sdk_testing import Gate, text

MOMENTS: Final = ("text", "command", "approval")


class Middle:
    """What the model says in a turn that stays in one of the moments until it is let go on.

    Args:
        moment: The moment.
        agent: Whose model it is, and whose workspace.

    Attributes:
        marker: Where the command of "command" writes its process.
        made: What the command makes that was asked about.
        said: The result of the turn, if nothing happens to it.
    """

    def __init__(self, moment: str, agent: FleetAgent) -> None:
        self.moment = moment
        self.marker = agent.workspace / f"{moment}.pid"
        self.made = agent.workspace / f"{moment}.txt"
        self.said = "Begun and done." if moment == "text" else "All done."
        self._gate = Gate()
        self._go = agent.workspace / f"{moment}.go"
        if moment == "text":
            agent.model.reply(text("Begun"), self._gate, text(" and done."))
        else:
            waits = f"echo $$ > {self.marker}; until [ -e {self._go} ]; do sleep 0.1; done; "
            agent.model.reply(agent.asks(f"{waits if moment == 'command' else ''}echo hi > {self.made}"))

    async def go_on(self, session: AgentSession | None) -> None:
        """Let the turn go on, and answer what it asks: that needs its session."""
        if self.moment == "approval":
            assert session is not None
            while not session.pending:
                await anyio.sleep(0.02)
            [request] = session.pending
            await session.answer(request.request_id, Allow())
        self._go.touch()
        self._gate.open()


async def reach(moment: str, session: AgentSession, turn: Turn, marker: Path) -> None:
    """Read a turn until it is in the moment."""
    if moment == "text":
        await until_text(turn)
        return
    asked = await until_asked(turn)
    if moment == "command":
        await session.answer(asked, Allow())
        await started(marker)


async def until_text(turn: Turn) -> None:
    async for message in turn:
        if isinstance(message, StreamEvent) and message.text:
            return


async def until_asked(turn: Turn) -> str:
    async for message in turn:
        if isinstance(message, RequestOpened):
            return message.request_id
    raise AssertionError("nobody asked")


async def started(marker: Path) -> int:
    """Return the process of a command, once it has written that down."""
    path = anyio.Path(marker)
    while not (await path.exists() and (await path.read_text()).strip()):
        await anyio.sleep(0.02)
    return int(await path.read_text())


async def ends_interrupted(turn: Turn) -> ResultMessage:
    result = await turn.wait()
    assert result.outcome == "failed", result
    assert result.error is not None
    assert result.error.code == "prompt_interrupted"
    assert result.user_message_uuids == [turn.uuid]
    return result


async def goes_on(agent: FleetAgent, session: FleetSession) -> None:
    agent.model.reply(text("Still here."))
    assert (await session.query("Go on.")).result == "Still here."
