"""Where an agent under test lives: a clean environment and folders of its own."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import tempfile
import zlib
from collections.abc import Generator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from agent_sdk_core.errors import InvalidRequestError

if TYPE_CHECKING:
    from agent_sdk_testing.model.scripted_model import ScriptedModel

AGENT_VARIABLES = ("ANTHROPIC", "CLAUDE", "CODEX", "OPENAI")
"""The beginnings of the names that configure an agent, and that a test must not inherit."""

_PROXY_VARIABLES = frozenset({"all_proxy", "http_proxy", "https_proxy"})
_BACKTRACES = frozenset({"RUST_BACKTRACE", "RUST_LIB_BACKTRACE"})
"""They change what an agent says of its own errors."""

_HOMES = ("XDG_", "BASH_FUNC_")
_SHELL_STARTS = frozenset({"BASH_ENV", "ENV", "ZDOTDIR", "PROMPT_COMMAND", "SHELLOPTS", "BASHOPTS", "FPATH"})
"""With the names that begin so, what leads agents and the shells of their tools to the files of a developer."""

_LOOPBACK = "127.0.0.1,localhost"

CLAUDE_KEY = "scripted"
"""The API key that claude sends; it needs one, and any will do."""

_CLAUDE_VARIABLES: Mapping[str, str] = {
    "ANTHROPIC_API_KEY": CLAUDE_KEY,
    # Failures show at once; with these claude waits and asks again up to ten times, or once more without a stream.
    "CLAUDE_CODE_MAX_RETRIES": "0",
    "CLAUDE_CODE_DISABLE_NONSTREAMING_FALLBACK": "1",
    # Nothing is asked but the model.
    "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
    "CLAUDE_CODE_DISABLE_OFFICIAL_MARKETPLACE_AUTOINSTALL": "1",
    "DISABLE_AUTOUPDATER": "1",
    "DISABLE_ERROR_REPORTING": "1",
    "DISABLE_TELEMETRY": "1",
    # And the model is asked nothing but what the conversation needs.
    "CLAUDE_CODE_DISABLE_AGENT_PROGRESS_SUMMARIES": "1",
    "CLAUDE_CODE_DISABLE_AUTO_MEMORY": "1",
    # Without it claude does not skip permissions where the tests run as root.
    "IS_SANDBOX": "1",
}


def clean_env(
    *,
    codex_home: Path | None = None,
    claude_config_dir: Path | None = None,
    model: ScriptedModel | str | None = None,
    inherit: Mapping[str, str] | None = None,
    **extra: str,
) -> dict[str, str]:
    """Return the environment for an agent under test.

    It is the inherited one (this process's by default) without the variables of any agent, and with the loopback
    interface exempt from proxies. With `codex_home` or `claude_config_dir` the agent's own variable is set to it, and
    HOME to the folder ``home`` in it, so that what a developer keeps at home, such as skills and shell profiles, has no
    part in the test; the variables that lead elsewhere, XDG's and those of a shell's start, are left out.

    Args:
        codex_home: the folder that `write_codex_home` filled.
        claude_config_dir: the folder that `write_claude_config` filled; it needs `model`.
        model: the server that claude asks, or its address without a path. Codex has it in its CODEX_HOME.
        inherit: the environment to start from.
        extra: variables to set, such as ``CLAUDE_CODE_MAX_RETRIES="2"`` (0 here by default); they go before all others.

    Raises:
        ValueError: `claude_config_dir` is given without `model`, so that claude would ask the real one.
    """
    source = os.environ if inherit is None else inherit
    env = {
        name: value
        for name, value in source.items()
        if not name.upper().startswith(AGENT_VARIABLES) and name not in _BACKTRACES
    }
    if any(name.lower() in _PROXY_VARIABLES for name in env):
        exempt = [value for name, value in env.items() if name.lower() == "no_proxy" and value]
        env["NO_PROXY"] = env["no_proxy"] = ",".join([_LOOPBACK, *dict.fromkeys(exempt)])
    if codex_home is not None or claude_config_dir is not None:
        env = {name: env[name] for name in env if not name.startswith(_HOMES) and name not in _SHELL_STARTS}
    if codex_home is not None:
        home = codex_home / "home"
        home.mkdir(parents=True, exist_ok=True)
        env |= {"CODEX_HOME": str(codex_home), "HOME": str(home), "CODEX_APP_SERVER_DISABLE_MANAGED_CONFIG": "1"}
    if claude_config_dir is not None:
        if model is None:
            raise ValueError("claude_config_dir needs model, or else claude asks the real one")
        home, temporary = claude_config_dir / "home", claude_config_dir / "tmp"
        home.mkdir(parents=True, exist_ok=True)
        temporary.mkdir(exist_ok=True)
        env |= {
            **_CLAUDE_VARIABLES,
            "ANTHROPIC_BASE_URL": model if isinstance(model, str) else model.url,
            "CLAUDE_CONFIG_DIR": str(claude_config_dir),
            "CLAUDE_CODE_TMPDIR": str(temporary),
            "HOME": str(home),
        }
    return env | extra


def cache_folder() -> Path:
    """Return the folder below the user's cache folder that scratch folders are made in."""
    if sys.platform == "darwin":
        cache = Path.home() / "Library" / "Caches"
    else:
        cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cache / "agent-sdk-testing"


def unfit_for_codex(folder: Path) -> str | None:
    """Return why some tests of codex fail in a folder below the temporary one, and what to do; None elsewhere.

    Codex (0.163) installs no helpers in a CODEX_HOME below it, and its sandbox lets every command write there.
    """
    place = folder.resolve()
    for temporary in {Path(tempfile.gettempdir()).resolve(), Path("/tmp").resolve()}:  # noqa: S108  # as codex has it
        if place.is_relative_to(temporary):
            variable = "HOME" if sys.platform == "darwin" else "XDG_CACHE_HOME"
            return (
                f"Scratch folders are made in {folder}, below the temporary folder {temporary}. There codex installs "
                f"no helpers, and its sandbox lets commands write outside of their workspace, so that tests fail. "
                f"Set {variable} to a folder elsewhere."
            )
    return None


@contextlib.contextmanager
def scratch_folder(base: Path | None = None, *, prefix: str = "test-") -> Generator[Path]:
    """Make a new folder outside the system's folder for temporary files, and remove it afterwards.

    Codex refuses to install its helper binaries in a CODEX_HOME below the temporary folder. What a test that was killed
    left in the same place is removed by the next one: a folder's name ends with the process that made it.

    Args:
        base: the folder to make it in; by default one in the user's cache folder.
        prefix: what its name begins with.

    Raises:
        InvalidRequestError: No folder can be made there.
    """
    parent = cache_folder() if base is None else base
    try:
        parent.mkdir(parents=True, exist_ok=True)
        _remove_abandoned(parent)
        path = Path(tempfile.mkdtemp(prefix=prefix, suffix=f".{_BOOT}.{os.getpid()}", dir=parent.resolve()))
    except OSError as error:
        advice = "" if base is not None else " Name another folder for caches in XDG_CACHE_HOME."
        raise InvalidRequestError(f"No folder can be made in {parent}: {error.strerror or error}.{advice}") from error
    try:
        yield path
    finally:
        # A process that is just ending may still write into its folder: what it leaves then is not a test's failure.
        shutil.rmtree(path, ignore_errors=True)


def _boot() -> str:
    """Return what tells this start of the machine, or container, from others that see the same folder; short."""
    try:
        namespace = os.readlink("/proc/self/ns/pid")  # noqa: PTH115  # no path
        start = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii")
    except OSError:  # macOS has neither, and no containers.
        return "host"
    return f"{zlib.crc32(f'{start}{namespace}'.encode()):08x}"


_BOOT = _boot()


def _remove_abandoned(parent: Path) -> None:
    """Remove the folders of processes that are gone; those of another machine or container are let be."""
    for path in parent.glob(f"*.{_BOOT}.*"):
        pid = path.suffix[1:]
        if not pid.isdigit():
            continue
        try:
            os.kill(int(pid), 0)
        except ProcessLookupError:
            shutil.rmtree(path, ignore_errors=True)
        except (OSError, OverflowError):
            continue  # Another user's, and alive.
