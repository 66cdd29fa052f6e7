"""The warning about what was made and never used, such as a turn that nobody sent: it names the line that made it."""

from __future__ import annotations

import logging
import sys
import warnings
from inspect import currentframe
from typing import NamedTuple

_log = logging.getLogger(__name__)


class UnusedWarning(ResourceWarning, RuntimeWarning):
    """Something was made and never used; Python itself warns alike about a coroutine that nobody awaited."""


class Place(NamedTuple):
    """A line of source code."""

    filename: str
    line: int


def place_of_caller() -> Place:
    """Return the line outside of this SDK that is being run."""
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
    message = f"{what} {advice}"
    _log.warning("%s:%d: %s", place.filename, place.line, message)
    warnings.warn_explicit(message, UnusedWarning, place.filename, place.line, source=source)


def _is_ours(module: str) -> bool:
    return module.partition(".")[0] == "agent_sdk_core" or module.endswith(".one_shot")
