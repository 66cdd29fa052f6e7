"""What the agent asks the user beside permissions: its own questions, and forms or links that an MCP server sends."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, cast

from agent_sdk_core.asking.wire_forms import AnswerForm, WireForm
from agent_sdk_core.errors import InvalidRequestError
from agent_sdk_core.messages.base import Source


@dataclass(frozen=True, slots=True)
class Choice:
    """One offered answer to a question."""

    label: str
    description: str = ""


@dataclass(frozen=True, slots=True)
class Question(WireForm):
    """One question.

    Attributes:
        id: Key of its answer.
        text: The question.
        header: A word or two above it.
        choices: Offered answers; none means free text.
        multi_select: Whether several choices may be given.
        allow_other: Whether free text is an answer beside the choices.
        secret: Whether the answer must not be shown or stored.
    """

    id: str
    text: str
    header: str = ""
    choices: tuple[Choice, ...] = ()
    multi_select: bool = False
    allow_other: bool = False
    secret: bool = False


@dataclass(frozen=True, slots=True)
class QuestionRequest(WireForm):
    """The agent asks the user something and waits; see `PermissionRequest` for the shared attributes."""

    wire_kind: ClassVar[str] = "question"
    request_id: str
    session_id: str
    questions: tuple[Question, ...]
    tool_use_id: str | None = None
    parent_tool_use_id: str | None = None
    deadline: float | None = None
    raw: Any = field(default=None, repr=False, compare=False)
    source: Source | None = field(default=None, repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Answers(AnswerForm):
    """Answers to a `QuestionRequest`: for each question's id the chosen labels or free texts; empty declines.

    Raises:
        InvalidRequestError: Something in it is no text.
    """

    wire_kind: ClassVar[str] = "answers"
    answers: Mapping[str, tuple[str, ...]]

    def __post_init__(self) -> None:
        """Take a single text as the only one, and refuse what is none."""
        answers: dict[str, tuple[str, ...]] = {}
        for key, given in cast("Mapping[object, object]", self.answers).items():
            texts = (given,) if isinstance(given, str) else given
            if not isinstance(key, str) or not isinstance(texts, Iterable):
                raise InvalidRequestError(f"Answers are texts by a question's id; {key!r} has {given!r}.")
            parts = tuple(cast("Iterable[object]", texts))
            if wrong := [part for part in parts if not isinstance(part, str)]:
                raise InvalidRequestError(f"An answer is a text; one to {key!r} is of type {type(wrong[0]).__name__}.")
            answers[key] = cast("tuple[str, ...]", parts)
        object.__setattr__(self, "answers", answers)


@dataclass(frozen=True, slots=True)
class ElicitationRequest(WireForm):
    """An MCP server asks the user for data, or to visit a link; see `PermissionRequest` for the shared attributes.

    Attributes:
        server: Name of the MCP server.
        mode: "form" with a schema, or "url" with a link.
        message: What the server says; not to be trusted.
        schema: JSON Schema of the wanted content, for forms.
        url: The link, for links.
    """

    wire_kind: ClassVar[str] = "elicitation"
    request_id: str
    session_id: str
    server: str
    mode: Literal["form", "url"]
    message: str
    schema: Mapping[str, object] | None = None
    url: str | None = None
    parent_tool_use_id: str | None = None
    deadline: float | None = None
    raw: Any = field(default=None, repr=False, compare=False)
    source: Source | None = field(default=None, repr=False, compare=False)


@dataclass(frozen=True, slots=True)
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
