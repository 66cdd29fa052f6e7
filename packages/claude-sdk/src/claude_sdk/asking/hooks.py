"""Hooks that claude asks us about: the application's and, before each tool call, the policy, which comes first.

Claude takes an error for consent (2.1.329), so that a hook is always answered by a body; `onFailure` has it refuse
what a hook that breaks or does not answer guards, but for a turn or a sub-agent that would end.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from agent_sdk_core.asking.requests import Work
from agent_sdk_core.errors import UnsupportedOptionError
from agent_sdk_core.hooks.events import (
    HookEvent,
    HookName,
    PostCompactEvent,
    PostToolUseEvent,
    PreCompactEvent,
    PreSkillCommandEvent,
    PreToolUseEvent,
    StopEvent,
    SubagentStartEvent,
    SubagentStopEvent,
)
from agent_sdk_core.options import SessionOptions
from agent_sdk_core.runtime.asking.hooking import HookOutcome, SessionHooks, check_tool
from agent_sdk_core.runtime.asking.policing import Police
from agent_sdk_core.transport.process.executable import parse_version
from agent_sdk_core.wire.reading import Json, filled_text, record_of

_ID: Final = "agent_sdk:"
"""What the ids begin with under which claude calls our hooks; the event follows."""

_SLACK: Final = 30.0
"""Seconds that claude waits longer than our own hooks may take, lest it gives up before they have answered."""

_NATIVE: Final[Mapping[HookName, tuple[str, ...]]] = {
    "pre_tool_use": ("PreToolUse",),
    "post_tool_use": ("PostToolUse", "PostToolUseFailure"),
    "prompt_submit": ("UserPromptSubmit",),
    "session_start": ("UserPromptSubmit",),
    "stop": ("Stop",),
    "pre_compact": ("PreCompact",),
    "post_compact": ("PostCompact",),
    "subagent_start": ("SubagentStart",),
    "subagent_stop": ("SubagentStop",),
    "pre_skill_command": ("PreSkillShellCommand",),
}
"""Claude's events for each of ours; prompts and sessions are ours to tell, and what hooks add to them is asked for."""

_SKILL_COMMANDS_SINCE: Final = (2, 1, 332)
"""The first claude that has the event for commands in the text of skills; earlier ones never call it."""

_SINCE: Final = ".".join(map(str, _SKILL_COMMANDS_SINCE))


def hooks_of(options: SessionOptions) -> Json:
    """Return the fields of `initialize` that announce our hooks."""
    seconds: dict[str, float] = {}
    if _refuses(options):
        seconds |= {"PreToolUse": 0.0, "PreSkillShellCommand": 0.0}
    if (hooks := options.hooks) is not None:
        for name in hooks.names:
            for event in _NATIVE.get(name, ()):
                seconds[event] = seconds.get(event, 0.0) + hooks.seconds(name)
    announced = {
        event: [{"hookCallbackIds": [f"{_ID}{event}"], "onFailure": "block", "timeout": most + _SLACK}]
        for event, most in seconds.items()
    }
    return {"hooks": announced} if announced else {}


def require_hooks(options: SessionOptions, version: str | None) -> None:
    """Refuse a hook that a claude of this version would never call.

    Raises:
        UnsupportedOptionError: There is one.
    """
    if options.hooks is not None and "pre_skill_command" in options.hooks.names and not _tells_skill_commands(version):
        raise UnsupportedOptionError(
            f"Claude {version} cannot call SessionOptions.hooks.pre_skill_command, so that it would guard nothing; "
            f"{_SINCE} can. Update it, or switch skills off: skills=[].",
            backend="claude",
            details={"option": "hooks", "hook": "pre_skill_command"},
        )


def unseen(options: SessionOptions, version: str | None) -> tuple[str, ...]:
    """Return, as a sentence, what a claude of this version runs without the policy having seen it."""
    if not _refuses(options) or _tells_skill_commands(version) or options.skills == ():
        return ()
    sentence = (
        f"SessionOptions.policy does not see the shell commands in the texts of skills, for Claude {version} tells of "
        f"none before it runs them; {_SINCE} does. Update it, or switch skills off: skills=[]."
    )
    return (sentence,)


def _refuses(options: SessionOptions) -> bool:
    return options.policy_scope == "every_call" or (options.policy is not None and options.policy.refuses)


def _tells_skill_commands(version: str | None) -> bool:
    found = parse_version(version or "")
    return found is not None and found >= _SKILL_COMMANDS_SINCE


def refused(reason: str = "") -> Json:
    """Return the body that refuses what a hook guards, whatever that is."""
    reason = reason or "Nobody allowed it."
    return {**_decision("deny", reason), "decision": "block", "reason": reason}


def hook_call(params: Mapping[str, object], police: Police | None, hooks: SessionHooks | None = None) -> Work | None:
    """Return what a hook of ours decides; None for a hook that is not ours, which is refused."""
    call = record_of(params.get("input"))
    event = filled_text(call.get("hook_event_name"))
    if event is None or params.get("callback_id") != f"{_ID}{event}" or (hooks is None and police is None):
        return None

    async def run() -> Json:
        if event == "PreToolUse":
            return await _pre_tool_use(call, police, hooks)
        if event == "PreSkillShellCommand":
            return _answer(event, await _pre_skill_command(call, police, hooks))
        if hooks is None:
            return {}
        if event == "UserPromptSubmit":
            return _context(event, hooks.take_context())
        read = _EVENTS.get(event)
        if read is None or (told := read(call)) is None:
            return {}
        return _answer(event, await hooks.run(told))

    return Work(run, lambda reason: _failed(event, reason), f"the hooks for {event}")


