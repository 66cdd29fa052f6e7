"""A one-shot event that any thread may set and any event loop may await; it takes no descriptor.

Setting it never blocks and needs no event loop, which may be closed by then.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from typing import Any

import anyio
from anyio.lowlevel import current_token


class Latch:
    """A one-shot event between threads and event loops."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._set = False
        self._posts: dict[object, Callable[[], object]] = {}

    @property
    def is_set(self) -> bool:
        """Whether it has been set."""
        return self._set

    def set(self) -> None:
        """Wake all that wait, now and later; from any thread, any number of times."""
        with self._lock:
            self._set = True
            posts, self._posts = self._posts, {}
        for post in posts.values():
            with contextlib.suppress(RuntimeError):  # Its event loop is gone, and with it who waited.
                post()

    def call(self, run: Callable[[], object]) -> Callable[[], None]:
        """Run something synchronous in the running event loop when it is set; nothing, if it is set already.

        Returns:
            What takes it back.
        """
        native: Any = current_token().native_token
        post = native.run_sync_soon if hasattr(native, "run_sync_soon") else native.call_soon_threadsafe
        key = object()
        with self._lock:
            if not self._set:
                self._posts[key] = lambda: post(run)

        def forget() -> None:
            with self._lock:
                self._posts.pop(key, None)

        return forget

    async def wait(self) -> None:
        """Wait until it is set."""
        woken = anyio.Event()
        forget = self.call(woken.set)
        try:
            if not self._set:
                await woken.wait()
        finally:
            forget()
