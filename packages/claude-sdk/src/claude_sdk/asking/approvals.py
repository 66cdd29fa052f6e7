"""Claude's `can_use_tool` as a `PermissionRequest`, and answers to it in the exact shapes that Claude takes.

Pure, but for the look at the file that an edit is about. Shapes: `PermissionResult`, `PermissionUpdate` (2.1.329).
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from agent_sdk_core.asking.permissions import Allow, Deny, Escalation, PermissionOption, PermissionRequest
from agent_sdk_core.errors import InvalidRequestError
from agent_sdk_core.messages.kinds import tool_kind
from agent_sdk_core.session import AgentAnswer
from claude_sdk.asking.edit_diffs import edit_diff
from claude_sdk.asking.envelope import Envelope
from claude_sdk.asking.grants import IN_PROCESS, Grant, suggested_grant
from claude_sdk.frames import Json, text

_DENIED: Final = "The user does not allow this."
_DENY: Final = (
    PermissionOption("deny", "No", Deny()),
    PermissionOption("deny_stop", "No, and stop", Deny(interrupt=True)),
)
_PATHS: Final = ("file_path", "notebook_path", "path")
_ON_FILES: Final = frozenset({"read", "edit", "search"})
_NO_GRANT: Final = Grant(())


@dataclass(frozen=True, slots=True)
class Approval:
    """A permission request and the way to put its answer on the wire.

    Attributes:
        request: What the caller sees.
        encode: Turns an answer into the response's body; raises `InvalidRequestError` for one that does not fit.
    """

    request: PermissionRequest
    encode: Callable[[AgentAnswer], Json]


@dataclass(frozen=True, slots=True)
class _Offer:
    """An option, and the permission updates that choosing it makes."""

    option: PermissionOption
    grant: Grant = _NO_GRANT


def tool_approval(asked: Envelope) -> Approval:
    """Return the approval for `can_use_tool`."""
    offers = _plan_offers() if asked.tool_name == "ExitPlanMode" else _tool_offers(asked)
    request = PermissionRequest(
        request_id=asked.request_id,
        session_id=asked.session_id,
        tool_name=asked.tool_name,
        input=asked.input,
        tool_use_id=asked.tool_use_id,
        cwd=asked.cwd,
        reason=_reason(asked),
        escalates=_escalates(asked),
        options=tuple(offer.option for offer in offers),
        diff=edit_diff(asked.tool_name, asked.input, asked.cwd),
        parent_tool_use_id=asked.parent_tool_use_id,
        deadline=asked.deadline,
        raw=asked.body,
        source=asked.source,
    )
    by_id = {offer.option.id: offer for offer in offers}
    return Approval(request, lambda answer: _encode(asked, by_id, answer))


def _tool_offers(asked: Envelope) -> list[_Offer]:
    offers = [_Offer(PermissionOption("allow", "Yes", Allow()))]
    if (grant := suggested_grant(asked)) is not None:
        label = f"Yes, and {grant.describe()} for this session"
        option = PermissionOption("allow_session", label, Allow("session"), IN_PROCESS)
        offers.append(_Offer(option, grant.for_session()))
        if grant.stored:
            option = PermissionOption("allow_always", _always_label(grant), Allow("always"), grant.stored)
            offers.append(_Offer(option, grant))
    return [*offers, *map(_Offer, _DENY)]


def _always_label(grant: Grant) -> str:
    """Name what is stored, and apart from it what holds no longer than the session."""
    label = f"Yes, and always {grant.kept().describe()}"
    return f"{label}, and {rest} for this session" if (rest := grant.kept(in_files=False).describe()) else label


def _plan_offers() -> list[_Offer]:
    """Return the ways to answer a plan; each approval says which mode follows, and a refusal goes on planning."""
    return [
        _Offer(PermissionOption("allow", "Yes, and ask before each edit", Allow()), _mode("default")),
        _Offer(
            PermissionOption("accept_edits", "Yes, and accept edits", Allow(option="accept_edits"), IN_PROCESS),
            _mode("acceptEdits"),
        ),
        _Offer(PermissionOption("deny", "No, keep planning", Deny())),
        _Offer(_DENY[1]),
    ]


def _mode(mode: str) -> Grant:
    return Grant(({"type": "setMode", "mode": mode, "destination": "session"},))


def _reason(asked: Envelope) -> str | None:
    """Return why Claude asks: its own reason, else what the model says that the call is for.

    The `description` of other calls only repeats an argument, so it is taken where it is the model's own.
    """
    description = text(asked.body.get("description"))
    said = description if description == asked.input.get("description") else None
    return text(asked.body.get("decision_reason")) or said


def _escalates(asked: Envelope) -> frozenset[Escalation]:
    """Return what an allow lifts; nothing, where Claude asks only because nobody allowed the tool yet."""
    lifted: set[Escalation] = set()
    kind = asked.body.get("decision_reason_type")
    if kind == "sandboxOverride":
        lifted.add("sandbox")
    if asked.tool_name == "SandboxNetworkAccess":
        lifted.add("network")
    named = [text(asked.input.get(key)) for key in _PATHS] if tool_kind(asked.tool_name) in _ON_FILES else []
    paths = [path for path in (text(asked.body.get("blocked_path")), *named) if path is not None]
    # Another reason for asking hides that a path is outside, so the paths are looked at as well.
    if kind == "workingDir" or not all(_is_within(path, asked) for path in paths):
        lifted.add("path")
    return frozenset(lifted)


def _is_within(path: str, asked: Envelope) -> bool:
    if asked.cwd is None or path.startswith("~"):
        return False
    absolute = os.path.normpath(os.path.join(asked.cwd, path))  # noqa: PTH118  # Path.resolve would follow links
    folders = (os.path.normpath(folder) for folder in (asked.cwd, *asked.add_dirs))
    return any(absolute == folder or absolute.startswith(folder.rstrip("/") + "/") for folder in folders)


def _encode(asked: Envelope, offers: dict[str, _Offer], answer: AgentAnswer) -> Json:
    if not isinstance(answer, Allow | Deny):
        raise InvalidRequestError(f"A permission is answered with Allow or Deny, not {type(answer).__name__}.")
    chosen: _Offer | None = None
    if answer.option is not None:
        chosen = offers.get(answer.option)
        if chosen is None or type(chosen.option.answer) is not type(answer):
            raise InvalidRequestError(f"This request has no such option: {answer.option!r}.", backend="claude")
    if isinstance(answer, Deny):
        interrupt = answer.interrupt or (chosen is not None and chosen.option.answer == Deny(interrupt=True))
        return {
            "behavior": "deny",
            "message": answer.message or _DENIED,
            **({"interrupt": True} if interrupt else {}),
            **_about(asked, "user_reject"),
        }
    changed = answer.updated_input is not None and dict(answer.updated_input) != asked.input
    # What is suggested fits the input that was asked about: a changed one is allowed once, unless an option says more.
    offer = chosen or offers[_narrowed("once" if changed else answer.scope, offers)]
    lasting = offer.option.id == "allow_always"
    return {
        "behavior": "allow",
        "updatedInput": asked.input if answer.updated_input is None else dict(answer.updated_input),
        **({"updatedPermissions": list(offer.grant.updates)} if offer.grant.updates else {}),
        **_about(asked, "user_permanent" if lasting else "user_temporary"),
    }


def _narrowed(scope: str, offers: dict[str, _Offer]) -> str:
    """Return the id of the widest option that grants no more than the scope."""
    wanted = {"always": ("allow_always", "allow_session"), "session": ("allow_session",)}.get(scope, ())
    return next((option_id for option_id in wanted if option_id in offers), "allow")


def _about(asked: Envelope, classification: str) -> Json:
    identity = {} if asked.tool_use_id is None else {"toolUseID": asked.tool_use_id}
    return {**identity, "decisionClassification": classification}
