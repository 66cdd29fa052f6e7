from __future__ import annotations

import importlib.machinery
import json
from pathlib import Path
from typing import Any

import pytest

from agent_sdk_testing import clean_env, find_claude, write_claude_config


def read(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text())


def test_a_new_folder_is_past_its_first_start(tmp_path: Path) -> None:
    folder = write_claude_config(tmp_path / "config")
    assert read(folder / "settings.json") == {"skipWebFetchPreflight": True}
    state = read(folder / ".claude.json")
    assert state["hasCompletedOnboarding"] is True
    key = clean_env(claude_config_dir=folder, model="http://127.0.0.1:9")["ANTHROPIC_API_KEY"]
    assert key in state["customApiKeyResponses"]["approved"]


def test_what_is_given_goes_before_what_is_set_by_default(tmp_path: Path) -> None:
    allow = {"permissions": {"allow": ["Bash(ls:*)"]}, "skipWebFetchPreflight": False}
    write_claude_config(tmp_path, settings=allow, state={"hasCompletedOnboarding": False, "projects": {"/x": {}}})
    assert read(tmp_path / "settings.json") == allow
    state = read(tmp_path / ".claude.json")
    assert (state["hasCompletedOnboarding"], state["projects"]) == (False, {"/x": {}})


def make_binary(path: Path) -> Path:
    path.parent.mkdir(parents=True)
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return path


def test_an_explicit_path_goes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    binary = make_binary(tmp_path / "bin" / "claude")
    monkeypatch.setenv("AGENT_SDK_CLAUDE_PATH", str(binary))
    assert find_claude() == binary


def test_an_explicit_path_that_is_wrong_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AGENT_SDK_CLAUDE_PATH", str(tmp_path / "none"))
    with pytest.raises(FileNotFoundError, match="there is nothing"):
        find_claude()


def bundle(folder: Path | None, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = None
    if folder is not None:
        spec = importlib.machinery.ModuleSpec("claude_agent_sdk", None, is_package=True)
        spec.submodule_search_locations = [str(folder)]
    monkeypatch.delenv("AGENT_SDK_CLAUDE_PATH", raising=False)
    monkeypatch.setattr("agent_sdk_core.transport.process.executable.find_spec", {"claude_agent_sdk": spec}.get)


def test_the_places_are_searched_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bundled = make_binary(tmp_path / "package" / "_bundled" / "claude")
    on_path = make_binary(tmp_path / "path" / "claude")
    local = make_binary(tmp_path / ".local" / "bin" / "claude")
    monkeypatch.setenv("PATH", str(on_path.parent))
    monkeypatch.setenv("HOME", str(tmp_path))
    bundle(tmp_path / "package", monkeypatch)
    for expected in (bundled, on_path, local):
        assert find_claude() == expected
        expected.unlink()


def test_a_missing_binary_says_how_to_install_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    bundle(None, monkeypatch)
    with pytest.raises(FileNotFoundError, match=r"pip install 'agent-sdk\[claude\]'"):
        find_claude()
