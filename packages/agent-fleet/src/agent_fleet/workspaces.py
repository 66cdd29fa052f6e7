"""`WorkspaceProvider`: makes the folder of a session on whatever host has it: a clone, or a worktree, of git."""

from __future__ import annotations

import os
import shutil
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import anyio
import anyio.to_thread

from agent_fleet.errors import WorkspaceError
from agent_sdk_core.arguments import checked_class
from agent_sdk_core.errors import InvalidRequestError
from agent_sdk_core.hosting.importable import imported, name_of
from agent_sdk_core.redaction import redact

GIT_SECONDS: Final = 600.0
"""How long git may take."""


class WorkspaceProvider(ABC):
    """Makes folders for sessions; it runs on the hosts, which import its class by name.

    A subclass is a dataclass at the top of a module, whose fields JSON can hold.
    """

    @abstractmethod
    async def make(self, key: str) -> Path:
        """Return the folder of a session: the one that it has on this host, else a new one.

        Args:
            key: The session, in letters and digits.

        Raises:
            WorkspaceError: It cannot be made.
        """


@checked_class()
@dataclass(frozen=True, slots=True)
class GitClone(WorkspaceProvider):
    """A clone for each session.

    Attributes:
        repository: What git clones: a URL, or a path on the host.
        root: Folder on the host under which the clones are.
        ref: Branch, tag or commit to begin at; absent: the repository's default.

    Raises:
        InvalidRequestError: The ref is none.
    """

    repository: str
    root: str
    ref: str | None = None

    def __post_init__(self) -> None:
        """Refuse what git would take for an option."""
        _require_ref(self.ref)

    async def make(self, key: str) -> Path:
        """Return the session's clone."""
        return await _made(_absolute(self.root), key, self._fill)

    async def _fill(self, place: Path) -> None:
        await _git("clone", "--quiet", "--", self.repository, str(place))
        if self.ref is not None:
            await _git("-C", str(place), "checkout", "--quiet", self.ref, "--")


@checked_class()
@dataclass(frozen=True, slots=True)
class GitWorktree(WorkspaceProvider):
    """A worktree for each session, of a repository that the host has; it begins detached, on no branch.

    Attributes:
        repository: The repository's path on the host.
        root: Folder on the host under which the worktrees are.
        ref: Branch, tag or commit to begin at.

    Raises:
        InvalidRequestError: The ref is none.
    """

    repository: str
    root: str
    ref: str = "HEAD"

    def __post_init__(self) -> None:
        """Refuse what git would take for an option."""
        _require_ref(self.ref)

    async def make(self, key: str) -> Path:
        """Return the session's worktree."""
        return await _made(_absolute(self.root), key, self._fill)

    async def _fill(self, place: Path) -> None:
        repository = str(_absolute(self.repository))
        await _git("-C", repository, "worktree", "add", "--force", "--quiet", "--detach", str(place), self.ref)


def provider_to_wire(provider: WorkspaceProvider) -> dict[str, Any]:
    """Return a provider as JSON-compatible data.

    Raises:
        UnsupportedOptionError: No module has its class under a name.
    """
    name = name_of(type(provider), what=f"The provider {type(provider).__name__}", option="workspaces")
    return {"name": name, "fields": asdict(provider)}  # pyright: ignore[reportArgumentType]  # a dataclass, as it says


def provider_from_wire(data: Mapping[str, Any]) -> WorkspaceProvider:
    """Return the provider whose `provider_to_wire` this is.

    Raises:
        InvalidRequestError: This host cannot import it, or it is none.
    """
    kind = imported(str(data["name"]))
    if not (isinstance(kind, type) and issubclass(kind, WorkspaceProvider)):
        raise InvalidRequestError(f"{data['name']} is no WorkspaceProvider on this host.")
    return kind(**data["fields"])


async def prepared(key: str, params: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what a session is opened with: in the folder that its provider makes, if it has one.

    Raises:
        WorkspaceError: It cannot be made.
    """
    if (given := params.get("workspace")) is None:
        return params
    place = await provider_from_wire(given).make(key)
    options = params["options"]
    return {**params, "options": {**options, "cwd": str(place / options.get("cwd", "."))}}


def _require_ref(ref: str | None) -> None:
    if ref is not None and (not ref or ref.startswith("-")):
        raise InvalidRequestError(f"ref names a branch, a tag or a commit, and {ref!r} does not.")


def _absolute(path: str) -> Path:
    return Path(path).expanduser().absolute()


async def _made(root: Path, key: str, fill: Callable[[Path], Awaitable[None]]) -> Path:
    """Return a session's folder under a root; one that was left half made is made anew."""
    place, whole = root / key, root / f".{key}.whole"

    def begin() -> bool:
        if whole.exists():
            return True
        root.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(place, ignore_errors=True)
        return False

    try:
        if not await anyio.to_thread.run_sync(begin):
            await fill(place)
            await anyio.to_thread.run_sync(whole.touch)
    except OSError as error:
        raise WorkspaceError(f"The workspace {place} cannot be made on this host: {error.strerror}.") from None
    return place


async def _git(*arguments: str) -> None:
    environment = {**os.environ, "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}
    try:
        with anyio.fail_after(GIT_SECONDS):
            done = await anyio.run_process(("git", *arguments), check=False, env=environment)
    except FileNotFoundError:
        raise WorkspaceError("This host has no git; install it there.") from None
    except TimeoutError:
        raise WorkspaceError(f"git {arguments[0]} took longer than {GIT_SECONDS:g} s on this host.") from None
    if done.returncode:
        said = redact(done.stderr.decode(errors="replace")).strip().splitlines()[-1:] or ["it said nothing"]
        raise WorkspaceError(f"The workspace cannot be made on this host, git says: {said[0]}")
