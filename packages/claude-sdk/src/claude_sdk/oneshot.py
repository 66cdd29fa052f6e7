"""One prompt to Claude, from nothing to its result."""

from __future__ import annotations

from agent_sdk_core.factory.one_shot import OneShotTurn
from agent_sdk_core.options import SessionOptions
from agent_sdk_core.prompts import Prompt
from agent_sdk_core.session import Turn
from claude_sdk.backend import ClaudeBackend


def query(prompt: Prompt, *, backend: ClaudeBackend | None = None, options: SessionOptions | None = None) -> Turn:
    """Return a turn that opens a session of its own for one prompt, and closes it with the turn.

    Args:
        prompt: The prompt.
        backend: Backend to use; absent: a new one, which ends with the turn.
        options: Options of the session.
    """
    return OneShotTurn(prompt, backend or ClaudeBackend(), options, owns_backend=backend is None)
