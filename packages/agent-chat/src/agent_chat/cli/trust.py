"""Trust in a folder: asked once, before anything is read that comes with its project and could run programs."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import anyio
from rich.text import Text

from agent_chat.chats.trust import ProjectTrust, project_trust
from agent_chat.cli.stdio import question_console
from agent_chat.settings import RunSettings, UsageError, working_folder
from agent_chat.terminal.ask.keyboard import Keyboard
from agent_chat.transcript.paths import short_path
from agent_chat.transcript.sanitize import visible

if TYPE_CHECKING:
    from agent_chat.transcript.blocks import Level
    from agent_sdk_core.options import SettingSource


def setting_sources(
    settings: RunSettings, notify: Callable[[str, Level], None], *, as_json: bool = False
) -> tuple[SettingSource, ...] | None:
    """Return whose settings the agent reads; None where a folder has none of its own.

    Args:
        settings: What the command line says.
        notify: Says what is left out.
        as_json: Whether standard output is for a program.

    Raises:
        UsageError: The folder cannot be used, or the user's own file cannot be read or written.
    """
    project = ask_for_trust(settings, notify, as_json=as_json)
    if project is None:
        return None
    if (left_out := project.left_out) is not None:
        notify(f"{left_out}; --trust lets them apply.", "warning")
    return project.sources


def ask_for_trust(
    settings: RunSettings, notify: Callable[[str, Level], None], *, as_json: bool = False
) -> ProjectTrust | None:
    """Ask whether to trust a folder that brings something along, remember a yes, and return how it stands.

    Args:
        settings: What the command line says: the folder, and whether it is trusted from now on.
        notify: Says what is remembered.
        as_json: Whether standard output is for a program.

    Raises:
        UsageError: The folder cannot be used, or the user's own file cannot be read or written.
    """
    from agent_sdk_core.config.trust import trust_folder
    from agent_sdk_core.errors import InvalidRequestError

    folder = working_folder(settings.cwd)
    try:
        project = project_trust(folder)
        if project is None or project.trust.trusted:
            return project
        if settings.trust or (project.found and _asked(project, as_json=as_json)):
            trust_folder(project.trust)
            root, file = short_path(str(project.trust.root)), short_path(str(project.trust.user_file))
            notify(f"{root} is trusted from now on, by {file}.", "info")
            return project_trust(folder)
    except InvalidRequestError as error:
        raise UsageError(error.message) from None
    return project


def _asked(project: ProjectTrust, *, as_json: bool) -> bool:
    """Ask the person at the terminal; without one, the answer is no."""
    console, keyboard = question_console(as_json=as_json), Keyboard()
    if console is None or not keyboard.is_terminal:
        return False
    console.print(Text(f"Do you trust {visible(short_path(str(project.trust.root)))}?", style="bold yellow"))
    found = ", ".join(project.found)
    console.print(Text(f"  It has settings of its own: {found}. They can run programs and allow commands unasked."))
    console.print(Text("  Trust it from now on? [y/N] ", style="bold yellow"), end="")
    line = anyio.run(keyboard.line)
    if line is None:
        console.print()
    return (line or "").strip().lower() in ("y", "yes")
