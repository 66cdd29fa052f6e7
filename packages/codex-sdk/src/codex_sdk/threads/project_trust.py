"""Trust of the project that a thread works in: whose settings apply, told to Codex for that thread and never stored.

Left alone, `thread/start` in a sandbox that may write makes Codex put "trusted" into the user's config.toml, before it
reads the project's `.codex` (0.163, 0.169). Each thread therefore brings the trust of its folder along, as overrides of
its configuration.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

import anyio.to_thread

from agent_sdk_core.errors import ProtocolError
from agent_sdk_core.options import SettingSource
from agent_sdk_core.records import dataclass
from agent_sdk_core.rpc.jsonrpc import Peer
from agent_sdk_core.wire.reading import Json, as_record, optional_text_at, record_at, records_at, text_at, texts_at
from codex_sdk.process.config_keys import merged
from codex_sdk.process.errors import translate
from codex_sdk.threads.history import stored_facts

Sources = Sequence[SettingSource] | None

_MARKERS: Final = (".git",)
"""Files that make a folder the root of its project, unless the user's configuration names others."""


@dataclass(frozen=True, slots=True)
class ProjectFolders:
    """Where Codex looks for the settings and the trust of a working folder.

    Each folder stands there twice where that differs: with its links resolved, then as it is named.

    Attributes:
        read: The folders whose `.codex` it reads: the working folder and those above it, up to the project's root.
        deciding: The folders of which the first one that the user judged decides.
    """

    read: tuple[str, ...]
    deciding: tuple[str, ...]

    @classmethod
    def find(cls, cwd: str, markers: Sequence[str]) -> ProjectFolders:
        """Look at the file system, as Codex does: the root is sought in the folder as it is named (0.163)."""
        folder = Path(os.path.normpath(Path(cwd).absolute()))
        above = (folder, *folder.parents)
        root = _first_with(markers, above) or folder
        checkout = _first_with(_MARKERS, above)
        deciding = [folder, root]
        if checkout is not None:
            deciding += [checkout, *_main_checkout(checkout / ".git")]
        return cls(_spellings(above[: above.index(root) + 1]), _spellings(deciding))

    def judgement(self, projects: Json) -> str | None:
        """Return what the user's configuration says of the folder, if anything."""
        levels = (optional_text_at(record_at(projects, folder), "trust_level") for folder in self.deciding)
        return next((level for level in levels if level is not None), None)


async def with_trust(
    peer: Peer, params: Json, sources: Sources, *, named: str | os.PathLike[str] | None = None
) -> Json:
    """Return the parameters of a request that opens a thread, with what they have to say about its project's trust.

    Args:
        peer: JSON-RPC with the app-server.
        params: The parameters of `thread/start`, `thread/resume` or `thread/fork`.
        sources: Whose settings the session wants.
        named: The folder as the user named it, by whose links he may have judged it.

    Raises:
        SessionNotFoundError: There is no such thread to resume or fork.
    """
    cwd = params.get("cwd") or (await stored_facts(peer, params["threadId"])).cwd
    if not isinstance(cwd, str) or not cwd:
        return params
    try:
        answer = await peer.request("config/read", {"cwd": cwd, "includeLayers": True}, idempotent=True)
    except ProtocolError as error:
        raise translate(error) from error
    config = applied_config(as_record(answer) or {}, ("user",))
    markers = config.get("project_root_markers")
    given = as_record(params.get("config")) or {}
    names = _MARKERS if markers is None else texts_at(config, "project_root_markers")
    folders = await anyio.to_thread.run_sync(ProjectFolders.find, cwd, names)
    told: Json = {}
    projects = record_at(merged(config, given), "projects")
    level = folders.judgement(projects) if sources is None else None
    if sources is None and level is None and named is not None:
        level = (await anyio.to_thread.run_sync(ProjectFolders.find, os.fspath(named), names)).judgement(projects)
    if level is not None:
        judged = folders.deciding[:1]  # Nothing new to Codex, which keeps it from writing anything.
    else:
        level = "trusted" if "project" in (sources or ()) else "untrusted"
        judged = folders.deciding if sources is None else folders.read
        if level == "untrusted":
            told = _defaults(params, merged(config, given))
    overrides = merged({"projects": {folder: {"trust_level": level} for folder in judged}}, given)
    if level == "untrusted" and (skills := await _project_skills(peer, cwd)):
        theirs = record_at(overrides, "skills")
        overrides["skills"] = {**theirs, "config": [*skills, *records_at(theirs, "config")]}
    return {**told, **params, "config": overrides}


def applied_config(answer: Json, sources: Sources) -> Json:
    """Return the configuration of an answer to `config/read` that asked for layers, as far as the sources count."""
    if sources is None or "layers" not in answer:
        return record_at(answer, "config")
    config: Json = {}
    for layer in reversed(records_at(answer, "layers")):  # The strongest one comes first.
        if text_at(record_at(layer, "name"), "type") != "project" or "project" in sources:
            config = merged(config, record_at(layer, "config"))
    return config


def _defaults(params: Json, config: Json) -> Json:
    """Return the defaults of a folder that nobody judged, for those that Codex takes from a folder's trust."""
    told: Json = {}
    if config.get("approval_policy") is None:
        told["approvalPolicy"] = "on-request"
    if "permissions" not in params and config.get("sandbox_mode") is None and config.get("default_permissions") is None:
        told["sandbox"] = "read-only"
    return told


async def _project_skills(peer: Peer, cwd: str) -> list[Json]:
    """Return the project's skills, switched off: Codex offers them to the model whatever the trust (0.163, 0.169)."""
    try:
        answer = await peer.request("skills/list", {"cwds": [cwd], "forceReload": True}, idempotent=True)
    except ProtocolError:  # An older codex, without this request.
        return []
    entries = records_at(as_record(answer) or {}, "data")
    paths = [
        skill.get("path") for entry in entries for skill in records_at(entry, "skills") if skill.get("scope") == "repo"
    ]
    return [{"path": path, "enabled": False} for path in paths]


def _first_with(names: Iterable[str], folders: Iterable[Path]) -> Path | None:
    names = tuple(names)
    return next((folder for folder in folders if any((folder / name).exists() for name in names)), None)


def _main_checkout(git: Path) -> list[Path]:
    """Return the main checkout of a repository if this is the `.git` file of a worktree that it knows."""
    try:
        admin = git.parent / git.read_text(encoding="utf-8").strip().removeprefix("gitdir:").strip()
        known = admin / (admin / "gitdir").read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):  # A folder, as in most checkouts.
        return []
    common = admin.parent.parent
    its_own = os.path.realpath(known) == os.path.realpath(git) and (admin.parent.name, common.name) == (
        "worktrees",
        ".git",
    )
    return [common.parent] if its_own else []


def _spellings(folders: Iterable[Path]) -> tuple[str, ...]:
    """Return the names by which Codex looks each folder up: its links resolved, then as it is."""
    return tuple(dict.fromkeys(name for folder in folders for name in (os.path.realpath(folder), str(folder))))
