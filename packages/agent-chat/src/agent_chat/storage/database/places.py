"""Places of a store: what its URL says. Pure, and without a database library."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from agent_sdk_core.errors import InvalidRequestError

Dialect = Literal["sqlite", "postgresql"]
Synchronous = Literal["normal", "full"]

_HOW: Final = 'Write a path, "sqlite:////absolute/chats.db", "postgresql://user@host/database" or "memory:".'
_POSTGRESQL: Final = ("postgresql", "postgres", "postgresql+psycopg")
_SQLITE: Final = ("sqlite", "sqlite+pysqlite")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a store is.

    Attributes:
        dialect: The database.
        url: What a driver takes; of SQLite nothing.
        shown: The URL without a password.
        path: File of SQLite.
        synchronous: What SQLite waits for at a commit: "normal" survives the end of the process, "full" also a loss of
            power.
    """

    dialect: Dialect
    url: str
    shown: str
    path: Path | None = None
    synchronous: Synchronous = "normal"


def place_of(url: str) -> Place:
    """Return the place that a URL names; a path is a file of SQLite.

    Raises:
        InvalidRequestError: It names none.
    """
    scheme, separator, rest = url.partition(":")
    if not separator or "/" in scheme or len(scheme) == 1:
        return _file(Path(url), {})
    if scheme in _SQLITE:
        return _sqlite(url, rest)
    if scheme in _POSTGRESQL:
        return _postgresql(url)
    raise InvalidRequestError(f"A store cannot be at a URL that begins with {scheme + ':'!r}. {_HOW}")


def _sqlite(url: str, rest: str) -> Place:
    parts = urlsplit(url)
    path = unquote(parts.path)
    if not rest.startswith("//") or parts.netloc or len(path) < 2:
        raise InvalidRequestError(f"The URL of the store {url!r} names no file. {_HOW}")
    return _file(Path(path[1:]), dict(parse_qsl(parts.query)))


def _file(path: Path, options: dict[str, str]) -> Place:
    synchronous = options.pop("synchronous", "normal")
    if options or synchronous not in ("normal", "full"):
        raise InvalidRequestError('The URL of a store on SQLite takes "?synchronous=full" and no other option.')
    if "\0" in str(path) or not path.name:
        raise InvalidRequestError(f"The store's path {str(path)!r} names no file. {_HOW}")
    path = Path(os.path.expanduser(path)).absolute()
    return Place("sqlite", "", f"sqlite:///{quote(str(path))}", path, "full" if synchronous == "full" else "normal")


def _postgresql(url: str) -> Place:
    parts = urlsplit(url)
    if not parts.path.strip("/"):
        raise InvalidRequestError(f"The URL of the store names no database. {_HOW}")
    tail = url.partition("://")[2]
    shown = f"postgresql://{parts.username or ''}{'@' if parts.username else ''}{tail.rpartition('@')[2]}"
    if any(name in ("password", "passfile") for name, _ in parse_qsl(parts.query)):
        shown = shown.partition("?")[0]
    return Place("postgresql", f"postgresql+psycopg://{tail}", shown)
