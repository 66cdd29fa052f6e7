"""`AccountLimit`: how much of an account's quota is used, read of what each agent tells in words of its own. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from agent_chat.transcript.sanitize import clean_line
from agent_sdk_core.messages.conversation import RateLimitEvent
from agent_sdk_core.wire.reading import as_record

_UNITS: Final = ((24 * 60, "day"), (60, "hour"), (1, "minute"))
_WINDOWS: Final = ("primary", "secondary")


@dataclass(frozen=True, slots=True)
class AccountLimit:
    """One limit.

    Attributes:
        name: The time that it is counted over, or what the agent calls it.
        used: The part of it that is used, 1 being all of it; None where that is not told.
        resets_at: When it begins anew, Unix time in seconds, where that is told.
    """

    name: str
    used: float | None = None
    resets_at: float | None = None


def limits_of(message: RateLimitEvent) -> tuple[AccountLimit, ...]:
    """Return the limits that a message tells of; none where it is not understood."""
    told = message.rate_limit_info
    windows = [as_record(told.get(name)) for name in _WINDOWS]
    if any(window is not None for window in windows):
        return tuple(
            AccountLimit(
                _span(_number(window.get("windowDurationMins"))) or name,
                _part(window.get("usedPercent"), 100),
                _number(window.get("resetsAt")),
            )
            for name, window in zip(_WINDOWS, windows, strict=True)
            if window is not None
        )
    kind = told.get("rateLimitType")
    if not isinstance(kind, str):
        return ()
    used = _number(told.get("utilization"))
    # A part by its name, but percents elsewhere at the same provider.
    part = None if used is None else _part(used, 100 if used > 1 else 1)
    return (AccountLimit(clean_line(kind).replace("_", " "), part, _number(told.get("resetsAt"))),)


def _span(minutes: float | None) -> str:
    """Return a time as people say it, such as "5 hours"."""
    if not minutes:
        return ""
    size, unit = next((size, unit) for size, unit in _UNITS if minutes >= size or size == 1)
    count = round(minutes / size)
    return f"{count} {unit}{'' if count == 1 else 's'}"


def _part(value: object, whole: float) -> float | None:
    number = _number(value)
    return None if number is None else min(1.0, max(0.0, number / whole))


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
