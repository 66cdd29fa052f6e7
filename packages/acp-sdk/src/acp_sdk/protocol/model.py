"""`AcpModel`: a piece of the protocol that reads whatever a peer sends, and writes exactly what it was given."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any, ClassVar, Final, Self, TypeVar, cast

from pydantic import ConfigDict, Field, PlainValidator, ValidationError, model_validator
from pydantic.alias_generators import to_camel
from pydantic.functional_validators import ModelWrapValidatorHandler

from agent_sdk_core.wire.model import WireModel
from agent_sdk_core.wire.reading import Json, as_record

_TAGS: Final = frozenset({"type", "session_update", "state", "outcome", "mode", "operation", "action"})
"""Fields that tell the variants of a type apart; they are written also where code did not name them."""


class AcpModel(WireModel, frozen=True):
    """A piece of the protocol in snake_case, on the wire in camelCase; keys that it does not know are kept.

    A field of the wrong kind reads as absent, and a wrong entry of a list is left out, as the published schemas ask.
    What lacks a field that it cannot do without is not read: `read` returns None for it.

    Attributes:
        meta: What a peer added for those who know it; None: nothing.
    """

    model_config = ConfigDict(alias_generator=to_camel)
    _naming: ClassVar[frozenset[str]] = frozenset()

    meta: dict[str, Any] | None = Field(default=None, alias="_meta")

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        fields = cls.model_fields
        cls._naming = frozenset(name for name in _TAGS & set(fields) if isinstance(fields[name].default, str))

    @model_validator(mode="wrap")
    @classmethod
    def _tolerate(cls, data: object, handler: ModelWrapValidatorHandler[Self]) -> Self:
        """Leave out what does not fit, for as long as something can be left out."""
        try:
            return handler(data)
        except ValidationError as error:
            fields = as_record(data)
            rest = None if fields is None else _without(fields, error, cls._required())
            if rest is None:
                raise
        return handler(rest)  # All errors were told at once: what is left fits.

    @classmethod
    def _required(cls) -> frozenset[str]:
        return frozenset(name for name, field in cls.model_fields.items() if field.is_required())

    @classmethod
    def read(cls, data: object) -> Self | None:
        """Return what a peer sent as a model; None when it lacks what this cannot do without."""
        try:
            return cls.model_validate(data)
        except ValidationError:
            return None

    def to_wire(self) -> dict[str, Any]:
        """Return the object of the wire: the keys that were given, and what names its variant."""
        self.__pydantic_fields_set__.update(self._naming)
        return super().to_wire()


def _without(fields: Json, error: ValidationError, required: frozenset[str]) -> Json | None:
    """Return the fields without those that the error is about; None when one of them cannot be left out."""
    rest = dict(fields)
    entries: dict[str, set[int]] = {}
    for each in error.errors(include_url=False, include_input=False, include_context=False):
        key, *inner = each["loc"] or ("",)
        key = str(key)
        if each["type"] == "missing" and not inner:
            return None
        if inner and isinstance(inner[0], int) and isinstance(fields.get(key), list):
            entries.setdefault(key, set()).add(inner[0])
        elif key in required or _snake(key) in required:
            return None
        elif key in rest:
            del rest[key]
        else:
            return None
    for key, places in entries.items():
        if key in rest:
            rest[key] = [entry for place, entry in enumerate(rest[key]) if place not in places]
    return rest


def _snake(key: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in key)


Tagged = TypeVar("Tagged", bound=AcpModel)


def one_of(tag: str, known: Mapping[str, type[Any]], other: type[Tagged]) -> Callable[[object], Any]:
    """Return the reader of a value that comes in variants, told apart by the field `tag`.

    A variant that is not known, or lacks what it needs, is read as `other`, which keeps all its fields.
    """

    def read(data: object) -> Any:
        if isinstance(data, AcpModel):
            return data
        fields = as_record(data)
        if fields is None:
            raise ValueError(f"{other.__name__} is an object")
        name = fields.get(tag)
        cls = known.get(name) if isinstance(name, str) else None
        found = None if cls is None else cls.read(fields)
        return unknown(other, fields) if found is None else found

    return read


def unknown(cls: type[Tagged], fields: Mapping[str, object]) -> Tagged:
    """Return a model of a class without required fields that keeps all fields as they are."""
    kept = cls.model_construct(set())
    cast("dict[str, object]", kept.model_extra).update(fields)
    return kept


Whatever = Annotated[Any, PlainValidator(lambda value: value)]
"""A value of any kind, as it is."""
