"""The pinned version of an agent, written into every place that names it; what has to be generated or read comes after.

`docs/upgrading.md` of the repository lists all steps. `tests/test_pins.py` finds a place that was left behind.
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]

_CARRIED: Final = {
    "codex": (
        ("pyproject.toml", r'"openai-codex==([\d.]+)"'),
        ("pyproject.toml", r'"openai-codex-cli-bin==([\d.]+)"'),
        ("packages/codex-sdk/pyproject.toml", r'"openai-codex-cli-bin==([\d.]+)"'),
    ),
    "claude": (
        ("pyproject.toml", r'"claude-agent-sdk==([\d.]+)"'),
        ("pyproject.toml", r'name = "claude-agent-sdk"\nversion = "([\d.]+)"'),
        ("packages/claude-sdk/pyproject.toml", r'"claude-agent-sdk==([\d.]+)"'),
        ("docs/getting-started.md", r"claude-agent-sdk==([\d.]+)"),
    ),
}
_TOLD: Final = {
    "codex": (
        ("packages/agent-sdk-testing/src/agent_sdk_testing/fakes/codex.py", r'version: str = "([\d.]+)"'),
        ("docs/codex.md", r"Written against codex ([\d.]+\d)"),
        ("docs/codex-wire.md", r"notifications of ([\d.]+\d)"),
        ("packages/codex-sdk/README.md", r"generated from codex ([\d.]+\d)"),
    ),
    "claude": (
        ("packages/agent-sdk-testing/src/agent_sdk_testing/fakes/claude.py", r'version: str \| None = "([\d.]+)"'),
        ("docs/claude.md", r"Written against claude ([\d.]+\d)"),
    ),
}
_TESTED: Final = {
    "codex": ("packages/codex-sdk/src/codex_sdk/process/executable.py", r"^TESTED_VERSION: Final = \(([\d, ]+)\)"),
    "claude": ("packages/claude-sdk/src/claude_sdk/process/executable.py", r"^TESTED_VERSION: Final = \(([\d, ]+)\)"),
}


def pin_places(agent: str) -> list[tuple[str, str]]:
    """Return the places of an agent's pinned version: files, and patterns whose group is the version in it."""
    return [*_CARRIED[agent], *_TOLD[agent], _TESTED[agent]]


def move_pin(root: Path, agent: str, version: str, carrier: str) -> list[str]:
    """Write the version of an agent, and that of its carrier on PyPI, everywhere; return the places, in words.

    Raises:
        LookupError: A place is not where it was; it is named, and nothing is written.
    """
    texts: dict[Path, str] = {}
    moved: list[str] = []
    numbers = ", ".join(version.split("."))
    wanted = [(place, carrier) for place in _CARRIED[agent]] + [(place, version) for place in _TOLD[agent]]
    for (name, pattern), value in [*wanted, (_TESTED[agent], numbers)]:
        path = root / name
        text = texts.get(path, "") or path.read_text(encoding="utf-8")
        found = list(re.finditer(pattern, text, re.MULTILINE))
        if not found:
            raise LookupError(f"{name} has nothing like {pattern}: is it written in another way now?")
        for match in reversed(found):
            moved.append(f"{name}: {match[1]} -> {value}")
            text = text[: match.start(1)] + value + text[match.end(1) :]
        texts[path] = text
    for path, text in texts.items():
        path.write_text(text, encoding="utf-8")
    return moved


def main(arguments: list[str] | None = None) -> int:
    """Move the pin; 0 when it stands everywhere."""
    parser = argparse.ArgumentParser(description="Write the pinned version of an agent into every place that names it.")
    parser.add_argument("agent", choices=sorted(_TESTED))
    parser.add_argument("version", help="the version that the agent tells")
    parser.add_argument("carrier", nargs="?", help="that of claude-agent-sdk, which carries claude; codex has its own")
    parsed = parser.parse_args(arguments)
    if (parsed.carrier is None) != (parsed.agent == "codex"):
        parser.error("claude needs the version of its carrier, as in `claude 2.1.332 0.2.189`; codex has none")
    for place in move_pin(ROOT, parsed.agent, parsed.version, parsed.carrier or parsed.version):
        print(place)
    return 0


if __name__ == "__main__":
    sys.exit(main())
