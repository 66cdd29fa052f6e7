"""What happens around the conversation: warnings, retries, hooks, reviews, reroutes, as system messages."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Final

from agent_sdk_core.interfaces.goal import ACTIVE
from agent_sdk_core.messages.base import Source
from agent_sdk_core.messages.conversation import RateLimitEvent
from agent_sdk_core.messages.system import (
    ApiRetry,
    GoalChanged,
    Informational,
    PermissionDenied,
    SessionTitleChanged,
    SystemMessage,
)
from agent_sdk_core.wire.reading import Json, as_record, optional_text_at, record_at, records_at, text_at
from codex_sdk.normalizer.emitter import Frames
from codex_sdk.normalizer.state import ThreadState
from codex_sdk.normalizer.turns.failures import turn_failure
from codex_sdk.normalizer.turns.turns import Turn

_GOAL_STATUS: Final = {"usageLimited": "usage_limited", "budgetLimited": "budget_limited"}
_ATTEMPT: Final = re.compile(r"(\d{1,6})/(\d{1,6})")


def inform(frames: Frames, source: Source, content: str, level: str, **fields: object) -> None:
    """Add a notice for the user; `level` is "info", "warning" or "error"."""
    frames.system(Informational, "informational", source, {"content": content, "level": level, **fields})


def warning(state: ThreadState, params: Json) -> None:
    """Take warning, guardianWarning, configWarning and deprecationNotice."""
    content = "\n".join(
        filter(None, (text_at(params, "message") or text_at(params, "summary"), text_at(params, "details")))
    )
    path = optional_text_at(params, "path")
    inform(state.frames, state.source(params), content, "warning", **({} if path is None else {"path": path}))


def info(state: ThreadState, params: Json) -> None:
    """Take modelProvider/authRecoveryStarted and modelProvider/authRecoveryCompleted."""
    inform(state.frames, state.source(params), text_at(params, "message"), "info")


def strict_review(state: ThreadState, params: Json) -> None:
    """Take autoApprovalReview/strictReviewRequired."""
    content = "The automatic review asks for a person's approval from here on."
    inform(state.frames, state.source(params), content, "warning")


def error(state: ThreadState, params: Json) -> None:
    """Take error: one that is tried again voids what streamed of the request, another waits for the turn's end."""
    failed = record_at(params, "error")
    turn = state.turns.known(text_at(params, "turnId")) or state.turns.active
    if params.get("willRetry") is True:
        if turn is not None:
            state.speech.cut(turn)
        _retried(state, params, failed)
    elif turn is None or turn.ended:
        inform(state.frames, state.source(params), turn_failure(failed).message, "error")
    else:
        turn.error = failed


def renamed(state: ThreadState, params: Json) -> None:
    """Take thread/name/updated."""
    if state.turns.agent is None:
        title = optional_text_at(params, "threadName")
        state.turns.facts = replace(state.turns.facts, title=title)
        fields: Json = {"title": title}
        state.frames.system(SessionTitleChanged, "session_title_changed", state.source(params), fields)


def goal_updated(state: ThreadState, params: Json) -> None:
    """Take thread/goal/updated and thread/goal/cleared."""
    if state.turns.agent is not None:
        return
    goal = record_at(params, "goal")
    fields: Json = {"objective": optional_text_at(goal, "objective")}
    state.pursues = False
    if goal:
        status = text_at(goal, "status")
        state.pursues = status == ACTIVE
        fields |= {
            "status": _GOAL_STATUS.get(status, status),
            "token_budget": goal.get("tokenBudget"),
            "tokens_used": goal.get("tokensUsed"),
            "seconds_used": goal.get("timeUsedSeconds"),
        }
    state.frames.system(GoalChanged, "goal_changed", state.source(params), fields)


def rerouted(state: ThreadState, params: Json) -> None:
    """Take model/rerouted: from here on the turn's tokens count for the other model."""
    turn: Turn = state.turn(params)
    turn.model = optional_text_at(params, "toModel") or turn.model
    reason = text_at(params, "reason")
    content = f"The model was changed from {text_at(params, 'fromModel')} to {turn.model}: {reason}."
    inform(state.frames, turn.source, content, "warning")


