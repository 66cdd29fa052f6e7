"""`Folders`: the agents of a backend, one a folder: started when it is wanted, ended when nobody uses it any more."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from agent_sdk_core.paths import off_the_loop, working_folder

if TYPE_CHECKING:
    from acp_sdk.folder_agent import FolderAgent
    from acp_sdk.process.agent import AcpAgent
    from agent_sdk_core.runtime.host import Host

T = TypeVar("T")


class Folders:
    """The agents of a backend.

    Args:
        host: Ends those that nobody uses.
        make: Returns the agent of a folder, not started.
        greeted: Told what an agent said of itself when it was first started.
        in_use: Tells whether sessions work with an agent.
        ended: Told that an agent has been ended.
        name: What the agent is called.
    """

    def __init__(
        self,
        host: Host,
        make: Callable[[str], FolderAgent],
        greeted: Callable[[AcpAgent], None],
        in_use: Callable[[FolderAgent], bool],
        ended: Callable[[FolderAgent], None],
        *,
        name: str,
    ) -> None:
        self._host = host
        self._make = make
        self._greeted = greeted
        self._in_use = in_use
        self._ended = ended
        self._name = name
        self._agents: dict[str, FolderAgent] = {}

    def __iter__(self) -> Iterator[FolderAgent]:
        return iter(tuple(self._agents.values()))

    async def at(self, folder: Path) -> FolderAgent:
        """Return the agent of a folder, started.

        Raises:
            AgentError: It cannot be started.
        """
        agent = self._agents.get(str(folder))
        if agent is None:
            agent = self._agents[str(folder)] = self._make(str(folder))
        before = agent.link.generation
        running = await agent.link.connect()
        if agent.link.generation == 1 and not before:
            self._greeted(running)
        return agent

    async def use(self, use: Callable[[FolderAgent], Awaitable[T]], folder: str | Path | None = None) -> T:
        """Return what is done with an agent, of a folder or of any; it is not ended meanwhile.

        Raises:
            AgentError: It cannot be started, or `use` raised it.
        """
        agent = next((each for each in self if each.link.is_up), None) if folder is None else None
        if agent is None:  # Without one that runs it is started where this process works.
            agent = await self.at(await off_the_loop(partial(working_folder, folder or ".", backend=self._name)))
        agent.users += 1
        try:
            return await use(agent)
        finally:
            agent.users -= 1

    def drop(self, agent: FolderAgent) -> None:
        """Forget an agent; whoever wants one in its folder gets another."""
        if self._agents.get(agent.link.folder) is agent:
            del self._agents[agent.link.folder]

    def end_unused(self, last: FolderAgent) -> None:
        """End agents that nobody uses any more, but for the one used last: the next session may want it."""
        for other in self:
            if other is not last and other.link.is_up and not other.users and not self._in_use(other):
                self.drop(other)
                self._host.start_soon(self._end, other)

    async def _end(self, agent: FolderAgent) -> None:
        await agent.link.close()
        self._ended(agent)
