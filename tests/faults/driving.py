"""Drives a schedule, and says what is wrong: a hang, a process that is left, a prompt without an end, an odd error."""

from __future__ import annotations

import contextlib
import os
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Final

import anyio
import anyio.lowlevel
from tests.faults.schedules import Call, Schedule

from agent_sdk_core import AgentBackend, AgentError, AgentSession, ResultMessage, SessionOptions

_CALL_SECONDS: Final = 1.5
"""How long the application waits for a call; one that the agent leaves unanswered is given up."""

SOUND: Final = "Still there?"
"""The prompt of the session that nothing befalls."""

_SECONDS: Final = 120.0
"""The longest that all of it may take. Closing takes some three seconds a process that does nothing more."""

_GONE_SECONDS: Final = 30.0


class Application:
    """One session, what it was asked, and how that ended.

    Args:
        backend: The backend.
        cwd: Folder of the session.
        call_seconds: How long it waits for a call.
    """

    def __init__(self, backend: AgentBackend, cwd: Path, call_seconds: float) -> None:
        self._backend = backend
        self._call_seconds = call_seconds
        self._cwd = cwd
        self._accepted: list[str] = []
        self._ended: Counter[str] = Counter()
        self.complaints: list[str] = []

    async def run(self, calls: Sequence[Call]) -> None:
        """Open a session, make the calls, and close everything."""
        async with self._backend, anyio.create_task_group() as tasks:
            session = await self._open()
            if session is not None:
                stream = session.messages()

                async def watch() -> None:
                    async for message in stream:
                        if isinstance(message, ResultMessage):
                            self._ended.update(message.user_message_uuids)

                tasks.start_soon(watch)
                for call in calls:
                    await self._guarded(call, lambda call=call: self._do(call, session))
                await self._backend.aclose()  # The stream ends with it.
        for uuid in self._accepted:
            if self._ended[uuid] != 1:
                self.complaints.append(f"prompt {uuid} has {self._ended[uuid]} results")

    async def _open(self) -> AgentSession | None:
        opened: list[AgentSession] = []

        async def create() -> None:
            opened.append(await self._backend.create_session(SessionOptions(cwd=self._cwd)))

        await self._guarded("create_session", create)
        return opened[0] if opened else None

    async def _guarded(self, what: str, call: Callable[[], Awaitable[object]]) -> None:
        with anyio.move_on_after(self._call_seconds):
            try:
                await call()
            except AgentError:
                return
            except Exception as error:
                self.complaints.append(f"{what} raised {error!r}")

    async def _do(self, call: Call, session: AgentSession) -> None:
        calls: dict[Call, Callable[[], Awaitable[object]]] = {
            "run": lambda: self._run(session),
            "cancelled run": lambda: self._cancelled_run(session),
            "send": lambda: self._send(session),
            "interrupt": session.interrupt,
            "set_model": lambda: session.set_model("another"),
            "history": session.history,
            "usage": session.usage,
            "fork": lambda: self._fork(session),
            "close": session.aclose,
            "kill": session.kill,
            "models": self._backend.list_models,
        }
        await calls[call]()

    async def _run(self, session: AgentSession) -> None:
        turn = session.query("Talk.")
        try:
            await turn.wait()
        finally:
            # A turn that was never sent has no end; one that was has its result on the stream.
            if turn.result is not None:
                self._accepted.append(turn.uuid)

    async def _send(self, session: AgentSession) -> None:
        self._accepted.append(await session.send("Talk on."))

    async def _fork(self, session: AgentSession) -> None:
        async with session.fork() as copy:
            await copy.usage()

    async def _cancelled_run(self, session: AgentSession) -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._run_quietly, session)
            for _ in range(7):
                await anyio.lowlevel.checkpoint()
            tasks.cancel_scope.cancel()

    async def _run_quietly(self, session: AgentSession) -> None:
        with contextlib.suppress(AgentError):
            async with session.query("Talk in vain.") as turn:
                await turn.wait()


async def drive(
    schedule: Schedule, make: Callable[[], AgentBackend], cwd: Path, *, call_seconds: float = _CALL_SECONDS
) -> list[str]:
    """Run a schedule, then a session that nothing befalls any more, and return what is wrong.

    Args:
        schedule: What to do.
        make: Makes a backend.
        cwd: Folder of the sessions.
        call_seconds: How long the application waits for a call.
    """
    complaints: list[str] = []
    with anyio.move_on_after(_SECONDS) as scope:
        application = Application(make(), cwd, call_seconds)
        with contextlib.suppress(AgentError):  # The backend could not be started.
            await application.run(schedule.calls)
        complaints += application.complaints
    if scope.cancelled_caught:
        complaints.append(f"took longer than {_SECONDS:g} s")
    return complaints


async def next_session(make: Callable[[], AgentBackend], cwd: Path) -> list[str]:
    """Return what is wrong with a session on a new backend."""
    with anyio.move_on_after(_SECONDS):
        try:
            async with make() as backend, backend.create_session(SessionOptions(cwd=cwd)) as session:
                result = await session.run(SOUND)
        except AgentError as error:
            return [f"the next session failed: {error!r}"]
        return [] if result.outcome == "completed" else [f"the next session ended {result.outcome}: {result.error}"]
    return ["the next session hangs"]


async def gone(pids: Sequence[int]) -> list[str]:
    """Return which of these processes are still there, a moment later."""
    left = list(pids)
    with anyio.move_on_after(_GONE_SECONDS):
        while left := [pid for pid in left if _lives(pid)]:
            await anyio.sleep(0.02)
    return [f"process {pid} is left" for pid in left]


def processes() -> frozenset[str]:
    """Return the ids of all processes of this machine."""
    return frozenset(name for name in os.listdir("/proc") if name.isdecimal())  # noqa: PTH208  # a hundred a second


def tagged(tag: str, *, but: Collection[str] = ()) -> list[int]:
    """Return the processes that carry this in their environment, without looking at some that cannot."""
    found: list[int] = []
    for pid in processes().difference(but):
        with contextlib.suppress(OSError), open(f"/proc/{pid}/environ", "rb") as environment:  # noqa: PTH123  # likewise
            if tag.encode() in environment.read():
                found.append(int(pid))
    return found


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return not Path("/proc/self").exists()


def marked(env: Mapping[str, str], mark: str) -> dict[str, str]:
    """Return an environment whose processes `tagged` finds."""
    return {**env, "AGENT_SDK_FAULTS": mark}
