"""The warning about what was made and never used, such as a turn that nobody sent: it names the line that made it."""

from __future__ import annotations

import logging
import sys
import warnings
from contextvars import ContextVar
from inspect import currentframe
from typing import Final, NamedTuple

_log = logging.getLogger(__name__)


class UnusedWarning(ResourceWarning, RuntimeWarning):
    """Something was made and never used; Python itself warns alike about a coroutine that nobody awaited."""


class Place(NamedTuple):
    """A line of source code."""

    filename: str
    line: int
    synchronous: bool = False


_CALLED_FROM: Final[ContextVar[Place | None]] = ContextVar("called_from", default=None)


class CalledFromHere:
    """While it is entered, the line outside of this SDK that entered it is the caller of what other threads do for it.

    Those run in a copy of its context.
    """

    def __enter__(self) -> None:
        self._token = _CALLED_FROM.set(place_of_caller()._replace(synchronous=True))

    def __exit__(self, *_: object) -> None:
        _CALLED_FROM.reset(self._token)


def place_of_caller() -> Place:
    """Return the line outside of this SDK that is being run."""
    if (place := _CALLED_FROM.get()) is not None:
        return place
    frame = currentframe()
    while frame is not None and frame.f_back is not None and _is_ours(str(frame.f_globals.get("__name__"))):
        frame = frame.f_back
    return Place("?", 0) if frame is None else Place(frame.f_code.co_filename, frame.f_lineno)


def warn_unused(what: str, advice: str, place: Place, source: object) -> None:
    """Warn, and log as well, for Python shows no `ResourceWarning` unless it is told to; for `__del__`.

    Args:
        what: What was not used, and how.
        advice: What to do, as a sentence.
        place: Where it was made.
        source: The object.
    """
    if sys.is_finalizing():  # Neither the one nor the other works any more.
        return
    if place.synchronous:
        from agent_sdk_core.spellings import without_async

        advice = without_async(advice)
    message = f"{what} {advice}"
    _log.warning("%s:%d: %s", place.filename, place.line, message)
    warnings.warn_explicit(message, UnusedWarning, place.filename, place.line, source=source)


def _is_ours(module: str) -> bool:
    return module.partition(".")[0] == "agent_sdk_core" or module.endswith(".one_shot")
