"""The socket at which the program that Codex runs as a hook asks this process; one for all sessions of a backend."""

from __future__ import annotations

import json
import logging
import shutil
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

import anyio
import anyio.to_thread
from anyio.abc import Listener, SocketStream
from pydantic_core import from_json

from agent_sdk_core.errors import ProtocolError
from agent_sdk_core.runtime.host import Host
from agent_sdk_core.wire.reading import Json, as_record, filled_text
from codex_sdk.asking.hooks import Answer
from codex_sdk.hooks.relay import failed

_log = logging.getLogger(__name__)

_LONGEST: Final = 64 * 2**20
_LONGEST_PATH: Final = 100
"""Bytes that the path of a socket may have, with some to spare: 108 on Linux, 104 on macOS."""


class HookChannel:
    """Hears the hooks of all sessions, in a folder that only this user can open.

    Args:
        host: Runs it.
        answer: Answers one event.
    """

    def __init__(self, host: Host, answer: Callable[[Json], Awaitable[Answer]]) -> None:
        self._host = host
        self._answer = answer
        self._folder: Path | None = None
        self._listening: anyio.CancelScope | None = None
        self._lock = anyio.Lock()

    async def path(self) -> Path:
        """Return the socket's path; the folder is made with the first call."""
        async with self._lock:
            if self._folder is None:
                self._folder = await anyio.to_thread.run_sync(_folder)
            return self._folder / "s"

    async def listen(self) -> None:
        """Begin to listen; does nothing the second time."""
        path = await self.path()
        async with self._lock:
            if self._listening is None:
                listener = await anyio.create_unix_listener(path)
                self._listening = anyio.CancelScope()
                self._host.start_soon(self._serve, listener, self._listening)

    def stop(self) -> None:
        """Stop listening."""
        if self._listening is not None:
            self._listening.cancel()

    def remove(self) -> None:
        """Remove the folder; never raises."""
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    async def _serve(self, listener: Listener[SocketStream], scope: anyio.CancelScope) -> None:
        with scope:
            async with listener:
                await listener.serve(self._hear)

    async def _hear(self, stream: SocketStream) -> None:
        async with stream:
            try:
                answer = await self._answered(await _told(stream))
                await stream.send(json.dumps(answer).encode())
            except Exception as error:  # The program refuses by itself.
                _log.warning("a hook was not answered: %s", error)

    async def _answered(self, call: Json) -> Answer:
        try:
            return await self._answer(call)
        except Exception as error:
            _log.exception("a hook could not be answered, which refuses what it guards")
            return failed(filled_text(call.get("hook_event_name")) or "", str(error))


def _folder() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="agent-sdk-hooks-"))
    if len(str(folder).encode()) <= _LONGEST_PATH:
        return folder
    folder.rmdir()
    return Path(tempfile.mkdtemp(prefix="agent-sdk-hooks-", dir="/tmp"))  # made for us alone


async def _told(stream: SocketStream) -> Json:
    told = bytearray()
    async for chunk in stream:
        told += chunk
        if len(told) > _LONGEST:
            raise ProtocolError(f"A hook was told more than {_LONGEST} bytes.", backend="codex")
    return as_record(from_json(bytes(told))) or {}