def hook_started(state: ThreadState, params: Json) -> None:
    """Take hook/started."""
    state.frames.system(SystemMessage, "hook_started", state.source(params), _hook(params))


def hook_completed(state: ThreadState, params: Json) -> None:
    """Take hook/completed."""
    run = record_at(params, "run")
    lines = [text_at(entry, "text") for entry in records_at(run, "entries")]
    fields = {**_hook(params), "outcome": text_at(run, "status"), "output": "\n".join(filter(None, lines))}
    state.frames.system(SystemMessage, "hook_response", state.source(params), fields)


def auto_reviewed(state: ThreadState, params: Json) -> None:
    """Take item/autoApprovalReview/completed: a refusal by Codex's own reviewer, whom nobody asked."""
    review, action = record_at(params, "review"), record_at(params, "action")
    verdict = text_at(review, "status")
    if verdict in ("approved", "inProgress"):
        return
    reason = optional_text_at(review, "rationale") or f"The automatic review ended with {verdict}."
    fields: Json = {"tool_name": _tool_name(action), "message": reason}
    if (item_id := optional_text_at(params, "targetItemId")) is not None:
        fields["tool_use_id"] = item_id
    state.frames.system(PermissionDenied, "permission_denied", state.source(params), fields)


def server_status(state: ThreadState, params: Json) -> None:
    """Take mcpServer/startupStatus/updated: the next init tells it, and a failure is told, in a turn if it can be."""
    facts, name, status = state.turns.facts, text_at(params, "name"), text_at(params, "status")
    facts.mcp_servers = {**facts.mcp_servers, name: status}
    if status == "failed":
        content = f"The MCP server {name} did not start: {text_at(params, 'error') or 'no reason was told'}"
        if state.turns.held is None:
            inform(state.frames, state.source(params), content, "warning")
        else:
            state.turns.held.append(content)


def rate_limits(state: ThreadState, params: Json) -> None:
    """Take account/rateLimits/updated, which comes after every model request: told in a turn, when it changed."""
    limits, turn = as_record(params.get("rateLimits")), state.turns.active
    if limits is None or limits == state.rate_limits or turn is None or not turn.begun:
        return
    state.rate_limits = limits
    state.frames.add(RateLimitEvent, state.source(params), {"type": "rate_limit_event", "rate_limit_info": limits})


def review_mode(state: ThreadState, turn: Turn, item: Json) -> None:
    """Take an enteredReviewMode or exitedReviewMode item."""
    entered, said = item.get("type") == "enteredReviewMode", text_at(item, "review")
    content = f"Review started: {said}" if entered else said or "Review ended."
    source = turn.item_source(text_at(item, "id"))
    inform(state.frames, source, content, "info", review="entered" if entered else "exited")


def hook_prompt(state: ThreadState, turn: Turn, item: Json) -> None:
    """Take a hookPrompt item: what the user's hooks told the model."""
    fragments = [text_at(fragment, "text") for fragment in records_at(item, "fragments")]
    inform(state.frames, turn.item_source(text_at(item, "id")), "\n".join(fragments), "info", hook_prompt=True)


def _retried(state: ThreadState, params: Json, failed: Json) -> None:
    failure = turn_failure(failed)
    fields: Json = {"error": failure.code, "message": failure.message, "error_status": failure.status}
    if match := _ATTEMPT.search(failure.message):
        fields |= {"attempt": int(match[1]), "max_retries": int(match[2])}
    if details := optional_text_at(failed, "additionalDetails"):
        fields["details"] = details
    state.frames.system(ApiRetry, "api_retry", state.source(params), fields)


def _hook(params: Json) -> Json:
    run = record_at(params, "run")
    return {
        "hook_id": text_at(run, "id"),
        "hook_event": text_at(run, "eventName"),
        "hook_name": text_at(run, "sourcePath"),
    }


def _tool_name(action: Json) -> str:
    match action.get("type"):
        case "command" | "execve":
            return "Bash"
        case "writeStdin":
            return "WriteStdin"
        case "applyPatch":
            return "Edit"
        case "mcpToolCall":
            return f"mcp__{text_at(action, 'server')}__{text_at(action, 'toolName')}"
        case other:
            return other if isinstance(other, str) and other else "unknown"
