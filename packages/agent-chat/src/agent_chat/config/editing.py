"""Editing of a configuration's text: settings are put in or taken out, all else stays, comments too. Pure."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from typing import Any, cast

from agent_sdk_core.names import canonical_name

Path = tuple[str, ...]
"""The names that lead to a setting."""


class UneditableError(Exception):
    """The text cannot be changed as wanted; the message says why."""


def edited(text: str, changes: Mapping[Path, object]) -> str:
    """Return a text with other settings; None takes one out.

    Args:
        text: TOML.
        changes: The values by the names that lead to them, backends by their canonical names.

    Raises:
        UneditableError: It is not TOML, or the way to a setting leads through something else than a table.
    """
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    try:
        document = tomlkit.parse(text)
        for path, value in changes.items():
            if value is None:
                _take_out(document, path)
            else:
                _put_in(document, path, value)
        changed = tomlkit.dumps(document)
    except (TOMLKitError, RecursionError, TypeError, ValueError) as error:
        raise UneditableError(str(error).rstrip(".")) from None
    _check(text, changed, changes)
    return changed


def _put_in(document: MutableMapping[str, Any], path: Path, value: object) -> None:
    import tomlkit

    at = document
    for depth, name in enumerate(path[:-1]):
        key = _key(at, path[: depth + 1]) or name
        inner: object = at.get(key)
        if inner is None:
            # A table that holds tables alone needs no heading of its own.
            at[key] = tomlkit.table(is_super_table=len(path) > depth + 2)
        elif name == "sandbox" and isinstance(inner, str):
            table = tomlkit.inline_table()
            table["mode"] = str(inner)
            at[key] = table
        elif not isinstance(inner, MutableMapping):
            raise UneditableError(f"{'.'.join(path[: depth + 1])} is no table")
        at = cast("MutableMapping[str, Any]", at[key])
    at[_key(at, path) or path[-1]] = value


def _take_out(document: MutableMapping[str, Any], path: Path) -> None:
    at: Any = document
    for depth in range(len(path) - 1):
        key = _key(at, path[: depth + 1])
        inner: Any = None if key is None else at[key]
        if path == ("sandbox", "mode") and isinstance(inner, str):
            del at[key]
            return
        if not isinstance(inner, MutableMapping):
            return
        at = cast("Any", inner)
    if (key := _key(at, path)) is not None:
        del at[key]


def _key(table: Mapping[str, Any], path: Path) -> str | None:
    """Return the key as it is written that the last of these names means; a backend has several names."""
    if len(path) == 2 and path[0] == "backends":
        return next((key for key in table if canonical_name(key) == path[1]), None)
    return path[-1] if path[-1] in table else None


def _check(before: str, after: str, changes: Mapping[Path, object]) -> None:
    """Refuse a text that says anything else than was wanted, whatever made it so."""
    import tomllib

    wanted = tomllib.loads(before)
    for path, value in changes.items():
        if value is None:
            _take_out(wanted, path)
        else:
            _put_plainly(wanted, path, value)
    if _without_empty(tomllib.loads(after)) != _without_empty(wanted):
        raise UneditableError("its layout is one that cannot be edited line by line")


def _put_plainly(document: dict[str, Any], path: Path, value: object) -> None:
    at: dict[str, Any] = document
    for depth, name in enumerate(path[:-1]):  # A text on the way is a sandbox's mode.
        key = _key(at, path[: depth + 1]) or name
        inner: Any = at.get(key, {})
        at[key] = table = cast("dict[str, Any]", {"mode": inner} if isinstance(inner, str) else inner)
        at = table
    at[_key(at, path) or path[-1]] = value


def _without_empty(value: object) -> object:
    if isinstance(value, dict):
        told = {name: _without_empty(member) for name, member in cast("dict[str, object]", value).items()}
        return {name: member for name, member in told.items() if member != {}}
    return list(cast("tuple[object, ...]", value)) if isinstance(value, tuple) else value
