"""What keeps sessions beside claude's own files: the protocol of claude-agent-sdk's session stores."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, Protocol, runtime_checkable

FRAME: Final = "transcript_mirror"
"""Type of the frames that tell which lines claude has written: `filePath` and `entries`."""


@runtime_checkable
class SessionStore(Protocol):
    """What keeps sessions. `list_subkeys(key)` may be there too: then sub-agents are loaded as well."""

    async def append(self, key: Any, entries: list[Any], /) -> None:
        """Add entries to a key; one whose `uuid` is there already is not added again."""
        ...

    async def load(self, key: Any, /) -> Sequence[Any] | None:
        """Return the entries of a key, in order; None for one that was never written."""
        ...
