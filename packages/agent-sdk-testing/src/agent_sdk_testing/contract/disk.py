"""Watch on the file system: which calls of a backend run on the event loop, where a hung network folder stops all."""

from __future__ import annotations

import builtins
import inspect
import io
import os
import sysconfig
import threading
from types import FrameType
from typing import Any, Final

import pytest

_CALLS: Final = ("access", "listdir", "lstat", "mkdir", "open", "readlink", "rename", "replace", "scandir", "stat")
_STANDARD: Final = tuple(sysconfig.get_path(name) + os.sep for name in ("stdlib", "platstdlib"))
_LAZY: Final = ("importlib", "linecache.py")
"""What Python itself reads: modules as they are imported, and source for a traceback."""

_NOT_OF_A_BACKEND: Final = ("agent_sdk_testing", "site-packages", "_pytest", os.sep + "protocol" + os.sep)


def watch_the_disk(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return a list that grows with each call of the file system that a backend makes in this thread.

    What the suite, the event loop and Python's own imports do is left out, and so is `/proc`, which is no disk. The end
    of a session, which gives back its lock, is not what this is for.

    Args:
        monkeypatch: Undoes it.
    """
    thread = threading.get_ident()
    touched: list[str] = []

    def watched(real: Any) -> Any:
        def call(*arguments: Any, **named: Any) -> Any:
            if threading.get_ident() == thread and (place := _caller(inspect.currentframe())) is not None:
                path = str(arguments[0]) if arguments else ""
                if not path.startswith("/proc") and not path.endswith("surface.json"):
                    touched.append(f"{real.__name__}({path!r}) in {place}")
            return real(*arguments, **named)

        return call

    for name in _CALLS:
        monkeypatch.setattr(os, name, watched(getattr(os, name)))
    for module in (builtins, io):
        monkeypatch.setattr(module, "open", watched(open))
    return touched


def _caller(frame: FrameType | None) -> str | None:
    """Return who called, if that is a backend: the first frame that is not of the standard library."""
    place: str | None = None
    frame = None if frame is None else frame.f_back  # Its own is the watch's.
    while frame is not None:
        file = frame.f_code.co_filename
        if any(part in file for part in _LAZY):
            return None
        if place is None and not (file.startswith(_STANDARD) and "site-packages" not in file):
            if any(part in file for part in _NOT_OF_A_BACKEND):
                return None
            place = f"{file}:{frame.f_lineno}"
        frame = frame.f_back
    return place
