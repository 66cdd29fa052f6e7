"""`ChatService`: the one place where chats, agents, store and policy come together, for every front end."""

from __future__ import annotations

import asyncio
import logging
import time
import uuid
from dataclasses import replace
from os import PathLike
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from agent_chat.chats import git
from agent_chat.chats.agents import Agents, ChatHost, MakeBackend, ModelList
from agent_chat.chats.bus import EventBus, Subscription
from agent_chat.chats.chat import Chat
from agent_chat.chats.events import ChatChanged, ChatCreated, ChatDeleted, SettingsChanged
from agent_chat.chats.ongoing import OngoingWork
from agent_chat.chats.opener import SessionOpener
from agent_chat.chats.restoring import restore, tail_view
from agent_chat.chats.settings import SANDBOXES, ChatSettings, checked_sandbox
from agent_chat.chats.trust import ProjectTrust, project_trust
from agent_chat.chats.views import views_of
from agent_chat.config.service import SettingsService
from agent_chat.storage.errors import ChatBusyError, LeaseLostError, StoreReadOnlyError, as_agent_error
from agent_chat.storage.interface import ChatStore
from agent_chat.storage.records import (
    ChatLease,
    ChatMeta,
    ChatPage,
    RetentionPolicy,
    SearchPage,
)
from agent_sdk_core.config.runtime import RuntimeConfig
from agent_sdk_core.config.trust import trust_folder
from agent_sdk_core.errors import InvalidRequestError, SessionClosedError
from agent_sdk_core.factory.registry import create_backend
from agent_sdk_core.hosting.journal import keep_renewing
from agent_sdk_core.hosting.locks import KeyedLocks
from agent_sdk_core.interfaces.backend import AgentBackend
from agent_sdk_core.names import canonical_name
from agent_sdk_core.options import SessionOptions
from agent_sdk_core.policy.guard import PolicyGuard

_log = logging.getLogger(__name__)

LEASE_SECONDS: Final = 30.0
OPEN_LIMIT: Final = 100
"""Chats that are open at once before those go that nobody has used for longest."""

_LAUNCHES: Final = frozenset({"type", "command", "executable", "url", "token", "env"})
"""What of a backend's settings decides how its agent is started or reached."""

RETENTION_SECONDS: Final = 3600.0
"""How often chats are removed that the configuration does not keep."""


