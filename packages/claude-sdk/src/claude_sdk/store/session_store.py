"""Session stores: what keeps sessions beside claude's own files, so that another host can go on with them.

The protocol is that of claude-agent-sdk, whose adapters work as they are. A line of a session's file is an entry; its
key says whose: the project, the session, and for a sub-agent's file its path below the session.
"""

from __future__ import annotations

import logging
import os
import shutil
import tempfile
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import field
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeVar, cast

import anyio

from agent_sdk_core.errors import AgentError, InvalidRequestError, SessionNotFoundError
from agent_sdk_core.paths import off_the_loop
from agent_sdk_core.records import dataclass
from agent_sdk_core.wire.json_lines import encode_line
from agent_sdk_core.wire.reading import Json, records_of
from claude_sdk.mirroring import SessionStore
from claude_sdk.store import places
from claude_sdk.store.written import compared, file_below, set_written, write_agent, write_lines

SECONDS: Final = 60.0
"""How long a call of a store may take."""

PAUSES: Final = (0.2, 0.8)
"""Seconds before an append that failed is tried again; after the last, its entries are given up and told."""

CLOSE_SECONDS: Final = 10.0
"""How long the close of a backend waits for a store, all its calls together."""

MOST_ENTRIES: Final = 500
MOST_BYTES: Final = 1 << 20
"""What one append has at most; an entry that is larger by itself goes alone."""

MOST_WAITING: Final = 64 << 20
"""Bytes that may wait for a store that is slow; what comes beyond is not given to it, and that is told."""

_SUFFIX: Final = ".jsonl"
_log = logging.getLogger(__name__)

Key = dict[str, str]
T = TypeVar("T")


@dataclass(slots=True, eq=False)
class _Piece:
    """What waits of one file, each entry with its bytes."""

    path: str
    entries: list[tuple[Json, int]] = field(default_factory=list[tuple[Json, int]])

    def first(self) -> list[tuple[Json, int]]:
        """Return as many of the entries as one append may have."""
        size = 0
        for number, (_, more) in enumerate(self.entries):
            if number and (number == MOST_ENTRIES or size + more > MOST_BYTES):
                return self.entries[:number]
            size += more
        return list(self.entries)


