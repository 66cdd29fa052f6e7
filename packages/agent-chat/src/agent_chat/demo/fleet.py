"""The fleet of the demo: two hosts on this machine, an agent on each, and one worker that is killed in the middle."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from itertools import cycle
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from agent_chat.demo.agents import DemoAgent
from agent_sdk_core.config.runtime import RuntimeConfig
from agent_sdk_core.factory.registry import create_backend
from agent_sdk_core.interfaces.session import AgentSession
from agent_sdk_core.messages.conversation import StreamEvent
from agent_sdk_core.messages.result import ResultMessage
from agent_sdk_core.options import SessionOptions

if TYPE_CHECKING:
    from agent_sdk_testing import ScriptedModel

HOSTS: Final = ("north", "south")


class Play:
    """The demo of a fleet.

    Args:
        package: The fleet's commands.
        agents: The agents.
        say: Prints a line.
    """

    def __init__(self, package: Any, agents: Sequence[DemoAgent], say: Callable[[str], None]) -> None:
        self._package = package
        self._agents = agents
        self._say = say
        self._fleet: Any = None

    async def run(self) -> bool:
        """Play, leave nothing behind, and tell whether all went as it should.

        Raises:
            AgentError: A host or an agent did not start.
        """
        from agent_sdk_testing import scratch_folder

        self._say(f"Starting two hosts on this machine, {' and '.join(HOSTS)}: Ray on loopback, with a token.")
        with scratch_folder(prefix="demo-fleet-") as folder:
            self._fleet = self._package.LocalFleet(folder / "fleet")
            try:
                await asyncio.to_thread(self._fleet.start, HOSTS)
                cast = zip(self._agents, cycle(HOSTS), strict=False)
                went = [await self._play(agent, folder, host) for agent, host in cast]
            finally:
                await asyncio.to_thread(self._fleet.stop)
        self._say("The hosts have ended, with all that ran on them.")
        return all(went)

    async def _play(self, agent: DemoAgent, folder: Path, host: str) -> bool:
        from agent_sdk_testing import ScriptedModel

        place = folder / agent.name
        place.mkdir()
        with ScriptedModel() as model:
            arguments = {
                "backend": agent.name,
                "hosts": [host],
                "store": str(folder / "fleet.db"),
                "executable": str(agent.find()),
                "env": agent.environment(place / "home", model),
                "lease_seconds": 5.0,
            }
            async with (
                create_backend("fleet", config=RuntimeConfig(), **arguments) as backend,
                backend.create_session(SessionOptions(cwd=place, permission_mode="default")) as session,
            ):
                return await self._converse(agent.name, session, model)

    async def _converse(self, name: str, session: AgentSession, model: ScriptedModel) -> bool:
        from agent_sdk_testing import Gate, text

        host = str(getattr(session, "host", ""))
        model.reply(text("I am ", "ready."))
        first = await session.query("Are you there?")
        self._say(f"{name} on host {host}: {first.result}")
        gate = Gate()
        model.reply(text("I begin to"), gate)
        async with session.query("Tell me something long.") as turn:
            async for message in turn:
                if isinstance(message, StreamEvent) and message.text:
                    self._say(f"{name} on host {host}: {message.text} …")
                    break
            killed = await asyncio.to_thread(self._fleet.kill_workers, host)
            self._say(f"Killed {killed} worker of host {host}, with the {name} that it ran, in mid-sentence.")
            cut = await turn.wait()
        gate.open()
        self._say(f"The prompt ended: {' '.join(cut.errors or ())}")
        model.reply(text("Here ", "I am again."))
        last = await session.query("And now?")
        self._say(f"{name} on host {getattr(session, 'host', '')}, in the same session: {last.result}")
        return _is_well(first, cut, last)


def _is_well(first: ResultMessage, cut: ResultMessage, last: ResultMessage) -> bool:
    return (first.outcome, cut.outcome, last.outcome) == ("completed", "failed", "completed")
