"""The versions of the agents: the places that name one name the same, so that moving a pin leaves none behind."""

from __future__ import annotations

import importlib.util
import inspect
import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from agent_sdk_testing import FakeClaude, FakeCodex
from claude_sdk.process.executable import TESTED_VERSION as TESTED_CLAUDE
from claude_sdk.process.executable import tested_versions as claudes_in_words
from codex_sdk.drift import shipped_surface
from codex_sdk.process.executable import TESTED_VERSION as TESTED_CODEX
from codex_sdk.process.executable import tested_versions as codexes_in_words
from codex_sdk.protocol.methods import VERSION

ROOT = Path(__file__).parents[1]
CODEX, CLAUDE = (".".join(map(str, version)) for version in (TESTED_CODEX, TESTED_CLAUDE))
WORDS = {
    "codex": [
        ("docs/codex.md", r"Written against codex ([\d.]+\d)"),
        ("docs/codex-wire.md", r"notifications of ([\d.]+\d)"),
        ("packages/codex-sdk/README.md", r"generated from codex ([\d.]+\d)"),
    ],
    "claude": [("docs/claude.md", r"Written against claude ([\d.]+\d)")],
    "claude-agent-sdk": [("docs/getting-started.md", r"claude-agent-sdk==([\d.]+\d)")],
}


def read(path: str) -> dict[str, Any]:
    return tomllib.loads((ROOT / path).read_text(encoding="utf-8"))


def pins(distribution: str) -> dict[str, str]:
    """Return the versions that the projects of the workspace pin a distribution to, by where they do."""
    workspace = read("pyproject.toml")
    groups = {f"group {name}": entries for name, entries in workspace["dependency-groups"].items()}
    groups["constraints"] = workspace["tool"]["uv"]["constraint-dependencies"]
    for path in ROOT.glob("packages/*/pyproject.toml"):
        project = read(str(path.relative_to(ROOT)))["project"]
        extras = project.get("optional-dependencies", {})
        groups |= {f"{project['name']}[{name}]": entries for name, entries in extras.items()}
    found = {
        where: entry.removeprefix(f"{distribution}==")
        for where, entries in groups.items()
        for entry in entries
        if entry.startswith(f"{distribution}==")
    }
    for entry in workspace["tool"]["uv"]["dependency-metadata"]:
        if entry["name"] == distribution:
            found["dependency-metadata"] = entry["version"]
    return found


def default_version(fake: type[FakeCodex | FakeClaude]) -> object:
    return inspect.signature(fake).parameters["version"].default


def test_the_pinned_codex_is_the_one_that_the_protocol_and_the_fake_are_of() -> None:
    manifest = json.loads((ROOT / "schemas/codex/manifest.json").read_text())
    assert {
        **pins("openai-codex-cli-bin"),
        **{f"official package, {where}": version for where, version in pins("openai-codex").items()},
        "schemas": manifest["codex"],
        "protocol": VERSION,
        "surface": shipped_surface().version,
        "fake": default_version(FakeCodex),
    } == dict.fromkeys(
        [
            *(
                "constraints",
                "agent-sdk-codex[binary]",
                "official package, constraints",
                "official package, group bench",
            ),
            *("schemas", "protocol", "surface", "fake"),
        ],
        CODEX,
    )


def test_the_pinned_claude_is_the_one_that_is_tested_and_that_the_fake_is_of() -> None:
    spec = importlib.util.find_spec("claude_agent_sdk")
    assert spec is not None
    assert spec.origin is not None
    bundled = re.findall(r'"([\d.]+)"', (Path(spec.origin).parent / "_cli_version.py").read_text())
    assert (bundled, default_version(FakeClaude)) == ([CLAUDE], CLAUDE)
    pinned = pins("claude-agent-sdk")
    assert set(pinned) == {"constraints", "agent-sdk-claude[binary]", "dependency-metadata"}
    assert len(set(pinned.values())) == 1, pinned


@pytest.mark.parametrize(("agent", "path", "words"), [(agent, *place) for agent in WORDS for place in WORDS[agent]])
def test_the_documents_name_the_version_that_is_tested(agent: str, path: str, words: str) -> None:
    told = re.findall(words, (ROOT / path).read_text(encoding="utf-8"))
    carrier = pins("claude-agent-sdk")["constraints"]
    assert told == [{"codex": CODEX, "claude": CLAUDE, "claude-agent-sdk": carrier}[agent]]


def test_the_readme_tells_every_tested_version() -> None:
    told = re.findall(r"^\| (claude|codex) \| tested with (.*?); ", (ROOT / "README.md").read_text(), re.MULTILINE)
    assert dict(told) == {"claude": claudes_in_words(), "codex": codexes_in_words()}
