"""One prompt from sending to result: shows every message, obeys Ctrl-C and the signals that end a process."""

from __future__ import annotations

import signal
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import dataclass
from typing import Final

import anyio
from anyio.abc import TaskStatus

from agent_chat.exits import ENDING_SIGNALS, ExitCode
from agent_chat.terminal.screens import View
from agent_sdk_core.errors import AgentError, AuthenticationError
from agent_sdk_core.interfaces.backend import AgentBackend
from agent_sdk_core.interfaces.session import AgentSession
from agent_sdk_core.messages.conversation import AssistantMessage
from agent_sdk_core.messages.parse import SDKMessage
from agent_sdk_core.messages.result import ResultMessage
from agent_sdk_core.messages.system import RequestOpened, RequestResolved
from agent_sdk_core.options import SessionOptions
from agent_sdk_core.prompts import Prompt

_LAST_WORDS_SECONDS: Final = 0.5

_INTERRUPT_SECONDS: Final = 10.0
"""How long the agent has to end a turn whose time is over."""

Opening = Callable[[AgentBackend, SessionOptions], Awaitable[AgentSession]]
Stage = Callable[[], AbstractAsyncContextManager[tuple[AgentBackend, SessionOptions]]]


@dataclass(frozen=True, slots=True)
class Ended:
    """How a conversation ended.

    Attributes:
        exit_code: What the process should exit with.
        result: The turn's result; None when it was quit before.
        resume: Id of the session to resume; None when the agent did not store it.
        denials: How many of the agent's requests were denied.
    """

    exit_code: int
    result: ResultMessage | None = None
    resume: str | None = None
    denials: int = 0


