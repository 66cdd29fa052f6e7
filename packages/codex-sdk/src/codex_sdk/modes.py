"""Permission modes, sandboxes and options in Codex's words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, cast

from agent_sdk_core.asking.permissions import PermissionMode
from agent_sdk_core.hooks.names import HOOK_NAMES, HookName
from agent_sdk_core.wire.reading import Json

UNSUPPORTED_OPTIONS: Final = (
    "session_id",
    "allowed_tools",
    "disallowed_tools",
    "builtin_tools",
    "plugins",
    "fallback_model",
    "betas",
    "max_thinking_tokens",
)
"""Fields that Codex cannot honour: it chooses thread ids itself, and has no such rules for one session."""


HOOKS: Final[Sequence[HookName]] = [name for name in HOOK_NAMES if name != "pre_skill_command"]
"""Hooks that can bind on Codex, which runs no commands in the text of skills."""

TURN_OPTIONS: Final = ("model", "reasoning_effort", "permission_mode", "output_schema", "cwd", "sandbox", "origin")
"""Fields of `TurnOptions` that Codex can honour."""


MODES: Final[Mapping[PermissionMode, tuple[str, str | None, str | None]]] = {
    "default": ("on-request", "read-only", None),
    "accept_edits": ("on-request", "workspace-write", None),
    "plan": ("on-request", "read-only", None),
    "auto": ("on-request", None, "auto_review"),
    "dont_ask": ("never", "read-only", None),
    "bypass": ("never", "danger-full-access", None),
}
"""Permission mode to approval policy, sandbox mode and reviewer; None inherits."""


def mode_params(mode: PermissionMode, *, model: str | None, effort: str | None, roots: Sequence[str]) -> Json:
    """Return the settings with which `turn/start` changes the permission mode, for its turn and the ones after it.

    Args:
        mode: The mode.
        model: The session's model, which Codex wants repeated with its collaboration mode.
        effort: Its reasoning effort, likewise.
        roots: Further folders that tools may write to.
    """
    policy, sandbox, reviewer = MODES[mode]
    params: Json = {"approvalPolicy": policy, "approvalsReviewer": reviewer or "user"}
    if sandbox is not None:
        params["sandboxPolicy"] = sandbox_policy(sandbox, roots)
    if model is not None:
        settings = {"model": model, "reasoning_effort": effort, "developer_instructions": None}
        params["collaborationMode"] = {"mode": "plan" if mode == "plan" else "default", "settings": settings}
    return params


def configured_sandbox(config: Json) -> Json:
    """Return the sandbox that a configuration amounts to, as the policy that `turn/start` takes."""
    write = cast("Json", config.get("sandbox_workspace_write") or {})
    policy = sandbox_policy(config.get("sandbox_mode") or "read-only", write.get("writable_roots") or ())
    if policy["type"] == "workspaceWrite":
        policy["networkAccess"] = write.get("network_access") is True
        policy["excludeTmpdirEnvVar"] = write.get("exclude_tmpdir_env_var") is True
        policy["excludeSlashTmp"] = write.get("exclude_slash_tmp") is True
    return policy


def sandbox_policy(mode: str, roots: Sequence[str]) -> Json:
    """Return a sandbox mode as the policy that `turn/start` takes."""
    match mode:
        case "danger-full-access":
            return {"type": "dangerFullAccess"}
        case "workspace-write":
            return {
                "type": "workspaceWrite",
                "writableRoots": list(roots),
                "networkAccess": False,
                "excludeTmpdirEnvVar": False,
                "excludeSlashTmp": False,
            }
        case _:
            return {"type": "readOnly", "networkAccess": False}
