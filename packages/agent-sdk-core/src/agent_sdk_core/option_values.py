"""Values that options take: each is checked where it is given, and refused in a sentence that names the option."""

from __future__ import annotations

import inspect
import os
from collections.abc import Collection, Mapping, Sequence
from functools import partial
from math import isfinite
from threading import local
from typing import TYPE_CHECKING, Annotated, Any, Final, Self, cast

from pydantic import (
    AfterValidator,
    BaseModel,
    Field,
    SkipValidation,
    ValidationError,
    ValidationInfo,
    model_validator,
)
from pydantic.functional_validators import ModelWrapValidatorHandler
from pydantic_core import ErrorDetails

from agent_sdk_core.errors import InvalidRequestError
from agent_sdk_core.names import nearest
from agent_sdk_core.secret import Secret
from agent_sdk_core.wire.building import DeferredModel
from agent_sdk_core.wire.shown import described

_EXPECTED: Final = {
    "string_type": "must be text",
    "string_unicode": "must be text that UTF-8 can hold",
    "int_type": "must be a whole number",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "tuple_type": "must be a list",
    "list_type": "must be a list",
    "mapping_type": "must be a table",
    "dict_type": "must be a table",
    "model_type": "must be a table",
    "model_attributes_type": "must be a table",
    "path_type": "must be a path",
}
_KINDS: Final[tuple[tuple[type, str], ...]] = (
    (bool, "true or false"),
    (int, "a number"),
    (float, "a number"),
    (str, "text"),
    (list, "a list"),
    (dict, "a table"),
)
_DEEPEST: Final = 200
"""What is nested deeper holds itself, or is more than the agents' own JSON readers take."""


class _Within(local):
    """Whether values are just being checked that belong to other ones, in this thread."""

    value = False


_within = _Within()


class Options(DeferredModel):
    """What can be chosen; a value that is of no use is an `InvalidRequestError`, also in a changed copy."""

    @model_validator(mode="wrap")
    @classmethod
    def _in_words(cls, data: Any, handler: ModelWrapValidatorHandler[Self], info: ValidationInfo) -> Self:
        within, _within.value = _within.value, True
        try:
            return handler(data)
        except ValidationError as error:
            if info.context is not None:  # Of a file, whose reader says where in it.
                raise
            refusal = _refusal(cls, error.errors(include_url=False))
            if within:
                raise wrong(f"is wrong: {refusal.message.rstrip('.')}") from None
            raise refusal from None
        finally:
            _within.value = within

    @classmethod
    def model_validate_json(cls, json_data: str | bytes | bytearray, **kwargs: Any) -> Self:
        """Return what JSON says, checked as what is given in Python is."""
        try:
            return super().model_validate_json(json_data, **kwargs)
        except ValidationError as error:
            raise InvalidRequestError(f"{cls.__name__}: this is no JSON: {complaint(error.errors()[0])}.") from None

    if not TYPE_CHECKING:  # A type checker knows the fields by the class itself.

        def __init__(self, *values: object, **named: object) -> None:
            """Make one from values by name."""
            if values:
                raise InvalidRequestError(f"{type(self).__name__} takes its values by name, not by position.")
            super().__init__(**named)

        __init__.__pydantic_base_init__ = True  # As `BaseModel.__init__`: validating does not go through it.

    def __setattr__(self, name: str, value: object) -> None:
        """Refuse: what can be chosen is frozen, and shared."""
        if not name.startswith("_"):
            raise _frozen(type(self), name)
        super().__setattr__(name, value)

    def __delattr__(self, name: str) -> None:
        """Refuse, as for a new value."""
        raise _frozen(type(self), name)

    def __repr__(self) -> str:
        told = ((name, value) for name, value in self.__repr_args__() if name is not None)
        return described(self, **{name: value for name, value in told if name in self.model_fields_set})

    __str__ = __repr__

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """Return a copy with other values, which are checked as those of a new object are."""
        if not update:
            return super().model_copy(deep=deep)
        if not isinstance(cast("object", update), Mapping):
            raise InvalidRequestError(f"{type(self).__name__}.model_copy: update must be a mapping, not {update!r}.")
        given = {name: getattr(self, name) for name in self.model_fields_set}
        checked = type(self).model_validate(given | dict(update))
        return super().model_copy(update={name: getattr(checked, name) for name in update}, deep=deep)


