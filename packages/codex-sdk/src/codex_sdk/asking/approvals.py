"""Codex's approval requests as `PermissionRequest`s, and answers to them in the exact shapes that Codex takes.

Pure: requests in, requests and bodies out. Accepting a command runs it outside the sandbox, so each of these requests
is an escalation. Shapes: `CommandExecutionRequestApprovalResponse`, `FileChangeRequestApprovalResponse`,
`PermissionsRequestApprovalResponse`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import get_args

from agent_sdk_core.asking.approvals import ALLOW, DENY, DENY_AND_STOP, Offers, plan_offers
from agent_sdk_core.asking.escalations import is_within
from agent_sdk_core.asking.permissions import Allow, Deny, Escalation, PermissionOption, PermissionRequest
from agent_sdk_core.asking.requests import AgentAnswer, Ask
from agent_sdk_core.wire.reading import Json
from codex_sdk.asking.envelope import Envelope
from codex_sdk.asking.offers import IN_PROCESS, Decision, decisions
from codex_sdk.normalizer.items.commands import script
from codex_sdk.normalizer.items.patches import FileChange, file_tool_use


def command_approval(envelope: Envelope, item: Json | None) -> Ask[PermissionRequest]:
    """Return the approval for `item/commandExecution/requestApproval`; `item` is the command's item, where known."""
    params = envelope.params
    command = script(str(params.get("command") or (item or {}).get("command") or ""))
    cwd = params.get("cwd") or (item or {}).get("cwd")
    writes_stdin = params.get("kind") == "writeStdin"
    network = params.get("networkApprovalContext")
    tool_input: Json = {"command": command, "cwd": cwd}
    escalates: set[Escalation] = {"stdin"} if writes_stdin else {"sandbox"}
    if network:
        tool_input["network"] = network
        escalates = {"network"}
    if params.get("additionalPermissions"):
        tool_input["permissions"] = params["additionalPermissions"]
        escalates.add("permissions")
    offers = decisions("Yes, and do not ask again in this session", amendments_of=params)
    person = (params.get("kind") or "command") not in ("command", "writeStdin")
    if person:
        # `humanCommand` (0.164), and whatever comes after it: only a person may decide, and only once.
        escalates |= set(get_args(Escalation))
        offers = Offers[Decision]([(ALLOW, "accept"), (DENY, "decline"), (DENY_AND_STOP, "cancel")])
    request = envelope.permission(
        "WriteStdin" if writes_stdin else "Bash",
        tool_input,
        cwd=cwd,
        escalates=frozenset(escalates),
        options=offers.options,
        requires_person=person,
        changeable=(),
    )
    return Ask(request, lambda answer: {"decision": offers.chosen(answer)[2]})


def patch_approval(
    envelope: Envelope, changes: list[FileChange], cwd: str | None, add_dirs: Iterable[str] = ()
) -> Ask[PermissionRequest]:
    """Return the approval for `item/fileChange/requestApproval` over the changes of the item it names."""
    outside = [path for path in _paths(changes) if not is_within(path, cwd, add_dirs)]
    if envelope.params.get("grantRoot"):
        outside.append(str(envelope.params["grantRoot"]))
    uses = [file_tool_use(change) for change in changes]
    if len(uses) == 1:
        name, tool_input = uses[0].name, dict(uses[0].input)
    else:
        names = {use.name for use in uses}
        name = names.pop() if len(names) == 1 else "Edit"
        parts = [{"tool_name": use.name, "input": use.input} for use in uses]
        tool_input = {"file_paths": _paths(changes), "changes": parts}
    offers = decisions("Yes, and do not ask again for these files")
    request = envelope.permission(
        name,
        tool_input,
        cwd=cwd,
        escalates=frozenset({"path"} if outside else {"sandbox"}),
        options=offers.options,
        diff="".join(_unified_diff(change) for change in changes),
        blocked_path=outside[0] if outside else None,
        changeable=(),
    )
    return Ask(request, lambda answer: {"decision": offers.chosen(answer)[2]})


def plan_approval(envelope: Envelope, plan: object, cwd: str | None) -> PermissionRequest:
    """Return the request of ours about a plan with which a turn has ended: Codex itself only waits (0.163)."""
    return envelope.permission(
        "ExitPlanMode",
        {"plan": plan},
        cwd=cwd,
        options=plan_offers("in this Codex thread").options,
        changeable=("plan",),
    )


def permissions_approval(envelope: Envelope) -> Ask[PermissionRequest]:
    """Return the approval for `item/permissions/requestApproval`.

    An `Allow` whose `updated_input` holds a subset of the permissions grants that subset; more is refused.
    """
    wanted: Json = envelope.params.get("permissions") or {}
    escalates: set[Escalation] = {"permissions"}
    if wanted.get("network"):
        escalates.add("network")
    if wanted.get("fileSystem"):
        escalates.add("path")
    in_turn = PermissionOption("allow", "Yes, for this turn", Allow(), "in this Codex process, until the turn ends")
    in_session = PermissionOption("allow_session", "Yes, for this session", Allow("session"), IN_PROCESS)
    offers = Offers([(in_turn, "turn"), (in_session, "session"), (DENY, "turn"), (DENY_AND_STOP, "turn")])
    request = envelope.permission(
        "RequestPermissions",
        {"permissions": wanted},
        cwd=envelope.params.get("cwd"),
        escalates=frozenset(escalates),
        options=offers.options,
        changeable=("permissions",),
    )

    def encode(answer: AgentAnswer) -> Json:
        answer, _, scope = offers.chosen(answer)
        if isinstance(answer, Deny):
            return {"permissions": {}, "scope": scope}
        granted = wanted if answer.updated_input is None else answer.updated_input["permissions"]
        return {"permissions": granted, "scope": scope}

    return Ask(request, encode)


def _paths(changes: list[FileChange]) -> list[str]:
    return [path for change in changes for path in (change.path, change.new_path) if path is not None]


def _unified_diff(change: FileChange) -> str:
    """Return one file's change with the headers that Codex leaves out."""
    old = "/dev/null" if change.action == "add" else change.path
    new = "/dev/null" if change.action == "delete" else change.new_path or change.path
    head = f"--- {old}\n+++ {new}\n"
    if change.hunks is None:
        return f"{head}{change.diff.rstrip()}\n"
    lines: list[str] = []
    for hunk in change.hunks:
        lines.append(f"@@ -{hunk.old_start},{hunk.old_lines} +{hunk.new_start},{hunk.new_lines} @@")
        lines.extend(hunk.lines)
    return head + "".join(f"{line}\n" for line in lines)
