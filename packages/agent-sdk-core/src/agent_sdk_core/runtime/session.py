"""One session: prompts in, messages out, requests in between. Everything that does not differ between agents.

What the driver's normalizer makes of the agent's events comes in through `deliver`, synchronously and in batches, and
goes to the iterators of `messages()` and to the turn it belongs to.
"""

from __future__ import annotations

import copy
import logging
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextvars import Context
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Self, TypeVar, cast, get_args, overload
from uuid import uuid4

import anyio
import anyio.lowlevel

from agent_sdk_core.asking.permissions import PermissionMode, PermissionRequest
from agent_sdk_core.asking.requests import AgentAnswer, AgentRequest, Ask, Json
from agent_sdk_core.errors import AgentError, InvalidRequestError, PolicyDeniedError, SessionClosedError
from agent_sdk_core.interfaces.goal import ACTIVE, Goal
from agent_sdk_core.interfaces.opening import SessionOpening
from agent_sdk_core.interfaces.pages import HistoryPage, require_limit
from agent_sdk_core.interfaces.session import AgentSession, InterruptReceipt, SessionState
from agent_sdk_core.interfaces.turn import MessageStream, Priority, PromptQueue, Turn
from agent_sdk_core.messages.base import Source
from agent_sdk_core.messages.parse import SDKMessage
from agent_sdk_core.messages.result import ResultMessage
from agent_sdk_core.messages.system import GoalChanged, Informational
from agent_sdk_core.messages.typed import TypedResult
from agent_sdk_core.messages.usage import SessionUsage
from agent_sdk_core.models import ReasoningEffort
from agent_sdk_core.option_values import require_text
from agent_sdk_core.options import SessionOptions
from agent_sdk_core.prompts import Prompt, clean_prompt
from agent_sdk_core.runtime.asking.broker import put
from agent_sdk_core.runtime.asking.hooking import SessionHooks
from agent_sdk_core.runtime.asking.own_tools import OwnCall, OwnTools
from agent_sdk_core.runtime.asking.pending import PendingRequests
from agent_sdk_core.runtime.asking.plans import Plans
from agent_sdk_core.runtime.asking.policing import Police
from agent_sdk_core.runtime.asking.updates import SessionUpdates
from agent_sdk_core.runtime.asking.user_code import awaited_here, wait_outside
from agent_sdk_core.runtime.buffer import MessageBuffer
from agent_sdk_core.runtime.driver import SessionDriver
from agent_sdk_core.runtime.goals import SessionGoalRun
from agent_sdk_core.runtime.host import Host
from agent_sdk_core.runtime.intake import Intake
from agent_sdk_core.runtime.parking import Parking
from agent_sdk_core.runtime.recording import SessionRecorder
from agent_sdk_core.runtime.settings import SessionSettings, require_known
from agent_sdk_core.runtime.streams import BoundedStream
from agent_sdk_core.runtime.turns.handle import SessionTurn
from agent_sdk_core.runtime.turns.meter import Meter
from agent_sdk_core.runtime.turns.records import Ending, PromptRecord, lost_ending
from agent_sdk_core.runtime.turns.runner import NOW_SECONDS, Turns
from agent_sdk_core.runtime.turns.watchdog import Watchdog
from agent_sdk_core.telemetry.correlation import correlation, within
from agent_sdk_core.tools.results import ToolResult

if TYPE_CHECKING:
    from agent_sdk_core.structured.output_type import OutputType
    from agent_sdk_core.turn_options import TurnOptions

_log = logging.getLogger(__name__)

T = TypeVar("T")


