"""Claudes of a backend: how many may run, those that wait for a session, and those that never have one."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from agent_sdk_core.errors import SessionBusyError
from agent_sdk_core.rpc.correlation import Tap
from agent_sdk_core.runtime.host import Host
from agent_sdk_core.runtime.link import Link
from claude_sdk.process.alone import plan_alone
from claude_sdk.process.launching import Launch
from claude_sdk.process.link import ClaudeLink
from claude_sdk.process.warm_pool import Handover, WarmPool


class Claudes:
    """The claudes of a backend.

    Args:
        host: Runs their readers.
        links: Holds the way to each; the backend ends what is in it.
        env: The environment of the backend.
        locks: Claude's configuration folder, where each session is locked while its claude runs.
        seconds: How long a start may take.
        most: How many may run at once; None: any number.
        prewarm: How many wait for a session.
        tap: Sees each frame in both directions.

    Attributes:
        executable: The claude executable, once the backend has found it.
    """

    executable: Path

    def __init__(
        self,
        host: Host,
        links: list[Link[Any]],
        env: Mapping[str, str],
        *,
        locks: Path,
        seconds: float,
        most: int | None,
        prewarm: int,
        tap: Tap | None,
    ) -> None:
        self._host = host
        self._links = links
        self._env = env
        self._locks = locks
        self._seconds = seconds
        self._most = most
        self._tap = tap
        self._prewarm = prewarm
        self._warm = WarmPool(prewarm, host, self._make_warm, self.forget)

    @property
    def prewarmed(self) -> bool:
        """Whether there are some that wait for a session."""
        return self._prewarm > 0

    @property
    def warm(self) -> tuple[int, ...]:
        """Process ids of those that wait for a session."""
        return self._warm.pids

    def take(self, launch: Launch) -> tuple[Launch, ClaudeLink, Handover] | None:
        """Return one that waits, was started so, and is held already; see `WarmPool`."""
        return self._warm.take(launch)

    def want(self, launch: Launch) -> None:
        """Have claudes wait that are started so; see `WarmPool`."""
        if self._prewarm:
            self._warm.want(launch)

    def make(self, launch: Launch) -> ClaudeLink:
        """Return the way to the claude of a session, held until `forget`."""
        link = ClaudeLink(
            self._host,
            self.executable,
            launch,
            seconds=self._seconds,
            locks=self._locks,
            tap=self._tap,
            revival="on_demand",
        )
        self._links.append(link)
        return link

    def forget(self, link: ClaudeLink) -> None:
        """Let go of one that has ended, or was not started."""
        if link in self._links:
            self._links.remove(link)

    def require_room(self, link: ClaudeLink | None) -> None:
        """Check that one more may run, for which one that waits gives way.

        Args:
            link: The way to it, if there is one.

        Raises:
            SessionBusyError: As many run as may.
        """
        running = self._running(link)
        if self._prewarm and self._most is not None and running >= self._most:
            running -= self._warm.drop_one()
        if self._most is not None and running >= self._most:
            raise SessionBusyError(
                f"{running} sessions are open, as many as max_processes allows; close one first.",
                backend="claude",
                retryable=True,
            )

    async def alone(self) -> ClaudeLink:
        """Return the way to a claude without a session; see `let_go`."""
        launch = await plan_alone(self._env)
        link = ClaudeLink(self._host, self.executable, launch, seconds=self._seconds, tap=self._tap)
        self._links.append(link)
        return link

    async def let_go(self, link: ClaudeLink) -> None:
        """End a claude without a session; bounded, never raises."""
        await link.close(grace=0)
        self.forget(link)

    def _running(self, but: ClaudeLink | None = None) -> int:
        return sum(not other.is_over for other in self._links if other is not but)

    def _make_warm(self, launch: Launch) -> ClaudeLink:
        if self._most is not None and self._running() >= self._most:
            raise SessionBusyError("There is no room for a process that nobody needs yet.", backend="claude")
        return self.make(launch)
