"""`Interface`: what the abstract classes share towards a caller who writes something that they do not have."""

from __future__ import annotations

from abc import ABCMeta
from typing import TYPE_CHECKING

from agent_sdk_core.arguments import check_calls


class Interface(metaclass=ABCMeta):  # noqa: B024  # the classes below it have abstract methods
    """Base of the abstract classes that applications call.

    Each class that implements one refuses what its methods are wrongly called with, without a line of its own, and a
    name that it lacks is met with what to write instead, where that is known.
    """

    def __init_subclass__(cls, **kwargs: object) -> None:
        """Check the calls of an implementation."""
        super().__init_subclass__(**kwargs)
        for face in cls.__mro__:
            if Interface in face.__bases__:
                check_calls(cls, face)

    if not TYPE_CHECKING:  # A type checker would take any name for an attribute.

        def __getattr__(self, name: str) -> object:
            from agent_sdk_core.spellings import no_attribute

            face = next(face for face in type(self).__mro__ if Interface in face.__bases__)
            raise no_attribute(face.__name__, self, name)
