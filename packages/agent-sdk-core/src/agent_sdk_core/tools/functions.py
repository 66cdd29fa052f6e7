"""Functions as tools: parameters become a JSON Schema, and arguments values of their types.

No name of a parameter reaches pydantic, which has names of its own, and whatever it cannot make a schema of is refused
in a sentence that names function, parameter and remedy.
"""

from __future__ import annotations

import inspect
import sys
import warnings
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from types import SimpleNamespace
from typing import Any, Final, NotRequired, Required, cast, get_args, get_origin, get_type_hints

from pydantic_core import to_jsonable_python

from agent_sdk_core.errors import InvalidRequestError
from agent_sdk_core.option_values import json_value
from agent_sdk_core.tools.official import result_of

Function = Callable[..., Awaitable[object]]
Handler = Callable[[Mapping[str, object]], Awaitable[object]]

_BY_SCHEMA: Final = "or build it with Tool(name, description, input_schema, handler)"


@dataclass(frozen=True, slots=True)
class ToolFunction:
    """What an async function is as a tool.

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
        """Read a function, a bound method, a partial or an object with an async `__call__`.

        Args:
            function: What is to be called.
            description: What it does, if its docstring shall not say it.
            names: Local names where it was made, for types that are written as text.

        Raises:
            InvalidRequestError: It is not async, has no description, or a parameter that no model can give.
        """
        target, bound = function, set[str]()
        while isinstance(target, partial):
            bound |= set(target.keywords)
            target = cast("object", target.func)
        named = hasattr(target, "__name__")
        name = str(getattr(target if named else type(target), "__name__", "?"))
        called = target if named else getattr(type(target), "__call__", None)  # noqa: B004  # its type
        if not inspect.iscoroutinefunction(called):
            raise InvalidRequestError(f"A tool is an async function; make it `async def {name}(…)`.")
        own = inspect.cleandoc(getattr(called, "__doc__", None) or "")
        about = description or own or (inspect.getdoc(called) if named else inspect.getdoc(type(target)))
        if not (about or "").strip() and sys.flags.optimize > 1:
            about = name.replace("_", " ").strip()  # python -OO strips docstrings: a tool must not fail by it.
        if about is None or not about.strip():
            raise InvalidRequestError(
                f"Tool {name} needs a docstring, or tool(description=…): the model chooses by it."
            )
        scope = {**getattr(inspect.unwrap(called), "__globals__", {}), **names}
        fields, positions = _fields(name, cast("Function", function), bound, scope)
        schema, model = _schema(name, fields)

        async def call(arguments: Mapping[str, object]) -> object:
            given = _checked(model, arguments)
            leading = [given.pop(field, default) for field, default in positions.items()]
            return await cast("Function", function)(*leading, **given)

        return cls(name, about, schema, call)

    @classmethod
    def taking(cls, name: str, schema: object, function: object) -> ToolFunction:
        """Read a function of one dictionary, as claude-agent-sdk has them.

        Args:
            name: Name of the tool.
            schema: Types by name, a TypedDict, or a JSON Schema of an object.
            function: Async function of the arguments.

        Raises:
            InvalidRequestError: It is not async, or the schema is none.
        """
        if not inspect.iscoroutinefunction(function):
            shown = getattr(function, "__name__", name)
            raise InvalidRequestError(f"A tool is an async function; make it `async def {shown}(arguments)`.")
        described, model = _schema_of(name, schema)

        async def call(arguments: Mapping[str, object]) -> object:
            given = {**arguments} if model is None else _checked(model, arguments)
            return result_of(await cast("Function", function)(given))

        return cls(name, name, described, call)


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
        problems = (
            "/".join(map(str, found["loc"])) + ": " + found["msg"].removeprefix("Value error, ")
            for found in error.errors(include_url=False)
        )
        raise InvalidRequestError(f"Invalid arguments: {'; '.join(problems)}") from None
    fields: Mapping[str, Any] = model.model_fields
    given: set[str] = checked.model_fields_set
    return {str(field.alias): getattr(checked, name) for name, field in fields.items() if name in given}


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0].rstrip(".")