class Conversation:
    """Runs one prompt on a stage of its own.

    Args:
        stage: Makes the started backend and the options of the session, and takes them down again.
        view: Where messages are shown.
        timeout: Seconds after which the turn is interrupted, the start of the agent included; None: any number.
        opening: Opens the session.
    """

    def __init__(
        self, stage: Stage, view: View, *, timeout: float | None = None, opening: Opening | None = None
    ) -> None:
        self._stage = stage
        self._view = view
        self._timeout = timeout
        self._opening = opening or _opened
        self._denied: set[str] = set()
        self._plan: str | None = None
        self._late = self._over = False
        self._scope: anyio.CancelScope | None = None
        self._session: AgentSession | None = None
        self._interrupting = False
        self._resume: str | None = None
        self._quit: ExitCode | None = None

    async def run(self, prompt: Prompt) -> Ended:
        """Run the prompt, and leave no process behind whatever happens.

        Raises:
            AgentError: The agent could not be started, or it refused.
            BrokenPipeError: Nobody reads the view's output any more.
        """
        result: ResultMessage | None = None
        failure: Exception | None = None
        # Signals are heard until the agent is closed: an impatient Ctrl-C must not cut that short.
        async with anyio.create_task_group() as host:
            with anyio.CancelScope() as self._scope:
                await host.start(self._listen)
                host.start_soon(self._animate)
                if self._timeout is not None:
                    host.start_soon(self._watch, self._timeout)
                try:
                    result = await self._converse(prompt)
                except Exception as error:  # raised again below, outside the group
                    failure = error
                self._view.close()
                try:
                    await self._view.drain()
                except OSError as error:
                    failure = failure or error
            self._view.close()
            if self._quit is not None:
                await self._drain_soon()
            host.cancel_scope.cancel()
        denials = len(self._denied)
        if self._quit is not None:
            return Ended(self._quit, result, self._resume, denials)
        if failure is not None:
            raise failure
        return Ended(ExitCode.TIMED_OUT if self._late else _exit_code(result), result, self._resume, denials)

    async def _converse(self, prompt: Prompt) -> ResultMessage | None:
        async with self._stage() as (backend, options), await self._opening(backend, options) as session:
            try:
                return await self._turn(session, prompt)
            finally:
                self._resume = session.resolved_session_id if session.resumable else None

    async def _drain_soon(self) -> None:
        """Let what is on its way be written, but wait for no reader that does not read."""
        with suppress(OSError), anyio.move_on_after(_LAST_WORDS_SECONDS, shield=True):
            await self._view.drain()

    async def _animate(self) -> None:
        try:
            await self._view.animate()
        except OSError:
            self._leave(ExitCode.BROKEN_PIPE)

    async def _turn(self, session: AgentSession, prompt: Prompt) -> ResultMessage | None:
        turn = session.query(prompt)
        self._session = session
        try:
            async for message in turn:
                self._note(message)
                self._view.show(message)
            return (await self._go_on(session) if self._plan is not None else None) or turn.result
        finally:
            self._session = None
            self._over = True

    async def _go_on(self, session: AgentSession) -> ResultMessage | None:
        """Show the turns that follow a plan, which some agents end their turn with; return the last result."""
        result: ResultMessage | None = None
        messages = session.messages()

        async def until_idle(over: anyio.CancelScope) -> None:
            await session.wait_idle()
            over.cancel()

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(until_idle, tasks.cancel_scope)
            async for message in messages:
                self._note(message)
                self._view.show(message)
                result = message if isinstance(message, ResultMessage) else result
        return result

    def _note(self, message: SDKMessage) -> None:
        """Note what was denied, and a plan that nobody was asked about yet."""
        match message:
            case AssistantMessage():
                self._plan = next((use.id for use in message.tool_uses if use.name == "ExitPlanMode"), self._plan)
            case RequestOpened() if message.request.get("tool_use_id") == self._plan:
                self._plan = None
            case RequestResolved(kind="permission", outcome="denied"):
                self._denied.add(message.request_id or "")
            case ResultMessage():  # Those that nobody was asked about; what was asked may stand here once more.
                told = len(message.permission_denials or ())
                self._denied.update(f"denial {number}" for number in range(len(self._denied), told))
            case _:
                pass

    async def _watch(self, seconds: float) -> None:
        """Interrupt a turn whose time is over, and quit when that does not end it soon."""
        await anyio.sleep(seconds)
        if self._over:
            return
        self._late = True
        self._view.notice(f"interrupting: {seconds:g} s are over", "warning")
        with anyio.move_on_after(_INTERRUPT_SECONDS):
            if self._session is not None:
                await self._interrupt(self._session)
                await anyio.sleep_forever()  # Until the turn's end ends the conversation.
        self._leave(ExitCode.TIMED_OUT)

    async def _listen(self, *, task_status: TaskStatus[None]) -> None:
        with anyio.open_signal_receiver(signal.SIGINT, *ENDING_SIGNALS) as signals:
            task_status.started()
            async with anyio.create_task_group() as interrupts:
                async for received in signals:
                    if (code := ENDING_SIGNALS.get(received)) is not None:
                        self._leave(code)
                    elif self._session is None or self._interrupting:
                        self._view.notice("quitting…")
                        self._leave(ExitCode.INTERRUPTED)
                    else:
                        self._interrupting = True
                        self._view.notice("interrupting… press Ctrl-C again to quit")
                        interrupts.start_soon(self._interrupt, self._session)

    async def _interrupt(self, session: AgentSession) -> None:
        with suppress(AgentError):
            await session.interrupt()

    def _leave(self, code: ExitCode) -> None:
        if self._quit is None:
            self._quit = code
            self._view.close()
            if self._scope is not None:
                self._scope.cancel()


def _exit_code(result: ResultMessage | None) -> ExitCode:
    if result is None:
        return ExitCode.ERROR
    match result.outcome:
        case "completed":
            return ExitCode.OK
        case "interrupted" | "cancelled":
            return ExitCode.INTERRUPTED
        case "failed" | "limit":
            return ExitCode.NOT_LOGGED_IN if isinstance(result.error, AuthenticationError) else ExitCode.ERROR


async def _opened(backend: AgentBackend, options: SessionOptions) -> AgentSession:
    return await backend.create_session(options)
