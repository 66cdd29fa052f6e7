"""The command that starts an agent: a program and its arguments, never a line for a shell."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import cast

from agent_sdk_core.errors import ExecutableNotFoundError, InvalidRequestError, SpawnError


def command_of(command: object, *, backend: str) -> tuple[str, ...]:
    """Return a command that an application or a configuration names.

    Raises:
        InvalidRequestError: It is no list of texts, or empty.
    """
    if isinstance(command, str):
        raise InvalidRequestError(
            f"The command of an agent is a list, its program and each argument by itself: {command.split()!r}.",
            backend=backend,
            details={"option": "command"},
        )
    given = cast("Sequence[object]", command) if isinstance(command, Sequence) else ()
    parts = tuple(
        os.fspath(cast("os.PathLike[str]", part)) if isinstance(part, os.PathLike) else part for part in given
    )
    if not parts or not all(isinstance(part, str) and part and "\0" not in part for part in parts):
        raise InvalidRequestError(
            'An agent is started by a command: AcpBackend(command=["opencode", "acp"]).',
            backend=backend,
            details={"option": "command"},
        )
    return cast("tuple[str, ...]", parts)


def find_program(program: str, env: Mapping[str, str], *, backend: str) -> Path:
    """Return the program of a command, as its environment finds it.

    Raises:
        ExecutableNotFoundError: There is none.
        SpawnError: What is at that place cannot be run.
    """
    named = os.path.expanduser(program)  # never raises
    if found := shutil.which(named, path=env.get("PATH")):
        return Path(found).absolute()
    if os.sep in program and os.path.exists(named):  # noqa: PTH110  # that of Path raises where it may not look
        what = "is a folder" if Path(named).is_dir() else "may not be run: it is not marked as a program (chmod +x)"
        raise SpawnError(f"The {backend} agent cannot be started: {named} {what}.", backend=backend)
    where = "at that place" if os.sep in program else "on PATH"
    raise ExecutableNotFoundError(
        f"The {backend} agent cannot be started: there is no program {program!r} {where}. Install it, or correct the "
        "command.",
        backend=backend,
    )
