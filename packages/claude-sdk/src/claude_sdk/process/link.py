"""Link to the claude of one session: the process of today, and the lock that keeps others out of the conversation."""

from __future__ import annotations

from pathlib import Path

import anyio.to_thread

from agent_sdk_core.rpc.correlation import Tap
from agent_sdk_core.rpc.receiver import Receiver
from agent_sdk_core.runtime.host import Host
from agent_sdk_core.runtime.link import Link
from claude_sdk.process.claude_process import ClaudeProcess
from claude_sdk.process.launching import Launch
from claude_sdk.process.locks import SessionLock


class ClaudeLink(Link[ClaudeProcess]):
    """The way to one claude.

    Args:
        host: Runs its reader.
        executable: The claude executable.
        launch: How to start it.
        seconds: How long a start may take.
        locks: Claude's configuration folder, where its session is locked while it runs; absent: it is not.
        tap: Sees each frame in both directions.

    Attributes:
        receiver: Is told what claude sends, from its start on, and tells `lose` its end.
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
    ) -> None:
        super().__init__(host, owner="session", seconds=seconds)
        self.receiver = Receiver()
        self._executable = executable
        self._launch = launch
        self._locks = locks
        self._tap = tap
        self._lock: SessionLock | None = None

    @property
    def pid(self) -> int | None:
        """Process id of the claude, while it can be talked to."""
        process = self._connection
        return None if process is None or self.is_over else process.channel.pid

    async def dismiss(self) -> None:
        """End the claude, and the background work that it would wait for; bounded, never raises."""
        answered = await self.today.say_goodbye()
        await self.close(term=2.0 if answered else 1.0)

    async def kill_stuck(self) -> None:
        """Kill a claude that does not stop otherwise; its end is then a loss."""
        await self.today.channel.stop(grace=0, term=0)

    async def _spawn(self) -> ClaudeProcess:
        if self._locks is not None:
            self._lock = await anyio.to_thread.run_sync(SessionLock, self._locks, self._launch.session_id)
        self._require_wanted()
        return await ClaudeProcess.spawn(
            self._executable, self._launch, host=self._host, receiver=self.receiver, tap=self._tap
        )

    async def _greet(self, connection: ClaudeProcess, seconds: float) -> None:
        await connection.greet(self._executable, self._launch, timeout=seconds)

    def _let_go(self) -> None:
        if self._lock is not None:
            self._lock.release()
