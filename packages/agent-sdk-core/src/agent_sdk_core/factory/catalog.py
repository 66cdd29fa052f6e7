"""The models that agents offer, remembered for a while, and what becomes of a model that somebody chose long ago."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Final

import anyio

from agent_sdk_core.arguments import checked_class
from agent_sdk_core.errors import AgentError, InvalidRequestError
from agent_sdk_core.interfaces.backend import AgentBackend
from agent_sdk_core.models import ChatModel
from agent_sdk_core.names import BackendType
from agent_sdk_core.records import dataclass

_RETRY_SECONDS: Final = 10.0
"""A list that could not be had is not asked for again sooner, unless by `refresh()`."""


@checked_class()
@dataclass(frozen=True, slots=True)
class ModelListing:
    """The models of one backend.

    Attributes:
        backend: Its name.
        models: What it offers; of an earlier time if there is a problem, and empty if there never was a list.
        age: Seconds since the agent told.
        problem: Why they could not be listed anew, or None.
    """

    backend: BackendType
    models: tuple[ChatModel, ...] = ()
    age: float = 0.0
    problem: str | None = None

    @property
    def default(self) -> ChatModel | None:
        """The model that the agent uses when none is named, where it tells."""
        return next((model for model in self.models if model.is_default), None)

    def find(self, model_id: str) -> ChatModel | None:
        """Return the model of this id."""
        return next((model for model in self.models if model.id == model_id), None)


@checked_class()
@dataclass(frozen=True, slots=True)
class ModelChoice:
    """What to use for a model that was asked for.

    Attributes:
        model: The model; None: the agent's default, which it does not name.
        requested: What was asked for.
        fell_back: Whether it is another one than what was asked for.
        notice: What the user should know about it, in a sentence; "" if nothing.
    """

    model: ChatModel | None
    requested: str | None = None
    fell_back: bool = False
    notice: str = ""

    @property
    def model_id(self) -> str | None:
        """What `SessionOptions.model` takes: None leaves the choice to the agent."""
        return None if self.model is None else self.model.id


@checked_class(methods=True)
class ChatModelCatalog:
    """The models of some backends, from their own lists. Use it in one event loop.

    Callers that ask at the same time share one request. A request that fails leaves the list as it was, and says so.

    Args:
        backends: The backends, one for each name; started on first use, and left running.
        max_age: Seconds after which a list is asked for anew.
        clock: Monotonic clock, in seconds.
    """

    def __init__(
        self,
        backends: AgentBackend | Iterable[AgentBackend],
        *,
        max_age: float = 300.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        listed = [backends] if isinstance(backends, AgentBackend) else backends
        self._shelves = {backend.type: _Shelf(backend, max_age, clock) for backend in listed}

    @property
    def backends(self) -> tuple[BackendType, ...]:
        """Names of the backends."""
        return tuple(self._shelves)

    async def listing(self, backend: BackendType | None = None) -> ModelListing:
        """Return the models of a backend; what goes wrong is in `problem`.

        Args:
            backend: Its name; absent: the only one.

        Raises:
            InvalidRequestError: The catalog has no such backend.
        """
        return await self._shelf(backend).current()

    async def models(self) -> list[ChatModel]:
        """Return the models of all backends; one that cannot be asked adds what it once told, or nothing."""
        listings: dict[BackendType, ModelListing] = {}

        async def ask(name: BackendType, shelf: _Shelf) -> None:
            listings[name] = await shelf.current()

        async with anyio.create_task_group() as tasks:
            for name, shelf in self._shelves.items():
                tasks.start_soon(ask, name, shelf)
        return [model for name in self._shelves for model in listings[name].models]

    async def refresh(self, backend: BackendType | None = None) -> ModelListing:
        """Ask the backend now, and return its models.

        Args:
            backend: Its name; absent: the only one.

        Raises:
            InvalidRequestError: The catalog has no such backend.
        """
        return await self._shelf(backend).current(fresh=True)

    async def resolve(
        self, model_id: str | None, *, backend: BackendType | None = None, allow_unknown: bool = False
    ) -> ModelChoice:
        """Return what to use for a model that was stored or typed.

        A model that the agent no longer offers gives way to the agent's default. When the agent cannot be asked, the
        model is used as it is, unless it is on the list of before.

        Args:
            model_id: The model; None: the agent's default.
            backend: Name of the backend; absent: the only one.
            allow_unknown: Take what the agent does not list, as a name of its own: an alias, or a model in preview.

        Raises:
            InvalidRequestError: The catalog has no such backend.
        """
        listing = await self.listing(backend)
        if model_id is None:
            return ModelChoice(listing.default)
        if (model := listing.find(model_id)) is not None:
            return ModelChoice(model, model_id)
        unlisted = ChatModel(model_id, model_id, listing.backend)
        if listing.problem is not None or not listing.models:
            why = listing.problem or f"{listing.backend} lists none."
            return ModelChoice(unlisted, model_id, notice=f"{model_id!r} is used unchecked: {why}")
        if allow_unknown:
            return ModelChoice(unlisted, model_id, notice=f"{listing.backend} does not list {model_id!r}.")
        default = listing.default
        instead = "its default" if default is None else f"its default, {default.label}"
        notice = f"{listing.backend} no longer offers {model_id!r}; using {instead}."
        return ModelChoice(default, model_id, fell_back=True, notice=notice)

    def _shelf(self, backend: BackendType | None) -> _Shelf:
        if backend is None and len(self._shelves) == 1:
            return next(iter(self._shelves.values()))
        if backend is not None and (shelf := self._shelves.get(backend)) is not None:
            return shelf
        names = ", ".join(self._shelves) or "none"
        wanted = "Name a backend" if backend is None else f"The catalog has no backend {backend!r}"
        raise InvalidRequestError(f"{wanted}; it has: {names}.")


class _Shelf:
    """The models of one backend, and when they were last asked for."""

    def __init__(self, backend: AgentBackend, max_age: float, clock: Callable[[], float]) -> None:
        self._backend = backend
        self._max_age = max_age
        self._clock = clock
        self._asking = anyio.Lock()
        self._attempts = 0
        self._models: tuple[ChatModel, ...] = ()
        self._listed_at: float | None = None
        self._tried_at = 0.0
        self._problem: str | None = None

    async def current(self, *, fresh: bool = False) -> ModelListing:
        """Return the models, asked for anew if they are too old or `fresh` is wanted."""
        attempts = self._attempts
        if fresh or self._is_due():
            async with self._asking:
                # What another caller was asking meanwhile will do.
                if self._attempts == attempts:
                    await self._ask()
        age = 0.0 if self._listed_at is None else self._clock() - self._listed_at
        return ModelListing(self._backend.type, self._models, age, self._problem)

    def _is_due(self) -> bool:
        now = self._clock()
        if self._problem is not None:
            return now - self._tried_at >= min(_RETRY_SECONDS, self._max_age)
        return self._listed_at is None or now - self._listed_at >= self._max_age

    async def _ask(self) -> None:
        try:
            models = await self._backend.list_models()
        except Exception as error:  # whatever it is, the list of before is better than none
            said = error.message if isinstance(error, AgentError) else f"{type(error).__name__}: {error}"
            self._problem = f"The models of {self._backend.type} cannot be listed now. {said}"
        else:
            self._models, self._listed_at, self._problem = tuple(models), self._clock(), None
        self._tried_at = self._clock()
        self._attempts += 1
