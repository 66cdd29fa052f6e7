"""The store as a session store of the official Claude SDK, for whoever keeps Claude's sessions in one of those.

It has the methods of that SDK's `SessionStore` protocol, as of claude-agent-sdk 0.2.189, which is not imported: append
and load, listing, deleting, and the keys of sub-agents. Entries are lines of Claude's transcripts, kept as they are;
each of those with a uuid once.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote, unquote

from agent_chat.storage.errors import ChatNotFoundError, StoreError
from agent_chat.storage.interface import ChatStore
from agent_chat.storage.records import ChatMeta

TAG: Final = "claude-session-store"
"""Tag of the chats that hold transcripts; they are archived, so that no list of chats shows them."""

_PAGE: Final = 1000


class ClaudeSessionStore:
    """Keeps transcripts of Claude sessions in a store of chats.

    Args:
        store: The store, open.
    """

    def __init__(self, store: ChatStore) -> None:
        self._store = store

    async def append(self, key: Mapping[str, str], entries: Sequence[Mapping[str, Any]]) -> None:
        """Add lines to a transcript; one whose uuid it has already is left out.

        Args:
            key: `project_key` and `session_id`, and `subpath` for the transcript of a sub-agent.
            entries: The lines, oldest first.
        """
        if not entries:
            return
        chat_id = _chat_id(key)
        try:
            await self._store.append(chat_id, entries)
        except ChatNotFoundError:
            await self._create(key, chat_id)
            await self._store.append(chat_id, entries)

    async def load(self, key: Mapping[str, str]) -> list[dict[str, Any]] | None:
        """Return the lines of a transcript, oldest first; None for one that was never written."""
        found: list[dict[str, Any]] = []
        after: int | None = 0
        try:
            while after is not None:
                page = await self._store.read_messages(_chat_id(key), after=after, limit=_PAGE)
                found += [dict(stored.body) for stored in page]
                after = None if page.cursor is None else int(page.cursor)
        except ChatNotFoundError:
            return None
        return found

    async def list_sessions(self, project_key: str) -> list[dict[str, Any]]:
        """Return the sessions of a project, each with `session_id` and `mtime`, in milliseconds of Unix time."""
        return [
            {"session_id": session_id, "mtime": int(chat.last_active_at * 1000)}
            async for chat, session_id, subpath in self._chats(project_key)
            if not subpath
        ]

    async def list_subkeys(self, key: Mapping[str, str]) -> list[str]:
        """Return the sub-paths of a session: the transcripts of its sub-agents."""
        return [subpath for _, subpath in await self._parts(key) if subpath]

    async def delete(self, key: Mapping[str, str]) -> None:
        """Remove a transcript; that of a session goes with those of its sub-agents."""
        wanted = key.get("subpath")
        gone = [_chat_id(key)] if wanted else [chat_id for chat_id, _ in await self._parts(key)]
        for chat_id in gone:
            try:
                await self._store.delete_chat(chat_id)
            except ChatNotFoundError:
                continue

    async def _parts(self, key: Mapping[str, str]) -> list[tuple[str, str]]:
        return [
            (chat.id, subpath)
            async for chat, session_id, subpath in self._chats(key["project_key"])
            if session_id == key["session_id"]
        ]

    async def _create(self, key: Mapping[str, str], chat_id: str) -> None:
        chat = ChatMeta(
            chat_id,
            backend="claude",
            workspace=_workspace(key["project_key"]),
            last_session_id=None if key.get("subpath") else key["session_id"],
            archived=True,
            tags=(TAG,),
        )
        try:
            await self._store.create_chat(chat)
        except StoreError as error:
            if error.code != "chat_exists":  # Another call was quicker.
                raise

    async def _chats(self, project_key: str) -> AsyncIterator[tuple[ChatMeta, str, str]]:
        cursor: str | None = None
        while True:
            page = await self._store.list_chats(
                workspace=_workspace(project_key), tag=TAG, archived=True, limit=_PAGE, cursor=cursor
            )
            for chat in page:
                _, _, session_id, subpath = map(unquote, chat.id.split("/"))
                yield chat, session_id, subpath
            if (cursor := page.cursor) is None:
                return


def _chat_id(key: Mapping[str, str]) -> str:
    parts = (TAG, key["project_key"], key["session_id"], key.get("subpath") or "")
    return "/".join(quote(part, safe="") for part in parts)


def _workspace(project_key: str) -> str:
    return f"{TAG}:{project_key}"
