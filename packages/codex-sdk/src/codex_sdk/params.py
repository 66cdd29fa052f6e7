"""Session options and prompts as the parameters of Codex's requests. Pure; what is absent is left out, never null."""

from __future__ import annotations

import base64
import os
from collections.abc import Mapping, Sequence
from typing import Final, assert_never, cast

from agent_sdk_core.asking.permissions import PermissionMode
from agent_sdk_core.errors import UnsupportedOptionError
from agent_sdk_core.options import SandboxPolicy, SessionOptions, SettingSource
from agent_sdk_core.paths import existing_file, existing_folder
from agent_sdk_core.prompts import (
    AudioInput,
    DocumentInput,
    ImageInput,
    MentionInput,
    Prompt,
    PromptBlock,
    SkillInput,
    TextInput,
    prompt_blocks,
)
from agent_sdk_core.wire.reading import Json

UNSUPPORTED_OPTIONS: Final = (
    "session_id",
    "allowed_tools",
    "disallowed_tools",
    "max_turns",
    "max_budget_usd",
)
"""Fields that Codex cannot honour: it chooses thread ids itself, and has no such limits and rules for one session."""

_MODES: Final[Mapping[PermissionMode, tuple[str, str | None, str | None]]] = {
    "default": ("on-request", "read-only", None),
    "accept_edits": ("on-request", "workspace-write", None),
    "plan": ("on-request", "read-only", None),
    "auto": ("on-request", None, "auto_review"),
    "dont_ask": ("never", "read-only", None),
    "bypass": ("never", "danger-full-access", None),
}
"""Permission mode to approval policy, sandbox mode and reviewer; None inherits."""


def thread_params(options: SessionOptions) -> Json:
    """Return the parameters that `thread/start`, `thread/resume` and `thread/fork` share.

    Raises:
        InvalidRequestError: The working folder, or another named folder, cannot be used.
        UnsupportedOptionError: An option cannot be honoured.
    """
    options.require_supported("codex", UNSUPPORTED_OPTIONS)
    _require_sources(options.setting_sources)
    params: Json = {}
    if options.cwd is not None or options.resume is None:  # A stored thread keeps its folder.
        # Codex itself accepts anything (0.163).
        params["cwd"] = str(existing_folder("cwd", options.cwd if options.cwd is not None else ".", backend="codex"))
    if options.model is not None:
        params["model"] = options.model
    if options.system_prompt is not None:
        params["baseInstructions"] = options.system_prompt
    if options.append_system_prompt is not None:
        params["developerInstructions"] = options.append_system_prompt
    if options.permission_mode is not None:
        policy, sandbox, reviewer = _MODES[options.permission_mode]
        params["approvalPolicy"] = policy
        if sandbox is not None:
            params["sandbox"] = sandbox
        if reviewer is not None:
            params["approvalsReviewer"] = reviewer
    if options.sandbox is not None:
        params["sandbox"] = options.sandbox.mode
    if config := _config(options):
        params["config"] = config
    for key, value in options.native.items():
        if key == "config" and isinstance(value, Mapping):
            params["config"] = {**params.get("config", {}), **value}
        else:
            params[key] = value
    return params


def mode_params(mode: PermissionMode, *, model: str | None, effort: str | None, roots: Sequence[str]) -> Json:
    """Return the settings with which `turn/start` changes the permission mode, for its turn and the ones after it.

    Args:
        mode: The mode.
        model: The session's model, which Codex wants repeated with its collaboration mode.
        effort: Its reasoning effort, likewise.
        roots: Further folders that tools may write to.
    """
    policy, sandbox, reviewer = _MODES[mode]
    params: Json = {"approvalPolicy": policy, "approvalsReviewer": reviewer or "user"}
    if sandbox is not None:
        params["sandboxPolicy"] = sandbox_policy(sandbox, roots)
    if model is not None:
        settings = {"model": model, "reasoning_effort": effort, "developer_instructions": None}
        params["collaborationMode"] = {"mode": "plan" if mode == "plan" else "default", "settings": settings}
    return params


def user_input(prompt: Prompt) -> list[Json]:
    """Return a prompt as Codex's `UserInput` list.

    Raises:
        UnsupportedOptionError: A block is of a kind that Codex does not take.
        InvalidRequestError: A named file is not there.
    """
    return [_user_input(block) for block in prompt_blocks(prompt)]


def replay_content(prompt: Prompt) -> str | list[Json]:
    """Return a prompt as the content of the `user` message that repeats it."""
    if isinstance(prompt, str):
        return prompt
    return [_replay_block(block) for block in prompt_blocks(prompt)]


