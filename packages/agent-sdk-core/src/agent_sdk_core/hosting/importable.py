"""Names by which functions of an application cross to a host: its module and its place in it, never its code."""

from __future__ import annotations

import importlib
import sys
from functools import reduce
from typing import Any, Final

from agent_sdk_core.errors import InvalidRequestError, UnsupportedOptionError

_SCRIPT: Final = "__main__"


def name_of(value: object, *, what: str, option: str) -> str:
    """Return the name under which a host imports a function, or an object that a module holds.

    Args:
        value: It.
        what: What errors call it.
        option: The option that it was given in.

    Raises:
        UnsupportedOptionError: No module holds it under a name: it is a lambda, a closure, or of the program itself.
    """
    found = _named(value) or _held(value)
    if found is None:
        raise UnsupportedOptionError(
            f"{what} runs on the host, which imports it by its name, and no module has it under one: define it at the "
            "top of a module that the host can import, not in a function and not in the program itself.",
            details={"option": option},
        )
    return found


def imported(name: str) -> Any:
    """Return what a name of `name_of` stands for.

    Raises:
        InvalidRequestError: The host has no such module, or nothing in it under that name.
    """
    module, _, path = name.partition(":")
    try:
        return reduce(getattr, path.split("."), importlib.import_module(module))
    except (ImportError, AttributeError, ValueError) as error:
        raise InvalidRequestError(
            f"The host cannot import {name}: {error}. Install the package that has it there, in the same version."
        ) from None


def _named(value: object) -> str | None:
    """Return the name of a function that stands where it says."""
    module, qualname = getattr(value, "__module__", None), getattr(value, "__qualname__", None)
    if module == _SCRIPT or not isinstance(module, str) or not isinstance(qualname, str) or "<" in qualname:
        return None
    try:
        found = reduce(getattr, qualname.split("."), sys.modules.get(module))
    except AttributeError:
        return None
    return f"{module}:{qualname}" if found is value else None


def _held(value: object) -> str | None:
    """Return the name of a module's variable that holds an object."""
    for module, loaded in list(sys.modules.items()):
        if module != _SCRIPT:
            for name, held in list(getattr(loaded, "__dict__", {}).items()):
                if held is value:
                    return f"{module}:{name}"
    return None
