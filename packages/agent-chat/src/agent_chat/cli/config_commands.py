"""The `config` commands as the command line takes them; what they do is loaded when one runs."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from agent_chat.cli.ending import finish
from agent_chat.exits import ExitCode

config = typer.Typer(
    name="config",
    help="Show what is configured, and where each value comes from; or change it.",
    rich_markup_mode=None,
    invoke_without_command=True,
)

Folder = Annotated[
    str | None,
    typer.Option("--cwd", "-C", metavar="FOLDER", help="The folder whose .agent-sdk.toml counts; absent: this one."),
]
Key = Annotated[str, typer.Argument(metavar="KEY", help="The setting, such as backend or backends.codex.model.")]
InWorkspace = Annotated[
    bool, typer.Option("--workspace", "-w", help="In the .agent-sdk.toml of the folder, instead of your own file.")
]
Json = Annotated[bool, typer.Option("--json", help="Print the setting as one JSON object.")]
Debug = Annotated[bool, typer.Option("--debug", help="Show the details of an error.")]


def _scope(in_workspace: bool) -> Literal["user", "workspace"]:
    return "workspace" if in_workspace else "user"


@config.callback()
def show(
    context: typer.Context,
    cwd: Folder = None,
    json: Annotated[bool, typer.Option("--json", help="Print the configuration as one JSON object.")] = False,
    debug: Debug = False,
) -> None:
    """Show what is configured, and where each value comes from; or change it."""
    if context.invoked_subcommand is not None:
        return

    def start() -> int:
        from agent_chat.cli.config import show_config

        return show_config(cwd, as_json=json)

    finish(start, debug=debug, failure=ExitCode.USAGE)


@config.command()
def get(key: Key, cwd: Folder = None, json: Json = False, debug: Debug = False) -> None:
    """Print the value in force of one setting; exits with 1 if nobody has set it."""

    def start() -> int:
        from agent_chat.cli.config_changes import get_setting

        return get_setting(key, cwd, as_json=json)

    finish(start, debug=debug, failure=ExitCode.USAGE)


@config.command("set")
def set_(
    key: Key,
    values: Annotated[
        list[str],
        typer.Argument(metavar="VALUE…", help="Its value; several for a list; '-' is read from standard input."),
    ],
    workspace: InWorkspace = False,
    cwd: Folder = None,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Write one setting into your own file, or the workspace's; all else in it stays, comments too."""

    def start() -> int:
        from agent_chat.cli.config_changes import set_setting

        return set_setting(key, values, cwd, scope=_scope(workspace), as_json=json)

    finish(start, debug=debug, failure=ExitCode.USAGE)


@config.command()
def unset(
    key: Key, workspace: InWorkspace = False, cwd: Folder = None, json: Json = False, debug: Debug = False
) -> None:
    """Take one setting out of your own file, or the workspace's; one that is not there is no mistake."""

    def start() -> int:
        from agent_chat.cli.config_changes import unset_setting

        return unset_setting(key, cwd, scope=_scope(workspace), as_json=json)

    finish(start, debug=debug, failure=ExitCode.USAGE)


@config.command()
def edit(workspace: InWorkspace = False, cwd: Folder = None, debug: Debug = False) -> None:
    """Open the file in your editor ($VISUAL, $EDITOR); what could not be used is not saved."""

    def start() -> int:
        from agent_chat.cli.config_changes import edit_settings

        return edit_settings(cwd, scope=_scope(workspace))

    finish(start, debug=debug, failure=ExitCode.USAGE)
