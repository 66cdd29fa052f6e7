"""The hold on a server: by the program that started it, or by one that took it over. Nobody holds it: it ends."""

from __future__ import annotations

import asyncio
import json
import os
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Final, cast

from agent_chat.web.access import Access

MAX_LINE: Final = 64 * 2**10
"""Bytes of a line that a holder sends."""

MAX_LINGER: Final = 60.0
"""Seconds for which a server may be asked to wait for another holder."""

MAX_ORIGINS: Final = 64

_EXPECTED: Final = f'A holder says {{"origins": ["scheme://host"]}}, or {{"linger": SECONDS}}, up to {MAX_LINGER:g}.'


class Hold:
    """Who holds a server, and what a holder says.

    A holder sends objects: `{"origins": […]}` lets pages of these origins use the API with a token, `{"linger": 15}`
    has the server wait that many seconds for another holder, once this one is gone, if a turn runs or something waits.

    Args:
        access: Admits origins.
        busy: Whether a turn runs or something waits for an answer.
    """

    def __init__(self, access: Access, busy: Callable[[], bool]) -> None:
        self._access = access
        self._busy = busy
        self._linger = 0.0
        self._holders = 0
        self._changed = asyncio.Event()

    @property
    def is_held(self) -> bool:
        """Whether somebody holds the server."""
        return self._holders > 0

    def grip(self) -> None:
        """Hold the server; what the holder before wanted when it goes is forgotten."""
        self._holders += 1
        self._linger = 0.0
        self._changed.set()

    def release(self) -> None:
        """Let the server go."""
        self._holders -= 1
        self._changed.set()

    def take(self, line: bytes | str) -> dict[str, Any]:
        """Do what a holder says, and return the answer to it."""
        try:
            told: Any = json.loads(line) if len(line) <= MAX_LINE else None
        except (ValueError, RecursionError):
            told = None
        match told:
            case {"origins": [*origins]} if _are_origins(origins):
                self._access.admit(cast("list[str]", origins))
                return {"origins": origins}
            case {"linger": int() | float() as seconds} if 0 <= seconds <= MAX_LINGER:
                self._linger = float(seconds)
                return {"linger": seconds}
            case _:
                words = (
                    f'A holder says {{"origins": ["scheme://host"]}} or {{"linger": SECONDS}}, up to {MAX_LINGER:g}.'
                )
                return {"error": {"code": "invalid_request", "message": words}}

    async def until_let_go(self) -> None:
        """Return when nobody holds the server any more, and nobody has come for as long as it was to wait."""
        while True:
            while self.is_held:
                self._changed.clear()
                await self._changed.wait()
            if not self._linger or not self._busy():
                return
            self._changed.clear()
            try:
                await asyncio.wait_for(self._changed.wait(), self._linger)
            except TimeoutError:
                return


def hold_by_stdin(hold: Hold, answer: Callable[[Mapping[str, Any]], None], *, descriptor: int = 0) -> None:
    """Have whoever writes to this process's stdin hold the server, for as long as it is open.

    Args:
        hold: The hold.
        answer: Takes the answer to each line.
        descriptor: Read from.
    """
    loop = asyncio.get_running_loop()
    hold.grip()

    def taken(line: bytes) -> None:
        answer(hold.take(line))

    def read() -> None:
        # Not by `sys.stdin`: its lock, held by a thread that waits, would keep the interpreter from ending.
        kept = b""
        with suppress(RuntimeError):  # The loop is closed: the server has ended otherwise.
            with suppress(OSError):
                while chunk := os.read(descriptor, MAX_LINE):
                    *lines, kept = (kept + chunk).split(b"\n")
                    if len(kept) > MAX_LINE:
                        break
                    for line in filter(bytes.strip, lines):
                        loop.call_soon_threadsafe(taken, line)
            loop.call_soon_threadsafe(hold.release)

    threading.Thread(target=read, name="holder", daemon=True).start()


def _are_origins(origins: list[Any]) -> bool:
    """Whether these are origins of pages; "null" is every page that hides its own, so it is none."""
    return 0 < len(origins) <= MAX_ORIGINS and all(
        isinstance(each, str) and "://" in each and len(each) < 300 and each.isascii() and each.isprintable()
        for each in origins
    )