class SessionMirror:
    """Gives a store what claude writes, in order, and brings back what a host has not.

    Args:
        store: The store.
        env: Environment of the agent, which says where it keeps its files.
        warn: Told in a sentence what the store did not take.
    """

    def __init__(self, store: SessionStore, env: Mapping[str, str], warn: Callable[[str], None]) -> None:
        if not isinstance(cast("object", store), SessionStore):
            raise InvalidRequestError(
                f"ClaudeBackend: session_store must have append() and load(), and {type(store).__name__} has not.",
                backend="claude",
            )
        self._store = store
        self._env = env
        self._warn = warn
        self._waiting: list[_Piece] = []
        self._bytes = 0
        self._left_out: dict[str, int] = {}
        self._draining: anyio.Event | None = None
        self._scope: anyio.CancelScope | None = None

    def take(self, frame: Json) -> None:
        """Take a frame; never waits. `drain` gives its entries to the store."""
        path, entries = frame.get("filePath"), records_of(frame.get("entries"))
        if not isinstance(path, str) or not entries:
            return
        sized = [(entry, len(encode_line(entry))) for entry in entries]
        size = sum(each for _, each in sized)
        if self._waiting and self._bytes + size > MOST_WAITING:
            if not self._left_out:
                self._tell(
                    f"The session store is too slow: {self._bytes >> 20} MiB wait for it. What is written until it has "
                    "caught up is not given to it; claude's own files have it."
                )
            self._left_out[path] = self._left_out.get(path, 0) + len(entries)
            return
        self._bytes += size
        if not self._waiting or self._waiting[-1].path != path:
            self._waiting.append(_Piece(path))
        self._waiting[-1].entries.extend(sized)

    async def drain(self) -> None:
        """Give the store what waits, each file's entries in order; never raises, and is finished when cancelled."""
        if self._draining is not None:
            return
        self._draining = anyio.Event()
        try:
            with anyio.CancelScope(shield=True) as self._scope:
                while self._waiting:
                    await self._give(self._waiting[0])
                self._tell_left_out("for too much waited")
        finally:
            self._draining.set()
            self._draining = self._scope = None

    async def close(self, start: Callable[[Callable[[], Coroutine[Any, Any, None]]], object]) -> None:
        """Give the store what waits, for `CLOSE_SECONDS` at most, and tell what it has not taken then; never raises.

        Args:
            start: Starts a task, in which a store is left that does not let itself be cancelled.
        """
        given = anyio.Event()

        async def give() -> None:
            while (draining := self._draining) is not None:
                await draining.wait()
            await self.drain()
            given.set()

        if not self._waiting and self._draining is None:
            return
        start(give)
        with anyio.CancelScope(shield=True):
            with anyio.move_on_after(CLOSE_SECONDS):
                await given.wait()
            if not given.is_set():
                self.give_up(f"for it did not take them within {CLOSE_SECONDS:g} s of the close")
                with anyio.move_on_after(1):
                    await given.wait()

    def give_up(self, why: str) -> None:
        """Give the store nothing more, and tell what it has not got.

        Args:
            why: Why, as the end of a sentence.
        """
        waiting, self._waiting, self._bytes = self._waiting, [], 0
        for piece in waiting:
            self._left_out[piece.path] = self._left_out.get(piece.path, 0) + len(piece.entries)
        if self._scope is not None:
            self._scope.cancel()
        self._tell_left_out(why)

    async def bring(self, session_id: str, cwd: str | os.PathLike[str] | None) -> None:
        """Write the file of a session that goes on here, if the store has more of it than this host.

        What this host has and the store lacks, for it was away then, waits to be given to it.

        Args:
            session_id: The session.
            cwd: Folder that it works in; None: the current one. Where the host has the file, that says it.

        Raises:
            AgentError: The store failed, or the file cannot be written.
        """
        root = places.folder(self._env)
        if not places.is_session_id(session_id):
            return
        try:
            path = await off_the_loop(places.find_session, root, session_id)
        except SessionNotFoundError:
            project = await off_the_loop(places.project_key, cwd if cwd is not None else ".")
            path = root / "projects" / project / f"{session_id}{_SUFFIX}"
        key = {"project_key": path.parent.name, "session_id": session_id}
        entries = await self._load(key) or []
        try:
            behind, missing = await off_the_loop(compared, path, entries)
            self.take({"filePath": str(path), "entries": missing})
            if not behind:
                return
            await off_the_loop(write_lines, path, entries)
            await self._write_agents(path, key)
        except OSError as error:
            raise AgentError(
                f"The session {session_id} cannot be written to {path.parent}: {error.strerror or error}.",
                code="session_store_failed",
                backend="claude",
            ) from None

    async def read(self, session_id: str, cwd: str | os.PathLike[str] | None, reading: Callable[[Path], T]) -> T | None:
        """Read a session that only the store has, from files that are removed again; None where it has it neither.

        Args:
            session_id: The session.
            cwd: Folder that it was started in; None: the current one.
            reading: Reads its file, in a worker thread.

        Raises:
            AgentError: The store failed, or the file cannot be written; code "session_store_failed". And what
                `reading` raises.
        """
        if not places.is_session_id(session_id):
            return None
        key = {
            "project_key": await off_the_loop(places.project_key, cwd if cwd is not None else "."),
            "session_id": session_id,
        }
        entries = await self._load(key)
        if not entries:
            return None
        scratch = await off_the_loop(partial(tempfile.mkdtemp, prefix="claude-session-"))  # For its owner alone.
        try:
            path = Path(scratch) / "projects" / key["project_key"] / f"{session_id}{_SUFFIX}"
            try:
                await off_the_loop(write_lines, path, entries)
                await self._write_agents(path, key)
                await off_the_loop(set_written, path, entries)
            except OSError as error:
                raise AgentError(
                    f"The session {session_id} of the session store cannot be written to {scratch}, to be read: "
                    f"{error.strerror or error}.",
                    code="session_store_failed",
                    backend="claude",
                ) from None
            return await off_the_loop(reading, path)
        finally:
            with anyio.CancelScope(shield=True):
                await off_the_loop(partial(shutil.rmtree, scratch, ignore_errors=True))

    async def _write_agents(self, path: Path, key: Key) -> None:
        """Write the files of a session's sub-agents."""
        for subpath in await self._subkeys(key):
            if (file := file_below(places.side_folder(path), subpath)) is not None:
                await off_the_loop(write_agent, file, await self._load({**key, "subpath": subpath}) or [])

    async def _give(self, piece: _Piece) -> None:
        batch = piece.first()
        key = key_of(Path(piece.path), places.folder(self._env) / "projects")
        if key is None:
            self._tell(f"The session store was not given what is in {piece.path}: it is no session's file.")
        else:
            await self._append(key, [entry for entry, _ in batch])
        del piece.entries[: len(batch)]
        if self._waiting[:1] == [piece]:  # It was not given up meanwhile.
            self._bytes -= sum(size for _, size in batch)
            if not piece.entries:
                del self._waiting[0]

    async def _append(self, key: Key, entries: list[Json]) -> None:
        reason: object = ""
        for pause in (*PAUSES, None):
            try:
                with anyio.fail_after(SECONDS):
                    await self._store.append(key, entries)
            except TimeoutError:  # The call may yet land: it is not repeated.
                reason = f"no answer within {SECONDS:g} s"
                break
            except Exception as error:  # whatever store this is
                reason = error
                if pause is not None:
                    await anyio.sleep(pause)
            else:
                return
        self._tell(f"The session store did not take {len(entries)} entries of {key['session_id']}: {reason}")

    def _tell_left_out(self, why: str) -> None:
        left, self._left_out = self._left_out, {}
        for path, number in left.items():
            self._tell(f"The session store was not given {number} entries, {why}; {path} has them.")

    def _tell(self, sentence: str) -> None:
        _log.warning("%s", sentence)
        self._warn(sentence)

    async def _load(self, key: Key) -> list[Json] | None:
        try:
            with anyio.fail_after(SECONDS):
                entries = await self._store.load(key)
        except Exception as error:  # whatever store this is
            raise AgentError(
                f"The session store could not load the session {key['session_id']}: {error!r}.",
                code="session_store_failed",
                retryable=True,
                backend="claude",
            ) from error
        return None if entries is None else list(records_of(list(entries)))

    async def _subkeys(self, key: Key) -> list[str]:
        listing: Any = getattr(self._store, "list_subkeys", None)
        if listing is None:
            return []
        try:
            with anyio.fail_after(SECONDS):
                return [subpath for subpath in await listing(key) if isinstance(subpath, str)]
        except NotImplementedError:
            return []


def key_of(path: Path, projects: Path) -> Key | None:
    """Return the key of a session's file, or of a sub-agent's; None for another one."""
    try:
        parts = Path(os.path.abspath(path)).relative_to(projects).parts  # resolves no links
    except ValueError:
        return None
    match parts:
        case (project, file) if file.endswith(_SUFFIX):
            return {"project_key": project, "session_id": file.removesuffix(_SUFFIX)}
        case (project, session_id, *between, file) if between:
            subpath = "/".join([*between, file.removesuffix(_SUFFIX)])
            return {"project_key": project, "session_id": session_id, "subpath": subpath}
        case _:
            return None
