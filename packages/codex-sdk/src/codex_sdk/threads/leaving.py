"""The way out of a session: its threads are let go at the app-server, and one that answers nothing is given up."""

from __future__ import annotations

import logging
from typing import Final

import anyio

from agent_sdk_core.errors import AgentError, RequestTimeoutError
from agent_sdk_core.runtime.beginning import start_in
from agent_sdk_core.wire.reading import as_record, texts_at
from codex_sdk.normalizer import ThreadFamily
from codex_sdk.process.link import AppServer, AppServerLink
from codex_sdk.threads.calls import ThreadCalls
from codex_sdk.threads.interrupts import TurnInterrupts

_log = logging.getLogger(__name__)

KILL_SECONDS: Final = 0.5
"""How long it may take where the session is killed, and its interrupts where it is closed."""

ALIVE_SECONDS: Final = 5.0
"""How long an app-server may take to answer that is doubted."""

_UNLOAD_SECONDS: Final = 1.0
_PAUSE: Final = 0.02


class Leaving:
    """Lets go of the threads of one session.

    Args:
        link: The way to the app-server.
        family: Knows the threads.
        calls: Asks the app-server.
        interrupts: Interrupts what still runs.
    """

    def __init__(
        self, link: AppServerLink, family: ThreadFamily, calls: ThreadCalls, interrupts: TurnInterrupts
    ) -> None:
        self._link = link
        self._family = family
        self._calls = calls
        self._interrupts = interrupts

    async def leave(self, seconds: float) -> None:
        """End what the threads still do, background commands too, and have Codex unload them.

        Args:
            seconds: How long each answer is waited for.
        """
        with anyio.move_on_after(KILL_SECONDS):
            await self._interrupts.stop_all()
        async with anyio.create_task_group() as tasks:
            for thread_id in self._family.thread_ids:
                start_in(tasks, self._let_go, thread_id, seconds)

    async def _let_go(self, thread_id: str, seconds: float) -> None:
        params = {"threadId": thread_id}
        error = await self._calls.quietly("thread/backgroundTerminals/clean", params, seconds)
        if isinstance(error, RequestTimeoutError):
            return  # Who does not answer will not answer what follows either.
        if await self._calls.quietly("thread/unsubscribe", params, seconds) is not None:
            return
        if not self._link.today.unloads:
            return
        with anyio.move_on_after(_UNLOAD_SECONDS):
            # Until then its file is in use, and cannot be opened elsewhere.
            while thread_id in await self._loaded():  # noqa: ASYNC110  # nothing to wait for is at hand here
                await anyio.sleep(_PAUSE)

    async def _loaded(self) -> list[str]:
        try:
            peer = self._link.today.peer
            answer = await peer.request("thread/loaded/list", {}, timeout=_UNLOAD_SECONDS, counted=False)
        except AgentError:
            return []
        return texts_at(as_record(answer) or {}, "data")


async def is_alive(server: AppServer) -> bool:
    """Tell whether an app-server answers anything at all."""
    try:
        await server.peer.request("thread/loaded/list", {}, timeout=ALIVE_SECONDS, counted=False)
    except RequestTimeoutError:
        _log.warning("codex app-server answers nothing, and is killed")
        return False
    except AgentError as error:
        _log.debug("thread/loaded/list: %s", error)
    return True
