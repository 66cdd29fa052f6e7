from __future__ import annotations

import pytest

from agent_fleet.merging import merged, places
from agent_sdk_core import InvalidRequestError, SessionPage, StoredSession

HOSTS = ("one", "two")


def stored(name: str, at: float) -> StoredSession:
    return StoredSession(session_id=name, updated_at=at)


KEPT = {
    "one": [stored("e", 5), stored("shared", 3), stored("a", 1)],
    "two": [stored("d", 4), stored("shared", 3), stored("b", 2)],
}


def asked(host: str, cursor: str | None, limit: int) -> SessionPage:
    """What a host answers, whose own cursors are numbers."""
    first = int(cursor or 0)
    more = first + limit < len(KEPT[host])
    return SessionPage(KEPT[host][first : first + limit], str(first + limit) if more else None)


@pytest.mark.parametrize("limit", [1, 2, 3, 10])
def test_pages_of_hosts_are_one_list_newest_first_and_each_session_is_in_it_once(limit: int) -> None:
    told: list[str] = []
    cursor: str | None = None
    for _ in range(10):
        read = places(cursor, HOSTS)
        pages = {host: asked(host, at, limit + skip) for host, (at, skip) in read.items()}
        page = merged(pages, read, limit)
        assert len(page.sessions) <= limit
        told += [session.session_id for session in page.sessions]
        if (cursor := page.cursor) is None:
            break
    assert told == ["e", "d", "shared", "b", "a"]


def test_a_host_that_is_gone_is_left_out_and_a_cursor_of_another_kind_is_told() -> None:
    assert places('{"one": ["3", 1], "gone": [null, 0]}', HOSTS) == {"one": ("3", 1)}
    for wrong in ("nonsense", "[1]", '{"one": 3}'):
        with pytest.raises(InvalidRequestError, match="of this fleet"):
            places(wrong, HOSTS)
