from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from claude_sdk.store.transcript.branch import newest_branch
from claude_sdk.store.transcript.entries import Entry, EntryKind


def entry(
    uuid: str,
    parent: str | None,
    kind: EntryKind = "assistant",
    *,
    message: str | None = None,
    calls: tuple[str, ...] = (),
    results: tuple[str, ...] = (),
) -> Entry:
    return Entry(0, 0, uuid, parent, kind, message_id=message, calls=calls, results=results)


def uuids(entries: list[Entry], leaf: str | None = None) -> list[str]:
    return [kept.uuid for kept in newest_branch(entries, leaf)]


def test_a_file_without_entries_has_no_branch() -> None:
    assert newest_branch([]) == []


def test_what_was_said_before_the_user_went_back_is_left_out() -> None:
    entries = [entry("a", None, "prompt"), entry("b", "a"), entry("c", "b", "prompt"), entry("d", "b", "prompt")]
    assert uuids(entries) == ["a", "b", "d"]


def test_a_leaf_that_the_user_went_back_to_ends_the_branch() -> None:
    entries = [entry("a", None), entry("b", "a"), entry("c", "b")]
    assert uuids(entries, "b") == ["a", "b"]
    assert uuids(entries, "gone") == ["a", "b", "c"]


def test_calls_made_in_parallel_are_kept_with_their_results() -> None:
    entries = [
        entry("p", None, "prompt"),
        entry("x", "p", message="m", calls=("1",)),
        entry("y", "x", message="m", calls=("2",)),
        entry("ry", "y", "results", results=("2",)),
        entry("rx", "x", "results", results=("1",)),
        entry("next", "rx", message="n"),
    ]
    assert uuids(entries) == ["p", "x", "y", "ry", "rx", "next"]


def test_blocks_after_the_one_the_user_went_back_to_are_left_out() -> None:
    entries = [
        entry("p", None, "prompt"),
        entry("x", "p", message="m"),
        entry("y", "x", message="m", calls=("1",)),
        entry("r", "y", "results", results=("1",)),
        entry("q", "x", "prompt"),
    ]
    assert uuids(entries) == ["p", "x", "q"]


def test_a_call_has_one_result_the_one_that_the_branch_follows() -> None:
    entries = [
        entry("x", None, calls=("1",)),
        entry("old", "x", "results", results=("1",)),
        entry("new", "x", "results", results=("1",)),
        entry("other", "x", "results", results=("1",)),
        entry("end", "new"),
    ]
    assert uuids(entries) == ["x", "new", "end"]


def test_a_missing_line_does_not_lose_what_stood_before_it() -> None:
    entries = [entry("a", None), entry("b", "a"), entry("d", "c"), entry("e", "d")]
    assert uuids(entries) == ["a", "b", "d", "e"]


def test_entries_that_follow_each_other_in_a_circle_end() -> None:
    assert uuids([entry("a", "b"), entry("b", "a")]) == ["a", "b"]
    assert uuids([entry("a", "a")]) == ["a"]


def test_of_two_entries_with_one_uuid_the_later_counts() -> None:
    entries = [entry("a", None), entry("b", "a"), entry("a", None), entry("c", "a")]
    assert [kept is entries[2] for kept in newest_branch(entries)] == [True, False]


_NAMES = st.sampled_from("abcdef")


@given(
    st.lists(
        st.builds(
            entry,
            _NAMES,
            st.none() | _NAMES,
            st.sampled_from(["prompt", "assistant", "results", "hidden"]),
            message=st.none() | _NAMES,
            calls=st.lists(_NAMES, max_size=2).map(tuple),
            results=st.lists(_NAMES, max_size=2).map(tuple),
        ),
        min_size=1,
    )
)
def test_any_entries_make_a_branch_that_ends_with_the_newest(entries: list[Entry]) -> None:
    branch = newest_branch(entries)
    assert entries[-1] in branch
    places = [next(place for place, other in enumerate(entries) if other is kept) for kept in branch]
    assert places == sorted(set(places))
