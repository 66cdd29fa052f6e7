"""In-process tools: Python functions that the agent can call, offered alike on every backend.

A tool's arguments are checked against its JSON Schema before it runs, and whatever it raises becomes an error result
that the model sees; an agent's turn never fails because a tool did.
"""

from __future__ import annotations

import contextlib
import inspect
import logging
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import field
from functools import partial
from types import FrameType
from typing import Any, Final, Literal, cast, get_args, overload

import anyio

from agent_sdk_core.arguments import checked, checked_class
from agent_sdk_core.errors import InvalidRequestError, failure_text
from agent_sdk_core.option_values import json_value, require_positive
from agent_sdk_core.records import dataclass
from agent_sdk_core.tools.context import CURRENT, ToolContext
from agent_sdk_core.tools.functions import Function, FunctionCall, Handler, ToolFunction
from agent_sdk_core.tools.official import hints_of
from agent_sdk_core.tools.results import ToolResult
from agent_sdk_core.tools.schemas import schema_errors, schema_problem
from agent_sdk_core.wire.shown import described

_log = logging.getLogger(__name__)
_log.addHandler(logging.NullHandler())  # What a tool raises is told to the model; it is no traceback on a terminal.
_MOST_PROBLEMS: Final = 25
_DESCRIPTION_AND_SCHEMA: Final = 2
_CHECKED_BELOW: Final = (
    *("function", "name", "description", "annotations", "read_only", "destructive", "open_world"),
    *("max_result_chars", "ask", "timeout"),
)
TOOL_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")

ToolAsk = Literal["never", "policy", "always"]
"""Whether somebody is asked before a tool of the application runs; see `Tool.ask`."""


