"""Files of a chat's turns: noted around each turn, so that one can be undone as long as the chat is open."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

from agent_chat.chats import agent_files, git
from agent_sdk_core.errors import AgentError, InvalidRequestError

TURNS: Final = 50
"""Turns that can be undone."""


class TurnHistory:
    """What the turns of one chat did to its folder: by git where it is in a repository, else by what its agent keeps.

    Args:
        folder: The folder.
        session: Returns the session of the agent, None while there is none.
    """

    def __init__(self, folder: Path, session: Callable[[], object] = lambda: None) -> None:
        self._folder = folder
        self._session = session
        self._root: Path | None = None
        self._before: str | None = None
        self._turns: OrderedDict[str, git.TurnFiles | agent_files.AgentFiles] = OrderedDict()

    @property
    def last(self) -> str | None:
        """The prompt of the last turn that can be undone."""
        return next(reversed(self._turns), None)

    async def begin(self) -> None:
        """Note the files before a turn; where that is not possible, the turn cannot be undone."""
        self._root = await asyncio.to_thread(git.root_of, self._folder)
        self._before = await self._now()

    async def end(self, prompts: Iterable[str]) -> None:
        """Note the files after the turn of some prompts."""
        root, before = self._root, self._before
        self._before = after = await self._now()
        uuid = next(iter(prompts), None)
        if uuid is None:
            return
        if root is None:
            turn = await agent_files.noted(self._session(), uuid)
        elif before is None or after is None or before == after:
            turn = None
        else:
            turn = git.TurnFiles(root, before, after)
        if turn is None:
            return
        self._turns[uuid] = turn
        while len(self._turns) > TURNS:
            self._turns.popitem(last=False)

    async def plan(self, uuid: str) -> list[git.UndoneFile]:
        """Return what undoing the turn of a prompt would touch.

        Raises:
            InvalidRequestError: It cannot be undone.
        """
        turn = self._turn(uuid)
        if isinstance(turn, agent_files.AgentFiles):
            return await agent_files.plan(turn, self._folder)
        return await asyncio.to_thread(git.plan_undo, turn)

    async def undo(self, uuid: str) -> list[git.UndoneFile]:
        """Undo the turn of a prompt, and return what was touched; raises what `plan` and the ways to undo it raise."""
        turn = self._turn(uuid)
        if isinstance(turn, agent_files.AgentFiles):
            undone = await agent_files.undo(self._session(), turn, self._folder)
        else:
            undone = await asyncio.to_thread(git.undo, turn)
        del self._turns[uuid]
        self._before = await self._now()
        return undone

    def _turn(self, uuid: str) -> git.TurnFiles | agent_files.AgentFiles:
        if (turn := self._turns.get(uuid)) is None:
            raise InvalidRequestError(
                "This turn cannot be undone: it changed no file, neither git nor the agent knows how the files were, "
                "or the chat was opened again since.",
                code="cannot_undo",
            )
        return turn

    async def _now(self) -> str | None:
        if self._root is None:
            return None
        try:
            return await asyncio.to_thread(git.snapshot, self._root)
        except AgentError:  # A repository that is damaged or locked: the turn goes on, and cannot be undone.
            return None
