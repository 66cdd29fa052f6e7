"""`Turns`: the loop that does what is decided of a session's turns, and the clocks of interrupt and compaction.

The agent's messages say when a turn begins and ends (`begin`, `end`); what awaits the agent runs in the backend's host,
so that a cancelled caller leaves no turn half-started.
"""

from __future__ import annotations

import logging
import weakref
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Final, TypeVar, assert_never

import anyio

from agent_sdk_core.errors import AgentError, InvalidRequestError, RequestTimeoutError, SessionBusyError
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
from agent_sdk_core.runtime.turns.queue import WaitingPrompts
from agent_sdk_core.runtime.turns.records import Ending, PromptRecord, RunningTurn, synthetic_result

if TYPE_CHECKING:
    from agent_sdk_core.runtime.settings import SessionSettings
    from agent_sdk_core.structured.answers import AnswerForm
    from agent_sdk_core.structured.output_type import OutputType

_log = logging.getLogger(__name__)

T = TypeVar("T")

INTERRUPT_SECONDS: Final = 10.0
"""How long an interrupted turn may take to end before we end it ourselves."""

CLOSE_SECONDS: Final = 2.0
"""How long it may take where its session closes; an agent that does not answer has to be waited for once more."""

COMPACT_SECONDS: Final = 60.0
"""How long an agent that agreed to compact may take to begin."""

_UNCONFIRMED: Final = Ending(
    RequestTimeoutError.default_code, "The agent did not confirm the interrupt.", "aborted_streaming"
)