def _user_input(block: PromptBlock) -> Json:
    match block:
        case TextInput(text):
            return {"type": "text", "text": text, "text_elements": []}
        case ImageInput(path=path) if path is not None:
            return {"type": "localImage", "path": str(existing_file("image", path, backend="codex"))}
        case ImageInput():
            return {"type": "image", "url": _image_url(block)}
        case AudioInput(path=path) if path is not None:
            return {"type": "localAudio", "path": str(existing_file("audio", path, backend="codex"))}
        case AudioInput(url=url):
            return {"type": "audio", "url": url}
        case SkillInput(name, path):
            return {"type": "skill", "name": name, "path": path}
        case MentionInput(name, path):
            return {"type": "mention", "name": name, "path": path}
        case DocumentInput():
            raise UnsupportedOptionError(
                "The codex backend takes no documents in a prompt: name the file in the text instead.", backend="codex"
            )
        case _:
            assert_never(block)


def _replay_block(block: PromptBlock) -> Json:
    match block:
        case TextInput(text):
            return {"type": "text", "text": text}
        case ImageInput(path=path) if path is not None:
            return {"type": "image", "source": {"type": "file", "path": os.fspath(path)}}
        case ImageInput(data=data) if data is not None:
            encoded = base64.b64encode(data).decode()
            return {"type": "image", "source": {"type": "base64", "media_type": block.media_type, "data": encoded}}
        case ImageInput(url=url):
            return {"type": "image", "source": {"type": "url", "url": url}}
        case AudioInput(url=url, path=path):
            return {
                "type": "audio",
                "source": {"type": "url", "url": url} if url else {"type": "file", "path": str(path)},
            }
        case SkillInput(name, path):
            return {"type": "skill", "name": name, "path": path}
        case MentionInput(name, path):
            return {"type": "mention", "name": name, "path": path}
        case DocumentInput(path=path):
            return {"type": "document", "source": {"type": "file", "path": str(path)}}
        case _:
            assert_never(block)


def _image_url(block: ImageInput) -> str:
    if block.url is not None:
        return block.url
    return f"data:{block.media_type};base64,{base64.b64encode(block.data or b'').decode()}"


def _config(options: SessionOptions) -> Json:
    """Return what has no parameter of its own as overrides of Codex's configuration, for this thread only."""
    config: Json = {}
    if options.reasoning_effort is not None:
        config["model_reasoning_effort"] = options.reasoning_effort
    roots = [str(existing_folder("add_dirs", folder, backend="codex")) for folder in options.add_dirs]
    sandbox = options.sandbox
    if sandbox is not None:
        roots += [
            str(existing_folder("sandbox.writable_roots", folder, backend="codex")) for folder in sandbox.writable_roots
        ]
    write: Json = {"writable_roots": roots} if roots else {}
    if sandbox is not None and sandbox.network is not None:
        _require_network(sandbox)
        write["network_access"] = sandbox.network
    if write:
        config["sandbox_workspace_write"] = write
    shell: Json = {"set": dict(options.env)} if options.env else {}
    if options.inherit_env is not None:
        shell["inherit"] = "none" if options.inherit_env is False else "all"
        if isinstance(options.inherit_env, tuple):
            shell["include_only"] = [*options.inherit_env, *options.env]
    if shell:
        config["shell_environment_policy"] = shell
    if options.mcp_servers:
        config["mcp_servers"] = {name: dict(server) for name, server in options.mcp_servers.items()}
    return config


def _require_sources(sources: Sequence[SettingSource] | None) -> None:
    """Refuse setting sources that Codex has not.

    Raises:
        UnsupportedOptionError: The user's are left out, or the user's own for one project are asked for.
    """
    if sources is None or ("user" in sources and "local" not in sources):
        return
    why = "has no settings of a user for one project" if "local" in sources else "always reads the user's own settings"
    raise UnsupportedOptionError(
        f'The codex backend {why}: SessionOptions.setting_sources can be left out, ("user",) or ("user", "project").',
        backend="codex",
        details={"option": "setting_sources"},
    )


def _require_network(sandbox: SandboxPolicy) -> None:
    if sandbox.mode == "danger-full-access" and not sandbox.network:
        raise UnsupportedOptionError(
            "The codex backend cannot switch the network off in sandbox mode danger-full-access.", backend="codex"
        )
    if sandbox.mode == "read-only" and sandbox.network:
        raise UnsupportedOptionError(
            "The codex backend cannot switch the network on in sandbox mode read-only.", backend="codex"
        )


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
