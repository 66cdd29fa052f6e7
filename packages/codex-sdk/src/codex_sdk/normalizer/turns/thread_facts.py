"""What is known of a thread beside its events: its settings, which open every turn and change by notification."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field, replace
from typing import Any, Final, Self

from agent_sdk_core.asking.permissions import PermissionMode
from agent_sdk_core.records import dataclass
from agent_sdk_core.wire.reading import Json, as_record, optional_text_at, record_at, text_at

CLAUDE_MODES: Final[Mapping[PermissionMode, str]] = {
    "default": "default",
    "accept_edits": "acceptEdits",
    "plan": "plan",
    "auto": "auto",
    "dont_ask": "dontAsk",
    "bypass": "bypassPermissions",
}
"""Our permission modes as messages spell them."""

_MODES: Final[Mapping[tuple[str | None, str | None], PermissionMode]] = {
    ("on-request", "readOnly"): "default",
    ("on-request", "workspaceWrite"): "accept_edits",
    ("never", "readOnly"): "dont_ask",
    ("never", "dangerFullAccess"): "bypass",
}


_SETTINGS: Final = frozenset(
    {"model", "effort", "cwd", "approvalPolicy", "approvalsReviewer", "sandboxPolicy", "collaborationMode"}
)
"""What one turn can change, as `turn/start` calls it."""


def _no_servers() -> Mapping[str, str]:
    return {}


@dataclass(slots=True)
class ThreadFacts:
    """A thread as its start, resume or fork response described it; None where that did not tell.

    Attributes:
        thread_id: The thread.
        cwd: Folder it works in.
        model: Model id.
        model_provider: Id of the provider in Codex's configuration.
        reasoning_effort: How much the model reasons.
        approval_policy: Approval policy in force, "granular" for an object.
        sandbox: Type of the sandbox policy in force, for example "workspaceWrite".
        permission_mode: Our mode that the policies amount to, if one does.
        version: Version of Codex.
        tools: Names of the tools that we offered the thread.
        title: Name of the thread.
        mcp_servers: Start-up status by name of MCP server.
        settings: Its settings as `turn/start` takes them.
    """

    thread_id: str
    cwd: str | None = None
    model: str | None = None
    model_provider: str | None = None
    reasoning_effort: str | None = None
    approval_policy: str | None = None
    sandbox: str | None = None
    permission_mode: PermissionMode | None = None
    version: str | None = None
    tools: tuple[str, ...] = ()
    title: str | None = None
    mcp_servers: Mapping[str, str] = field(default_factory=_no_servers)
    settings: Json = field(default_factory=dict[str, Any])

    @classmethod
    def from_response(cls, response: Json, *, tools: tuple[str, ...] = ()) -> Self:
        """Read the result of thread/start, thread/resume or thread/fork; its settings are top-level fields."""
        thread = record_at(response, "thread")
        policy, sandbox = _policy(response), _sandbox(response, "sandbox")
        return cls(
            thread_id=text_at(thread, "id"),
            cwd=optional_text_at(response, "cwd") or optional_text_at(thread, "cwd"),
            model=optional_text_at(response, "model") or optional_text_at(thread, "model"),
            model_provider=optional_text_at(response, "modelProvider"),
            reasoning_effort=optional_text_at(response, "reasoningEffort"),
            approval_policy=policy,
            sandbox=sandbox,
            permission_mode=permission_mode(policy, sandbox, optional_text_at(response, "approvalsReviewer")),
            version=optional_text_at(thread, "cliVersion"),
            tools=tools,
            title=optional_text_at(thread, "name"),
            settings=_settings(
                {**response, "sandboxPolicy": response.get("sandbox"), "effort": response.get("reasoningEffort")}
            ),
        )

    def with_settings(self, settings: Json) -> Self:
        """Return the facts after a thread/settings/updated notification with these `threadSettings`."""
        policy = _policy(settings) or self.approval_policy
        sandbox = _sandbox(settings, "sandboxPolicy") or self.sandbox
        reviewer = optional_text_at(settings, "approvalsReviewer")
        collaboration = optional_text_at(record_at(settings, "collaborationMode"), "mode")
        return replace(
            self,
            cwd=optional_text_at(settings, "cwd") or self.cwd,
            model=optional_text_at(settings, "model") or self.model,
            model_provider=optional_text_at(settings, "modelProvider") or self.model_provider,
            reasoning_effort=optional_text_at(settings, "effort"),
            approval_policy=policy,
            sandbox=sandbox,
            permission_mode=permission_mode(policy, sandbox, reviewer, collaboration),
            settings={**self.settings, **_settings(settings)},
        )


def _settings(told: Json) -> Json:
    """Return of what Codex tells what one turn can change."""
    kept = {name: told[name] for name in _SETTINGS if name in told}
    return {name: value for name, value in kept.items() if value is not None or name == "effort"}


def permission_mode(
    approval_policy: str | None, sandbox: str | None, reviewer: str | None = None, collaboration: str | None = None
) -> PermissionMode | None:
    """Return the permission mode that Codex's settings amount to, or None for a combination that has no name."""
    if collaboration == "plan":
        return "plan"
    if approval_policy == "on-request" and reviewer in ("auto_review", "guardian_subagent"):
        return "auto"
    return _MODES.get((approval_policy, sandbox))


def init_fields(facts: ThreadFacts) -> Json:
    """Return what the `system/init` message of a turn tells."""
    mode = facts.permission_mode
    return {
        "cwd": facts.cwd,
        "model": facts.model,
        "tools": list(facts.tools),
        "mcp_servers": [{"name": name, "status": status} for name, status in facts.mcp_servers.items()],
        "permissionMode": CLAUDE_MODES[mode] if mode else None,
        "slash_commands": [],
        "apiKeySource": "none",
        "version": facts.version,
        "sandbox": facts.sandbox,
        "approval_policy": facts.approval_policy,
        "effort": facts.reasoning_effort,
    }


def _policy(settings: Json) -> str | None:
    value = settings.get("approvalPolicy")
    return "granular" if as_record(value) else optional_text_at(settings, "approvalPolicy")


def _sandbox(settings: Json, key: str) -> str | None:
    return optional_text_at(record_at(settings, key), "type") or optional_text_at(settings, key)
