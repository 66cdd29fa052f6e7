"""Releases of the agents: which are found and tried, and how a pin is moved. No registry is asked."""

from __future__ import annotations

import importlib
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(autouse=True)
def scripts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [str(ROOT / "scripts"), *sys.path])


@pytest.fixture
def releases() -> Any:
    return importlib.import_module("agent_releases")


@pytest.fixture
def trying() -> Any:
    return importlib.import_module("try_releases")


@pytest.fixture
def moving() -> Any:
    return importlib.import_module("move_pin")


def executable(path: Path, version: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\necho 'agent {version}'\n")
    path.chmod(0o755)
    return path


class Registries:
    """Stands in for the clients of the registries: what was asked of them, and what they have."""

    def __init__(self, releases: Any, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
        self.asked: list[str] = []
        self.pypi = {"openai-codex-cli-bin": "1.0.0", "claude-agent-sdk": "2.0.0"}
        self.npm = {"@openai/codex": "1.5.0", "@anthropic-ai/claude-code": "2.0.0"}
        monkeypatch.setattr(releases, "CACHE", folder)
        monkeypatch.setattr(releases, "_install", self._install)
        monkeypatch.setattr(releases, "_unpack", self._unpack)
        monkeypatch.setattr(releases, "_npm", self._view)
        self._releases = releases

    def _install(self, folder: Path, requirement: str) -> None:
        self.asked.append(requirement)
        name, _, version = requirement.partition("==")
        if version and version != self.pypi[name]:
            raise self._releases.RegistryError(f"no {requirement}")
        agent = next(agent for agent in self._releases.AGENTS.values() if agent.distribution == name)
        executable(folder / agent.inside, self.pypi[name])

    def _unpack(self, folder: Path, package: str) -> None:
        self.asked.append(package)
        agent = next(agent for agent in self._releases.AGENTS.values() if agent.name in package)
        version = self.npm[agent.package]
        if version not in package:
            raise self._releases.RegistryError(f"no {package}")
        executable(folder / agent.unpacked.replace("*", "some-machine"), version)

    def _view(self, *arguments: str) -> str:
        return f'"{self.npm[arguments[-2]]}"'


@pytest.fixture
def registries(releases: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Registries:
    return Registries(releases, monkeypatch, tmp_path)


def test_the_newest_of_each_registry_is_found_and_kept(releases: Any, registries: Registries) -> None:
    found = releases.named("codex")
    assert [(str(each), each.executable.is_file()) for each in found] == [
        ("codex 1.0.0 (newest on PyPI, openai-codex-cli-bin)", True),
        ("codex 1.5.0 (npm 1.5.0)", True),
    ]
    asked = len(registries.asked)
    assert str(releases.named("codex==1.5.0")[0]) == "codex 1.5.0 (npm 1.5.0)"
    assert len(registries.asked) == asked


def test_a_named_version_comes_from_the_registry_that_has_it(releases: Any, registries: Registries) -> None:
    assert releases.named("codex==1.0.0")[0].origin == "PyPI 1.0.0"
    assert registries.asked == [f"@openai/codex@1.0.0-{releases._machine()}", "openai-codex-cli-bin==1.0.0"]
    with pytest.raises(releases.RegistryError, match=r"(?s)no @anthropic.*no claude-agent-sdk==7"):
        releases.named("claude==7")
    with pytest.raises(releases.RegistryError, match="names no release: write codex or claude"):
        releases.named("gemini")


def test_the_pinned_release_is_the_installed_one(releases: Any) -> None:
    for agent in releases.AGENTS.values():
        pinned = releases.installed(agent)
        assert pinned.version == releases.tested_versions(agent)[0]
        assert releases.named(f"{agent.name}=={pinned.version}") == [pinned]


def test_the_npm_of_the_development_tools_runs(releases: Any) -> None:
    assert releases._npm("--version").strip()[0].isdigit()


def test_a_client_that_fails_or_is_missing_is_said(releases: Any, tmp_path: Path) -> None:
    with pytest.raises(releases.RegistryError, match="x could not be had: no such"):
        releases._run(["sh", "-c", "echo no such >&2; exit 1"], "x")
    with pytest.raises(releases.RegistryError, match=r"cannot be run \(No such file"):
        releases._run([str(tmp_path / "nothing")], "x")


def test_what_is_no_executable_is_said(releases: Any, registries: Registries, tmp_path: Path) -> None:
    agent = releases.AGENTS["codex"]
    with pytest.raises(releases.RegistryError, match="has no executable at"):
        releases._release(agent, "npm", tmp_path / "nothing")
    with pytest.raises(releases.RegistryError, match="tells no version"):
        releases._release(agent, "npm", executable(tmp_path / "odd", "of a kind"))


def test_each_version_is_tried_once_and_all_are_tried(
    trying: Any, registries: Registries, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    tried: list[str] = []

    def held(release: Any, arguments: list[str]) -> bool:
        assert arguments == ["-k", "text"]
        tried.append(str(release))
        return release.version != "1.0.0"

    monkeypatch.setattr(trying, "try_release", held)
    assert trying.main(["claude", "codex", "claude==9.9.9", "--", "-k", "text"]) == 1
    assert tried == [
        "claude 2.0.0 (newest on PyPI, claude-agent-sdk)",
        "codex 1.0.0 (newest on PyPI, openai-codex-cli-bin)",
        "codex 1.5.0 (npm 1.5.0)",
    ]
    shown = capsys.readouterr().out
    assert "[2/3] codex 1.0.0" in shown
    assert "known already, newest on PyPI" in shown
    table = shown.splitlines()[-4:]
    assert [line.split()[-3:-1][0] if "minutes" in line else line for line in table][:3] == ["held", "FAILED", "held"]
    assert table[3].split("  ")[0] == "claude==9.9.9"
    assert table[3].endswith("could not be had")


def test_without_words_the_pinned_the_newest_and_the_tested_are_tried(trying: Any, releases: Any) -> None:
    told = [what for what, _ in trying.sources([])]
    for agent in releases.AGENTS.values():
        assert {f"the pinned {agent.name}", *(f"the newest {agent.name} on {each}" for each in ("PyPI", "npm"))} <= set(
            told
        )
        assert {f"{agent.name}=={version}" for version in releases.tested_versions(agent)[1:]} <= set(told)


@pytest.fixture
def tree(moving: Any, tmp_path: Path) -> Path:
    for name in {place[0] for agent in ("claude", "codex") for place in moving.pin_places(agent)}:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


@pytest.mark.parametrize(("agent", "carrier"), [("codex", None), ("claude", "8.8.8")])
def test_a_pin_is_moved_everywhere(
    moving: Any, tree: Path, agent: str, carrier: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(moving, "ROOT", tree)
    assert moving.main([agent, "9.9.9", *([carrier] if carrier else [])]) == 0
    moved = moving.move_pin(tree, agent, "9.9.9", carrier or "9.9.9")
    assert len(moved) >= len(moving.pin_places(agent))
    for place in moved:
        before, _, after = place.rpartition(": ")[2].partition(" -> ")
        assert before == after, place


def test_a_place_that_is_gone_is_named_and_nothing_is_written(moving: Any, tree: Path) -> None:
    (tree / "docs/claude.md").write_text("Nothing.")
    before = {path: path.read_text() for path in tree.rglob("*") if path.is_file()}
    with pytest.raises(LookupError, match=r"docs/claude\.md has nothing like"):
        moving.move_pin(tree, "claude", "9.9.9", "8.8.8")
    assert {path: path.read_text() for path in before} == before


@pytest.mark.parametrize("arguments", [["claude", "9.9.9"], ["codex", "9.9.9", "8.8.8"]])
def test_only_claude_has_a_carrier(moving: Any, arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        moving.main(arguments)
    assert "claude needs the version of its carrier" in capsys.readouterr().err
