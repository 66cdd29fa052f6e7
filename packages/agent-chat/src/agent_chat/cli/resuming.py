"""Resuming without an id: `run --resume` offers the last sessions of the folder, and asks for a prompt if need be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Final

import anyio
from rich.text import Text

from agent_chat import settings as settings_module
from agent_chat.cli.stdio import question_console
from agent_chat.cli.tables import moment
from agent_chat.settings import RunSettings, UsageError, load_config, working_folder
from agent_chat.terminal.ask.keyboard import Keyboard
from agent_chat.transcript.sanitize import visible
from agent_sdk_core.interfaces.backend import AgentBackend
from agent_sdk_core.interfaces.pages import StoredSession

CHOOSE: Final = "?"
"""What `RunSettings.resume` is when no id was said."""

_OFFERED: Final = 10


def with_id_of_resume(arguments: Sequence[str]) -> list[str]:
    """Return a command line in which `run --resume` has a value: `CHOOSE` where no id follows.

    A prompt of several words, an option, or nothing at all is no id.
    """
    made = list(arguments)
    if made[:1] != ["run"] or "--resume" not in made:
        return made
    at = made.index("--resume")
    following = made[at + 1] if at + 1 < len(made) else "-"
    if following.startswith("-") or len(following.split()) > 1:
        made.insert(at + 1, CHOOSE)
    return made


def choose_session(settings: RunSettings, prompt: str | None, *, as_json: bool) -> tuple[RunSettings, str | None]:
    """Have the person choose one of the last sessions of the folder, and say the prompt if there is none.

    Args:
        settings: What the command line says, with `CHOOSE` as `resume`.
        prompt: The prompt; None: none was said.
        as_json: Whether standard output is for a program.

    Raises:
        UsageError: There is no terminal, no session, or nothing was chosen.
        AgentError: The agent could not be asked.
    """
    folder = working_folder(settings.cwd)
    backend = settings_module.open_backend(settings.backend, load_config(settings))
    listed = anyio.run(partial(_listed, backend, folder))
    named = f" --backend {settings.backend}" if settings.backend else ""
    if not listed:
        raise UsageError(
            f"There is no session of {folder} to go on with; `agent-sdk sessions list{named}` shows all there are."
        )
    console, keyboard = question_console(as_json=as_json), Keyboard()
    if console is None or not keyboard.is_terminal:
        ids = ", ".join(session.session_id for session in listed[:3])
        raise UsageError(
            f"Say which session: --resume ID. The last ones are {ids}; `agent-sdk sessions list{named}` shows them all."
        )
    for number, session in enumerate(listed, 1):
        when = moment(session.updated_at or session.created_at)
        title = visible(" ".join(session.title.split())) or session.session_id
        console.print(Text(f"  {number:>2}  {when}  {title}", no_wrap=True, overflow="ellipsis"))
    while True:
        console.print(Text(f"  Go on with which? [1-{len(listed)}] ", style="bold yellow"), end="")
        line = anyio.run(keyboard.line)
        if not line:
            console.print()
            raise UsageError("No session was chosen.")
        if line.isdecimal() and 1 <= int(line) <= len(listed):
            chosen = listed[int(line) - 1]
            break
    if prompt is None:
        console.print(Text("  And what next? ", style="bold yellow"), end="")
        prompt = anyio.run(keyboard.line)
    return replace(settings, resume=chosen.session_id), prompt


async def _listed(backend: AgentBackend, folder: str) -> list[StoredSession]:
    async with backend:
        return list(await backend.list_sessions(cwd=folder, limit=_OFFERED))
