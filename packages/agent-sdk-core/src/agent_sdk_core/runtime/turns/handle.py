"""The handle of one prompt: sends it when entered or first iterated, and yields what comes of it up to its result."""

from __future__ import annotations

import logging
from collections.abc import Callable
from types import CoroutineType, TracebackType
from typing import Any, Final, Self

import anyio

from agent_sdk_core.errors import AgentError, InvalidRequestError, SessionClosedError
from agent_sdk_core.interfaces.turn import Turn
from agent_sdk_core.interfaces.unused import place_of_caller, warn_unused
from agent_sdk_core.messages.parse import SDKMessage
from agent_sdk_core.messages.result import ResultMessage
from agent_sdk_core.runtime.asking.user_code import wait_outside
from agent_sdk_core.runtime.buffer import MessageBuffer
from agent_sdk_core.runtime.turns.records import PromptRecord
from agent_sdk_core.runtime.turns.runner import Turns

_log = logging.getLogger(__name__)

_UNSENT: Final = "A turn was never sent."
_ADVICE: Final = "Await it, iterate over it, or enter it: `result = await session.query(…)`."


class SessionTurn(Turn):
    """A turn of a `BaseSession`. Its buffer lives as long as the handle; its prompt holds it weakly.

    Args:
        turns: Those of its session.
        buffer: Takes its messages.
        record: Its prompt.
        may_wait: Raises where the caller would wait for itself.
    """

    def __init__(self, turns: Turns, buffer: MessageBuffer, record: PromptRecord, may_wait: Callable[[], None]) -> None:
        self._turns = turns
        self._may_wait = may_wait
        self._buffer = buffer
        self._prepared = record
        self._record: PromptRecord | None = None
        self._uuid = record.uuid
        self._tried = False
        self._place = place_of_caller()

    def __del__(self) -> None:
        """Say that nobody sent it; may run in any thread."""
        if not getattr(self, "_tried", True):
            warn_unused(_UNSENT, _ADVICE, self._place, self)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._uuid} {self._state}>"

    @property
    def _state(self) -> str:
        record = self._record
        if record is None:
            return "unsent" if not self._tried else "refused"
        if record.refusal is not None:
            return "refused"
        if record.result is not None:
            return record.result.outcome
        return "running" if self._turns.runs(record) else "queued"

    @property
    def uuid(self) -> str:
        """The prompt's uuid."""
        return self._uuid

    @property
    def result(self) -> ResultMessage | None:
        """The result, once it has arrived."""
        return self._record.result if self._record else None

    @property
    def text(self) -> str:
        """Text of the answer: the result's, else what the assistant said last."""
        if self._record is None:
            return ""
        if self._record.result is not None and self._record.result.result is not None:
            return self._record.result.result
        return self._record.text

    async def wait(self) -> ResultMessage:
        """Send if not yet sent, and return the result."""
        record = await self._send()
        if not record.done.is_set():
            self._turns.require_here()
            try:
                await wait_outside(record.done, self._may_wait)
            except InvalidRequestError:  # It would else run all the same, behind the back of who was refused it.
                await self._turns.cancel(record)
                raise
        return _result_of(record)

    async def interrupt(self) -> None:
        """End the turn early; when the prompt still waits in the queue, take it out."""
        if self._record is not None:
            self._turns.require_here()
            await self._turns.cancel(self._record)

    def __aiter__(self) -> Self:
        return self

    def __anext__(self) -> CoroutineType[Any, Any, SDKMessage]:
        record = self._record
        if record is not None and record.refusal is None and record.settled.is_set():
            return self._buffer.__anext__()  # Hot: a coroutine of our own would cost as much as the message.
        return self._first()

    async def _first(self) -> SDKMessage:
        await self._send()
        return await self._buffer.__anext__()

    async def __aenter__(self) -> Self:
        try:
            await self._send()
        except BaseException:
            # Cancelled between sending and acceptance: nobody will leave this block, so it is left here.
            await self.__aexit__(None, None, None)
            raise
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        """Interrupt what still runs and wait for its result; bounded, and never hides the caller's exception."""
        record = self._record
        if record is None or record.done.is_set():
            return
        with anyio.CancelScope(shield=True):
            try:
                await self._turns.cancel(record)
            except AgentError as error:
                _log.warning("the turn could not be interrupted: %s", error)

    async def _send(self) -> PromptRecord:
        if self._record is None:
            self._tried = True
            self._may_wait()
            self._turns.submit(self._prepared, watcher=self._buffer)
            self._record = self._prepared
        record = self._record
        if not record.settled.is_set():
            self._turns.require_here()
            await wait_outside(record.settled, self._may_wait)
        if record.refusal is not None:
            raise record.refusal
        return record


def _result_of(record: PromptRecord) -> ResultMessage:
    if record.result is None:
        raise record.refusal or SessionClosedError("The session was closed before the prompt had a result.")
    return record.result
