"""Pages of stored sessions and of their messages."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar, Generic, Self, TypeVar, cast, overload
from unicodedata import category

from agent_sdk_core.arguments import checked_class
from agent_sdk_core.errors import InvalidRequestError
from agent_sdk_core.records import dataclass
from agent_sdk_core.wire.forms import WireForm, read_wire
from agent_sdk_core.wire.json_lines import json_object, json_text
from agent_sdk_core.wire.shown import described

if TYPE_CHECKING:
    from agent_sdk_core.messages.parse import SDKMessage

T_co = TypeVar("T_co", covariant=True)


@checked_class()
@dataclass(frozen=True, slots=True, repr=False)
class StoredSession(WireForm):
    """What is known of a stored session; None where the agent does not tell.

    Attributes:
        session_id: What `SessionOptions.resume` takes.
        title: Its name, or the start of its first prompt.
        cwd: Folder it worked in.
        created_at: Unix time in seconds.
        updated_at: When it was last active, Unix time in seconds.
        first_prompt: What was asked first, as the agent keeps it: it may be cut.
        branch: The git branch that its folder was on.
        tag: A word that somebody put on it.
        model: The model that it used last.
        archived: Whether it was archived: then no list shows it, and it can still be read.
        snippet: What a search found in it, with what stands around; None outside of a search.
    """

    session_id: str
    title: str = ""
    cwd: str | None = None
    created_at: float | None = None
    updated_at: float | None = None
    first_prompt: str | None = None
    branch: str | None = None
    tag: str | None = None
    model: str | None = None
    archived: bool = False
    snippet: str | None = None


class Page(Sequence[T_co], Generic[T_co]):
    """A part of a longer list: a sequence of its entries, and where the next part begins.

    Attributes:
        cursor: What to pass for the next page, or None at the end.
    """

    _named: ClassVar[str] = "entries"

    def __init__(self, entries: Iterable[T_co] = (), cursor: str | None = None) -> None:
        self._entries = tuple(entries)
        self.cursor = cursor

    @overload
    def __getitem__(self, index: int) -> T_co: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[T_co, ...]: ...
    def __getitem__(self, index: int | slice) -> T_co | tuple[T_co, ...]:
        return self._entries[index]

    def __len__(self) -> int:
        return len(self._entries)

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        page = cast("Self", other)
        return (self._entries, self.cursor) == (page._entries, page.cursor)

    def __hash__(self) -> int:
        return hash((len(self._entries), self.cursor))

    def __repr__(self) -> str:
        return described(self, **{"count": len(self), self._named: self._entries[:3], "cursor": self.cursor})

    def to_wire(self) -> dict[str, object]:
        """Return it as JSON-compatible data."""
        return {self._named: [_wire(entry) for entry in self._entries], "cursor": self.cursor}

    @classmethod
    def from_wire(cls, data: Mapping[str, object]) -> Self:
        """Return the page whose `to_wire` this is.

        Raises:
            InvalidRequestError: It is none; the message names the place.
        """
        entries = cast(
            "Iterable[object]", read_wire(tuple[object, ...], data.get(cls._named), f"{cls.__name__}.{cls._named}")
        )
        cursor = read_wire(str | None, data.get("cursor"), f"{cls.__name__}.cursor")
        return cls((cls._read(entry) for entry in entries), cast("str | None", cursor))

    def to_json(self) -> str:
        """Return it as one line of JSON, without a line break."""
        return json_text(self.to_wire())

    @classmethod
    def from_json(cls, line: str | bytes) -> Self:
        """Return the page whose `to_json` this is; raises what `from_wire` raises."""
        return cls.from_wire(json_object(line, cls.__name__))

    @classmethod
    def _read(cls, entry: object) -> T_co:
        raise NotImplementedError


class SessionPage(Page[StoredSession]):
    """Stored sessions, newest first, and the cursor of the next page (None at the end)."""

    _named = "sessions"

    @property
    def sessions(self) -> tuple[StoredSession, ...]:
        """The entries."""
        return self._entries

    @classmethod
    def _read(cls, entry: object) -> StoredSession:
        return cast("StoredSession", read_wire(StoredSession, entry, "SessionPage.sessions"))


class HistoryPage(Page["SDKMessage"]):
    """Messages of a stored session, oldest first, and the cursor of the next page (None at the end)."""

    _named = "messages"

    @property
    def messages(self) -> tuple[SDKMessage, ...]:
        """The entries."""
        return self._entries

    @classmethod
    def _read(cls, entry: object) -> SDKMessage:
        from agent_sdk_core.messages.parse import parse_message

        return parse_message(
            cast("Mapping[str, object]", read_wire(Mapping[str, object], entry, "HistoryPage.messages"))
        )


def _wire(entry: object) -> object:
    return cast("SDKMessage | StoredSession", entry).to_wire()


def require_sessions(limit: int, *, backend: str) -> None:
    """Refuse a page of sessions that would hold none.

    Raises:
        InvalidRequestError: The limit is not positive.
    """
    if limit < 1:
        raise InvalidRequestError(f"A page has at least one session, not {limit}.", backend=backend)


def require_title(title: str, *, backend: str) -> None:
    """Refuse a name of a session that nobody could see.

    Raises:
        InvalidRequestError: It is blank, or holds nothing but characters that are not shown.
    """
    if not any(category(character)[0] not in "CZ" for character in title):
        raise InvalidRequestError("A session's title is not blank: give it a character that is shown.", backend=backend)


def require_limit(limit: int | None, *, backend: str) -> None:
    """Refuse a page that would hold nothing.

    Raises:
        InvalidRequestError: The limit is not positive.
    """
    if limit is not None and limit < 1:
        raise InvalidRequestError(f"A page of history has at least one turn, not {limit}.", backend=backend)
