"""The table of a session's hooks: which functions are called for which event, and on what they are called."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Collection, Iterable
from dataclasses import field
from typing import Any, Final, Generic, TypeAlias, TypeVar, cast

from agent_sdk_core.arguments import checked_class
from agent_sdk_core.errors import InvalidRequestError, UnsupportedOptionError
from agent_sdk_core.hooks.decisions import AddContext, Block, ChangeInput, StopTurn
from agent_sdk_core.hooks.events import (
    MATCHED,
    HookName,
    PostCompactEvent,
    PostToolUseEvent,
    PreCompactEvent,
    PreSkillCommandEvent,
    PreToolUseEvent,
    PromptSubmitEvent,
    SessionEndEvent,
    SessionStartEvent,
    StopEvent,
    SubagentStartEvent,
    SubagentStopEvent,
)
from agent_sdk_core.hooks.names import HOOK_NAMES
from agent_sdk_core.option_values import is_async, takes_one
from agent_sdk_core.records import dataclass

E = TypeVar("E")
D = TypeVar("D")
E_contra = TypeVar("E_contra", contravariant=True)
D_co = TypeVar("D_co", covariant=True)

HOOK_SECONDS: Final = 60.0
"""How long a hook may take if it does not say."""


@checked_class()
@dataclass(frozen=True)
class Hook(Generic[E_contra, D_co]):
    """A function that is called for an event.

    Example:
        ```python
        Hooks(pre_tool_use=[Hook(check, matcher="Bash|Write", timeout=5)])
        ```

    Attributes:
        run: The async function: takes the event, and returns a decision or None.
        matcher: Regular expression for the whole of the tool's name, or of what else the event is about: the kind of
            a sub-agent, `trigger`, `source`, `reason`; absent: every event.
        timeout: Seconds that it may take; after that it counts as failed.

    Raises:
        InvalidRequestError: It is no async function, or the matcher no regular expression.
    """

    run: Callable[[E_contra], Awaitable[D_co | None]]
    matcher: str | None = None
    timeout: float = HOOK_SECONDS

    def __post_init__(self) -> None:
        """Check what cannot be used."""
        if not is_async(self.run):
            raise InvalidRequestError(
                f"Hook({self.name}): a hook is an async function (async def): a sync one would block every session."
            )
        if not takes_one(self.run):
            raise InvalidRequestError(
                f"Hook({self.name}): a hook takes one argument, the event, with what claude-agent-sdk passes beside "
                "each other: event.tool_name, event.input, event.tool_use_id, and what else is known."
            )
        if not 0 < self.timeout < float("inf"):
            raise InvalidRequestError(f"Hook({self.name}, timeout={self.timeout!r}): give seconds, more than none.")
        try:
            re.compile("" if self.matches_all else self.matcher or "")
        except re.error as error:
            raise InvalidRequestError(
                f"Hook({self.name}, matcher={self.matcher!r}) is no regular expression: {error}."
            ) from None

    @property
    def name(self) -> str:
        """What messages and logs call it."""
        return str(getattr(self.run, "__name__", None) or type(self.run).__name__)

    @property
    def matches_all(self) -> bool:
        """Whether it is called for every event."""
        return self.matcher in (None, "", "*")

    def matches(self, subjects: Collection[str]) -> bool:
        """Tell whether it is called for an event that is about these."""
        return self.matches_all or any(re.fullmatch(self.matcher or "", subject) for subject in subjects)


Entry: TypeAlias = Hook[E, D] | Callable[[E], Awaitable[D | None]]
Given: TypeAlias = Entry[E, D] | Iterable[Entry[E, D]]
"""What a field of `Hooks` takes: a function, a `Hook`, or several of them."""


@checked_class(*HOOK_NAMES)
@dataclass(frozen=True, slots=True)
class Hooks:
    """The hooks of a session: `SessionOptions(hooks=Hooks(pre_tool_use=check))`.

    Each field takes an async function, a `Hook` with a matcher and a timeout, or a list of them. They are called in
    order: each sees the input as the one before it left it, and the first that blocks is the last. A hook that raises,
    takes too long or answers what the event does not take blocks what it guards, and a message and the log say so.

    Attributes:
        pre_tool_use: Before each tool runs.
        post_tool_use: After it has run.
        prompt_submit: Before each prompt is sent.
        session_start: When the session is opened.
        session_end: When it ends.
        stop: When the turn would end.
        pre_compact: Before the conversation is replaced by a summary.
        post_compact: After that.
        subagent_start: When a sub-agent starts.
        subagent_stop: When it would end.
        pre_skill_command: Before a shell command in the text of a skill runs. Claude only.

    Raises:
        InvalidRequestError: A field holds something else, or a matcher where there is nothing to match.
    """

    pre_tool_use: Given[PreToolUseEvent, Block | ChangeInput | AddContext | StopTurn] = ()
    post_tool_use: Given[PostToolUseEvent, Block | AddContext | StopTurn] = ()
    prompt_submit: Given[PromptSubmitEvent, Block | AddContext] = ()
    session_start: Given[SessionStartEvent, Block | AddContext] = ()
    session_end: Given[SessionEndEvent, None] = ()
    stop: Given[StopEvent, Block] = ()
    pre_compact: Given[PreCompactEvent, Block] = ()
    post_compact: Given[PostCompactEvent, None] = ()
    subagent_start: Given[SubagentStartEvent, AddContext] = ()
    subagent_stop: Given[SubagentStopEvent, Block] = ()
    pre_skill_command: Given[PreSkillCommandEvent, Block] = ()
    _table: dict[HookName, tuple[Hook[Any, Any], ...]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Read the fields."""
        table = {name: _hooks(name, getattr(self, name)) for name in HOOK_NAMES}
        for name, hooks in table.items():
            object.__setattr__(self, name, hooks)
        object.__setattr__(self, "_table", {name: hooks for name, hooks in table.items() if hooks})

    @property
    def names(self) -> tuple[HookName, ...]:
        """The events that have hooks."""
        return tuple(self._table)

    def of(self, name: HookName) -> tuple[Hook[Any, Any], ...]:
        """Return the hooks of an event, in order."""
        return self._table.get(name, ())

    def seconds(self, name: HookName) -> float:
        """Return how long the hooks of an event may take together."""
        return sum(hook.timeout for hook in self.of(name))

    def require(self, backend: str, known: Collection[HookName]) -> None:
        """Refuse hooks that a backend cannot call.

        Args:
            backend: Name of the backend, for the message.
            known: The events that it has: `BackendCapabilities.hooks`.

        Raises:
            UnsupportedOptionError: It has not all of them.
        """
        if missing := [name for name in self.names if name not in known]:
            has = f"it has {', '.join(name for name in HOOK_NAMES if name in known)}" if known else "it has none"
            raise UnsupportedOptionError(
                f"The {backend} backend cannot call SessionOptions.hooks.{missing[0]}, so that it would guard nothing; "
                f"{has}.",
                backend=backend,
                details={"option": "hooks", "hook": missing[0]},
            )


def _hooks(name: HookName, given: Any) -> tuple[Hook[Any, Any], ...]:
    if given is None:
        return ()
    many = isinstance(given, Iterable) and not isinstance(given, str | bytes)
    entries = tuple(cast("Iterable[Any]", given)) if many else (cast("Any", given),)
    hooks: list[Hook[Any, Any]] = []
    for entry in entries:
        if not isinstance(entry, Hook) and not callable(entry):
            raise InvalidRequestError(
                f"Hooks({name}=…) takes an async function, a Hook, or a list of them, not {type(entry).__name__}."
            )
        hook = cast("Hook[Any, Any]", entry) if isinstance(entry, Hook) else Hook[Any, Any](cast("Any", entry))
        if not hook.matches_all and name not in MATCHED:
            raise InvalidRequestError(f"Hooks({name}=…): there is nothing to match; leave the matcher out.")
        hooks.append(hook)
    return tuple(hooks)