class ChatService:
    """Chats with any agent: makes, opens, lists and keeps them. An async context manager on asyncio.

    Leaving it ends the chats, then the agents, then the store, in the reverse order of how they came to be.

    Args:
        config: What is configured; absent: it is read for `cwd`, and again whenever it changes.
        settings: The settings, in place of `config`.
        store: Keeps the chats; absent: in this process alone.
        bus: Told what happens; absent: one of its own.
        make_backend: Makes the backend of a name; absent: `create_backend`.
        backends: The names that can be chosen; absent: those that are installed.
        policy: Rules for every chat; absent: what is configured.
        options: What every session has beside that, such as tools and MCP servers.
        cwd: Folder of chats that name none; absent: the current one.
        name: What others are told who holds a chat.
        read_only: Why chats are shown and nothing else: none is made or changed, and no agent is started; empty: they
            may be.
        keeps_requests: Whether permissions that wait when the service ends, or dies, wait on when it is started again;
            else they have expired then. For front ends that show what `Chat.pending` tells while no agent runs.

    Attributes:
        bus: What happens in all chats.
        settings: What is configured, and how it is changed.
        store: Keeps the chats.
        agents: The started backends.
        read_only: Why nothing may be changed; empty: it may.
    """

    def __init__(
        self,
        *,
        config: RuntimeConfig | None = None,
        settings: SettingsService | None = None,
        store: ChatStore | None = None,
        bus: EventBus | None = None,
        make_backend: MakeBackend | None = None,
        backends: tuple[str, ...] | None = None,
        policy: PolicyGuard | None = None,
        options: SessionOptions | None = None,
        cwd: str | PathLike[str] | None = None,
        name: str = "agent-sdk",
        read_only: str = "",
        keeps_requests: bool = False,
    ) -> None:
        self.read_only = read_only
        self.cwd = Path(cwd or ".").resolve()
        self.settings = settings or SettingsService(cwd=self.cwd, config=config)
        self.store = _memory_store() if store is None else store
        self.bus = bus or self.settings.bus
        self.settings.bus = self.bus
        self.agents = Agents(make_backend or self._make_backend, self.bus)
        self._opener = SessionOpener(self.agents, lambda: self.config, self.trust, options=options, policy=policy)
        self._backends = backends
        self._name = name
        self._keeps = keeps_requests
        self._chats: dict[str, Chat] = {}
        self._opening = OngoingWork()
        self._locks = KeyedLocks()
        self._renewer: asyncio.Task[None] | None = None
        self._follower: asyncio.Task[None] | None = None
        self._evictor: asyncio.Task[None] | None = None
        self._closed = False

    async def __aenter__(self) -> Self:
        await self.store.open()
        await self.settings.__aenter__()
        self._renewer = asyncio.create_task(keep_renewing(self.renew_leases, LEASE_SECONDS))
        self._follower = asyncio.create_task(self._follow(self.bus.subscribe(SettingsChanged)))
        self._evictor = asyncio.create_task(self._evict())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the chats, the agents and the store; a second time does nothing."""
        if self._closed:
            return
        self._closed = True
        await self.settings.aclose()
        await self._opening.wait()
        chats = list(self._chats.values())
        await asyncio.gather(*(chat.aclose(ends=False) for chat in chats))
        self._chats.clear()
        await self.agents.aclose()
        for task in (self._renewer, self._follower, self._evictor):
            if task is not None:
                task.cancel()
                await asyncio.wait([task])
        await self.store.aclose()
        self.bus.close()

    @property
    def config(self) -> RuntimeConfig:
        """What is configured now."""
        return self.settings.config

    @property
    def backends(self) -> tuple[str, ...]:
        """The names of the agents that can be chosen, the configured one first."""
        names = self._backends if self._backends is not None else self.config.names()
        first = self.config.backend and canonical_name(self.config.backend)
        return tuple(sorted(names, key=lambda name: name != first))

    @property
    def open_chats(self) -> tuple[Chat, ...]:
        """The chats that are open here."""
        return tuple(self._chats.values())

    async def create(
        self, settings: ChatSettings | None = None, *, chat_id: str | None = None, worktree: bool = False
    ) -> Chat:
        """Make a chat; its agent starts with the first prompt.

        Args:
            settings: What it is like.
            chat_id: Its id; absent: a new one.
            worktree: Whether it works in a git worktree of its own, beside the repository, on a branch of its own.

        Raises:
            InvalidRequestError: A setting cannot be used.
            StoreError: There is a chat of this id, code "chat_exists".
        """
        self._require_writable()
        settings = settings or ChatSettings()
        backend = settings.backend or (self.backends[0] if self.backends else self.config.chosen_type())
        made = settings.chat(self._known(backend), self.cwd)
        await self._require_sandbox(made.backend or "", made.sandbox)
        made = made if chat_id is None else replace(made, id=chat_id)
        if worktree:
            folder = await asyncio.to_thread(git.add_worktree, Path(made.cwd or self.cwd), made.id)
            made = replace(made, cwd=str(folder), workspace=str(folder))
        meta = await self.store.create_chat(made)
        self.bus.publish(ChatCreated(meta.id))
        return await self.open(meta.id)

    async def open(self, chat_id: str) -> Chat:
        """Return a chat of the store, as it is left: a turn that was cut off has ended, and what waited has expired.

        With `keeps_requests`, permissions wait on.

        A chat that another process writes, or whose agent is not known, can only be read, until it is opened when that
        is over.

        Raises:
            ChatNotFoundError: There is no such chat.
        """
        # Who is gone meanwhile, as a tab that is closed, must not leave the chat held by nobody.
        chat = await self._opening.run(self._open(chat_id))
        await self._make_room()
        return chat

    async def _open(self, chat_id: str) -> Chat:
        async with self._locks.of(chat_id):
            if self._closed:
                raise SessionClosedError("The service is closed; start another one.")
            known = chat = self._chats.pop(chat_id, None)
            try:
                if chat is None or chat.state == "read_only":
                    chat = await self._restored(await self.store.get_chat(chat_id), instead=chat)
            except BaseException:
                if known is not None:
                    self._chats[chat_id] = known
                raise
            self._chats[chat_id] = chat
            return chat

    async def fork(self, chat: Chat) -> Chat:
        """Make a chat that goes on from where this one is, in a copy of the agent's session; this one stays as it is.

        Raises:
            SessionBusyError: A turn runs.
            UnsupportedOptionError: Its agent cannot copy a session.
            SessionClosedError: The chat can only be read.
            AgentError: The agent could not be started, or refused.
        """
        self._require_writable()
        forked = await chat.fork_session()
        fresh = {"id": str(uuid.uuid4()), "last_seq": 0, "generation": 0, "lineage": (), "archived": False}
        now = time.time()
        meta = replace(chat.meta, **fresh, last_session_id=forked, created_at=now, last_active_at=now)
        made = await self.store.create_chat(replace(meta, title=f"{chat.meta.title} (fork)".strip()))
        lease = await self.store.acquire(made.id, name=self._name, seconds=LEASE_SECONDS)
        after: int | None = 0
        while after is not None:
            page = await self.store.read_messages(chat.id, after=after, limit=500)
            said, times = [each.message() for each in page], [each.at for each in page]
            if said:
                await self.store.append(made.id, said, at=times, lease=lease)
            after = None if page.cursor is None else int(page.cursor)
        await self.store.release(lease)
        self.bus.publish(ChatCreated(made.id))
        return await self.open(made.id)

    async def chats(
        self, *, archived: bool | None = False, limit: int = 50, cursor: str | None = None, **wanted: str | None
    ) -> ChatPage:
        """Return chats of the store, those used last first; `wanted` are filters of `ChatStore.list_chats`."""
        return await self.store.list_chats(archived=archived, limit=limit, cursor=cursor, **wanted)

    async def search(self, text: str, *, limit: int = 20, cursor: str | None = None) -> SearchPage:
        """Return the messages that hold every word of a text; raises what `ChatStore.search` raises."""
        return await self.store.search(text, limit=limit, cursor=cursor)

    async def messages(self, chat_id: str, *, before: int | None = None, limit: int = 100) -> dict[str, Any]:
        """Return earlier messages of a chat as its front ends get them, and where what stands before them ends."""
        page = await self.store.read_messages(chat_id, before=before, limit=limit)
        return tail_view(page, views_of([each.message() for each in page]))

    async def archive(self, chat_id: str, *, archived: bool = True) -> None:
        """Take a chat out of the lists, or put it back."""
        self._require_writable()
        if (chat := self._chats.get(chat_id)) is not None:
            await chat.change(archived=archived)
        else:
            await self.store.update_chat(chat_id, archived=archived)
            self.bus.publish(ChatChanged(chat_id))

    async def close_chat(self, chat_id: str) -> None:
        """End a chat here and give it back, as it is; it can be opened again."""
        async with self._locks.of(chat_id):
            if (chat := self._chats.pop(chat_id, None)) is not None:
                await chat.aclose()

    async def delete(self, chat_id: str) -> None:
        """Remove a chat for good, and its worktree unless that holds what is not committed; the agent's record stays.

        Raises:
            ChatBusyError: Another process writes it.
        """
        self._require_writable()
        async with self._locks.of(chat_id):
            if (chat := self._chats.pop(chat_id, None)) is not None:
                await chat.aclose()
            folder = (await self.store.get_chat(chat_id)).cwd
            await self.store.delete_chat(chat_id)
        if folder is not None:
            await asyncio.to_thread(git.remove_worktree, Path(folder))
        self.bus.publish(ChatDeleted(chat_id))

    async def models(self, backend: str, *, fresh: bool = False) -> ModelList:
        """Return the models of an agent, and when it was asked; raises what the agent raises."""
        self._require_writable()
        return await self.agents.models(self._known(backend), fresh=fresh)

    async def agent(self, backend: str | None = None) -> AgentBackend:
        """Return the shared backend of a name, started; None: the first. Raises what starting it raises."""
        self._require_writable()
        return await self.agents.get(self._known(backend or self.backends[0]))

    async def trust(self, folder: str | PathLike[str]) -> ProjectTrust | None:
        """Return what a folder brings along for agents, and whether the user trusts it; None: there is no such folder.

        Raises:
            InvalidRequestError: The user's own file cannot be read.
        """
        return await asyncio.to_thread(project_trust, folder, self.settings.files.user)

    async def trust_folder(self, folder: str | PathLike[str]) -> ProjectTrust | None:
        """Trust a folder from now on, by the user's own file: agents that start there read its settings.

        Raises:
            InvalidRequestError: An application gives the settings by itself, or the file cannot be written.
        """
        self._require_writable()
        if not self.settings.can_change:
            raise InvalidRequestError("These settings are given by the application, which trusts no folder by itself.")
        project = await self.trust(folder)
        if project is None or project.trust.trusted:
            return project
        await asyncio.to_thread(trust_folder, project.trust)
        await self.settings.reload()
        return await self.trust(folder)

    async def change_backend(self, chat: Chat, backend: str) -> None:
        """Go on with another agent in a chat; raises what `Chat.set_backend` raises.

        Raises:
            InvalidRequestError: There is no such agent, or it cannot keep to the sandbox of the chat.
        """
        name = self._known(backend)
        if name != chat.meta.backend:
            await self._require_sandbox(name, chat.meta.sandbox)
        await chat.set_backend(name)

    async def change_sandbox(self, chat: Chat, mode: str | None) -> None:
        """Use another sandbox in a chat; raises what `Chat.set_sandbox` raises.

        Raises:
            InvalidRequestError: The agent of the chat cannot keep to one.
        """
        await self._require_sandbox(chat.meta.backend or "", checked_sandbox(mode))
        await chat.set_sandbox(mode)

    async def sandboxes(self, backend: str) -> tuple[str, ...]:
        """Return the sandboxes that an agent can keep to; raises what `Agents.get` raises."""
        can = (await self.agents.get(self._known(backend))).capabilities
        return () if "sandbox" in can.unsupported_options else SANDBOXES

    async def _require_sandbox(self, backend: str, mode: str | None) -> None:
        """Refuse an agent that cannot keep to a sandbox: it would start no session, or go without."""
        why = self._without_sandbox(backend, mode)
        if why and not await self.sandboxes(backend):
            raise InvalidRequestError(why, backend=backend)

    def _without_sandbox(self, backend: str, mode: str | None) -> str:
        """Return what is to be done where an agent cannot keep to a sandbox; empty: none is wanted."""
        if mode is not None:
            return f"{backend} cannot keep to a sandbox, and this chat has {mode!r}: choose none, or another agent."
        if (configured := self.config.sandbox) is None:
            return ""
        return (
            f"{backend} cannot keep to a sandbox, and {configured.mode!r} is configured: choose another agent, or take "
            "the sandbox out of the settings."
        )

    def _obstacle(self, meta: ChatMeta) -> str:
        """Return why no session can be opened for a chat, with what to do, before anybody tries."""
        why = self._without_sandbox(meta.backend or "", meta.sandbox)
        return why if why and "sandbox" in self.agents.unsupported(self._known(meta.backend or "")) else ""

    def opened(self, chat_id: str) -> Chat | None:
        """Return a chat that is open here, None for one that is not."""
        return self._chats.get(chat_id)

    async def renew_leases(self) -> None:
        """Hold the chats that are open for longer; one that another process has taken ends here. It runs by itself."""
        for chat in list(self._chats.values()):
            if chat.log is None or chat.log.lost:
                continue
            try:
                chat.log.lease = await self.store.renew(chat.log.lease, seconds=LEASE_SECONDS)
            except LeaseLostError as error:
                chat.log.give_up(error)
                await chat.end_session()
            except Exception as error:  # whatever store this is: the next time comes before the lease ends
                _log.warning("the lease of chat %s is not renewed: %s", chat.id, error)

    # Inside

    def _known(self, backend: str) -> str:
        name = canonical_name(backend)
        if name not in self.backends:
            named = ", ".join(self.backends) or "none"
            raise InvalidRequestError(f"There is no agent {backend!r} here; there are: {named}.")
        return name

    def _require_writable(self) -> None:
        if self.read_only:
            raise InvalidRequestError(f"Chats can only be read here. {self.read_only}", code="read_only")

    def _make_backend(self, name: str) -> AgentBackend:
        made = create_backend(name, config=self.config)
        made.configuration = None  # `session_options` says all.
        return made

    async def _restored(self, meta: ChatMeta, *, instead: Chat | None = None) -> Chat:
        """Return a chat as the store has it, in place of one that could only be read; that one, if it still can."""
        reason = await asyncio.to_thread(self._why_unwritable, meta)
        lease: ChatLease | None = None
        if not reason:
            try:
                lease = await self.store.acquire(meta.id, name=self._name, seconds=LEASE_SECONDS)
            except (ChatBusyError, StoreReadOnlyError) as error:
                reason = error.message
        if instead is not None:
            if lease is None:
                return instead
            await instead.aclose()  # Whoever follows it comes back.
        chat = Chat(
            meta,
            self.store,
            lease,
            reason=reason,
            publish=self.bus.publish,
            host=self._host_of,
            open_session=self._opener.open,
            obstacle=self._obstacle,
            redacts=self.config.flag("redact_store"),
            keeps=self._keeps,
        )
        await restore(chat, self.store, keeps=self._keeps)
        return chat

    def _why_unwritable(self, meta: ChatMeta) -> str:
        if self.read_only:
            return self.read_only
        if meta.backend is None:
            return "It does not say with which agent it was."
        if canonical_name(meta.backend) not in self.backends:
            return f"Its agent {meta.backend!r} is not installed here."
        if meta.cwd is not None and not Path(meta.cwd).is_dir():
            return f"Its folder {meta.cwd} is not there any more."
        return ""

    def _host_of(self, chat: Chat) -> ChatHost:
        if why := self._obstacle(chat.meta):
            raise InvalidRequestError(why, backend=chat.meta.backend)
        return self.agents.host(self._known(chat.meta.backend or ""))

    async def _make_room(self) -> None:
        """Close the chats that were used least lately, if there are too many, and they do nothing."""
        idle = [chat for chat in self._chats.values() if chat.state in ("closed", "idle", "read_only", "disconnected")]
        for chat in idle[: max(0, len(self._chats) - OPEN_LIMIT)]:
            if self._chats.pop(chat.id, None) is not None:
                await chat.aclose()

    async def apply_retention(self) -> tuple[str, ...]:
        """Remove the chats that the setting `retention` does not keep, and return their ids. It runs by itself.

        Chats that are open, here or elsewhere, stay. Without the setting, nothing is removed.

        Raises:
            StoreError: The store cannot be written.
        """
        limits = self.config.retention
        if not limits or self.read_only:
            return ()
        number, size = limits.max_chats, limits.max_bytes
        policy = RetentionPolicy(limits.max_age, number, size, archived_only=limits.archived_only or False)
        gone = await self.store.apply_retention(policy)
        for chat_id in gone:
            self.bus.publish(ChatDeleted(chat_id))
        return gone

    async def _evict(self) -> None:
        while True:
            try:
                if gone := await self.apply_retention():
                    _log.info("retention removed %d chats", len(gone))
            except Exception as error:  # whatever store this is: the next time comes
                _log.warning("retention could not be applied: %s", as_agent_error(error).message)
            await asyncio.sleep(RETENTION_SECONDS)

    async def _follow(self, changes: Subscription[SettingsChanged]) -> None:
        """Let agents go that are started otherwise now: chats that are open keep theirs, new ones get another."""
        async for change in changes:
            for backend in {key.split(".")[1] for key in change.keys if _is_launch(key)}:
                self.agents.retire(backend)
            for chat in self._chats.values():
                chat.refresh()  # What is in the way of its agent may be otherwise now.


def _is_launch(key: str) -> bool:
    """Whether a setting decides how an agent is started or reached."""
    parts = key.split(".")
    return parts[0] == "backends" and parts[2] in _LAUNCHES


def _memory_store() -> ChatStore:
    from agent_chat.storage.memory_store import MemoryStore

    return MemoryStore()
