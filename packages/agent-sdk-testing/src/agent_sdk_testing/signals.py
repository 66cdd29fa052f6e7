"""One-shot signals between threads and event loops, and the `Gate` a scripted reply stops at.

A signal is set once, from any thread. It can be waited for from synchronous code, from asyncio and from trio, and a
server thread can wait for it and for its client at the same time, for every waiter gets a socket that becomes readable.
"""

from __future__ import annotations

import contextlib
import selectors
import socket
import threading
from collections.abc import Generator

import anyio

DEFAULT_TIMEOUT = 60.0
"""Seconds that a wait lasts before it raises `TimeoutError`, so that a wrong script fails instead of hanging."""


def readable(*sockets: socket.socket, timeout: float | None = None) -> list[socket.socket]:
    """Block until one of the sockets can be read, and return those that can; none after `timeout` seconds."""
    # select.select() would fail in a process with more than 1,024 open files.
    with selectors.DefaultSelector() as selector:
        for one in sockets:
            selector.register(one, selectors.EVENT_READ, one)
        return [key.data for key, _ in selector.select(timeout)]


class Signal:
    """A flag that is set once and wakes whoever waits for it, in any thread or event loop."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._is_set = False
        self._wakers: list[socket.socket] = []

    def is_set(self) -> bool:
        """Say whether `set` was called."""
        return self._is_set

    def set(self) -> None:
        """Wake every waiter, now and later. Setting it again does nothing."""
        with self._lock:
            self._is_set = True
            while self._wakers:
                # Closing the far end makes the waiter's socket readable; nothing needs to be sent.
                self._wakers.pop().close()

    @contextlib.contextmanager
    def waker(self) -> Generator[socket.socket]:
        """Yield a socket that becomes readable when the signal is set."""
        near, far = socket.socketpair()
        with self._lock:
            if self._is_set:
                far.close()
            else:
                self._wakers.append(far)
        try:
            yield near
        finally:
            with self._lock:
                if far in self._wakers:
                    self._wakers.remove(far)
            far.close()
            near.close()

    def wait_sync(self, timeout: float = DEFAULT_TIMEOUT) -> None:
        """Block this thread until the signal is set.

        Raises:
            TimeoutError: it was not set within `timeout` seconds.
        """
        with self.waker() as near:
            if not readable(near, timeout=timeout):
                raise TimeoutError(f"the signal was not set within {timeout} s")

    async def wait(self, timeout: float = DEFAULT_TIMEOUT) -> None:
        """Wait until the signal is set, on asyncio or trio.

        Raises:
            TimeoutError: it was not set within `timeout` seconds.
        """
        with self.waker() as near, anyio.fail_after(timeout):
            await anyio.wait_readable(near)


class Gate:
    """A point in a scripted reply where the server waits until the test opens it.

    Put it between the steps of a reply, or between the chunks of a text: what comes before is sent, `reached` returns,
    and what comes after is sent once `open` was called. A gate stays open.
    """

    def __init__(self) -> None:
        self._reached = Signal()
        self._opened = Signal()

    def open(self) -> None:
        """Let the server go on, now or when it gets here."""
        self._opened.set()

    async def reached(self, timeout: float = DEFAULT_TIMEOUT) -> None:
        """Wait until everything before the gate was sent.

        Raises:
            TimeoutError: the server did not get here within `timeout` seconds.
        """
        await self._reached.wait(timeout)

    def reached_sync(self, timeout: float = DEFAULT_TIMEOUT) -> None:
        """Block until everything before the gate was sent; see `reached`."""
        self._reached.wait_sync(timeout)

    def arrive(self) -> Signal:
        """Report that the server is here, and return the signal it has to wait for."""
        self._reached.set()
        return self._opened
