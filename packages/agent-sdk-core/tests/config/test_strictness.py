from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest

from agent_sdk_core.asking.permissions import PermissionMode
from agent_sdk_core.config.strictness import MODE_RANKS, SANDBOX_RANKS, Key, is_trusted, objection
from agent_sdk_core.options import SandboxPolicy

MODE: Key = ("permission_mode",)
SANDBOX: Key = ("sandbox",)


def allowed(key: Key, value: object, below: object = None, *, trusted: bool = False) -> bool:
    return objection(key, value, {} if below is None else {key: below}, trusted=trusted) is None


def test_every_mode_and_every_sandbox_has_its_rank() -> None:
    assert set(MODE_RANKS) == set(get_args(PermissionMode))
    assert set(SANDBOX_RANKS) == set(get_args(SandboxPolicy.model_fields["mode"].annotation))


@pytest.mark.parametrize(
    ("yours", "allowed_modes"),
    [
        ("bypass", "bypass auto accept_edits default plan dont_ask"),
        ("auto", "auto accept_edits default plan dont_ask"),
        ("accept_edits", "accept_edits default plan dont_ask"),
        ("default", "default plan dont_ask"),
        (None, "default plan dont_ask"),
        ("plan", "plan"),
        ("dont_ask", "dont_ask"),
    ],
)
def test_a_mode_may_be_the_same_or_stricter(yours: str | None, allowed_modes: str) -> None:
    assert {mode for mode in MODE_RANKS if allowed(MODE, mode, yours)} == set(allowed_modes.split())


def test_the_objection_to_a_mode_names_both() -> None:
    said = objection(MODE, "bypass", {MODE: "plan"}, trusted=False)
    assert said == "'bypass' is not stricter than yours, 'plan'"
    assert (
        objection(MODE, "auto", {}, trusted=False) == "'auto' is not stricter than what applies without it, 'default'"
    )


def sandbox(mode: str, network: bool | None = None, *roots: str) -> SandboxPolicy:
    return SandboxPolicy.model_validate({"mode": mode, "network": network, "writable_roots": roots})


@pytest.mark.parametrize(
    ("yours", "theirs", "is_allowed"),
    [
        (None, sandbox("read-only"), True),
        (None, sandbox("read-only", False), True),
        (None, sandbox("read-only", True), False),
        (None, sandbox("workspace-write"), False),
        (None, sandbox("read-only", None, "/x"), False),
        (sandbox("danger-full-access"), sandbox("workspace-write"), True),
        (sandbox("workspace-write"), sandbox("danger-full-access"), False),
        (sandbox("workspace-write"), sandbox("workspace-write", True), False),
        (sandbox("workspace-write", True), sandbox("workspace-write", True), True),
        (sandbox("workspace-write", True), sandbox("workspace-write"), True),
        (sandbox("workspace-write", False), sandbox("workspace-write"), False),
        (sandbox("workspace-write", False), sandbox("read-only", True), False),
        (sandbox("workspace-write", False), sandbox("read-only", False), True),
        (sandbox("workspace-write", False, "/x", "/y"), sandbox("workspace-write", False, "/y"), True),
        (sandbox("workspace-write", False, "/x"), sandbox("workspace-write", False, "/x", "/z"), False),
    ],
)
def test_a_sandbox_may_be_the_same_or_stricter_in_every_respect(
    yours: SandboxPolicy | None, theirs: SandboxPolicy, is_allowed: bool
) -> None:
    assert allowed(SANDBOX, theirs, yours) is is_allowed


@pytest.mark.parametrize(
    "key",
    [
        ("backend",),
        ("model",),
        ("reasoning_effort",),
        ("backends", "a", "model"),
        ("backends", "a", "reasoning_effort"),
    ],
)
def test_agent_model_and_effort_are_free_to_choose(key: Key) -> None:
    assert allowed(key, "x")


@pytest.mark.parametrize(
    "key", [("request_timeout",), ("backends", "a", "executable"), ("backends", "a", "env", "PATH"), ("of_later",)]
)
def test_everything_else_needs_a_trusted_folder(key: Key) -> None:
    assert not allowed(key, "x")
    assert allowed(key, "x", trusted=True)


def test_a_trusted_folder_may_loosen_but_not_trust_others() -> None:
    assert allowed(MODE, "bypass", "plan", trusted=True)
    assert allowed(SANDBOX, sandbox("danger-full-access"), sandbox("read-only"), trusted=True)
    assert not allowed(("trusted_folders",), (), trusted=True)


def test_a_folder_is_trusted_by_itself_not_by_its_neighbours(tmp_path: Path) -> None:
    for name in ("mine", "mine-not", "mine/inner"):
        (tmp_path / name).mkdir()
    mine = [tmp_path / "mine"]
    assert is_trusted(tmp_path / "mine", mine)
    for other in (tmp_path, tmp_path / "mine-not", tmp_path / "mine" / "inner", tmp_path / "missing"):
        assert not is_trusted(other, mine)
    assert not is_trusted(tmp_path / "mine", [])
    assert not is_trusted(tmp_path / "mine", [tmp_path / "missing", Path("\0")])


def test_links_to_a_folder_are_the_folder(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "theirs").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "mine")
    assert is_trusted((tmp_path / "mine").resolve(), [tmp_path / "link"])
    assert not is_trusted(tmp_path / "theirs", [tmp_path / "link"])


def test_a_workspace_may_refuse_more_and_allow_nothing() -> None:
    for trusted in (True, False):
        assert allowed(("policy", "deny"), ("Bash",), trusted=trusted)
        assert allowed(("policy", "ask"), ("Bash",), trusted=trusted)
        assert allowed(("policy", "limits", "turns"), 3, trusted=trusted)
        assert not allowed(("policy", "allow"), ("Bash",), trusted=trusted)
        assert not allowed(("policy", "scope"), "asked_only", trusted=trusted)
        assert not allowed(("tools",), ("shell",), trusted=trusted)
