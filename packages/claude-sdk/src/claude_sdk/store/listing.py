"""The stored sessions, newest first, page by page.

A file is large and most of it says nothing about the session, so only its beginning (to the first prompt) and its last
64 KiB are read, and only of the sessions that are on the page.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Final

from agent_sdk_core.errors import AgentError, InvalidRequestError, SessionNotFoundError
from agent_sdk_core.interfaces.pages import SessionPage, StoredSession, require_sessions
from agent_sdk_core.records import dataclass
from agent_sdk_core.wire.json_lines import decode_line
from agent_sdk_core.wire.reading import Json, filled_text, record_of, text_of
from claude_sdk.store.places import StoredFile, project_folders, project_key, session_files, side_folder
from claude_sdk.store.transcript.entries import CONVERSATION, is_command, kind_of, prompt_text
from claude_sdk.store.transcript.lines import opened, read_lines, read_tail, require_lines
from claude_sdk.store.unbegun import is_unbegun

_HEAD: Final = 1024 * 1024
_TAIL: Final = 64 * 1024
_TITLE: Final = 200
_MARKS: Final = {
    "custom-title": "customTitle",
    "ai-title": "aiTitle",
    "summary": "summary",
    "last-prompt": "lastPrompt",
    "tag": "tag",
}
_SYNTHETIC: Final = "<synthetic>"
"""What claude calls the model of a message that no model made."""


@dataclass(slots=True)
class _Seen:
    """What the read parts of a file say."""

    prompt: str = ""
    folders: tuple[str, ...] = ()
    branches: tuple[str, ...] = ()
    created_at: float | None = None
    talked: bool = False


def list_sessions(
    root: Path, cwd: str | os.PathLike[str] | None = None, *, limit: int = 50, cursor: str | None = None
) -> SessionPage:
    """Return stored sessions, those written last first; archived ones and those in which nothing was said are left out.

    The title is the one that was given, else the agent's own, else the first prompt, as one line of at most 200
    characters. `updated_at` is when the file was last written.

    Args:
        root: What `folder` returned.
        cwd: Only sessions that were started in this folder.
        limit: Sessions a page.
        cursor: Where the page before ended; it stays good while sessions are added.

    Raises:
        InvalidRequestError: The limit is not positive, or the cursor is not one of ours.
    """
    require_sessions(limit, backend="claude")
    ended = None if cursor is None else _position(cursor)
    page: list[tuple[StoredFile, StoredSession]] = []
    for file in _newest_first(root, cwd, ended):
        if (summary := _listed(file, cwd)) is not None:
            if len(page) == limit:
                last = page[-1][0]
                return SessionPage(tuple(listed for _, listed in page), f"{last.modified_ns}:{last.session_id}")
            page.append((file, summary))
    return SessionPage(tuple(listed for _, listed in page))


def _position(cursor: str) -> tuple[int, str]:
    modified, _, session_id = cursor.partition(":")
    if not modified.isascii() or not modified.isdigit() or not session_id:
        raise InvalidRequestError(f"{cursor!r} is no cursor of a list of sessions.", backend="claude")
    return int(modified), session_id


def _newest_first(root: Path, cwd: str | os.PathLike[str] | None, ended: tuple[int, str] | None) -> list[StoredFile]:
    """Return the files of the sessions that follow the place where a page ended, those written last first."""
    projects = project_folders(root) if cwd is None else [root / "projects" / project_key(cwd)]
    newest: dict[str, StoredFile] = {}
    for file in (file for project in projects for file in session_files(project)):
        other = newest.get(file.session_id)
        if other is None or other.modified_ns < file.modified_ns:
            newest[file.session_id] = file
    files = newest.values() if ended is None else (file for file in newest.values() if file[:2] < ended)
    return sorted(files, reverse=True)


def read_stored(path: Path) -> StoredSession:
    """Return what the file of a session tells of it.

    Args:
        path: The session's file.

    Raises:
        AgentError: It cannot be read.
    """
    try:
        modified_ns = path.stat().st_mtime_ns
    except OSError as error:
        message = f"The session's file {path} cannot be read: {error.strerror}."
        raise SessionNotFoundError(message, backend="claude") from error
    return _read(StoredFile(modified_ns, path.stem, path.parent))[0]


def given_title(path: Path) -> str | None:
    """Return the name that a session was given, by somebody or by claude; None for one without.

    Args:
        path: The session's file.

    Raises:
        AgentError: It cannot be read.
    """
    with opened(path) as stream:
        return _given_title(path, _marks(read_tail(stream, _TAIL)))


def _given_title(path: Path, marks: dict[str, str]) -> str | None:
    return marks.get("custom-title") or _kept_title(path) or marks.get("ai-title") or None


def _listed(file: StoredFile, cwd: str | os.PathLike[str] | None) -> StoredSession | None:
    """Return what the list shows of a session; None for one that it leaves out."""
    try:
        stored, talked = _read(file)
        if not talked and (not stored.title or is_unbegun(file.path)):
            return None
    except AgentError:
        return None
    if stored.archived:
        return None
    if cwd is not None and stored.cwd is not None and _elsewhere(stored.cwd, cwd):
        return None
    return stored


def _read(file: StoredFile) -> tuple[StoredSession, bool]:
    """Return what is known of a session, and whether anything was said in it."""
    with opened(file.path) as stream:
        seen = _beginning(read_lines(stream, file.path, budget=_HEAD))
        tail = read_tail(stream, _TAIL)
        if not tail and not seen.talked:
            require_lines(stream, file.path)
    marks = _marks(tail)
    title = _given_title(file.path, marks) or marks.get("summary")
    first = " ".join(seen.prompt.split()) or None
    models = [text_of(record_of(line.get("message")).get("model")) for line in tail if line.get("type") == "assistant"]
    branches = [*seen.branches, *(branch for line in tail if (branch := filled_text(line.get("gitBranch"))))]
    stored = StoredSession(
        file.session_id,
        " ".join((title or seen.prompt or marks.get("last-prompt", "")).split())[:_TITLE],
        _folder(file.path, (*seen.folders, *_folders(tail))),
        seen.created_at,
        file.modified_ns / 1e9,
        first_prompt=first,
        branch=branches[-1] if branches else None,
        tag=marks.get("tag") or None,
        model=next((model for model in reversed(models) if model and model != _SYNTHETIC), None),
        archived=_is_archived(file.path, tail),
    )
    return stored, seen.talked


def _beginning(lines: Iterator[tuple[int, int, Json]]) -> _Seen:
    """Read to the first prompt."""
    seen = _Seen()
    for _, _, line in lines:
        if seen.created_at is None:
            seen.created_at = _seconds(line.get("timestamp"))
        if not seen.folders:
            seen.folders = _folders([line])
        if not seen.branches and (branch := filled_text(line.get("gitBranch"))):
            seen.branches = (branch,)
        if line.get("isSidechain") is True or (kind := kind_of(line)) not in CONVERSATION:
            continue
        said = prompt_text(line)
        if kind == "prompt" and is_command(said):
            continue
        seen.talked = True
        if kind == "prompt" and said.strip():
            seen.prompt = said
            break
    return seen


def _marks(tail: list[Json]) -> dict[str, str]:
    """Return the newest title of each sort, by the type of its line."""
    marks: dict[str, str] = {}
    for line in tail:
        name = line.get("type")
        if name in _MARKS and (said := text_of(line.get(_MARKS[name]))) is not None:
            marks[name] = said
    return marks


def _kept_title(path: Path) -> str | None:
    """Return the title from the note beside the file, for one whose line the tail no longer shows."""
    return text_of(_note(path, "custom-title.json").get("customTitle"))


def _is_archived(path: Path, tail: list[Json]) -> bool:
    """Whether the session was archived and nothing was prompted since."""
    note = _note(path, "archived.json")
    if note.get("archived") is not True:
        return False
    at = _seconds(note.get("at"))
    prompts = [line for line in tail if kind_of(line) in ("prompt", "steered")]
    times = [time for line in prompts if (time := _seconds(line.get("timestamp"))) is not None]
    return at is None or all(time <= at for time in times)


def _note(path: Path, name: str) -> Json:
    try:
        return record_of(decode_line((side_folder(path) / name).read_bytes()))
    except OSError:
        return {}


def _folders(lines: list[Json]) -> tuple[str, ...]:
    return tuple(cwd for line in lines if isinstance(cwd := line.get("cwd"), str))


def _folder(path: Path, folders: tuple[str, ...]) -> str | None:
    """Return the folder that the session was started in: the one its project is named after, else the first."""
    named = (folder for folder in dict.fromkeys(folders) if project_key(folder) == path.parent.name)
    return next(named, folders[0] if folders else None)


def _elsewhere(folder: str, cwd: str | os.PathLike[str]) -> bool:
    """Whether a session of this project is another folder's, of which the key is the same."""
    return project_key(folder) == project_key(cwd) and os.path.realpath(folder) != os.path.realpath(cwd)


def _seconds(value: object) -> float | None:
    try:
        return datetime.fromisoformat(value).timestamp() if isinstance(value, str) else None
    except (ValueError, OverflowError):
        return None
