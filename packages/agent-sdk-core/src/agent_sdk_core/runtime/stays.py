"""Stays: the sessions of a backend by their stored ids, from the call that opens one until it is closed.

A stored session is open once at a time. Who opens it again while the former one is on its way out waits for that: its
close has begun, or its opening goes on although nobody waits for it any more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import anyio

if TYPE_CHECKING:
    from agent_sdk_core.options import SessionOptions
    from agent_sdk_core.runtime.session import BaseSession

_LEAVING_SECONDS: Final = 10.0
"""As long as a close takes that has to kill its agent, and some; then the id is as busy as the agent says."""


class Stay:
    """One session, or the attempt to open it.

    Args:
        asked_for: The id that it is opened by, where its options name one.

    Attributes:
        session: The session, once it is open.
        given_up: Whether nobody waits for it any more, so that it is closed once it is open.
        gone: Set when it is closed, or was not opened.
    """

    def __init__(self, asked_for: str | None) -> None:
        self.session: BaseSession | None = None
        self.given_up = False
        self.gone = anyio.Event()
        self._asked_for = asked_for

    def leaves(self, session_id: str) -> bool:
        """Tell whether it is on its way out of this stored session."""
        if self.session is None:
            return self.given_up and self._asked_for == session_id
        return (self.given_up or self.session.closing) and self.session.resolved_session_id == session_id


class Stays:
    """The stays of a backend."""

    def __init__(self) -> None:
        self._stays: list[Stay] = []

    def begin(self, options: SessionOptions) -> Stay:
        """Return the stay of a session that is to be opened; to be ended once that is closed."""
        stay = Stay(_asked_for(options))
        self._stays.append(stay)
        return stay

    def end(self, stay: Stay) -> None:
        """Let others have the stored session; idempotent."""
        if not stay.gone.is_set():
            self._stays.remove(stay)
            stay.gone.set()

    async def left(self, options: SessionOptions) -> None:
        """Wait until what is on its way out of the session that is to be opened is gone; bounded."""
        session_id = _asked_for(options)
        if session_id is None:
            return
        with anyio.move_on_after(_LEAVING_SECONDS):
            while leaving := [stay for stay in self._stays if stay.leaves(session_id)]:
                await leaving[0].gone.wait()


def _asked_for(options: SessionOptions) -> str | None:
    return options.session_id or (None if options.fork else options.resume)
