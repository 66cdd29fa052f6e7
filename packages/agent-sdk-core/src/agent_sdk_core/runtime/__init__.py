"""The session runtime, shared by all backends: a backend writes a driver, everything else is here once.

This is the public interface for the authors of backends: the names below, which load their modules on first use.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from agent_sdk_core.runtime.asking.pending import PendingRequests, Resolution
    from agent_sdk_core.runtime.backend import BaseBackend
    from agent_sdk_core.runtime.driver import SessionDriver, SessionSink
    from agent_sdk_core.runtime.host import Host
    from agent_sdk_core.runtime.link import Link
    from agent_sdk_core.runtime.session import BaseSession
    from agent_sdk_core.runtime.streams import BoundedStream, Broadcast

__all__ = [
    "BaseBackend",
    "BaseSession",
    "BoundedStream",
    "Broadcast",
    "Host",
    "Link",
    "PendingRequests",
    "Resolution",
    "SessionDriver",
    "SessionSink",
]

_HOMES: Final = {
    "BaseBackend": "backend",
    "BaseSession": "session",
    "BoundedStream": "streams",
    "Broadcast": "streams",
    "Host": "host",
    "Link": "link",
    "PendingRequests": "asking.pending",
    "Resolution": "asking.pending",
    "SessionDriver": "driver",
    "SessionSink": "driver",
}


def __getattr__(name: str) -> object:
    """Load a name on first use."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value