def _frozen(cls: type[BaseModel], name: str) -> InvalidRequestError:
    return InvalidRequestError(
        f"{cls.__name__} cannot be changed; make a copy that differs: .model_copy(update={{{name!r}: …}}).",
        details={"option": name},
    )


def _refusal(cls: type[BaseModel], errors: Sequence[ErrorDetails]) -> InvalidRequestError:
    told: dict[str, str] = {}
    for error in errors:
        name, *inner = error["loc"] or ("",)
        if error["type"] == "extra_forbidden":
            told[str(name)] = f"does not exist{_meant(cls, str(name))}"
        else:
            place = "".join(f"[{part!r}]" for part in inner if part != "[key]")
            said = complaint(error)
            told.setdefault(str(name), f"{place}{' ' if place else ''}{said}{'' if said.endswith('?') else '.'}")
    sentences = (
        f"{cls.__name__}{'.' if name else ''}{name}{'' if said.startswith('[') else ' '}{said}"
        for name, said in told.items()
    )
    return InvalidRequestError(" ".join(sentences), details={"option": next(iter(told))})


def _meant(cls: type[BaseModel], name: str) -> str:
    from agent_sdk_core.spellings import belongs_to_backend, elsewhere, spelled  # Only errors need it.

    if cls.__name__ == "SessionOptions" and (argument := belongs_to_backend(name)) is not None:
        return f"; create_backend(…, {argument}=…) takes it."
    if cls.__name__ == "SessionOptions" and (place := elsewhere(name)) is not None:
        return f"; {place}."
    meant = spelled(cls.__name__, name) or nearest(name, tuple(cls.model_fields))
    return f"; did you mean {meant!r}?" if meant else "."


def complaint(error: ErrorDetails) -> str:
    """Return what is wrong with a value, to go behind its name; never the value, which may be a secret."""
    match error:
        case {"type": "literal_error", "ctx": {"expected": expected}, "input": given}:
            if not isinstance(given, str):
                return f"must be {expected}"
            near = nearest(given, str(expected).split("'")[1::2])
            return f"must be {expected}, not {given!r}{f'; the nearest is {near!r}' if near else ''}"
        case {"type": "value_error", "ctx": {"error": cause}}:
            return str(cause)
        case {"type": "greater_than_equal", "ctx": {"ge": bound}}:
            return f"must be at least {bound:g}"
        case {"type": "greater_than", "ctx": {"gt": bound}}:
            return f"must be greater than {bound:g}"
        case {"type": "secret_source", "msg": said}:
            return f"is not to be had: {said.removesuffix('.')}"
        case {"type": "missing"}:
            return "is missing"
        case {"type": "finite_number"}:
            return "must be a finite number"
        case _:
            return f"{_EXPECTED.get(error['type'], error['msg'])}, not {_kind(error['input'])}"


def json_value(value: object, place: str = "", depth: int = 0) -> Any:
    """Return a value as JSON holds it: paths as text, tuples as lists.

    Args:
        value: The value.
        place: Where it stands, to go before the complaint.
        depth: How deep it is nested.

    Raises:
        ValueError: JSON cannot hold it; says what and where.
    """
    if depth > _DEEPEST:
        raise wrong("is nested too deeply, or holds itself")
    at = f"{place} " if place else ""
    match value:
        case None | bool() | int() | str():
            return value
        case float():
            if not isfinite(value):
                raise wrong(f"{at}is {value}, which JSON cannot hold")
            return value
        case os.PathLike():
            return _path_text(cast("os.PathLike[str]", value), at)
        case Mapping():
            table = cast("Mapping[object, object]", value)
            if (odd := next((key for key in table if not isinstance(key, str)), None)) is not None:
                raise wrong(f"{at}has the key {odd!r}, and keys are text")
            return {key: json_value(inner, f"{place}[{key!r}]", depth + 1) for key, inner in table.items()}
        case list() | tuple():
            items = cast("Sequence[object]", value)
            return [json_value(inner, f"{place}[{index}]", depth + 1) for index, inner in enumerate(items)]
        case Secret():
            raise wrong(
                f"{at}is a Secret, which env and the headers of MCP servers take; here it would stand in the clear, so "
                "that its reveal() says that this is meant"
            )
        case _:
            raise wrong(f"{at}is of type {type(value).__name__}, which JSON cannot hold")


