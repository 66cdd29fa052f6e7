"""Permission requests of agents: options chosen by what their kind says, never by their ids or names. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from acp_sdk.asking.envelope import Envelope
from acp_sdk.normalizer.patches import diff_text
from acp_sdk.normalizer.tools import Facts, Tool
from acp_sdk.protocol.asking import PermissionOption as Offered
from acp_sdk.protocol.asking import PermissionRequest as Asked
from acp_sdk.protocol.asking import PermissionResponse
from agent_sdk_core.asking.approvals import ALLOW, DENY, DENY_AND_STOP, Offers
from agent_sdk_core.asking.escalations import is_within
from agent_sdk_core.asking.permissions import Allow, Deny, PermissionOption, PermissionRequest
from agent_sdk_core.asking.requests import AgentAnswer, Ask
from agent_sdk_core.wire.reading import Json

REFUSED: Final[Json] = PermissionResponse.cancelled().to_wire()
"""The answer that allows nothing: in the protocol's words no option was chosen."""

_STORED: Final = "by the agent, as its option says"
_WRITES: Final = frozenset({"edit", "delete", "move", "other"})
"""Kinds that may write where they name a path; opencode asks about a folder outside of its own as "other" (1.18)."""


def permission(
    envelope: Envelope,
    asked: Asked,
    facts: Facts,
    tool: Tool,
    *,
    cwd: str,
    add_dirs: Iterable[str],
    interrupting: Callable[[], bool],
) -> Ask[PermissionRequest]:
    """Return a permission request for the caller, and the way back.

    Args:
        envelope: What every request shares.
        asked: What the agent asks.
        facts: What is known of the call.
        tool: The call as messages have it.
        cwd: The session's folder.
        add_dirs: Further folders that it works in.
        interrupting: Tells whether the turn was asked to end, so that the agent expects to hear of no choice.
    """
    offers = _offers(asked.options)
    outside = [path for path in _paths(facts) if not is_within(path, cwd, add_dirs)]
    request = envelope.permission(
        tool.name,
        tool.input,
        cwd=cwd,
        reason=asked.description or facts.text or None,
        options=offers.options,
        diff=diff_text(facts.diffs),
        blocked_path=outside[0] if outside else None,
        escalates=frozenset({"path"} if outside and facts.kind in _WRITES else ()),
        requires_person=tool.surmised,  # Of a title no rule may be sure.
        changeable=(),
    )

    def encode(answer: AgentAnswer) -> Json:
        _, _, told = offers.chosen(answer)
        return REFUSED if told is None or interrupting() else PermissionResponse.selected(told).to_wire()

    return Ask(request, encode)


def _offers(offered: Iterable[Offered]) -> Offers[str | None]:
    """Return what can be answered: what the agent offers, and refusals, which are always there."""
    once: dict[str, str] = {}
    lasting: list[tuple[PermissionOption, str | None]] = []
    for option in offered:
        if option.kind in ("allow_once", "reject_once") and option.kind not in once:
            once[option.kind] = option.option_id
        elif option.kind in ("allow_once", "allow_always", "reject_once", "reject_always"):
            allows = option.kind.startswith("allow")
            option_id = f"{option.kind}:{option.option_id}"
            scope = "always" if option.kind.endswith("always") else "once"
            answer = Allow(scope, option=option_id) if allows else Deny(option=option_id)
            stored = _STORED if scope == "always" else ""
            lasting.append((PermissionOption(option_id, option.name or option.kind, answer, stored), option.option_id))
    allow = [(ALLOW, once["allow_once"])] if "allow_once" in once else []
    return Offers[str | None]([*allow, *lasting, (DENY, once.get("reject_once")), (DENY_AND_STOP, None)])


def _paths(facts: Facts) -> list[str]:
    if facts.kind == "execute":
        return []
    named = [str(item.path) for item in facts.diffs] + [each.path for each in facts.locations]
    return named or ([facts.path] if facts.path else [])
