"""The `chats` commands that read: the chats of the store, what was said, where a word is, whether all is sound."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

import anyio

from agent_chat.cli.stdio import is_screen, open_view, write_progress
from agent_chat.cli.tables import moment, write_objects, write_rows
from agent_chat.exits import ExitCode
from agent_chat.settings import RunSettings, UsageError, load_config, working_folder
from agent_chat.storage.database.places import place_of
from agent_chat.storage.interface import ChatStore
from agent_chat.storage.opening import MEMORY, open_store
from agent_chat.storage.records import ChatMeta, MessagePage, SearchHit, StoreReport
from agent_chat.storage.workspaces import workspace_of
from agent_chat.transcript.paths import short_path
from agent_chat.transcript.sanitize import visible
from agent_sdk_core.errors import InvalidRequestError
from agent_sdk_core.names import parse_backend_type

T = TypeVar("T")

_PAGE: Final = 200


def with_store(url: str | None, work: Callable[[ChatStore], Awaitable[T]], *, makes: bool = False) -> T:
    """Do work with the store open, and return what it returns.

    Args:
        url: The store; None: as configured.
        work: What to do.
        makes: Whether a store that is named and not there is made; else it is refused, for it is misspelt.

    Raises:
        UsageError: The URL names no store, or what is asked of it cannot be.
        StoreError: The store cannot do it.
    """

    async def opened(store: ChatStore) -> T:
        async with store:
            return await work(store)

    try:
        path = None if url is None or url == MEMORY else place_of(url).path
        if path is not None and not makes and not path.exists():
            raise UsageError(
                f"There is no store at {short_path(str(path))}; look at --store, or make it with an import."
            )
        return anyio.run(opened, open_store(url, config=load_config(RunSettings())))
    except InvalidRequestError as error:
        raise UsageError(error.message) from None


def list_chats(
    url: str | None, *, backend: str | None, cwd: str | None, tag: str | None, archived: bool, limit: int, as_json: bool
) -> int:
    """Print the chats of the store, those used last first, and return the exit code.

    Args:
        url: The store; None: as configured.
        backend: Only those with this agent.
        cwd: Only those of the project that this folder belongs to.
        tag: Only those with this tag.
        archived: Archived ones too.
        limit: How many at most.
        as_json: Print one JSON object a chat.

    Raises:
        UsageError: The folder or the store's URL cannot be used, or no chat and no agent has the agent's name.
        StoreError: The store cannot be read.
    """
    workspace = _workspace(cwd)
    page = with_store(
        url,
        lambda store: store.list_chats(
            workspace=workspace, backend=backend, tag=tag, archived=None if archived else False, limit=limit
        ),
    )
    if backend is not None and not len(page):  # A chat may be of an agent that is installed no more.
        try:
            if load_config(RunSettings()).kind_of(backend) is None:
                parse_backend_type(backend)
        except InvalidRequestError as error:
            raise UsageError(error.message) from None
    if as_json:
        write_objects(chat.to_wire() for chat in page)
        return ExitCode.OK
    write_rows(("CHAT", "LAST USED", "AGENT", "MESSAGES", "FOLDER", "TITLE"), (_row(chat) for chat in page))
    if page.cursor is not None:
        write_progress(f"There are more: --limit {limit * 2} shows them.")
    elif not len(page):
        asked = any(each is not None for each in (workspace, backend, tag))
        more = "" if archived else "; --archived shows those that are archived, too"
        write_progress(f"No such chat is stored{more}." if asked else f"No chat is stored yet{more}.")
    return ExitCode.OK


def show_chat(url: str | None, chat_id: str, *, limit: int | None, as_json: bool) -> int:
    """Show what was said in a chat, and return the exit code.

    Args:
        url: The store; None: as configured.
        chat_id: The chat.
        limit: Only so many messages, the last ones; None: all.
        as_json: Print what is known of the chat, then its messages, one a line.

    Raises:
        ChatNotFoundError: The store has no such chat.
        StoreError: The store cannot be read.
        BrokenPipeError: Nobody reads the output any more.
    """
    return with_store(url, partial(_show, chat_id=chat_id, limit=limit, as_json=as_json))


async def _show(store: ChatStore, *, chat_id: str, limit: int | None, as_json: bool) -> int:
    chat = await store.get_chat(chat_id)
    pages = _pages(store, chat_id, 0 if limit is None else max(0, chat.last_seq - limit))
    if as_json:
        write_objects([{"type": "chat", **chat.to_wire()}])
        async for page in pages:
            write_objects(stored.body for stored in page)
        return ExitCode.OK
    _, used, agent, messages, folder, title = _row(chat)
    about = (agent, chat.model, folder, used, f"{messages} messages")
    sys.stdout.write(f"{visible(title or chat.id)}\n{visible(' · '.join(each for each in about if each))}\n\n")
    sys.stdout.flush()
    view = open_view(as_json=False, background=False, prompts=True)
    try:
        async for page in pages:
            for stored in page:
                view.show(stored.message())
    finally:
        view.close()
    return ExitCode.OK


async def _pages(store: ChatStore, chat_id: str, after: int) -> AsyncIterator[MessagePage]:
    cursor: int | None = after
    while cursor is not None:
        page = await store.read_messages(chat_id, after=cursor, limit=_PAGE)
        yield page
        cursor = None if page.cursor is None else int(page.cursor)


def search_chats(url: str | None, text: str, *, chat_id: str | None, cwd: str | None, limit: int, as_json: bool) -> int:
    """Print the messages that hold every word of a text, newest first, and return the exit code.

    Args:
        url: The store; None: as configured.
        text: The words, as `ChatStore.search` takes them.
        chat_id: Only messages of this chat.
        cwd: Only messages of chats of the project that this folder belongs to.
        limit: How many at most.
        as_json: Print one JSON object a message.

    Raises:
        UsageError: The text holds no word, or the folder or the store's URL cannot be used.
        ChatNotFoundError: The store has no such chat.
        StoreError: The store cannot be read.
    """
    workspace = _workspace(cwd)
    page = with_store(url, lambda store: store.search(text, chat_id=chat_id, workspace=workspace, limit=limit))
    if as_json:
        write_objects(hit.to_wire() for hit in page)
        return ExitCode.OK
    write_rows(("CHAT", "NUMBER", "WHEN", "FROM", "TEXT"), (_found(hit) for hit in page))
    if page.cursor is not None:
        write_progress(f"There are more: --limit {limit * 2} shows them.")
    elif not len(page):
        write_progress("No message holds all of these words; `begin*` finds what begins so.")
    return ExitCode.OK


def check_store(url: str | None, *, rebuild: bool, as_json: bool) -> int:
    """Print whether the store is sound and what it holds; the exit code is 1 where something is wrong.

    Args:
        url: The store; None: as configured.
        rebuild: Make anew before what follows from the messages.
        as_json: Print one JSON object.

    Raises:
        UsageError: The store's URL cannot be used.
        StoreError: The store cannot be opened, such as one that is damaged.
    """
    if is_screen(sys.stderr):
        write_progress("Rebuilding the index…" if rebuild else "Checking…")
    report = with_store(url, lambda store: store.rebuild_index() if rebuild else store.check())
    if as_json:
        write_objects([report.to_wire()])
    else:
        _write_report(report)
    return ExitCode.ERROR if report.problems else ExitCode.OK


def _write_report(report: StoreReport) -> None:
    counts = f"{report.chats:,} chats, {report.messages:,} messages, {report.bytes:,} bytes"
    for name, value in (("store", report.url), ("schema", report.revision), ("holds", counts)):
        sys.stdout.write(f"{name:<8}{visible(value)}\n")
    for problem in report.problems:
        sys.stdout.write(f"wrong   {visible(problem)}\n")
    if report.problems:
        sys.stdout.write("`agent-sdk chats check --rebuild` mends what follows from the messages.\n")
    else:
        sys.stdout.write("It is sound.\n")
    sys.stdout.flush()


def _workspace(cwd: str | None) -> str | None:
    return None if cwd is None else str(workspace_of(Path(working_folder(cwd))))


def _row(chat: ChatMeta) -> tuple[str, str, str, str, str, str]:
    folder = "" if chat.cwd is None else short_path(chat.cwd)
    title = " ".join(chat.title.split())
    return chat.id, moment(chat.last_active_at), chat.backend or "", str(chat.last_seq), folder, title


def _found(hit: SearchHit) -> tuple[str, str, str, str, str]:
    return hit.chat_id, str(hit.seq), moment(hit.at), hit.type, " ".join(hit.snippet.split())