def path_problem(value: object) -> str | None:
    """Return why a value is no path that an agent can be told, or None; does not look at the disk."""
    if not isinstance(value, str | os.PathLike):
        return "must be a path"
    text = cast("object", os.fspath(cast("str | os.PathLike[str]", value)))
    if not isinstance(text, str):
        return "must be a path of text, not of bytes"
    if not text.strip():
        return "is empty"
    return text_problem(text)


def text_problem(text: str) -> str | None:
    """Return why a text is none that a process can be told, or None."""
    if "\0" in text:
        return "holds a NUL character"
    try:
        text.encode()
    except UnicodeEncodeError:
        return "is not valid UTF-8"
    return None


def require_positive(call: str, name: str, value: float | None) -> None:
    """Refuse a number, if there is one, that is not greater than 0, or not finite.

    Raises:
        InvalidRequestError: Says what was called, and names the parameter.
    """
    if value is not None and not (isfinite(value) and value > 0):
        raise InvalidRequestError(
            f"{call}: {name} must be a finite number greater than 0, not {value}.", details={"option": name}
        )


def require_text(name: str, value: str, instead: str, *, backend: str) -> None:
    """Refuse a text that is blank, or that no process can be told.

    Args:
        name: What it is, for the message.
        value: The text.
        instead: What to do without one, for the message.
        backend: Name of the backend, for the error.

    Raises:
        InvalidRequestError: It is one; says why.
    """
    problem = text_problem(value) if value.strip() else f"is empty; {instead}"
    if problem is not None:
        raise InvalidRequestError(f"{name} {problem}.", backend=backend, details={"option": name})


def require_count(call: str, name: str, value: float) -> None:
    """Refuse a number that is not 0 or more.

    Raises:
        InvalidRequestError: Says what was called, and names the parameter.
    """
    if not value >= 0:  # Not a number is none of both.
        raise InvalidRequestError(f"{call}: {name} must be 0 or more, not {value}.", details={"option": name})


def revealed(texts: Mapping[str, str | Secret]) -> dict[str, str]:
    """Return texts as an agent is given them: in its environment, or in JSON on a pipe, and nowhere else."""
    return {name: text.reveal() if isinstance(text, Secret) else text for name, text in texts.items()}


def environment_of(call: str, env: Mapping[str, str | Secret]) -> dict[str, str]:
    """Return the environment of an agent, as text by name, that of secrets too.

    Raises:
        InvalidRequestError: It holds something else; says what was called.
    """
    try:
        return revealed(cast("Mapping[str, str | Secret]", _environment(env)))
    except ValueError as error:
        raise InvalidRequestError(f"{call}: env {error}.", details={"option": "env"}) from None


def is_async(callback: object) -> bool:
    """Tell whether a function, a partial or an object is called with `await`."""
    while isinstance(callback, partial):
        callback = cast("object", callback.func)
    call = None if isinstance(callback, type) else getattr(callback, "__call__", None)  # noqa: B004  # its type
    return inspect.iscoroutinefunction(callback) or inspect.iscoroutinefunction(call)


def takes_one(callback: Any) -> bool:
    """Tell whether a function can be called with one argument, as far as it tells."""
    try:
        inspect.signature(callback).bind(None)
    except TypeError:
        return False
    except ValueError:  # Some that are built in do not say.
        return True
    return True


