"""File descriptors of pipes: what neither `os` nor anyio does in one call."""

from __future__ import annotations

import contextlib
import os
import selectors
import sys
from collections.abc import Callable

import anyio


def fileno_of(selector: selectors.BaseSelector) -> int:
    """Return the descriptor of an epoll or kqueue, which can itself be waited for."""
    fileno: Callable[[], int] = getattr(selector, "fileno")  # noqa: B009 - the base class does not promise one
    return fileno()


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
