"""Asks an installed codex for its protocol, in an environment of its own, and compares it with the shipped one."""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import anyio
from anyio import to_thread

from agent_sdk_core.errors import (
    HandshakeError,
    ProcessExitedError,
    ProtocolError,
    StartupTimeoutError,
    UnsupportedVersionError,
)
from agent_sdk_core.transport.process.child import ChildProcess
from codex_sdk.drift.comparing import compare
from codex_sdk.drift.reading import BUNDLE, read_surface
from codex_sdk.drift.report import Drift
from codex_sdk.drift.shipped import shipped_surface
from codex_sdk.drift.surface import Surface

_FLAVOURS: Final[Mapping[str, tuple[str, ...]]] = {"stable": (), "experimental": ("--experimental",)}
_VERSION: Final = re.compile(r"codex\S*\s+(\d+\.\d+\.\d+\S*)")
_UNKNOWN_COMMAND: Final = re.compile(r"unrecognized subcommand|unexpected argument|invalid value")
_SPOKEN: Final = 1 << 16


async def check(executable: str | os.PathLike[str], *, timeout: float = 60.0) -> Drift:
    """Return how the protocol of a codex executable differs from the shipped one.

    It sees nothing of the user's environment and configuration but `PATH`.

    Args:
        executable: The codex to look at.
        timeout: Seconds for all of it; codex needs a fifth of one.

    Raises:
        ExecutableNotFoundError: It is not there.
        SpawnError: It cannot be started.
        UnsupportedVersionError: It is too old to describe its protocol.
        HandshakeError: It is no codex, or it failed.
        StartupTimeoutError: It did not finish in time.
        ProtocolError: What it wrote cannot be read.
    """
    found = await found_surface(executable, timeout=timeout)
    return compare(await to_thread.run_sync(shipped_surface), found)


async def found_surface(executable: str | os.PathLike[str], *, timeout: float = 60.0) -> Surface:
    """Return the protocol of a codex executable; arguments and errors as for `check`."""
    path = _absolute(executable)
    with tempfile.TemporaryDirectory(prefix="agent-sdk-drift-") as temporary:
        folder = Path(temporary)
        try:
            with anyio.fail_after(timeout):
                version = await _version(path, folder)
                for flavour, flags in _FLAVOURS.items():
                    out = str(folder / flavour)
                    await _run(path, folder, "app-server", "generate-json-schema", *flags, "--out", out)
        except TimeoutError as error:
            raise StartupTimeoutError(
                f"{path} did not describe its protocol within {timeout:g} s. Try `{path} --version` by hand.",
                backend="codex",
            ) from error
        return await to_thread.run_sync(_read, version, folder)


def _absolute(executable: str | os.PathLike[str]) -> Path:
    return Path(executable).expanduser().absolute()


async def _version(path: Path, folder: Path) -> str:
    said = (await _run(path, folder, "--version")).strip()
    match = _VERSION.match(said)
    if match is None:
        raise HandshakeError(
            f"{path} is no codex: asked for its version, it said {said.partition(chr(10))[0]!r:.100}.", backend="codex"
        )
    return match[1]


async def _run(path: Path, home: Path, *arguments: str) -> str:
    """Run codex to its end and return the start of what it wrote."""
    environment = {
        "PATH": os.environ.get("PATH", os.defpath),  # a codex from npm needs node
        "HOME": str(home),
        "CODEX_HOME": str(home),
        "LC_ALL": "C",
        "NO_COLOR": "1",
    }
    process = await ChildProcess.spawn([str(path), *arguments], env=environment, cwd=home, name=str(path))
    try:
        process.close_input()
        spoken = b""
        while chunk := await process.read():
            spoken += chunk[: _SPOKEN - len(spoken)]
        ended = await process.wait()
    finally:
        await process.stop(grace=0, term=0.2)
    if ended.exit_code != 0:
        raise _failure(path, process.exit_error())
    return spoken.decode("utf-8", "replace")


def _failure(path: Path, error: ProcessExitedError) -> Exception:
    if _UNKNOWN_COMMAND.search(error.stderr_tail):
        return UnsupportedVersionError(
            f"{path} is too old to describe its protocol: it has no `app-server generate-json-schema`. "
            'Install a newer one, for example with `pip install "agent-sdk[codex]"`.',
            backend="codex",
        )
    return HandshakeError(
        f"{path} could not be asked for its protocol: {error.message}",
        backend="codex",
        details={"exit_code": error.exit_code, "signal": error.signal, "stderr": error.stderr_tail},
    )


def _read(version: str, folder: Path) -> Surface:
    def bundle(flavour: str) -> dict[str, Any]:
        return json.loads((folder / flavour / BUNDLE).read_bytes())

    try:
        return read_surface(version, bundle("stable"), bundle("experimental"), shipped_surface().responses())
    except (OSError, ValueError) as error:
        raise ProtocolError(
            f"What codex {version} tells of its protocol cannot be read: {error}", backend="codex"
        ) from error
