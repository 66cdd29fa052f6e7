"""Output of Ray: what it tells of its workers goes to our log; it prints that on the program's standard output."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from importlib import import_module
from typing import Any, Final

_log = logging.getLogger(__name__)

_PRINTS: Final = "print_to_stdstream"


def keep_output() -> None:
    """Have Ray print nothing on the standard output of this process, whatever it is told to log (2.60)."""
    worker: Any = import_module("ray._private.worker")
    if hasattr(worker, _PRINTS):
        setattr(worker, _PRINTS, _note)


def _note(data: Mapping[str, Any], *arguments: object, **named: object) -> None:
    del arguments, named
    for line in data.get("lines", ()):
        _log.info("Ray tells: %s", line)
