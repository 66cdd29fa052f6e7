"""One row out of the files of a session: the sub-agents' lines among those of the session, as they happened."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import replace

from agent_sdk_core.records import dataclass
from claude_sdk.store.transcript.entries import Entry
from claude_sdk.store.transcript.files import Transcript


@dataclass(frozen=True, slots=True)
class Placed:
    """An entry in the row of all.

    Attributes:
        time: What its place goes by: when it was written, and never before what stands before it.
        transcript: The file it is in.
        entry: The entry.
    """

    time: str
    transcript: Transcript
    entry: Entry


def in_order(own: Transcript, agents: Iterable[Transcript]) -> list[Placed]:
    """Return the entries of all files in one row.

    What a sub-agent did follows the tool use that started it, and precedes its result unless it went on in the
    background; a sub-agent whose tool use is no part of the conversation is left out.
    """
    waiting = {transcript.agent.tool_use_id: transcript for transcript in agents if transcript.agent}
    return _with_children(own, waiting)


def _with_children(transcript: Transcript, waiting: dict[str, Transcript]) -> list[Placed]:
    row = _forward([Placed(entry.time, transcript, entry) for entry in transcript.entries])
    called = [call for entry in transcript.entries for call in entry.calls]
    children = {call: waiting.pop(call) for call in called if call in waiting}
    return _merged(row, {call: _with_children(child, waiting) for call, child in children.items()})


def _merged(row: list[Placed], children: dict[str, list[Placed]]) -> list[Placed]:
    """Put the rows of sub-agents into that of their parent, each item behind the last one that is not later."""
    if not children:
        return row
    begins = {call: place for place, item in enumerate(row) for call in item.entry.calls}
    ends = {call: place for place, item in enumerate(row) if not item.entry.detached for call in item.entry.results}
    times = [item.time for item in row]
    behind: list[list[Placed]] = [[] for _ in row]
    for call, child in children.items():
        first, last = begins[call], ends.get(call, len(row)) - 1
        for item in child:
            behind[max(first, min(bisect_right(times, item.time) - 1, last))].append(item)
    merged: list[Placed] = []
    for item, followers in zip(row, behind, strict=True):
        merged.append(item)
        merged.extend(sorted(followers, key=_time))
    return _forward(merged)


def _forward(row: list[Placed]) -> list[Placed]:
    """Return the row with times that never go back, so that the clock cannot turn its order around."""
    latest, forward = "", list[Placed]()
    for item in row:
        latest = max(latest, item.time)
        forward.append(item if item.time == latest else replace(item, time=latest))
    return forward


def _time(item: Placed) -> str:
    return item.time
