"""Where plain text goes: a stream that is written to at once, or a descriptor that is written to behind one's back.

A pipe's reader may stop to read and stay, as a pager does. A write would then wait for it, and with it everything else,
Ctrl-C included. So what goes into a pipe is written by a thread; at the end one waits for it, or leaves it behind.
"""

from __future__ import annotations

import contextlib
import os
import select
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Final, Protocol, TextIO

import anyio
from anyio import RunFinishedError, from_thread
from anyio.lowlevel import EventLoopToken, current_token

_NOTICE_SECONDS: Final = 0.2
"""How long a notice may wait for a reader before it is let go."""


class Output(Protocol):
    """What text is written to."""

    def write(self, text: str) -> None:
        """Take the text.

        Raises:
            OSError: Nobody takes it any more.
        """
        ...

    async def drain(self) -> None:
        """Wait until everything is written.

        Raises:
            OSError: Nobody takes it any more.
        """
        ...


class DirectOutput:
    """A stream that is written to at once.

    Args:
        stream: The stream.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> None:
        """Write the text."""
        self._stream.write(text)
        self._stream.flush()

    async def drain(self) -> None:
        """Do nothing: everything was written."""


class BackgroundOutput:
    """A descriptor that a thread writes to; what is not written yet stays in memory.

    Args:
        descriptor: Where to write; it stays open.
        encoding: How text is encoded; what it cannot say becomes a question mark.
    """

    def __init__(self, descriptor: int, encoding: str = "utf-8") -> None:
        self._descriptor = descriptor
        self._encoding = encoding
        self._queue: SimpleQueue[bytes | Callable[[], None]] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._failure: OSError | None = None

    def write(self, text: str) -> None:
        """Have the text written."""
        if self._failure is not None:
            raise self._failure
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="agent-sdk output", daemon=True)
            self._thread.start()
        self._queue.put(text.encode(self._encoding, "replace"))

    async def drain(self) -> None:
        """Wait until everything is written; cancelled, the rest may or may not be."""
        if self._thread is not None:
            written = anyio.Event()
            token = current_token()
            self._queue.put(lambda: _call(token, written.set))
            await written.wait()
        if self._failure is not None:
            raise self._failure

    def _work(self) -> None:
        while True:
            task = self._queue.get()
            if not isinstance(task, bytes):
                task()
            elif self._failure is None:
                try:
                    _write(self._descriptor, task)
                except OSError as error:
                    self._failure = error


def write_if_read(stream: TextIO, text: str) -> None:
    """Write a few words to a stream unless its reader lets one wait; never raises."""
    with contextlib.suppress(OSError, ValueError):
        if _takes_more(stream):
            stream.write(text)
            stream.flush()


def _takes_more(stream: TextIO) -> bool:
    try:
        descriptor = stream.fileno()
    except OSError:  # It is no file.
        return True
    return bool(select.select((), (descriptor,), (), _NOTICE_SECONDS)[1])


def _write(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        try:
            view = view[os.write(descriptor, view) :]
        except BlockingIOError:  # Whoever shares it with us made it so.
            select.select((), (descriptor,), ())


def _call(token: EventLoopToken, function: Callable[[], None]) -> None:
    with contextlib.suppress(RunFinishedError):
        from_thread.run_sync(function, token=token)
