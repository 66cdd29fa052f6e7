"""Hooks that claude asks us about: our own, before each tool call, so that a policy sees what runs unasked as well.

Claude takes an error for consent (2.1.329), so that a hook is always answered by a body; `onFailure` has it refuse
what a hook that breaks or does not answer guards.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from agent_sdk_core.asking.requests import Work
from agent_sdk_core.options import SessionOptions
from agent_sdk_core.runtime.asking.policing import Police, denial
from agent_sdk_core.wire.reading import Json, filled_text, record_of

_POLICY: Final = "agent_sdk_policy"
"""The id under which claude calls our hook."""


def hooks_of(options: SessionOptions) -> Json:
    """Return the fields of `initialize` that announce our hooks."""
    if options.policy is None or not options.policy.refuses:
        return {}
    return {"hooks": {"PreToolUse": [{"hookCallbackIds": [_POLICY], "onFailure": "block"}]}}


def refused(reason: str = "") -> Json:
    """Return the body that refuses the call that a hook guards."""
    return _decision("deny", reason or "Nobody allowed it.")


def hook_call(params: Mapping[str, object], options: SessionOptions) -> Work | None:
    """Return what a hook of ours decides; None for a hook that is not ours, which is refused."""
    police = Police.of(options)
    call = record_of(params.get("input"))
    if police is None or params.get("callback_id") != _POLICY or call.get("hook_event_name") != "PreToolUse":
        return None

    async def run() -> Json:
        tool, tool_input = filled_text(call.get("tool_name")), record_of(call.get("tool_input"))
        if tool is None:
            return refused("The call names no tool.")
        decision = await police.judge(tool, tool_input, filled_text(call.get("cwd")))
        if decision.verdict == "deny":
            return _decision("deny", denial(decision).message)
        if decision.verdict == "ask" and decision.rule is not None:
            return _decision("ask", f"The policy asks: {decision.why}.")
        # An allow is said where claude asks: it may lift what only the request tells.
        return {}

    return Work(run, refused, "the policy")


def _decision(decision: str, reason: str) -> Json:
    told = {"hookEventName": "PreToolUse", "permissionDecision": decision, "permissionDecisionReason": reason}
    return {"hookSpecificOutput": told}
