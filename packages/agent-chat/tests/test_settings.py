from __future__ import annotations

import os
from pathlib import Path
from typing import get_args

import pytest

from agent_chat.cli.main import HELP_MODE
from agent_chat.settings import (
    RunSettings,
    UsageError,
    load_config,
    open_backend,
    permission_mode,
    session_options,
    working_folder,
)
from agent_sdk_core.asking.permissions import Deny, Permission, PermissionMode, PermissionRequest
from agent_sdk_core.config.runtime import RuntimeConfig


async def refuse(request: PermissionRequest) -> Permission:
    return Deny()


def test_only_what_was_said_becomes_an_option(tmp_path: Path) -> None:
    options = session_options(RunSettings(cwd=str(tmp_path)), refuse)
    assert options.model_fields_set == {"cwd", "can_use_tool", "permission_mode"}
    assert (options.cwd, options.permission_mode, options.can_use_tool) == (str(tmp_path), "default", refuse)


def test_everything_that_was_said_becomes_an_option(tmp_path: Path) -> None:
    said = RunSettings("codex", "m", str(tmp_path), "accept-edits", "id-1")
    options = session_options(said, refuse)
    assert (options.model, options.permission_mode, options.resume) == ("m", "accept_edits", "id-1")


def test_tools_are_those_of_the_command_line_and_the_configured_ones() -> None:
    config = RuntimeConfig(tools=("shell",))
    for named in ((), ("shell",)):
        options = session_options(RunSettings("codex", tools=named), refuse, config=config)
        assert [registry.names for registry in options.registries] == [("mcp__tools__shell",)]
    assert session_options(RunSettings("codex", tools=("shell",)), refuse).registries
    with pytest.raises(UsageError, match="No tool is installed as 'shel'; 'shell' is"):
        session_options(RunSettings("codex", tools=("shel",)), refuse)


def test_inherit_sends_no_mode() -> None:
    assert "permission_mode" not in session_options(RunSettings(permission_mode="inherit"), refuse).model_fields_set


def test_every_mode_is_known_and_in_the_help() -> None:
    for mode in get_args(PermissionMode):
        assert permission_mode(mode) == mode
        assert mode in HELP_MODE
    assert permission_mode("acceptEdits") == "accept_edits"
    with pytest.raises(UsageError, match="an approval policy of Codex and no permission mode"):
        permission_mode("on-request")


def test_an_unknown_mode_is_refused_with_the_known_ones() -> None:
    with pytest.raises(UsageError, match=r"no permission mode 'yolo'; choose one of default, .*, inherit"):
        permission_mode("yolo")


def test_the_folder_is_the_current_one_unless_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert working_folder(None) == str(tmp_path)


@pytest.mark.parametrize(
    ("path", "why"), [("missing", "is not a folder"), ("file", "is not a folder"), ("\0", "cannot be found")]
)
def test_what_is_no_folder_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str, why: str) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match=why):
        working_folder(path)


def test_a_folder_that_cannot_be_read_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_access(path: str, mode: int) -> bool:
        return False

    monkeypatch.setattr(os, "access", no_access)
    with pytest.raises(UsageError, match="cannot be read; check its permissions"):
        working_folder(str(tmp_path))


def test_a_backend_is_made_by_name_and_an_unknown_one_refused() -> None:
    assert open_backend("codex", executable="/nowhere/codex").type == "codex"
    with pytest.raises(UsageError, match="No backend is called 'nope'"):
        open_backend("nope")


@pytest.fixture
def config_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("AGENT_SDK_CONFIG", str(tmp_path / "config.toml"))
    return tmp_path / "config.toml"


def test_the_command_line_beats_the_configuration(config_file: Path, tmp_path: Path) -> None:
    config_file.write_text('model = "m"\npermission_mode = "plan"\nbackend = "claude"', encoding="utf-8")
    config = load_config(RunSettings("codex", "", str(tmp_path), "Auto".lower()))
    assert (config.backend, config.model, config.permission_mode) == ("codex", "m", "auto")
    config = load_config(RunSettings("", cwd=str(tmp_path)))
    assert (config.backend, config.permission_mode) == ("claude", "plan")


@pytest.mark.parametrize(
    ("configured", "said", "expected"),
    [
        ("plan", None, "plan"),
        ("plan", "accept-edits", "accept_edits"),
        ("plan", "inherit", None),
        (None, None, "default"),
        (None, "inherit", None),
        (None, "auto", "auto"),
    ],
)
def test_the_mode_is_the_said_one_else_the_configured_one_else_asking(
    config_file: Path, tmp_path: Path, configured: str | None, said: str | None, expected: str | None
) -> None:
    config_file.write_text(f'permission_mode = "{configured}"' if configured else "", encoding="utf-8")
    settings = RunSettings("codex", cwd=str(tmp_path), permission_mode=said)
    options = session_options(settings, refuse, config=load_config(settings))
    assert options.permission_mode == expected
    assert ("permission_mode" in options.model_fields_set) is (expected is not None)


def test_a_wrong_configuration_is_a_usage_error(config_file: Path, tmp_path: Path) -> None:
    config_file.write_text("model = 3", encoding="utf-8")
    with pytest.raises(UsageError, match=r"config\.toml, line 1: model must be text"):
        load_config(RunSettings(cwd=str(tmp_path)))
    config_file.write_text('backend = "nope"', encoding="utf-8")
    settings = RunSettings(cwd=str(tmp_path))
    with pytest.raises(UsageError, match=r"'nope' \(from .*config\.toml:1\)"):
        session_options(settings, refuse, config=load_config(settings))


def test_without_a_configuration_nothing_is_read(config_file: Path) -> None:
    config_file.write_text("nonsense", encoding="utf-8")
    assert open_backend("codex", executable="/nowhere/codex").type == "codex"
    assert session_options(RunSettings("codex"), refuse).model is None
    assert open_backend(None, RuntimeConfig(backend="codex-cli")).type == "codex"
