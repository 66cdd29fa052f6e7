"""Channel of bytes to an agent and back: what a conversation needs of a process's pipes, a socket, or a test."""

from __future__ import annotations

from typing import Protocol

from agent_sdk_core.errors import AgentError


class Channel(Protocol):
    """Bytes both ways, until the other side ends. Its owner opens and stops it; a connection only talks over it."""

    @property
    def name(self) -> str:
        """What errors call the other side."""
        ...

    async def read(self) -> bytes:
        """Return the next bytes, however they are cut; empty at their end. One reader at a time."""
        ...

    async def write(self, data: bytes, /) -> None:
        """Send bytes; concurrent calls must not mix.

        Raises:
            ConnectionLostError: The other side has ended, or takes no more.
            SessionClosedError: `close_input` has been called.
        """
        ...

    def close_input(self) -> None:
        """Tell the other side that nothing more comes; what waits in `write` fails. Idempotent."""
        ...

    async def wait(self) -> object:
        """Wait for the end of the other side, and return how it ended: `str` says it in words."""
        ...

    def exit_error(self) -> AgentError:
        """Return a new error that says how it ended, or that it no longer talks to us."""
        ...


class OwnedChannel(Channel, Protocol):
    """A channel as its owner has it, who ends it."""

    @property
    def pid(self) -> int | None:
        """Process id of the other side; None where it is no process of ours."""
        ...

    @property
    def exit(self) -> object | None:
        """How the other side ended; None while it lives."""
        ...

    async def stop(self, grace: float = 1.0, term: float = 2.0) -> None:
        """End the other side, which has `grace` seconds to go by itself and `term` when it is told to; never raises."""
        ...

    def kill_now(self) -> None:
        """End the other side without an event loop."""
        ...
