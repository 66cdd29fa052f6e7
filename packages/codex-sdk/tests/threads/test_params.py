from __future__ import annotations

import base64
import os
from pathlib import Path
from typing import Any

import pytest

from agent_sdk_core import (
    AudioInput,
    DocumentInput,
    ImageInput,
    InvalidRequestError,
    MentionInput,
    PermissionMode,
    SandboxPolicy,
    SessionOptions,
    SkillInput,
    TextInput,
    UnsupportedOptionError,
)
from agent_sdk_core.prompts import PromptBlock, replay_content
from codex_sdk import protocol
from codex_sdk.modes import UNSUPPORTED_OPTIONS, configured_sandbox, mode_params, sandbox_policy
from codex_sdk.prompt_content import user_input
from codex_sdk.threads.params import thread_params

MODES: list[PermissionMode] = ["default", "accept_edits", "plan", "auto", "dont_ask", "bypass"]


def params_of(workspace: Path, **options: Any) -> dict[str, Any]:
    """Return what the options add to `cwd`, after the protocol's own model has taken them."""
    params = thread_params(SessionOptions(cwd=workspace, **options))
    model = protocol.ThreadStartParams.model_validate(params)
    known = type(model).model_fields
    assert set(params) <= {*known, *(field.alias for field in known.values())}
    assert params.pop("cwd") == str(workspace)
    return params


def test_absent_options_are_left_out(workspace: Path) -> None:
    assert params_of(workspace) == {}


def test_without_a_folder_codex_works_in_the_current_one(monkeypatch: pytest.MonkeyPatch, workspace: Path) -> None:
    monkeypatch.chdir(workspace)
    assert thread_params(SessionOptions()) == {"cwd": str(workspace)}


@pytest.mark.parametrize(
    ("options", "params"),
    [
        ({"model": "m"}, {"model": "m"}),
        ({"reasoning_effort": "high"}, {"config": {"model_reasoning_effort": "high"}}),
        ({"system_prompt": "Be brief."}, {"baseInstructions": "Be brief."}),
        ({"append_system_prompt": "Be kind."}, {"developerInstructions": "Be kind."}),
        ({"env": {"A": "1"}}, {"config": {"shell_environment_policy": {"set": {"A": "1"}}}}),
        ({"inherit_env": True}, {"config": {"shell_environment_policy": {"inherit": "all"}}}),
        ({"inherit_env": False}, {"config": {"shell_environment_policy": {"inherit": "none"}}}),
        (
            {"inherit_env": ("PATH",), "env": {"A": "1"}},
            {
                "config": {
                    "shell_environment_policy": {"set": {"A": "1"}, "inherit": "all", "include_only": ["PATH", "A"]}
                }
            },
        ),
        (
            {"mcp_servers": {"files": {"command": "mcp", "args": ["x"]}}},
            {"config": {"mcp_servers": {"files": {"command": "mcp", "args": ["x"]}}}},
        ),
        ({"sandbox": SandboxPolicy(mode="workspace-write")}, {"sandbox": "workspace-write"}),
        (
            {"sandbox": SandboxPolicy(mode="workspace-write", network=True)},
            {"sandbox": "workspace-write", "config": {"sandbox_workspace_write": {"network_access": True}}},
        ),
        (
            {"sandbox": SandboxPolicy(mode="danger-full-access", network=True)},
            {"sandbox": "danger-full-access", "config": {"sandbox_workspace_write": {"network_access": True}}},
        ),
        (
            {"sandbox": SandboxPolicy(mode="read-only", network=False)},
            {"sandbox": "read-only", "config": {"sandbox_workspace_write": {"network_access": False}}},
        ),
        (
            {"permission_mode": "bypass", "sandbox": SandboxPolicy(mode="read-only")},
            {"approvalPolicy": "never", "sandbox": "read-only"},
        ),
        ({"native": {"ephemeral": True, "model": "n"}, "model": "m"}, {"ephemeral": True, "model": "n"}),
        (
            {"native": {"config": {"features": {"x": True}}}, "reasoning_effort": "low"},
            {"config": {"model_reasoning_effort": "low", "features": {"x": True}}},
        ),
        ({"native": {"config": {"a": 1}}}, {"config": {"a": 1}}),
        ({"native": {"config": None}}, {"config": None}),
        ({"output_schema": {"type": "object"}}, {}),
        ({"include_partial_messages": False}, {}),
        ({"request_timeout": 3}, {}),
    ],
)
def test_an_option_has_its_place_on_the_wire(workspace: Path, options: dict[str, Any], params: dict[str, Any]) -> None:
    assert params_of(workspace, **options) == params


