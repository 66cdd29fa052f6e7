"""The distributions, built once, and an empty environment to install them into."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
_WORKSPACE = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
_STRANGERS = ("ANTHROPIC", "CLAUDE", "CODEX", "OPENAI", "AGENT_SDK", "COVERAGE", "PYTHON", "VIRTUAL_ENV", "UV_PROJECT")
UNREACHED = "No package index is in reach: nothing can be installed beside it, so what it would bring is not looked at."


def run(*command: str | Path, cwd: Path, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run a command outside of the workspace's environment, and without its configuration unless `cwd` is in it."""
    env = {name: value for name, value in os.environ.items() if not name.startswith(_STRANGERS)}
    done = subprocess.run(list(map(str, command)), cwd=cwd, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0 or not check, f"{command}\n{done.stdout}\n{done.stderr}"
    return done


def uv() -> str:
    found = os.environ.get("UV") or shutil.which("uv")
    assert found is not None, "uv is needed: pip install uv"
    return found


@dataclass(frozen=True)
class Environment:
    """A virtual environment with nothing but what was installed into it."""

    folder: Path

    def python(self, *arguments: str) -> str:
        return run(self.folder / "bin/python", "-W", "error", *arguments, cwd=self.folder).stdout

    def command(self, name: str, *arguments: str) -> str:
        return run(self.folder / "bin" / name, *arguments, cwd=self.folder).stdout


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of all sdists, and of the wheels that are made of them."""
    folder = tmp_path_factory.mktemp("dist")
    run(uv(), "build", "-q", "--all-packages", "--no-build-isolation", "-p", sys.executable, "-o", folder, cwd=ROOT)
    return folder


@pytest.fixture(scope="session")
def pins(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The versions that the workspace pins, so that what is installed does not change with the day."""
    path = tmp_path_factory.mktemp("pins") / "constraints.txt"
    path.write_text("\n".join(_WORKSPACE["tool"]["uv"]["constraint-dependencies"]))
    return path


@pytest.fixture(scope="session")
def index(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Skip without a package index."""
    folder = tmp_path_factory.mktemp("index")
    probe = (
        "pip",
        "install",
        "--dry-run",
        "--no-deps",
        "--target",
        folder,
        "--refresh-package",
        "packaging",
        "packaging",
    )
    if run(uv(), *probe, "-p", sys.executable, cwd=folder, check=False).returncode:
        pytest.skip(UNREACHED)


@pytest.fixture(scope="session")
def resolved(index: None, built: Path, pins: Path) -> Callable[[str], dict[str, str]]:
    """A function from a requirement to what is installed for it, names to versions."""

    def resolve(requirement: str) -> dict[str, str]:
        where = ("--find-links", str(built), "--constraint", str(pins), "-p", sys.executable)
        shown = run(
            *(uv(), "pip", "install", "--dry-run", "--target", built / "none", *where, requirement), cwd=built
        ).stderr
        lines = [line.removeprefix(" + ") for line in shown.splitlines() if line.startswith(" + ")]
        return {name: version for line in lines for name, _, version in [line.split(" ")[0].partition("==")]}

    return resolve


@pytest.fixture(scope="session")
def installed(
    index: None, built: Path, pins: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], Environment]:
    """A function from a requirement to an environment that holds it."""

    def install(requirement: str) -> Environment:
        folder = tmp_path_factory.mktemp("venv") / "env"
        run(uv(), "venv", "-q", "--no-project", "-p", sys.executable, folder, cwd=folder.parent)
        where = ("--find-links", str(built), "--constraint", str(pins), "-p", str(folder / "bin/python"))
        run(uv(), "pip", "install", "-q", *where, requirement, cwd=folder.parent)
        return Environment(folder)

    return install
