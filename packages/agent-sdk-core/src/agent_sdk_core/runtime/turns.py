"""Prompts become turns, one at a time, and every accepted prompt ends with one result.

The agent's messages say when a turn begins and ends (`begin`, `end`); what awaits the agent runs in the backend's host,
so that a cancelled caller leaves no turn half-started.
"""

from __future__ import annotations

import logging
import weakref
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Final

import anyio

from agent_sdk_core.errors import AgentError, InvalidRequestError, RequestTimeoutError, SessionBusyError
from agent_sdk_core.messages.conversation import AssistantMessage
from agent_sdk_core.messages.parse import SDKMessage
from agent_sdk_core.messages.result import ResultMessage
from agent_sdk_core.messages.system import InitMessage
from agent_sdk_core.prompts import Prompt
from agent_sdk_core.runtime.buffer import MessageBuffer
from agent_sdk_core.runtime.driver import SessionDriver
from agent_sdk_core.runtime.host import Host
from agent_sdk_core.runtime.prompts import PromptRecord, RunningTurn, synthetic_result
from agent_sdk_core.runtime.queue import WaitingPrompts

_log = logging.getLogger(__name__)

INTERRUPT_SECONDS: Final = 10.0
"""How long an interrupted turn may take to end before we end it ourselves."""

CLOSE_SECONDS: Final = 2.0
"""How long it may take where its session closes; an agent that does not answer has to be waited for once more."""

COMPACT_SECONDS: Final = 60.0
"""How long an agent that agreed to compact may take to begin."""

_LEFT_OUT: Final = "The turn ended without this prompt."


