"""Session options and prompts as the parameters of Codex's requests. Pure; what is absent is left out, never null."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping, Sequence

from agent_sdk_core.errors import InvalidRequestError, UnsupportedOptionError
from agent_sdk_core.option_values import revealed
from agent_sdk_core.options import SandboxPolicy, SessionOptions, SettingSource
from agent_sdk_core.paths import existing_folder, existing_option_file, working_folder
from agent_sdk_core.wire.reading import Json
from codex_sdk.modes import MODES, UNSUPPORTED_OPTIONS
from codex_sdk.process.config_keys import merged
from codex_sdk.threads.mcp_servers import server_configs
from codex_sdk.threads.roles import check_roles


def thread_params(options: SessionOptions) -> Json:
    """Return the parameters that `thread/start`, `thread/resume` and `thread/fork` share.

    Raises:
        InvalidRequestError: The working folder, or another named folder, cannot be used.
        UnsupportedOptionError: An option cannot be honoured.
    """
    options.require_supported("codex", UNSUPPORTED_OPTIONS)
    _require_sources(options.setting_sources)
    check_roles(options.agents)
    params: Json = {}
    if options.cwd is not None or options.resume is None:  # A stored thread keeps its folder.
        # Codex itself accepts anything (0.163).
        params["cwd"] = str(working_folder(options.cwd if options.cwd is not None else ".", backend="codex"))
    named = {
        "model": options.model,
        "baseInstructions": options.system_prompt,
        "developerInstructions": options.append_system_prompt,
        "personality": options.personality,
        "serviceTier": options.service_tier,
        "ephemeral": options.ephemeral or None,
    }
    params |= {name: value for name, value in named.items() if value is not None}
    if options.permission_mode is not None:
        policy, sandbox, reviewer = MODES[options.permission_mode]
        params["approvalPolicy"] = policy
        if sandbox is not None:
            params["sandbox"] = sandbox
        if reviewer is not None:
            params["approvalsReviewer"] = reviewer
    if options.sandbox is not None:
        params["sandbox"] = options.sandbox.mode
    if config := merged(_settings(options.settings), _config(options)):
        params["config"] = config
    for key, value in options.native.items():
        if key == "config" and isinstance(value, Mapping):
            params["config"] = {**params.get("config", {}), **value}
        else:
            params[key] = value
    return params


def _settings(settings: Mapping[str, object] | str | os.PathLike[str] | None) -> Json:
    """Return the settings that the caller gives, or those of a file of his."""
    if settings is None or isinstance(settings, Mapping):
        return {**(settings or {})}
    path = existing_option_file("settings", settings, backend="codex")
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InvalidRequestError(
            f"SessionOptions.settings: {path} cannot be read as TOML: {error}.",
            backend="codex",
            details={"option": "settings"},
        ) from None


def _config(options: SessionOptions) -> Json:
    """Return what has no parameter of its own as overrides of Codex's configuration, for this thread only."""
    config: Json = {}
    if options.reasoning_effort is not None:
        config["model_reasoning_effort"] = options.reasoning_effort
    if options.reasoning_summary is not None:
        config["model_reasoning_summary"] = options.reasoning_summary
    roots = [str(existing_folder("add_dirs", folder, backend="codex")) for folder in options.add_dirs]
    sandbox = options.sandbox
    if sandbox is not None:
        roots += [
            str(existing_folder("sandbox.writable_roots", folder, backend="codex")) for folder in sandbox.writable_roots
        ]
    write: Json = {"writable_roots": roots} if roots else {}
    if sandbox is not None and sandbox.network is not None:
        require_network(sandbox)
        write["network_access"] = sandbox.network
    if write:
        config["sandbox_workspace_write"] = write
    shell: Json = {"set": revealed(options.env)} if options.env else {}
    if options.inherit_env is not None:
        shell["inherit"] = "none" if options.inherit_env is False else "all"
        if isinstance(options.inherit_env, tuple):
            shell["include_only"] = [*options.inherit_env, *options.env]
    if shell:
        config["shell_environment_policy"] = shell
    if options.mcp_servers:
        config["mcp_servers"] = server_configs(options.servers)
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


def require_network(sandbox: SandboxPolicy, *, owner: str = "SessionOptions") -> None:
    """Refuse what no sandbox of Codex's is.

    Raises:
        UnsupportedOptionError: Its mode decides about the network otherwise.
    """
    if sandbox.mode == "danger-full-access" and not sandbox.network:
        raise UnsupportedOptionError(
            f"{owner}.sandbox: the codex backend cannot switch the network off in sandbox mode danger-full-access.",
            backend="codex",
            details={"option": "sandbox"},
        )
    if sandbox.mode == "read-only" and sandbox.network:
        raise UnsupportedOptionError(
            f"{owner}.sandbox: the codex backend cannot switch the network on in sandbox mode read-only.",
            backend="codex",
            details={"option": "sandbox"},
        )
