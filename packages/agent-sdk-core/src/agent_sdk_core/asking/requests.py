"""A request of an agent and its answer: what all kinds share, what each gets from nobody, how it is put to somebody."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import field
from enum import Enum
from typing import Any, Final, Generic, Literal, Self, TypeVar, cast
from uuid import uuid4

from agent_sdk_core.arguments import checked
from agent_sdk_core.asking.permissions import Allow, Deny, Permission, PermissionRequest
from agent_sdk_core.asking.questions import Answers, ElicitationAnswer, ElicitationRequest, Question, QuestionRequest
from agent_sdk_core.errors import InvalidRequestError
from agent_sdk_core.messages.base import Source
from agent_sdk_core.records import dataclass
from agent_sdk_core.wire.forms import read_wire
from agent_sdk_core.wire.reading import Json, copied

AgentRequest = PermissionRequest | QuestionRequest | ElicitationRequest
AgentAnswer = Permission | Answers | ElicitationAnswer
RequestKind = Literal["permission", "question", "elicitation"]
DecidedBy = Literal[
    "callback", "answer", "no_callback", "callback_error", "deadline", "agent", "policy", "grant", "close"
]
A = TypeVar("A")
R_co = TypeVar("R_co", bound=AgentRequest, covariant=True)

REFUSALS: Final[Mapping[RequestKind, AgentAnswer]] = {
    "permission": Deny("Nobody allowed it."),
    "question": Answers({}),
    "elicitation": ElicitationAnswer("decline"),
}
"""What each kind of request gets when nobody answers."""

_ANSWERS: Final[Mapping[RequestKind, tuple[type, ...]]] = {
    "permission": (Allow, Deny),
    "question": (Answers,),
    "elicitation": (ElicitationAnswer,),
}


@dataclass(frozen=True, slots=True)
class Envelope:
    """What every request shares, whatever it asks; each backend adds what its agent tells.

    Attributes:
        request_id: Ours.
        session_id: The session that asks.
        native_id: The agent's id of the request, as text.
        params: What the agent sent, as the wire has it.
        parent_tool_use_id: The tool use of the sub-agent that asks.
        deadline: Unix time in seconds after which it is denied.
    """

    request_id: str
    session_id: str
    native_id: str
    params: Json = field(repr=False)
    parent_tool_use_id: str | None = None
    deadline: float | None = None

    @classmethod
    def of(cls, native_id: object, params: Json, *, session_id: str, timeout: float | None, **fields: Any) -> Self:
        """Return the envelope of a request that comes in now and waits for so many seconds."""
        deadline = None if timeout is None else time.time() + timeout
        return cls(str(uuid4()), session_id, str(native_id), params, deadline=deadline, **fields)

    @property
    def source(self) -> Source:
        """Native ids."""
        return Source("agent_sdk", thread_id=self.session_id, request_id=self.native_id)

    @property
    def tool_use_id(self) -> str | None:
        """The tool use that waits."""
        return None

    @property
    def reason(self) -> str | None:
        """Why the agent asks, in its own words."""
        return None

    @property
    def agent_id(self) -> str | None:
        """The sub-agent that asks, as the agent calls it."""
        return None

    def permission(self, tool_name: str, tool_input: Mapping[str, object], **fields: Any) -> PermissionRequest:
        """Return a permission request with the shared fields filled in."""
        told = {"tool_use_id": self.tool_use_id, "reason": self.reason, "agent_id": self.agent_id}
        fields = {**told, **self._shared(), **fields}
        # A copy: who is asked may change it without saying so, and the tool runs with what it was called with.
        return PermissionRequest(tool_name=tool_name, input=copied(tool_input), **fields)

    def question(self, questions: Iterable[Question]) -> QuestionRequest:
        """Return a question request with the shared fields filled in."""
        return QuestionRequest(questions=tuple(questions), tool_use_id=self.tool_use_id, **self._shared())

    def elicitation(self, mode: object, **fields: Any) -> ElicitationRequest:
        """Return an elicitation with the shared fields filled in."""
        return ElicitationRequest(mode="url" if mode == "url" else "form", **fields, **self._shared())

    def _shared(self) -> Json:
        return {
            "request_id": self.request_id,
            "session_id": self.session_id,
            "parent_tool_use_id": self.parent_tool_use_id,
            "deadline": self.deadline,
            "raw": self.params,
            "source": self.source,
        }


@dataclass(frozen=True, slots=True)
class Ask(Generic[R_co]):
    """A request for a person, and the way back to the agent.

    Attributes:
        request: What the person sees.
        encode: Turns an answer into what the agent takes; raises `AgentError` for one that it cannot honour.
        before_sending: What an answer does beside that, before the agent hears of it; None stands for no answer.
    """

    request: R_co
    encode: Callable[[AgentAnswer], Json]
    before_sending: Callable[[AgentAnswer | None], Awaitable[None]] | None = None


@dataclass(frozen=True, slots=True)
class Work:
    """A request that no person is asked: the call of a tool, the time, a hook of the application.

    Attributes:
        run: Returns the answer's body; None refuses.
        failed: Returns the body that tells the agent why there is none, or None to refuse.
        what: What runs, for the log.
    """

    run: Callable[[], Awaitable[Json | None]]
    failed: Callable[[str], Json | None]
    what: str


class LeftOpen(Enum):
    """Type of `LEFT_OPEN`."""

    LEFT_OPEN = "left open"


LEFT_OPEN: Final = LeftOpen.LEFT_OPEN
"""For a request that the protocol wants unanswered by those who do not know it."""

Reading = Ask[AgentRequest] | Work | LeftOpen | None
"""What a request was read as; None: refused, or of an unknown kind."""


def kind_of(request: AgentRequest) -> RequestKind:
    """Return what kind of request it is."""
    match request:
        case PermissionRequest():
            return "permission"
        case QuestionRequest():
            return "question"
        case ElicitationRequest():
            return "elicitation"


@checked
def request_from_wire(data: Mapping[str, object]) -> AgentRequest:
    """Return the request whose `to_wire` this is, such as `RequestOpened.request`; without its `raw` and `source`.

    Raises:
        InvalidRequestError: It is none; the message names the place.
    """
    return cast("AgentRequest", read_wire(AgentRequest, data, "request"))


@checked
def answer_from_wire(data: Mapping[str, object]) -> AgentAnswer:
    """Return the answer whose `to_wire` this is, for `AgentSession.answer`; raises what `request_from_wire` raises."""
    return cast("AgentAnswer", read_wire(AgentAnswer, data, "answer"))


def refusal_of(request: AgentRequest) -> AgentAnswer:
    """Return what a request gets when nobody answers it."""
    return REFUSALS[kind_of(request)]


def require_kind(kind: RequestKind, answer: object) -> None:
    """Check that an answer is one to this kind of request; raises what `expect` raises."""
    expect(answer, *_ANSWERS[kind])


def expect(answer: object, *types: type[A]) -> A:
    """Return an answer that is of one of the types, which are all that a kind of request takes.

    Raises:
        InvalidRequestError: It is not.
    """
    if isinstance(answer, types):
        return answer
    kind = next(kind for kind, fits in _ANSWERS.items() if types[0] in fits)
    names = " or ".join(fit.__name__ for fit in types)
    article = "An" if kind == "elicitation" else "A"
    raise InvalidRequestError(f"{article} {kind} request is answered with {names}, not {type(answer).__name__}.")


def outcome_of(answer: AgentAnswer | None) -> str:
    """Return how a request ended, as `RequestResolved` says it."""
    match answer:
        case None:
            return "withdrawn"
        case Allow():
            return "allowed"
        case Deny():
            return "denied"
        case Answers():
            return "answered" if answer.answers else "declined"
        case ElicitationAnswer():
            return "answered" if answer.action == "accept" else "declined"


def identity_of(request: AgentRequest) -> dict[str, object]:
    """Return the fields by which messages name a request."""
    return {
        "request_id": request.request_id,
        "session_id": request.session_id,
        "parent_tool_use_id": request.parent_tool_use_id,
        "kind": kind_of(request),
    }


def origin_of(request: AgentRequest) -> Source:
    """Return the source of the messages that we make of a request."""
    native = request.source or Source("agent_sdk")
    return Source(native.backend, native.thread_id, native.turn_id, native.item_id, native.request_id, synthetic=True)
