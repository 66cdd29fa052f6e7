"""How values show themselves: what they are and what is set, in a line, without secrets."""

from __future__ import annotations

from reprlib import Repr
from typing import Final

from agent_sdk_core.redaction import redact, redact_value

_SHORT: Final = Repr()
_SHORT.maxstring = 200
_SHORT.maxother = 400
_SHORT.maxdict = _SHORT.maxlist = _SHORT.maxtuple = _SHORT.maxset = _SHORT.maxfrozenset = 10


def shown(value: object) -> str:
    """Return a value as a part of a line: long texts and lists are cut, secrets replaced."""
    return redact(_SHORT.repr(redact_value(value)))


def described(of: object, /, **parts: object) -> str:
    """Return the line that shows an object: its class, and what it holds.

    Args:
        of: The object.
        parts: What it holds, by name; what is None or empty is left out.
    """
    told = (f"{name}={shown(value)}" for name, value in parts.items() if value or isinstance(value, int | float))
    return f"{type(of).__name__}({', '.join(told)})"
