"""Early notifications: those of threads whose session is not known yet.

Codex answers `thread/start` after it may have sent notifications of the new thread, so what names an unknown thread is
kept for a while: bounded in threads and in messages, the oldest give way.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Iterable
from typing import Final

from agent_sdk_core.wire.reading import Json

Kept = tuple[str, Json, Json]
"""Method, params and the whole notification."""

_THREADS: Final = 64
_MESSAGES: Final = 2_000


class EarlyNotifications:
    """What came too early, by thread; of closed threads nothing is kept.

    Args:
        threads: How many threads are remembered.
        messages: How many notifications of each are kept.

    Attributes:
        dropped: Notifications that were given up.
    """

    def __init__(self, *, threads: float = _THREADS, messages: float = _MESSAGES) -> None:
        self._threads = threads
        self._messages = messages
        self._early: OrderedDict[str, deque[Kept]] = OrderedDict()
        self._closed: OrderedDict[str, None] = OrderedDict()
        self.dropped = 0

    @property
    def waiting(self) -> tuple[str, ...]:
        """The threads of which something is kept, in the order in which it came."""
        return tuple(self._early)

    def keep(self, thread_id: str, method: str, params: Json, raw: Json) -> None:
        """Keep a notification of a thread that is nobody's yet."""
        if thread_id in self._closed:
            self.dropped += 1
            return
        kept = self._early.setdefault(thread_id, deque())
        kept.append((method, params, raw))
        if len(kept) > self._messages:
            kept.popleft()
            self.dropped += 1
        while len(self._early) > self._threads:
            _, given_up = self._early.popitem(last=False)
            self.dropped += len(given_up)

    def take(self, thread_id: str) -> Iterable[Kept]:
        """Return what was kept of a thread that is somebody's now, in order."""
        self._closed.pop(thread_id, None)
        return self._early.pop(thread_id, ())

    def close(self, thread_id: str) -> None:
        """Note that a thread is nobody's any more; what still comes of it is dropped."""
        self._closed[thread_id] = None
        while len(self._closed) > self._threads:
            self._closed.popitem(last=False)
