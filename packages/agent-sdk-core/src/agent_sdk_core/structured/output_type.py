"""`OutputType`: a type of Python that an answer has to be of, as a schema and as a check; by pydantic."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic_core import to_json

from agent_sdk_core.errors import InvalidRequestError
from agent_sdk_core.wire.reading import Json


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
        return InvalidRequestError(f"output_type={self.name}: {why}.", details={"option": "output_type"})
