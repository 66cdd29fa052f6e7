"""`OutputType`: a type of Python that an answer has to be of, as a schema and as a check; by pydantic."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from functools import partial
from typing import Any, Final, cast, get_args, get_origin

from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic_core import to_json

from agent_sdk_core.errors import InvalidRequestError
from agent_sdk_core.wire.reading import Json

_TAKES: Final = "Pass a pydantic model, a dataclass, a TypedDict, or another type of data, such as list[int]."
_FUNCTION: Final = "it is a function, and no answer is one; name the type of data that you want"


class OutputType:
    """A pydantic model, dataclass, `TypedDict`, `Literal`, union, list, or plain type.

    Args:
        type_: The type.

    Attributes:
        name: Its name, for messages.
        schema: The JSON Schema of what is read.

    Raises:
        InvalidRequestError: It is no type, or one that no JSON can be.
    """

    def __init__(self, type_: Any) -> None:
        self.name = type_.__name__ if isinstance(type_, type) and not hasattr(type_, "__origin__") else str(type_)
        if type_ is Any or type_ is object or type_ is None or isinstance(type_, str | BaseModel):
            raise self._refused("it does not say what an answer shall be; name a model, a dataclass or another type")
        if inspect.isroutine(type_) or isinstance(type_, partial):  # pydantic would take it for its parameters
            raise self._refused(_FUNCTION)
        if (unbound := next(_unbound(type_), None)) is not None:
            raise self._refused(f"it leaves {unbound} open; say what it stands for, as in Page[int]")
        if get_origin(type_) is type:
            raise self._refused("no JSON is a class; name the class itself, and its instance is the answer")
        try:
            self._adapter: TypeAdapter[Any] = TypeAdapter(type_)
            self.schema: Json = self._adapter.json_schema()
        except Exception as error:  # whatever pydantic makes of what is no type
            raise self._refused(str(error).partition("\n\nFor further")[0].strip().rstrip(".")) from error

    def read(self, answer: object) -> object:
        """Return an answer as a value of the type.

        Raises:
            ValidationError: It is none.
        """
        return self._adapter.validate_json(to_json(answer))

    def problems(self, error: ValidationError) -> list[dict[str, str]]:
        """Return what an answer fails of: the `path` to it, "" for all of the value, and a `message`."""
        return [
            {"path": "/".join(str(part) for part in problem["loc"]), "message": problem["msg"]}
            for problem in error.errors(include_url=False, include_context=False, include_input=False)
        ]

    def _refused(self, why: str) -> InvalidRequestError:
        return InvalidRequestError(f"output_type={self.name}: {why}. {_TAKES}", details={"option": "output_type"})


def _unbound(type_: Any) -> Iterator[str]:
    """Return the names of the type variables that a type, or one in its brackets, leaves open and without a default."""
    parameters = getattr(type_, "__parameters__", ()) if get_origin(type_) is None else ()
    for variable in cast("tuple[Any, ...]", (type_,) if hasattr(type_, "__typing_subst__") else parameters):
        if not (hasattr(variable, "has_default") and variable.has_default()):
            yield variable.__name__
    for inner in get_args(type_):
        yield from _unbound(inner)
