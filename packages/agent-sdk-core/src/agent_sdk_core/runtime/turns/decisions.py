"""`TurnDecisions`: what becomes of prompts and turns. Pure: events go in through `apply`, what is to be done comes out.

Prompts become turns, one at a time, and every accepted prompt ends with exactly one result: the first of the agent's
that lists it, or else one of ours. What only the driver knows comes in with the event.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, assert_never

from agent_sdk_core.errors import AgentError
from agent_sdk_core.messages.result import ResultMessage
from agent_sdk_core.runtime.turns.events import (
    Abandoned,
    Begun,
    Cancelled,
    Changed,
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
from agent_sdk_core.runtime.turns.records import Ending, Milestone, PromptRecord, RunningTurn

_LEFT_OUT: Final = Ending("turn_failed", "The turn ended without this prompt.", "cancelled")
_CANCELLED: Final = Ending("", "The prompt was cancelled before its turn.", "cancelled")


class TurnDecisions:
    """The prompts of a session that have not ended, and its turn.

    Args:
        keeps_held: Whether the agent begins a turn by itself for the prompts that it holds, see `SessionDriver`.

    Attributes:
        running: The turn that runs.
        waiting: Prompts that wait for a turn, the next one first.
        steering: Prompts whose steer the agent has not answered.
        open: Every prompt that has not ended.
        stopped: Whether nothing begins any more.
    """

    def __init__(self, *, keeps_held: bool = False) -> None:
        self.running: RunningTurn | None = None
        self.waiting: list[PromptRecord] = []
        self.steering: list[PromptRecord] = []
        self.open: dict[str, PromptRecord] = {}
        self.stopped = False
        self._keeps_held = keeps_held
        self._closing = False
        self._lost: Ending | None = None
        self._used: set[str] = set()
        self._effects: list[Effect] = []

    @property
    def busy(self) -> bool:
        """Whether a turn runs or waits."""
        return self.running is not None or bool(self.waiting) or bool(self.steering)

    @property
    def steered(self) -> list[PromptRecord]:
        """The prompts that have joined the running turn by a steer, or may."""
        joined = self.running.records if self.running is not None else []
        return [record for record in joined if record.steered] + self.steering

    def knows(self, uuid: str) -> bool:
        """Tell whether there has been a prompt with this uuid."""
        return uuid in self._used

    def has_ended(self, uuid: str) -> bool:
        """Tell whether a prompt of ours has ended, so that no result may list it."""
        return uuid in self._used and uuid not in self.open

    def apply(self, event: Event) -> Sequence[Effect]:
        """Take in what happened, and return what is to be done, in this order."""
        match event:
            case Submitted():
                self._submit(event)
            case Compacting(turn):
                self.running = self.running if self.busy or self._closing else turn
            case Started():
                self._started(event)
            case Steered():
                self._steered(event)
            case Begun(native_id):
                self._begin(native_id)
            case Ended():
                self._end(event)
            case Dropped(uuid):
                self._drop(uuid)
            case Cancelled():
                self._cancel(event)
            case Abandoned() | CutOff():
                self._abandon(event)
            case Closed():
                self._closed(event)
            case _:
                assert_never(event)
        self._start_next()
        effects, self._effects = self._effects, []
        return effects

    def _submit(self, event: Submitted) -> None:
        record, running, busy = event.record, self.running, self.busy
        self._used.add(record.uuid)
        self.open[record.uuid] = record
        if not busy and not self._closing:
            self._start(record)
        elif event.steer and running is not None and not self._closing:
            record.steered = True
            self.steering.append(record)
            self._effects.append(Send(running, record, steer=True))
        else:
            self._enqueue(record)

    def _start(self, record: PromptRecord) -> None:
        self.running = RunningTurn([record])
        self._effects.append(Send(self.running, record, steer=False))

    def _start_next(self) -> None:
        if self.running is None and not self.steering and not self.stopped and self.waiting:
            self._start(self.waiting.pop(0))

    def _enqueue(self, record: PromptRecord) -> None:
        """Let a prompt wait behind all others; one that could not join the running turn goes before them."""
        if self._closing or record.cancelled:
            self._finish(record, _CANCELLED)
            self._effects.append(Changed())
            return
        index = len(self.waiting)
        if record.steered:
            index = next((at for at, other in enumerate(self.waiting) if not other.steered), index)
        self.waiting.insert(index, record)
        self._reach(record.settled)

    def _started(self, event: Started) -> None:
        turn, record, answer = event
        self._reach(turn.started)
        if isinstance(answer, AgentError):
            if record is not None and self._take(record):
                self._finish(record, _refusal(record, answer))
            if record is None or not turn.records:
                self._over(turn)
            return
        if record is not None:
            self._reach(record.settled)
        turn.native_id = answer or turn.native_id
        if answer is not None and turn.ended.is_set() and answer not in turn.ended_ids:
            self._effects.append(Interrupt(answer))
        elif answer in turn.ended_ids:
            self._over(turn)

    def _steered(self, event: Steered) -> None:
        record, answer = event.record, event.answer
        if not self._take(record):
            return
        if isinstance(answer, AgentError):
            self._finish(record, _refusal(record, answer))
        elif not answer:
            self._enqueue(record)
        elif event.held and event.turn.ended.is_set() and not self._keeps_held:
            self._let_go(record)
        elif (joined := self._turn_of(event)) is not None:
            joined.records.append(record)
            self._reach(record.settled)
        else:
            self._finish(record, _LEFT_OUT)
        self._effects.append(Changed())

    def _turn_of(self, event: Steered) -> RunningTurn | None:
        """Return the turn that will end a prompt which the agent took: the steered one, or one of its own after it."""
        if not event.turn.ended.is_set():
            return event.turn
        if self.running is None and not self.stopped and event.held:
            self.running = RunningTurn.awaited(())
        running = self.running
        return running if running and (event.held or running.native_id == event.record.uuid) else None

    def _begin(self, native_id: str | None) -> None:
        if self.stopped:
            return
        if (running := self.running) is None:
            running = self.running = RunningTurn.awaited(())
        running.native_id = running.native_id or native_id
        self._reach(running.begun)

    def _end(self, event: Ended) -> None:
        running, result = self.running, event.result
        for uuid in result.user_message_uuids:
            if (record := self.open.get(uuid)) is not None:
                self._take(record)
                self._finish(record, result)
        if running is None:
            self._effects.append(Changed())
            return
        running.result = result
        turn_id = result.source.turn_id if result.source else None
        if turn_id is not None:
            running.ended_ids.add(turn_id)
            if turn_id == running.native_id:
                if running.records and not running.started.is_set():
                    # Another's turn ended while ours is on its way, or ours did: the answer to our start tells.
                    running.native_id = None
                else:
                    self._over(running, [record for record in running.records if record.uuid in event.held])
                return
        if not running.records:
            self._over(running)

    def _drop(self, uuid: str) -> None:
        record, running = self.open.get(uuid), self.running
        if record is None or record in self.waiting:
            return
        joined = running is not None and record in running.records
        self._take(record)
        self._effects.append(Forget(uuid))
        self._finish(record, _CANCELLED)
        self._effects.append(Changed())
        if joined and running is not None and running.waits and not running.records:
            self._over(running)

    def _cancel(self, event: Cancelled) -> None:
        self._closing = self._closing or event.closing
        if event.record is None:
            for record in self.steering:
                record.cancelled = True
            cancelled = list(self.waiting)
        else:
            cancelled = [event.record] if self._is_open(event.record) else []
        for record in cancelled:
            self._take(record)
            self._finish(record, _CANCELLED)
            self._effects.append(Changed())

    def _abandon(self, event: Abandoned | CutOff) -> None:
        if isinstance(event, CutOff):
            self._cut_off(event.ending)
            return
        ending, turn = event
        if turn is None:
            self.stopped = self._closing = True
            self._lost = ending
        elif turn.ended.is_set():
            return
        else:
            turn.given_up = True
        closed = Closed(ending, turn)
        if (turn is None and self.running is not None) or (turn is not None and turn.native_id is not None):
            self._effects.append(Close(None if turn is None else turn.native_id, closed))
        else:
            self._closed(closed)

    def _cut_off(self, ending: Ending) -> None:
        running = self.running
        if running is None or not running.sent:
            return
        if running.started.is_set():  # Else no steer was sent, and each will wait.
            for record in list(self.steering):
                self._take(record)
                self._effects.append(Forget(record.uuid))
                self._finish(record, ending)
        self._lost = ending
        self._effects.append(Close(None, Closed(ending, running)))

    def _closed(self, event: Closed) -> None:
        ending, turn = event
        self._lost = None
        over = self.running if turn is None else turn
        for record in list(over.records) if over is not None else []:
            self._effects.append(Forget(record.uuid))
            self._finish(record, ending)
        if over is not None:
            over.records.clear()
            self._over(over)
        if turn is None:
            for record in list(self.open.values()):
                self._take(record)
                self._finish(record, ending)
            self._effects.append(Changed())

    def _over(self, turn: RunningTurn, held: Sequence[PromptRecord] = ()) -> None:
        """End a turn, and with it what it left out; what the agent holds has a turn of its own.

        An agent that keeps that begins this turn by itself, and it is awaited; one that is lost takes it along.
        """
        if turn.ended.is_set():
            return
        records, awaited = turn.records[:], list[PromptRecord]()
        turn.records.clear()
        for record in records:
            if record not in held:
                self._finish(record, _LEFT_OUT)
            elif self._lost is not None:
                self._effects.append(Forget(record.uuid))
                self._finish(record, self._lost)
            elif not self._keeps_held or (turn.given_up and record.cancelled):
                self._let_go(record)
            else:
                awaited.append(record)
        for milestone in (turn.ended, turn.started, turn.begun):
            self._reach(milestone)
        if self.running is turn:
            self.running = RunningTurn.awaited(awaited) if awaited and not self.stopped else None
        self._effects.append(Changed())

    def _let_go(self, record: PromptRecord) -> None:
        """Have a prompt wait that the agent had, and does not have any more."""
        self._effects.append(Forget(record.uuid))
        self._enqueue(record)

    def _is_open(self, record: PromptRecord) -> bool:
        return self.open.get(record.uuid) is record

    def _take(self, record: PromptRecord) -> bool:
        """Take a prompt from where it stands; False if it stands nowhere."""
        places = [self.waiting, self.steering, self.running.records if self.running is not None else []]
        place = next((place for place in places if record in place), None)
        if place is not None:
            place.remove(record)
        return place is not None

    def _finish(self, record: PromptRecord, end: ResultMessage | Ending | AgentError) -> None:
        if self._is_open(record):
            del self.open[record.uuid]
            record.settled.reached = record.done.reached = True
            self._effects.append(Finish(record, end))

    def _reach(self, milestone: Milestone) -> None:
        if not milestone.is_set():
            milestone.reached = True
            self._effects.append(Tell(milestone))


def _refusal(record: PromptRecord, error: AgentError) -> Ending | AgentError:
    """Return the end of a prompt that was refused; its sender has gone on where it was accepted, and gets a result."""
    return Ending(error.code, error.message, "turn_setup_failed") if record.settled.is_set() else error
