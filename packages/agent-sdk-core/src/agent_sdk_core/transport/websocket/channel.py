"""Channel over a WebSocket: a message is a line, and the other side is gone when the connection is."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, cast

import anyio
from anyio import CancelScope
from anyio.lowlevel import checkpoint_if_cancelled

from agent_sdk_core.errors import ConnectionLostError, SessionClosedError
from agent_sdk_core.records import dataclass
from agent_sdk_core.redaction import redact
from agent_sdk_core.transport.websocket.address import WebSocketAddress
from agent_sdk_core.transport.websocket.opening import open_websocket
from agent_sdk_core.transport.websocket.stream import SocketStream

if TYPE_CHECKING:
    from websockets.client import ClientProtocol
    from websockets.frames import Frame

_FRAGMENT: Final = 1024 * 1024
"""Bytes that one frame of ours holds. Servers limit frames: codex's to 16 MiB (0.163)."""

_SILENCE: Final = 30.0
"""Seconds without a byte after which the other side is asked whether it is there, and again until it counts as gone.

Nothing else tells of a machine that was switched off, or a network that is no more.
"""

_NORMAL: Final = 1000
_OURS: Final = "was closed by us"
_LAST_DATA: Final = 2
"""Opcodes of data: a continuation, text, binary. Those of control are higher."""


@dataclass(frozen=True, slots=True)
class ConnectionEnd:
    """How a connection ended.

    Attributes:
        reason: What happened, as a clause after the name of the other side.
        code: The code that the other side closed it with, if it did.
    """

    reason: str
    code: int | None = None

    def __str__(self) -> str:
        return self.reason


