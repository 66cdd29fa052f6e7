"""The name of the configured backend, read by itself."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from agent_sdk_core.config.naming import named_backend
from agent_sdk_core.config.runtime import RuntimeConfig
from agent_sdk_core.errors import InvalidRequestError


@pytest.fixture
def user_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    file = tmp_path / "config.toml"
    file.write_text("")
    workspace = tmp_path / "workspace"
    workspace.mkdir()
    monkeypatch.chdir(workspace)
    monkeypatch.setenv("AGENT_SDK_CONFIG", str(file))
    monkeypatch.delenv("AGENT_SDK_BACKEND", raising=False)
    return file


def test_each_layer_beats_those_below_as_in_the_whole_configuration(
    user_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert named_backend() is RuntimeConfig.load().backend is None
    user_file.write_text('backend = "codex"\n')
    assert named_backend() == RuntimeConfig.load().backend == "codex"
    Path(".agent-sdk.toml").write_text('backend = "claude"\n')
    assert named_backend() == RuntimeConfig.load().backend == "claude"
    monkeypatch.setenv("AGENT_SDK_BACKEND", "codex")
    assert named_backend() == RuntimeConfig.load().backend == "codex"


def test_other_settings_may_be_wrong_and_a_file_that_cannot_be_read_is_told(user_file: Path) -> None:
    user_file.write_text('nonsense = 1\nbackend = "codex"\n')
    assert named_backend() == "codex"
    user_file.write_text("backend = 7\n")
    assert named_backend() is None
    user_file.write_text("backend = ")
    with pytest.raises(InvalidRequestError, match="not valid TOML"):
        named_backend()


def test_nothing_else_is_loaded_for_it(user_file: Path) -> None:
    user_file.write_text('backend = "codex"\n')
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            (
                "import sys\nfrom agent_sdk_core.config.naming import named_backend\nprint(named_backend())\n"
                "print(*sorted(set(sys.modules) & {'pydantic', 'pydantic_settings', 'anyio.abc', 'dotenv'}))"
            ),
        ],
        env=dict(os.environ),
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert done.stdout == "codex\n\n"
