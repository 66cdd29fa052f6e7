"""What the VS Code extension contributes: a setting for what a workspace may say, and words for each command."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import pytest

from agent_chat.config.keys import SPECS

ROOT: Final = Path(__file__).parents[1]
MANIFEST: Final[dict[str, Any]] = json.loads((ROOT / "editors" / "vscode" / "package.json").read_text())
SETTINGS: Final[dict[str, dict[str, Any]]] = MANIFEST["contributes"]["configuration"]["properties"]

NAMES: Final = {
    "backend": "backend",
    "model": "model",
    "reasoning_effort": "reasoningEffort",
    "permission_mode": "permissionMode",
    "sandbox": "sandbox",
    "sandbox.mode": "sandbox",
    "sandbox.network": "sandboxNetwork",
    "sandbox.writable_roots": "sandboxWritableRoots",
    "request_timeout": "requestTimeout",
    "store.url": "store",
    "policy.deny": "policy.deny",
    "policy.ask": "policy.ask",
    "flags.redact_store": "redactStore",
    "flags.watch_settings": "watchSettings",
    "backends.*.model": "models",
    "backends.*.reasoning_effort": "reasoningEfforts",
    "backends.*.executable": "claudePath",
}
"""The extension's setting of each of ours that a workspace may have."""

IN_THE_FILE_ALONE: Final = frozenset(f"backends.*.{name}" for name in ("type", "command", "env.*", "url", "token"))
"""Which programs are agents, where others run, and what their environment holds, is said in the user's own file."""


def test_the_extension_contributes_a_setting_for_all_that_a_workspace_may_have() -> None:
    missing: list[str] = []
    for spec in SPECS:
        if spec.workspace == "never" or spec.key in IN_THE_FILE_ALONE:
            continue
        if spec.key.startswith("policy.limits."):
            known = spec.key.rpartition(".")[2] in SETTINGS["agentSdk.policy.limits"]["properties"]
        else:
            known = f"agentSdk.{NAMES.get(spec.key)}" in SETTINGS
        if not known:
            missing.append(spec.key)
    assert missing == []


def test_what_an_untrusted_workspace_says_counts_nowhere() -> None:
    restricted = set(MANIFEST["capabilities"]["untrustedWorkspaces"]["restrictedConfigurations"])
    ours = {f"agentSdk.{name}" for name in NAMES.values()} | {"agentSdk.policy.limits"}
    assert ours <= restricted
    for name in ("python", "command", "claudePath", "codexPath", "store"):
        assert SETTINGS[f"agentSdk.{name}"]["scope"] == "machine"


@pytest.mark.parametrize("command", MANIFEST["contributes"]["commands"], ids=lambda command: command["command"])
def test_every_command_is_described_with_its_key(command: dict[str, str]) -> None:
    words = (ROOT / "docs" / "vscode.md").read_text()
    keys = {each["command"]: each["key"] for each in MANIFEST["contributes"]["keybindings"]}
    key = keys.get(command["command"], "")
    chord = f"`{key.rpartition(' ')[2].upper()}`" if key else ""
    assert f"| {command['title']} | `{command['command']}` | {chord} |".replace("|  |", "| |") in words


def test_every_setting_is_described() -> None:
    words = (ROOT / "editors" / "vscode" / "README.md").read_text()
    assert [name for name in SETTINGS if f"`{name}`" not in words] == []
