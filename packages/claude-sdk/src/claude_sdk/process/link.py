"""Link to the claude of one session: the process of today, and the lock that keeps others out of the conversation."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

import anyio.to_thread

from agent_sdk_core.rpc.correlation import Tap
from agent_sdk_core.rpc.receiver import Receiver
from agent_sdk_core.runtime.host import Host
from agent_sdk_core.runtime.link import Link
from agent_sdk_core.runtime.supervisor import Revival
from claude_sdk.process.claude_process import ClaudeProcess
from claude_sdk.process.launching import Launch
from claude_sdk.process.locks import SessionLock


class ClaudeLink(Link[ClaudeProcess]):
    """The way to one claude.

    Args:
        host: Runs its reader.
        executable: The claude executable.
        launch: How to start it for the first time.
        seconds: How long a start may take.
        locks: Claude's configuration folder, where its session is locked while it runs; absent: it is not.
        tap: Sees each frame in both directions.
        revival: How a claude that was lost comes back.

    Attributes:
        receiver: Is told what claude sends, from its start on, and tells `lose` its end.
        relaunch: Returns how to start it again, after a loss or where it was parked.
        greeted: Told of each claude that has greeted, before anybody uses it.
    """

    def __init__(
        self,
        host: Host,
        executable: Path,
        launch: Launch,
        *,
        seconds: float,
        locks: Path | None = None,
        tap: Tap | None = None,
        revival: Revival = None,
    ) -> None:
        super().__init__(host, owner="session", seconds=seconds, revival=revival)
        self.receiver = Receiver()
        self.relaunch: Callable[[], Awaitable[Launch]] | None = None
        self.greeted: Callable[[ClaudeProcess], Awaitable[None]] | None = None
        self._executable = executable
        self._launch = launch
        self._locks = locks
        self._tap = tap
        self._lock: SessionLock | None = None

    async def dismiss(self) -> None:
        """End the claude, and the background work that it would wait for; bounded, never raises."""
        answered = self.is_up and await self.today.say_goodbye()
        await self.close(term=2.0 if answered else 1.0)

    async def _farewell(self, connection: ClaudeProcess) -> None:
        await connection.say_goodbye()

    async def _spawn(self) -> ClaudeProcess:
        if self.generation and self.relaunch is not None:
            self._launch = await self.relaunch()
        if self._locks is not None:
            self._lock = await anyio.to_thread.run_sync(SessionLock, self._locks, self._launch.session_id)
        self._require_wanted()
        return await ClaudeProcess.spawn(
            self._executable, self._launch, host=self._host, receiver=self.receiver, tap=self._tap
        )

    async def _greet(self, connection: ClaudeProcess, seconds: float) -> None:
        await connection.greet(self._executable, self._launch, timeout=seconds)
        if self.greeted is not None:
            await self.greeted(connection)

    def _let_go(self) -> None:
        if self._lock is not None:
            self._lock.release()
