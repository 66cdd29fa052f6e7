"""The decisions that Codex takes on a request, as options for the caller, and the one that an answer stands for. Pure.

Shapes: `CommandExecutionApprovalDecision`, `FileChangeApprovalDecision`.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from typing import Final, cast

from agent_sdk_core.asking.approvals import ALLOW, DENY, DENY_AND_STOP, Offers
from agent_sdk_core.asking.permissions import Allow, Deny, PermissionOption
from agent_sdk_core.asking.updates import PermissionUpdate, RuleBehavior
from agent_sdk_core.policy.command_rules import command_parts
from agent_sdk_core.wire.reading import Json
from codex_sdk.normalizer.items.commands import script

Decision = str | Json

IN_PROCESS: Final = "in this Codex process, until the session ends"
"""Where a grant for the session is kept."""

_IN_RULES: Final = "in $CODEX_HOME/rules, for every project"


def decisions(session: str, *, amendments_of: Json | None = None) -> Offers[Decision]:
    """Return what can be decided on a command or a patch.

    Args:
        session: What the grant for the session is called.
        amendments_of: Parameters of a request that may propose lasting grants.
    """
    for_session = PermissionOption("allow_session", session, Allow("session"), IN_PROCESS)
    return Offers[Decision](
        [
            (ALLOW, "accept"),
            (for_session, "acceptForSession"),
            *_amendments(amendments_of or {}),
            (DENY, "decline"),
            (DENY_AND_STOP, "cancel"),
        ]
    )


def _amendments(params: Json) -> Iterator[tuple[PermissionOption, Decision]]:
    """Return the lasting grants that Codex proposes, and only those it says it takes."""
    available = params.get("availableDecisions")

    def offered(kind: str) -> bool:
        return available is None or any(kind in entry for entry in available if isinstance(entry, dict))

    prefix = cast("list[str] | None", params.get("proposedExecpolicyAmendment"))
    if prefix and offered("acceptWithExecpolicyAmendment") and _is_whole(prefix, params):
        label = f"Yes, and never ask again for commands that start with: {' '.join(prefix)}"
        answer, kept = Allow("always", option="allow_always"), _kept(f"Bash({shlex.join(prefix)} *) +sandbox")
        option = PermissionOption("allow_always", label, answer, _IN_RULES, kept)
        yield option, {"acceptWithExecpolicyAmendment": {"execpolicy_amendment": prefix}}
    amendments = cast("list[Json]", params.get("proposedNetworkPolicyAmendments") or [])
    for amendment in amendments if offered("applyNetworkPolicyAmendment") else ():
        action, host = amendment.get("action"), amendment.get("host")
        option_id = f"network_{action}_{host}"
        allows = action == "allow"
        option = PermissionOption(
            option_id,
            f"{'Yes' if allows else 'No'}, and always {action} {host}",
            Allow("always", option=option_id) if allows else Deny(option=option_id),
            _IN_RULES,
            _kept(f"WebFetch(domain:{host}) +network") if allows else _kept(f"WebFetch(domain:{host})", "deny"),
        )
        yield option, {"applyNetworkPolicyAmendment": {"network_policy_amendment": amendment}}


def _kept(rule: str, behavior: RuleBehavior = "allow") -> tuple[PermissionUpdate, ...]:
    return (PermissionUpdate("add_rules", (rule,), behavior, destination="user"),)


def _is_whole(prefix: list[str], params: Json) -> bool:
    """Tell whether a rule covers all that a command runs: of several parts Codex proposes to allow one (0.163)."""
    command = script(str(params.get("command") or ""))
    return prefix[-1] == command or len(command_parts(command)) <= 1
