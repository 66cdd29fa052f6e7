"""`Turns`: the loop that does what is decided of a session's turns, and the clocks of interrupt and compaction.

The agent's messages say when a turn begins and ends (`begin`, `end`); what awaits the agent runs in the backend's host,
so that a cancelled caller leaves no turn half-started.
"""

from __future__ import annotations

import logging
import weakref
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from contextvars import Context
from typing import TYPE_CHECKING, Final, assert_never

import anyio

from agent_sdk_core.errors import (
    AgentError,
    InvalidRequestError,
    RequestTimeoutError,
    SessionBusyError,
)
from agent_sdk_core.messages.conversation import AssistantMessage
from agent_sdk_core.messages.parse import SDKMessage
from agent_sdk_core.messages.result import ResultMessage
from agent_sdk_core.messages.system import InitMessage
from agent_sdk_core.messages.typed import TypedResult
from agent_sdk_core.runtime.buffer import MessageBuffer
from agent_sdk_core.runtime.driver import SessionDriver
from agent_sdk_core.runtime.host import Host
from agent_sdk_core.runtime.turns.decisions import TurnDecisions
from agent_sdk_core.runtime.turns.events import (
    Abandoned,
    Begun,
    Cancelled,
    Changed,
    Close,
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
from agent_sdk_core.runtime.turns.meter import Meter
from agent_sdk_core.runtime.turns.queue import WaitingPrompts
from agent_sdk_core.runtime.turns.records import Ending, PromptRecord, RunningTurn, synthetic_result
from agent_sdk_core.runtime.turns.sending import PromptSender
from agent_sdk_core.runtime.turns.showing import note_text, show
from agent_sdk_core.runtime.turns.watchdog import Watchdog
from agent_sdk_core.telemetry import spans
from agent_sdk_core.telemetry.correlation import correlation, within

if TYPE_CHECKING:
    from agent_sdk_core.runtime.asking.hooking import SessionHooks
    from agent_sdk_core.runtime.asking.policing import Police
    from agent_sdk_core.runtime.recording import SessionRecorder
    from agent_sdk_core.runtime.settings import SessionSettings

_log = logging.getLogger(__name__)

INTERRUPT_SECONDS: Final = 10.0
"""How long an interrupted turn may take to end before we end it ourselves."""

NOW_SECONDS: Final = 0.5
"""How long it may take where somebody does not want to wait; the agent has been told by then."""

CLOSE_SECONDS: Final = 2.0
"""How long it may take where its session closes; an agent that does not answer has to be waited for once more."""

COMPACT_SECONDS: Final = 60.0
"""How long an agent that agreed to compact may take to begin."""

_UNSENT: Final = Ending("", "The turn was interrupted before the agent had its prompt.", "aborted_streaming")

_UNCONFIRMED: Final = Ending(
    RequestTimeoutError.default_code, "The agent did not confirm the interrupt.", "aborted_streaming"
)


class Turns:
    """The running turn of a session, and the prompts that wait.

    Args:
        session_id: Returns the agent's id of the session.
        context: The context of the session; what it belongs to is what its turns belong to.
        host: Runs what awaits the agent.
        driver: The agent's side.
        require_open: Raises what stands against a new prompt.
        deliver: Takes messages of a turn that we end ourselves, as if the agent had sent them.
        publish: Takes a result that belongs to a prompt but to no turn.
        settings: Returns the session's settings, which are put to the agent before a turn.
        hooks: The session's hooks, which see each prompt before it is sent.
        on_change: Told whenever a turn or the queue has ended.
        recorder: Told of turns, of prompts that wait, and of those that were refused.
        meter: Counts what turns use, where that is limited.
        police: Returns what knows by which rules tool calls were refused.
    """

    def __init__(
        self,
        *,
        session_id: Callable[[], str],
        context: Context,
        host: Host,
        driver: SessionDriver,
        require_open: Callable[[], None],
        deliver: Callable[[Iterable[SDKMessage]], None],
        publish: Callable[[ResultMessage], None],
        settings: Callable[[], SessionSettings],
        hooks: SessionHooks,
        on_change: Callable[[], None],
        recorder: SessionRecorder,
        meter: Meter | None = None,
        police: Callable[[], Police | None] = lambda: None,
    ) -> None:
        self._session_id = session_id
        self._belongs = correlation(context)
        self._host = host
        self._driver = driver
        self._require_open = require_open
        self._deliver = deliver
        self._publish = publish
        self._sender = PromptSender(driver, hooks, settings, self._watch)
        self._on_change = on_change
        self._recorder = recorder
        self._meter = meter
        self._police = police
        self.watchdog: Watchdog | None = None
        self._decisions = TurnDecisions(keeps_held=driver.keeps_held)
        self._effects: deque[Effect] = deque()
        self._looping = False
        self.queue = WaitingPrompts(self._decisions.waiting, lambda record: self._put(Cancelled(record)))

    @property
    def running(self) -> RunningTurn | None:
        """The turn that runs."""
        return self._decisions.running

    @property
    def running_uuid(self) -> str | None:
        """What the turn that runs is called in logs, see `RunningTurn.uuid`."""
        return None if self.running is None else self.running.uuid

    @property
    def busy(self) -> bool:
        """Whether a turn runs or waits."""
        return self._decisions.busy

    def runs(self, record: PromptRecord) -> bool:
        """Tell whether a prompt is on its way to the agent, or the agent is at it."""
        return self.running is not None and record in self.running.records

    def submit(self, record: PromptRecord, *, watcher: MessageBuffer | None = None, steer: bool = False) -> None:
        """Start, steer or queue a prompt; returns at once.

        Raises:
            InvalidRequestError: The uuid was used before, or the caller runs in another event loop.
            SessionClosedError: The session is closed.
        """
        self._require_open()
        if self._decisions.knows(record.uuid):
            raise InvalidRequestError(f"A prompt with uuid {record.uuid!r} was sent before; give each prompt its own.")
        record.watcher = weakref.ref(watcher) if watcher is not None else None
        record.caller = spans.caller()
        self._put(Submitted(record, steer))

    def begin(self, message: InitMessage) -> None:
        """Note that the agent began a turn: the one we started, or one that nobody prompted."""
        self._put(Begun(message.source.turn_id if message.source else None))
        running = self.running
        if running is not None and not running.watched:  # Nobody prompted it, as a turn of a goal.
            self._watch_over(running)
        if self._meter is not None and running is not None and not running.counted:
            running.counted = True
            self.limit(self._meter.begin())

    def settled(self, result: ResultMessage) -> ResultMessage:
        """Return a result of the agent's, held to what its prompt asked for, or else to what the session does."""
        asked = (record.answers for uuid in result.user_message_uuids if (record := self._decisions.open.get(uuid)))
        form = next((answers for answers in asked if answers is not None), self._driver.answers)
        if (police := self._police()) is not None:
            result = police.named(result)
        limit = self.running.limit if self.running is not None else None
        if limit is not None and result.outcome == "interrupted":
            result = result.model_copy(update=limit.of_result())
        return result if form is None else form.settle(result)

    def owed(self, result: ResultMessage) -> ResultMessage:
        """Return a result of the agent's without the prompts that have ended: each has exactly one result."""
        listed = result.user_message_uuids
        kept = [uuid for uuid in dict.fromkeys(listed) if not self._decisions.has_ended(uuid)]
        return result if kept == listed else result.model_copy(update={"user_message_uuids": kept})

    def end(self, result: ResultMessage) -> None:
        """Note a result: it ends the prompts it lists, and its turn."""
        self._put(Ended(result, self._held()))

    def left_out(self, result: ResultMessage) -> list[str]:
        """Return the cancelled prompts that the agent let go of as it ended the turn with this result."""
        if self._driver.keeps_held:
            return []
        listed, holds = result.user_message_uuids, self._driver.holds
        given_up = (record.uuid for record in self._decisions.steered if record.cancelled)
        return [uuid for uuid in given_up if uuid not in listed and holds(uuid)]

    def dropped(self, uuid: str) -> None:
        """End a prompt that the agent held, and let go of before its turn came."""
        self._put(Dropped(uuid))

    def show(self, batch: Sequence[SDKMessage]) -> None:
        """Give messages to those who watch the running turn, if they belong to it."""
        show(self._decisions.running, batch)

    def note_text(self, message: AssistantMessage) -> None:
        """Remember what the assistant said last, for `Turn.text`."""
        note_text(self._decisions.running, message)

    async def interrupt(self, *, cancel_held: bool = True, patience: float | None = None) -> bool:
        """End the running turn and wait until it has ended; False if none runs.

        Args:
            cancel_held: Whether the prompts that the agent holds are cancelled, too.
            patience: Seconds that the agent has for it; absent: `INTERRUPT_SECONDS`.
        """
        running = self.running
        if running is None:
            return False
        if not running.sent and self._driver.away is not None:
            self._put(Abandoned(_UNSENT, running))
            running.given_up = False
            return True
        self._interrupt(running, INTERRUPT_SECONDS if patience is None else patience, cancel_held)
        await running.interrupted.wait()
        return True

    def limit(self, ending: Ending | None) -> None:
        """End the running turn, if it has begun, because it has reached a limit; None: it has not."""
        running = self.running
        if ending is None or running is None or not running.counted or running.limit is not None:
            return
        self.cut(ending)

    def cut(self, ending: Ending) -> None:
        """End the running turn for this reason, unless it is being ended for another one."""
        running = self.running
        if running is None or running.limit is not None:
            return
        _log.info("a turn is ended: %s", ending.message)
        running.limit = ending
        self._host.start_soon(self._stop_at_limit, running)  # Messages come in callbacks of no task, too.

    async def _stop_at_limit(self, running: RunningTurn) -> None:
        if not running.ended.is_set():
            self._interrupt(running, INTERRUPT_SECONDS, cancel_held=True)

    def _interrupt(self, running: RunningTurn, patience: float, cancel_held: bool) -> None:
        deadline = anyio.current_time() + patience
        for record in running.records:
            record.cancelled = record.cancelled or (record.steered and cancel_held)
        if running.interrupting is None:
            scope = anyio.CancelScope(deadline=deadline)
            context = within(None, **self._belongs, turn=running.uuid)
            self._host.start_soon(self._drive_interrupt, running, scope, cancel_held, context=context)
            running.interrupting = scope
        else:
            running.interrupting.deadline = min(running.interrupting.deadline, deadline)

    async def end_for_close(self) -> bool:
        """End the running turn as `interrupt` does, in less time; False if the agent did not confirm that."""
        running = self.running
        await self.interrupt(patience=CLOSE_SECONDS)
        return running is None or not running.given_up

    def require_here(self) -> None:
        """Check that the caller runs in the event loop of the session; see `Host.require_here`."""
        self._host.require_here()

    async def cancel(self, record: PromptRecord) -> None:
        """End one prompt early: out of the queue, or with the turn that runs it."""
        if record in self._decisions.waiting:
            self._put(Cancelled(record))
        elif not record.done.is_set():
            await self.interrupt()

    def cancel_queue(self) -> tuple[str, ...]:
        """Cancel every prompt that waits, also one that a steer leaves out, and return the uuids of those that did."""
        cancelled = tuple(record.uuid for record in self._decisions.waiting)
        self._put(Cancelled())
        return cancelled

    def wind_down(self) -> None:
        """Cancel every prompt that waits, and let none wait from now on."""
        self._put(Cancelled(closing=True))

    async def compact(self) -> None:
        """Have the agent compact the conversation, in a turn that nobody prompted, and wait for its end.

        Raises:
            SessionBusyError: A turn runs or waits.
            SessionClosedError: The session is closed.
            AgentError: The agent refused, or the turn failed.
        """
        self._require_open()
        turn = RunningTurn()
        self._put(Compacting(turn))
        if self.running is not turn:
            raise SessionBusyError("A turn runs or waits; compact the session when it is idle: `wait_idle()`.")
        try:
            await self._driver.ready()
            turn.sent = True
            await self._driver.compact()
        except BaseException as error:
            self._put(Started(turn, None, error if isinstance(error, AgentError) else AgentError(str(error))))
            raise
        self._put(Started(turn, None, None))
        with anyio.move_on_after(COMPACT_SECONDS):
            await turn.begun.wait()
        if not turn.begun.is_set():
            late = RequestTimeoutError("The agent took the request to compact, and did not begin.")
            self._put(Started(turn, None, late))
            raise late
        await turn.ended.wait()
        if turn.result is not None:
            turn.result.raise_for_error()

    @property
    def steered(self) -> Sequence[PromptRecord]:
        """The prompts that have joined the running turn by a steer, or may."""
        return self._decisions.steered

    def stop(self, ending: Ending) -> None:
        """End everything for good, because the agent or the session is gone."""
        self._lose(Abandoned(ending))

    def cut_off(self, ending: Ending) -> None:
        """End the turn that the agent has, because it is gone for now; what waits goes on to wait."""
        self._lose(CutOff(ending))

    def _lose(self, event: Abandoned | CutOff) -> None:
        running = self.running
        self._put(event)
        if running is not None and running.ended.is_set():
            running.interrupted.set()  # Nobody is left to clean up after it.

    def close_open(self, turn_id: str | None, ending: Ending) -> None:
        """Tell the end of what a turn left open, or without a turn of all that still runs."""
        code, message, reason, fields, _ = ending
        try:
            told = self._driver.abandon(turn_id, code=code, message=message, terminal_reason=reason)
            if fields and not ending.limit:
                told = [one.model_copy(update=fields) if isinstance(one, ResultMessage) else one for one in told]
            self._deliver(told)
        except Exception:
            _log.exception("closing what a turn left open failed")

    def _held(self) -> tuple[str, ...]:
        records = self.running.records if self.running is not None else []
        return tuple(record.uuid for record in records if self._driver.holds(record.uuid))

    def _put(self, event: Event) -> None:
        """Decide what becomes of an event, now; and do it, after what was decided before."""
        self._effects.extend(self._decisions.apply(event))
        if self._looping:
            return
        self._looping = True
        try:
            while self._effects:
                try:
                    self._do(self._effects.popleft())
                except Exception:
                    _log.exception("what was decided of a turn could not be done")
        finally:
            self._looping = False
        self._recorder.note(self._decisions.running, len(self._decisions.waiting))

    def _do(self, effect: Effect) -> None:
        match effect:
            case Send():
                self._send(effect)
            case Interrupt(native_id):
                self._host.start_soon(self._give_up, native_id)
            case Close(native_id, closed):
                self.close_open(native_id, closed.ending)
                self._put(closed)
            case Forget(uuid):
                self._driver.forget(uuid)
            case Finish():
                self._finish(effect)
            case Tell(milestone):
                milestone.event.set()
            case Changed():
                self._on_change()
            case _:
                assert_never(effect)

    def _send(self, effect: Send) -> None:
        turn, record, steer = effect
        context = within(None, **self._belongs, turn=turn.uuid)
        try:
            if steer:
                self._host.start_soon(self._drive_steer, turn, record, context=context)
            else:
                self._host.start_soon(self._drive_start, turn, record, context=context)
        except AgentError as error:
            self._put(Steered(turn, record, error) if steer else Started(turn, record, error))

    async def _drive_start(self, turn: RunningTurn, record: PromptRecord) -> None:
        if turn.ended.is_set():  # The session ended before this task ran: the agent must not see the prompt.
            return
        if self._meter is not None and (ending := self._meter.may_begin()) is not None:
            _log.info("a prompt has no turn: %s", ending.message)
            self._put(Abandoned(ending, turn))
        else:
            self._put(Started(turn, record, await self._sender.start(turn, record)))

    async def _drive_steer(self, turn: RunningTurn, record: PromptRecord) -> None:
        await turn.started.wait()
        answer = False if turn.ended.is_set() else await self._sender.steer(turn, record)
        self._put(Steered(turn, record, answer, held=self._driver.holds(record.uuid)))

    def _watch(self, turn: RunningTurn) -> None:
        self._recorder.sent()
        self._watch_over(turn)

    def _watch_over(self, turn: RunningTurn) -> None:
        turn.watched = True
        if self.watchdog is not None:
            self._host.start_soon(self.watchdog.watch, turn)

    async def _drive_interrupt(self, turn: RunningTurn, patience: anyio.CancelScope, cancel_held: bool) -> None:
        try:
            with patience:
                await turn.started.wait()
                if not turn.ended.is_set():
                    await self._driver.interrupt(turn.native_id, cancel_held=cancel_held)
                    turn.stopping.set()
                    await turn.ended.wait()
                await self._driver.interrupted()
        except AgentError as error:
            _log.warning("the interrupt was not taken: %s", error)
        finally:
            self._put(Abandoned(_UNCONFIRMED, turn))
            turn.interrupted.set()

    async def _give_up(self, native_id: str) -> None:
        """Interrupt a turn whose start the agent answered after it had ended for us."""
        try:
            await self._driver.interrupt(native_id)
        except AgentError as error:
            _log.warning("a turn that was given up may go on: %s", error)

    def _finish(self, effect: Finish) -> None:
        record, end = effect
        if isinstance(end, AgentError):
            self._recorder.ended(end)
            record.finish(None, end)
            return
        if isinstance(end, Ending):
            end = synthetic_result(record.uuid, end, session_id=self._session_id(), backend=self._driver.name)
            end = end if record.output_type is None else TypedResult.of(end)
            if (buffer := record.buffer) is not None:
                buffer.publish((end,))
            self._publish(end)
            self._recorder.ended(end)
        record.finish(end)
