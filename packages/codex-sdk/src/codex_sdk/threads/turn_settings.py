"""The settings of one turn as `turn/start` takes them, and as they were, for `thread/settings/update` to put back."""

from __future__ import annotations

from typing import Any, Final

from agent_sdk_core.options import SandboxPolicy, SessionOptions
from agent_sdk_core.paths import existing_folder, working_folder
from agent_sdk_core.turn_options import TurnOptions
from agent_sdk_core.wire.reading import Json, record_at
from codex_sdk.modes import mode_params, sandbox_policy
from codex_sdk.threads.params import require_network

_MODE: Final = "collaborationMode"


def turn_settings(asked: TurnOptions, options: SessionOptions, told: Json, pending: Json) -> Json:
    """Return what `turn/start` changes for one turn; asks the disk.

    Args:
        asked: The options of the turn.
        options: Those of the session.
        told: The settings of the thread, as Codex last told.
        pending: What the same request changes of them for good.

    Raises:
        InvalidRequestError: A folder cannot be used.
        UnsupportedOptionError: Codex does not have a sandbox like this.
    """
    settings: Json = {}
    own = {**told, **pending}
    model, effort = asked.model or own.get("model"), asked.reasoning_effort or own.get("effort")
    if asked.permission_mode is not None:
        roots = [str(existing_folder("add_dirs", folder, backend="codex")) for folder in options.add_dirs]
        settings |= mode_params(asked.permission_mode, model=model, effort=effort, roots=roots)
        if options.sandbox is not None:
            settings.pop("sandboxPolicy", None)
        if _MODE not in pending and "plan" not in (asked.permission_mode, record_at(told, _MODE).get("mode")):
            settings.pop(_MODE, None)  # It says nothing new, and would say it to the model.
    elif _MODE in pending:  # It repeats model and effort, and what it says is what counts.
        settings[_MODE] = _mode(own, model, effort)
    if asked.model is not None:
        settings["model"] = asked.model
    if asked.reasoning_effort is not None:
        settings["effort"] = asked.reasoning_effort
    if asked.sandbox is not None:
        settings["sandboxPolicy"] = _sandbox(asked.sandbox)
    if asked.cwd is not None:
        settings["cwd"] = str(working_folder(asked.cwd, backend="codex", owner="TurnOptions"))
    return settings


def own_settings(changed: Json, own: Json) -> Json:
    """Return what puts a thread back to its own settings after a turn that changed some of them."""
    settings = {name: own[name] for name in changed if name != _MODE and own.get(name) is not None}
    if _MODE in changed or ("effort" in changed and own.get("effort") is None):
        # It alone can say that the effort is the model's own (0.163).
        settings[_MODE] = _mode(own, own.get("model"), own.get("effort"))
    return settings


def _mode(own: Json, model: object, effort: object) -> Json:
    told = record_at(own, _MODE)
    instructions = record_at(told, "settings").get("developer_instructions")
    settings: dict[str, Any] = {"model": model, "reasoning_effort": effort, "developer_instructions": instructions}
    return {"mode": told.get("mode") or "default", "settings": settings}


def _sandbox(sandbox: SandboxPolicy) -> Json:
    if sandbox.network is not None:
        require_network(sandbox, owner="TurnOptions")
    folders = sandbox.writable_roots
    roots = [
        str(existing_folder("sandbox.writable_roots", folder, backend="codex", owner="TurnOptions"))
        for folder in folders
    ]
    policy = sandbox_policy(sandbox.mode, roots)
    if sandbox.network is not None and "networkAccess" in policy:
        policy["networkAccess"] = sandbox.network
    return policy
