"""Splits the definitions into areas, one generated module each, so that a program imports only what it uses.

A method's params and response live in the area of the method. What they refer to lives with them, unless two areas
need it: then it sinks to the lowest of the shared modules that can hold it. Imports therefore only point down.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from schema.definitions import Definitions
from schema.methods import Methods

SHARED = ("common", "response_items", "items", "turn", "thread")
"""Modules that others may import; each may import those before it."""

PREFIXES = {
    "account": "account",
    "app": "plugins",
    "applyPatchApproval": "server_requests",
    "attestation": "server_requests",
    "collaborationMode": "models",
    "command": "processes",
    "config": "config",
    "configRequirements": "config",
    "configWarning": "config",
    "currentTime": "server_requests",
    "environment": "environments",
    "error": "turn",
    "execCommandApproval": "server_requests",
    "experimentalFeature": "config",
    "externalAgentConfig": "migration",
    "fs": "files",
    "fuzzyFileSearch": "files",
    "hook": "hooks",
    "hooks": "hooks",
    "item": "items",
    "item/autoApprovalReview": "reviews",
    "autoApprovalReview": "reviews",
    "thread/approveGuardianDeniedAction": "reviews",
    "guardianWarning": "reviews",
    "marketplace": "plugins",
    "mcpServer": "mcp",
    "mcpServerStatus": "mcp",
    "memory": "environments",
    "model": "models",
    "modelProvider": "models",
    "permissionProfile": "config",
    "plugin": "plugins",
    "process": "processes",
    "project": "projects",
    "remoteControl": "remote_control",
    "review": "turn",
    "skills": "plugins",
    "thread": "thread",
    "thread/attachment": "projects",
    "thread/attachmentOwner": "projects",
    "thread/backgroundTerminals": "processes",
    "thread/environment": "environments",
    "thread/goal": "goals",
    "thread/items": "history",
    "thread/queue": "queue",
    "thread/realtime": "realtime",
    "thread/search": "history",
    "thread/searchOccurrences": "history",
    "thread/section": "projects",
    "thread/timeline": "history",
    "thread/turns": "history",
    "threadSection": "projects",
    "turn": "turn",
    "userVerification": "account",
    "windows": "windows",
    "windowsSandbox": "windows",
}
"""The area of a method by the longest prefix of its path; methods not listed belong to `server`."""

ROOTS = {
    "AppConfig": "config",
    "AppLinkConfig": "config",
    "AppLinksConfig": "config",
    "AppToolConfig": "config",
    "AppToolsConfig": "config",
    "RawResponseCompletedNotification": "thread",
    "RawResponseItemCompletedNotification": "thread",
    "ResponseItem": "response_items",
    "Thread": "thread",
    "ThreadItem": "items",
    "Turn": "turn",
    "TurnError": "turn",
    "UserInput": "items",
    "UserVerificationRpcError": "account",
}
"""Types that no method leads to, and shared ones whose place is known."""


def split(definitions: Definitions, methods: Methods) -> dict[str, dict[str, Any]]:
    """Return the definitions of each area, areas and names sorted; every reference points to the same area or down."""
    edges = _family_edges(definitions)
    seeds = _seeds(definitions, methods)
    places = _settle(edges, _by_owner(edges, seeds), seeds)
    areas: dict[str, dict[str, Any]] = {area: {} for area in sorted(set(places.values()))}
    for name in sorted(definitions.types):
        areas[places[definitions.home_of(name)]][name] = definitions.types[name]
    return areas


def references(schema: Any) -> Iterator[str]:
    """Yield the names that a schema refers to."""
    if isinstance(schema, dict):
        for key, value in schema.items():  # pyright: ignore[reportUnknownVariableType]  # JSON
            if key == "$ref":
                yield str(value).rsplit("/", 1)[-1]  # pyright: ignore[reportUnknownArgumentType]  # JSON
            elif key != "mapping":
                yield from references(value)
    elif isinstance(schema, list):
        for value in schema:  # pyright: ignore[reportUnknownVariableType]  # JSON
            yield from references(value)


def rank(area: str) -> int:
    """Return how high an area stands: it may only import lower ones."""
    return SHARED.index(area) if area in SHARED else len(SHARED)


def _family_edges(definitions: Definitions) -> dict[str, set[str]]:
    """References between definitions, each union taken together with the variants that were hoisted from it."""
    edges: dict[str, set[str]] = {}
    for name, schema in definitions.types.items():
        family = definitions.home_of(name)
        targets = {definitions.home_of(target) for target in references(schema)}
        edges.setdefault(family, set()).update(targets - {family})
    return edges


def _area_of_method(method: str) -> str:
    parts = method.split("/")
    for length in range(len(parts), 0, -1):
        if (area := PREFIXES.get("/".join(parts[:length]))) is not None:
            return area
    return "server"


def _seeds(definitions: Definitions, methods: Methods) -> dict[str, str]:
    seeds = {name: area for name, area in ROOTS.items() if name in definitions.types}
    for method in (*methods.client_requests, *methods.server_notifications, *methods.client_notifications):
        for name in (method.params, method.response):
            if name is not None:
                seeds.setdefault(name, _area_of_method(method.name))
    for method in methods.server_requests:
        for name in (method.params, method.response):
            if name is not None:
                seeds.setdefault(name, "server_requests")
    return seeds


def _by_owner(edges: dict[str, set[str]], seeds: dict[str, str]) -> dict[str, str]:
    """Place what only one area reaches in that area, and the rest in `common`."""
    owners: dict[str, set[str]] = {}
    for seed, area in seeds.items():
        waiting = [seed]
        while waiting:
            name = waiting.pop()
            if area in owners.setdefault(name, set()) or seeds.get(name, area) != area:
                continue
            owners[name].add(area)
            waiting.extend(edges[name])
    places = {name: next(iter(found)) if len(found) == 1 else "common" for name, found in owners.items()}
    for name in edges:
        places.setdefault(name, "server")
    return {**places, **seeds}


def _settle(edges: dict[str, set[str]], places: dict[str, str], seeds: dict[str, str]) -> dict[str, str]:
    """Raise what in `common` needs a higher shared module, then let sink what is referred to from below or beside."""

    def floor(name: str) -> str:
        ranks = [rank(places[target]) for target in edges[name] if places[target] in SHARED]
        return SHARED[max(ranks, default=0)]

    def raise_all() -> bool:
        low = [n for n in sorted(edges) if n not in seeds and places[n] in SHARED and rank(floor(n)) > rank(places[n])]
        for name in low:
            places[name] = floor(name)
        return bool(low)

    def sink_all() -> bool:
        moved = False
        for name in sorted(edges):
            for target in sorted(edges[name]):
                here, there = places[name], places[target]
                if here != there and rank(there) >= rank(here):
                    places[target] = here if here in SHARED else floor(target)
                    moved = True
        return moved

    while raise_all():
        pass
    while sink_all():
        pass
    return places