class WebSocketChannel:
    """One connection; made by `open`, ended by `stop`.

    Attributes:
        name: What errors call the other side.
        pid: None: the other side is no process of ours.
    """

    pid: int | None = None

    def __init__(
        self,
        stream: SocketStream,
        protocol: ClientProtocol,
        early: Sequence[object] = (),
        *,
        name: str,
        silence: float | None = None,
    ) -> None:
        self.name = name
        self._stream = stream
        self._protocol = protocol
        self._early = early
        self._silence = silence
        self._asked = False
        self._writing = anyio.Lock(fast_acquire=True)
        self._exit: ConnectionEnd | None = None
        self._ended = anyio.Event()

    @classmethod
    async def open(
        cls,
        address: WebSocketAddress,
        *,
        name: str,
        seconds: float,
        token: str | None = None,
        ready: str | None = None,
        advice: str = "",
    ) -> WebSocketChannel:
        """Open a connection; see `open_websocket` for arguments and errors. Cancelled, it leaves none behind."""
        opened = await open_websocket(address, name=name, seconds=seconds, token=token, ready=ready, advice=advice)
        # A unix socket's other end is on this machine, whose system tells of its end.
        return cls(*opened, name=name, silence=_SILENCE if address.socket is None else None)

    @property
    def exit(self) -> ConnectionEnd | None:
        """How it ended; None while it is open."""
        return self._exit

    def exit_error(self) -> ConnectionLostError:
        """Return a new error that says how it ended, or that it was closed."""
        ended = self._exit
        code = None if ended is None else ended.code
        return ConnectionLostError(f"{self.name} {ended or 'no longer talks to us'}.", details={"close_code": code})

    async def wait(self) -> ConnectionEnd:
        """Wait for its end."""
        await self._ended.wait()
        return self._exit or ConnectionEnd("is gone")

    async def read(self) -> bytes:
        """Return the next bytes of messages, a newline after each; empty at the end. One reader at a time."""
        await checkpoint_if_cancelled()
        while self._exit is None:
            try:
                frames, self._early = self._early, ()
                data = b"" if frames else await self._receive()
                if data is None:
                    continue
                if data:
                    self._protocol.receive_data(data)
                elif not frames:
                    self._protocol.receive_eof()
                lines = _lines([*frames, *self._protocol.events_received()])
                self._answer()
            except OSError as error:
                self._end(_OURS if self._stream.closed else f"is gone: {error.strerror or error}")
                break
            if not self._is_open or not (data or frames):
                self._end(*self._told())
            if lines:
                return lines
        return b""

    async def write(self, data: bytes) -> None:
        """Send lines, each as one message; concurrent calls are sent one after the other, each whole.

        Cancelled, what was not sent goes ahead of the next call's, so that no message is ever torn.

        Raises:
            ConnectionLostError: The connection has ended.
            SessionClosedError: `close_input` has been called.
        """
        async with self._writing:
            try:
                self._require_open()
                await self._stream.send()
                for line in data.split(b"\n"):
                    if line:
                        self._require_open()
                        self._add(line)
                await self._stream.send()
            except OSError as error:
                self._require_open()
                self._end(f"is gone: {error.strerror or error}")
                raise self.exit_error() from error

    def close_input(self) -> None:
        """Close the connection, after what the system takes of it at once; idempotent."""
        if not self._stream.closed:
            self._goodbye()
            self._stream.close()

    async def stop(self, grace: float = 1.0, term: float = 2.0) -> None:
        """Close the connection; never raises. The server goes on, with what runs there.

        Args:
            grace: Seconds for what waits to be sent.
            term: Without meaning here.
        """
        del term
        with CancelScope(shield=True):
            if not self._stream.closed and self._exit is None:
                with anyio.move_on_after(grace):
                    async with self._writing:
                        self._goodbye()
                        with contextlib.suppress(OSError):
                            await self._stream.send()
        self.kill_now()

    def kill_now(self) -> None:
        """Close the connection without an event loop."""
        self._stream.close()
        self._end(_OURS)

    @property
    def _is_open(self) -> bool:
        return self._protocol.state.name == "OPEN"

    async def _receive(self) -> bytes | None:
        """Return the next bytes, none at the end; None after a silence that is not yet too long."""
        if self._silence is None:
            return await self._stream.receive()
        with anyio.move_on_after(self._silence):
            data = await self._stream.receive()
            self._asked = False
            return data
        if self._asked:
            raise TimeoutError(None, f"it answered nothing within {self._silence:g} s")
        self._asked = True
        self._protocol.send_ping(b"")
        self._answer()
        return None

    def _answer(self) -> None:
        """Send what the protocol wants to be said without being asked, or leave it to who sends next."""
        for data in self._protocol.data_to_send():
            self._stream.add(data)
        if not self._writing.locked():
            self._stream.try_to_send()

    def _add(self, line: bytes) -> None:
        protocol = self._protocol
        if len(line) <= _FRAGMENT:
            protocol.send_text(line)
        else:
            protocol.send_text(line[:_FRAGMENT], fin=False)
            for start in range(_FRAGMENT, len(line), _FRAGMENT):
                end = start + _FRAGMENT
                protocol.send_continuation(line[start:end], fin=end >= len(line))
        for data in protocol.data_to_send():
            self._stream.add(data)

    def _goodbye(self) -> None:
        with contextlib.suppress(OSError):
            if self._is_open:
                self._protocol.send_close(_NORMAL)
            for data in self._protocol.data_to_send():
                self._stream.add(data)
            self._stream.try_to_send()

    def _require_open(self) -> None:
        if self._exit is not None and self._exit.reason != _OURS:
            raise self.exit_error()
        if self._stream.closed:
            raise SessionClosedError(f"{self.name} takes no more input: the connection has been closed.")

    def _told(self) -> tuple[str, int | None]:
        """Return what is known of the end."""
        if self._stream.closed:
            return _OURS, None
        closed = self._protocol.close_rcvd
        if closed is not None:
            said = f": {redact(closed.reason)}" if closed.reason else ""
            return f"closed the connection with code {int(closed.code)}{said}", int(closed.code)
        if (wrong := self._protocol.parser_exc) is not None and not isinstance(wrong, EOFError):
            return f"sent what is no WebSocket message ({wrong})", None
        return "ended the connection", None

    def _end(self, reason: str, code: int | None = None) -> None:
        if self._exit is None:
            self._exit = ConnectionEnd(reason, code)
            self._ended.set()


def _lines(frames: Sequence[object]) -> bytes:
    """Return messages as lines. A newline in one, which JSON has only between its values, becomes a space."""
    lines: list[bytes] = []
    for frame in cast("Sequence[Frame]", frames):
        if frame.opcode <= _LAST_DATA:
            lines.append(bytes(frame.data).replace(b"\n", b" "))
            if frame.fin:
                lines.append(b"\n")
    return b"".join(lines)
