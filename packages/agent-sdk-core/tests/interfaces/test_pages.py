from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from agent_sdk_core import (
    AssistantMessage,
    HistoryPage,
    InvalidRequestError,
    SessionPage,
    StoredSession,
    UserMessage,
    parse_message,
)

SUMMARIES = tuple(StoredSession(f"s{number}", f"Title {number}", cwd="/w", updated_at=5.5) for number in range(5))
MESSAGES = (
    parse_message({"type": "user", "uuid": "u", "message": {"role": "user", "content": "Hi"}}),
    parse_message({"type": "assistant", "uuid": "a", "message": {"content": [{"type": "text", "text": "Hello"}]}}),
    parse_message({"type": "of_tomorrow", "x": 1}),
)
PAGES = [(SessionPage, SUMMARIES), (HistoryPage, MESSAGES)]


@pytest.mark.parametrize(("kind", "entries"), PAGES)
def test_a_page_is_a_sequence_with_a_cursor(kind: Any, entries: Any) -> None:
    page = kind(list(entries), "next")
    assert Sequence in kind.__mro__
    assert (len(page), page[0], page[-1], page[1:]) == (len(entries), entries[0], entries[-1], entries[1:])
    assert tuple(page) == entries
    assert tuple(reversed(page)) == entries[::-1]
    assert entries[1] in page
    assert page
    assert not kind([])
    assert (page.cursor, kind([]).cursor) == ("next", None)


@pytest.mark.parametrize(("kind", "entries"), PAGES)
def test_pages_are_equal_by_what_they_hold(kind: Any, entries: Any) -> None:
    page = kind(entries, "next")
    assert page == kind(list(entries), "next")
    assert hash(page) == hash(kind(entries, "next"))
    assert page not in (kind(entries), kind(entries[1:], "next"), entries)


@pytest.mark.parametrize(("kind", "entries"), PAGES)
def test_a_page_comes_back_from_its_wire_form(kind: Any, entries: Any) -> None:
    page = kind(entries, "next")
    again = kind.from_json(page.to_json())
    assert again.to_wire() == page.to_wire()
    assert [type(entry) for entry in again] == [type(entry) for entry in entries]
    assert kind.from_wire(kind([]).to_wire()) == kind([])


@pytest.mark.parametrize(("kind", "name"), [(SessionPage, "sessions"), (HistoryPage, "messages")])
@pytest.mark.parametrize(
    ("data", "problem"),
    [({}, "is of type NoneType, not an array"), ({"sessions": [5], "messages": [5]}, "is of type int, not an object")],
)
def test_what_is_no_page_is_refused_with_its_place(kind: Any, name: str, data: Any, problem: str) -> None:
    with pytest.raises(InvalidRequestError, match=f"^{kind.__name__}.{name}.* {problem}"):
        kind.from_wire(data)


def test_pages_show_how_much_they_hold_and_how_it_begins() -> None:
    shown = repr(SessionPage(SUMMARIES, "next"))
    assert shown.startswith("SessionPage(count=5, sessions=(StoredSession(session_id='s0', title='Title 0'")
    assert shown.endswith("cursor='next')")
    assert "s3" not in shown
    assert repr(HistoryPage()) == "HistoryPage(count=0)"


def test_a_page_is_matched_by_the_names_of_its_entries() -> None:
    assert SessionPage(SUMMARIES).sessions == SUMMARIES
    user, answer, _ = HistoryPage(MESSAGES).messages
    assert isinstance(user, UserMessage)
    assert isinstance(answer, AssistantMessage)
