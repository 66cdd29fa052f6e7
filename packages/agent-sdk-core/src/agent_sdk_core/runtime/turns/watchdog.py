"""The watchdog of a running turn: it ends one that takes too long, cannot reach its model, or shows no sign of life."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Final

import anyio

from agent_sdk_core.messages.conversation import AssistantMessage, StreamEvent
from agent_sdk_core.messages.parse import SDKMessage
from agent_sdk_core.messages.result import failure_by_status
from agent_sdk_core.messages.system import ApiRetry
from agent_sdk_core.options import SessionOptions
from agent_sdk_core.runtime.beginning import start_in
from agent_sdk_core.runtime.turns.records import Ending, RunningTurn

_FAR: Final = 3600.0

clock = time.monotonic


class Watchdog:
    """Watches the turns of one session, one after the other.

    Args:
        options: Whose `turn_timeout`, `retry_timeout` and `stall_timeout` hold.
        waits_for_us: Tells whether the agent waits for somebody on our side, so that it need not show any life.
        warn: Takes a sentence for who watches the session.
        cut: Ends the running turn with this.
    """

    def __init__(
        self,
        options: SessionOptions,
        *,
        waits_for_us: Callable[[], bool],
        warn: Callable[[str], object],
        cut: Callable[[Ending], object],
    ) -> None:
        self._options = options
        self._waits_for_us = waits_for_us
        self._warn = warn
        self._cut = cut
        self._retry: ApiRetry | None = None
        self._since = 0.0
        self._sign = 0.0
        self._warned = False
        self._changed = anyio.Event()

    def take(self, batch: Iterable[SDKMessage]) -> None:
        """Take in what the agent sent: each message is a sign of life, and what the model says ends its retries."""
        self._sign, self._warned = clock(), False
        if self._retry is not None and any(isinstance(message, AssistantMessage | StreamEvent) for message in batch):
            self._retry = None

    def take_retry(self, message: ApiRetry) -> None:
        """Take in that a request to the model failed and is tried again."""
        self._since = clock() if self._retry is None else self._since
        self._retry = message
        self._changed.set()

    async def watch(self, turn: RunningTurn) -> None:
        """Watch a turn until it has ended, or is being ended."""
        began = self._sign = clock()
        self._retry, self._warned = None, False
        while not turn.ended.is_set() and turn.limit is None:
            deadline = self._look(began, clock())
            self._changed = anyio.Event()
            with anyio.move_on_after(max(0.0, deadline - clock())):
                async with anyio.create_task_group() as tasks:
                    for event in (self._changed, turn.ended.event):
                        start_in(tasks, _wake, event, tasks.cancel_scope)

    def _look(self, began: float, now: float) -> float:
        """Do what is due, and return when to look again."""
        options, times = self._options, [now + _FAR]
        if (most := options.turn_timeout) is not None:
            if now >= began + most:
                self._cut(_too_long(most))
            times.append(began + most)
        if (most := options.retry_timeout) is not None and self._retry is not None:
            if now >= self._since + most:
                self._cut(_unreachable(most, self._retry))
            times.append(self._since + most)
        if (most := options.stall_timeout) is not None:
            if self._waits_for_us():
                self._sign, self._warned = now, False
            if now >= self._sign + most * (1 + self._warned):
                if self._warned:
                    self._cut(_stalled(2 * most))
                else:
                    self._warned = True
                    self._warn(f"The agent has shown no sign of life for {most:g} s.")
            times.append(self._sign + most * (1 + self._warned))
        return min(times)


async def _wake(event: anyio.Event, scope: anyio.CancelScope) -> None:
    await event.wait()
    scope.cancel()


def _too_long(most: float) -> Ending:
    fields = {
        "subtype": "error_turn_timeout",
        "error_details": {"limit": "turn_timeout", "most": most},
        "retryable": False,
    }
    message = f"The turn took longer than {most:g} s, its limit (turn_timeout)."
    return Ending("limit_reached", message, "turn_timeout", fields, "turn_timeout")


def _unreachable(most: float, retry: ApiRetry) -> Ending:
    failure = failure_by_status(retry.error_status)
    reason = getattr(retry, "message", None) or retry.error
    said = f" ({reason.rstrip('.')})" if isinstance(reason, str) and reason else ""
    message = (
        f"The model could not be reached for {most:g} s{said}: look whether there is a network, and whether somebody "
        "is logged in. SessionOptions.retry_timeout gives a turn more time."
    )
    code = "connection_failed" if failure is None else failure.code
    fields = {"retryable": True, "error_details": {"limit": "retry_timeout", "most": most}}
    return Ending(code, message, "api_error", fields, "retry_timeout")


def _stalled(seconds: float) -> Ending:
    message = f"The agent has shown no sign of life for {seconds:g} s, and its turn was ended (stall_timeout)."
    fields = {"retryable": True, "error_details": {"limit": "stall_timeout", "most": seconds}}
    return Ending("turn_stalled", message, "api_error", fields, "stall_timeout")
