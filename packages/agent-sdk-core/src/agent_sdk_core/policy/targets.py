"""Targets: what a tool call is used on, as its input tells: a command, paths, a host, a name."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any, Final, cast
from urllib.parse import urlsplit

_PATHS: Final = ("file_path", "notebook_path", "path", "new_path", "old_path", "destination", "grant_root")
_MANY_PATHS: Final = ("file_paths", "paths")
_SEARCHES: Final = frozenset({"Glob", "Grep", "LS"})


def command_of(tool_input: Mapping[str, object]) -> str | None:
    """Return the command line that is to run, None where the input holds none."""
    command = tool_input.get("command")
    if isinstance(command, str):
        return command
    if isinstance(command, list) and all(isinstance(word, str) for word in cast("list[Any]", command)):
        import shlex

        return shlex.join(cast("list[str]", command))
    return None


def paths_of(tool_name: str, tool_input: Mapping[str, object]) -> tuple[str, ...]:
    """Return the paths that a tool reads or changes; empty where the input holds none that can be judged."""
    found = list(_named(tool_input))
    if tool_name in _SEARCHES:
        base = found[0] if found else "."
        pattern = tool_input.get("pattern") if tool_name == "Glob" else tool_input.get("glob")
        found = [base]
        if isinstance(pattern, str) and ("/" in pattern or ".." in pattern):
            found.append(os.path.join(base, pattern))  # noqa: PTH118  # it need not be there
    return tuple(dict.fromkeys(found))


def host_of(tool_input: Mapping[str, object]) -> str | None:
    """Return the host that is asked, None where the input names none."""
    url = tool_input.get("url")
    return host_in(url) if isinstance(url, str) else None


def host_in(url: str) -> str | None:
    """Return a URL's host as it is looked up: lower case, without a last dot, in its ASCII form."""
    try:
        host = urlsplit(url if "//" in url else f"//{url}").hostname
    except ValueError:
        return None
    return ascii_host(host) if host else None


def ascii_host(host: str) -> str:
    """Return a host's name in the one form that is compared."""
    host = host.casefold().rstrip(".")
    try:
        return host.encode("idna").decode()
    except UnicodeError:
        return host


def name_of(tool_input: Mapping[str, object]) -> str | None:
    """Return the sub-agent or skill that is called."""
    for key in ("subagent_type", "agent_type", "skill", "command", "name"):
        if isinstance(name := tool_input.get(key), str):
            return name
    return None


def _named(tool_input: Mapping[str, object]) -> Iterator[str]:
    for key in _PATHS:
        if isinstance(path := tool_input.get(key), str) and path:
            yield path
    for key in _MANY_PATHS:
        paths = tool_input.get(key)
        if isinstance(paths, list | tuple):
            yield from (path for path in cast("list[object]", paths) if isinstance(path, str))
    changes = tool_input.get("changes")
    if isinstance(changes, list | tuple):
        for change in cast("list[object]", changes):
            if isinstance(change, Mapping):
                whole = cast("Mapping[str, object]", change)
                inner = whole.get("input")
                yield from _named(cast("Mapping[str, object]", inner) if isinstance(inner, Mapping) else whole)
