"""How a turn ended, as the fields of its result."""

from __future__ import annotations

from typing import Final

from agent_sdk_core.wire.reading import Json, optional_text_at

_LIMITS: Final = {"max_tokens": "error_max_tokens", "max_turn_requests": "error_max_turns"}


def ending(stop_reason: str | None, error: Json | None, *, in_tool: bool) -> Json:
    """Return the fields of the result of a turn that the agent ended.

    A stop reason that nobody knows yet ends the turn well: what was said stands.
    """
    reason = stop_reason or "end_turn"
    if reason in _LIMITS:
        told = "It may not say more." if reason == "max_tokens" else "It may not ask its model more often."
        return {"subtype": _LIMITS[reason], "is_error": True, "errors": [f"The agent stopped: {told}"]}
    if reason == "cancelled":
        return {"subtype": "error_during_execution", "is_error": True, "terminal_reason": aborted(in_tool=in_tool)}
    if reason in ("refusal", "error"):
        said = optional_text_at(error or {}, "message") or "The model refused to answer."
        return {"subtype": "error_during_execution", "is_error": True, "errors": [said], "terminal_reason": reason}
    return {"subtype": "success", "is_error": False, "terminal_reason": "completed"}


def aborted(*, in_tool: bool) -> str:
    """Return the terminal reason of a turn that was cut off."""
    return "aborted_tools" if in_tool else "aborted_streaming"