class Turns:
    """The running turn of a session, and the prompts that wait.

    Args:
        session_id: Returns the agent's id of the session.
        host: Runs what awaits the agent.
        driver: The agent's side.
        require_open: Raises what stands against a new prompt.
        deliver: Takes messages of a turn that we end ourselves, as if the agent had sent them.
        publish: Takes a result that belongs to a prompt but to no turn.
        settings: Returns the session's settings, which are put to the agent before a turn.
        on_change: Told whenever a turn or the queue has ended.
    """

    def __init__(
        self,
        *,
        session_id: Callable[[], str],
        host: Host,
        driver: SessionDriver,
        require_open: Callable[[], None],
        deliver: Callable[[Iterable[SDKMessage]], None],
        publish: Callable[[ResultMessage], None],
        settings: Callable[[], SessionSettings],
        on_change: Callable[[], None],
    ) -> None:
        self._session_id = session_id
        self._host = host
        self._driver = driver
        self._require_open = require_open
        self._deliver = deliver
        self._publish = publish
        self._settings = settings
        self._on_change = on_change
        self._decisions = TurnDecisions()
        self._effects: deque[Effect] = deque()
        self._looping = False
        self.queue = WaitingPrompts(self._decisions.waiting, lambda record: self._put(Cancelled(record)))

    @property
    def running(self) -> RunningTurn | None:
        """The turn that runs."""
        return self._decisions.running

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
        self._put(Submitted(record, steer))

    def begin(self, message: InitMessage) -> None:
        """Note that the agent began a turn: the one we started, or one that nobody prompted."""
        self._put(Begun(message.source.turn_id if message.source else None))

    def settled(self, result: ResultMessage) -> ResultMessage:
        """Return a result of the agent's, held to what its prompt asked for, or else to what the session does."""
        asked = (record.answers for uuid in result.user_message_uuids if (record := self._decisions.open.get(uuid)))
        form = next((answers for answers in asked if answers is not None), self._driver.answers)
        return result if form is None else form.settle(result)

    def owed(self, result: ResultMessage) -> ResultMessage:
        """Return a result of the agent's without the prompts that have ended: each has exactly one result."""
        listed = result.user_message_uuids
        kept = [uuid for uuid in dict.fromkeys(listed) if not self._decisions.has_ended(uuid)]
        return result if kept == listed else result.model_copy(update={"user_message_uuids": kept})

    def end(self, result: ResultMessage) -> None:
        """Note a result: it ends the prompts it lists, and its turn."""
        self._put(Ended(result, self._held()))

    def dropped(self, uuid: str) -> None:
        """End a prompt that the agent held, and let go of before its turn came."""
        self._put(Dropped(uuid))

    def show(self, batch: Sequence[SDKMessage]) -> None:
        """Give messages to those who watch the running turn, if they belong to it."""
        running = self._decisions.running
        if running is None or not running.records or not batch:
            return
        watched = [(record.uuid, buffer) for record in running.records if (buffer := record.buffer) is not None]
        if watched:
            last = batch[-1]
            result = last if isinstance(last, ResultMessage) and last.parent_tool_use_id is None else None
            rest = batch if result is None else batch[:-1]
            ended = set(result.user_message_uuids) if result is not None else set[str]()
            ending = any(uuid in ended for uuid, _ in watched)
            mine = [message for message in rest if _belongs(message, running.native_id)]
            mine = running.in_order(mine, ending=ending)
            for uuid, buffer in watched:
                buffer.publish([*mine, last] if uuid in ended else mine)

    def note_text(self, message: AssistantMessage) -> None:
        """Remember what the assistant said last, for `Turn.text`."""
        running = self._decisions.running
        if running is not None and _belongs(message, running.native_id) and (text := message.text):
            for record in running.records:
                record.text = text

    async def interrupt(self, *, cancel_held: bool = True, patience: float | None = None) -> bool:
        """End the running turn and wait until it has ended; False if none runs.

        Args:
            cancel_held: Whether the agent shall also forget the prompts that it holds.
            patience: Seconds that the agent has for it; absent: `INTERRUPT_SECONDS`.
        """
        running = self.running
        if running is None:
            return False
        deadline = anyio.current_time() + (INTERRUPT_SECONDS if patience is None else patience)
        if running.interrupting is None:
            scope = anyio.CancelScope(deadline=deadline)
            self._host.start_soon(self._drive_interrupt, running, scope, cancel_held)
            running.interrupting = scope
        else:
            running.interrupting.deadline = min(running.interrupting.deadline, deadline)
        await running.interrupted.wait()
        return True

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
        """Cancel every prompt that waits, also for a steer that may fail, and return the uuids of those that did."""
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

    def held(self) -> tuple[str, ...]:
        """Return the uuids of the prompts that the agent holds for a turn of their own."""
        records = self.running.records if self.running is not None else []
        return tuple(record.uuid for record in records if record.steered and self._driver.holds(record.uuid))

    def stop(self, code: str, message: str, terminal_reason: str) -> None:
        """End everything for good, because the agent or the session is gone."""
        running = self.running
        self._put(Abandoned(Ending(code, message, terminal_reason)))
        if running is not None:
            running.interrupted.set()  # Nobody is left to clean up after it.

    def close_open(self, turn_id: str | None, code: str, message: str, terminal_reason: str) -> None:
        """Tell the end of what a turn left open, or without a turn of all that still runs."""
        try:
            self._deliver(self._driver.abandon(turn_id, code=code, message=message, terminal_reason=terminal_reason))
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

    def _do(self, effect: Effect) -> None:
        match effect:
            case Send():
                self._send(effect)
            case Interrupt(native_id):
                self._host.start_soon(self._give_up, native_id)
            case Close(native_id, closed):
                self.close_open(native_id, *closed.ending)
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
        try:
            if steer:
                self._host.start_soon(self._drive_steer, turn, record)
            else:
                self._host.start_soon(self._drive_start, turn, record)
        except AgentError as error:
            self._put(Steered(turn, record, error) if steer else Started(turn, record, error))

    async def _drive_start(self, turn: RunningTurn, record: PromptRecord) -> None:
        async def start() -> str | None:
            settings, options = self._settings(), record.options
            await settings.settle()
            if options is None:
                return None if turn.ended.is_set() else await self._driver.start_turn(record.prompt, record.uuid)
            if options.output_schema is not None:
                record.answers = await self._form(options.output_schema, record.output_type)
            await settings.lend(options, turn)
            if turn.ended.is_set():
                return None
            return await self._driver.start_turn(record.prompt, record.uuid, options=options, answers=record.answers)

        if not turn.ended.is_set():  # Else the session ended before this task ran: the agent must not see the prompt.
            self._put(Started(turn, record, await _answer(start)))

    async def _form(self, schema: Mapping[str, object], output_type: OutputType | None) -> AnswerForm:
        try:
            form = await self._driver.answer_form(schema)
        except InvalidRequestError as error:  # Which names the session's option.
            name = "TurnOptions.output_schema" if output_type is None else f"output_type={output_type.name}"
            said = error.message.replace("SessionOptions.output_schema", name)
            raise InvalidRequestError(said, backend=error.backend, details=error.details) from error
        return form.of_turn(output_type)

    async def _drive_steer(self, turn: RunningTurn, record: PromptRecord) -> None:
        async def steer() -> bool:
            return await self._driver.steer(record.prompt, record.uuid, turn.native_id)

        await turn.started.wait()
        answer = False if turn.ended.is_set() else await _answer(steer)
        self._put(Steered(turn, record, answer, held=self._driver.holds(record.uuid)))

    async def _drive_interrupt(self, turn: RunningTurn, patience: anyio.CancelScope, cancel_held: bool) -> None:
        try:
            with patience:
                await turn.started.wait()
                if not turn.ended.is_set():
                    await self._driver.interrupt(turn.native_id, cancel_held=cancel_held)
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
            record.finish(None, end)
            return
        if isinstance(end, Ending):
            end = synthetic_result(record.uuid, end, session_id=self._session_id(), backend=self._driver.name)
            end = end if record.output_type is None else TypedResult.of(end)
            if (buffer := record.buffer) is not None:
                buffer.publish((end,))
            self._publish(end)
        record.finish(end)


async def _answer(call: Callable[[], Awaitable[T]]) -> T | AgentError:
    """Return what the agent answered to a prompt, or why it has none."""
    try:
        return await call()
    except AgentError as error:
        return error
    except Exception as error:
        _log.exception("a prompt could not be sent")
        return AgentError(f"The prompt could not be sent: {error}")


def _belongs(message: SDKMessage, native_id: str | None) -> bool:
    """Tell whether a message is of the running turn: not of one that ended, unless a sub-agent's."""
    source = message.source
    if source is None or source.turn_id is None or message.parent_tool_use_id is not None:
        return True
    return source.turn_id == native_id