async def _pre_tool_use(call: Json, police: Police | None, hooks: SessionHooks | None) -> Json:
    tool = filled_text(call.get("tool_name"))
    if tool is None:
        return _decision("deny", "The call names no tool.")
    use_id = filled_text(call.get("tool_use_id"))
    event = PreToolUseEvent(tool, record_of(call.get("tool_input")), use_id, **_common(call))
    outcome = await check_tool(event, police, hooks)
    if outcome.stop is not None:  # Alone it would let the tool run.
        return {**_decision("deny", outcome.stop), "continue": False, "stopReason": outcome.stop}
    if outcome.block is not None:
        return _decision("deny", outcome.block)
    body = {} if outcome.ask is None else _decision("ask", outcome.ask)
    told = record_of(body.get("hookSpecificOutput")) or {"hookEventName": "PreToolUse"}
    if outcome.text is not None:
        told["additionalContext"] = outcome.text
    if outcome.input is not None:
        told["updatedInput"] = dict(outcome.input)
    return {"hookSpecificOutput": told} if len(told) > 1 else {}


async def _pre_skill_command(call: Json, police: Police | None, hooks: SessionHooks | None) -> HookOutcome:
    """Return what becomes of a command in the text of a skill: the policy judges it as the command that it is."""
    command = filled_text(record_of(call.get("tool_input")).get("command")) or ""
    common = _common(call)
    outcome = await check_tool(PreToolUseEvent("Bash", {"command": command}, **common), police, None)
    if outcome.ask is not None:  # Claude reads the text before anybody could be asked.
        outcome = HookOutcome(block=f"{outcome.ask} Nobody can be asked about a command in the text of a skill.")
    if outcome.block is not None or hooks is None:
        return outcome
    return await hooks.run(PreSkillCommandEvent(command, filled_text(call.get("command_name")), **common))


def _answer(event: str, outcome: HookOutcome) -> Json:
    body = _context(event, outcome.text)
    if outcome.stop is not None:
        body |= {"continue": False, "stopReason": outcome.stop}
    if outcome.block is not None:
        if event == "PreSkillShellCommand":
            return {**body, **_decision("deny", outcome.block, event)}
        body |= {"decision": "block", "reason": outcome.block}
    return body


def _failed(event: str, reason: str) -> Json:
    """Return the answer to a hook that could not be called, which lets none but ends pass."""
    if event in ("Stop", "SubagentStop", "PostCompact", "SubagentStart"):
        return {}
    if event in ("PreToolUse", "PreSkillShellCommand"):
        return _decision("deny", reason, event)
    return {"decision": "block", "reason": reason}


def _context(event: str, text: str | None) -> Json:
    return {} if text is None else {"hookSpecificOutput": {"hookEventName": event, "additionalContext": text}}


def _decision(decision: str, reason: str, event: str = "PreToolUse") -> Json:
    told = {"hookEventName": event, "permissionDecision": decision, "permissionDecisionReason": reason}
    return {"hookSpecificOutput": told}


def _common(call: Json) -> dict[str, Any]:
    return {
        "session_id": filled_text(call.get("session_id")) or "",
        "cwd": filled_text(call.get("cwd")),
        "agent_id": filled_text(call.get("agent_id")),
        "raw": call,
    }


def _post_tool_use(call: Json) -> PostToolUseEvent:
    failed = call.get("hook_event_name") == "PostToolUseFailure"
    return PostToolUseEvent(
        filled_text(call.get("tool_name")) or "",
        record_of(call.get("tool_input")),
        call.get("error") if failed else call.get("tool_response"),
        filled_text(call.get("tool_use_id")),
        failed,
        **_common(call),
    )


def _stop(call: Json) -> StopEvent:
    return StopEvent(
        filled_text(call.get("last_assistant_message")), call.get("stop_hook_active") is True, **_common(call)
    )


def _subagent_start(call: Json) -> SubagentStartEvent:
    return SubagentStartEvent(filled_text(call.get("agent_type")) or "", **_common(call))


def _subagent_stop(call: Json) -> SubagentStopEvent | None:
    kind = filled_text(call.get("agent_type"))
    if kind is None:  # One of claude's own, such as the one that writes a summary.
        return None
    last, active = filled_text(call.get("last_assistant_message")), call.get("stop_hook_active") is True
    return SubagentStopEvent(kind, last, active, **_common(call))


def _pre_compact(call: Json) -> PreCompactEvent:
    return PreCompactEvent("auto" if call.get("trigger") == "auto" else "manual", **_common(call))


def _post_compact(call: Json) -> PostCompactEvent:
    trigger = "auto" if call.get("trigger") == "auto" else "manual"
    return PostCompactEvent(trigger, filled_text(call.get("compact_summary")), **_common(call))


_EVENTS: Final[Mapping[str, Callable[[Json], HookEvent | None]]] = {
    "PostToolUse": _post_tool_use,
    "PostToolUseFailure": _post_tool_use,
    "Stop": _stop,
    "SubagentStart": _subagent_start,
    "SubagentStop": _subagent_stop,
    "PreCompact": _pre_compact,
    "PostCompact": _post_compact,
}
