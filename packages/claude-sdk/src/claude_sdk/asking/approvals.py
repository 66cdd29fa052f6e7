"""Claude's `can_use_tool` as a `PermissionRequest`, and answers to it in the exact shapes that Claude takes.

Pure, but for the look at the file that an edit is about. Shapes: `PermissionResult`, `PermissionUpdate` (2.1.329).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from agent_sdk_core.asking.approvals import ALLOW, DENY, DENY_AND_STOP, Offers, ends_turn, plan_offers
from agent_sdk_core.asking.escalations import is_within
from agent_sdk_core.asking.permissions import Allow, Deny, Escalation, PermissionOption, PermissionRequest
from agent_sdk_core.asking.requests import AgentAnswer, Ask
from agent_sdk_core.messages.kinds import tool_kind
from agent_sdk_core.wire.reading import Json, filled_text
from claude_sdk.asking.edit_diffs import edit_diff
from claude_sdk.asking.envelope import Envelope
from claude_sdk.asking.grants import IN_PROCESS, Grant, suggested_grant
from claude_sdk.asking.updates import updates_of, updates_to_claude
from claude_sdk.modes import MODES

_DENIED: Final = "The user does not allow this."
_PATHS: Final = ("file_path", "notebook_path", "path")
_ON_FILES: Final = frozenset({"read", "edit", "search"})
_NO_GRANT: Final = Grant(())


def tool_approval(envelope: Envelope) -> Ask[PermissionRequest]:
    """Return what a person is asked by `can_use_tool`."""
    offers = _plan_offers() if envelope.tool_name == "ExitPlanMode" else _tool_offers(envelope)
    request = envelope.permission(
        envelope.tool_name,
        envelope.input,
        cwd=envelope.cwd,
        escalates=_escalates(envelope),
        options=offers.options,
        diff=edit_diff(envelope.tool_name, envelope.input, envelope.cwd),
        blocked_path=filled_text(envelope.params.get("blocked_path")),
        requires_person=envelope.requires_person,
    )
    return Ask(request, lambda answer: _encode(envelope, request, offers, answer))


def _tool_offers(envelope: Envelope) -> Offers[Grant]:
    offers = [(ALLOW, _NO_GRANT)]
    if (grant := suggested_grant(envelope)) is not None:
        label = f"Yes, and {grant.describe()} for this session"
        kept = grant.for_session()
        option = PermissionOption("allow_session", label, Allow("session"), IN_PROCESS, updates_of(kept.updates))
        offers.append((option, kept))
        if grant.stored and grant.keeps(envelope):
            updates = updates_of(grant.updates)
            option = PermissionOption("allow_always", _always_label(grant), Allow("always"), grant.stored, updates)
            offers.append((option, grant))
    return Offers([*offers, (DENY, _NO_GRANT), (DENY_AND_STOP, _NO_GRANT)])


def _always_label(grant: Grant) -> str:
    """Name what is stored, and apart from it what holds no longer than the session."""
    label = f"Yes, and always {grant.kept().describe()}"
    return f"{label}, and {rest} for this session" if (rest := grant.kept(in_files=False).describe()) else label


def _plan_offers() -> Offers[Grant]:
    """Return the ways to answer a plan; each approval says which mode follows."""
    offers = plan_offers(IN_PROCESS)
    return Offers((option, _NO_GRANT if mode is None else _mode(MODES[mode])) for option, mode in offers)


def _mode(mode: str) -> Grant:
    return Grant(({"type": "setMode", "mode": mode, "destination": "session"},))


def _escalates(envelope: Envelope) -> frozenset[Escalation]:
    """Return what an allow lifts; nothing, where Claude asks only because nobody allowed the tool yet."""
    lifted: set[Escalation] = set()
    kind = envelope.params.get("decision_reason_type")
    if kind == "sandboxOverride":
        lifted.add("sandbox")
    if envelope.tool_name == "SandboxNetworkAccess":
        lifted.add("network")
    named = (
        [filled_text(envelope.input.get(key)) for key in _PATHS] if tool_kind(envelope.tool_name) in _ON_FILES else []
    )
    paths = [path for path in (filled_text(envelope.params.get("blocked_path")), *named) if path is not None]
    # Another reason for asking hides that a path is outside, so the paths are looked at as well.
    if kind == "workingDir" or not all(is_within(path, envelope.cwd, envelope.add_dirs) for path in paths):
        lifted.add("path")
    return frozenset(lifted)


def _encode(envelope: Envelope, request: PermissionRequest, offers: Offers[Grant], answer: AgentAnswer) -> Json:
    changed = isinstance(answer, Allow) and answer.updated_input is not None and answer.updated_input != envelope.input
    # What is suggested fits the input that was asked about: a changed one is allowed once, unless an option says more.
    answer, option, grant = offers.chosen(replace(answer, scope="once") if changed else answer)
    if isinstance(answer, Deny):
        return {
            "behavior": "deny",
            "message": answer.message or _DENIED,
            **({"interrupt": True} if ends_turn(request, answer) else {}),
            **_about(envelope, "user_reject"),
        }
    updates = [*grant.updates, *updates_to_claude(answer.updates, envelope.sources)]
    return {
        "behavior": "allow",
        "updatedInput": envelope.input if answer.updated_input is None else dict(answer.updated_input),
        **({"updatedPermissions": updates} if updates else {}),
        **_about(envelope, "user_permanent" if option.id == "allow_always" else "user_temporary"),
    }


def _about(envelope: Envelope, classification: str) -> Json:
    identity = {} if envelope.tool_use_id is None else {"toolUseID": envelope.tool_use_id}
    return {**identity, "decisionClassification": classification}
