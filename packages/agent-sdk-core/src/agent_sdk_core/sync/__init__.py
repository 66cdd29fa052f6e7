"""The synchronous face: the same names as the async one, as plain calls, iterators and context managers.

For scripts and notebooks. Each backend has one thread with an event loop of its own, which ends when the backend is
closed, or with the interpreter; what is here waits for it, and may be used from any thread but that one. Where a
callback or tool is asked for, a plain function will do: it runs in a thread.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from agent_sdk_core import lazy_names

if TYPE_CHECKING:
    from agent_sdk_core.sync.account import LoginHandle
    from agent_sdk_core.sync.backend import AgentBackend, create_backend
    from agent_sdk_core.sync.goal import GoalRun
    from agent_sdk_core.sync.one_shot import query
    from agent_sdk_core.sync.session import AgentSession
    from agent_sdk_core.sync.streams import Stream
    from agent_sdk_core.sync.turn import PromptQueue, Turn
    from agent_sdk_core.sync.user_code import Hook, Hooks, SessionOptions, tool

__all__ = [
    "AgentBackend",
    "AgentSession",
    "GoalRun",
    "Hook",
    "Hooks",
    "LoginHandle",
    "PromptQueue",
    "SessionOptions",
    "Stream",
    "Turn",
    "create_backend",
    "query",
    "tool",
]

_HOMES: Final = {
    "AgentBackend": "backend",
    "AgentSession": "session",
    "GoalRun": "goal",
    "Hook": "user_code",
    "Hooks": "user_code",
    "LoginHandle": "account",
    "PromptQueue": "turn",
    "SessionOptions": "user_code",
    "Stream": "streams",
    "Turn": "turn",
    "create_backend": "backend",
    "query": "one_shot",
    "tool": "user_code",
}

__getattr__ = lazy_names(__name__, _HOMES)


def __dir__() -> list[str]:
    return sorted(__all__)
