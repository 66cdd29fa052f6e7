"""How Codex is told of our hooks: in the configuration of one thread, with the trust that it wants for each. Pure.

Codex runs a hook whose hash is trusted under its key (0.163, 0.169): the hash is SHA-256 of its definition as JSON with
sorted keys, the key the place where it stands. What else is configured is not trusted by it.
"""

from __future__ import annotations

import hashlib
import json
import math
import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, cast

from agent_sdk_core.errors import UnsupportedOptionError
from agent_sdk_core.hooks.names import HookName
from agent_sdk_core.hooks.table import Hooks
from agent_sdk_core.options import SessionOptions
from agent_sdk_core.wire.reading import Json, record_of
from codex_sdk.asking.hooks import PROOF
from codex_sdk.hooks import relay
from codex_sdk.process.config_keys import merged

EVENTS: Final[Mapping[HookName, str]] = {
    "pre_tool_use": "PreToolUse",
    "post_tool_use": "PostToolUse",
    "stop": "Stop",
    "pre_compact": "PreCompact",
    "post_compact": "PostCompact",
    "subagent_start": "SubagentStart",
    "subagent_stop": "SubagentStop",
}
"""Codex's event for each of ours that it calls; prompts and sessions are ours to tell."""

ASKING_SECONDS: Final = 365 * 86_400.0
"""How long a person has whom a policy asks, if the session says nothing: Codex wants a number, and this is no limit."""

_PLACE: Final = "/<session-flags>/config.toml"
_SLACK: Final = 30
"""Seconds that Codex waits longer than our hooks may take; the program that it runs gives up ten seconds earlier."""


def hooked(options: SessionOptions) -> bool:
    """Tell whether a session has hooks at Codex: the application's, or the policy's, which it sees every call by."""
    return options.hooks is not None or options.binds_every_call


def announced(
    config: Json, hooks: Hooks | None, path: Path, *, policed: bool = False, asking: float = ASKING_SECONDS
) -> Json:
    """Return the configuration of a thread with our hooks in it.

    Args:
        config: Its configuration; hooks that stand in it come after ours.
        hooks: The session's hooks; without, calls of tools alone are announced, for its policy.
        path: The socket at which they are asked.
        policed: Whether a policy is held against each call of a tool.
        asking: Seconds that a person has whom the policy asks.

    Raises:
        UnsupportedOptionError: The configuration switches hooks off, or there is no Python that Codex could run.
    """
    if record_of(config.get("features")).get("hooks") is False or config.get("features.hooks") is False:
        raise _refusal("its configuration switches hooks off (features.hooks)")
    if any(key.startswith("hooks.") for key in config):
        raise _refusal('write "hooks" of its configuration as a table, not with dots')
    if not sys.executable:
        raise _refusal("there is no Python executable that it could run")
    hooks = hooks or Hooks()
    events = {PROOF: 5.0} | {EVENTS[name]: hooks.seconds(name) for name in hooks.names if name in EVENTS}
    if policed:
        events["PreToolUse"] = events.get("PreToolUse", 0.0) + asking
    groups: Json = {}
    state: Json = {}
    given = record_of(config.get("hooks"))
    for event, seconds in events.items():
        most = math.ceil(seconds)
        program = [sys.executable, "-I", "-S", relay.__file__, str(path), event, str(most + _SLACK - 10)]
        hook: Json = {"type": "command", "command": shlex.join(program), "timeout": most + _SLACK}
        groups[event] = [{"hooks": [hook]}, *cast("Sequence[object]", given.get(event) or ())]
        state[f"{_PLACE}:{_snake(event)}:0:0"] = {"trusted_hash": _hash(event, hook), "enabled": True}
    return merged(config, {"features": {"hooks": True}, "hooks": {**groups, "state": state}})


def _hash(event: str, hook: Json) -> str:
    identity = {"event_name": _snake(event), "hooks": [{**hook, "async": False}]}
    text = json.dumps(identity, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def _snake(event: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in event).lstrip("_")


def _refusal(why: str) -> UnsupportedOptionError:
    return UnsupportedOptionError(
        f"The codex backend cannot call SessionOptions.hooks: {why}.", backend="codex", details={"option": "hooks"}
    )
