"""A stored session as the messages that its live stream gave, in pages of turns."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO, Final

from agent_sdk_core.errors import AgentError, InvalidRequestError
from agent_sdk_core.interfaces.pages import HistoryPage
from agent_sdk_core.messages.base import Source
from agent_sdk_core.messages.parse import SDKMessage, parse_message
from claude_sdk.store.transcript.files import Transcript, agent_transcripts, own_transcript
from claude_sdk.store.transcript.frames import frame_of
from claude_sdk.store.transcript.lines import opened, read_at
from claude_sdk.store.transcript.ordering import Placed, in_order

_BACKEND: Final = "claude"


def read_history(path: Path, *, limit: int | None = None, cursor: str | None = None) -> HistoryPage:
    """Return the messages of a stored session, oldest first: user, assistant, tool results and compactions.

    Messages have the uuids that they had live. What was said on branches that the user went back from is not shown. The
    files are read in two passes, so that only the messages of the page are held.

    Args:
        path: The session's file, as `find_session` gives it.
        limit: Turns a page, at least one; absent: all.
        cursor: Where the page before ended.

    Raises:
        SessionNotFoundError: The file does not exist.
        InvalidRequestError: The cursor's turn is no part of the session any more.
        AgentError: The file cannot be read.
    """
    row = in_order(own_transcript(path), agent_transcripts(path))
    page, following = _page(row, limit, cursor)
    return HistoryPage(_messages(page, path.stem), following)


def _page(row: list[Placed], limit: int | None, cursor: str | None) -> tuple[list[Placed], str | None]:
    """Return the turns of one page, and the uuid of the prompt that begins the next."""
    starts = [place for place, item in enumerate(row) if _starts_turn(item)]
    uuids = [row[place].entry.uuid for place in starts]
    if cursor is not None and cursor not in uuids:
        message = "The cursor's turn is no part of the session any more; read its history from the start."
        raise InvalidRequestError(message, backend=_BACKEND)
    first = 0 if cursor is None else uuids.index(cursor)
    begin = 0 if cursor is None else starts[first]
    if limit is None or first + limit >= len(starts):
        return row[begin:], None
    return row[begin : starts[first + limit]], uuids[first + limit]


def _starts_turn(item: Placed) -> bool:
    return item.transcript.agent is None and item.entry.starts_turn


def _messages(page: Sequence[Placed], session_id: str) -> list[SDKMessage]:
    messages: list[SDKMessage] = []
    source = Source(_BACKEND, session_id)
    sources: dict[Path, Source] = {}
    with ExitStack() as stack:
        files: dict[Path, BinaryIO | None] = {}
        for item in page:
            transcript, entry = item.transcript, item.entry
            if transcript.path not in files:
                files[transcript.path] = _open(stack, transcript)
                agent = transcript.agent
                sources[transcript.path] = Source(_BACKEND, agent.agent_id) if agent else source
            file = files[transcript.path]
            line = read_at(file, entry.offset, entry.size) if file and entry.kind != "hidden" else None
            frame = frame_of(line, entry.kind, session_id, transcript.agent) if line else None
            if frame is not None:
                messages.append(parse_message(frame, source=sources[transcript.path], raw=line))
    return messages


def _open(stack: ExitStack, transcript: Transcript) -> BinaryIO | None:
    """Open a file for the second pass; a sub-agent's may be gone since the first."""
    try:
        return stack.enter_context(opened(transcript.path))
    except AgentError:
        if transcript.agent is None:
            raise
        return None
