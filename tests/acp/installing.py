"""The real agents and clients of these tests: in exact versions, into the workspace's cache, without their scripts."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from agent_chat.web.bundle import find_node

ROOT = Path(__file__).parents[2]
CACHE = ROOT / ".cache/acp"
OPENCODE, GEMINI, ACPX, TYPESCRIPT = "1.18.33", "0.61.0", "0.19.1", "2.4.0"
CLAUDE_ADAPTER, CODEX_ADAPTER = "0.101.0", "2.6.0"
PYTHON = "agent-client-protocol==0.12.1"
SECONDS = 300


def opencode() -> list[str]:
    """Return the command of opencode, installed where it is not."""
    system, machine = sys.platform, os.uname().machine
    package = f"opencode-{system}-{ {'x86_64': 'x64', 'aarch64': 'arm64'}.get(machine, machine) }"
    return [str(_installed(package, OPENCODE) / "node_modules" / package / "bin/opencode"), "acp"]


def gemini() -> list[str]:
    """Return the command of Gemini CLI, installed where it is not."""
    node, _ = find_node()
    folder = _installed("@google/gemini-cli", GEMINI)
    return [
        str(node),
        str(folder / "node_modules/@google/gemini-cli/bundle/gemini.js"),
        "--acp",
        "-m",
        "gemini-2.5-pro",
    ]


def acpx() -> Path:
    """Return the folder of acpx's programs."""
    return _installed("acpx", ACPX) / "node_modules/acpx/dist"


def typescript(*, version: int = 1) -> Path:
    """Return the module of the official TypeScript package for a version of the protocol, without what is unstable."""
    folder = _installed("@agentclientprotocol/sdk", TYPESCRIPT) / "node_modules/@agentclientprotocol/sdk"
    return folder / f"dist/v{version}/stable/acp.js"


def claude_adapter() -> Path:
    """Return the program of the official adapter for Claude, which brings a claude of its own."""
    return _program("@agentclientprotocol/claude-agent-acp", CLAUDE_ADAPTER)


def codex_adapter() -> Path:
    """Return the program of the official adapter for Codex, which brings a codex of its own."""
    return _program("@agentclientprotocol/codex-acp", CODEX_ADAPTER)


def _program(package: str, version: str) -> Path:
    folder = _installed(package, version) / "node_modules" / package
    told = json.loads((folder / "package.json").read_text())["bin"]
    return folder / (told if isinstance(told, str) else next(iter(told.values())))


def python() -> Path:
    """Return an interpreter that has the official Python package, in an environment of its own."""
    folder = CACHE / PYTHON.replace("==", "-")
    if not (folder / "done").is_file():
        for command in (["venv", "--quiet", "--clear", str(folder)], ["pip", "install", "--quiet", PYTHON]):
            env = {**os.environ, "VIRTUAL_ENV": str(folder)}
            subprocess.run(["uv", *command], check=True, env=env, timeout=SECONDS)  # wherever it is
        (folder / "done").touch()
    return folder / "bin/python"


def _installed(package: str, version: str) -> Path:
    folder = CACHE / f"{package.replace('/', '-')}-{version}"
    if not (folder / "done").is_file():
        node, npm = find_node()
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "package.json").write_text(json.dumps({"private": True, "dependencies": {package: version}}))
        options = ["--ignore-scripts", "--no-audit", "--no-fund", "--no-package-lock", "--omit=dev", "--loglevel=error"]
        env = {**os.environ, "PATH": f"{node.parent}{os.pathsep}{os.environ.get('PATH', '')}"}
        subprocess.run([str(node), str(npm), "install", *options], cwd=folder, env=env, check=True, timeout=SECONDS)
        (folder / "done").touch()
    return folder


if __name__ == "__main__":
    for command in (opencode(), gemini()):
        sys.stdout.write(f"{' '.join(command)}\n")
    for path in (acpx(), typescript(), python()):
        sys.stdout.write(f"{path}\n")
