"""A turn with a session of its own: both, and the backend if it was made for the turn, end when the turn ends."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self, TypeVar, overload
from uuid import uuid4

import anyio

from agent_sdk_core.arguments import checked
from agent_sdk_core.errors import InvalidRequestError
from agent_sdk_core.factory.registry import create_backend, loaded_config
from agent_sdk_core.interfaces.backend import AgentBackend
from agent_sdk_core.interfaces.session import AgentSession
from agent_sdk_core.interfaces.turn import Turn
from agent_sdk_core.interfaces.unused import place_of_caller, warn_unused
from agent_sdk_core.messages.parse import SDKMessage
from agent_sdk_core.messages.result import ResultMessage
from agent_sdk_core.messages.typed import TypedResult
from agent_sdk_core.names import BackendType
from agent_sdk_core.options import SessionOptions
from agent_sdk_core.prompts import Prompt, prompt_blocks
from agent_sdk_core.runtime.host import beside_later

if TYPE_CHECKING:
    from agent_sdk_core.config.runtime import RuntimeConfig

T = TypeVar("T")

_UNSENT: Final = "A query was never sent."
_ADVICE: Final = "Await it, iterate over it, or enter it: `result = await query(…)`."


class OneShotTurn(Turn):
    """One prompt in a new session.

    Everything is closed as soon as the result has been read, when `async with` is left, or when the opening fails. A
    loop that is left by `break`, or by the cancellation of its task, closes everything soon after the last reference to
    the turn is gone, with nobody to wait for it: use `async with` to go on when that is done.
    """

    _close_soon: Callable[[], object] | None = None

    def __init__(
        self,
        prompt: Prompt,
        backend: AgentBackend,
        options: SessionOptions | None,
        *,
        owns_backend: bool,
        output_type: Any = None,
    ) -> None:
        prompt_blocks(prompt)
        self._prompt = prompt
        self._output_type = output_type
        self._backend = backend
        self._options = options
        self._owned = backend if owns_backend else None
        self._opening = anyio.Lock()
        self._session: AgentSession | None = None
        self._turn: Turn | None = None
        self._uuid = str(uuid4())
        self._tried = False
        self._place = place_of_caller()

    def __del__(self) -> None:
        """Close what nobody can read any more, or say that nobody sent it.

        May run in any thread, and when the event loop is gone.
        """
        if not getattr(self, "_tried", True):
            warn_unused(_UNSENT, _ADVICE, self._place, self)
        if self._close_soon is not None:
            with contextlib.suppress(Exception):
                self._close_soon()

    def __repr__(self) -> str:
        state = "unsent" if not self._tried else "not open" if self._turn is None else repr(self._turn)
        return f"<{type(self).__name__} {state}>"

    @property
    def uuid(self) -> str:
        """The prompt's uuid, final once the turn has been sent."""
        return self._turn.uuid if self._turn is not None else self._uuid

    @property
    def result(self) -> ResultMessage | None:
        """The result, once it has arrived."""
        return self._turn.result if self._turn is not None else None

    @property
    def text(self) -> str:
        """Text of the answer so far."""
        return self._turn.text if self._turn is not None else ""

    @property
    def session(self) -> AgentSession | None:
        """The session, once it is open."""
        return self._session

    async def wait(self) -> ResultMessage:
        """Run the prompt and return its result."""
        async with self as turn:
            return await (await turn._open()).wait()

    async def interrupt(self) -> None:
        """End the turn early."""
        if self._turn is not None:
            await self._turn.interrupt()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> SDKMessage:
        try:
            turn = self._turn or await self._open()
            return await turn.__anext__()
        except Exception:  # Its end, or a prompt that the agent did not take.
            await self._close()
            raise
        except BaseException:  # A cancelled call leaves the turn running, and its traceback does not hold the turn.
            del self
            raise

    async def __aenter__(self) -> Self:
        try:
            await (await self._open()).__aenter__()
        except BaseException:
            await self._close()
            raise
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        try:
            if self._turn is not None:
                await self._turn.__aexit__(exc_type, exc, tb)
        finally:
            await self._close()

    async def _open(self) -> Turn:
        self._tried = True
        async with self._opening:
            if self._turn is None:
                try:
                    self._session = await self._backend.create_session(self._options)
                    self._close_soon = beside_later(
                        partial(_close, self._session, self._owned), name="the close of a query"
                    )
                    self._turn = self._session.query(self._prompt, output_type=self._output_type)
                except BaseException:
                    await self._close()
                    raise
            return self._turn

    async def _close(self) -> None:
        self._close_soon = None  # What has begun to close goes on to its end by itself.
        await _close(self._session, self._owned)


async def _close(session: AgentSession | None, backend: AgentBackend | None) -> None:
    try:
        if session is not None:
            await session.aclose()
    finally:
        if backend is not None:
            await backend.aclose()


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
@checked
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
    if output_type is not None:
        options = _asking_for(output_type, options)
    if isinstance(backend, AgentBackend):
        if config is not None:
            options = _configured(config, backend.type, options)
        return OneShotTurn(prompt, backend, options, owns_backend=False, output_type=output_type)
    if config is None:
        config = loaded_config(None, cwd=None if options is None else options.cwd)
    made = create_backend(backend, config=config)
    filled = _configured(config, made.type, options)
    return OneShotTurn(prompt, made, filled, owns_backend=True, output_type=output_type)


def _asking_for(output_type: Any, options: SessionOptions | None) -> SessionOptions:
    """Return the options of a session whose answers are of a type."""
    from agent_sdk_core.structured.output_type import OutputType

    options = options or SessionOptions()
    if options.output_schema is not None:
        raise InvalidRequestError(
            "output_type and SessionOptions.output_schema ask for two answers; say it once.",
            details={"option": "output_type"},
        )
    return options.model_copy(update={"output_schema": OutputType(output_type).schema})


def _configured(config: RuntimeConfig, backend: BackendType, options: SessionOptions | None) -> SessionOptions:
    given = {} if options is None else {name: getattr(options, name) for name in options.model_fields_set}
    return config.session_options(backend, **given)
