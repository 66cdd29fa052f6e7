"""`Recent`: the ids that were seen last, in bounded memory."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any, Final

_REMEMBERED: Final = 4096


class Recent(OrderedDict[str, Any]):
    """The ids that were noted last, so that a late repetition is known; the oldest give way.

    Args:
        limit: How many ids are kept.
    """

    def __init__(self, limit: int = _REMEMBERED) -> None:
        super().__init__()
        self._limit = limit

    def note(self, key: str, value: object = True) -> None:
        """Remember `key` as the newest."""
        self[key] = value
        self.move_to_end(key)
        if len(self) > self._limit:
            self.popitem(last=False)
