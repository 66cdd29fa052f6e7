"""What the agent asks permission for, and how it is answered. Nothing here is ever allowed by default."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import field
from enum import Enum
from threading import Event
from typing import TYPE_CHECKING, Any, ClassVar, Final, Literal, get_args
from uuid import uuid4

from agent_sdk_core.arguments import checked_class
from agent_sdk_core.asking.mode_names import PermissionMode as PermissionMode
from agent_sdk_core.asking.updates import PermissionUpdate, read_updates
from agent_sdk_core.errors import InvalidRequestError
from agent_sdk_core.messages.base import Source
from agent_sdk_core.messages.kinds import ToolKind, tool_kind
from agent_sdk_core.records import dataclass
from agent_sdk_core.wire.forms import AnswerForm, WireForm

if TYPE_CHECKING:
    from pydantic_core import CoreSchema

Escalation = Literal["sandbox", "network", "permissions", "stdin", "path"]
"""What an allowed request would lift: the sandbox, network limits, granted permissions, a program's input, a path."""

GrantScope = Literal["once", "session", "always"]


@checked_class("updates")
@dataclass(frozen=True, slots=True, repr=False)
class Allow(AnswerForm):
    """Let the tool run.

    Attributes:
        scope: For this call, for the session, or always. A scope that the request does not offer is narrowed to the
            widest one offered below it, never widened.
        option: Id of one of the request's own options, where its exact grant is meant.
        updated_input: Input to run instead, as far as the request's `changeable` says; another change is refused.
        updates: What changes from now on beside this call: rules, the mode, folders; also as `PermissionUpdate`s of
            claude-agent-sdk, or as its dictionaries. One that the session cannot keep is refused before anything is
            sent.

    Raises:
        InvalidRequestError: There is no such scope, or no such update.
    """

    wire_kind: ClassVar[str] = "allow"
    scope: GrantScope = "once"
    option: str | None = None
    updated_input: Mapping[str, object] | None = None
    updates: Sequence[PermissionUpdate] = ()

    def __post_init__(self) -> None:
        """Refuse a scope that is none, which would pass for the narrowest, and read official updates."""
        object.__setattr__(self, "updates", read_updates(self.updates))
        if self.scope not in get_args(GrantScope):
            raise InvalidRequestError(f"An Allow's scope is 'once', 'session' or 'always', not {self.scope!r}.")


@checked_class()
@dataclass(frozen=True, slots=True, repr=False)
class Deny(AnswerForm):
    """Refuse.

    Attributes:
        message: Why, for the model where the agent passes it on (Codex does not).
        interrupt: Also end the turn.
        option: Id of one of the request's own options, such as a lasting refusal; of one that there is not, it denies
            all the same.
    """

    wire_kind: ClassVar[str] = "deny"
    message: str = ""
    interrupt: bool = False
    option: str | None = None


class Defer(Enum):
    """Type of `DEFER`."""

    DEFER = "defer"


DEFER: Final = Defer.DEFER
"""As `can_use_tool`: nobody is called, requests wait in `session.pending` for `session.answer()`."""

Permission = Allow | Deny


@checked_class()
@dataclass(frozen=True, slots=True, repr=False)
class PermissionOption(WireForm):
    """One way to answer that a person can choose.

    Attributes:
        id: Stable within the request.
        label: What a button says.
        answer: What to return from the callback when it is chosen.
        stored: Where the grant is kept and whom it concerns, in words; "" when nothing is kept.
        updates: What is kept, where that can be said in rules: `Allow(updates=option.updates)` keeps the same.
    """

    id: str
    label: str
    answer: Permission
    stored: str = ""
    updates: Sequence[PermissionUpdate] = ()


ALLOW: Final = PermissionOption("allow", "Yes", Allow())
DENY: Final = PermissionOption("deny", "No", Deny())
DENY_AND_STOP: Final = PermissionOption("deny_stop", "No, and stop", Deny(interrupt=True))
"""The options that nearly every request has."""


def new_id() -> str:
    """Return an id for a request."""
    return str(uuid4())


