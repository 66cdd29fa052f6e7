"""The decisions that Codex takes on a request, as options for the caller, and the one that an answer stands for. Pure.

Shapes: `CommandExecutionApprovalDecision`, `FileChangeApprovalDecision`.
"""

from __future__ import annotations

from typing import Any, Final, cast

from agent_sdk_core.asking.permissions import Allow, Deny, PermissionOption, PermissionRequest
from agent_sdk_core.errors import InvalidRequestError, UnsupportedOptionError
from agent_sdk_core.session import AgentAnswer

Json = dict[str, Any]
Decision = str | Json

IN_PROCESS: Final = "in this Codex process, until the session ends"
"""Where a grant for the session is kept."""

ALLOW: Final = PermissionOption("allow", "Yes", Allow())
DENY: Final = PermissionOption("deny", "No", Deny())
DENY_AND_STOP: Final = PermissionOption("deny_stop", "No, and stop", Deny(interrupt=True))
"""The options that nearly every request has."""

_IN_RULES: Final = "in $CODEX_HOME/rules, for every project"


class Offers:
    """What can be decided on a command or a patch.

    Args:
        session: What the grant for the session is called.
        amendments_of: Parameters of a request that may propose lasting grants.
    """

    def __init__(self, session: str, *, amendments_of: Json | None = None) -> None:
        self._offers: dict[str, tuple[PermissionOption, Decision]] = {}
        self._add(ALLOW, "accept")
        self._add(PermissionOption("allow_session", session, Allow("session"), IN_PROCESS), "acceptForSession")
        self._add_amendments(amendments_of or {})
        self._add(DENY, "decline")
        self._add(DENY_AND_STOP, "cancel")

    @property
    def options(self) -> tuple[PermissionOption, ...]:
        """The options, in order."""
        return tuple(option for option, _ in self._offers.values())

    def decide(self, request: PermissionRequest, answer: AgentAnswer) -> Decision:
        """Return the decision that an answer stands for.

        Raises:
            InvalidRequestError: It is no answer to this request, or names an option that the request lacks.
            UnsupportedOptionError: It changes the input.
        """
        answer = require_permission(request, answer)
        if answer.option is not None:
            if answer.option not in self._offers:
                raise no_option(answer.option)
            option, decision = self._offers[answer.option]
            if type(option.answer) is not type(answer):
                raise no_option(answer.option)
            return decision
        if isinstance(answer, Deny):
            return "cancel" if answer.interrupt else "decline"
        if answer.scope == "always":
            always = [decision for option, decision in self._offers.values() if _grants_always(option)]
            return always[0] if len(always) == 1 else "acceptForSession"
        return "accept" if answer.scope == "once" else "acceptForSession"

    def _add(self, option: PermissionOption, decision: Decision) -> None:
        self._offers[option.id] = (option, decision)

    def _add_amendments(self, params: Json) -> None:
        """Add the lasting grants that Codex proposes, and only those it says it takes."""
        available = params.get("availableDecisions")

        def offered(kind: str) -> bool:
            return available is None or any(kind in entry for entry in available if isinstance(entry, dict))

        prefix = cast("list[str] | None", params.get("proposedExecpolicyAmendment"))
        if prefix and offered("acceptWithExecpolicyAmendment"):
            label = f"Yes, and never ask again for commands that start with: {' '.join(prefix)}"
            option = PermissionOption("allow_always", label, Allow("always", option="allow_always"), _IN_RULES)
            self._add(option, {"acceptWithExecpolicyAmendment": {"execpolicy_amendment": prefix}})
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
            )
            self._add(option, {"applyNetworkPolicyAmendment": {"network_policy_amendment": amendment}})


def require_permission(request: PermissionRequest, answer: AgentAnswer) -> Allow | Deny:
    """Return the answer if Codex can honour it: it cannot run anything but what it asked about.

    Raises:
        InvalidRequestError: The answer is of another kind.
        UnsupportedOptionError: It changes the input.
    """
    answer = permission_answer(answer)
    changed = answer.updated_input if isinstance(answer, Allow) else None
    if changed is not None and dict(changed) != dict(request.input):
        raise UnsupportedOptionError(
            "Codex cannot run a changed input: deny the request, and say in a prompt what you want instead.",
            backend="codex",
        )
    return answer


def permission_answer(answer: AgentAnswer) -> Allow | Deny:
    """Return the answer if it is one to a permission request.

    Raises:
        InvalidRequestError: It is of another kind.
    """
    if not isinstance(answer, Allow | Deny):
        raise InvalidRequestError(f"A permission is answered with Allow or Deny, not {type(answer).__name__}.")
    return answer


def no_option(option: str) -> InvalidRequestError:
    """Return the error for an answer that names an option which the request lacks."""
    return InvalidRequestError(f"This request has no such option: {option!r}.", backend="codex")


def _grants_always(option: PermissionOption) -> bool:
    return isinstance(option.answer, Allow) and option.answer.scope == "always"
