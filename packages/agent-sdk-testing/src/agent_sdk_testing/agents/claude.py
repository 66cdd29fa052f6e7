"""Makes the real claude binary ready for a `ScriptedModel`: finds the binary and writes its CLAUDE_CONFIG_DIR.

Where it sends its requests is told by the environment, see `clean_env`. Facts are those of claude 2.1.329.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

from agent_sdk_core.errors import StartError
from agent_sdk_core.transport.process.executable import ExecutableSearch
from agent_sdk_testing.agents.environment import CLAUDE_KEY
from agent_sdk_testing.model.steps import JsonValue

_SEARCH = ExecutableSearch(
    name="claude",
    variable="AGENT_SDK_CLAUDE_PATH",
    bundled=("claude_agent_sdk", "_bundled/claude"),
    advice="Install it with `pip install 'agent-sdk[claude]'`, put it on PATH, or set AGENT_SDK_CLAUDE_PATH to it.",
    installed=".local/bin/claude",
)


def write_claude_config(
    path: Path, *, settings: Mapping[str, JsonValue] | None = None, state: Mapping[str, JsonValue] | None = None
) -> Path:
    """Fill a folder so that claude, with CLAUDE_CONFIG_DIR set to it, asks no question of a first start; return it.

    Args:
        path: the folder; made if absent.
        settings: the user's settings, ``settings.json``, such as ``{"permissions": {"allow": ["Bash(ls:*)"]}}``.
        state: keys of ``.claude.json`` to set, such as ``projects`` and ``mcpServers``.
    """
    first_start_done: dict[str, JsonValue] = {
        "hasCompletedOnboarding": True,
        "bypassPermissionsModeAccepted": True,
        # Without it claude asks whether it may use the key that is in its environment.
        "customApiKeyResponses": {"approved": [CLAUDE_KEY], "rejected": []},
        "autoUpdates": False,
        **(state or {}),
    }
    path.mkdir(parents=True, exist_ok=True)
    # Before it fetches a page claude asks a server of its own whether the domain is known to be bad.
    offline: dict[str, JsonValue] = {"skipWebFetchPreflight": True, **(settings or {})}
    (path / "settings.json").write_text(json.dumps(offline), encoding="utf-8")
    (path / ".claude.json").write_text(json.dumps(first_start_done), encoding="utf-8")
    return path


def find_claude() -> Path:
    """Return the claude binary: AGENT_SDK_CLAUDE_PATH, the one of ``agent-sdk[claude]``, PATH, then ``~/.local/bin``.

    Raises:
        FileNotFoundError: there is none; the message says how to install it.
    """
    try:
        return _SEARCH.find(None, os.environ)
    except StartError as error:
        raise FileNotFoundError(error.message) from error
