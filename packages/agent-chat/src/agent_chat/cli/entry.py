"""The start of `agent-sdk`: an editor is served at once, whatever else is typed is for the command line."""

from __future__ import annotations

import os
import sys
from typing import NoReturn

from agent_chat.cli.ending import code_of, open_streams
from agent_chat.exits import ExitCode


def main() -> NoReturn:
    """Run the program and exit."""
    open_streams()
    try:
        _run()
    except KeyboardInterrupt:  # While it was being loaded; commands end by it in their own way.
        sys.exit(ExitCode.INTERRUPTED)


def _run() -> NoReturn:
    # An editor waits for the agent: reading options costs as much as everything else until its first answer.
    plain = None if os.environ.get("AGENT_SDK_LOG") else plain_backend(sys.argv[1:])
    if plain is not None:
        sys.exit(code_of(lambda: _serve(*plain)))
    from agent_chat.cli.main import main as run

    run()


def plain_backend(arguments: list[str]) -> tuple[str | None] | None:
    """Return the agent that `acp` is to serve, for command lines that say nothing else; None for all others."""
    match arguments:
        case ["acp"]:
            return (None,)
        case ["acp", "--backend" | "-b", name] if name and not name.startswith("-"):
            return (name,)
        case ["acp", option] if option.startswith("--backend=") and option != "--backend=":
            return (option.removeprefix("--backend="),)
        case _:
            return None


def _serve(backend: str | None) -> int:
    from agent_chat.cli.acp import run_acp

    return run_acp(backend)
