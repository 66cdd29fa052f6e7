"""What the agent asks the user beside permissions: its own questions, and forms or links that an MCP server sends."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import field
from types import MappingProxyType
from typing import Any, ClassVar, Literal, cast

from agent_sdk_core.arguments import checked_class
from agent_sdk_core.asking.permissions import Settled, new_id
from agent_sdk_core.errors import InvalidRequestError
from agent_sdk_core.messages.base import Source
from agent_sdk_core.records import dataclass
from agent_sdk_core.wire.forms import AnswerForm, WireForm


@checked_class()
@dataclass(frozen=True, slots=True, repr=False)
class Choice(WireForm):
    """One offered answer to a question."""

    label: str
    description: str = ""


@checked_class()
@dataclass(frozen=True, slots=True, repr=False)
class Question(WireForm):
    """One question.

    Attributes:
        text: The question.
        id: Key of its answer; absent: the question itself.
        header: A word or two above it.
        choices: Offered answers; none means free text.
        multi_select: Whether several choices may be given.
        allow_other: Whether free text is an answer beside the choices.
        secret: Whether the answer must not be shown or stored.
    """

    text: str
    id: str = ""
    header: str = ""
    choices: tuple[Choice, ...] = ()
    multi_select: bool = False
    allow_other: bool = False
    secret: bool = False

    def __post_init__(self) -> None:
        """Give it a key."""
        if not self.id:
            object.__setattr__(self, "id", self.text)


@checked_class()
@dataclass(frozen=True, slots=True, repr=False)
class QuestionRequest(WireForm):
    """The agent asks the user something and waits; see `PermissionRequest` for the shared attributes."""

    wire_kind: ClassVar[str] = "question"
    wire_required: ClassVar[frozenset[str]] = frozenset({"request_id", "session_id"})
    questions: tuple[Question, ...]
    request_id: str = field(default_factory=new_id)
    session_id: str = ""
    tool_use_id: str | None = None
    parent_tool_use_id: str | None = None
    deadline: float | None = None
    raw: Any = field(default=None, repr=False, compare=False)
    source: Source | None = field(default=None, repr=False, compare=False)
    settled: Settled = field(default_factory=Settled, repr=False, compare=False, kw_only=True)


@checked_class()
@dataclass(frozen=True, slots=True, repr=False, init=False)
class Answers(AnswerForm):
    """Answers to a `QuestionRequest`: for each question's id the chosen labels or free texts; empty declines.

    Args:
        answers: A text may stand for itself alone: `Answers({"Which colour?": "red"})`.

    Raises:
        InvalidRequestError: Something in it is no text.
    """

    wire_kind: ClassVar[str] = "answers"
    answers: Mapping[str, tuple[str, ...]]

    def __init__(self, answers: Mapping[str, str | Iterable[str]] = MappingProxyType({})) -> None:
        taken: dict[str, tuple[str, ...]] = {}
        for key, given in cast("Mapping[object, object]", answers).items():
            texts = (given,) if isinstance(given, str) else given
            if not isinstance(key, str) or not isinstance(texts, Iterable):
                raise InvalidRequestError(f"Answers are texts by a question's id; {key!r} has {given!r}.")
            parts = tuple(cast("Iterable[object]", texts))
            if wrong := [part for part in parts if not isinstance(part, str)]:
                raise InvalidRequestError(f"An answer is a text; one to {key!r} is of type {type(wrong[0]).__name__}.")
            taken[key] = cast("tuple[str, ...]", parts)
        object.__setattr__(self, "answers", taken)


@checked_class()
@dataclass(frozen=True, slots=True, repr=False)
class ElicitationRequest(WireForm):
    """An MCP server asks the user for data, or to visit a link; see `PermissionRequest` for the shared attributes.

    Attributes:
        message: What the server says; not to be trusted.
        server: Name of the MCP server.
        mode: "form" with a schema, or "url" with a link.
        schema: JSON Schema of the wanted content, for forms.
        url: The link, for links.
    """

    wire_kind: ClassVar[str] = "elicitation"
    wire_required: ClassVar[frozenset[str]] = frozenset({"request_id", "session_id", "server", "mode"})
    message: str
    server: str = "server"
    mode: Literal["form", "url"] = "form"
    request_id: str = field(default_factory=new_id)
    session_id: str = ""
    schema: Mapping[str, object] | None = None
    url: str | None = None
    parent_tool_use_id: str | None = None
    deadline: float | None = None
    raw: Any = field(default=None, repr=False, compare=False)
    source: Source | None = field(default=None, repr=False, compare=False)
    settled: Settled = field(default_factory=Settled, repr=False, compare=False, kw_only=True)


@checked_class()
@dataclass(frozen=True, slots=True, repr=False)
class ElicitationAnswer(AnswerForm):
    """Answer to an `ElicitationRequest`; `content` fits the schema when the action is "accept".

    Raises:
        InvalidRequestError: There is no such action.
    """

    wire_kind: ClassVar[str] = "elicitation_answer"
    action: Literal["accept", "decline", "cancel"]
    content: Mapping[str, object] | None = None

    def __post_init__(self) -> None:
        """Refuse an action that is none."""
        if self.action not in ("accept", "decline", "cancel"):
            raise InvalidRequestError(f"An elicitation's action is not {self.action!r}: accept, decline or cancel it.")


OnQuestion = Callable[[QuestionRequest], Awaitable[Answers]]
OnElicitation = Callable[[ElicitationRequest], Awaitable[ElicitationAnswer]]
