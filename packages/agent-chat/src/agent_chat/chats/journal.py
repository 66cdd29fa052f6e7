"""`ChatJournal`: the prompts of one chat on their way: accepted, dispatched, ended, and sent once at most."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from agent_chat.chats.prompts import ChatPrompt
from agent_chat.storage.records import ChatLease, StoredPrompt
from agent_sdk_core.errors import AgentError, InvalidRequestError
from agent_sdk_core.hosting.journal import Journal
from agent_sdk_core.wire.reading import as_record

if TYPE_CHECKING:
    from agent_chat.storage.interface import ChatStore

CLOCK_SECONDS: Final = 86_400.0
"""How far the clock may have been put back between a prompt and its message in the log."""


class ChatJournal(Journal):
    """Notes of the prompts of one chat.

    Args:
        store: Keeps them.
        chat_id: The chat.
        lease: Returns the right to write it.
    """

    def __init__(self, store: ChatStore, chat_id: str, lease: Callable[[], ChatLease | None]) -> None:
        self._store = store
        self._chat_id = chat_id
        self._lease = lease
        self._unsent: tuple[StoredPrompt, ...] = ()

    @property
    def unsent(self) -> list[dict[str, Any]]:
        """The prompts of which nobody knows that the agent got them, so that they are not sent again."""
        return [{"uuid": each.uuid, **_content(each)} for each in self._unsent]

    async def find_unsent(self) -> None:
        """Look for prompts that have not ended, and that the log does not show; those that it shows have ended."""
        waiting = {each.uuid: each for each in await self._store.prompts(self._chat_id) if each.state != "ended"}
        oldest = min((each.at for each in waiting.values()), default=0.0) - CLOCK_SECONDS
        before: int | None = None
        while waiting:
            page = await self._store.read_messages(self._chat_id, before=before, limit=1_000)
            for uuid in [each.uuid for each in page if each.uuid in waiting]:
                del waiting[uuid]
                with suppress(AgentError):  # It is found again the next time.
                    await self._store.move_prompt(self._chat_id, uuid, "ended", lease=self._lease())
            if page.cursor is None or page[0].at < oldest:
                break
            before = int(page.cursor)
        self._unsent = tuple(waiting.values())

    async def forget_unsent(self, uuid: str) -> None:
        """Take note that a prompt that was never sent is not needed any more."""
        self._unsent = tuple(each for each in self._unsent if each.uuid != uuid)
        await self.refused(self._chat_id, uuid)

    async def knows(self, uuid: str) -> bool:
        """Whether a prompt of this identity was taken before."""
        return any(each.uuid == uuid for each in await self._store.prompts(self._chat_id))

    async def prompt(self, uuid: str) -> ChatPrompt:
        """Return what a prompt said, as it is stored.

        Raises:
            InvalidRequestError: It was not sent here, code "no_such_prompt".
        """
        for stored in await self._store.prompts(self._chat_id):
            if stored.uuid == uuid:
                return ChatPrompt.from_wire(_content(stored))
        raise InvalidRequestError("This prompt was not sent from here, so it is not known.", code="no_such_prompt")

    async def accept(self, uuid: str, content: object) -> bool:
        """Store a prompt before it is sent; False where the chat has one of this identity."""
        return await self._store.put_prompt(self._chat_id, StoredPrompt(uuid, content), lease=self._lease())

    async def dispatch(self, key: str, uuid: str) -> None:
        """Note that a prompt is about to be handed to the agent."""
        if not await self._store.move_prompt(key, uuid, "dispatched", lease=self._lease()):
            raise InvalidRequestError(f"Prompt {uuid} is not sent: it was sent already.", code="prompt_not_waiting")

    async def refused(self, key: str, uuid: str) -> None:
        """Note that the agent did not take a prompt: who sent it is told, and it is not sent again."""
        await self._store.move_prompt(key, uuid, "ended", lease=self._lease())

    async def ended(self, key: str, result: Mapping[str, Any], uuids: tuple[str, ...]) -> None:
        """Note that prompts have ended; the log has the result."""
        for uuid in uuids:
            await self._store.move_prompt(key, uuid, "ended", lease=self._lease())


def _content(prompt: StoredPrompt) -> Mapping[str, object]:
    return as_record(prompt.content) or {}