@checked_class("name", "description", "input_schema", "handler")
@dataclass(frozen=True, slots=True, repr=False)
class Tool:
    """A tool: what the model is told, and what runs.

    Attributes:
        name: Name of 1 to 64 letters, digits, "_" and "-", unique in its registry.
        description: What it does and when to use it, for the model.
        input_schema: JSON Schema of its arguments, an object.
        handler: Async function of the checked arguments, which are one mapping; returns text, an image, data, None or a
            `ToolResult`.
        read_only: Whether it changes nothing: Claude runs such calls of one message side by side.
        destructive: Whether it may destroy something that cannot be had back, as a hint to Claude; None: not said.
        open_world: Whether it reaches out to the world, such as a search of the web; likewise.
        max_result_chars: The longest result, in characters, that Claude hands on whole; None: its own limit.
        ask: Whether somebody is asked before it runs. "policy": about one that is not `read_only`, as about any other
            tool, so by policy, permission mode and `can_use_tool`; "never": the application has said yes by offering
            it; "always": each time, whatever was allowed before. What a policy denies runs with none of them, and a
            rule of it that asks holds for all of them.
        timeout: Seconds that a call may take, which are not those in which somebody is asked; then it is cancelled, and
            the model reads that. None: no limit.

    Raises:
        InvalidRequestError: Name or schema cannot be offered to a model, or a hint is of no use.
    """

    name: str
    description: str
    input_schema: Mapping[str, object]
    handler: Handler = field(repr=False)
    read_only: bool = False
    destructive: bool | None = None
    open_world: bool | None = None
    max_result_chars: int | None = None
    ask: ToolAsk = "policy"
    timeout: float | None = None

    def __post_init__(self) -> None:
        """Check what would otherwise fail at the agent."""
        if not TOOL_NAME.fullmatch(str(self.name)):
            raise InvalidRequestError(f"A tool's name has 1 to 64 letters, digits, '_' or '-', not {self.name!r}.")
        if not str(self.description or "").strip():
            raise InvalidRequestError(f"Tool {self.name} needs a description: the model chooses by it.")
        if not isinstance(self.input_schema, Mapping) or self.input_schema.get("type") != "object":  # pyright: ignore[reportUnnecessaryIsInstance]  # callers may be untyped
            raise InvalidRequestError(f"The input schema of {self.name} describes no object: give it type 'object'.")
        try:
            json_value(self.input_schema)
        except ValueError as error:
            raise InvalidRequestError(f"The input schema of {self.name} cannot be sent: it {error}.") from None
        # Of a schema that was made from types it is known; 60 ms, paid by those who write their own.
        typed = isinstance(self.handler, FunctionCall) and self.handler.typed
        if not typed and (problem := schema_problem(self.input_schema)) is not None:
            raise InvalidRequestError(f"The input schema of {self.name} is no JSON Schema: {problem}.")
        if self.read_only and self.destructive:
            raise InvalidRequestError(f"Tool {self.name} cannot be read_only and destructive.")
        if self.max_result_chars is not None and self.max_result_chars < 1:
            raise InvalidRequestError(f"max_result_chars of tool {self.name} must be 1 or more.")
        if self.ask not in get_args(ToolAsk):
            raise InvalidRequestError(f"ask of tool {self.name} is 'never', 'policy' or 'always', not {self.ask!r}.")
        require_positive(f"tool {self.name}", "timeout", self.timeout)

    def __repr__(self) -> str:
        properties = self.input_schema.get("properties")
        names = tuple(cast("Mapping[str, object]", properties)) if isinstance(properties, Mapping) else ()
        return described(self, name=self.name, description=self.description, arguments=names)

    @property
    def runs_unasked(self) -> bool:
        """Whether nobody is asked before it runs, unless a policy wants that."""
        return self.ask == "never" or (self.ask == "policy" and self.read_only)

    async def run(self, arguments: object, context: ToolContext | None = None) -> ToolResult:
        """Check the arguments and run the tool; never raises but for cancellation. Nobody is asked, nothing is timed.

        Args:
            arguments: What the model gives.
            context: The call, for a function that asks for it.
        """
        if (problem := self.problem(arguments)) is not None:
            return ToolResult.failed(problem)
        token = CURRENT.set(context)
        try:
            return ToolResult.of(await self.handler(cast("Mapping[str, object]", arguments)))
        except BaseException as error:
            # Code of the application may raise anything, `SystemExit` for instance; what cancels it has to pass.
            if is_cancellation(error):
                raise
            _log.warning("tool %s failed", self.name, exc_info=True)
            return ToolResult.failed(failure_text(error))
        finally:
            with contextlib.suppress(ValueError):  # A coroutine may be closed elsewhere.
                CURRENT.reset(token)

    def problem(self, arguments: object) -> str | None:
        """Return all that is wrong with arguments, as a sentence for the model; None if they fit."""
        try:
            problems = self._problems(arguments)
        except BaseException as error:  # Types of its parameters may be checked by code of the application.
            _log.warning("tool %s could not check its arguments", self.name, exc_info=True)
            problems = [f"they cannot be checked: {failure_text(error)}"]
        if not problems:
            return None
        more = len(problems) - _MOST_PROBLEMS
        told = "; ".join(problems[:_MOST_PROBLEMS]) + (f"; and {more} more" if more > 0 else "")
        return f"Invalid arguments for {self.name}: {told}"

    def _problems(self, arguments: object) -> list[str]:
        errors = schema_errors(self.input_schema, arguments)
        places = ["/".join(str(part) for part in error.absolute_path) for error in errors]
        told = [
            f"{place}: {error.message}" if place else error.message for place, error in zip(places, errors, strict=True)
        ]
        if isinstance(self.handler, FunctionCall):  # It may want more than its schema says.
            named = {part for error in errors for part in (*error.absolute_path, *_absent(error))}
            found = self.handler.problems(arguments).items()
            told += [f"{place}: {problem}" for place, problem in found if place.partition("/")[0] not in named]
        return told


def _absent(error: Any) -> list[str]:
    """Return the arguments of which an error says that they are missing, or unknown."""
    given, properties = cast("Mapping[str, object]", error.instance), error.schema.get("properties", {})
    match error.validator:
        case "required":
            return [name for name in error.validator_value if name not in given]
        case "additionalProperties":
            return [name for name in given if name not in properties]
        case _:
            return []


