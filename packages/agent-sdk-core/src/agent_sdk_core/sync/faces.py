"""What the synchronous faces share: the async object behind each, and methods that wait for its own."""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Concatenate, Generic, ParamSpec, TypeVar

from agent_sdk_core.arguments import check_calls
from agent_sdk_core.interfaces.unused import CalledFromHere
from agent_sdk_core.sync.portal import Portal

A = TypeVar("A")
C = TypeVar("C", bound=Callable[..., object])
P = ParamSpec("P")
T = TypeVar("T")


class Face(Generic[A]):
    """A synchronous face.

    Args:
        inner: The async object behind it.
        portal: Where that lives.

    Each face refuses what its methods are wrongly called with, and meets a name that it lacks with what to write
    instead, as the async one does.
    """

    def __init_subclass__(cls, **kwargs: object) -> None:
        """Check the calls of a face."""
        super().__init_subclass__(**kwargs)
        check_calls(cls, cls)

    def __init__(self, inner: A, portal: Portal) -> None:
        self._inner = inner
        self._portal = portal

    @property
    def inner(self) -> A:
        """The async object behind it, for use in its own event loop alone."""
        return self._inner

    @property
    def portal(self) -> Portal:
        """Where that loop runs."""
        return self._portal

    def __repr__(self) -> str:
        return f"<sync {self._inner!r}>"

    if not TYPE_CHECKING:  # A type checker would take any name for an attribute.

        def __getattr__(self, name: str) -> object:
            from agent_sdk_core.spellings import no_attribute

            face = next(face for face in type(self).__mro__ if Face in face.__bases__)
            raise no_attribute(face.__name__, self, name, synchronous=True)


def blocking(method: Callable[Concatenate[A, P], Awaitable[T]]) -> Callable[Concatenate[Face[A], P], T]:
    """Return a method that calls this one of the async object, and waits for its result."""
    name = method.__name__

    @functools.wraps(method)
    def call(face: Face[A], /, *args: P.args, **kwargs: P.kwargs) -> T:
        called: Callable[P, Awaitable[T]] = getattr(face.inner, name)
        return face.portal.call(lambda: called(*args, **kwargs))

    return _concrete(call)


def at_once(method: Callable[Concatenate[A, P], T]) -> Callable[Concatenate[Face[A], P], T]:
    """Return a method that calls this one, which waits for nothing, in the event loop."""
    name = method.__name__

    @functools.wraps(method)
    def call(face: Face[A], /, *args: P.args, **kwargs: P.kwargs) -> T:
        called: Callable[P, T] = getattr(face.inner, name)
        return in_loop(face.portal, lambda: called(*args, **kwargs))

    return _concrete(call)


def in_loop(portal: Portal, make: Callable[[], T]) -> T:
    """Return what a function makes that has to run in the event loop, and waits for nothing."""

    async def made() -> T:
        return make()

    with CalledFromHere():
        return portal.call(made)


def _concrete(call: C) -> C:
    """Take off the mark of an abstract method, which `functools.wraps` has copied."""
    vars(call).pop("__isabstractmethod__", None)
    return call
