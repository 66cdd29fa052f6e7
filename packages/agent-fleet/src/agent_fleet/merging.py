"""Pages of sessions of several hosts as one: newest first, and a cursor that says how far each host was read. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeAlias

from agent_sdk_core.errors import InvalidRequestError
from agent_sdk_core.interfaces.pages import SessionPage, StoredSession

Place: TypeAlias = tuple[str | None, int]
"""Where reading a host goes on: the cursor of a page of its own, and how many sessions of that were told already."""

_BAD: Final = "A cursor of sessions is one that `list_sessions` of this fleet returned."


def places(cursor: str | None, hosts: Sequence[str]) -> dict[str, Place]:
    """Return where to go on with each host; one that was read to its end, or is new since the cursor, is left out.

    Args:
        cursor: That of the last page; None: there was none.
        hosts: Their names.

    Raises:
        InvalidRequestError: The cursor is none.
    """
    if cursor is None:
        return dict.fromkeys(hosts, (None, 0))
    try:
        told: dict[str, Any] = json.loads(cursor)
        found = {str(name): (at if at is None else str(at), int(skip)) for name, (at, skip) in told.items()}
    except (ValueError, TypeError, AttributeError):
        raise InvalidRequestError(_BAD) from None
    return {name: place for name, place in found.items() if name in hosts}


def merged(pages: Mapping[str, SessionPage], read: Mapping[str, Place], limit: int) -> SessionPage:
    """Return the next sessions of all hosts.

    Args:
        pages: What each host told, from the place where it was read last.
        read: These places.
        limit: How many sessions at most.
    """
    entries = [(session, name) for name, page in pages.items() for session in list(page.sessions)[read[name][1] :]]
    entries.sort(key=lambda entry: -(entry[0].updated_at or 0.0))  # Of one host they stay in its order.
    taken: dict[str, StoredSession] = {}
    used = {name: skip for name, (_, skip) in read.items()}
    for session, name in entries:
        if len(taken) >= limit and session.session_id not in taken:
            break
        taken.setdefault(session.session_id, session)
        used[name] += 1
    after: dict[str, Place] = {}
    for name, page in pages.items():
        if used[name] < len(page.sessions):
            after[name] = (read[name][0], used[name])
        elif page.cursor is not None:
            after[name] = (page.cursor, 0)
    return SessionPage(list(taken.values()), json.dumps(after) if after else None)
