"""Codex's approval requests as `PermissionRequest`s, and answers to them in the exact shapes that Codex takes.

Pure: requests in, requests and bodies out. Accepting a command runs it outside the sandbox, so each of these requests
is an escalation. Shapes: `CommandExecutionRequestApprovalResponse`, `FileChangeRequestApprovalResponse`,
`PermissionsRequestApprovalResponse`.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

from agent_sdk_core.asking.permissions import Allow, Deny, Escalation, PermissionOption, PermissionRequest
from agent_sdk_core.errors import InvalidRequestError
from agent_sdk_core.session import AgentAnswer
from codex_sdk.asking.envelope import Envelope
from codex_sdk.asking.offers import DENY, IN_PROCESS, Offers, no_option, permission_answer
from codex_sdk.normalizer.commands import script
from codex_sdk.normalizer.patches import FileChange, file_tool_use

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Approval:
    """A permission request and the way to put its answer on the wire.

    Attributes:
        request: What the caller sees.
        encode: Turns an answer into the response's body; raises `AgentError` for one that Codex cannot honour.
        body_stops: Whether the body of a refusal that ends the turn does end it; otherwise an interrupt has to (0.163).
    """

    request: PermissionRequest
    encode: Callable[[AgentAnswer], Json]
    body_stops: bool = True

    def stopped_by(self, answer: AgentAnswer | None) -> bool:
        """Tell whether the answer ends the turn, and the body that it becomes does not."""
        if self.body_stops or not isinstance(answer, Deny):
            return False
        option = self.request.option(answer.option) if answer.option is not None else None
        return answer.interrupt or (option is not None and option.answer == Deny(interrupt=True))


def command_approval(asked: Envelope, item: Json | None) -> Approval:
    """Return the approval for `item/commandExecution/requestApproval`; `item` is the command's item, where known."""
    params = asked.params
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
    offers = Offers("Yes, and do not ask again in this session", amendments_of=params)
    request = asked.permission(
        "WriteStdin" if writes_stdin else "Bash",
        tool_input,
        cwd=cwd,
        escalates=frozenset(escalates),
        options=offers.options,
    )
    return Approval(request, lambda answer: {"decision": offers.decide(request, answer)})


def patch_approval(asked: Envelope, changes: list[FileChange], cwd: str | None) -> Approval:
    """Return the approval for `item/fileChange/requestApproval` over the changes of the item it names."""
    outside = [path for path in _paths(changes) if not _is_within(path, cwd)]
    if asked.params.get("grantRoot"):
        outside.append(str(asked.params["grantRoot"]))
    uses = [file_tool_use(change) for change in changes]
    if len(uses) == 1:
        name, tool_input = uses[0].name, dict(uses[0].input)
    else:
        names = {use.name for use in uses}
        name = names.pop() if len(names) == 1 else "Edit"
        parts = [{"tool_name": use.name, "input": use.input} for use in uses]
        tool_input = {"file_paths": _paths(changes), "changes": parts}
    offers = Offers("Yes, and do not ask again for these files")
    request = asked.permission(
        name,
        tool_input,
        cwd=cwd,
        escalates=frozenset({"path"} if outside else {"sandbox"}),
        options=offers.options,
        diff="".join(_unified_diff(change) for change in changes),
    )
    return Approval(request, lambda answer: {"decision": offers.decide(request, answer)})


def permissions_approval(asked: Envelope) -> Approval:
    """Return the approval for `item/permissions/requestApproval`.

    An `Allow` whose `updated_input` holds a subset of the permissions grants that subset; more is refused.
    """
    wanted: Json = asked.params.get("permissions") or {}
    escalates: set[Escalation] = {"permissions"}
    if wanted.get("network"):
        escalates.add("network")
    if wanted.get("fileSystem"):
        escalates.add("path")
    request = asked.permission(
        "RequestPermissions",
        {"permissions": wanted},
        cwd=asked.params.get("cwd"),
        escalates=frozenset(escalates),
        options=(
            PermissionOption("allow", "Yes, for this turn", Allow(), "in this Codex process, until the turn ends"),
            PermissionOption("allow_session", "Yes, for this session", Allow("session"), IN_PROCESS),
            DENY,
        ),
    )

    def encode(answer: AgentAnswer) -> Json:
        if not isinstance(answer, Allow):
            permission_answer(answer)
            return {"permissions": {}, "scope": "turn"}
        option = answer.option or ("allow" if answer.scope == "once" else "allow_session")
        if option not in ("allow", "allow_session"):
            raise no_option(option)
        granted: object = wanted
        if answer.updated_input is not None:
            granted = answer.updated_input.get("permissions")
            if not isinstance(granted, dict) or not _is_part(cast("object", granted), wanted):
                raise InvalidRequestError("Only permissions that were asked for can be granted.", backend="codex")
        return {"permissions": granted, "scope": "turn" if option == "allow" else "session"}

    return Approval(request, encode, body_stops=False)


def _is_part(part: object, whole: object) -> bool:
    """Tell whether JSON grants nothing that `whole` does not: fewer keys, fewer entries, a switch left off."""
    if isinstance(part, dict) and isinstance(whole, dict):
        members, known = cast("Json", part), cast("Json", whole)
        return all(value is None or (key in known and _is_part(value, known[key])) for key, value in members.items())
    if isinstance(part, list) and isinstance(whole, list):
        return all(entry in whole for entry in cast("list[object]", part))
    return part == whole or (part is False and whole is True)


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


def _is_within(path: str, folder: str | None) -> bool:
    if folder is None:
        return False
    absolute = os.path.normpath(os.path.join(folder, path))  # noqa: PTH118  # Path.resolve would follow links
    return absolute == folder or absolute.startswith(folder.rstrip("/") + "/")
