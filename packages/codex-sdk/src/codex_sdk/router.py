"""Which session a notification belongs to, and what to do with those that come before their session is known.

Codex answers `thread/start` after it may have sent notifications of the new thread, so what names an unknown thread is
kept for a while: bounded in threads and in messages, the oldest give way.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable
from typing import Any, Final

Json = dict[str, Any]
Feed = Callable[[str, Json, Json], None]
"""Takes method, params and the whole notification."""

_THREADS: Final = 64
_MESSAGES: Final = 2_000


class Router:
    """Thread ids to the sessions that own them.

    Attributes:
        dropped: Notifications of unknown threads that were given up.
    """

    def __init__(self) -> None:
        self._feeds: dict[str, Feed] = {}
        self._early: OrderedDict[str, deque[tuple[str, Json, Json]]] = OrderedDict()
        self._closed: OrderedDict[str, None] = OrderedDict()
        self.dropped = 0

    def attach(self, thread_id: str, feed: Feed) -> None:
        """Give a thread's notifications to `feed`, first those that came early."""
        self._feeds[thread_id] = feed
        self._closed.pop(thread_id, None)
        for method, params, raw in self._early.pop(thread_id, ()):
            feed(method, params, raw)

    def detach(self, thread_id: str) -> None:
        """Forget a thread; what still comes for it is dropped."""
        if self._feeds.pop(thread_id, None) is not None:
            self._closed[thread_id] = None
            while len(self._closed) > _THREADS:
                self._closed.popitem(last=False)

    def route(self, thread_id: str, method: str, params: Json, raw: Json) -> bool:
        """Give a notification to its session; False if it has none yet and was kept."""
        feed = self._feeds.get(thread_id)
        if feed is not None:
            feed(method, params, raw)
            return True
        if thread_id in self._closed:
            self.dropped += 1
            return False
        kept = self._early.setdefault(thread_id, deque())
        kept.append((method, params, raw))
        if len(kept) > _MESSAGES:
            kept.popleft()
            self.dropped += 1
        while len(self._early) > _THREADS:
            _, given_up = self._early.popitem(last=False)
            self.dropped += len(given_up)
        return False
