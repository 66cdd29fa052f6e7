"""A one-shot event that any thread may set and any event loop may await.

It is a pipe whose writing end is closed when the latch is set. So setting it never blocks and needs no event loop,
which may be closed by then, and it can be waited for together with other descriptors.
"""

from __future__ import annotations

import os
import threading

import anyio


class Latch:
    """A one-shot event between threads and event loops; `close` gives its descriptor back."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._set = False
        self._closed = False
        self._reader, writer = os.pipe()
        self._writers = [writer]

    @property
    def is_set(self) -> bool:
        """Whether it has been set."""
        return self._set

    def fileno(self) -> int:
        """Return a descriptor that is readable from the moment the latch is set."""
        return self._reader

    def set(self) -> None:
        """Wake all that wait, now and later; from any thread, any number of times."""
        with self._lock:
            self._set = True
            while self._writers:
                os.close(self._writers.pop())

    async def wait(self) -> None:
        """Wait until it is set."""
        with self._lock:
            if self._set:
                return
            # An event loop allows one waiter a descriptor, so each one gets a pipe of its own. Not a duplicate: trio
            # leaves closed descriptors in its epoll, and a duplicate's number would wake whoever gets it next.
            reader, writer = os.pipe()
            self._writers.append(writer)
        try:
            while not self._set:
                await anyio.wait_readable(reader)
        finally:
            with self._lock:
                if writer in self._writers:
                    self._writers.remove(writer)
                    os.close(writer)
            os.close(reader)

    def close(self) -> None:
        """Set it, and give its descriptors back."""
        self.set()
        with self._lock:
            if not self._closed:
                self._closed = True
                os.close(self._reader)
