"""File descriptors of pipes: what neither `os` nor anyio does in one call."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable
from typing import Any

import anyio


def pending_bytes(pipe: int) -> int:
    """Return how many bytes a pipe holds."""
    import fcntl
    import termios

    return int.from_bytes(fcntl.ioctl(pipe, termios.FIONREAD, b"\0" * 4), sys.byteorder)


def close_descriptor(descriptor: int) -> None:
    """Close a descriptor and wake who waits for it; -1 is none."""
    if descriptor < 0:
        return
    # There may be no event loop any more.
    with contextlib.suppress(RuntimeError):
        anyio.notify_closing(descriptor)
    os.close(descriptor)


def wake_reader(descriptor: int, loop: Any, *, unless: Callable[[], bool]) -> None:
    """Wake who waits for a descriptor, with `ClosedResourceError`; called by the event loop, not by a task.

    Args:
        descriptor: The descriptor.
        loop: The event loop, as anyio's native token.
        unless: Whether it has been closed, so that its number may be another's.
    """
    if unless():
        return

    async def notify() -> None:
        if not unless():
            anyio.notify_closing(descriptor)

    if hasattr(loop, "create_task"):
        loop.create_task(notify())  # With asyncio, anyio knows its event loop only in a task.
    else:
        anyio.notify_closing(descriptor)
