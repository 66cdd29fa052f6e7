from __future__ import annotations

import os
from pathlib import Path
from typing import get_args

import pytest

from agent_chat.cli import HELP_MODE
from agent_chat.settings import RunSettings, UsageError, open_backend, permission_mode, session_options, working_folder
from agent_sdk_core.permissions import Deny, Permission, PermissionMode, PermissionRequest


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


def test_inherit_sends_no_mode() -> None:
    assert "permission_mode" not in session_options(RunSettings(permission_mode="inherit"), refuse).model_fields_set


def test_every_mode_is_known_and_in_the_help() -> None:
    for mode in get_args(PermissionMode):
        assert permission_mode(mode) == mode
        assert mode in HELP_MODE


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
