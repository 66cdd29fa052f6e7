"""The message that ends a turn, and what it says of the turn's outcome."""

from __future__ import annotations

from typing import Final, Literal

from pydantic import Field, StrictBool, StrictInt

from agent_sdk_core import errors
from agent_sdk_core.messages.base import Failure, Message
from agent_sdk_core.messages.usage import ModelUsage, Usage
from agent_sdk_core.wire.model import Number

Outcome = Literal["completed", "interrupted", "failed", "limit", "cancelled"]

_LIMITS: Final = frozenset(
    {
        *("error_max_turns", "error_max_budget_usd", "error_max_structured_output_retries"),
        *("error_max_tool_calls", "error_max_tokens", "error_turn_timeout"),
    }
)
_ERROR_CLASSES: Final[dict[str, type[errors.AgentError]]] = {
    cls.default_code: cls
    for cls in vars(errors).values()
    if isinstance(cls, type) and issubclass(cls, errors.AgentError)
}
_BY_STATUS: Final[dict[int, Failure]] = {
    400: Failure("invalid_request"),
    401: Failure("authentication_failed"),
    402: Failure("usage_limit"),
    403: Failure("authentication_failed"),
    404: Failure("invalid_request"),
    408: Failure("request_timeout", retryable=True),
    413: Failure("invalid_request"),
    422: Failure("invalid_request"),
    429: Failure("rate_limited", retryable=True),
    529: Failure("overloaded", retryable=True),
}
_SERVER_ERROR: Final = Failure("server_error", retryable=True)


def failure_by_status(status: int | None) -> Failure | None:
    """Return what an HTTP status of the provider means, whichever agent saw it; None for one that tells nothing."""
    if status is None:
        return None
    return _BY_STATUS.get(status) or (_SERVER_ERROR if 500 <= status <= 599 else None)


class ResultMessage(Message, frozen=True):
    """The end of a turn. A failed turn is a result, not an exception; `raise_for_error()` makes it one.

    Attributes:
        subtype: "success", or "error_…" with the class of the failure.
        is_error: Whether the turn failed; true also on a `success` that an API failure ended (Claude).
        duration_ms: Wall time of the turn in milliseconds.
        num_turns: Model calls the turn took; None where the agent does not tell.
        result: Text of the final answer.
        usage: Tokens of this turn, main thread.
        model_usage: Tokens a model, all threads, cumulative over the session.
        total_cost_usd: Cumulative cost in US dollars, only where the agent tells.
        permission_denials: Tool uses that were refused in this turn; one that the session's policy refused names the
            `rule`.
        errors: What went wrong, as text.
        error_code: Code of the `AgentError` that `error` builds, where a backend determined it.
        error_details: What a program needs to know of the failure; part of the `details` of `error`.
        retryable: Whether the same prompt may succeed later, where a backend knows better than the error's class.
        terminal_reason: Why the turn ended, for example "aborted_streaming" or "cancelled".
        structured_output: The answer as data that fit the caller's output schema; a turn that has none has failed.
        user_message_uuids: The prompts that this result ends; empty on turns nobody prompted.
    """

    type: Literal["result"] = "result"
    subtype: str
    is_error: StrictBool = False
    duration_ms: Number | None = None
    num_turns: StrictInt | None = None
    result: str | None = None
    usage: Usage | None = None
    model_usage: dict[str, ModelUsage] | None = Field(default=None, alias="modelUsage")
    total_cost_usd: Number | None = None
    permission_denials: list[dict[str, object]] = []
    errors: list[str] = []
    error_code: str | None = None
    error_details: dict[str, object] = {}
    retryable: StrictBool | None = None
    api_error_status: StrictInt | None = None
    terminal_reason: str | None = None
    structured_output: object = None
    user_message_uuids: list[str] = []

    @property
    def outcome(self) -> Outcome:
        """How the turn ended, read from subtype, is_error and terminal_reason together."""
        reason = self.terminal_reason or ""
        if reason == "cancelled":
            return "cancelled"
        if reason.startswith("aborted"):
            return "interrupted"
        if self.subtype in _LIMITS:
            return "limit"
        if self.is_error or self.subtype.startswith("error"):
            return "failed"
        return "completed"

    def _told(self) -> dict[str, object]:
        """Return what is shown: the outcome, and what an application looks at."""
        told = super()._told()
        names = ("result", "errors", "structured_output", "num_turns", "duration_ms", "usage", "total_cost_usd", "uuid")
        return {"outcome": self.outcome, **{name: told[name] for name in names if name in told}}

    @property
    def error(self) -> errors.AgentError | None:
        """The failure as an error to raise or to read; None unless the outcome is "failed" or "limit".

        An interrupt that the agent did not confirm is one too: nobody knows what the agent still does.
        """
        if self.outcome not in ("failed", "limit") and self.error_code != errors.RequestTimeoutError.default_code:
            return None
        told = (self.source.failure if self.source else None) or failure_by_status(self.api_error_status)
        code = self.error_code or (told.code if told is not None else "turn_failed")
        retryable = told.retryable if told is not None and self.retryable is None else self.retryable
        cls = _ERROR_CLASSES.get(code, errors.AgentError)
        said = None if told is None else told.message
        message = said or "; ".join(self.errors) or self.result or f"The turn ended with {self.subtype}."
        backend = self.source.backend if self.source else None
        details = {**self.error_details, "subtype": self.subtype, "raw": self.raw}
        return cls(message, code=code, retryable=retryable, backend=backend, details=details)

    def raise_for_error(self) -> None:
        """Raise the turn's failure, if it failed or hit a limit.

        Raises:
            AgentError: The failure, as its own class where one fits.
        """
        if (error := self.error) is not None:
            raise error
