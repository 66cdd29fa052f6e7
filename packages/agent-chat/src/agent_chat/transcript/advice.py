"""`Advice`: what to do about a turn that was not completed, by the codes that are the same for every agent. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from agent_sdk_core.messages.result import ResultMessage

Way = Literal["again", "continue", "edit", "compact", "model", "settings", "new"]
"""A way on: the same prompt again, more of the same turn, another wording, room in the context, another model, other
settings, a new chat."""


@dataclass(frozen=True, slots=True)
class Advice:
    """What to do.

    Attributes:
        text: In a sentence; empty where the ways say it all.
        ways: What a front end offers for it, the best first.
    """

    text: str = ""
    ways: tuple[Way, ...] = ()


_WAIT: Final = Advice("Wait a moment and try again, or choose another model.", ("again", "model"))
_UNSURE: Final = Advice("Try again; if it fails in the same way, say it in another way.", ("again", "edit"))
_RESTARTED: Final = Advice("The agent is started again with the next prompt.", ("continue", "again"))
_REFUSED: Final = Advice("Say it in another way, or choose another model.", ("edit", "model"))
_NETWORK: Final = Advice("Look whether there is a network, and try again.", ("again",))
_LOGIN: Final = Advice("Log in at the agent, as `agent-sdk doctor` says, and try again.", ("again",))
_SPENT: Final = Advice("Begin a new chat; the settings say how much one may use.", ("new", "settings"))
_STOPPED: Final = Advice("It can go on from where it was stopped.", ("continue",))

_BY_CODE: Final[Mapping[str, Advice]] = {
    "authentication_failed": _LOGIN,
    "not_logged_in": _LOGIN,
    "usage_limit": Advice("Wait until the quota is renewed, or choose another model.", ("model", "again")),
    "rate_limited": _WAIT,
    "overloaded": _WAIT,
    "server_error": _WAIT,
    "connection_failed": _NETWORK,
    "context_window_exceeded": Advice(
        "Make room by compacting the conversation, or begin a new chat.", ("compact", "again", "new")
    ),
    "max_output_tokens": Advice("The answer was cut off where it became too long.", ("continue",)),
    "content_policy": _REFUSED,
    "invalid_request": Advice("Choose another model, or say it in another way.", ("model", "edit")),
    "frame_too_large": Advice("Say it with less.", ("edit",)),
    "process_exited": _RESTARTED,
    "connection_lost": _RESTARTED,
    "session_closed": _RESTARTED,
    "too_many_denials": Advice("Allow more, or say what it shall do instead.", ("continue", "edit")),
    "policy_denied": Advice("Change the rule in the settings, or ask for something else.", ("settings", "edit")),
    "sandbox_error": Advice("Choose another sandbox or other permissions in the settings.", ("settings", "again")),
    "session_not_found": Advice("The agent has lost this conversation: begin a new chat.", ("new",)),
}
_BY_LIMIT: Final[Mapping[str, Advice]] = {
    "error_max_turns": _STOPPED,
    "error_turn_timeout": _STOPPED,
    "error_max_tokens": _STOPPED,
    "error_max_budget_usd": _SPENT,
    "error_max_tool_calls": _SPENT,
    "error_max_structured_output_retries": _UNSURE,
}
_BY_OUTCOME: Final[Mapping[str, Advice]] = {
    "interrupted": Advice(ways=("continue", "again")),
    "cancelled": Advice(ways=("again",)),
    "failed": _UNSURE,
    "limit": _STOPPED,
}
_OF_PROMPTS: Final[frozenset[Way]] = frozenset({"again", "edit"})


def advice_of(result: ResultMessage) -> Advice:
    """Return what to do about a turn; nothing where it was completed."""
    advice = _advice(result)
    if result.user_message_uuids:
        return advice
    return Advice(advice.text, tuple(way for way in advice.ways if way not in _OF_PROMPTS))


def _advice(result: ResultMessage) -> Advice:
    error = result.error
    code = "" if error is None else error.code
    if result.outcome != "limit":
        return _BY_CODE.get(code) or _BY_OUTCOME.get(result.outcome, Advice())
    if "retry_after_seconds" in result.error_details:
        return Advice("Wait as long as it says, and try again.", ("again", "settings"))
    if str(result.error_details.get("limit", "")).startswith("limits."):  # Of the whole session, not of a turn.
        return _SPENT
    return _BY_LIMIT.get(result.subtype, _STOPPED)