class BaseSession(AgentSession):
    """A session over a `SessionDriver`.

    Args:
        session_id: The agent's id at creation.
        options: What the session was opened with.
        host: Runs what must not depend on a caller.
        driver: The agent's side.

    Attributes:
        options: What the session was opened with.
        requests: What the agent asked and nobody answered yet; drivers put requests in.
        police: Holds the policy against what the agent does; None without one.
        updates: What answers changed.
        hooks: Its hooks, which drivers call.
        recorder: Counts and times what it does, for the telemetry of the process.
        context: That in which it was made, and what it belongs to; what answers its requests runs in copies of it.
        when_closed: Called, once, when the session is closed or lost.
    """

    def __init__(self, session_id: str, options: SessionOptions, host: Host, driver: SessionDriver) -> None:
        self.session_id = session_id
        self.resolved_session_id = session_id
        self.options = options
        self.when_closed: list[Callable[[], object]] = []
        self.context = within(None, backend=driver.name, session=session_id)
        self.requests = PendingRequests(
            host, self.context, lambda message: self.deliver((message,)), turn=lambda: self._turns.running_uuid
        )
        self.hooks = self.context.run(
            lambda: SessionHooks(
                options.hooks, host, lambda message: self.deliver((message,)), lambda: self.resolved_session_id
            )
        )
        self._host = host
        self._driver = driver
        driver.sink = self
        meter = Meter.of(options, driver.usage, kept=driver.budgets)
        self.police = self._policed(options, meter)
        self.recorder = SessionRecorder(driver.name, session_id, driver.usage, resumed=options.resume is not None)
        self._turns = Turns(
            session_id=lambda: self.resolved_session_id,
            context=self.context,
            host=host,
            driver=driver,
            require_open=self._require_open,
            deliver=self.deliver,
            publish=self._publish,
            settings=lambda: self._settings,
            hooks=self.hooks,
            on_change=self._turn_changed,
            meter=meter,
            police=lambda: self.police,
            recorder=self.recorder,
        )
        if options.turn_timeout or options.retry_timeout or options.stall_timeout:
            self._turns.watchdog = Watchdog(
                options,
                waits_for_us=lambda: len(self.requests) > 0 or self._tools.active > 0,
                warn=self._warn,
                cut=self._turns.cut,
            )
        self._parking: Parking | None = None
        if options.idle_timeout is not None:
            self._parking = Parking(host, options.idle_timeout, idle=self._may_park, park=driver.park)
        self._settings = SessionSettings(driver, lambda: self._turns.running)
        self._intake = Intake(driver, self._turns, self.recorder, self._note_idle, meter)
        self.updates = SessionUpdates(self, driver, lambda: self.backend.capabilities)
        self._plans = Plans(self, host, self._note_idle)
        self._tools = OwnTools(self, lambda: self._turns.running, host.call_soon_threadsafe)
        for registry in options.registries:
            registry.watch(self._tools_changed)
        self._awaited: set[BoundedStream[SDKMessage]] = set()
        self._idle = anyio.Event()
        self._failure: AgentError | None = None
        self._closing = False
        self._killing = False
        self._closed = anyio.Event()

    @property
    def state(self) -> SessionState:
        """What the session does now."""
        if self._closing:
            return "closed"
        if self._failure is not None:
            return "disconnected"
        if (away := self._driver.away) is not None:
            return "starting" if self._turns.running is not None else away
        if len(self.requests):
            return "requires_action"
        return "idle" if self._turns.running is None else "running"

    @property
    def options_now(self) -> SessionOptions:
        """What it was opened with, with what was set since."""
        return self.options.model_copy(update=self._settings.chosen)

    @property
    def resumable(self) -> bool:
        """Whether the agent has stored the session."""
        return self._driver.resumable

    @property
    def closing(self) -> bool:
        """Whether its close has begun, or is done."""
        return self._closing

    @property
    def pending(self) -> Sequence[AgentRequest]:
        """Requests that wait for an answer, oldest first."""
        return () if self._closed.is_set() else tuple(self.requests)

    @property
    def queue(self) -> PromptQueue:
        """Prompts that wait for their turn; they can be edited, removed and moved."""
        return self._turns.queue

    @overload
    def query(self, prompt: Prompt, *, options: TurnOptions | None = None) -> Turn: ...
    @overload
    def query(
        self, prompt: Prompt, *, options: TurnOptions | None = None, output_type: type[T]
    ) -> Turn[TypedResult[T]]: ...
    @overload
    def query(self, prompt: Prompt, *, options: TurnOptions | None = None, output_type: Any) -> Turn[Any]: ...
    def query(self, prompt: Prompt, *, options: TurnOptions | None = None, output_type: Any = None) -> Turn[Any]:
        """Return a turn that sends the prompt when it is entered, awaited or first iterated."""
        self._require_open()
        asked = self._asked(options, output_type)
        buffer = self._buffer()
        record = PromptRecord(str(uuid4()), clean_prompt(prompt), *asked)
        return SessionTurn(self._turns, buffer, record, self._require_outside)

    async def send(
        self,
        prompt: Prompt,
        *,
        priority: Priority = "queue",
        uuid: str | None = None,
        options: TurnOptions | None = None,
    ) -> str:
        """Send a prompt without watching it, and return its uuid."""
        self._require_sendable(priority, uuid, options)
        asked = self._asked(options, None)
        record = PromptRecord(uuid or str(uuid4()), clean_prompt(prompt), *asked)
        self._turns.submit(record, steer=priority == "steer")
        await record.settled.wait()
        if record.refusal is not None:
            raise record.refusal
        return record.uuid

    def _require_sendable(self, priority: Priority, uuid: str | None, options: TurnOptions | None) -> None:
        """Refuse what `send` cannot take, whatever the prompt."""
        require_known("priority", priority, get_args(Priority), backend=self._driver.name)
        if priority == "steer" and options is not None:
            raise InvalidRequestError(
                'send(…, priority="steer", options=…): the turn that it joins runs already; send it without options, '
                "or let it wait for a turn of its own.",
                backend=self._driver.name,
                details={"option": "options"},
            )
        if uuid is not None:  # An agent could not tell it again.
            require_text("uuid", uuid, "leave it out, and it is made", backend=self._driver.name)

    def messages(self) -> MessageStream:
        """Return an iterator over every message of the session from now on."""
        self._host.require_here()
        buffer = self._buffer()
        if self._closing or self._closed.is_set():
            buffer.close()
        self._intake.listen(buffer)
        return buffer

    def _buffer(self) -> MessageBuffer:
        return MessageBuffer(self.session_id, guard=self._host.require_here, awaited=self._awaited)

    async def answer(self, request_id: str, answer: AgentAnswer) -> None:
        """Answer a pending request."""
        self._host.require_here()
        await self.requests.answer(request_id, answer)

    async def interrupt(self, *, cancel_queued: bool = True, now: bool = False) -> InterruptReceipt:
        """End the running turn, and return when it has ended."""
        self._host.require_here()
        self._plans.withdraw()
        steered = self._turns.steered
        cancelled = self._turns.cancel_queue() if cancel_queued else ()
        surviving = tuple(record.uuid for record in self._turns.queue)
        interrupted = await self._turns.interrupt(cancel_held=cancel_queued, patience=NOW_SECONDS if now else None)
        # Only now is it known which of them the model was shown.
        left_out = tuple(record.uuid for record in steered if record.given_up)
        goes_on = tuple(record.uuid for record in steered if not record.done.is_set() and not record.given_up)
        return InterruptReceipt(interrupted, (*left_out, *cancelled), (*goes_on, *surviving))

    async def set_model(self, model: str | None) -> None:
        """Use this model from the next turn; None: the agent's default."""
        self._require_open()
        await self._settings.change("model", model)

    async def set_permission_mode(self, mode: PermissionMode | None) -> None:
        """Use this permission mode from the next turn; None: the agent's default."""
        self._require_open()
        await self._settings.change("permission_mode", mode)

    async def set_reasoning_effort(self, effort: ReasoningEffort | None) -> None:
        """Use this effort from the next turn; None: the agent's default."""
        self._require_open()
        await self._settings.change("reasoning_effort", effort)

    def fork(self, *, at: str | None = None, options: SessionOptions | None = None) -> SessionOpening[Self]:
        """Open a copy of this session that goes its own way, when this is awaited or entered with ``async with``."""
        self._require_open()
        if not self.backend.capabilities.fork:
            return super().fork(at=at, options=options)
        return SessionOpening(partial(self._fork, at, options), name="session.fork()")

    async def _fork(self, at: str | None, options: SessionOptions | None) -> Self:
        self._require_open()
        changed = options or self.options_now.model_copy(update={"session_id": None})
        place = None if at is None else self._intake.place_of(at)
        source = {"resume": self.resolved_session_id, "fork": True, "fork_at": place}
        return cast("Self", await self.backend.create_session(changed.model_copy(update=source)))

    @property
    def goal(self) -> Goal | None:
        """The goal that the agent pursues or pursued last."""
        return self._intake.goal

    async def set_goal(self, objective: str, *, token_budget: int | None = None) -> SessionGoalRun:
        """Have the agent pursue a goal by itself, turn after turn, and return these turns as one."""
        self._require_open()
        if not self.backend.capabilities.goals:
            raise self._unsupported("pursue a goal")
        if not objective.strip():
            raise InvalidRequestError("The objective of a goal is not blank.", backend=self._driver.name)
        if token_budget is not None and token_budget < 1:
            raise InvalidRequestError(f"A goal may take at least one token, not {token_budget}.")
        stream = self.messages()
        await self._driver.set_goal(objective, token_budget)
        return SessionGoalRun(stream, Goal(objective, token_budget=token_budget), self._give_goal_up)

    async def clear_goal(self) -> None:
        """Take the goal away; the turn that runs goes on."""
        self._require_open()
        if not self.backend.capabilities.goals:
            raise self._unsupported("pursue a goal")
        await self._driver.clear_goal()

    async def _give_goal_up(self) -> None:
        try:
            await self.clear_goal()
            await self.interrupt(cancel_queued=False)
        except AgentError as error:
            _log.debug("giving a goal up: %s", error)

    async def wait_idle(self) -> None:
        """Return when no turn runs, none is queued, and no background work goes on."""
        while self._busy and not self._closing:
            self._host.require_here()
            await wait_outside(self._idle, self._require_outside)

    async def compact(self) -> None:
        """Replace the conversation so far by a summary, and return when that is done."""
        self._require_open()
        self.hooks.compaction = None
        await self._host.call(self._turns.compact)
        if self.hooks.compaction is not None:
            raise PolicyDeniedError(self.hooks.compaction, backend=self._driver.name, details={"hook": "pre_compact"})

    async def history(self, *, limit: int | None = None, cursor: str | None = None) -> HistoryPage:
        """Return stored messages of this session, oldest first.

        Raises:
            SessionClosedError: The backend is closed.
        """
        self._host.require_here()
        if self._host.ended:  # Some agents' files could be read all the same.
            raise SessionClosedError("The backend is closed; create a new one.", backend=self._driver.name)
        require_limit(limit, backend=self._driver.name)
        return await self._driver.history(limit=limit, cursor=cursor)

    async def usage(self) -> SessionUsage:
        """Return what the session used so far."""
        self._host.require_here()
        used = self._driver.usage()
        agents = self.recorder.agents.by_agent()
        return replace(used, by_agent={**used.by_agent, **agents}) if agents else used

    async def aclose(self) -> None:
        """Close gracefully: the running turn is interrupted, pending requests are denied. Never raises."""
        await self._end(self._close)

    async def kill(self) -> None:
        """Close at once, this session only; overtakes a graceful close."""
        await self._end(self._kill, overtakes=True)

    def drop_prompt(self, uuid: str) -> None:
        """Note that the agent let go of a prompt that it held: no result of the agent's will list it."""
        self._turns.dropped(uuid)

    def withdraw(self) -> None:
        """Note that the agent asks nothing any more."""
        self.requests.withdraw()

    async def run_tool(self, call: OwnCall, *, asks: bool) -> ToolResult | None:
        """Run a tool of the application for the running turn; None when the turn ended first and cut it off."""
        return await self._tools.run(call, asks=asks)

    def _policed(self, options: SessionOptions, meter: Meter | None) -> Police | None:
        """Return what holds the policy against what the agent does."""
        return Police.of(options, meter)

    def note_mode(self, mode: PermissionMode) -> None:
        """Note that an answer has changed the permission mode, at once."""
        self._settings.note("permission_mode", mode)

    def need_police(self) -> Police:
        """Return what holds rules against what the agent does, made if there is none."""
        if self.police is None:
            from agent_sdk_core.policy.guard import PolicyGuard

            self.police = Police(PolicyGuard(), self.options)
        return self.police

    def _tools_changed(self) -> None:
        """Have the agent told of other tools, from whichever thread they were changed."""
        self._host.call_soon_threadsafe(self._tell_tools)

    def _tell_tools(self) -> None:
        if not self._closing and self._host.running:
            self._host.start_soon(self._drive_tools)

    async def _drive_tools(self) -> None:
        told = True
        try:
            for registry in self.options.registries:
                told = await self._driver.tools_changed(registry) and told
        except AgentError as error:
            _log.warning("the agent could not be told that the tools changed: %s", error)
        if not told:
            name = self._driver.name
            _log.warning("%s keeps the tools that a session was started with; a new session has those of now", name)

    async def ask(self, ask: Ask[AgentRequest]) -> Json:
        """Put a request to whoever answers it, and return the answer as the agent takes it; see `Ask`."""
        return await put(ask, self)

    def propose_plan(self, request: PermissionRequest) -> None:
        """Ask whether a plan is carried out with which a turn has ended; nobody is asked when a prompt waits.

        Args:
            request: What is asked; its options are those of `plan_offers`, its source has an id of its own.
        """
        if not self._turns.busy and not self._closing and self._host.running:
            self._plans.propose(request)

    def deliver(self, batch: Iterable[SDKMessage]) -> None:
        """Take messages in the agent's order and hand them on; never waits."""
        self._intake.deliver(self._tools.completed(batch))

    def cut_off(self, error: AgentError) -> None:
        """Note that the agent is gone for now: its turn ends, and open requests are withdrawn.

        What waits is sent once the agent is there again. A session that cannot go on then is lost for good.
        """
        if not self._driver.lasts:
            gone = copy.copy(error)
            gone.message = f"{error.message} The session ends with it, for it was not stored."
            gone.args = (gone.message,)
            self.disconnected(gone)
        elif self._failure is None and not self._closed.is_set():
            self.requests.withdraw()
            said = f"{error.message} The session goes on with its next prompt."
            ending = lost_ending(error, said, goes_on=True)
            self._turns.cut_off(ending)
            self._intake.end_all(ending)
            self._lose_goal()

    def disconnected(self, error: AgentError) -> None:
        """Note that the agent is gone for good: turn and queued prompts end, and open requests are withdrawn."""
        if self._failure is not None or self._closed.is_set():
            return
        self._failure = error
        try:
            self.requests.withdraw()
        finally:  # Who waits in a loop that was closed cannot be woken, which asyncio tells by raising.
            self._stop(lost_ending(error, error.message, goes_on=False))
            self._lose_goal()
        if self._host.running and not self._closing:
            self._host.start_soon(self.hooks.end, "lost")

    def lost(self, error: AgentError) -> None:
        """Note that the backend has ended without a close: as `disconnected`, and nothing comes any more."""
        try:
            self.disconnected(error)
        finally:
            self._release()

    def _lose_goal(self) -> None:
        """Tell who watches a goal that nobody pursues it any more."""
        goal = self._intake.goal
        if goal is not None and goal.status == ACTIVE:
            source = Source(self._driver.name, thread_id=self.resolved_session_id, synthetic=True)
            fields = {"session_id": self.resolved_session_id, "objective": goal.objective, "status": "lost"}
            self.deliver((GoalChanged.synthesize(source, **fields),))

    def _publish(self, result: ResultMessage) -> None:
        self._intake.tell((result,))

    def _asked(self, options: TurnOptions | None, output_type: Any) -> tuple[TurnOptions | None, OutputType | None]:
        if options is None and output_type is None:
            return None, None
        from agent_sdk_core.runtime.turns.asked_options import asked_options

        backend, answers = self.backend, self._driver.answers
        return asked_options(
            options, output_type, backend=backend.type, capabilities=backend.capabilities, answers=answers
        )

    async def _end(self, body: Callable[[], Awaitable[None]], *, overtakes: bool = False) -> None:
        """Run a way of closing in the host, so that a callback may close its own session."""
        if not self._closed.is_set():
            self._host.require_here()
        with anyio.CancelScope(shield=True):
            if not self._closing or (overtakes and not self._killing and not self._closed.is_set()):
                self._closing = True
                self._killing = overtakes
                if self._host.running:
                    self._host.start_soon(self._finalize, body, context=Context())
                else:
                    self._release()
            await self._closed.wait()

    async def _finalize(self, body: Callable[[], Awaitable[None]]) -> None:
        try:
            await body()
            await self.hooks.end("killed" if self._killing else "closed", cwd=self.info.cwd)
        finally:
            self._release()

    async def _close(self) -> None:
        self._turns.wind_down()
        self.requests.refuse_all()
        confirmed = self._failure is not None or await self._turns.end_for_close()
        if confirmed:
            self.requests.release()
            for _ in range(2):  # Written here, lest an agent that ends at the goodbye never reads them.
                await anyio.lowlevel.checkpoint()
        if self._failure is None:
            await (self._driver.close() if confirmed else self._driver.kill())

    async def _kill(self) -> None:
        self._turns.wind_down()  # Else what waits would begin as the turn before it ends.
        self.requests.refuse_all()
        if self._failure is None:
            await self._driver.kill()

    def _release(self) -> None:
        """End every consumer and let the backend forget the session."""
        if self._closed.is_set():
            return
        self._closed.set()
        self.requests.refuse_all()
        self.requests.release()
        self._stop(Ending(SessionClosedError.default_code, "The session was closed.", "aborted_streaming"))
        self._intake.close()
        self.recorder.close()
        for told in self.when_closed:
            told()

    def _stop(self, ending: Ending) -> None:
        self._turns.stop(ending)
        self._intake.end_all(ending)

    def _require_open(self) -> None:
        if self._closing:
            raise SessionClosedError("The session is closed; open another one, or resume this one by its id.")
        self._host.require_here()
        if self._failure is not None:
            raise copy.copy(self._failure)

    def _require_outside(self) -> None:
        """Refuse to wait for a turn in code that the running turn itself waits for: neither would ever end."""
        if self._turns.running is None or not awaited_here() or correlation().get("session") != self.session_id:
            return
        raise InvalidRequestError(
            "A callback, hook or tool cannot wait for a turn of its own session: the one that runs waits for it to "
            "return. Let session.send() queue the prompt, start a task of your own, or use another session.",
            backend=self._driver.name,
        )

    @property
    def _busy(self) -> bool:
        return self._turns.busy or bool(self._intake.background) or self._plans.waiting

    def _turn_changed(self) -> None:
        self._note_idle()
        running = self._turns.running
        if running is not None:
            self._plans.withdraw()
        self._settings.give_back(running)
        between = running is None or (running.waits and running.native_id is None)
        usable = not self._closing and self._host.running and self._driver.away is None
        if self._settings.held and between and usable:
            self._host.start_soon(self._settings.settle_idle)

    def use(self) -> None:
        """Note that the session is used: the time after which it is parked begins anew."""
        if self._parking is not None and not self._closing:
            self._parking.note()

    def _may_park(self) -> bool:
        usable = not self._closing and self._failure is None and self._driver.away is None
        return usable and not self._busy and not len(self.requests) and self._driver.lasts

    def _warn(self, sentence: str) -> None:
        running = self._turns.running
        turn_id = None if running is None else running.native_id
        source = Source(self._driver.name, thread_id=self.resolved_session_id, turn_id=turn_id, synthetic=True)
        _log.warning("%s", sentence)
        fields = {"session_id": self.session_id, "content": sentence, "level": "warning"}
        self._intake.inform(Informational.synthesize(source, **fields))

    def _note_idle(self) -> None:
        if not self._busy or self._closing:
            self.use()
            self._idle.set()
            self._idle = anyio.Event()
