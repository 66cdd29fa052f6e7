"""Functions as tools: parameters become a JSON Schema, and arguments values of their types.

No name of a parameter reaches pydantic, which has names of its own, and whatever it cannot make a schema of is refused
in a sentence that names function, parameter and remedy.
"""

from __future__ import annotations

import inspect
import sys
import warnings
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final, NotRequired, Required, cast, get_args, get_origin, get_type_hints

from pydantic_core import to_jsonable_python

from agent_sdk_core.errors import InvalidRequestError
from agent_sdk_core.option_values import json_value
from agent_sdk_core.records import dataclass
from agent_sdk_core.tools.context import ToolContext, asks_for_context, current_context
from agent_sdk_core.tools.official import result_of
from agent_sdk_core.tools.threads import in_thread

if TYPE_CHECKING:
    from pydantic import ValidationError

Function = Callable[..., object]
Handler = Callable[[Mapping[str, object]], Awaitable[object]]

_BY_SCHEMA: Final = "or build it with Tool(name, description, input_schema, handler)"


class FunctionCall:
    """Calls a function with the arguments of a model.

    Args:
        function: The function.
        model: Checks the arguments, and makes values of the parameters' types; None: they are given as they are.
        positions: Defaults of the parameters that are given by position alone.
        context: The parameter that is given the context of the call.
        whole: Whether the function takes the arguments as one dictionary.
    """

    def __init__(
        self,
        function: Function,
        model: Any,
        *,
        positions: Mapping[str, object] | None = None,
        context: str | None = None,
        whole: bool = False,
    ) -> None:
        self._function = function
        self._model = model
        self._positions = positions or {}
        self._context = context
        self._whole = whole

    @property
    def typed(self) -> bool:
        """Whether the schema was made from types."""
        return self._model is not None

    def problems(self, arguments: object) -> dict[str, str]:
        """Return what is wrong with arguments by its place, beside what their schema says."""
        if self._model is None or not isinstance(arguments, Mapping):
            return {}
        from pydantic import ValidationError

        try:
            self._model.model_validate(arguments)
        except ValidationError as error:
            return _places(error)
        return {}

    async def __call__(self, arguments: Mapping[str, object]) -> object:
        """Call the function.

        Raises:
            InvalidRequestError: The arguments do not fit.
        """
        given = {**arguments} if self._model is None else _checked(self._model, arguments)
        own = {} if self._context is None else {self._context: current_context()}
        if self._whole:
            return result_of(await cast("Any", self._function)(given, **own))
        given |= own
        leading = [given.pop(field, default) for field, default in self._positions.items()]
        return await cast("Any", self._function)(*leading, **given)


