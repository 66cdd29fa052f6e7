"""The `doctor` command: whether each agent can be used, and what to do about it where it cannot."""

from __future__ import annotations

import contextlib
import json
import platform
import sys
from collections.abc import Generator, Sequence
from dataclasses import asdict
from typing import Any

import anyio

from agent_chat import __version__
from agent_chat.cli.stdio import is_screen
from agent_chat.exits import ExitCode
from agent_chat.settings import UsageError, working_folder
from agent_chat.terminal.checkups import Checkup, plain_checkup, print_checkup
from agent_chat.terminal.screens import terminal_console
from agent_sdk_core.config.runtime import RuntimeConfig
from agent_sdk_core.errors import InvalidRequestError
from agent_sdk_core.factory.diagnose import diagnose_backend
from agent_sdk_core.interfaces.diagnosis import Diagnosis
from agent_sdk_core.names import canonical_name, parse_backend_type
from agent_sdk_core.telemetry.snapshot import telemetry_snapshot


def run_doctor(backend: str | None, cwd: str | None, *, as_json: bool) -> int:
    """Look at the agents, print what was found, and return the exit code.

    Args:
        backend: The one to look at; None: all that are registered.
        cwd: The folder whose configuration counts; None: the current one.
        as_json: Print one JSON object instead of text.

    Raises:
        UsageError: There is no such backend or folder.
    """
    config, problem, chosen = RuntimeConfig(), "", None
    folder = working_folder(cwd)
    try:
        config = RuntimeConfig.load(cwd=folder)
        chosen = config.chosen_type()
    except InvalidRequestError as error:
        problem = error.message
    try:
        asked = _asked(backend, config) if backend else None
    except InvalidRequestError as error:
        raise UsageError(error.message) from None
    names = (asked,) if asked else config.names()
    with _progress(names):
        agents = anyio.run(_look_at, names, config)
    checkup = Checkup(tuple(agents), chosen, config, problem, asked)
    if as_json:
        sys.stdout.write(f"{json.dumps(as_object(checkup))}\n")
    elif is_screen(sys.stdout):
        print_checkup(terminal_console(sys.stdout), checkup)
    else:
        sys.stdout.writelines(f"{line}\n" for line in plain_checkup(checkup))
    return ExitCode.OK if checkup.well else ExitCode.ERROR


async def _look_at(names: Sequence[str], config: RuntimeConfig) -> list[Diagnosis]:
    found: dict[str, Diagnosis] = {}

    async def one(name: str) -> None:
        found[name] = await diagnose_backend(name, config=config)

    async with anyio.create_task_group() as tasks:
        for name in names:
            tasks.start_soon(one, name)
    return [found[name] for name in names]


@contextlib.contextmanager
def _progress(names: Sequence[str]) -> Generator[None]:
    """Say what is going on, to whoever waits for it."""
    if not names or not is_screen(sys.stderr):
        yield
        return
    with terminal_console(sys.stderr).status(f"Looking at {' and '.join(names)} …"):
        yield


def as_object(checkup: Checkup) -> dict[str, Any]:
    """Return the checkup as the JSON object that docs/command-line.md describes."""
    return {
        "ok": checkup.well,
        "chosen": checkup.chosen,
        "agents": [_agent(agent) for agent in checkup.agents],
        "configuration": {
            "problem": checkup.config_problem or None,
            "files": [
                {"kind": file.kind, "path": str(file.path), "exists": file.exists} for file in checkup.config.files
            ],
        },
        "versions": {
            "agent_sdk": __version__,
            "python": platform.python_version(),
            "platform": platform.platform(),
        },
        "telemetry": telemetry_snapshot(),
    }


def _agent(agent: Diagnosis) -> dict[str, Any]:
    fields = asdict(agent)
    drift = agent.drift
    if drift is not None:
        fields["drift"] |= {"compatible": drift.compatible, "runs": drift.runs}
    return {"backend": fields.pop("backend"), "status": agent.status, "usable": agent.usable, **fields}


def _asked(backend: str, config: RuntimeConfig) -> str:
    """Return the backend that was asked about, by any way of writing it."""
    return canonical_name(backend) if config.kind_of(backend) is not None else parse_backend_type(backend)
