from __future__ import annotations

import importlib.machinery
import tomllib
from pathlib import Path
from typing import Any

import pytest

from agent_sdk_testing import ScriptedModel, find_codex, write_codex_home


def read_config(home: Path) -> dict[str, Any]:
    return tomllib.loads((home / "config.toml").read_text())


def test_the_configuration_points_at_the_model(model: ScriptedModel, tmp_path: Path) -> None:
    config = read_config(write_codex_home(tmp_path / "home", model))
    assert (config["model"], config["model_provider"]) == ("gpt-5.5", "scripted")
    provider = config["model_providers"]["scripted"]
    assert (provider["base_url"], provider["wire_api"]) == (f"{model.url}/v1", "responses")
    assert (provider["request_max_retries"], provider["stream_max_retries"]) == (0, 0)


def test_what_is_given_goes_before_what_is_set_by_default(tmp_path: Path) -> None:
    home = write_codex_home(
        tmp_path,
        "http://127.0.0.1:9",
        slug="gpt-6.1-sol",
        features={"goals": False, "unbounded_connection_retries": True},
        provider={"stream_max_retries": 2},
        analytics={"enabled": True},
        show_raw_agent_reasoning=True,
    )
    config = read_config(home)
    assert config["model"] == "gpt-6.1-sol"
    assert config["features"]["goals"] is False
    assert config["features"]["unbounded_connection_retries"] is True
    assert config["model_providers"]["scripted"]["stream_max_retries"] == 2
    assert config["analytics"] == {"enabled": True}
    assert config["show_raw_agent_reasoning"] is True


def make_binary(path: Path) -> Path:
    path.parent.mkdir(parents=True)
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return path


def test_an_explicit_path_goes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    binary = make_binary(tmp_path / "bin" / "codex")
    monkeypatch.setenv("AGENT_SDK_CODEX_PATH", str(binary))
    assert find_codex() == binary


def test_an_explicit_path_that_is_wrong_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AGENT_SDK_CODEX_PATH", str(tmp_path / "none"))
    with pytest.raises(FileNotFoundError, match="there is nothing"):
        find_codex()


def bundle(folder: Path | None, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = None
    if folder is not None:
        spec = importlib.machinery.ModuleSpec("codex_cli_bin", None, is_package=True)
        spec.submodule_search_locations = [str(folder)]
    monkeypatch.delenv("AGENT_SDK_CODEX_PATH", raising=False)
    monkeypatch.setattr("agent_sdk_core.transport.process.executable.find_spec", {"codex_cli_bin": spec}.get)


def test_the_bundled_binary_goes_before_the_one_on_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bundled = make_binary(tmp_path / "package" / "bin" / "codex")
    on_path = make_binary(tmp_path / "path" / "codex")
    monkeypatch.setenv("PATH", str(on_path.parent))
    bundle(tmp_path / "package", monkeypatch)
    assert find_codex() == bundled
    bundled.unlink()
    assert find_codex() == on_path


def test_a_missing_binary_says_how_to_install_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    bundle(None, monkeypatch)
    with pytest.raises(FileNotFoundError, match=r"pip install 'agent-sdk\[codex\]'"):
        find_codex()
