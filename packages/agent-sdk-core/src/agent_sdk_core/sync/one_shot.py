"""A turn with a session of its own, as synchronous code sees it."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING

from agent_sdk_core.factory import one_shot as async_face
from agent_sdk_core.interfaces import turn as async_turn
from agent_sdk_core.messages.parse import SDKMessage
from agent_sdk_core.messages.result import ResultMessage
from agent_sdk_core.names import BackendType
from agent_sdk_core.options import SessionOptions
from agent_sdk_core.prompts import Prompt
from agent_sdk_core.sync.backend import AgentBackend
from agent_sdk_core.sync.faces import in_loop
from agent_sdk_core.sync.portal import Portal
from agent_sdk_core.sync.turn import Turn

if TYPE_CHECKING:
    from agent_sdk_core.config.runtime import RuntimeConfig


class OneShotTurn(Turn):
    """One prompt in a new session.

    Everything is closed as soon as the result has been read, `with` is left, or waiting was interrupted. A loop that
    is left by `break` closes everything soon after the last reference to the turn is gone.
    """

    def __init__(self, inner: async_turn.Turn, portal: Portal, *, owned: bool) -> None:
        super().__init__(inner, portal)
        self._owned = owned

    def __del__(self) -> None:
        if getattr(self, "_owned", False):
            self._portal.end_soon()

    def wait(self) -> ResultMessage:
        """Run the prompt and return its result."""
        try:
            return super().wait()
        finally:
            self._end()

    def __next__(self) -> SDKMessage:
        try:
            return super().__next__()
        except BaseException:
            self._end()
            raise

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        try:
            super().__exit__(exc_type, exc, tb)
        finally:
            self._end()

    def _end(self) -> None:
        if self._owned:
            self._owned = False
            self._portal.end()


def query(
    prompt: Prompt,
    *,
    backend: AgentBackend | BackendType | None = None,
    options: SessionOptions | None = None,
    config: RuntimeConfig | None = None,
) -> Turn:
    """Return a turn that opens a session of its own for one prompt, and closes it with the turn.

    Args:
        prompt: The prompt.
        backend: A backend, or the name of one that is made for this turn and ends with it; absent: as configured.
        options: Options of the session; they beat what is configured.
        config: The configuration; absent: it is read, unless `backend` is a backend, which is used as it is.

    Raises:
        InvalidRequestError: No backend of this name is registered, or the configuration is wrong.
    """
    if isinstance(backend, AgentBackend):
        shared = backend
        inner = in_loop(
            shared.portal,
            lambda: async_face.query(prompt, backend=shared.inner, options=options, config=config),
        )
        return OneShotTurn(inner, shared.portal, owned=False)
    made: list[async_turn.Turn] = []

    async def leave() -> None:
        for turn in made:
            await turn.__aexit__(None, None, None)

    portal = Portal("the synchronous query", leave)
    try:
        made.append(in_loop(portal, lambda: async_face.query(prompt, backend=backend, options=options, config=config)))
    except BaseException:
        portal.end()
        raise
    return OneShotTurn(made[0], portal, owned=True)
