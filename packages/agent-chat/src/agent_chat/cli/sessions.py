"""The `sessions` commands: the stored sessions of an agent, and what was said in one."""

from __future__ import annotations

from functools import partial
from typing import Final

import anyio

from agent_chat import settings as settings_module
from agent_chat.cli.stdio import open_view, write_progress
from agent_chat.cli.tables import moment, write_objects, write_rows
from agent_chat.exits import ExitCode
from agent_chat.settings import RunSettings, load_config, working_folder
from agent_chat.transcript.paths import short_path
from agent_chat.transcript.sanitize import visible
from agent_sdk_core.interfaces.backend import AgentBackend
from agent_sdk_core.interfaces.pages import SessionPage, StoredSession

_TURNS: Final = 20
"""How many turns of a session are held while it is shown."""


def list_sessions(backend: str | None, cwd: str | None, *, limit: int, as_json: bool) -> int:
    """Print the stored sessions of an agent, newest first, and return the exit code.

    Args:
        backend: Its name; None: as configured.
        cwd: Only those of this folder; None: all.
        limit: How many at most.
        as_json: Print one JSON object a session.

    Raises:
        UsageError: There is no such agent or folder.
        AgentError: The agent could not be asked.
    """
    folder = None if cwd is None else working_folder(cwd)
    page = anyio.run(partial(_listed, _opened(backend), folder, limit))
    if as_json:
        write_objects(session.to_wire() for session in page)
    else:
        write_rows(("SESSION", "LAST USED", "FOLDER", "TITLE"), (_row(session) for session in page))
        if page.cursor is not None:
            write_progress(f"There are more: --limit {limit * 2} shows them.")
        elif not len(page):
            write_progress(
                "No session is stored yet."
                if folder is None
                else f"No session of {visible(short_path(str(folder)))} is stored."
            )
    return ExitCode.OK


def show_session(backend: str | None, session_id: str, *, as_json: bool) -> int:
    """Show what was said in a stored session, and return the exit code.

    Args:
        backend: Name of the agent; None: as configured.
        session_id: The session.
        as_json: Print its messages, one a line.

    Raises:
        UsageError: There is no such agent.
        SessionNotFoundError: It stores no such session.
        BrokenPipeError: Nobody reads the output any more.
    """
    anyio.run(partial(_show, _opened(backend), session_id, as_json=as_json))
    return ExitCode.OK


def _opened(backend: str | None) -> AgentBackend:
    return settings_module.open_backend(backend, load_config(RunSettings(backend)))


async def _listed(backend: AgentBackend, cwd: str | None, limit: int) -> SessionPage:
    async with backend:
        return await backend.list_sessions(cwd=cwd, limit=limit)


async def _show(backend: AgentBackend, session_id: str, *, as_json: bool) -> None:
    """Show a session page by page, for a long one is more than is to be held."""
    async with backend:
        page = await backend.read_history(session_id, limit=_TURNS)
        view = open_view(as_json=as_json, background=False, prompts=True)
        try:
            while True:
                for message in page:
                    view.show(message)
                if page.cursor is None:
                    return
                page = await backend.read_history(session_id, limit=_TURNS, cursor=page.cursor)
        finally:
            view.close()


def _row(session: StoredSession) -> tuple[str, str, str, str]:
    when = moment(session.updated_at or session.created_at)
    title = " ".join(session.title.split())
    return session.session_id, when, "" if session.cwd is None else short_path(session.cwd), title
