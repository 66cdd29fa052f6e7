"""The `replay` command: recorded wire logs as the messages that they became, without the agent."""

from __future__ import annotations

from pathlib import Path

from agent_chat.cli.stdio import open_view
from agent_chat.exits import ExitCode
from agent_chat.settings import UsageError
from agent_sdk_core.errors import InvalidRequestError
from agent_sdk_core.factory.registry import load_backend


def replay_logs(backend: str, files: list[Path], *, as_json: bool) -> int:
    """Show what each log holds, and return the exit code.

    Args:
        backend: Name of the backend that recorded them.
        files: The logs.
        as_json: Print messages instead of a transcript.

    Raises:
        UsageError: There is no such backend, or no such file.
        AgentError: A file is no wire log.
        BrokenPipeError: Nobody reads the output any more.
    """
    try:
        kind = load_backend(backend)
    except InvalidRequestError as error:
        raise UsageError(error.message) from None
    for file in files:
        if not file.is_file():
            raise UsageError(f"There is no wire log at {file}.")
    view = open_view(as_json=as_json, background=False, prompts=True)
    try:
        for file in files:
            if len(files) > 1:
                view.notice(f"{file}")
            for message in kind.replay(file):
                view.show(message)
    finally:
        view.close()
    return ExitCode.OK
