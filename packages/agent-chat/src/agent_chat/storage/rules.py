"""Rules that every store keeps, whatever database it is on. Pure."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from time import time
from typing import Any, Final, cast, get_type_hints

from agent_chat.storage.errors import ChatBusyError, ChatNotFoundError, LeaseLostError, StoreError
from agent_chat.storage.records import ChatChanges, ChatLease, ChatMeta, LeaseHolder, wire_body
from agent_sdk_core.arguments import fits
from agent_sdk_core.errors import InvalidRequestError
from agent_sdk_core.messages.parse import SDKMessage
from agent_sdk_core.names import nearest
from agent_sdk_core.wire.json_lines import json_object, json_text, mend, mended

LATEST: Final = 8e9
"""Unix times in seconds end here, in the year 2223; what is greater was meant in another unit."""

_GREATEST: Final = 2**53
"""No number of a message and no limit is greater; databases end at different ones."""

CHANGEABLE: Final[Mapping[str, Any]] = get_type_hints(ChatChanges)


def clean(value: Any) -> Any:
    """Return a value as every store keeps it: text without NUL characters and halves of a pair."""
    return mend(value).replace("\0", "") if isinstance(value, str) else value


def _cleaned(chat: ChatMeta) -> ChatMeta:
    kept = {name: clean(getattr(chat, name)) for name in ChatMeta.__dataclass_fields__}
    return replace(chat, **kept | {name: tuple(map(clean, kept[name])) for name in ("lineage", "tags")})


def new_chat(chat: ChatMeta) -> ChatMeta:
    """Return a chat as it is stored first.

    Raises:
        InvalidRequestError: It has no id, or one of its times is none.
    """
    require_time(chat.created_at)
    require_time(chat.last_active_at)
    chat = _cleaned(chat)
    if not chat.id.strip():
        raise InvalidRequestError("A chat needs an id. Give it one, such as str(uuid.uuid4()).")
    created = chat.created_at or time()
    active = chat.last_active_at or created
    return replace(chat, created_at=created, last_active_at=active, waiting=0, last_seq=0, generation=0)


def changed_chat(chat: ChatMeta, changes: Mapping[str, object]) -> ChatMeta:
    """Return a chat with changes; a session that is replaced goes into its lineage.

    Raises:
        InvalidRequestError: There is no such field, or a value is of a wrong kind.
    """
    for name, value in changes.items():
        if name not in CHANGEABLE:
            meant = nearest(name, list(CHANGEABLE))
            hint = f"did you mean {meant!r}?" if meant else f"the fields are {', '.join(CHANGEABLE)}."
            raise InvalidRequestError(f"A chat's {name!r} cannot be changed; {hint}")
        if not fits(CHANGEABLE[name], value):
            raise InvalidRequestError(f"A chat's {name!r} cannot be of type {type(value).__name__}.")
    before, now = chat.last_session_id, changes.get("last_session_id", chat.last_session_id)
    lineage = chat.lineage
    if before is not None and before != now:
        lineage = (*(each for each in lineage if each not in (before, now)), before)
    return _cleaned(replace(chat, **cast("dict[str, Any]", dict(changes)), lineage=lineage))


def require_limit(limit: int) -> int:
    """Return how much a page holds; one of nothing is refused."""
    if limit < 1:
        raise InvalidRequestError(f"limit must be greater than 0, not {limit}.")
    return bounded(limit)


def bounded(number: int) -> int:
    """Return the number of a message, or the nearest to it that every database takes."""
    return max(-_GREATEST, min(number, _GREATEST))


def require_seconds(seconds: float) -> float:
    """Return how long a lease is to last, which has to be a time."""
    if not math.isfinite(seconds) or not is_time(time() + seconds):
        raise InvalidRequestError(f"A lease cannot last {seconds:g} seconds. Give a few, and renew it.")
    return seconds


def require_one_side(after: int | None, before: int | None) -> None:
    """Refuse a page that is asked for from both sides."""
    if after is not None and before is not None:
        raise InvalidRequestError("A page follows `after` or precedes `before`, not both. Give one of them.")


def position(cursor: str | None, *kinds: type[float] | type[int] | type[str]) -> tuple[Any, ...] | None:
    """Return what a cursor stands for, None for the first page.

    Raises:
        InvalidRequestError: It is none of ours.
    """
    if cursor is None:
        return None
    try:
        found = tuple(kind(part) for kind, part in zip(kinds, cursor.split("~", len(kinds) - 1), strict=True))
    except ValueError:
        found = None
    if found is None or any(isinstance(part, int) and part != bounded(part) for part in found):
        raise InvalidRequestError(f"{cursor!r} is the cursor of no page; pass a page's own cursor.")
    return found


def bodies(messages: Sequence[SDKMessage | Mapping[str, object]]) -> list[tuple[dict[str, object], str]]:
    """Return messages as they are stored, each with its JSON.

    Raises:
        InvalidRequestError: One holds what JSON cannot, or what nobody could read from it.
    """
    found: list[tuple[dict[str, object], str]] = []
    for message in messages:
        body = wire_body(message)
        try:
            found.append((body, _readable(body)))
        except (TypeError, ValueError) as error:
            raise InvalidRequestError(f"A message cannot be stored: {error}") from None
    return found


def prompt_text(content: object) -> str:
    """Return a prompt as it is stored.

    Raises:
        InvalidRequestError: It holds what JSON cannot, or what nobody could read from it.
    """
    try:
        text = json_text(content)
        json.loads(text)
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidRequestError(f"A prompt cannot be stored: {error}") from None
    return text


def _readable(value: object) -> str:
    """Return JSON that can be read again: one message that cannot would keep the others of its page from everybody."""
    text = json_text(value)
    try:
        stored_object(text, "It")
    except InvalidRequestError as error:
        raise ValueError(error.message) from None
    return text


def stored_object(text: str, place: str) -> Mapping[str, object]:
    """Return the object that a text of a store holds, also one that is nested as deeply as an agent may write it.

    Raises:
        InvalidRequestError: It holds none; `place` is what the message calls it.
    """
    try:
        return json_object(text, place)
    except InvalidRequestError:
        try:
            value: object = json.loads(text)
            value = mended(value) if "\\ud" in text.lower() else value
        except (ValueError, RecursionError):
            value = None
        if not isinstance(value, dict):
            raise
        return cast("Mapping[str, object]", value)


def times(at: float | Sequence[float] | None, number: int) -> list[float]:
    """Return when each message was written.

    Raises:
        InvalidRequestError: There are more or fewer times than messages, or one is no time.
    """
    if at is None:
        return [time()] * number
    if isinstance(at, int | float):
        return [require_time(at)] * number
    if len(at) != number:
        raise InvalidRequestError(f"There are {number} messages and {len(at)} times; give one each, or one for all.")
    return [require_time(each) for each in at]


def is_time(at: float) -> bool:
    """Whether a number can be a Unix time in seconds; one in milliseconds is none."""
    return -LATEST < at < LATEST


def require_time(at: float) -> float:
    """Return a time as it is stored.

    Raises:
        InvalidRequestError: It is none.
    """
    if not is_time(at):
        raise InvalidRequestError(f"{at:g} is no time: give Unix time in seconds, not in milliseconds.")
    return float(at)


def not_found(chat_id: str) -> ChatNotFoundError:
    """Return the error of a chat that is not there."""
    return ChatNotFoundError(
        f"There is no chat {chat_id!r} in this store; `agent-sdk chats list` names those there are."
    )


def exists(chat_id: str) -> StoreError:
    """Return the error of a chat that is there already."""
    return StoreError(f"There is a chat {chat_id!r} already. Take another id.", code="chat_exists")


def busy(chat_id: str, holder: LeaseHolder) -> ChatBusyError:
    """Return the error of a chat that another one writes."""
    return ChatBusyError(
        f"The chat {chat_id!r} is in use by {holder}. Close it there, or read it here without writing.",
        holder=holder,
        details={"holder": holder.to_wire()},
    )


def lost(lease: ChatLease, holder: LeaseHolder | None) -> LeaseLostError:
    """Return the error of a lease that has passed to another one."""
    now = "has ended" if holder is None else f"has passed to {holder}"
    return LeaseLostError(
        f"The right to write the chat {lease.chat_id!r} {now}; nothing was written. Acquire it anew, and read what was "
        "written since."
    )
