"""The ways to answer a permission request, each with what the agent is told, and the one that an answer stands for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, Generic, TypeVar

from agent_sdk_core.asking.permissions import (
    ALLOW,
    DENY,
    DENY_AND_STOP,
    Allow,
    Deny,
    PermissionOption,
    PermissionRequest,
)
from agent_sdk_core.asking.requests import AgentAnswer, expect
from agent_sdk_core.errors import InvalidRequestError

__all__ = ["ALLOW", "DENY", "DENY_AND_STOP", "Offers", "ends_turn"]

T = TypeVar("T")

_NARROWER: Final[Mapping[str, tuple[str, ...]]] = {"always": ("always", "session"), "session": ("session",)}


class Offers(Generic[T]):
    """The options of one request.

    Args:
        offers: Each option with what the agent is told when it is chosen; one of them allows once, one denies.
    """

    def __init__(self, offers: Iterable[tuple[PermissionOption, T]]) -> None:
        self._offers = {option.id: (option, told) for option, told in offers}

    @property
    def options(self) -> tuple[PermissionOption, ...]:
        """The options, in order."""
        return tuple(option for option, _ in self._offers.values())

    def chosen(self, answer: AgentAnswer) -> tuple[Allow | Deny, PermissionOption, T]:
        """Return an answer with the option that it stands for, and what the agent is told.

        That is the option which the answer names; else the widest one that grants no more than the answer's scope,
        where there is one such option; else the plain one.

        Raises:
            InvalidRequestError: It is no answer to a permission request, or names an option that there is not.
        """
        answer = expect(answer, Allow, Deny)
        if answer.option is not None:
            found = self._offers.get(answer.option)
            if found is None or type(found[0].answer) is not type(answer):
                raise InvalidRequestError(f"This request has no such option: {answer.option!r}.")
            return answer, *found
        if isinstance(answer, Deny):
            return answer, *self._plain(Deny(interrupt=answer.interrupt), Deny())
        for scope in _NARROWER.get(answer.scope, ()):
            granting = [offer for offer in self._offers.values() if _scope(offer[0]) == scope]
            if len(granting) == 1:
                return answer, *granting[0]
        return answer, *self._plain(Allow())

    def _plain(self, *answers: Allow | Deny) -> tuple[PermissionOption, T]:
        return next(offer for plain in answers for offer in self._offers.values() if offer[0].answer == plain)


def ends_turn(request: PermissionRequest, answer: AgentAnswer | None) -> bool:
    """Tell whether an answer to a request also ends the turn, by itself or by the option that it names."""
    if not isinstance(answer, Deny):
        return False
    option = request.option(answer.option) if answer.option is not None else None
    return answer.interrupt or (option is not None and isinstance(option.answer, Deny) and option.answer.interrupt)


def _scope(option: PermissionOption) -> str | None:
    return option.answer.scope if isinstance(option.answer, Allow) else None
