"""`KeyedLocks`: a lock for each chat or session, so that nobody opens it while another one opens or closes it."""

from __future__ import annotations

from weakref import WeakValueDictionary

import anyio


class KeyedLocks:
    """Locks by key; each lives for as long as somebody holds or wants it."""

    def __init__(self) -> None:
        self._locks = WeakValueDictionary[str, anyio.Lock]()

    def of(self, key: str) -> anyio.Lock:
        """Return the lock of a key."""
        return self._locks.setdefault(key, anyio.Lock())
