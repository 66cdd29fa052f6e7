"""The result that ends a turn."""

from __future__ import annotations

from pydantic_core import from_json

from agent_sdk_core.wire.reading import Json, as_record, integer_at, records_at, text_at
from codex_sdk.normalizer.turns.failures import TurnFailure, turn_failure
from codex_sdk.normalizer.turns.turns import Turn
from codex_sdk.normalizer.turns.usage import UsageMeter


def ended_by_codex(turn: Turn, ended: Json, *, in_tools: bool, structured: bool = False) -> Json:
    """Return what sets the result of a turn/completed notification apart.

    Args:
        turn: The turn.
        ended: The notification's `turn`.
        in_tools: Whether the turn was waiting for a tool.
        structured: Whether its answer is JSON.
    """
    status = text_at(ended, "status")
    fields: Json
    if status == "completed":
        answer = turn.answer or turn.said or _summary(ended)
        fields = {"subtype": "success", "is_error": False, "result": answer, "terminal_reason": "completed"}
        if structured:
            fields |= _parsed(answer)
    elif status == "interrupted":
        reason = "aborted_tools" if in_tools else "aborted_streaming"
        fields = _error(TurnFailure("interrupted", "The turn was interrupted."), reason)
        del fields["error_code"], fields["retryable"]
    else:
        error = as_record(ended.get("error")) or turn.error
        if error is None and status != "failed":
            failure = TurnFailure("protocol_error", f"The turn ended with a status that is not known: {status!r}.")
        else:
            failure = turn_failure(error or {})
        fields = _error(failure, "prompt_too_long" if failure.code == "context_window_exceeded" else "api_error")
    duration = integer_at(ended, "durationMs")
    return fields if duration is None else {**fields, "duration_ms": duration}


def ended_by_us(code: str, message: str, terminal_reason: str | None) -> Json:
    """Return what sets the result apart of a turn that Codex did not end."""
    return _error(TurnFailure(code, message), terminal_reason)


def result_fields(turn: Turn, meter: UsageMeter, ending: Json) -> Json:
    """Return the fields of a turn's result."""
    fields: Json = {
        "type": "result",
        **ending,
        "num_turns": turn.calls,
        "usage": turn.tokens.to_wire(),
        "modelUsage": meter.ledger.model_usage(),
        "permission_denials": turn.denials,
        "user_message_uuids": turn.prompts,
    }
    if (cost := meter.ledger.cost()) is not None:
        fields |= {"total_cost_usd": cost, "cost_source": "price_table"}
    if turn.diff is not None:
        fields["diff"] = turn.diff
    return fields


def task_fields(turn: Turn, ending: Json) -> Json:
    """Return what a sub-agent's turn adds to the notice that its task ended."""
    usage: Json = {"total_tokens": turn.tokens.input + turn.tokens.output, "tool_uses": turn.tool_uses}
    if "duration_ms" in ending:
        usage["duration_ms"] = ending["duration_ms"]
    fields: Json = {"usage": usage}
    if "error_code" in ending:
        fields["error_code"] = ending["error_code"]
    return fields


def task_summary(turn: Turn, ending: Json) -> str:
    """Return what a sub-agent's turn came to: its failure, else the last that it said, else why it ended."""
    if ending["is_error"]:
        failed = "error_code" in ending
        said = None if failed else turn.answer or turn.said
        return said or "; ".join(ending["errors"])
    return ending["result"]


def _error(failure: TurnFailure, terminal_reason: str | None) -> Json:
    fields: Json = {
        "subtype": "error_during_execution",
        "is_error": True,
        "errors": [failure.message],
        "error_code": failure.code,
        "retryable": failure.retryable,
        "terminal_reason": terminal_reason,
    }
    if failure.status is not None:
        fields["api_error_status"] = failure.status
    return fields


def _parsed(answer: str) -> Json:
    """Return the answer as `structured_output`; nothing where it is no JSON, as after a refusal."""
    try:
        return {"structured_output": from_json(answer, allow_inf_nan=False)}
    except ValueError:
        return {}


def _summary(ended: Json) -> str:
    """Return the last text of the summary that turn/completed carries, for a turn that was joined late."""
    said = [text_at(item, "text") for item in records_at(ended, "items") if item.get("type") == "agentMessage"]
    return said[-1] if said else ""