@dataclass(frozen=True, slots=True)
class ToolFunction:
    """What a function is as a tool.

    Attributes:
        name: Its name.
        description: What it does.
        schema: JSON Schema of its parameters, an object.
        call: Calls it with arguments that fit the schema.
    """

    name: str
    description: str
    schema: dict[str, object]
    call: Handler

    @classmethod
    def of(cls, function: object, *, description: str | None, names: Mapping[str, object]) -> ToolFunction:
        """Read a function, a bound method, a partial or an object with a `__call__`; a plain one runs in a thread.

        Args:
            function: What is to be called.
            description: What it does, if its docstring shall not say it.
            names: Local names where it was made, for types that are written as text.

        Raises:
            InvalidRequestError: It is no function, has no description, or a parameter that no model can give.
        """
        target, bound = function, set[str]()
        while isinstance(target, partial):
            bound |= set(target.keywords)
            target = cast("object", target.func)
        named = hasattr(target, "__name__")
        name = str(getattr(target if named else type(target), "__name__", "?"))
        called = target if named else getattr(type(target), "__call__", None)  # noqa: B004  # its type
        if not callable(target) or isinstance(target, type):
            raise InvalidRequestError(f"A tool is made of a function, not of {function!r:.80}.")
        own = inspect.cleandoc(getattr(called, "__doc__", None) or "")
        about = description or own or (inspect.getdoc(called) if named else inspect.getdoc(type(target)))
        if not (about or "").strip() and sys.flags.optimize > 1:
            about = name.replace("_", " ").strip()  # python -OO strips docstrings: a tool must not fail by it.
        if about is None or not about.strip():
            raise InvalidRequestError(
                f"Tool {name} needs a docstring, or tool(description=…): the model chooses by it."
            )
        scope = {**getattr(inspect.unwrap(cast("Function", called)), "__globals__", {}), **names}
        fields, positions = _fields(name, cast("Function", function), bound, scope)
        context = _take_context(name, fields, positions)
        schema, model = _schema(name, fields)
        code = cast("Function", function) if inspect.iscoroutinefunction(called) else in_thread(cast("Any", function))
        return cls(name, about, schema, FunctionCall(code, model, positions=positions, context=context))

    @classmethod
    def taking(cls, name: str, schema: object, function: object) -> ToolFunction:
        """Read a function of one dictionary, as claude-agent-sdk has them.

        Args:
            name: Name of the tool.
            schema: Types by name, a TypedDict, or a JSON Schema of an object.
            function: Function of the arguments, and of the context if it asks for one; a plain one runs in a thread.

        Raises:
            InvalidRequestError: It is no function, or the schema is none.
        """
        if not callable(function) or isinstance(function, type):
            raise InvalidRequestError(f"A tool is made of a function, not of {function!r:.80}.")
        described, model = _schema_of(name, schema)
        hints = getattr(inspect.unwrap(function), "__annotations__", {})
        asked = (key for key, hint in hints.items() if asks_for_context(hint) or hint == ToolContext.__name__)
        code = cast("Function", function) if inspect.iscoroutinefunction(function) else in_thread(function)
        return cls(name, name, described, FunctionCall(code, model, context=next(asked, None), whole=True))


def _schema_of(name: str, given: object) -> tuple[dict[str, object], Any]:
    """Return the JSON Schema of arguments given as types by name, a TypedDict or a schema, and their checker."""
    if isinstance(given, Mapping):
        table = cast("Mapping[str, Any]", given)
        if isinstance(table.get("type"), str):
            return cast("dict[str, object]", {**table}), None
        return _schema(name, {field: (hint, inspect.Parameter.empty) for field, hint in table.items()})
    if isinstance(given, type) and hasattr(given, "__required_keys__"):
        required = cast("frozenset[str]", getattr(given, "__required_keys__"))  # noqa: B009  # a TypedDict has it
        hints = get_type_hints(given, include_extras=True)
        return _schema(name, {field: _member(hint, field in required) for field, hint in hints.items()})
    raise InvalidRequestError(
        f"The schema of tool {name} is a table of types by name, a TypedDict or a JSON Schema, not {given!r:.80}."
    )


def _member(hint: Any, required: bool) -> tuple[Any, Any]:
    """Return the type of a TypedDict's member, and no default if it has to be given."""
    if (qualifier := get_origin(hint)) in (Required, NotRequired):
        hint, required = get_args(hint)[0], qualifier is Required
    return hint, inspect.Parameter.empty if required else None


def _fields(
    name: str, function: Function, bound: set[str], scope: dict[str, Any]
) -> tuple[dict[str, tuple[Any, Any]], dict[str, Any]]:
    """Return type and default of each parameter, and the defaults of those that are given by position alone."""
    fields: dict[str, tuple[Any, Any]] = {}
    positions: dict[str, Any] = {}
    for parameter in inspect.signature(function).parameters.values():
        if parameter.name in bound:
            continue
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            shown = str(parameter).replace("'", "")
            raise InvalidRequestError(
                f"Parameter {shown} of tool {name} cannot be given by name: give it a list or a dict, {_BY_SCHEMA}."
            )
        annotated = parameter.annotation is not parameter.empty
        if not fields and not annotated and parameter.name in ("self", "cls"):
            raise InvalidRequestError(f"Tool {name} is a method of no object: make it of a bound one, tool(it.{name}).")
        if parameter.kind is parameter.POSITIONAL_ONLY:
            positions[parameter.name] = parameter.default
        fields[parameter.name] = (
            _hint(name, parameter, scope) if annotated else Any,
            parameter.default,
        )
    return fields, positions


