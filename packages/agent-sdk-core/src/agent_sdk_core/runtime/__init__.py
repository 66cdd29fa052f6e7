"""The session runtime, shared by all backends: a backend writes a driver, everything else is here once.

This is the public interface for the authors of backends: the names below, which load their modules on first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from agent_sdk_core import lazy_names

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

__getattr__ = lazy_names(__name__, _HOMES)