class Settled(Event):
    """Set when nobody waits for an answer any more; true then, and like any event that threads wait for else."""

    def __bool__(self) -> bool:
        return self.is_set()

    def __reduce__(self) -> tuple[Callable[[bool], Settled], tuple[bool]]:
        return _settled, (self.is_set(),)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: object, handler: object) -> CoreSchema:
        from pydantic_core import core_schema

        return core_schema.any_schema()  # For the schema of a request, which leaves it out.


def _settled(already: bool) -> Settled:
    """Return an event of its own for a copy of a request."""
    event = Settled()
    if already:
        event.set()
    return event


@checked_class()
@dataclass(frozen=True, slots=True, repr=False)
class PermissionRequest(WireForm):
    """The agent wants to use a tool and waits.

    A test of a callback makes one of the first two alone: `PermissionRequest("Bash", {"command": "ls"})`.

    Attributes:
        tool_name: Tool in Claude's vocabulary, such as "Bash" or "Edit".
        input: Its arguments; a command's text, an edit's strings.
        request_id: Ours; `session.answer()` takes it.
        session_id: The session that asks; "" for a request that no session made.
        tool_use_id: The tool use that waits, where it has been announced.
        cwd: Folder the tool would run in.
        reason: Why the agent asks, in its own words.
        escalates: What an allow would lift.
        options: The ways to answer, narrowest first, refusals last; absent: yes and no.
        diff: For edits, the change as a unified diff.
        parent_tool_use_id: The tool use of the sub-agent that asks; None on the main thread.
        agent_id: The sub-agent that asks, as the agent calls it; None on the main thread.
        blocked_path: The path for which the agent asks, where it names one.
        command_parts: For a command, each command that it runs, those of pipes, lists, sub-shells and `bash -c` too;
            empty for other tools, and where it cannot be read.
        requires_person: Whether the agent wants a person to decide: no rule of a policy allows it, no option lasts.
        changeable: The arguments that an `Allow(updated_input=…)` may change; None: any of them. Empty where the agent
            runs what it asked about and nothing else. Of permissions a part may be granted, and never more.
        rule: The rule of a policy that wants it to be asked about.
        deadline: Unix time in seconds after which it is denied, or None.
        raw: The native request.
        source: Native ids.
        settled: Set, for every thread, when nobody waits for an answer any more: it was answered, withdrawn by the
            agent or an interrupt, its time is up, or its session closed. A plain callback, or whoever shows the
            request, may look at it (`if request.settled`) and wait for it (`request.settled.wait(1)`). A request that
            was read from its wire form never learns of its end; `RequestResolved` tells it there.
    """

    wire_kind: ClassVar[str] = "permission"
    wire_required: ClassVar[frozenset[str]] = frozenset({"request_id", "session_id", "input"})
    tool_name: str
    input: Mapping[str, object] = field(default_factory=dict[str, object])
    request_id: str = field(default_factory=new_id)
    session_id: str = ""
    tool_use_id: str | None = None
    cwd: str | None = None
    reason: str | None = None
    escalates: frozenset[Escalation] = frozenset()
    options: tuple[PermissionOption, ...] = field(default_factory=lambda: (ALLOW, DENY))
    diff: str | None = None
    parent_tool_use_id: str | None = None
    agent_id: str | None = None
    blocked_path: str | None = None
    command_parts: tuple[str, ...] = ()
    requires_person: bool = False
    changeable: tuple[str, ...] | None = None
    rule: str | None = None
    deadline: float | None = None
    raw: Any = field(default=None, repr=False, compare=False)
    source: Source | None = field(default=None, repr=False, compare=False)
    settled: Settled = field(default_factory=Settled, repr=False, compare=False, kw_only=True)

    if not TYPE_CHECKING:  # A type checker would take any name for an attribute.

        def __getattr__(self, name: str) -> object:
            from agent_sdk_core.spellings import no_attribute

            raise no_attribute("PermissionRequest", self, name)

    @property
    def kind(self) -> ToolKind:
        """What the tool does."""
        return tool_kind(self.tool_name)

    def option(self, option_id: str) -> PermissionOption | None:
        """Return the option with this id, or None."""
        return next((option for option in self.options if option.id == option_id), None)


CanUseTool = Callable[[PermissionRequest], Awaitable[Permission]]
"""Called for each permission; may run concurrently with itself; cancelled when the agent withdraws the request."""