@pytest.mark.parametrize(
    ("mode", "params"),
    [
        ("default", {"approvalPolicy": "on-request", "sandbox": "read-only"}),
        ("accept_edits", {"approvalPolicy": "on-request", "sandbox": "workspace-write"}),
        ("plan", {"approvalPolicy": "on-request", "sandbox": "read-only"}),
        ("auto", {"approvalPolicy": "on-request", "approvalsReviewer": "auto_review"}),
        ("dont_ask", {"approvalPolicy": "never", "sandbox": "read-only"}),
        ("bypass", {"approvalPolicy": "never", "sandbox": "danger-full-access"}),
    ],
)
def test_a_permission_mode_is_policy_sandbox_and_reviewer(
    workspace: Path, mode: PermissionMode, params: dict[str, Any]
) -> None:
    assert params_of(workspace, permission_mode=mode) == params


def test_further_folders_are_absolute_writable_roots(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("one", "two"):
        (workspace / name).mkdir()
    monkeypatch.chdir(workspace)
    sandbox = SandboxPolicy(mode="workspace-write", writable_roots=("two",))
    params = params_of(workspace, add_dirs=("one",), sandbox=sandbox)
    roots = [str(workspace / "one"), str(workspace / "two")]
    assert params["config"] == {"sandbox_workspace_write": {"writable_roots": roots}}


@pytest.mark.parametrize("option", UNSUPPORTED_OPTIONS)
def test_an_option_that_codex_cannot_honour_is_named(workspace: Path, option: str) -> None:
    values: dict[str, Any] = {
        "session_id": "mine",
        "allowed_tools": ("Bash",),
        "disallowed_tools": ("Bash",),
        "setting_sources": ("project",),
        "max_turns": 3,
        "max_budget_usd": 0.5,
        "builtin_tools": (),
        "plugins": (".",),
        "fallback_model": "m",
        "betas": ("b",),
        "max_thinking_tokens": 0,
    }
    with pytest.raises(UnsupportedOptionError, match=f"codex .*{option}"):
        thread_params(SessionOptions(cwd=workspace, **{option: values[option]}))


@pytest.mark.parametrize(("mode", "network"), [("danger-full-access", False), ("read-only", True)])
def test_a_network_switch_without_effect_is_refused(workspace: Path, mode: Any, network: bool) -> None:
    with pytest.raises(UnsupportedOptionError, match=f"sandbox mode {mode}"):
        thread_params(SessionOptions(cwd=workspace, sandbox=SandboxPolicy(mode=mode, network=network)))


def test_a_folder_that_does_not_exist_is_named(workspace: Path) -> None:
    with pytest.raises(InvalidRequestError, match=r"cwd: .*missing does not exist\. Name an existing folder"):
        thread_params(SessionOptions(cwd=workspace / "missing"))
    with pytest.raises(InvalidRequestError, match="add_dirs"):
        thread_params(SessionOptions(cwd=workspace, add_dirs=(workspace / "missing",)))
    sandbox = SandboxPolicy(mode="workspace-write", writable_roots=(workspace / "missing",))
    with pytest.raises(InvalidRequestError, match=r"sandbox\.writable_roots"):
        thread_params(SessionOptions(cwd=workspace, sandbox=sandbox))


def test_a_file_is_no_folder(workspace: Path) -> None:
    (workspace / "file").touch()
    with pytest.raises(InvalidRequestError, match="is not a folder"):
        thread_params(SessionOptions(cwd=workspace / "file"))


def test_a_folder_that_cannot_be_read_is_refused(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # type: ignore[misc]  # root may read everything
    with pytest.raises(InvalidRequestError, match="cannot be read"):
        thread_params(SessionOptions(cwd=workspace))


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("model", ["m", None])
def test_a_mode_is_changed_by_the_next_turn(mode: PermissionMode, model: str | None) -> None:
    params = mode_params(mode, model=model, effort="high", roots=["/extra"])
    protocol.TurnStartParams.model_validate({"threadId": "t", "input": [], **params})
    assert params["approvalsReviewer"] == ("auto_review" if mode == "auto" else "user")
    assert ("sandboxPolicy" in params) is (mode != "auto")
    if model is None:
        assert "collaborationMode" not in params
    else:
        assert params["collaborationMode"]["mode"] == ("plan" if mode == "plan" else "default")
        assert params["collaborationMode"]["settings"]["reasoning_effort"] == "high"


@pytest.mark.parametrize(
    ("mode", "kind"),
    [("read-only", "readOnly"), ("workspace-write", "workspaceWrite"), ("danger-full-access", "dangerFullAccess")],
)
def test_a_sandbox_mode_is_a_policy(mode: str, kind: str) -> None:
    policy = sandbox_policy(mode, ["/extra"])
    protocol.TurnStartParams.model_validate({"threadId": "t", "input": [], "sandboxPolicy": policy})
    assert policy["type"] == kind
    assert policy.get("writableRoots", ["/extra"]) == ["/extra"]


@pytest.mark.parametrize(
    ("config", "policy"),
    [
        ({}, {"type": "readOnly", "networkAccess": False}),
        ({"sandbox_mode": None, "sandbox_workspace_write": None}, {"type": "readOnly", "networkAccess": False}),
        (
            {"sandbox_mode": "read-only", "sandbox_workspace_write": {"network_access": True}},
            {"type": "readOnly", "networkAccess": False},
        ),
        ({"sandbox_mode": "danger-full-access"}, {"type": "dangerFullAccess"}),
        (
            {"sandbox_mode": "workspace-write"},
            {
                "type": "workspaceWrite",
                "writableRoots": [],
                "networkAccess": False,
                "excludeTmpdirEnvVar": False,
                "excludeSlashTmp": False,
            },
        ),
        (
            {
                "sandbox_mode": "workspace-write",
                "sandbox_workspace_write": {
                    "writable_roots": ["/extra"],
                    "network_access": True,
                    "exclude_tmpdir_env_var": True,
                    "exclude_slash_tmp": True,
                },
            },
            {
                "type": "workspaceWrite",
                "writableRoots": ["/extra"],
                "networkAccess": True,
                "excludeTmpdirEnvVar": True,
                "excludeSlashTmp": True,
            },
        ),
    ],
)
def test_a_configured_sandbox_is_a_policy_with_all_its_switches(config: dict[str, Any], policy: dict[str, Any]) -> None:
    assert configured_sandbox(config) == policy
    protocol.TurnStartParams.model_validate({"threadId": "t", "input": [], "sandboxPolicy": policy})


PNG = b"\x89PNG\r\n\x1a\n"
PNG_TEXT = base64.b64encode(PNG).decode()


@pytest.fixture
def blocks(workspace: Path) -> list[PromptBlock]:
    for name in ("image.png", "sound.wav"):
        (workspace / name).write_bytes(PNG)
    return [
        TextInput("look"),
        ImageInput(url=f"data:image/png;base64,{PNG_TEXT}"),
        ImageInput(data=PNG, media_type="image/png"),
        ImageInput(path=workspace / "image.png"),
        AudioInput(url="data:audio/wav;base64,AA=="),
        AudioInput(path=workspace / "sound.wav"),
        SkillInput("review", "/skills/review/SKILL.md"),
        MentionInput("notes", "/project/notes.md"),
    ]


def test_each_block_has_its_shape_on_the_wire(workspace: Path, blocks: list[PromptBlock]) -> None:
    sent = user_input(blocks)
    protocol.TurnStartParams.model_validate({"threadId": "t", "input": sent})
    assert sent == [
        {"type": "text", "text": "look", "text_elements": []},
        {"type": "image", "url": f"data:image/png;base64,{PNG_TEXT}"},
        {"type": "image", "url": f"data:image/png;base64,{PNG_TEXT}"},
        {"type": "localImage", "path": str(workspace / "image.png")},
        {"type": "audio", "url": "data:audio/wav;base64,AA=="},
        {"type": "localAudio", "path": str(workspace / "sound.wav")},
        {"type": "skill", "name": "review", "path": "/skills/review/SKILL.md"},
        {"type": "mention", "name": "notes", "path": "/project/notes.md"},
    ]


def test_the_repeated_prompt_has_the_blocks_of_the_field(workspace: Path, blocks: list[PromptBlock]) -> None:
    assert replay_content([*blocks, DocumentInput(path="a.pdf")]) == [
        {"type": "text", "text": "look"},
        {"type": "image", "source": {"type": "url", "url": f"data:image/png;base64,{PNG_TEXT}"}},
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG_TEXT}},
        {"type": "image", "source": {"type": "file", "path": str(workspace / "image.png")}},
        {"type": "audio", "source": {"type": "url", "url": "data:audio/wav;base64,AA=="}},
        {"type": "audio", "source": {"type": "file", "path": str(workspace / "sound.wav")}},
        {"type": "skill", "name": "review", "path": "/skills/review/SKILL.md"},
        {"type": "mention", "name": "notes", "path": "/project/notes.md"},
        {"type": "document", "source": {"type": "file", "path": "a.pdf"}},
    ]


@pytest.mark.parametrize("block", [ImageInput(url="https://x.example/a.png"), AudioInput(url="http://x.example/a.mp3")])
def test_what_codex_would_have_to_fetch_is_refused_before_it_is_sent(block: PromptBlock) -> None:
    with pytest.raises(UnsupportedOptionError, match="fetch it, and pass path="):
        user_input([block])


def test_plain_text_is_sent_and_repeated_as_text() -> None:
    assert user_input("hi") == [{"type": "text", "text": "hi", "text_elements": []}]
    assert replay_content("hi") == "hi"


def test_a_document_is_refused_with_a_way_out() -> None:
    with pytest.raises(UnsupportedOptionError, match="name the file in the text"):
        user_input([DocumentInput(path="a.pdf")])


@pytest.mark.parametrize(
    ("block", "what"), [(ImageInput(path="/missing.png"), "image"), (AudioInput(path="/missing.wav"), "audio")]
)
def test_a_file_that_is_not_there_is_named(block: PromptBlock, what: str) -> None:
    with pytest.raises(InvalidRequestError, match=f"{what} /missing.* is not a file"):
        user_input([block])
