"""What is decided of prompts and turns, for events in any order: no event loop, no agent, no clock."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent_sdk_core.errors import AgentError, InvalidRequestError, ProcessExitedError
from agent_sdk_core.messages.base import Source
from agent_sdk_core.messages.result import ResultMessage
from agent_sdk_core.runtime.turns.decisions import TurnDecisions
from agent_sdk_core.runtime.turns.events import (
    Abandoned,
    Begun,
    Cancelled,
    Close,
    Closed,
    Compacting,
    CutOff,
    Dropped,
    Effect,
    Ended,
    Event,
    Finish,
    Forget,
    Interrupt,
    Send,
    Started,
    Steered,
    Submitted,
    Tell,
)
from agent_sdk_core.runtime.turns.records import Ending, PromptRecord, RunningTurn

GONE = Ending("process_exited", "gone", "agent_exited")
LATE = Ending("request_timeout", "late", "aborted_streaming")
TURNS = [None, "t0", "t1", "t2"]


def result(turn_id: str | None, *uuids: str) -> ResultMessage:
    return ResultMessage.synthesize(
        Source("memory", thread_id="s", turn_id=turn_id),
        session_id="s",
        subtype="success",
        user_message_uuids=list(uuids),
    )


class Course:
    """The decisions of one session, with what was asked of the agent and not answered, and every end of a prompt."""

    def __init__(self, *, keeps_held: bool = True) -> None:
        self.decisions = TurnDecisions(keeps_held=keeps_held)
        self.records: list[PromptRecord] = []
        self.sends: list[Send] = []
        self.closes: list[Close] = []
        self.turns: list[RunningTurn] = []
        self.ends: list[Finish] = []
        self.forgotten: list[str] = []
        self.given_up: list[str] = []

    def put(self, event: Event) -> list[Effect]:
        before = self.decisions.running
        effects = list(self.decisions.apply(event))
        for effect in effects:
            match effect:
                case Send():
                    self.sends.append(effect)
                case Close():
                    self.closes.append(effect)
                case Finish():
                    self.ends.append(effect)
                case Forget(uuid):
                    self.forgotten.append(uuid)
                case Interrupt(native_id):
                    self.given_up.append(native_id)
                case Tell(milestone):
                    assert milestone.is_set()
                case _:
                    pass
        self.check(before, effects)
        return effects

    def check(self, before: RunningTurn | None, effects: list[Effect]) -> None:
        decisions, running = self.decisions, self.decisions.running
        assert running is None or not running.ended.is_set()
        if running is not before and running is not None:
            assert before is None or before.ended.is_set(), "two turns at a time"
            self.turns.append(running)
        assert not (decisions.stopped and running not in (None, before)), "a turn began after the end"
        starts = [effect for effect in effects if isinstance(effect, Send) and not effect.steer]
        assert len(starts) <= 1
        assert all(start.turn is running for start in starts)
        places = [*decisions.waiting, *decisions.steering, *(running.records if running else [])]
        assert len(places) == len(set(map(id, places))), "a prompt stands in two places"
        assert {record.uuid for record in places} == set(decisions.open), "a prompt is open and stands nowhere"
        assert not any(record.done.is_set() for record in places)
        if running is None and not decisions.steering and not decisions.stopped:
            assert not decisions.waiting, "a prompt waits for nothing"
        counts = Counter(end.record.uuid for end in self.ends)
        assert not counts or max(counts.values()) == 1, "a prompt ended twice"
        for record in self.records:
            assert record.done.is_set() == (record.uuid in counts)
            assert decisions.has_ended(record.uuid) == (record.uuid in counts)

    def submit(self, *, steer: bool = False) -> PromptRecord:
        record = PromptRecord(f"p{len(self.records)}", "x")
        self.records.append(record)
        self.put(Submitted(record, steer))
        return record

    def compact(self, answer: AgentError | None) -> RunningTurn:
        turn = RunningTurn()
        self.put(Compacting(turn))
        if self.decisions.running is turn:
            self.put(Started(turn, None, answer))
        return turn

    def end_of(self, record: PromptRecord) -> Any:
        return next((finish.end for finish in self.ends if finish.record is record), None)


def play(course: Course, data: st.DataObject, step: str) -> None:
    """Let something happen that fits, or that an agent might do wrongly."""
    uuids = st.lists(st.sampled_from([*[record.uuid for record in course.records], "unknown"]), max_size=3)
    turn_ids = st.sampled_from(TURNS)
    errors = st.sampled_from([InvalidRequestError("no"), AgentError("broken")])
    match step:
        case "submit" | "steer":
            course.submit(steer=step == "steer")
        case "answer" if course.sends:
            send = course.sends.pop(data.draw(st.integers(0, len(course.sends) - 1)))
            taken, held = data.draw(st.one_of(st.booleans(), errors)), data.draw(st.booleans())
            started = Started(send.turn, send.record, data.draw(st.one_of(turn_ids, errors)))
            course.put(Steered(send.turn, send.record, taken, held) if send.steer else started)
        case "begin":
            course.put(Begun(data.draw(turn_ids)))
        case "result":
            course.put(Ended(result(data.draw(turn_ids), *data.draw(uuids)), held=data.draw(uuids)))
        case "drop":
            course.put(Dropped(next(iter(data.draw(uuids)), "unknown")))
        case "cancel":
            course.put(Cancelled(data.draw(st.sampled_from([None, *course.records]))))
        case "give up" if course.turns:
            course.put(Abandoned(LATE, data.draw(st.sampled_from(course.turns))))
        case "lose" if course.decisions.running is not None:
            course.decisions.running.sent = True
            course.put(CutOff(GONE))
        case "close" if course.closes:
            course.put(course.closes.pop(0).closed)
        case "compact":
            course.compact(data.draw(st.one_of(st.none(), errors)))
        case "wind down":
            course.put(Cancelled(closing=True))
        case _:
            pass


COMMON = ["submit", "steer", "answer", "begin", "result", "drop", "cancel", "give up", "lose", "close", "compact"]


@settings(max_examples=400)
@given(st.data(), st.lists(st.sampled_from(COMMON * 4 + ["wind down"]), max_size=40), st.booleans(), st.booleans())
def test_every_prompt_ends_exactly_once_whatever_happens(
    data: st.DataObject, steps: list[str], late: bool, keeps_held: bool
) -> None:
    course = Course(keeps_held=keeps_held)
    for step in steps:
        play(course, data, step)
    course.put(Abandoned(GONE))
    if late:  # What the agent still tells while what is open is being told.
        for step in data.draw(st.lists(st.sampled_from(COMMON), max_size=5)):
            play(course, data, step)
    while course.closes:
        course.put(course.closes.pop(0).closed)
    assert course.decisions.stopped
    assert not course.decisions.busy
    assert not course.decisions.open
    assert len(course.ends) == len(course.records)
    assert all(turn.ended.is_set() for turn in course.turns)
    for step in data.draw(st.lists(st.sampled_from(COMMON), max_size=5)):
        play(course, data, step)
    assert not course.decisions.busy


@settings(max_examples=200)
@given(st.data(), st.lists(st.sampled_from(COMMON * 2), max_size=25), st.booleans())
def test_a_session_whose_agent_answers_becomes_idle(data: st.DataObject, steps: list[str], keeps_held: bool) -> None:
    course = Course(keeps_held=keeps_held)
    for step in steps:
        play(course, data, step)
    while course.decisions.busy or course.closes:
        if course.closes:
            play(course, data, "close")
        elif course.sends:
            send = course.sends.pop(0)
            answer = Steered(send.turn, send.record, True) if send.steer else Started(send.turn, send.record, "own")
            course.put(answer)
        else:
            running = course.decisions.running
            assert running is not None
            course.put(Begun("own"))
            course.put(Ended(result(running.native_id, *[record.uuid for record in running.records])))
    assert all(record.done.is_set() for record in course.records)


@given(st.data(), st.lists(st.sampled_from(["submit", "steer", "answer", "result"]), max_size=25))
def test_only_what_was_never_accepted_is_refused(data: st.DataObject, steps: list[str]) -> None:
    course = Course()
    accepted: set[str] = set()
    for step in steps:
        accepted |= {record.uuid for record in course.records if record.settled.is_set() and not record.done.is_set()}
        play(course, data, step)
    refused = {end.record.uuid for end in course.ends if isinstance(end.end, AgentError)}
    assert not refused & accepted


def running_course(native_id: str | None = "t0", *, keeps_held: bool = True) -> tuple[Course, PromptRecord]:
    course = Course(keeps_held=keeps_held)
    record = course.submit()
    send = course.sends.pop()
    course.put(Started(send.turn, record, native_id))
    return course, record


def test_what_the_agents_own_result_lists_is_not_ended_by_us() -> None:
    course, one = running_course()
    two = course.submit(steer=True)
    course.put(Steered(course.sends[0].turn, two, True))
    course.put(Abandoned(GONE))
    assert course.closes == [Close(None, Closed(GONE))]
    course.put(Ended(own := result("t0", one.uuid)))
    course.put(course.closes[0].closed)
    assert course.end_of(one) is own
    assert isinstance(course.end_of(two), Ending)


def test_a_turn_that_is_given_up_ends_with_what_it_left_open() -> None:
    course, one = running_course()
    (turn,) = course.turns
    course.put(Abandoned(LATE, turn))
    assert turn.given_up
    assert course.closes[0].native_id == "t0"
    assert course.end_of(one) is None
    course.put(course.closes[0].closed)
    assert course.end_of(one) is LATE
    assert course.forgotten == [one.uuid]
    course.put(Abandoned(LATE, turn))
    assert len(course.closes) == 1


def test_what_the_agent_holds_outlives_the_turn_that_is_given_up() -> None:
    course, one = running_course()
    held = course.submit(steer=True)
    course.put(Steered(course.sends[0].turn, held, True, held=True))
    course.put(Abandoned(LATE, course.turns[0]))
    course.put(Ended(result("t0", one.uuid), held=[held.uuid]))
    course.put(course.closes[0].closed)
    assert course.decisions.running is not None
    assert course.decisions.running.records == [held]


@pytest.mark.parametrize("cancelled", [True, False])
def test_what_the_agent_held_and_let_go_of_as_its_turn_ended_waits_unless_it_was_cancelled(cancelled: bool) -> None:
    course, one = running_course(keeps_held=False)
    waiting, held = course.submit(), course.submit(steer=True)
    course.put(Steered(course.sends[0].turn, held, True, held=True))
    held.cancelled = cancelled
    course.put(Ended(result("t0", one.uuid), held=[held.uuid]))
    assert course.forgotten == [held.uuid]
    if cancelled:
        assert course.end_of(held).terminal_reason == "cancelled"
    assert course.sends[-1].record is (waiting if cancelled else held)
    assert not course.sends[-1].steer


def test_a_steer_that_is_taken_after_its_turn_ended_waits_where_the_agent_let_go_of_it() -> None:
    course, one = running_course(keeps_held=False)
    held = course.submit(steer=True)
    course.put(Ended(result("t0", one.uuid)))
    course.put(Steered(course.sends[0].turn, held, True, held=True))
    assert course.sends[-1] == Send(course.turns[-1], held, steer=False)


@pytest.mark.parametrize("keeps_held", [True, False])
@pytest.mark.parametrize("for_good", [True, False])
def test_what_the_agent_holds_ends_with_an_agent_that_is_lost(keeps_held: bool, for_good: bool) -> None:
    course, one = running_course(keeps_held=keeps_held)
    held = course.submit(steer=True)
    course.put(Steered(course.sends[0].turn, held, True, held=True))
    course.turns[0].sent = True
    course.put(Abandoned(GONE) if for_good else CutOff(GONE))
    course.put(Ended(result("t0", one.uuid), held=[held.uuid]))
    course.put(course.closes[0].closed)
    assert course.end_of(held) is GONE
    assert not course.decisions.busy


def test_a_start_that_is_answered_after_its_turn_ended_is_interrupted() -> None:
    course = Course()
    record = course.submit()
    course.put(Abandoned(LATE, course.turns[0]))
    assert course.end_of(record) is LATE
    course.put(Started(course.turns[0], record, "t0"))
    assert course.given_up == ["t0"]


def test_a_turn_that_ended_by_itself_before_its_start_was_answered_is_not_interrupted() -> None:
    course = Course()
    record = course.submit()
    course.put(Ended(result("t0", record.uuid)))
    course.put(Started(course.turns[0], record, "t0"))
    assert course.given_up == []


def test_a_dropped_prompt_whose_start_then_fails_does_not_keep_the_session_busy() -> None:
    course = Course()
    record = course.submit()
    course.put(Dropped(record.uuid))
    assert course.decisions.busy
    course.put(Started(course.turns[0], record, ProcessExitedError("gone")))
    assert not course.decisions.busy


def test_a_result_between_turns_ends_the_prompt_whose_steer_is_on_its_way() -> None:
    course, one = running_course()
    two, three = course.submit(steer=True), course.submit()
    course.put(Ended(result("t0", one.uuid)))
    assert not course.sends[1:]
    course.put(Ended(own := result("t1", two.uuid)))
    assert course.end_of(two) is own
    assert course.sends[-1].record is three
    course.put(Steered(course.sends[0].turn, two, True))
    assert course.end_of(two) is own


def test_what_another_prompt_drops_does_not_end_a_compaction() -> None:
    course = Course()
    turn = course.compact(None)
    two = course.submit(steer=True)
    course.put(Dropped(two.uuid))
    assert course.decisions.running is turn


@pytest.mark.parametrize("closing", [True, False])
def test_a_refused_steer_goes_before_what_waits_unless_nothing_may_wait(closing: bool) -> None:
    course, _ = running_course()
    waiting, steered = course.submit(), course.submit(steer=True)
    course.put(Cancelled(closing=True)) if closing else None
    course.put(Steered(course.sends[0].turn, steered, False))
    assert course.decisions.waiting == ([] if closing else [steered, waiting])
