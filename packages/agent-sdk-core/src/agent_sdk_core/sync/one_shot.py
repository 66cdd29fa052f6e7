"""A turn with a session of its own, as synchronous code sees it."""

from __future__ import annotations

from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar, overload

from agent_sdk_core.arguments import checked
from agent_sdk_core.factory import one_shot as async_face
from agent_sdk_core.interfaces import backend as async_backend
from agent_sdk_core.interfaces import turn as async_turn
from agent_sdk_core.messages.parse import SDKMessage
from agent_sdk_core.messages.typed import TypedResult
from agent_sdk_core.names import BackendType
from agent_sdk_core.options import SessionOptions
from agent_sdk_core.prompts import Prompt
from agent_sdk_core.sync.backend import AgentBackend
from agent_sdk_core.sync.faces import in_loop
from agent_sdk_core.sync.portal import Portal
from agent_sdk_core.sync.turn import R, Turn

if TYPE_CHECKING:
    from agent_sdk_core.config.runtime import RuntimeConfig

T = TypeVar("T")


class OneShotTurn(Turn[R]):
    """One prompt in a new session.

    Everything is closed as soon as the result has been read, `with` is left, or waiting was interrupted. A loop that
    is left by `break` closes everything soon after the last reference to the turn is gone.
    """

    def __init__(self, inner: async_turn.Turn[R], portal: Portal, *, owned: bool) -> None:
        super().__init__(inner, portal)
        self._owned = owned

    def __del__(self) -> None:
        if getattr(self, "_owned", False):
            self._portal.end_soon()

    def wait(self) -> R:
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


@overload
def query(
    prompt: Prompt,
    *,
    backend: AgentBackend | BackendType | None = None,
    options: SessionOptions | None = None,
    config: RuntimeConfig | None = None,
) -> Turn: ...
@overload
def query(
    prompt: Prompt,
    *,
    backend: AgentBackend | BackendType | None = None,
    options: SessionOptions | None = None,
    config: RuntimeConfig | None = None,
    output_type: type[T],
) -> Turn[TypedResult[T]]: ...
@overload
def query(
    prompt: Prompt,
    *,
    backend: AgentBackend | BackendType | None = None,
    options: SessionOptions | None = None,
    config: RuntimeConfig | None = None,
    output_type: Any,
) -> Turn[Any]: ...
@partial(checked, own=("backend",))
def query(
    prompt: Prompt,
    *,
    backend: AgentBackend | BackendType | None = None,
    options: SessionOptions | None = None,
    config: RuntimeConfig | None = None,
    output_type: Any = None,
) -> Turn[Any]:
    """Return a turn that opens a session of its own for one prompt, and closes it with the turn.

    Args:
        prompt: The prompt.
        backend: A backend, or the name of one that is made for this turn and ends with it; absent: as configured.
        options: Options of the session; they beat what is configured.
        config: The configuration; absent: it is read, unless `backend` is a backend, which is used as it is.
        output_type: What the answer shall be, as for `AgentSession.query`; it is `result.output`.

    Raises:
        InvalidRequestError: No backend of this name is registered, the configuration is wrong, or no answer can be of
            this type.
    """

    def made(inner: async_backend.AgentBackend | BackendType | None) -> async_turn.Turn[Any]:
        return async_face.query(prompt, backend=inner, options=options, config=config, output_type=output_type)

    if isinstance(backend, AgentBackend):
        shared = backend
        return OneShotTurn(in_loop(shared.portal, lambda: made(shared.inner)), shared.portal, owned=False)
    turns: list[async_turn.Turn[Any]] = []

    async def leave() -> None:
        for turn in turns:
            await turn.__aexit__(None, None, None)

    portal = Portal("the synchronous query", leave)
    try:
        turns.append(in_loop(portal, lambda: made(backend)))
    except BaseException:
        portal.end()
        raise
    return OneShotTurn(turns[0], portal, owned=True)
