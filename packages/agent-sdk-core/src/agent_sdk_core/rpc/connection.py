"""Connection of a peer to its channel: reads it, feeds the peer, and ends the conversation when the other side ends.

One task of the owner's runs it. It never waits for a consumer: the receiver is synchronous, and one batch is handed
over for each chunk that was read.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Final, cast

import anyio
from pydantic_core import from_json

from agent_sdk_core.errors import SessionClosedError
from agent_sdk_core.redaction import redact
from agent_sdk_core.rpc.correlation import Correlation
from agent_sdk_core.rpc.receiver import JsonObject
from agent_sdk_core.rpc.runs import RunFinder
from agent_sdk_core.transport.channel import Channel
from agent_sdk_core.transport.framing import DEFAULT_MAX_LINE, LineFramer, OversizedLine
from agent_sdk_core.wire.json_lines import BadLine, decode_line

_EXIT: Final = 1.0
"""Seconds that a process which closed its stdout has to end before it counts as gone."""


class LineConnection:
    """One channel and the peer that talks over it, a JSON value a line.

    Args:
        channel: The bytes; it stays the owner's, who closes it.
        peer: Takes what comes; lines beyond the limit are told to it too. Its receiver is told the rest: lines
            that are not JSON, the end of each chunk read, and the end of all.
        max_line: Bytes that one line may have.
    """

    def __init__(self, channel: Channel, peer: Correlation, *, max_line: int = DEFAULT_MAX_LINE) -> None:
        self._channel = channel
        self._peer = peer
        self._receiver = peer.receiver
        self._framer = LineFramer(max_line)
        self._finder = RunFinder()

    async def run(self) -> None:
        """Read until the other side ends; call it once, in a task of its own.

        The receiver is not told of an end when this is cancelled, or the owner has ended the conversation by `fail`.

        Raises:
            BaseException: Only the cancellation of its own task.
        """
        channel, feed, handle = self._channel, self._framer.feed, self._handle
        ended: object | None = None
        try:
            while chunk := await channel.read():
                handle(feed(chunk))
            handle(self._framer.finish())
            with anyio.move_on_after(_EXIT):
                ended = await channel.wait()
            error, given_up = channel.exit_error(), self._peer.failed
            self._peer.fail(error)
            # Wakes a write that waits for room in a pipe which nobody empties any more.
            channel.close_input()
            if not given_up:
                self._guard("on_exit", lambda: self._receiver.on_exit(ended, error))
        finally:
            self._peer.fail(SessionClosedError(f"The connection to {channel.name} has been closed."))

    def _handle(self, lines: list[bytes | OversizedLine]) -> None:
        if not lines:
            return
        values: list[object] = []
        finder, holes_of = self._finder, self._receiver.holes_of
        at, count = 0, len(lines)
        while at < count:
            if finder.stencil is not None and (run := finder.stencil.run(lines, at)) is not None:
                self._peer.receive(values)
                self._peer.receive_run(run)
                values.clear()
                at += len(run.lines)
                continue
            line = lines[at]
            at += 1
            try:
                value: object = from_json(line)  # pyright: ignore[reportArgumentType]  # an OversizedLine raises, and is rare
            except (ValueError, TypeError):
                value = self._handle_odd_line(line)
                if value is not None:
                    values.append(value)
                continue
            values.append(value)
            if type(value) is dict:
                try:
                    if (holes := holes_of(cast("JsonObject", value))) is not None:
                        finder.note(cast("bytes", line), cast("JsonObject", value), holes)
                except Exception:  # noqa: S110  # what is odd begins no run, and is told of when it is taken
                    pass
        self._peer.receive(values)
        self._guard("on_batch_end", self._receiver.on_batch_end)

    def _handle_odd_line(self, line: bytes | OversizedLine) -> object:
        """Return the value of a line that is only slightly wrong; report any other, and return None."""
        if isinstance(line, OversizedLine):
            self._peer.drop(line)
            return None
        value = decode_line(line)
        if not isinstance(value, BadLine):
            return value
        with contextlib.suppress(Exception):
            self._receiver.on_log_line(redact(value.text))
        return None

    def _guard(self, name: str, callback: Callable[[], None]) -> None:
        try:
            callback()
        except Exception as error:
            self._peer.report("callback_failed", f"{name} failed: {error!r}", error=error)
