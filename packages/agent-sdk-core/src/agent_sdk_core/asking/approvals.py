"""The ways to answer a permission request, each with what the agent is told, and the one that an answer stands for."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping
from typing import Final, Generic, TypeVar, cast

from agent_sdk_core.asking.permissions import (
    ALLOW,
    DENY,
    DENY_AND_STOP,
    Allow,
    Deny,
    PermissionMode,
    PermissionOption,
    PermissionRequest,
)
from agent_sdk_core.asking.requests import AgentAnswer, expect
from agent_sdk_core.asking.updates import PermissionUpdate
from agent_sdk_core.errors import InvalidRequestError, UnsupportedOptionError

__all__ = ["ALLOW", "DENY", "DENY_AND_STOP", "Offers", "ends_turn", "plan_offers", "require_change"]

T = TypeVar("T")

_log = logging.getLogger(__name__)

_NOT_ONCE: Final = "The agent offers no way to allow this once: choose one of the request's options."

_NARROWER: Final[Mapping[str, tuple[str, ...]]] = {"always": ("always", "session"), "session": ("session",)}


class Offers(Generic[T]):
    """The options of one request.

    Args:
        offers: Each option with what the agent is told when it is chosen; one of them allows once, one denies.
    """

    def __init__(self, offers: Iterable[tuple[PermissionOption, T]]) -> None:
        self._offers = {option.id: (option, told) for option, told in offers}

    def __iter__(self) -> Iterator[tuple[PermissionOption, T]]:
        return iter(self._offers.values())

    @property
    def options(self) -> tuple[PermissionOption, ...]:
        """The options, in order."""
        return tuple(option for option, _ in self._offers.values())

    def chosen(self, answer: AgentAnswer) -> tuple[Allow | Deny, PermissionOption, T]:
        """Return an answer with the option that it stands for, and what the agent is told.

        That is the option which the answer names; else the widest one that grants no more than the answer's scope,
        where there is one such option; else the plain one. A refusal is never lost by what it names.

        Raises:
            InvalidRequestError: It is no answer to a permission request, or an allow by an option that there is not.
        """
        answer = expect(answer, Allow, Deny)
        if answer.option is not None:
            found = self._offers.get(answer.option)
            if found is not None and type(found[0].answer) is type(answer):
                return answer, *found
            if isinstance(answer, Allow):
                raise InvalidRequestError(_no_such_option(answer.option, self._offers))
        if isinstance(answer, Deny):
            return answer, *self._plain(Deny(interrupt=answer.interrupt), Deny())
        for scope in _NARROWER.get(answer.scope, ()):
            granting = [offer for offer in self._offers.values() if _scope(offer[0]) == scope]
            if len(granting) == 1:
                return answer, *granting[0]
        return answer, *self._plain(Allow())

    def _plain(self, *answers: Allow | Deny) -> tuple[PermissionOption, T]:
        found = (offer for plain in answers for offer in self._offers.values() if offer[0].answer == plain)
        if (offer := next(found, None)) is None:
            raise UnsupportedOptionError(_NOT_ONCE)
        return offer


def plan_offers(stored: str = "until the session ends") -> Offers[PermissionMode | None]:
    """Return the ways to answer a plan, each with the mode that follows; a refusal goes on planning.

    Args:
        stored: Where the mode is kept, in words.
    """
    asking, accepting = (PermissionUpdate("set_mode", mode=mode) for mode in ("default", "accept_edits"))
    allow = PermissionOption("allow", "Yes, and ask before each edit", Allow(), updates=(asking,))
    answer = Allow(option="accept_edits")
    accept_edits = PermissionOption("accept_edits", "Yes, and accept edits", answer, stored, (accepting,))
    return Offers(
        [
            (allow, "default"),
            (accept_edits, "accept_edits"),
            (PermissionOption("deny", "No, keep planning", Deny()), None),
            (DENY_AND_STOP, None),
        ]
    )


def require_option(request: PermissionRequest, answer: AgentAnswer) -> None:
    """Refuse an allow for which a request has no option, wherever it is encoded; a denial without one is a plain one.

    Raises:
        InvalidRequestError: It names an option that there is not.
        UnsupportedOptionError: The request cannot be allowed but by one of its options.
    """
    if not isinstance(answer, Allow | Deny) or not request.options:
        return
    if answer.option is not None:
        option = request.option(answer.option)
        if option is None or type(option.answer) is not type(answer):
            problem = _no_such_option(answer.option, (option.id for option in request.options))
            if isinstance(answer, Allow):
                raise InvalidRequestError(problem)
            _log.warning("a denial is taken for a plain one: %s", problem)
    elif isinstance(answer, Allow):
        scopes = [option.answer.scope for option in request.options if isinstance(option.answer, Allow)]
        plain = any(option.answer == Allow() for option in request.options)
        if not plain and not any(scopes.count(scope) == 1 for scope in _NARROWER.get(answer.scope, ())):
            raise UnsupportedOptionError(_NOT_ONCE)


def _no_such_option(option: str, known: Iterable[str]) -> str:
    return f"This request has no such option: {option!r}; it has: {', '.join(known) or 'none'}."


def require_change(request: PermissionRequest, answer: AgentAnswer) -> None:
    """Refuse an answer that changes of an input what the agent cannot have changed.

    Raises:
        UnsupportedOptionError: The agent runs what it asked about, and nothing else.
        InvalidRequestError: It changes another argument, or grants permissions that were not asked for.
    """
    changed = answer.updated_input if isinstance(answer, Allow) else None
    if changed is None or request.changeable is None or dict(changed) == dict(request.input):
        return
    backend = None if request.source is None else request.source.backend
    if not request.changeable:
        raise UnsupportedOptionError(
            "The agent cannot run a changed input: deny the request, and say in a prompt what you want instead.",
            backend=backend,
        )
    others = [key for key, value in changed.items() if key not in request.input or request.input[key] != value]
    if any(key not in request.changeable for key in others) or not all(
        type(changed.get(key)) is type(request.input.get(key)) for key in request.changeable
    ):
        names = ", ".join(map(repr, request.changeable))
        raise InvalidRequestError(f"Of the input of {request.tool_name} an answer can change {names} alone.")
    if request.tool_name == "RequestPermissions" and not _is_part(changed, request.input):
        raise InvalidRequestError("Only permissions that were asked for can be granted.", backend=backend)


def _is_part(part: object, whole: object) -> bool:
    """Tell whether JSON grants nothing that `whole` does not: fewer keys, fewer entries, a switch left off."""
    if isinstance(part, Mapping) and isinstance(whole, Mapping):
        members, known = cast("Mapping[str, object]", part), cast("Mapping[str, object]", whole)
        return all(value is None or (key in known and _is_part(value, known[key])) for key, value in members.items())
    if isinstance(part, list) and isinstance(whole, list):
        return all(entry in whole for entry in cast("list[object]", part))
    return part == whole or (part is False and whole is True)


def ends_turn(request: PermissionRequest, answer: AgentAnswer | None) -> bool:
    """Tell whether an answer to a request also ends the turn, by itself or by the option that it names."""
    if not isinstance(answer, Deny):
        return False
    option = request.option(answer.option) if answer.option is not None else None
    return answer.interrupt or (option is not None and isinstance(option.answer, Deny) and option.answer.interrupt)


def _scope(option: PermissionOption) -> str | None:
    return option.answer.scope if isinstance(option.answer, Allow) else None