def wrong(reason: str) -> ValueError:
    """Return the error by which pydantic hears what is wrong with a value, to go behind the option's name."""
    return ValueError(reason)


def _text(value: str) -> str:
    if not value.strip():
        raise wrong("is empty; leave it out")
    if problem := text_problem(value):
        raise wrong(problem)
    return value


def _path(value: Any) -> Any:
    if value is not None and (problem := path_problem(value)) is not None:
        raise wrong(f"{problem}; name a folder, or leave it out")
    return value


def _paths(value: Any) -> Any:
    if not isinstance(value, list | tuple):
        raise wrong("must be a list of folders")
    folders = tuple(cast("Sequence[object]", value))
    for index, folder in enumerate(folders):
        if (problem := path_problem(folder)) is not None:
            raise wrong(f"[{index}] {problem}")
    return folders


def _names(value: Any) -> Any:
    if value is None:
        return None
    if not isinstance(value, list | tuple | set | frozenset):
        raise wrong(f"must be a list, not {_kind(value)}")
    names = tuple(cast("Collection[object]", value))
    for index, name in enumerate(names):
        try:
            _text(name if isinstance(name, str) else "\0")
        except ValueError as error:
            raise wrong(f"[{index}] {error if isinstance(name, str) else f'must be text, not {_kind(name)}'}") from None
    return names


def _kind(value: object) -> str:
    return next((word for type_, word in _KINDS if isinstance(value, type_)), "this")


def _path_text(value: os.PathLike[str], at: str = "") -> str:
    if (problem := path_problem(value)) is not None:
        raise wrong(f"{at}{problem}")
    return os.fspath(value)


def table_value(value: Any) -> Any:
    """Return a mapping as JSON holds it, None as it is.

    Raises:
        ValueError: It is none, or JSON cannot hold it; says where.
    """
    if value is None:
        return None
    if not isinstance(value, Mapping):
        raise wrong(f"must be a table, not {type(value).__name__}")
    return json_value(cast("object", value))


def _environment(value: Any) -> Any:
    if not isinstance(value, Mapping):
        return table_value(value)
    given = cast("Mapping[object, object]", value)
    secrets = {name: text for name, text in given.items() if isinstance(text, Secret)}
    shown = {name: text.reveal() if isinstance(text, Secret) else text for name, text in given.items()}
    for name, text in cast("dict[str, object]", table := table_value(shown)).items():
        if not name or "=" in name or text_problem(name):
            raise wrong(f"has {name!r}, which is no name of a variable")
        if not isinstance(text, str):
            raise wrong(f"[{name!r}] must be text or a Secret, not {type(text).__name__}")
        if problem := text_problem(text):
            raise wrong(f"[{name!r}] {problem}")
    return {**table, **secrets}


def _inherited(value: Any) -> Any:
    if value is None or isinstance(value, bool):
        return value
    if not isinstance(value, list | tuple | set | frozenset):
        raise wrong("must be true, false, or a list of names")
    names = cast("tuple[object, ...]", tuple(value))  # pyright: ignore[reportUnknownArgumentType]  # checked below
    if not all(isinstance(name, str) and name for name in names):
        raise wrong("must list names of variables")
    return names


Text = Annotated[str, AfterValidator(_text)]
PathText = Annotated[SkipValidation[str | os.PathLike[str]], AfterValidator(_path)]
PathTexts = Annotated[SkipValidation[Sequence[str | os.PathLike[str]]], AfterValidator(_paths)]
Names = Annotated[SkipValidation[Sequence[str]], AfterValidator(_names)]
"""A list of texts; it is held as a tuple."""

Table = Annotated[SkipValidation[Mapping[str, object]], AfterValidator(table_value)]
Variables = Annotated[SkipValidation[Mapping[str, str | Secret]], AfterValidator(_environment)]
Inherited = Annotated[SkipValidation[bool | tuple[str, ...] | None], AfterValidator(_inherited)]
Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False, strict=True)]
