"""The conversation that a session's file holds: the lines of its newest branch, in order.

A file only grows. Going back to an earlier message begins a new branch and leaves the old one where it is, so the lines
are followed from the newest one to its parent and on. Calls that one message makes in parallel are branches, too, of
which the next message follows only the last result; the others belong to the conversation as well.
"""

from __future__ import annotations

from collections.abc import Sequence

from claude_sdk.store.transcript.entries import Entry


def newest_branch(entries: Sequence[Entry], leaf: str | None = None) -> list[Entry]:
    """Return the entries of the newest branch, in the order of the file.

    Args:
        entries: The entries of one conversation, in the order of the file.
        leaf: Where the branch ends; absent: the newest entry.
    """
    places = {entry.uuid: place for place, entry in enumerate(entries)}
    kept = _to_the_start(entries, places, places.get(leaf or "", len(entries) - 1))
    _add_blocks(entries, places, kept)
    _add_results(entries, kept)
    return [entries[place] for place in sorted(kept)]


def _to_the_start(entries: Sequence[Entry], places: dict[str, int], place: int) -> set[int]:
    """Follow the parents; where one is missing, for its line was damaged, go on with the line before."""
    kept: set[int] = set()
    while place >= 0 and place not in kept:
        kept.add(place)
        parent = entries[place].parent
        if parent is None:
            break
        place = places.get(parent, place - 1)
    return kept


def _add_blocks(entries: Sequence[Entry], places: dict[str, int], kept: set[int]) -> None:
    """Add the other blocks of the messages that are kept, unless the user went on from an earlier block."""
    left = {places[entries[place].parent or ""] for place in kept if _begins_anew(entries[place], places)}
    for place, entry in enumerate(entries):  # In the order of the file, so that a block finds the one before it kept.
        before = places.get(entry.parent or "", -1)
        if entry.message_id is None or place in kept or before not in kept or before in left:
            continue
        if entries[before].message_id == entry.message_id:
            kept.add(place)


def _begins_anew(entry: Entry, places: dict[str, int]) -> bool:
    return entry.starts_turn and entry.parent in places


def _add_results(entries: Sequence[Entry], kept: set[int]) -> None:
    """Add the newest result of each call that has none yet."""
    open_calls = {call for place in kept for call in entries[place].calls}
    open_calls -= {call for place in kept for call in entries[place].results}
    for place in range(len(entries) - 1, -1, -1):
        if not open_calls.isdisjoint(entries[place].results):
            kept.add(place)
            open_calls -= set(entries[place].results)
