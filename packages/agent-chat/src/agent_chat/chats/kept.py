"""`KeptRequests`: what waited when the application ended, and waits still; an answer to it counts once.

The agent that asked is gone, and its request with it. So an answer is kept for the turn that the agent goes on with:
where it asks for exactly the same again, that is answered by it, once. Whatever differs is asked of a person.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeGuard

from agent_chat.chats.views import request_view
from agent_chat.transcript.requests import answers
from agent_sdk_core.asking.permissions import Allow, Deny, Permission, PermissionRequest
from agent_sdk_core.asking.requests import AgentAnswer, AgentRequest, kind_of
from agent_sdk_core.errors import InvalidRequestError
from agent_sdk_core.messages.base import Source
from agent_sdk_core.messages.system import RequestResolved
from agent_sdk_core.redaction import REDACTED

if TYPE_CHECKING:
    from agent_chat.chats.feed import ChatFeed

EXPIRED: Final = "expired"
"""Outcome of a request that nobody answered before the application ended."""

GO_ON: Final = "Go on with what was cut off. What you had asked permission for is allowed now: do exactly that again."
"""What the agent is told once somebody has allowed what it asked for before the application ended."""

_SAID: Final = frozenset({"description", "justification"})
"""What the model says of a command, which does the same whatever it says."""

_ONCE: Final = (
    "The application was started again since this was asked: it can be allowed once, or denied. "
    "Where the agent asks again, there are all ways to answer."
)


@dataclass(frozen=True, slots=True)
class Given:
    """An answer that waits for the agent to ask again.

    Attributes:
        act: What it is about, as `act_of` says it; None: nobody can tell, so it answers nothing.
        answer: The answer.
        by: The front end that gave it.
    """

    act: str | None
    answer: Permission
    by: str


class KeptRequests:
    """The requests of one chat that an application left open which has ended, and the answers to them since.

    Args:
        feed: Told how each ends.
    """

    def __init__(self, feed: ChatFeed) -> None:
        self._feed = feed
        self._waiting: dict[str, PermissionRequest] = {}
        self._given: list[Given] = []

    def __len__(self) -> int:
        return len(self._waiting)

    def __contains__(self, request_id: str) -> bool:
        return request_id in self._waiting

    @property
    def views(self) -> list[dict[str, Any]]:
        """What waits, as front ends get it."""
        return [kept_view(request) for request in self._waiting.values()]

    def keep(self, request: PermissionRequest) -> None:
        """Let a request wait."""
        self._waiting[request.request_id] = request

    def answer(self, request_id: str, answer: AgentAnswer | str, by: str, *, backend: str) -> bool:
        """Answer what waits, and return whether the agent is to go on: all is answered, and something allowed.

        Args:
            request_id: What waits.
            answer: The answer, or the id of one of its options.
            by: The front end that answers.
            backend: Name of the chat's agent.

        Raises:
            InvalidRequestError: It can be allowed once, or denied, and this is something else.
        """
        request = self._waiting[request_id]
        given = _permission(request, answer)
        del self._waiting[request_id]
        self._given.append(Given(act_of(request), given, by))
        self._feed.answering(request_id, by)
        self._tell(request, "allowed" if isinstance(given, Allow) else "denied", "answer", backend)
        if isinstance(given, Deny) and given.interrupt:
            self.expire(backend=backend)
        if self._waiting:
            return False
        if goes_on := any(isinstance(each.answer, Allow) for each in self._given):
            return goes_on
        self._given.clear()
        return False

    def given(self, request: AgentRequest) -> Given | None:
        """Return what was answered to exactly this before, once; None: a person is asked."""
        if not self._given or not isinstance(request, PermissionRequest) or (act := act_of(request)) is None:
            return None
        found = next((each for each in self._given if each.act == act), None)
        if found is not None:
            self._given.remove(found)
        return found

    def forget(self) -> None:
        """Let go of the answers that the agent has not asked for: its turn has ended."""
        self._given.clear()

    def expire(self, *, backend: str) -> None:
        """End what waits, as nobody has answered it, and forget the answers."""
        self._given.clear()
        waiting, self._waiting = self._waiting, {}
        for request in waiting.values():
            self._tell(request, EXPIRED, "close", backend)

    def _tell(self, request: PermissionRequest, outcome: str, by: str, backend: str) -> None:
        source = Source(backend, thread_id=request.session_id, synthetic=True)
        told = {"request_id": request.request_id, "kind": kind_of(request), "session_id": request.session_id}
        self._feed.take(RequestResolved.synthesize(source, outcome=outcome, by=by, **told))


def is_keepable(request: AgentRequest) -> TypeGuard[PermissionRequest]:
    """Tell whether a request can wait on, though its agent is gone.

    Not one that has a deadline, that is about a program which runs no more, or that is answered with the mode of what
    follows, as a plan is; questions and forms are asked anew.
    """
    return (
        isinstance(request, PermissionRequest)
        and request.kind != "plan"
        and request.deadline is None
        and "stdin" not in request.escalates
        and any(answer == Allow() for _, answer in answers(request))
    )


def kept_view(request: PermissionRequest) -> dict[str, Any]:
    """Return a request that waits on as front ends get it: `kept` says whether an answer counts for the same again."""
    view = request_view(request)
    lasting = {choice.keys[0] for choice, answer in answers(request) if not _is_once(answer)}
    options = [option for option in view["options"] if option["id"] not in lasting]
    return {**view, "options": options, "kept": {"counts": act_of(request) is not None}}


def act_of(request: PermissionRequest) -> str | None:
    """Return all of what would happen as text, which is the same for the same alone; None where that cannot be told.

    A secret that was taken out of what is stored may have been another one.
    """
    told: Mapping[str, object] = request.input
    if request.kind == "execute":
        told = {name: value for name, value in told.items() if name not in _SAID}
    facts: list[object] = [request.tool_name, told, request.cwd, request.diff, request.blocked_path]
    facts += [sorted(request.escalates), request.requires_person, request.parent_tool_use_id is not None]
    try:
        act = json.dumps(facts, sort_keys=True, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        return None
    return None if REDACTED in act else act


def _permission(request: PermissionRequest, answer: AgentAnswer | str) -> Permission:
    offered = answers(request)
    if isinstance(answer, str):
        found = next((each for choice, each in offered if choice.keys[0] == answer), None)
        if found is None:
            raise InvalidRequestError(f"The request has no option {answer!r}; it may have been replaced by another.")
        answer = found
    match answer:
        case Allow() if answer == Allow():
            return answer
        case Allow(option=str() as name) if answer == Allow(option=name):
            option = request.option(name)
            if option is not None and option.answer == Allow():
                return Allow()
        case Deny():
            return Deny(answer.message, interrupt=answer.interrupt)
        case _:
            pass
    raise InvalidRequestError(_ONCE)


def _is_once(answer: Permission) -> bool:
    """Tell whether an answer is about this call, and nothing after it."""
    return answer == Allow() if isinstance(answer, Allow) else answer.option is None