@overload
def tool(
    function: Function,
    /,
    *,
    name: str | None = None,
    description: str | None = None,
    read_only: bool = False,
    destructive: bool | None = None,
    open_world: bool | None = None,
    max_result_chars: int | None = None,
    ask: ToolAsk = "policy",
    timeout: float | None = None,
) -> Tool: ...
@overload
def tool(
    *,
    name: str | None = None,
    description: str | None = None,
    read_only: bool = False,
    destructive: bool | None = None,
    open_world: bool | None = None,
    max_result_chars: int | None = None,
    ask: ToolAsk = "policy",
    timeout: float | None = None,
) -> Callable[[Function], Tool]: ...
@overload
def tool(
    name: str,
    description: str,
    input_schema: object,
    /,
    *,
    annotations: object = None,
    read_only: bool = False,
    destructive: bool | None = None,
    open_world: bool | None = None,
    max_result_chars: int | None = None,
    ask: ToolAsk = "policy",
    timeout: float | None = None,
) -> Callable[[Function], Tool]: ...
@partial(checked, own=_CHECKED_BELOW)
def tool(
    function: object = None,
    /,
    *official: object,
    name: str | None = None,
    description: str | None = None,
    annotations: object = None,
    read_only: bool = False,
    destructive: bool | None = None,
    open_world: bool | None = None,
    max_result_chars: int | None = None,
    ask: ToolAsk = "policy",
    timeout: float | None = None,
) -> Any:
    """Make a tool of a function: its parameters become the schema, its docstring the description.

    An async one runs in the event loop, a plain one in a thread. A bound method, a partial (what it binds is not shown
    to the model) and an object with a `__call__` are taken as well. A parameter of type `ToolContext` is given what is
    known of the call.

    The spelling of claude-agent-sdk works too, `@tool("add", "Add two numbers.", {"a": float, "b": float})`: name,
    description, and types by name, a TypedDict or a JSON Schema. The function takes the arguments as one dictionary; it
    may return `{"content": [{"type": "text", "text": …}]}`.

    Args:
        function: The function, when used as a plain decorator.
        official: Description and schema, after the name.
        name: Name of the tool; absent: the function's.
        description: What it does; absent: the function's docstring.
        annotations: Hints in MCP's words, such as `{"readOnlyHint": True}`.
        read_only: As in `Tool`.
        destructive: As in `Tool`.
        open_world: As in `Tool`.
        max_result_chars: As in `Tool`.
        ask: As in `Tool`.
        timeout: As in `Tool`.

    Raises:
        InvalidRequestError: It is no function, has no description, or a parameter that no model can give; the message
            says which, and what to do.
    """
    for option, value, kind, words in (
        ("name", name, str | None, "text"),
        ("description", description, str | None, "text"),
        ("read_only", read_only, bool, "True or False"),
        ("destructive", destructive, bool | None, "True or False"),
        ("open_world", open_world, bool | None, "True or False"),
        ("max_result_chars", max_result_chars, int | None, "a whole number"),
        ("ask", ask, str, "'never', 'policy' or 'always'"),
        ("timeout", timeout, int | float | None, "a number of seconds"),
    ):
        if not isinstance(cast("object", value), kind):
            raise InvalidRequestError(f"@tool: {option} must be {words}, not {type(value).__name__}.")
    hints: dict[str, Any] = {
        "read_only": read_only,
        "destructive": destructive,
        "open_world": open_world,
        "max_result_chars": max_result_chars,
        "ask": ask,
        "timeout": timeout,
    }
    hints |= hints_of(annotations)
    if isinstance(function, str):
        return partial(_by_schema, function, *_official(function, official, name, description), hints)
    if official:
        raise InvalidRequestError("@tool goes above a function; give name= and description= by name.")

    def decorate(wrapped: Function) -> Tool:
        return made(wrapped, inspect.currentframe())

    def made(wrapped: Function, frame: FrameType | None) -> Tool:
        outer = frame.f_back if frame is not None else None
        while outer is not None and outer.f_globals.get("__name__") == checked.__module__:
            outer = outer.f_back
        names = {} if outer is None else outer.f_locals
        found = ToolFunction.of(wrapped, description=description, names=names)
        return Tool(found.name if name is None else name, found.description, found.schema, found.call, **hints)

    return decorate if function is None else made(cast("Function", function), inspect.currentframe())


def _official(function: str, given: tuple[object, ...], name: object, description: object) -> tuple[str, object]:
    if len(given) != _DESCRIPTION_AND_SCHEMA or name is not None or description is not None:
        raise InvalidRequestError(
            f"@tool({function!r}, …) takes a name, a description and the types of the arguments, such as "
            '@tool("add", "Add two numbers.", {"a": float}); or put @tool above a function, whose parameters '
            "and docstring say it."
        )
    return str(given[0]), given[1]


def _by_schema(name: str, description: str, schema: object, hints: Mapping[str, Any], function: object) -> Tool:
    found = ToolFunction.taking(name, schema, function)
    return Tool(name, description, found.schema, found.call, **hints)


def is_cancellation(error: BaseException) -> bool:
    """Tell whether an exception cancels, or closes, the code that it comes out of."""
    if isinstance(error, anyio.get_cancelled_exc_class() | GeneratorExit):
        return True
    # In a group of exceptions the cancellation may stand beside others; who is cancelled has no use for a result.
    return anyio.current_effective_deadline() == -math.inf
