"""Codex's approval requests as `PermissionRequest`s, and answers to them in the exact shapes that Codex takes.

Pure: requests in, requests and bodies out. Accepting a command runs it outside the sandbox, so each of these requests
is an escalation. Shapes: `CommandExecutionRequestApprovalResponse`, `FileChangeRequestApprovalResponse`,
`PermissionsRequestApprovalResponse`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

from agent_sdk_core.errors import InvalidRequestError, UnsupportedOptionError
from agent_sdk_core.messages.base import Source
from agent_sdk_core.permissions import Allow, Deny, Escalation, PermissionOption, PermissionRequest
from agent_sdk_core.session import AgentAnswer
from codex_sdk.normalizer.commands import script
from codex_sdk.normalizer.patches import FileChange, file_tool_use

Json = dict[str, Any]
Decision = str | Json

_IN_PROCESS: Final = "in this Codex process, until the session ends"
_IN_RULES: Final = "in $CODEX_HOME/rules, for every project"
_DENY: Final = (
    PermissionOption("deny", "No", Deny()),
    PermissionOption("deny_stop", "No, and stop", Deny(interrupt=True)),
)


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


@dataclass(frozen=True, slots=True)
class Asked:
    """What every request of Codex shares.

    Attributes:
        request_id: Ours.
        session_id: The session that asks.
        native_id: Codex's request id, as text.
        params: The request's parameters.
        parent_tool_use_id: The tool use of the sub-agent that asks.
        deadline: Unix time after which it is denied.
    """

    request_id: str
    session_id: str
    native_id: str
    params: Json
    parent_tool_use_id: str | None = None
    deadline: float | None = None

    @property
    def thread_id(self) -> str:
        """The thread that asks: the session's own, or a sub-agent's."""
        return str(self.params.get("threadId"))

    @property
    def source(self) -> Source:
        """Native ids."""
        params = self.params
        return Source(
            "codex",
            thread_id=params.get("threadId"),
            turn_id=params.get("turnId"),
            item_id=params.get("itemId"),
            request_id=self.native_id,
        )

    def permission(self, tool_name: str, tool_input: Mapping[str, object], **fields: Any) -> PermissionRequest:
        """Return the permission request with the shared fields filled in."""
        fields.setdefault("tool_use_id", self.params.get("itemId"))
        return PermissionRequest(
            request_id=self.request_id,
            session_id=self.session_id,
            tool_name=tool_name,
            input=tool_input,
            reason=self.params.get("reason"),
            parent_tool_use_id=self.parent_tool_use_id,
            deadline=self.deadline,
            raw=self.params,
            source=self.source,
            **fields,
        )


def command_approval(asked: Asked, item: Json | None) -> Approval:
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
    options: dict[str, tuple[PermissionOption, Decision]] = {}
    _offer(options, PermissionOption("allow", "Yes", Allow()), "accept")
    session = PermissionOption(
        "allow_session", "Yes, and do not ask again in this session", Allow("session"), _IN_PROCESS
    )
    _offer(options, session, "acceptForSession")
    _offer_amendments(options, params)
    _offer(options, _DENY[0], "decline")
    _offer(options, _DENY[1], "cancel")
    request = asked.permission(
        "WriteStdin" if writes_stdin else "Bash",
        tool_input,
        cwd=cwd,
        escalates=frozenset(escalates),
        options=tuple(option for option, _ in options.values()),
    )
    return Approval(request, lambda answer: {"decision": _decide(request, options, answer)})


def patch_approval(asked: Asked, changes: list[FileChange], cwd: str | None) -> Approval:
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
    options: dict[str, tuple[PermissionOption, Decision]] = {}
    _offer(options, PermissionOption("allow", "Yes", Allow()), "accept")
    session = PermissionOption(
        "allow_session", "Yes, and do not ask again for these files", Allow("session"), _IN_PROCESS
    )
    _offer(options, session, "acceptForSession")
    _offer(options, _DENY[0], "decline")
    _offer(options, _DENY[1], "cancel")
    request = asked.permission(
        name,
        tool_input,
        cwd=cwd,
        escalates=frozenset({"path"} if outside else {"sandbox"}),
        options=tuple(option for option, _ in options.values()),
        diff="".join(_unified_diff(change) for change in changes),
    )
    return Approval(request, lambda answer: {"decision": _decide(request, options, answer)})


def permissions_approval(asked: Asked) -> Approval:
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
            PermissionOption("allow_session", "Yes, for this session", Allow("session"), _IN_PROCESS),
            _DENY[0],
        ),
    )

    def encode(answer: AgentAnswer) -> Json:
        if not isinstance(answer, Allow):
            _require_answer(answer)
            return {"permissions": {}, "scope": "turn"}
        option = answer.option or ("allow" if answer.scope == "once" else "allow_session")
        if option not in ("allow", "allow_session"):
            raise _no_option(option)
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


def _offer(options: dict[str, tuple[PermissionOption, Decision]], option: PermissionOption, decision: Decision) -> None:
    options[option.id] = (option, decision)


def _offer_amendments(options: dict[str, tuple[PermissionOption, Decision]], params: Json) -> None:
    """Add the lasting grants that Codex proposes, and only those it says it takes."""
    available = params.get("availableDecisions")

    def offered(kind: str) -> bool:
        return available is None or any(kind in entry for entry in available if isinstance(entry, dict))

    prefix = cast("list[str] | None", params.get("proposedExecpolicyAmendment"))
    if prefix and offered("acceptWithExecpolicyAmendment"):
        label = f"Yes, and never ask again for commands that start with: {' '.join(prefix)}"
        option = PermissionOption("allow_always", label, Allow("always", option="allow_always"), _IN_RULES)
        _offer(options, option, {"acceptWithExecpolicyAmendment": {"execpolicy_amendment": prefix}})
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
        _offer(options, option, {"applyNetworkPolicyAmendment": {"network_policy_amendment": amendment}})


def _decide(
    request: PermissionRequest, options: dict[str, tuple[PermissionOption, Decision]], answer: AgentAnswer
) -> Decision:
    answer = require_permission(request, answer)
    if answer.option is not None:
        if answer.option not in options:
            raise _no_option(answer.option)
        option, decision = options[answer.option]
        if type(option.answer) is not type(answer):
            raise _no_option(answer.option)
        return decision
    if isinstance(answer, Deny):
        return "cancel" if answer.interrupt else "decline"
    if answer.scope == "always":
        always = [decision for option, decision in options.values() if _grants_always(option)]
        return always[0] if len(always) == 1 else "acceptForSession"
    return "accept" if answer.scope == "once" else "acceptForSession"


def _grants_always(option: PermissionOption) -> bool:
    return isinstance(option.answer, Allow) and option.answer.scope == "always"


def require_permission(request: PermissionRequest, answer: AgentAnswer) -> Allow | Deny:
    """Return the answer if Codex can honour it: it cannot run anything but what it asked about.

    Raises:
        InvalidRequestError: The answer is of another kind.
        UnsupportedOptionError: It changes the input.
    """
    answer = _require_answer(answer)
    changed = answer.updated_input if isinstance(answer, Allow) else None
    if changed is not None and dict(changed) != dict(request.input):
        raise UnsupportedOptionError(
            "Codex cannot run a changed input: deny the request, and say in a prompt what you want instead.",
            backend="codex",
        )
    return answer


def _require_answer(answer: AgentAnswer) -> Allow | Deny:
    if not isinstance(answer, Allow | Deny):
        raise InvalidRequestError(f"A permission is answered with Allow or Deny, not {type(answer).__name__}.")
    return answer


def _no_option(option: str) -> InvalidRequestError:
    return InvalidRequestError(f"This request has no such option: {option!r}.", backend="codex")


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