class Turns:
    """The running turn of a session, and the prompts that wait.

    Args:
        session_id: Returns the agent's id of the session.
        host: Runs what awaits the agent.
        driver: The agent's side.
        require_open: Raises what stands against a new prompt.
        deliver: Takes messages of a turn that we end ourselves, as if the agent had sent them.
        publish: Takes a result that belongs to a prompt but to no turn.
        settle: Puts the session's settings to the agent before a turn.
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
        settle: Callable[[], Awaitable[None]],
        on_change: Callable[[], None],
    ) -> None:
        self._session_id = session_id
        self._host = host
        self._driver = driver
        self._require_open = require_open
        self._deliver = deliver
        self._publish = publish
        self._settle = settle
        self._on_change = on_change
        self._used_uuids: set[str] = set()
        self._steering: list[PromptRecord] = []
        self._closing = False
        self._stopped = False
        self.running: RunningTurn | None = None
        self.queue = WaitingPrompts(self._cancel)

    @property
    def busy(self) -> bool:
        """Whether a turn runs or waits."""
        return self.running is not None or bool(self.queue) or bool(self._steering)

    def submit(
        self, prompt: Prompt, uuid: str, *, watcher: MessageBuffer | None = None, steer: bool = False
    ) -> PromptRecord:
        """Start, steer or queue a prompt; returns at once.

        Raises:
            InvalidRequestError: The uuid was used before, or the caller runs in another event loop.
            SessionClosedError: The session is closed.
        """
        self._require_open()
        if uuid in self._used_uuids:
            raise InvalidRequestError(f"A prompt with uuid {uuid!r} was sent before; give each prompt its own.")
        record = PromptRecord(uuid, prompt, weakref.ref(watcher) if watcher is not None else None)
        if not self.busy:
            self._start(record)
        elif steer and self.running is not None:
            record.steered = True
            self._host.start_soon(self._steer, record, self.running)
            self._steering.append(record)
        else:
            self._enqueue(record)
        self._used_uuids.add(uuid)
        return record

    def begin(self, message: InitMessage) -> None:
        """Note that the agent began a turn: the one we started, or one that nobody prompted."""
        turn_id = message.source.turn_id if message.source else None
        if self._stopped:
            return
        if self.running is None:
            self.running = RunningTurn(native_id=turn_id)
            self.running.started.set()
        elif self.running.native_id is None:
            self.running.native_id = turn_id
        self.running.begun.set()

    def end(self, result: ResultMessage) -> None:
        """Note a result: it ends the prompts it lists, and its turn."""
        running = self.running
        if running is None:
            return
        for records in (running.records, self._steering):
            for record in [record for record in records if record.uuid in result.user_message_uuids]:
                records.remove(record)
                record.finish(result)
        turn_id = result.source.turn_id if result.source else None
        running.result = result
        if turn_id is not None and turn_id == running.native_id:
            running.ended_ids.add(turn_id)
            if running.records and not running.started.is_set():
                # Another's turn ended while ours is on its way, or ours did: the answer to our start tells.
                running.native_id = None
                return
            held = [record for record in running.records if self._driver.holds(record.uuid)]
            for record in running.records:
                if record not in held:
                    self._finish(record, "turn_failed", _LEFT_OUT, "cancelled")
            self._over(running, held)
        elif not running.records:
            self._over(running)

    def dropped(self, uuid: str) -> None:
        """End a prompt that the agent held, and let go of before its turn came."""
        for records in (self._steering, self.running.records if self.running is not None else []):
            for record in [record for record in records if record.uuid == uuid and not record.done.is_set()]:
                records.remove(record)
                self._cancel(record)
        if (running := self.running) is not None and running.waits and not running.records:
            self._over(running)

    def show(self, batch: Sequence[SDKMessage]) -> None:
        """Give messages to those who watch the running turn, if they belong to it."""
        running = self.running
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
        running = self.running
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
        if not self.queue.discard(record) and not record.done.is_set():
            await self.interrupt()

    def cancel_queue(self) -> tuple[str, ...]:
        """Cancel every prompt that waits, also for a steer that may fail, and return the uuids of those that did."""
        for record in self._steering:
            record.cancelled = True
        cancelled = self.queue.take_all()
        for record in cancelled:
            self._cancel(record)
        return tuple(record.uuid for record in cancelled)

    async def compact(self) -> None:
        """Have the agent compact the conversation, in a turn that nobody prompted, and wait for its end.

        Raises:
            SessionBusyError: A turn runs or waits.
            AgentError: The agent refused, or the turn failed.
        """
        if self.busy:
            raise SessionBusyError("A turn runs or waits; compact the session when it is idle: `wait_idle()`.")
        running = self.running = RunningTurn()
        try:
            await self._driver.compact()
        except BaseException:
            self._over(running)
            raise
        running.started.set()
        with anyio.move_on_after(COMPACT_SECONDS):
            await running.begun.wait()
        if not running.begun.is_set():
            self._over(running)
            raise RequestTimeoutError("The agent took the request to compact, and did not begin.")
        await running.ended.wait()
        if running.result is not None:
            running.result.raise_for_error()

    def held(self) -> tuple[str, ...]:
        """Return the uuids of the prompts that the agent holds for a turn of their own."""
        records = self.running.records if self.running is not None else []
        return tuple(record.uuid for record in records if record.steered and self._driver.holds(record.uuid))

    def wind_down(self) -> None:
        """Cancel every prompt that waits, and let none wait from now on."""
        self._closing = True
        self.cancel_queue()

    def stop(self, code: str, message: str, terminal_reason: str) -> None:
        """End everything for good, because the agent or the session is gone."""
        self._stopped = True
        if (running := self.running) is not None:
            self._abandon(running, code, message, terminal_reason, gone=True)
            running.interrupted.set()  # Nobody is left to clean up after it.
        waiting = [*self.queue.take_all(), *self._steering]
        self._steering.clear()
        for record in waiting:
            self._finish(record, code, message, terminal_reason)
        self._on_change()

    def close_open(self, turn_id: str | None, code: str, message: str, terminal_reason: str) -> None:
        """Tell the end of what a turn left open, or without a turn of all that still runs."""
        try:
            self._deliver(self._driver.abandon(turn_id, code=code, message=message, terminal_reason=terminal_reason))
        except Exception:
            _log.exception("closing what a turn left open failed")

    def _start(self, record: PromptRecord) -> None:
        running = RunningTurn([record])
        self._host.start_soon(self._drive_start, record, running)  # First: what it refuses has not begun.
        self.running = running

    async def _drive_start(self, record: PromptRecord, running: RunningTurn) -> None:
        if running.ended.is_set():  # The session ended before this task ran: the agent must not see the prompt.
            return
        try:
            await self._settle()
            if running.ended.is_set():
                return
            native_id = await self._driver.start_turn(record.prompt, record.uuid)
        except AgentError as error:
            self._start_failed(record, running, error)
        except Exception as error:
            _log.exception("starting a turn failed")
            self._start_failed(record, running, AgentError(f"The prompt could not be sent: {error}"))
        else:
            running.native_id = native_id or running.native_id
            record.accept()
            if running.ended.is_set() and native_id is not None:
                await self._give_up(native_id)
            if native_id in running.ended_ids and not record.done.is_set():
                self._finish(record, "turn_failed", _LEFT_OUT, "cancelled")
                self._over(running)
        finally:
            running.started.set()

    async def _give_up(self, native_id: str) -> None:
        """Interrupt a turn whose start the agent answered after it had ended for us."""
        try:
            await self._driver.interrupt(native_id)
        except AgentError as error:
            _log.warning("a turn that was given up may go on: %s", error)

    def _start_failed(self, record: PromptRecord, running: RunningTurn, error: AgentError) -> None:
        if record.done.is_set():
            return
        if record.settled.is_set():  # It waited in the queue and its sender has gone on, so it gets a result.
            self._finish(record, error.code, error.message, "turn_setup_failed")
        else:
            record.refuse(error)
        if record in running.records:
            running.records.remove(record)
        if not running.records:
            self._over(running)

    async def _steer(self, record: PromptRecord, running: RunningTurn) -> None:
        await running.started.wait()
        joined = False
        if not running.ended.is_set():
            try:
                joined = await self._driver.steer(record.prompt, record.uuid, running.native_id)
            except AgentError as error:
                self._not_steered(record, error)
                return
            except Exception as error:
                _log.exception("steering a turn failed")
                self._not_steered(record, AgentError(f"The prompt could not be sent: {error}"))
                return
        if record.done.is_set():
            return
        self._steering.remove(record)
        if not joined:
            self._enqueue(record)
        elif (turn := self._turn_of(record, running)) is not None:
            turn.records.append(record)
            record.accept()
        else:
            self._finish(record, "turn_failed", _LEFT_OUT, "cancelled")
        self._on_change()
        self._start_next()

    def _turn_of(self, record: PromptRecord, steered: RunningTurn) -> RunningTurn | None:
        """Return the turn that will end a prompt which the agent took: the steered one, or one of its own after it."""
        if not steered.ended.is_set():
            return steered
        if self.running is None and not self._stopped and self._driver.holds(record.uuid):
            self.running = RunningTurn.awaited(())
        if self.running is not None and (self._driver.holds(record.uuid) or self.running.native_id == record.uuid):
            return self.running
        return None

    def _not_steered(self, record: PromptRecord, error: AgentError) -> None:
        if not record.done.is_set():
            self._steering.remove(record)
            record.refuse(error)
            self._on_change()
            self._start_next()

    def _enqueue(self, record: PromptRecord) -> None:
        if self._closing or record.cancelled:
            self._cancel(record)
        else:
            self.queue.append(record)

    def _start_next(self) -> None:
        if (
            self.running is None
            and not self._steering
            and not self._stopped
            and (record := self.queue.take()) is not None
        ):
            self._start(record)

    async def _drive_interrupt(self, running: RunningTurn, patience: anyio.CancelScope, cancel_held: bool) -> None:
        try:
            with patience:
                await running.started.wait()
                if not running.ended.is_set():
                    await self._driver.interrupt(running.native_id, cancel_held=cancel_held)
                    await running.ended.wait()
                await self._driver.interrupted()
        except AgentError as error:
            _log.warning("the interrupt was not taken: %s", error)
        finally:
            if not running.ended.is_set():
                running.given_up = True
                reason = "The agent did not confirm the interrupt."
                self._abandon(running, RequestTimeoutError.default_code, reason, "aborted_streaming", gone=False)
            running.interrupted.set()

    def _abandon(self, running: RunningTurn, code: str, message: str, terminal_reason: str, *, gone: bool) -> None:
        """End a turn on our side: the driver closes what is open, and what it does not list ends synthetically."""
        turn_id, records = running.native_id, list(running.records)
        if gone or turn_id is not None:
            self.close_open(None if gone else turn_id, code, message, terminal_reason)
        running.records.clear()
        for record in records:
            self._driver.forget(record.uuid)
            self._finish(record, code, message, terminal_reason)
        if not running.ended.is_set():
            self._over(running)

    def _over(self, running: RunningTurn, held: Sequence[PromptRecord] = ()) -> None:
        running.ended.set()
        running.started.set()
        running.begun.set()
        if self.running is running:
            self.running = RunningTurn.awaited(held) if held and not self._stopped else None
        self._on_change()
        self._start_next()

    def _cancel(self, record: PromptRecord) -> None:
        self._finish(record, None, "The prompt was cancelled before its turn.", "cancelled")
        self._on_change()

    def _finish(self, record: PromptRecord, code: str | None, message: str, terminal_reason: str) -> None:
        if record.done.is_set():
            return
        result = synthetic_result(
            record,
            session_id=self._session_id(),
            backend=self._driver.name,
            code=code,
            message=message,
            terminal_reason=terminal_reason,
        )
        if (buffer := record.buffer) is not None:
            buffer.publish((result,))
        self._publish(result)
        record.finish(result)


def _belongs(message: SDKMessage, native_id: str | None) -> bool:
    """Tell whether a message is of the running turn: not of one that ended, unless a sub-agent's."""
    source = message.source
    if source is None or source.turn_id is None or message.parent_tool_use_id is not None:
        return True
    return source.turn_id == native_id
