"""Targets: what a tool call is used on, as its input tells: a command, paths, a host, a name."""

from __future__ import annotations

import contextlib
import os
import re
import socket
from collections.abc import Iterator, Mapping
from ipaddress import IPv6Address
from typing import Any, Final, cast
from urllib.parse import unquote, urlsplit

_PATHS: Final = ("file_path", "notebook_path", "path", "new_path", "old_path", "destination", "grant_root")
_MANY_PATHS: Final = ("file_paths", "paths")
_SEARCHES: Final = frozenset({"Glob", "Grep", "LS"})
_IGNORED: Final = re.compile(r"[\t\n\r]")
_WEB: Final = re.compile(r"(?:https?|wss?|ftp):[/\\]*", re.IGNORECASE)
_NUMBERS: Final = re.compile(r"(?:0x[0-9a-f]+|\d+)(?:\.(?:0x[0-9a-f]+|\d+)){0,3}")


def changes_of(tool_input: Mapping[str, object]) -> Iterator[tuple[str, Mapping[str, object]]]:
    """Return what a patch does to each of its files, as the tool that does that alone with its arguments."""
    changes = tool_input.get("changes")
    for change in cast("list[object]", changes) if isinstance(changes, list | tuple) else ():
        if isinstance(change, Mapping):
            name, given = (cast("Mapping[str, object]", change).get(key) for key in ("tool_name", "input"))
            if isinstance(name, str) and isinstance(given, Mapping):
                yield name, cast("Mapping[str, object]", given)


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
        if isinstance(pattern, str) and pattern:
            found.append(os.path.join(base, pattern))  # it need not be there
    return tuple(dict.fromkeys(found))


def searched_name(tool_name: str, tool_input: Mapping[str, object]) -> str | None:
    """Return the pattern of names to which a search is narrowed, None for one that looks at all that there is."""
    pattern = tool_input.get("pattern") if tool_name == "Glob" else tool_input.get("glob")
    if tool_name not in _SEARCHES or not isinstance(pattern, str):
        return None
    name = pattern.rpartition("/")[2]
    return None if name.startswith("!") or not name.strip("*") else name


def host_of(tool_input: Mapping[str, object], *, surely: bool = False) -> str | None:
    """Return the host that is asked, None where the input names none.

    Args:
        tool_input: The arguments.
        surely: Whether nothing is returned for a URL that not everybody reads alike.
    """
    url = tool_input.get("url")
    if not isinstance(url, str):
        return None
    host = host_in(url)
    return host if not surely or host == _plain_host(url) else None


def host_in(url: str) -> str | None:
    """Return a URL's host as browsers look it up: lower case, without a last dot, in its ASCII form.

    To them a backslash is a slash, any number of slashes follows "https:", and a host may be percent-encoded.
    """
    text = _IGNORED.sub("", url).strip("\0\x01\x1f ")
    if (web := _WEB.match(text)) is not None:
        text = text[web.end() :]
    elif "//" in text:
        return _plain_host(text)
    authority = re.split(r"[/\\?#]", text, maxsplit=1)[0].rpartition("@")[2]
    bracketed = re.match(r"\[([^\]]*)\]", authority)
    host = bracketed[1] if bracketed is not None else authority.partition(":")[0]
    return ascii_host(unquote(host)) if host else None


def hosts_in(word: str) -> Iterator[str]:
    """Return each host that a program may be given by a word: of a URL, `host`, `host:port` or `user@host:path`."""
    yield from (host for host in (host_in(word), _plain_host(word)) if host is not None)
    if "//" not in word and (bare := word.partition("/")[0].rpartition("@")[2].partition(":")[0]):
        yield ascii_host(bare)


def _plain_host(url: str) -> str | None:
    try:
        host = urlsplit(url if "//" in url else f"//{url}").hostname
    except ValueError:
        return None
    return ascii_host(host) if host else None


def ascii_host(host: str) -> str:
    """Return a host's name in the one form that is compared; of an address, however its numbers are written."""
    host = host.casefold().strip("[]").rstrip(".")
    try:
        host = host.encode("idna").decode()
    except UnicodeError:
        return host
    if _NUMBERS.fullmatch(host):
        with contextlib.suppress(OSError):
            return socket.inet_ntoa(socket.inet_aton(host))
    if ":" in host:
        with contextlib.suppress(ValueError):
            address = IPv6Address(host)
            return str(address.ipv4_mapped or address)
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
