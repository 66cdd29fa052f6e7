"""The interrupts of a session's turns: sent until they are taken, the sub-agents' too, and what they leave running."""

from __future__ import annotations

import logging
from typing import Final

import anyio

from agent_sdk_core.errors import AgentError, SessionBusyError
from agent_sdk_core.runtime.beginning import start_in
from agent_sdk_core.runtime.host import Host
from agent_sdk_core.wire.reading import Json, text_at
from codex_sdk.normalizer import ThreadFamily
from codex_sdk.threads.calls import GOODBYE_SECONDS, ThreadCalls
from codex_sdk.threads.terminals import list_terminals

_log = logging.getLogger(__name__)

INTERRUPT_SECONDS: Final = 10.0
_PAUSE: Final = 0.02
_NOT_YET_STARTED: Final = ("no active turn to interrupt", "expected active turn id")


class TurnInterrupts:
    """Interrupts the turns of one session.

    Args:
        host: Runs what nobody waits for.
        family: Knows the turns of the thread and its sub-agents'.
        calls: Asks the app-server.
        backend: Name of the backend.
    """

    def __init__(self, host: Host, family: ThreadFamily, calls: ThreadCalls, *, backend: str) -> None:
        self._host = host
        self._family = family
        self._calls = calls
        self._backend = backend
        self._interrupting: list[tuple[str, str]] = []

    def begin(self, thread_id: str, turn_id: str | None) -> None:
        """Interrupt a turn and those of the sub-agents, which Codex itself lets go on (0.163).

        Waits for no answer: a turn that is already interrupted never gives one (0.163).
        """
        running = self._family.active_turns()
        if turn_id is not None and (thread_id, turn_id) not in running:
            running.insert(0, (thread_id, turn_id))
        for running_thread, running_id in running:
            if (normalizer := self._family.normalizer(running_thread)) is not None:
                normalizer.begin_interrupt(running_id)
            self._host.start_soon(self._send, running_thread, running_id)
        self._interrupting = running

    async def stop_turn(self, thread_id: str, turn_id: str) -> None:
        """Interrupt one turn, and return when Codex has taken that."""
        if (normalizer := self._family.normalizer(thread_id)) is not None:
            normalizer.begin_interrupt(turn_id)
        await self._send(thread_id, turn_id)

    async def stop_all(self) -> None:
        """Interrupt every turn that runs, and return when Codex has taken that."""
        async with anyio.create_task_group() as tasks:
            for thread_id, turn_id in self._family.active_turns():
                start_in(tasks, self._send, thread_id, turn_id)

    async def clean_up(self) -> None:
        """Terminate the commands that the interrupted turns were waiting for; Codex itself lets them run (0.163)."""
        turns, self._interrupting = self._interrupting, []
        async with anyio.create_task_group() as tasks:
            for thread_id, turn_id in turns:
                normalizer = self._family.normalizer(thread_id)
                if normalizer is None:
                    continue
                # Asked only now: a command may have been announced after the interrupt was sent.
                for process_id in normalizer.foreground_processes(turn_id):
                    start_in(tasks, self._terminate, thread_id, process_id)
                if unnamed := normalizer.unnamed_commands(turn_id):
                    start_in(tasks, self._terminate_unnamed, thread_id, unnamed)

    async def _terminate(self, thread_id: str, process_id: str) -> None:
        params = {"threadId": thread_id, "processId": process_id}
        await self._calls.quietly("thread/backgroundTerminals/terminate", params)

    async def _terminate_unnamed(self, thread_id: str, item_ids: list[str]) -> None:
        """Terminate the commands of these items; those that were never allowed to run are not there."""

        async def call(method: str, params: Json) -> object:
            return await self._calls.send(method, params, timeout=GOODBYE_SECONDS)

        try:
            terminals = await list_terminals(call, thread_id)
        except AgentError as error:
            _log.debug("thread/backgroundTerminals/list: %s", error)
            return
        for terminal in terminals:
            if text_at(terminal, "itemId") in item_ids:
                await self._terminate(thread_id, text_at(terminal, "processId"))

    async def until_free(self) -> None:
        """Wait until Codex has ended the turns that we gave up: what is sent before joins them (0.163).

        Raises:
            SessionBusyError: It did not; what it goes on with would answer in the name of another prompt.
        """
        main = self._family.main
        if not main.given_up:
            return
        for turn_id in main.given_up:
            self._host.start_soon(self._send, main.facts.thread_id, turn_id)
        with anyio.move_on_after(INTERRUPT_SECONDS):
            while main.given_up:  # noqa: ASYNC110  # a normalizer is pure, and signals nothing
                await anyio.sleep(_PAUSE)
            return
        raise SessionBusyError(
            "Codex still runs the turn whose interrupt it did not confirm; try again later, or kill the session.",
            backend=self._backend,
        )

    async def _send(self, thread_id: str, turn_id: str) -> None:
        """Send `turn/interrupt` until it is taken: just after turn/start, Codex knows no such turn yet (0.163)."""
        params = {"threadId": thread_id, "turnId": turn_id}
        while True:
            error = await self._calls.quietly("turn/interrupt", params, timeout=INTERRUPT_SECONDS)
            too_early = error is not None and any(words in str(error) for words in _NOT_YET_STARTED)
            if not too_early or (thread_id, turn_id) not in self._family.active_turns():
                return
            await anyio.sleep(_PAUSE)
