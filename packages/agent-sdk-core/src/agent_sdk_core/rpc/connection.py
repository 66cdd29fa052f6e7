"""A peer and its child process: reads its output, feeds the peer, and ends the conversation when the process ends.

One task of the owner's runs it. It never waits for a consumer: callbacks are synchronous, and one batch is handed over
for each chunk that was read.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Final, Generic, TypeVar

import anyio
from pydantic_core import from_json

from agent_sdk_core.errors import AgentError, SessionClosedError
from agent_sdk_core.redaction import redact
from agent_sdk_core.rpc.correlation import Correlation, Tap
from agent_sdk_core.rpc.messages import JsonObject, ProtocolIssue, ServerRequest
from agent_sdk_core.rpc.peer import Peer
from agent_sdk_core.transport.framing import DEFAULT_MAX_LINE, LineFramer, OversizedLine
from agent_sdk_core.transport.process import ChildProcess, ProcessExit
from agent_sdk_core.wire.json_lines import BadLine, decode_line

_EXIT: Final = 1.0
"""Seconds that a process which closed its stdout has to end before it counts as gone."""


P = TypeVar("P", bound=Correlation)


class LineConnection(Generic[P]):
    """One child process and the peer that talks to it, a JSON value a line.

    Args:
        process: The process; it stays the owner's, who stops it.
        peer: Takes what it says; lines beyond the limit are reported to it too.
        on_log_line: Called with each line of stdout that is not JSON.
        on_batch_end: Called once for each chunk read, after all its messages have been handled.
        on_exit: Called once, when nothing more will come, with how the process ended (None if it still runs but closed
            its stdout) and the error that pending requests got. Not called when `run` is cancelled.
        max_line: Bytes that one line may have.

    Attributes:
        peer: The peer.
        process: The process.
    """

    def __init__(
        self,
        process: ChildProcess,
        peer: P,
        *,
        on_log_line: Callable[[str], None] = lambda text: None,
        on_batch_end: Callable[[], None] = lambda: None,
        on_exit: Callable[[ProcessExit | None, AgentError], None] = lambda ended, error: None,
        max_line: int = DEFAULT_MAX_LINE,
    ) -> None:
        self.process = process
        self.peer = peer
        self._framer = LineFramer(max_line)
        self._on_log_line = on_log_line
        self._on_batch_end = on_batch_end
        self._on_exit = on_exit

    async def run(self) -> None:
        """Read until the process ends; call it once, in a task of its own.

        Raises:
            BaseException: Only the cancellation of its own task.
        """
        read, feed, handle = self.process.read, self._framer.feed, self._handle
        try:
            while chunk := await read():
                handle(feed(chunk))
            handle(self._framer.finish())
            with anyio.move_on_after(_EXIT):
                await self.process.wait()
            ended, error = self.process.exit, self.process.exit_error()
            self.peer.fail(error)
            # Wakes a write that waits for room in a pipe which nobody empties any more.
            self.process.close_stdin()
            self._guard("on_exit", lambda: self._on_exit(ended, error))
        finally:
            self.peer.fail(SessionClosedError(f"The connection to {self.process.name} has been closed."))

    def _handle(self, lines: list[bytes | OversizedLine]) -> None:
        if not lines:
            return
        values: list[object] = []
        add = values.append
        for line in lines:
            try:
                add(from_json(line))  # pyright: ignore[reportArgumentType]  # an OversizedLine raises, and is rare
            except (ValueError, TypeError):
                value = self._handle_odd_line(line)
                if value is not None:
                    add(value)
        self.peer.receive(values)
        self._guard("on_batch_end", self._on_batch_end)

    def _handle_odd_line(self, line: bytes | OversizedLine) -> object:
        """Return the value of a line that is only slightly wrong; report any other, and return None."""
        if isinstance(line, OversizedLine):
            head = redact(line.head.decode("utf-8", "replace"))
            self.peer.report("oversized_line", f"A line of {line.size} bytes exceeds the limit and was dropped.", head)
            return None
        value = decode_line(line)
        if not isinstance(value, BadLine):
            return value
        with contextlib.suppress(Exception):
            self._on_log_line(redact(value.text))
        return None

    def _guard(self, name: str, callback: Callable[[], None]) -> None:
        try:
            callback()
        except Exception as error:
            self.peer.report("callback_failed", f"{name} failed: {error!r}", error=error)


class RpcConnection(LineConnection[Peer]):
    """JSON-RPC with one child process; see `Peer` and `LineConnection` for the arguments."""

    def __init__(
        self,
        process: ChildProcess,
        *,
        on_notification: Callable[[str, JsonObject, JsonObject], None],
        on_request: Callable[[ServerRequest], None],
        on_protocol_error: Callable[[ProtocolIssue], None],
        on_log_line: Callable[[str], None] = lambda text: None,
        on_batch_end: Callable[[], None] = lambda: None,
        on_exit: Callable[[ProcessExit | None, AgentError], None] = lambda ended, error: None,
        tap: Tap | None = None,
        max_line: int = DEFAULT_MAX_LINE,
    ) -> None:
        peer = Peer(
            process.write,
            on_notification=on_notification,
            on_request=on_request,
            on_protocol_error=on_protocol_error,
            name=process.name,
            max_line=max_line,
            tap=tap,
        )
        super().__init__(
            process, peer, on_log_line=on_log_line, on_batch_end=on_batch_end, on_exit=on_exit, max_line=max_line
        )
