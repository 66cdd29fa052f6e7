"""The `chats` commands that move: chats out of the store, into it, and away."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Final

from rich.text import Text

from agent_chat import settings as settings_module
from agent_chat.cli.chats import with_store
from agent_chat.cli.progress import Progress
from agent_chat.cli.stdio import question_console, write_progress
from agent_chat.cli.tables import write_objects
from agent_chat.exits import ExitCode
from agent_chat.settings import RunSettings, UsageError, load_config, working_folder
from agent_chat.storage.exchange import ImportReport, export_chats, import_chats
from agent_chat.storage.interface import ChatStore
from agent_chat.storage.records import ChatMeta
from agent_chat.storage.sessions import import_sessions
from agent_chat.terminal.ask.keyboard import Keyboard
from agent_chat.transcript.paths import short_path
from agent_chat.transcript.sanitize import visible
from agent_sdk_core.errors import AgentError
from agent_sdk_core.interfaces.backend import AgentBackend

STDIO: Final = "-"
"""What stands for standard input."""


def export_to(url: str | None, chat_ids: Sequence[str], *, output: str | None, force: bool, as_json: bool) -> int:
    """Write chats as lines of JSON, and return the exit code.

    Args:
        url: The store; None: as configured.
        chat_ids: The chats; none: all, archived ones too.
        output: The file, which is there whole or not at all; None: standard output.
        force: Replace a file that exists.
        as_json: Say what was written to the file as one JSON object.

    Raises:
        UsageError: The file exists, or cannot be made.
        ChatNotFoundError: The store has no such chat.
        StoreError: The store cannot be read.
        AgentError: The file cannot be written, code "output_failed".
        BrokenPipeError: Nobody reads the output any more.
    """

    def written(write: Callable[[str], object]) -> tuple[int, int]:
        lines = 0

        def counted(line: str) -> None:
            nonlocal lines
            write(line)
            lines += 1

        with Progress("Writing messages") as progress:
            ids = list(dict.fromkeys(chat_ids)) or None
            done = with_store(url, lambda store: export_chats(store, counted, chat_ids=ids, progress=progress))
        return lines - done, done

    if output is None:
        sys.stdout.flush()
        written(lambda line: sys.stdout.buffer.write(line.encode()))
        sys.stdout.buffer.flush()
        return ExitCode.OK
    with _replacing(Path(os.path.expanduser(output)), force=force) as write:
        chats, messages = written(write)
    if as_json:
        write_objects([{"file": output, "chats": chats, "messages": messages}])
    else:
        sys.stdout.write(f"{_amount(chats, 'chat')}, {_amount(messages, 'message')} in {visible(output)}.\n")
    return ExitCode.OK


@contextmanager
def _replacing(path: Path, *, force: bool) -> Generator[Callable[[str], object]]:
    """Write a file that only its owner may read, and put it in its place when it is whole."""
    shown = short_path(str(path))
    if os.path.lexists(path) and not (force and path.is_file()):
        raise UsageError(f"{shown} exists. " + ("Name a file." if force else "Name another one, or add --force."))
    try:
        file = tempfile.NamedTemporaryFile(  # noqa: SIM115 - it outlives this block
            "w", dir=path.parent, prefix=f".{path.name}.", delete=False, encoding="utf-8", newline=""
        )
    except OSError as error:
        raise UsageError(f"{shown} cannot be made: {error.strerror}. Name another file.") from None

    try:
        with _failing(shown):
            with file:
                yield file.write
                file.flush()
                os.fsync(file.fileno())
            Path(file.name).replace(path)
    except BaseException:
        with suppress(OSError):
            Path(file.name).unlink()
        raise


@contextmanager
def _failing(shown: str) -> Generator[None]:
    try:
        yield
    except OSError as error:
        raise AgentError(
            f"{shown} cannot be written: {error.strerror}. Name a file elsewhere; nothing was left there.",
            code="output_failed",
        ) from error


def import_from(
    url: str | None, file: str | None, *, backend: str | None, cwd: str | None, limit: int | None, as_json: bool
) -> int:
    """Take chats into the store, from a file or the sessions of an agent; the exit code is 1 if some were not read.

    Args:
        url: The store, made if it is not there; None: as configured.
        file: A file that `chats export` wrote, "-" for standard input; None: from an agent.
        backend: Name of the agent.
        cwd: Only sessions of this folder.
        limit: How many sessions at most, the newest; None: all.
        as_json: Print what came in as one JSON object.

    Raises:
        UsageError: Neither a file nor an agent is named, or both, or they cannot be used.
        StoreError: The store cannot be written.
        AgentError: The sessions of the agent cannot be listed.
    """
    if (file is None) == (backend is None):
        raise UsageError("Name a FILE that `chats export` wrote, or an agent whose sessions to take, with --backend.")
    if file is not None:
        if cwd is not None or limit is not None:
            raise UsageError("--cwd and --limit choose among sessions of an agent; a file is imported whole.")
        report = _from_file(url, file)
    else:
        config = load_config(RunSettings(backend))
        made = settings_module.open_backend(backend, config)
        folder = None if cwd is None else working_folder(cwd)
        with Progress("Reading sessions") as progress:
            taken = partial(
                _from_agent,
                backend=made,
                cwd=folder,
                limit=limit,
                progress=progress,
                redacts=config.flag("redact_store"),
            )
            report = with_store(url, taken, makes=True)
    if as_json:
        write_objects([report.to_wire()])
    else:
        sys.stdout.write(f"{_amount(report.chats, 'chat')}, {_amount(report.messages, 'new message')}.\n")
        for problem in report.problems:
            write_progress(visible(problem))
    return ExitCode.ERROR if report.problems else ExitCode.OK


def _from_file(url: str | None, file: str) -> ImportReport:
    def taken(lines: Iterable[bytes]) -> ImportReport:
        with Progress("Reading messages") as progress:
            return with_store(url, lambda store: import_chats(store, lines, progress=progress), makes=True)

    if file == STDIO:
        return taken(sys.stdin.buffer)
    try:
        with Path(os.path.expanduser(file)).open("rb") as lines:
            return taken(lines)
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror}.") from None


async def _from_agent(
    store: ChatStore, *, backend: AgentBackend, cwd: str | None, limit: int | None, progress: Progress, redacts: bool
) -> ImportReport:
    async with backend:
        return await import_sessions(store, backend, cwd=cwd, limit=limit, progress=progress, redacts=redacts)


def delete_chats(url: str | None, chat_ids: Sequence[str], *, yes: bool, as_json: bool) -> int:
    """Remove chats with all that is kept about them, and return the exit code; the agents' own sessions stay.

    Args:
        url: The store; None: as configured.
        chat_ids: The chats; none is removed if one of them is not there.
        yes: Do not ask.
        as_json: Print one JSON object a chat.

    Raises:
        UsageError: Nobody can be asked.
        ChatNotFoundError: The store has no such chat.
        ChatBusyError: Another one writes it.
        StoreError: The store cannot be written.
    """
    return with_store(url, partial(_delete, chat_ids=tuple(dict.fromkeys(chat_ids)), yes=yes, as_json=as_json))


async def _delete(store: ChatStore, *, chat_ids: Sequence[str], yes: bool, as_json: bool) -> int:
    chats = [await store.get_chat(chat_id) for chat_id in chat_ids]
    if not yes and not await _sure(chats, as_json=as_json):
        write_progress("Nothing was deleted.")
        return ExitCode.ERROR
    for chat in chats:
        await store.delete_chat(chat.id)
        if as_json:
            write_objects([{"deleted": chat.id}])
        else:
            sys.stdout.write(f"Deleted {visible(chat.id)}.\n")
    return ExitCode.OK


async def _sure(chats: Sequence[ChatMeta], *, as_json: bool) -> bool:
    """Ask the person at the terminal."""
    console, keyboard = question_console(as_json=as_json), Keyboard()
    if console is None or not keyboard.is_terminal:
        raise UsageError("Deleting needs a yes, and there is no terminal to ask on; add --yes.")
    for chat in chats:
        title = " ".join(chat.title.split())
        console.print(Text(visible(f"  {chat.id}  {_amount(chat.last_seq, 'message')}  {title}".rstrip())))
    console.print(Text(f"Delete {_amount(len(chats), 'chat')} for good? [y/N] ", style="bold yellow"), end="")
    line = await keyboard.line()
    if line is None:
        console.print()
    return (line or "").strip().lower() in ("y", "yes")


def _amount(number: int, name: str) -> str:
    return f"{number:,} {name}{'' if number == 1 else 's'}"
