"""Scenarios of what is granted beyond one command: permissions in part, rules that are kept, policies that refuse."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, cast

from agent_sdk_core.asking.permissions import Allow, Deny, PermissionRequest
from agent_sdk_testing import call, text
from flows.stage import Stage, scenario
from flows.tools import answered_by_turns

_ESCALATED: Final = {"sandbox_permissions": "require_escalated", "justification": "It must."}
_GRANULAR: Final = {
    "sandbox_approval": False,
    "rules": True,
    "skill_approval": True,
    "request_permissions": True,
    "mcp_elicitations": True,
}


async def _the_folder_alone(request: PermissionRequest) -> Allow | Deny:
    wanted = cast("Mapping[str, object]", request.input["permissions"])
    return Allow(updated_input={"permissions": {"fileSystem": wanted["fileSystem"]}})


@scenario(
    permission_mode="accept_edits",
    can_use_tool=_the_folder_alone,
    home={"features": {"request_permissions_tool": True}, "suppress_unstable_features_warning": True},
)
async def permissions_granted_in_part(stage: Stage) -> None:
    outside = stage.workspace.parent / "outside"
    outside.mkdir()
    wanted: dict[str, Any] = {"network": {"enabled": True}, "file_system": {"write": [str(outside)]}}
    stage.model.reply(call("request_permissions", reason="I need them.", permissions=wanted))
    stage.model.reply(call("exec_command", cmd=f"echo hi > {outside}/hi.txt; sleep 0.3"))
    stage.model.reply(text("done"))
    await stage.say("ask for what you need")


@scenario(permission_mode="default", can_use_tool=answered_by_turns(Allow(option="allow_always"), Deny()))
async def rule_for_later_runs(stage: Stage) -> None:
    touched = stage.workspace.parent / "touched"
    for _ in range(2):
        stage.model.reply(call("exec_command", cmd=f"touch {touched}", **_ESCALATED))
        stage.model.reply(text("done"))
        await stage.say("touch")


@scenario(native={"approvalPolicy": {"granular": _GRANULAR}}, can_use_tool=answered_by_turns())
async def granular_policy(stage: Stage) -> None:
    stage.model.reply(call("exec_command", cmd="echo out", **_ESCALATED))
    stage.model.reply(text("then not"))
    await stage.say("try")
