"""A stored session as the messages that its live stream gave, in pages of turns."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO, Final

from agent_sdk_core.errors import AgentError, InvalidRequestError
from agent_sdk_core.interfaces.pages import HistoryPage
from agent_sdk_core.messages.base import Source
from agent_sdk_core.messages.conversation import UserMessage
from agent_sdk_core.messages.parse import SDKMessage, parse_message
from claude_sdk.normalizer.open_cards import marked
from claude_sdk.store.transcript.frames import Agent, frame_of
from claude_sdk.store.transcript.lines import opened, read_at
from claude_sdk.store.transcript.row import Row, row_of

_BACKEND: Final = "claude"


def read_history(path: Path, *, limit: int | None = None, cursor: str | None = None) -> HistoryPage:
    """Return the messages of a stored session, oldest first: user, assistant, tool results and compactions.

    Messages have the uuids that they had live. What was said on branches that the user went back from is not shown. The
    files are read in two passes, so that only the messages of the page are held; the next page needs the second alone,
    as long as the files stay as they are.

    Args:
        path: The session's file, as `find_session` gives it.
        limit: Turns a page, at least one; absent: all.
        cursor: Where the page before ended.

    Raises:
        SessionNotFoundError: The file does not exist.
        InvalidRequestError: The cursor's turn is no part of the session any more.
        AgentError: The file cannot be read.
    """
    row = row_of(path)
    page, following = _page(row, limit, cursor)
    return HistoryPage(_messages(row, page, path.stem), following)


def _page(row: Row, limit: int | None, cursor: str | None) -> tuple[range, str | None]:
    """Return the places of one page, and the uuid of the prompt that begins the next."""
    if cursor is not None and cursor not in row.turns:
        message = "The cursor's turn is no part of the session any more; read its history from the start."
        raise InvalidRequestError(message, backend=_BACKEND)
    first = 0 if cursor is None else row.turns.index(cursor)
    begin = 0 if cursor is None else row.starts[first]
    if limit is None or first + limit >= len(row.turns):
        return range(begin, len(row)), None
    return range(begin, row.starts[first + limit]), row.turns[first + limit]


def _messages(row: Row, page: range, session_id: str) -> list[SDKMessage]:
    messages: list[SDKMessage] = []
    with ExitStack() as stack:
        files: dict[int, tuple[BinaryIO | None, Agent | None, Source]] = {}
        for place in page:
            number, offset, size, kind = row.at(place)
            if number not in files:
                path, agent = row.files[number]
                source = Source(_BACKEND, agent.agent_id if agent else session_id)
                files[number] = _open(stack, path, agent), agent, source
            file, agent, source = files[number]
            line = read_at(file, offset, size) if file else None
            frame = frame_of(line, kind, session_id, agent) if line else None
            if frame is not None:
                message = parse_message(frame, source=source, raw=line)
                messages.append(marked(message) if isinstance(message, UserMessage) else message)
    return messages


def _open(stack: ExitStack, path: Path, agent: Agent | None) -> BinaryIO | None:
    """Open a file for the second pass; a sub-agent's may be gone since the first."""
    try:
        return stack.enter_context(opened(path))
    except AgentError:
        if agent is None:
            raise
        return None
