"""Claude Code behind the agent-sdk interfaces: one `claude` process a session, spoken to in its control protocol.

Everything that `agent_sdk_core` exports is here too, so that `import claude_sdk` is enough. Names load when they are
first used, so that importing this package costs next to nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import agent_sdk_core
from agent_sdk_core import lazy_names

if TYPE_CHECKING:
    from agent_sdk_core import *  # noqa: F403  # the whole public core
    from claude_sdk.backend import ClaudeBackend
    from claude_sdk.one_shot import query as query
    from claude_sdk.playback.player import replay
    from claude_sdk.session import ClaudeSession

__version__ = "0.1.0"

__all__: list[str] = ["ClaudeBackend", "ClaudeSession", "replay"]
__all__ += agent_sdk_core.__all__  # the whole public core, with a `query` of ours

_OURS: Final = {
    "ClaudeBackend": "backend",
    "ClaudeSession": "session",
    "query": "one_shot",
    "replay": "playback.player",
}

__getattr__ = lazy_names(__name__, _OURS, agent_sdk_core)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
