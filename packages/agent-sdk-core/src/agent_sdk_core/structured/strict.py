"""Output schemas in the strict form of OpenAI's structured outputs, and answers back in the form asked for. Pure.

Codex sends every schema with `strict: true` (0.163). That takes a subset of JSON Schema: the whole is an object; every
object is closed and requires all of its properties; every schema has a type, `anyOf` or a `$ref` that stands alone;
`default`, `oneOf`, `allOf`, `prefixItems`, `uniqueItems` and others are refused.

So an optional property becomes one that may be null, and a null that it cannot have is taken out of the answer again;
an object of arbitrary names becomes a list of keys and values, and an object again; what else strict mode cannot say is
told in the description, for the answer is checked against the caller's own schema in the end.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final, cast

from agent_sdk_core.errors import InvalidRequestError
from agent_sdk_core.structured.answers import WRAPPED, AnswerForm, unwrapped
from agent_sdk_core.structured.schema import OutputSchema, as_object, refused, told
from agent_sdk_core.wire.reading import Json

Restore = Callable[[Any], Any]
Place = tuple[str | int, ...]

_TYPES: Final[Mapping[type, str]] = {
    str: "string", bool: "boolean", int: "integer", float: "number", type(None): "null", list: "array", dict: "object",
}  # fmt: skip
_SCALARS: Final[Mapping[str, frozenset[str]]] = {
    "string": frozenset({"pattern", "format"}),
    "integer": frozenset({"multipleOf", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"}),
    "number": frozenset({"multipleOf", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"}),
    "boolean": frozenset(),
    "null": frozenset(),
}
_FORMATS: Final = frozenset(
    {"date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid"},
)
_ABOUT: Final = frozenset({"title", "description"})
_CHANGING: Final = ("if", "dependentSchemas", "dependencies", "$dynamicRef", "$recursiveRef")
"""Keywords that strict mode has nothing for, and whose loss would leave another schema."""


def strict_form(schema: object, *, backend: str) -> AnswerForm:
    """Return how an agent is asked in strict mode for answers that fit a schema.

    Args:
        schema: The schema.
        backend: Name of the agent's backend.

    Raises:
        InvalidRequestError: It is no JSON Schema, or strict mode cannot say it; the message names the place.
    """
    asked = OutputSchema(schema)
    return AnswerForm(asked, *_Strict(asked, backend).whole())


class _Strict:
    """Makes one schema strict; each part comes with what restores its answers."""

    def __init__(self, asked: OutputSchema, backend: str) -> None:
        self._asked = asked
        self._backend = backend
        self._names: dict[str, str] = {}
        self._definitions: Json = {}
        self._restores: dict[str, Restore] = {}
        self._sent: OutputSchema | None = None

    def whole(self) -> tuple[Json, Restore]:
        """Return the schema, an object, and what restores an answer to it."""
        root, place = self._asked.schema, Place()
        while isinstance(pointer := root.get("$ref"), str):
            root, place = as_object(self._asked.at(pointer)), (pointer,)
        sent, restore = self._part(root, place)
        wrapped = sent.get("type") != "object"
        if wrapped:
            sent = _closed({WRAPPED: sent})
        if self._definitions:
            sent["$defs"] = self._definitions
        self._sent = OutputSchema(sent)
        return sent, (lambda answer: restore(unwrapped(answer))) if wrapped else restore

    def _part(self, node: Any, place: Place) -> tuple[Json, Restore]:
        if not isinstance(node, dict):
            raise self._cannot(place, "it is any value" if node is True else "it is no value")
        node = cast("Json", node)
        for keyword in _CHANGING:
            if keyword in node:
                raise self._cannot((*place, keyword), f"it says {keyword!r}")
        if isinstance(pointer := node.get("$ref"), str):
            return self._reference(pointer, node, place)
        if "allOf" in node:
            return self._all_of(node, place)
        if "const" in node or "enum" in node:
            return self._values(node, place), _same
        keyword = next((keyword for keyword in ("anyOf", "oneOf") if keyword in node), None)
        if keyword is not None and "properties" not in node:
            return self._union(node, keyword, place)
        return self._typed(node, _kinds(node), place)

    def _typed(self, node: Json, kinds: list[str], place: Place) -> tuple[Json, Restore]:
        match kinds:
            case []:
                raise self._cannot(place, "it is any value: it has no type")
            case ["object"]:
                return self._object(node, place)
            case ["array"]:
                return self._array(node, place)
            case _ if {"object", "array"} & set(kinds):
                branches = [{**node, "type": kind} for kind in kinds]
                return self._union({"anyOf": branches} | _about(node), "anyOf", place, named=False)
            case _:
                allowed = frozenset[str]().union(*(_SCALARS[kind] for kind in kinds))
                kept = {key: value for key, value in node.items() if key in allowed and _is_known(key, value)}
                return _told({"type": kinds[0] if len(kinds) == 1 else kinds, **kept}, node), _same

    def _reference(self, pointer: str, node: Json, place: Place) -> tuple[Json, Restore]:
        if pointer not in self._names:
            name = re.sub("[^A-Za-z0-9_.-]", "_", pointer.rpartition("/")[2])
            while name in self._definitions:
                name += "_"
            self._names[pointer] = name
            self._definitions[name] = {}  # Its place is taken before it can refer to itself.
            self._definitions[name], self._restores[pointer] = self._part(self._asked.at(pointer), (pointer,))
        sent: Json = {"$ref": f"#/$defs/{self._names[pointer]}"}
        about = _about(node)
        return ({"anyOf": [sent], **about} if about else sent), lambda answer: self._restores[pointer](answer)

    def _all_of(self, node: Json, place: Place) -> tuple[Json, Restore]:
        parts = cast("list[Any]", node["allOf"])
        rest = {key: value for key, value in node.items() if key != "allOf"}
        if len(parts) != 1 or (rest.keys() & set(as_object(parts[0])) - _ABOUT):
            raise self._cannot((*place, "allOf"), "it joins several schemas; write them as one")
        return self._part({**as_object(parts[0]), **rest}, place)

    def _values(self, node: Json, place: Place) -> Json:
        values: list[Any] = [node["const"]] if "const" in node else node["enum"]
        if any(isinstance(value, dict | list) for value in values):
            raise self._cannot(place, "one of its values is an object or a list")
        kinds = list(dict.fromkeys(_TYPES[type(value)] for value in values))
        kept: Json = {"const": values[0]} if "const" in node else {"enum": values}
        return _told({"type": kinds[0] if len(kinds) == 1 else kinds, **kept}, node)

    def _union(self, node: Json, keyword: str, place: Place, *, named: bool = True) -> tuple[Json, Restore]:
        outer: Json = {"type": node["type"]} if "type" in node else {}
        asked: list[Any] = [{**outer, **branch} if as_object(branch) else branch for branch in node[keyword]]
        steps = [(*place, keyword, index) if named else place for index in range(len(asked))]
        parts = [self._part(branch, step) for branch, step in zip(asked, steps, strict=True)]

        def restore(answer: Any) -> Any:
            for branch, (sent, back) in zip(asked, parts, strict=True):
                if self._sent is not None and self._sent.fits(answer, sent):
                    restored = back(answer)
                    if self._asked.fits(restored, branch):
                        return restored
            return answer

        union = _told({"anyOf": [sent for sent, _ in parts]}, node)
        return union, _same if all(back is _same for _, back in parts) else restore

    def _object(self, node: Json, place: Place) -> tuple[Json, Restore]:
        if "properties" not in node:
            return self._dictionary(node, place)
        required = cast("list[str]", node.get("required", []))
        properties = cast("Json", node["properties"])
        if unknown := [name for name in required if name not in properties]:
            raise self._cannot((*place, "required"), f"it requires {unknown[0]!r}, which is none of its properties")
        parts: dict[str, Json] = {}
        restores: dict[str, Restore] = {}
        droppable: set[str] = set()
        for name, part in properties.items():
            parts[name], restores[name] = self._part(part, (*place, "properties", name))
            if name not in required and not self._asked.fits(None, part):
                droppable.add(name)
                parts[name] = _nullable(parts[name])

        def restore(answer: Any) -> Any:
            if not isinstance(answer, dict):
                return answer
            members = cast("Json", answer).items()
            kept = [(name, value) for name, value in members if value is not None or name not in droppable]
            return {name: restores.get(name, _same)(value) for name, value in kept}

        return _told(_closed(parts), node), restore

    def _dictionary(self, node: Json, place: Place) -> tuple[Json, Restore]:
        """Return an object of arbitrary names as a list of keys and values."""
        patterns = cast("Json", node.get("patternProperties", {}))
        value, inner = node.get("additionalProperties", True), "additionalProperties"
        key = as_object(node.get("propertyNames", {}))
        if len(patterns) == 1 and not isinstance(value, dict):
            ((pattern, value),) = patterns.items()
            key, inner = {"pattern": pattern, **key}, f"patternProperties/{pattern}"
        if not isinstance(value, dict) or not value or (patterns and inner == "additionalProperties"):
            raise self._cannot(
                place, "it is an object of any content; name its properties, or the type of their values"
            )
        name, _ = self._part({"type": "string", **key}, (*place, "propertyNames"))
        part, restore_value = self._part(value, (*place, inner))
        limits = {"minProperties": "minItems", "maxProperties": "maxItems"}
        kept = {limits[word]: node[word] for word in limits if word in node}
        sent: Json = {"type": "array", "items": _closed({"key": name, "value": part}), **kept}

        def restore(answer: Any) -> Any:
            if not isinstance(answer, list):
                return answer
            entries = cast("list[Any]", answer)
            if not all(isinstance(entry, dict) and {"key", "value"} <= entry.keys() for entry in entries):
                return entries
            members = {entry["key"]: restore_value(entry["value"]) for entry in entries}
            return members if len(members) == len(entries) else entries

        about = {key: node[key] for key in node if key not in (*limits, "propertyNames")}
        return _told(sent, about, _ENTRIES), restore

    def _array(self, node: Json, place: Place) -> tuple[Json, Restore]:
        items = node.get("items", node.get("additionalItems", True))
        first = node.get("prefixItems", [])
        if isinstance(items, list):  # As drafts before 2020-12 say it.
            items, first = node.get("additionalItems", True), cast("list[Any]", items)
        parts = [self._part(part, (*place, "prefixItems", index)) for index, part in enumerate(first)]
        fixed = bool(parts) and node.get("maxItems", len(parts) + 1) <= len(parts)
        if items is not False and not fixed:
            if items is True:
                raise self._cannot(place, "it is a list of any content; name the type of its items")
            parts.append(self._part(items, (*place, "items")))
        if not parts:
            raise self._cannot(place, "it is a list that can only be empty")
        wires = [part for index, (part, _) in enumerate(parts) if part not in [wire for wire, _ in parts[:index]]]
        kept = {key: node[key] for key in ("minItems", "maxItems") if key in node}
        if items is False and first:
            kept["maxItems"] = min(kept.get("maxItems", len(first)), len(first))
        restores = [restore for _, restore in parts]

        def restore(answer: Any) -> Any:
            if not isinstance(answer, list):
                return answer
            last = len(restores) - 1
            return [restores[min(index, last)](value) for index, value in enumerate(cast("list[Any]", answer))]

        sent: Json = {"type": "array", "items": wires[0] if len(wires) == 1 else {"anyOf": wires}, **kept}
        return _told(sent, node, *([_ORDER] if len(parts) > 1 else [])), restore

    def _cannot(self, place: Place, why: str) -> InvalidRequestError:
        path = "/".join(str(part) for part in place)
        return refused(path, f"{self._backend} cannot be asked for it, because {why}.", backend=self._backend)


_ENTRIES: Final = "An object as a list of its keys and values, each key once."
_ORDER: Final = "Its items come in the order in which their forms are listed."


def _same(answer: Any) -> Any:
    return answer


def _closed(properties: Mapping[str, Json]) -> Json:
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


def _nullable(sent: Json) -> Json:
    """Return a schema that takes null as well, with what it says of itself where the model looks for it."""
    inner = {key: value for key, value in sent.items() if key not in _ABOUT}
    branches = inner["anyOf"] if inner.keys() == {"anyOf"} else [inner]
    return {"anyOf": [*branches, {"type": "null"}], **_about(sent)}


def _kinds(node: Json) -> list[str]:
    match node.get("type"):
        case str() as kind:
            return [kind]
        case list():
            return cast("list[str]", node["type"])
        case _:
            return ["object"] if "properties" in node else ["array"] if {"items", "prefixItems"} & node.keys() else []


def _about(node: Json) -> Json:
    return {key: node[key] for key in ("title", "description") if key in node}


def _told(sent: Json, node: Json, *notes: str) -> Json:
    """Return a part with its title and description, which also tells what strict mode cannot say otherwise."""
    part = told({**sent, **_about(node)}, {key: value for key, value in node.items() if key not in sent})
    if notes:
        part["description"] = "\n".join([*(part[key] for key in ("description",) if key in part), *notes])
    return part


def _is_known(keyword: str, value: Any) -> bool:
    """Tell whether strict mode takes this value of a keyword that it knows."""
    if keyword == "format":
        return value in _FORMATS
    return keyword != "pattern" or not any(words in value for words in ("(?=", "(?!", "(?<", "(?P"))
