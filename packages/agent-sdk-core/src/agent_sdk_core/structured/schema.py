"""`OutputSchema`: a caller's JSON Schema, refused where it is none, and the check of values against it. Pure.

Checking loads `jsonschema`, which takes 60 ms, so that only sessions with a schema pay for it. Nothing is ever fetched.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final, cast

from agent_sdk_core.errors import InvalidRequestError, failure_text
from agent_sdk_core.wire.reading import Json

_DIALECTS: Final = ("draft-06", "draft-07", "2019-09", "2020-12")
_FORMATS: Final = ("date", "email", "ipv4", "ipv6", "uuid")
"""Formats that are checked: those that need no further package, so that a check is the same on every machine."""

ONE: Final = (
    *("items", "additionalItems", "unevaluatedItems", "contains", "additionalProperties", "unevaluatedProperties"),
    *("propertyNames", "not", "if", "then", "else"),
)
"""Keywords whose value is a schema."""

LISTS: Final = ("allOf", "anyOf", "oneOf", "prefixItems", "items")
"""Keywords whose value is a list of schemas."""

MAPS: Final = ("properties", "patternProperties", "$defs", "definitions", "dependentSchemas", "dependencies")
"""Keywords whose value is an object of schemas."""

_RULES: Final = frozenset(
    {"pattern", "format", "minLength", "maxLength", "multipleOf", "minimum", "maximum", "exclusiveMinimum"}
    | {"exclusiveMaximum", "uniqueItems", "minItems", "maxItems", "contains", "minContains", "maxContains", "not"}
    | {"minProperties", "maxProperties", "propertyNames", "dependentRequired", "unevaluatedProperties"}
    | {"unevaluatedItems"}
)
"""Keywords that restrict a value by themselves."""

_IN_PLACE: Final = frozenset({"allOf", "anyOf", "oneOf", "not", "if", "then", "else"})
_MOST_PROBLEMS: Final = 10


class OutputSchema:
    """A JSON Schema that answers have to fit.

    Args:
        schema: The schema, of draft 6, 7, 2019-09 or 2020-12, which is the default.

    Attributes:
        schema: A copy of it, in plain JSON.

    Raises:
        InvalidRequestError: It is no JSON Schema, or refers to what is not in it; `details["path"]` names the place.
    """

    def __init__(self, schema: object) -> None:
        self.schema = _plain(schema)
        self._validator = _validator(self.schema)
        _require_references(self.schema)

    def at(self, pointer: str) -> Any:
        """Return what a reference such as "#/$defs/Part" means.

        Raises:
            LookupError: It means nothing in this schema.
        """
        return _resolve(self.schema, pointer)

    def fits(self, value: object, schema: object = None) -> bool:
        """Tell whether a value fits, or fits a part of the schema."""
        validator = self._validator if schema is None else self._validator.evolve(schema=schema)
        try:
            return validator.is_valid(value)
        except Exception:  # See `problems`.
            return False

    def problems(self, value: object) -> list[dict[str, str]]:
        """Return what does not fit, the first ten: the `path` to it, "" for all of the value, and a `message`."""
        problems: list[dict[str, str]] = []
        try:
            for error in self._validator.iter_errors(value):
                problems.append({"path": _joined(error.absolute_path), "message": _short(error.message)})
                if len(problems) == _MOST_PROBLEMS:
                    break
        except RecursionError:
            problems.append({"path": "", "message": "It is nested too deeply to be checked."})
        except Exception as error:  # Such as an OverflowError of `multipleOf`, where a number is too large for a float.
            problems.append({"path": "", "message": f"It cannot be checked: {failure_text(error)}"})
        return problems


def children(schema: object) -> Iterator[tuple[tuple[str | int, ...], Any]]:
    """Yield the schemas right inside of a schema, each with the path to it."""
    for keyword, value in as_object(schema).items():
        if keyword in LISTS and isinstance(value, list):
            for index, entry in enumerate(cast("list[Any]", value)):
                yield (keyword, index), entry
        elif keyword in MAPS:
            for name, entry in as_object(value).items():
                yield (keyword, name), entry
        elif keyword in ONE:
            yield (keyword,), value


def as_object(value: object) -> Json:
    """Return a JSON object, and an empty one for anything else."""
    return cast("Json", value) if isinstance(value, dict) else {}


def told(schema: Json, lost: Json) -> Json:
    """Return a schema whose description tells what its keywords cannot, so that the model knows of it.

    Args:
        schema: The schema.
        lost: Keywords that it had; those that restrict no answer are not told.
    """
    if not (rules := {key: value for key, value in lost.items() if key in _RULES}):
        return schema
    note = f"It has to fit: {json.dumps(rules, ensure_ascii=False)}"
    return {**schema, "description": f"{schema['description']}\n{note}" if "description" in schema else note}


def refused(place: str, problem: str, *, backend: str | None = None) -> InvalidRequestError:
    """Return the error that refuses a schema.

    Args:
        place: Path to what is wrong, parts joined by "/".
        problem: What is wrong, as the end of a sentence.
        backend: The backend that cannot take it, where it is one's matter.
    """
    where = f"SessionOptions.output_schema, at {place}" if place else "SessionOptions.output_schema"
    return InvalidRequestError(
        f"{where}: {problem}", backend=backend, details={"option": "output_schema", "path": place}
    )


def _plain(schema: object) -> Json:
    if not isinstance(schema, Mapping):
        hint = ", such as Model.model_json_schema()" if isinstance(schema, type) else ""
        raise refused("", f"it is a JSON Schema as a mapping{hint}, not {_short(repr(schema))}.")
    try:
        return json.loads(json.dumps(schema, allow_nan=False, default=_mapping))
    except (TypeError, ValueError, RecursionError) as error:
        raise refused("", f"it cannot be written as JSON: {error}.") from error


def _mapping(value: object) -> Json:
    if isinstance(value, Mapping):
        return dict(cast("Mapping[str, Any]", value))
    raise TypeError(f"{value!r} is a {type(value).__name__}")


def _validator(schema: Json) -> Any:
    from jsonschema import FormatChecker, SchemaError
    from jsonschema.validators import validator_for
    from referencing.jsonschema import EMPTY_REGISTRY

    dialect = schema.get("$schema", _DIALECTS[-1])
    if not any(name in str(dialect) for name in _DIALECTS):
        raise refused("$schema", f"{dialect!r} is none of the dialects that are known: {', '.join(_DIALECTS)}.")
    cls: Any = validator_for(schema | {"$schema": _address(str(dialect))})
    try:
        cls.check_schema(schema)
    except (SchemaError, RecursionError) as error:
        place = _joined(error.absolute_path) if isinstance(error, SchemaError) else ""
        raise refused(place, f"it is no JSON Schema: {_short(str(getattr(error, 'message', error)))}.") from error
    return cls(schema, registry=EMPTY_REGISTRY, format_checker=FormatChecker(_FORMATS))


def _address(dialect: str) -> str:
    name = next(name for name in _DIALECTS if name in dialect)
    return (
        f"http://json-schema.org/{name}/schema#" if name[0] == "d" else f"https://json-schema.org/draft/{name}/schema"
    )


def _require_references(schema: Json) -> None:
    """Refuse references to nowhere, and schemas that would be checked against themselves for ever."""
    stack: list[tuple[tuple[str | int, ...], Any]] = [((), schema)]
    while stack:
        path, node = stack.pop()
        schema_here = as_object(node)
        if path and "$id" in schema_here:
            raise refused(_joined(path), "a schema inside of it has an address of its own; leave its $id out.")
        for keyword in ("$ref", "$dynamicRef", "$recursiveRef"):
            if isinstance(pointer := schema_here.get(keyword), str):
                try:
                    _resolve(schema, pointer)
                except LookupError as error:
                    raise refused(_joined((*path, keyword)), f"{error.args[0]}") from error
        _require_descent(schema, path, node)
        stack += [((*path, *step), child) for step, child in children(node)]


def _require_descent(root: Json, path: tuple[str | int, ...], start: Any) -> None:
    """Refuse a schema that contains itself without a step into the value."""
    seen: set[int] = set()
    waiting = list(_alternatives(root, start))
    while waiting:
        node = waiting.pop()
        if node is start:
            raise refused(_joined(path), "it is defined by itself alone.")
        if id(node) not in seen:
            seen.add(id(node))
            waiting += _alternatives(root, node)


def _alternatives(root: Json, node: Any) -> Iterator[Any]:
    for step, child in children(node):
        if step[0] in _IN_PLACE:
            yield child
    if isinstance(pointer := as_object(node).get("$ref"), str):
        try:
            yield _resolve(root, pointer)
        except LookupError:
            return


def _resolve(root: Json, pointer: str) -> Any:
    if pointer != "#" and not pointer.startswith("#/"):
        raise LookupError(
            f"{pointer!r} is not in this schema; nothing is fetched, and references look like #/$defs/Part."
        )
    from urllib.parse import unquote

    found: Any = root
    for part in unquote(pointer).split("/")[1:]:
        key = part.replace("~1", "/").replace("~0", "~")
        try:
            found = cast("list[Any]", found)[int(key)] if isinstance(found, list) else found[key]
        except (LookupError, TypeError, ValueError):
            raise LookupError(f"{pointer!r} refers to what is not there.") from None
    if isinstance(found, dict | bool):
        return cast("Any", found)
    raise LookupError(f"{pointer!r} refers to what is no schema.")


def _joined(path: Any) -> str:
    return "/".join(str(part) for part in path)


def _short(text: str) -> str:
    return text if len(text) <= 300 else f"{text[:300]}…"
