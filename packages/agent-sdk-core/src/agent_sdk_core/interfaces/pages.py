"""Pages of stored sessions and of their messages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, overload

from agent_sdk_core.messages.parse import SDKMessage

if TYPE_CHECKING:
    pass
if TYPE_CHECKING:
    pass


@dataclass(frozen=True, slots=True)
class SessionSummary:
    """A stored session.

    Attributes:
        session_id: What `SessionOptions.resume` takes.
        title: Its name, or the start of its first prompt.
        cwd: Folder it worked in.
        created_at: Unix time in seconds, where known.
        updated_at: Unix time in seconds, where known.
    """

    session_id: str
    title: str = ""
    cwd: str | None = None
    created_at: float | None = None
    updated_at: float | None = None


@dataclass(frozen=True, slots=True)
class SessionPage:
    """Stored sessions, newest first, and the cursor of the next page (None at the end)."""

    sessions: tuple[SessionSummary, ...]
    cursor: str | None = None


class HistoryPage(Sequence[SDKMessage]):
    """Messages of a stored session, oldest first.

    Attributes:
        cursor: What to pass for the next page, or None at the end.
    """

    def __init__(self, messages: Sequence[SDKMessage], cursor: str | None = None) -> None:
        self._messages = tuple(messages)
        self.cursor = cursor

    @overload
    def __getitem__(self, index: int) -> SDKMessage: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[SDKMessage]: ...
    def __getitem__(self, index: int | slice) -> SDKMessage | Sequence[SDKMessage]:
        return self._messages[index]

    def __len__(self) -> int:
        return len(self._messages)
