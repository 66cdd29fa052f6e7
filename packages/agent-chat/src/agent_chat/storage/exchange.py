"""Chats as lines of JSON: out of one store, and into another, in any order of interruptions.

A line is a chat, {"type": "chat", …}, or a message of the chat above it, {"type": "stored_message", "seq", "at",
"body"}. Pages are read and batches written, so that the memory it takes does not grow with what is stored.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, cast

from agent_chat.storage.errors import ChatBusyError, ChatNotFoundError, LeaseLostError
from agent_chat.storage.interface import ChatStore
from agent_chat.storage.records import ChatLease, ChatMeta, StoredMessage
from agent_chat.storage.rules import require_time
from agent_sdk_core.arguments import checked_class
from agent_sdk_core.errors import InvalidRequestError
from agent_sdk_core.wire.forms import WireForm
from agent_sdk_core.wire.json_lines import BadLine, decode_line, json_text

Progress = Callable[[int], object]
"""Told how many messages are done, now and then."""

_BATCH: Final = 500
IMPORTING: Final = "an import"
"""What others are told who holds a chat that comes in."""


@checked_class()
@dataclass(frozen=True, slots=True, repr=False)
class ImportReport(WireForm):
    """What came into a store.

    Attributes:
        chats: Chats that were read.
        messages: Messages that are new.
        problems: What could not be read, one sentence each, at most 100.
    """

    chats: int = 0
    messages: int = 0
    problems: tuple[str, ...] = ()

    def plus(self, *, chats: int = 0, messages: int = 0, problem: str | None = None) -> ImportReport:
        """Return it with more."""
        told = self.problems if problem is None or len(self.problems) >= 100 else (*self.problems, problem)
        return ImportReport(self.chats + chats, self.messages + messages, told)


async def export_chats(
    store: ChatStore,
    write: Callable[[str], object],
    *,
    chat_ids: Sequence[str] | None = None,
    progress: Progress | None = None,
) -> int:
    """Write chats as lines of JSON, and return how many messages these were.

    Args:
        store: The store, open.
        write: Takes one line at a time, its line break included.
        chat_ids: The chats; absent: all, archived ones too.
        progress: Told how many messages are written.

    Raises:
        StoreError: The store cannot be read, or has no such chat.
    """
    done = 0
    for chat_id in await _all_ids(store) if chat_ids is None else chat_ids:
        # What is done with it here is nothing to others.
        chat = replace(await store.get_chat(chat_id), generation=0, waiting=0)
        write(json_text({"type": "chat", **chat.to_wire()}) + "\n")
        after: int | None = 0
        while after is not None:
            page = await store.read_messages(chat_id, after=after, limit=_BATCH)
            for stored in page:
                line = {"type": "stored_message", "seq": stored.seq, "at": stored.at, "body": stored.body}
                write(json_text(line) + "\n")
            done += len(page)
            if progress is not None:
                progress(done)
            after = None if page.cursor is None else int(page.cursor)
    return done


async def _all_ids(store: ChatStore) -> list[str]:
    found: list[str] = []
    cursor: str | None = None
    while True:
        page = await store.list_chats(archived=None, limit=_BATCH, cursor=cursor)
        found += [chat.id for chat in page]
        if (cursor := page.cursor) is None:
            return found


async def import_chats(
    store: ChatStore, lines: Iterable[str | bytes], *, progress: Progress | None = None
) -> ImportReport:
    """Read what `export_chats` wrote into a store; a chat that it has goes on where its log ends.

    A line that cannot be read, such as the last one of a file that was cut off, is told and passed over. So an import
    that was interrupted may be repeated.

    Args:
        store: The store, open.
        lines: The lines.
        progress: Told how many messages were read.

    Raises:
        StoreError: The store cannot be written.
    """
    reading = _Reading(store, progress)
    try:
        for number, line in enumerate(lines, 1):
            value = decode_line(line.encode("utf-8", "surrogatepass") if isinstance(line, str) else line)
            if isinstance(value, BadLine):
                if value.reason != "blank":
                    reading.report = reading.report.plus(problem=f"Line {number} cannot be read: {value.reason}.")
                continue
            try:
                await reading.take(value)
            except (InvalidRequestError, ChatBusyError, LeaseLostError) as error:
                reading.report = reading.report.plus(problem=f"Line {number}: {error.message}")
        await reading.flush()
    finally:
        await reading.release()
    return reading.report


async def hold(store: ChatStore, chat_id: str) -> ChatLease | None:
    """Take the right to write a chat that comes in; None where another import has it, for both write the same once.

    Raises:
        ChatBusyError: Somebody else writes it.
    """
    try:
        return await store.acquire(chat_id, name=IMPORTING)
    except ChatBusyError as error:
        if error.holder is None or error.holder.name != IMPORTING:
            raise
        return None


class _Reading:
    """The chat that is read, and messages of it that wait to be written."""

    def __init__(self, store: ChatStore, progress: Progress | None) -> None:
        self.report = ImportReport()
        self._store = store
        self._progress = progress
        self._chat: ChatMeta | None = None
        self._lease: ChatLease | None = None
        self._is_busy = False
        self._waiting: list[StoredMessage] = []
        self._seen = 0

    async def take(self, value: object) -> None:
        """Read one line."""
        if not isinstance(value, Mapping):
            raise InvalidRequestError("It is no object.")
        members = cast("Mapping[str, Any]", value)
        if members.get("type") == "chat":
            await self.flush()
            await self._begin(ChatMeta.from_wire(members))
            return
        if members.get("type") != "stored_message":
            raise InvalidRequestError("It is neither a chat nor a stored message.")
        if self._is_busy:
            return  # The chat was told, with who writes it.
        if self._chat is None:
            raise InvalidRequestError("It is a message without a chat above it.")
        stored = StoredMessage.from_wire({**members, "chat_id": self._chat.id})
        require_time(stored.at)
        self._seen += 1
        if stored.seq > self._chat.last_seq:
            self._waiting.append(stored)
        if len(self._waiting) >= _BATCH:
            await self.flush()

    async def _begin(self, chat: ChatMeta) -> None:
        self._chat, self._is_busy = None, False
        await self.release()
        try:
            known = await self._store.get_chat(chat.id)
        except ChatNotFoundError:
            known = await self._store.create_chat(chat)
        self._is_busy = True
        self._lease = await hold(self._store, chat.id)
        self._chat, self._is_busy = known, False
        self.report = self.report.plus(chats=1)

    async def flush(self) -> None:
        """Write what waits."""
        waiting, self._waiting = self._waiting, []
        if waiting and self._chat is not None:
            bodies, times = [each.body for each in waiting], [each.at for each in waiting]
            try:
                numbers = await self._store.append(self._chat.id, bodies, at=times, lease=self._lease)
                if self._lease is not None:
                    self._lease = await self._store.renew(self._lease)
            except LeaseLostError:
                self._chat, self._lease, self._is_busy = None, None, True
                raise
            before, last = self._chat.last_seq, max(numbers)
            self._chat = replace(self._chat, last_seq=max(before, last))
            self.report = self.report.plus(messages=max(0, last - before))
        if self._progress is not None:
            self._progress(self._seen)

    async def release(self) -> None:
        """Give the chat back."""
        lease, self._lease = self._lease, None
        if lease is not None:
            await self._store.release(lease)
