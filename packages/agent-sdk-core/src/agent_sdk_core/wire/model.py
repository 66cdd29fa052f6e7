"""`WireModel`: a piece of an agent's wire as a pydantic model that keeps all it was given."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Self

from pydantic import ConfigDict, StrictFloat, StrictInt, ValidationError

from agent_sdk_core.errors import InvalidRequestError
from agent_sdk_core.wire.building import DeferredModel
from agent_sdk_core.wire.json_lines import json_object, json_text
from agent_sdk_core.wire.shown import described

Number = StrictInt | StrictFloat
"""A JSON number that keeps its spelling: 5 stays an int, 5.0 a float."""


class WireModel(DeferredModel, frozen=True):  # pyright: ignore[reportGeneralTypeIssues]  # its base has no field to freeze
    """A piece of the wire: unknown keys are kept, known ones have snake_case names and the wire's spelling as alias."""

    model_config = ConfigDict(
        extra="allow",
        validate_by_name=True,
        validate_by_alias=True,
        protected_namespaces=(),
    )
    _naming: ClassVar[frozenset[str]] = frozenset()

    if not TYPE_CHECKING:  # A type checker knows the fields by the class itself.

        def __init__(self, **fields: Any) -> None:
            """Make one from fields by name; what does not fit is an `InvalidRequestError`."""
            try:
                super().__init__(**fields)
            except ValidationError as error:
                wrong = [
                    f"{'.'.join(map(str, each['loc']))}: {each['msg'].lower()}"
                    for each in error.errors(include_url=False, include_input=False, include_context=False)
                ]
                raise InvalidRequestError(f"{type(self).__name__} cannot be made: {'; '.join(wrong)}.") from None
            self.__pydantic_fields_set__.update(self._naming)

        __init__.__pydantic_base_init__ = True  # As `BaseModel.__init__`: reading a wire does not go through it.

    def to_wire(self) -> dict[str, Any]:
        """Return the Claude-shaped object, with exactly the keys that were given."""
        return self.model_dump(by_alias=True, exclude_unset=True, warnings=False)

    @classmethod
    def from_wire(cls, data: Mapping[str, object]) -> Self:
        """Return what `to_wire` gave this of.

        Raises:
            InvalidRequestError: A field does not fit; the message names the first.
        """
        try:
            return cls.model_validate(data)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            place = ".".join([cls.__name__, *(str(part) for part in first["loc"])])
            raise InvalidRequestError(f"{place} does not fit: {first['msg']}.") from None

    def to_json(self) -> str:
        """Return the Claude-shaped object as one line of JSON, without a line break."""
        return json_text(self.to_wire())

    @classmethod
    def from_json(cls, line: str | bytes) -> Self:
        """Return what `to_json` gave this of; raises what `from_wire` raises."""
        return cls.from_wire(json_object(line, cls.__name__))

    def __repr__(self) -> str:
        return described(self, **self._told())

    __str__ = __repr__

    def _told(self) -> dict[str, object]:
        """Return what the line that shows it says, by name: what was given and is not the default."""
        known = {name: getattr(self, name) for name in type(self).model_fields if name in self.model_fields_set}
        given = {name: value for name, value in known.items() if value != type(self).model_fields[name].default}
        return {**given, **(self.model_extra or {})}


class NamedModel(WireModel, frozen=True):
    """A piece whose `type`, and `subtype`, name its class: they are on the wire of one that code made, too."""

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        named = (name for name in ("type", "subtype") if name in cls.model_fields)
        cls._naming = frozenset(
            name for name in named if isinstance(default := cls.model_fields[name].default, str) and default
        )

    def to_wire(self) -> dict[str, Any]:
        """Return the Claude-shaped object, with exactly the keys that were given, and what names its class."""
        self.__pydantic_fields_set__.update(self._naming)  # Here, for a hook after each validation would cost too much.
        return super().to_wire()
