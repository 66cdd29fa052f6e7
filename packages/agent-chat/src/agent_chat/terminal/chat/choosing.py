"""Choosing in the terminal: one of several values, and one of the chats, from a list or by the beginning of its id."""

from __future__ import annotations

from typing import Final

from agent_chat.chats.chat import Chat
from agent_chat.chats.service import ChatService
from agent_chat.chats.settings import ChatSettings
from agent_chat.cli.tables import moment
from agent_chat.terminal.chat.front import Front, Row
from agent_chat.transcript.blocks import Said
from agent_chat.transcript.paths import short_path
from agent_chat.transcript.sanitize import visible
from agent_sdk_core.errors import InvalidRequestError

_NEW: Final = "new"
_LISTED: Final = 200


class Chooser:
    """Has a person choose.

    Args:
        service: Keeps the chats.
        front: Where the person is.
        settings: What new chats are like.
    """

    def __init__(self, service: ChatService, front: Front, settings: ChatSettings) -> None:
        self._service = service
        self._front = front
        self._settings = settings

    async def pick(self, heading: str, rows: list[Row], now: str) -> str | None:
        """Have the person choose; without one, tell what there is."""
        if not self._front.live:
            shown = [f"* {row.value}{' (now)' if row.value == now else ''}" for row in rows]
            self._front.view.put(Said("\n".join(shown)))
            return None
        at = next((number for number, row in enumerate(rows) if row.value == now), 0)
        return await self._front.choose(heading, rows, at)

    async def chat(self, *, fresh: bool) -> Chat | None:
        """Return the chat that the person chooses; a new one where there is none to choose.

        Args:
            fresh: Whether a new chat is begun without asking where nobody is, or no other chat is there.
        """
        folder = self._settings.chat(self._service.backends[0], self._service.cwd).workspace
        here = list(await self._service.chats(limit=_LISTED, workspace=folder))
        others = [chat for chat in await self._service.chats(limit=_LISTED) if chat.workspace != folder]
        if fresh and (not self._front.live or not here):
            return await self._service.create(self._settings)
        rows = [Row(_NEW, ("New chat",))]
        for chat in [*here, *others]:
            where = "" if chat.workspace == folder or chat.cwd is None else short_path(chat.cwd)
            title = visible(" ".join(chat.title.split())) or chat.id
            rows.append(Row(chat.id, (title[:48], chat.backend or "", moment(chat.last_active_at), where)))
        if not self._front.live:
            for row in rows[1:]:
                self._front.view.notice(f"{row.value}  {row.cells[0]}", "info")
            return None
        value = await self._front.choose("Which chat?", rows, 1 if here else 0)
        if value is None:
            return None
        return await (self._service.create(self._settings) if value == _NEW else self._service.open(value))


async def find_chat(service: ChatService, text: str) -> Chat:
    """Return the chat of an id, or of the beginning of one that no other has.

    Raises:
        InvalidRequestError: There is none, or several.
        AgentError: It cannot be opened.
    """
    found: list[str] = []
    cursor: str | None = None
    while True:
        page = await service.chats(archived=None, limit=1_000, cursor=cursor)
        if any(chat.id == text for chat in page):
            return await service.open(text)
        found += [chat.id for chat in page if text and chat.id.startswith(text)]
        if (cursor := page.cursor) is None:
            break
    if len(found) == 1:
        return await service.open(found[0])
    if found:
        raise InvalidRequestError(f"{len(found)} chats begin with {text!r}; write more of the id.")
    raise InvalidRequestError(f"There is no chat {text!r}; `agent-sdk chats list` shows them.")
