"""Reads the methods of the protocol out of a bundle: who may call what, with which params and response types."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Schema = dict[str, Any]

IRREGULAR_RESPONSES = {"config/mcpServer/reload": "McpServerRefreshResponse"}
"""Requests without params whose response shares too few words with the method."""


@dataclass(frozen=True, slots=True)
class Method:
    """One method: its params and response types by name (None: it has none), and whether it needs experimentalApi."""

    name: str
    params: str | None
    response: str | None
    experimental: bool


@dataclass(frozen=True, slots=True)
class Methods:
    """Every method of the protocol, by direction and kind."""

    client_requests: tuple[Method, ...]
    client_notifications: tuple[Method, ...]
    server_requests: tuple[Method, ...]
    server_notifications: tuple[Method, ...]

    @property
    def untyped(self) -> list[str]:
        """Requests whose response type could not be derived."""
        return [m.name for m in (*self.client_requests, *self.server_requests) if m.response is None]


def method_names(folder: Path, envelope: str) -> list[str]:
    """List the methods of one envelope (`ClientRequest`, `ServerNotification`, …) of the bundle in `folder`, sorted."""
    return sorted(name for name, _ in _variants(folder, envelope))


def read_methods(stable: Path, experimental: Path, type_names: set[str]) -> Methods:
    """Read the methods of the experimental bundle; those absent from the stable one count as experimental.

    The bundle does not say which response belongs to a request. It follows from the names: `XParams` is answered by
    `XResponse`; a request without params by the response whose words are the method's.
    """

    def read(envelope: str) -> list[Method]:
        settled = set(method_names(stable, envelope))
        return [
            Method(name, params, None, name not in settled)
            for name, params in sorted(_variants(experimental, envelope), key=lambda pair: pair[0])
        ]

    server_requests = _with_responses(read("ServerRequest"), type_names)
    taken = {method.response for method in server_requests}
    return Methods(
        client_requests=_with_responses(read("ClientRequest"), type_names - {name for name in taken if name}),
        client_notifications=tuple(read("ClientNotification")),
        server_requests=server_requests,
        server_notifications=tuple(read("ServerNotification")),
    )


def _variants(folder: Path, envelope: str) -> Iterator[tuple[str, str | None]]:
    for variant in json.loads((folder / f"{envelope}.json").read_text())["oneOf"]:
        properties = variant["properties"]
        yield properties["method"]["enum"][0], referenced_name(properties.get("params"))


def referenced_name(schema: Schema | None) -> str | None:
    """Return the name of the definition that `schema` refers to, directly or as its first such alternative."""
    if schema is None:
        return None
    if "$ref" in schema:
        return str(schema["$ref"]).rsplit("/", 1)[-1]
    for member in (*schema.get("anyOf", ()), *schema.get("allOf", ())):
        if (name := referenced_name(member)) is not None:
            return name
    return None


def _with_responses(methods: list[Method], type_names: set[str]) -> tuple[Method, ...]:
    responses = {name for name in type_names if name.endswith("Response")}
    found: dict[str, str] = {}
    for method in methods:
        candidate = f"{method.params.removesuffix('Params')}Response" if method.params else None
        if candidate in responses:
            found[method.name] = candidate
    free = responses - set(found.values())
    for method in methods:
        if method.name not in found and (name := _by_words(method.name, free)) is not None:
            found[method.name] = name
    return tuple(Method(m.name, m.params, found.get(m.name), m.experimental) for m in methods)


def _by_words(method: str, responses: set[str]) -> str | None:
    """Return the one response with most words, all of them the method's (`Get` aside); None when there is a tie."""
    irregular = IRREGULAR_RESPONSES.get(method)
    if irregular in responses:
        return irregular
    known = _words(method) | {"get"}
    fitting = {name: len(words) for name in responses if (words := _words(name.removesuffix("Response"))) <= known}
    best = [name for name, size in fitting.items() if size == max(fitting.values())]
    return best[0] if len(best) == 1 else None


def _words(name: str) -> set[str]:
    return {word.lower() for word in re.findall(r"OAuth|[A-Z]?[a-z0-9]+|[A-Z]+(?![a-z])", name)}
