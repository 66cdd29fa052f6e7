from __future__ import annotations

from pathlib import Path

from claude_sdk.store.transcript.entries import Entry
from claude_sdk.store.transcript.files import Transcript
from claude_sdk.store.transcript.frames import Agent
from claude_sdk.store.transcript.ordering import in_order


def entry(
    uuid: str, time: str, *, calls: tuple[str, ...] = (), results: tuple[str, ...] = (), detached: bool = False
) -> Entry:
    return Entry(0, 0, uuid, None, "assistant", time, calls=calls, results=results, detached=detached)


def own(*entries: Entry) -> Transcript:
    return Transcript(Path("own"), list(entries))


def child(call: str, *entries: Entry) -> Transcript:
    return Transcript(Path(call), list(entries), Agent(call, call))


def uuids(session: Transcript, *agents: Transcript) -> list[str]:
    return [item.entry.uuid for item in in_order(session, agents)]


def test_a_sub_agent_speaks_between_its_call_and_its_result() -> None:
    session = own(entry("call", "2", calls=("t",)), entry("result", "5", results=("t",)), entry("end", "6"))
    assert uuids(session, child("t", entry("x", "3"), entry("y", "4"))) == ["call", "x", "y", "result", "end"]


def test_a_clock_that_was_set_changes_no_order() -> None:
    session = own(entry("call", "2", calls=("t",)), entry("result", "5", results=("t",)), entry("end", "6"))
    assert uuids(session, child("t", entry("x", "9"), entry("y", "1"))) == ["call", "x", "y", "result", "end"]


def test_a_background_agent_speaks_when_it_spoke() -> None:
    session = own(
        entry("call", "1", calls=("t",)), entry("started", "2", results=("t",), detached=True), entry("next", "4")
    )
    assert uuids(session, child("t", entry("x", "3"), entry("y", "5"))) == ["call", "started", "x", "next", "y"]


def test_agents_that_worked_at_once_take_turns() -> None:
    session = own(entry("a", "1", calls=("t",)), entry("b", "2", calls=("u",)))
    agents = child("u", entry("u1", "4"), entry("u2", "6")), child("t", entry("t1", "3"), entry("t2", "5"))
    assert uuids(session, *agents) == ["a", "b", "t1", "u1", "t2", "u2"]


def test_an_agent_of_an_agent_stands_within_it() -> None:
    session = own(entry("call", "1", calls=("t",)), entry("result", "9", results=("t",)))
    outer = child("t", entry("x", "2", calls=("u",)), entry("y", "8", results=("u",)))
    assert uuids(session, child("u", entry("z", "")), outer) == ["call", "x", "z", "y", "result"]


def test_an_agent_that_nothing_shown_started_is_left_out() -> None:
    assert uuids(own(entry("a", "1")), child("t", entry("x", "2"))) == ["a"]


def test_agents_that_started_each_other_are_shown_once() -> None:
    session = own(entry("call", "1", calls=("t",)))
    assert uuids(session, child("t", entry("x", "2", calls=("t",)))) == ["call", "x"]