def _take_context(name: str, fields: dict[str, tuple[Any, Any]], positions: dict[str, Any]) -> str | None:
    """Take the parameter out that is given the context of the call."""
    asked = [field for field, (hint, _) in fields.items() if asks_for_context(hint)]
    if len(asked) > 1 or any(field in positions for field in asked):
        raise InvalidRequestError(f"Tool {name} takes its ToolContext as one parameter that can be given by name.")
    for field in asked:
        del fields[field]
    return asked[0] if asked else None


def _hint(name: str, parameter: inspect.Parameter, scope: dict[str, Any]) -> Any:
    holder = cast("Any", SimpleNamespace(__annotations__={"type": parameter.annotation}))
    try:
        return get_type_hints(holder, scope, scope, include_extras=True)["type"]
    except Exception as error:
        raise InvalidRequestError(
            f"The type of parameter {parameter.name} of tool {name} cannot be read: {error}. Import what it names at "
            f"run time, not only under TYPE_CHECKING, {_BY_SCHEMA}."
        ) from error


def _schema(name: str, fields: Mapping[str, tuple[Any, Any]]) -> tuple[dict[str, object], Any]:
    try:
        model = _model(name, fields)
        schema = _json_schema(model)
    except Exception as error:
        culprit, reason = next(
            ((field, found) for field, typed in fields.items() if (found := _problem({field: typed})) is not None),
            ("?", error),
        )
        raise InvalidRequestError(
            f"No schema can be made of the type of parameter {culprit} of tool {name}: {_first_line(reason)}. Give it "
            f"another type, {_BY_SCHEMA}."
        ) from error
    for field, described in cast("dict[str, dict[str, object]]", schema.get("properties", {})).items():
        described.pop("default", None)
        default = fields[field][1]
        if default is not inspect.Parameter.empty:
            try:
                described["default"] = json_value(to_jsonable_python(default))
            except ValueError:
                continue  # What JSON cannot hold need not be told: the function's own default applies.
    return cast("dict[str, object]", json_value(schema)), model


def _problem(fields: Mapping[str, tuple[Any, Any]]) -> Exception | None:
    try:
        _json_schema(_model("one", fields))
    except Exception as error:
        return error
    return None


def _model(name: str, fields: Mapping[str, tuple[Any, Any]]) -> Any:
    from pydantic import ConfigDict, Field, create_model

    made: dict[str, Any] = {
        f"argument_{index}": (hint, Field(... if default is inspect.Parameter.empty else None, alias=field))
        for index, (field, (hint, default)) in enumerate(fields.items())
    }
    return create_model(name, __config__=ConfigDict(extra="forbid"), **made)


def _json_schema(model: Any) -> dict[str, Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Of defaults that JSON cannot hold, in types of the application.
        return json_value(model.model_json_schema())


def _checked(model: Any, arguments: Mapping[str, object]) -> dict[str, object]:
    """Return what was given, as values of the parameters' types; a default is left to the function itself."""
    from pydantic import ValidationError

    try:
        checked = model.model_validate(arguments)
    except ValidationError as error:
        problems = (f"{place}: {problem}" for place, problem in _places(error).items())
        raise InvalidRequestError(f"Invalid arguments: {'; '.join(problems)}") from None
    fields: Mapping[str, Any] = model.model_fields
    given: set[str] = checked.model_fields_set
    return {str(field.alias): getattr(checked, name) for name, field in fields.items() if name in given}


def _places(error: ValidationError) -> dict[str, str]:
    return {
        "/".join(map(str, found["loc"])): found["msg"].removeprefix("Value error, ")
        for found in error.errors(include_url=False)
    }


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0].rstrip(".")
