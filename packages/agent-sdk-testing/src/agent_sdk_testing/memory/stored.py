"""A stored session of the agent in memory, and the pages that it is read in."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass, field

from agent_sdk_core import HistoryPage, InvalidRequestError, SDKMessage, StoredSession, UserMessage
from agent_sdk_testing.memory.turn import NAME


@dataclass
class Stored:
    """A session that is stored, as long as a backend has it.

    Attributes:
        opened_by: The backend in which it is open, if it is.
        opened: The session as which it is open there.
        model: The model that it used last.
    """

    session_id: str
    cwd: str
    opened_by: object = None
    opened: object = None
    model: str | None = None
    title: str = ""
    archived: bool = False
    tag: str | None = None
    created_at: float = field(default_factory=time.time)
    updated_at: float = field(default_factory=time.time)
    messages: list[SDKMessage] = field(default_factory=list[SDKMessage])

    def keep(self, messages: Iterable[SDKMessage]) -> None:
        """Store what was said."""
        self.messages += [message for message in messages if message.type in ("user", "assistant")]
        self.updated_at = time.time()

    def turns(self) -> list[list[SDKMessage]]:
        """Return what was said, a list for each prompt."""
        turns: list[list[SDKMessage]] = []
        for message in self.messages:
            if not turns or (isinstance(message, UserMessage) and message.is_prompt):
                turns.append([])
            turns[-1].append(message)
        return turns

    def page(self, limit: int | None, cursor: str | None) -> HistoryPage:
        """Return a page of it."""
        turns = self.turns()
        start = start_of(cursor)
        end = len(turns) if limit is None else min(len(turns), start + limit)
        messages = [message for turn in turns[start:end] for message in turn]
        return HistoryPage(messages, str(end) if end < len(turns) else None)

    @property
    def summary(self) -> StoredSession:
        """What lists show."""
        first = next((message.text for message in self.messages if isinstance(message, UserMessage)), None)
        return StoredSession(
            self.session_id,
            self.title or (first or ""),
            self.cwd,
            self.created_at,
            self.updated_at,
            first_prompt=first,
            model=self.model,
            archived=self.archived,
            tag=self.tag,
        )


def start_of(cursor: str | None) -> int:
    """Return where a page begins.

    Raises:
        InvalidRequestError: The cursor is of no page.
    """
    if cursor is not None and not (cursor.isascii() and cursor.isdigit() and len(cursor) < 10):
        raise InvalidRequestError(f"{cursor!r} is no cursor of a page.", backend=NAME)
    return int(cursor or 0)
