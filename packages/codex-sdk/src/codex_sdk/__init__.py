"""Codex behind the agent-sdk interfaces: one `codex app-server` that serves many sessions.

Everything that `agent_sdk_core` exports is here too, so that `import codex_sdk` is enough. Names load when they are
first used, so that importing this package costs next to nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import agent_sdk_core
from agent_sdk_core import lazy_names

if TYPE_CHECKING:
    from agent_sdk_core import *  # noqa: F403  # the whole public core
    from codex_sdk.asking.client_hooks import ClientHooks
    from codex_sdk.backend import CodexBackend
    from codex_sdk.one_shot import query as query
    from codex_sdk.playback.player import replay
    from codex_sdk.routing.receiver import Notification
    from codex_sdk.session import CodexSession

__version__ = "0.1.0"

__all__: list[str] = [
    "ClientHooks",
    "CodexBackend",
    "CodexSession",
    "Notification",
    "replay",
]
__all__ += agent_sdk_core.__all__  # the whole public core, with a `query` of ours

_OURS: Final = {
    "ClientHooks": "asking.client_hooks",
    "CodexBackend": "backend",
    "CodexSession": "session",
    "Notification": "routing.receiver",
    "query": "one_shot",
    "replay": "playback.player",
}

__getattr__ = lazy_names(__name__, _OURS, agent_sdk_core)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
