"""The store that an application sees: chats of all agents in one place, whichever database keeps them."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Self, Unpack

from agent_chat.storage.records import (
    ChatChanges,
    ChatLease,
    ChatMeta,
    ChatPage,
    ChatReference,
    MessagePage,
    PromptState,
    RetentionPolicy,
    SearchPage,
    StoredPrompt,
    StoreReport,
)
from agent_sdk_core.interfaces.interface import Interface
from agent_sdk_core.messages.parse import SDKMessage

LEASE_SECONDS = 30.0
"""For how long a lease lasts that nobody renews."""


class ChatStore(Interface):
    """Chats of all agents in one place: what is known of each, its append-only log, and who may write it.

    An async context manager on asyncio: entering opens it, leaving writes what is on its way and closes it. What a
    call acknowledges by returning is committed. Every call may raise a `StoreError`: of a chat that is not there
    `ChatNotFoundError`, of the database `StoreBusyError`, `StoreFullError`, `StoreReadOnlyError`,
    `StoreUnavailableError` or `StoreCorruptError`, of a store that is not open `StoreClosedError`.

    Attributes:
        url: Where it is, without a password.
    """

    url: str

    @abstractmethod
    async def open(self) -> None:
        """Open it; what does not exist yet is made, and an older database is brought up to date after a backup.

        Raises:
            StoreTooNewError: A later version made it.
            StoreCorruptError: It is damaged, or no store.
        """

    @abstractmethod
    async def aclose(self) -> None:
        """Write what is on its way, and close it; a second time does nothing."""

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    # Chats

    @abstractmethod
    async def create_chat(self, chat: ChatMeta) -> ChatMeta:
        """Store a chat, and return it with its times filled in where they were 0; its log is empty.

        Raises:
            StoreError: There is one of this id, code "chat_exists".
        """

    @abstractmethod
    async def get_chat(self, chat_id: str) -> ChatMeta:
        """Return what is known of a chat."""

    @abstractmethod
    async def list_chats(
        self,
        *,
        workspace: str | None = None,
        backend: str | None = None,
        session_id: str | None = None,
        tag: str | None = None,
        archived: bool | None = False,
        limit: int = 50,
        cursor: str | None = None,
    ) -> ChatPage:
        """Return chats, those used last first.

        Args:
            workspace: Only those of this workspace.
            backend: Only those of this agent.
            session_id: Only the one that goes on with this session of the agent, or did before.
            tag: Only those with this tag.
            archived: Whether archived ones, or only others; None: all.
            limit: How many at most.
            cursor: Of the page before.

        Raises:
            InvalidRequestError: The limit is not positive, or the cursor is of no page.
        """

    @abstractmethod
    async def update_chat(
        self, chat_id: str, *, lease: ChatLease | None = None, **changes: Unpack[ChatChanges]
    ) -> ChatMeta:
        """Change what is known of a chat, and return it; a session that is replaced goes into its lineage.

        Raises:
            LeaseLostError: The lease is given, and no longer holds.
        """

    @abstractmethod
    async def delete_chat(self, chat_id: str) -> None:
        """Remove a chat with all that is kept about it.

        Raises:
            ChatBusyError: Another one writes it.
        """

    # The log

    @abstractmethod
    async def append(
        self,
        chat_id: str,
        messages: Sequence[SDKMessage | Mapping[str, object]],
        *,
        at: float | Sequence[float] | None = None,
        lease: ChatLease | None = None,
    ) -> tuple[int, ...]:
        """Add messages to the end of a chat's log, all or none, and return their numbers.

        A message whose uuid the log has already is not written again: its number is that of the first, so that a call
        may be repeated whose outcome is unknown.

        Args:
            chat_id: The chat.
            messages: The messages, oldest first.
            at: When they were written, Unix time in seconds, one for all or one each; absent: now.
            lease: The right to write it; absent: nobody is asked.

        Raises:
            LeaseLostError: Another one has taken over.
            InvalidRequestError: A message holds what JSON cannot.
        """

    @abstractmethod
    async def read_messages(
        self, chat_id: str, *, after: int | None = None, before: int | None = None, limit: int = 200
    ) -> MessagePage:
        """Return messages of a chat, oldest first: the last ones, or those next to a number.

        Args:
            chat_id: The chat.
            after: Those that follow this number. The cursor is the number to go on after.
            before: The last ones before this number. The cursor is the number to go on before; so without either.
            limit: How many at most.

        Raises:
            InvalidRequestError: Both numbers are given, or the limit is not positive.
        """

    @abstractmethod
    async def search(
        self,
        text: str,
        *,
        chat_id: str | None = None,
        workspace: str | None = None,
        limit: int = 20,
        cursor: str | None = None,
    ) -> SearchPage:
        """Return the messages that hold every word of a text, newest first.

        Words are told apart from case and accents by none; a word that ends in "*" finds what begins with it, and
        words in double quotes are found next to each other.

        Args:
            text: The words.
            chat_id: Only messages of this chat.
            workspace: Only messages of chats of this workspace.
            limit: How many at most.
            cursor: Of the page before.

        Raises:
            InvalidRequestError: The text holds no word, the limit is not positive, or the cursor is of no page.
        """

    # What messages do not hold

    @abstractmethod
    async def set_draft(self, chat_id: str, text: str, *, author: str = "") -> None:
        """Keep what somebody has typed and not sent; "" removes it."""

    @abstractmethod
    async def draft(self, chat_id: str, *, author: str = "") -> str:
        """Return what somebody has typed and not sent, "" for nothing."""

    @abstractmethod
    async def mark_read(self, chat_id: str, seq: int, *, reader: str = "") -> int:
        """Note up to which number somebody has read, and return it; it never goes back, nor beyond the last message."""

    @abstractmethod
    async def read_mark(self, chat_id: str, *, reader: str = "") -> int:
        """Return up to which number somebody has read, 0 for nothing."""

    @abstractmethod
    async def put_prompt(self, chat_id: str, prompt: StoredPrompt, *, lease: ChatLease | None = None) -> bool:
        """Store a prompt before it is sent; False where the chat has one of this uuid already, which stays."""

    @abstractmethod
    async def move_prompt(self, chat_id: str, uuid: str, state: PromptState, *, lease: ChatLease | None = None) -> bool:
        """Say how far a prompt came; False where it is that far already, or there is none: then it must not be sent."""

    @abstractmethod
    async def prompts(self, chat_id: str, *, state: PromptState | None = None) -> tuple[StoredPrompt, ...]:
        """Return the prompts of a chat, oldest first, or those that came so far and no farther."""

    @abstractmethod
    async def remember(self, workspace: str, reference: ChatReference | None) -> None:
        """Note which chat a workspace reopens; None: none."""

    @abstractmethod
    async def reference(self, workspace: str) -> ChatReference | None:
        """Return which chat a workspace reopens."""

    # Who may write

    @abstractmethod
    async def acquire(self, chat_id: str, *, name: str = "", seconds: float = LEASE_SECONDS) -> ChatLease:
        """Take the right to write a chat, with a generation above all before it.

        A lease whose process is gone, or that ran out, is taken over.

        Args:
            chat_id: The chat.
            name: What others are told who holds it.
            seconds: For how long, unless it is renewed.

        Raises:
            ChatBusyError: Another one holds it; `holder` says who.
        """

    @abstractmethod
    async def renew(self, lease: ChatLease, *, seconds: float = LEASE_SECONDS) -> ChatLease:
        """Hold a lease for longer, and return it as it is then.

        Raises:
            LeaseLostError: Another one has taken over.
        """

    @abstractmethod
    async def release(self, lease: ChatLease) -> None:
        """Give a lease back; one that is no longer held is passed over."""

    @abstractmethod
    async def holder(self, chat_id: str) -> ChatLease | None:
        """Return who may write a chat now, None for nobody."""

    # The store itself

    @abstractmethod
    async def check(self) -> StoreReport:
        """Look whether the store is sound, and count what it holds."""

    @abstractmethod
    async def rebuild_index(self) -> StoreReport:
        """Make everything that follows from the logs anew: the full text, the chats' numbers and times, lost chats."""

    @abstractmethod
    async def apply_retention(self, policy: RetentionPolicy) -> tuple[str, ...]:
        """Remove the chats that a policy does not keep, and return their ids."""
