"""What an agent can do: what it may be able to before it was started, and what it then says of itself."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from acp_sdk.modes import HOOKS, TURN_OPTIONS, UNSUPPORTED_OPTIONS
from agent_sdk_core.interfaces.capabilities import BackendCapabilities

if TYPE_CHECKING:
    from acp_sdk.process.agent import AcpAgent

BEFORE: Final = BackendCapabilities(
    resume=True,
    fork=True,
    shared_process=True,
    images=True,
    audio=True,
    documents=True,
    mentions=True,
    list_sessions=True,
    permission_modes=("default", "accept_edits", "plan", "auto", "dont_ask", "bypass"),
    policy_scope="asked_only",
    hooks=frozenset(HOOKS),
    turn_options=frozenset(TURN_OPTIONS),
    unsupported_options=frozenset(UNSUPPORTED_OPTIONS),
)
"""What an agent may be able to do; what it can, it says when it is started, and raises until then when it is used."""


def told_by(agent: AcpAgent) -> BackendCapabilities:
    """Return what an agent says that it can do; its permission modes it tells when it opens a session."""
    can = agent.sessions
    return replace(
        BEFORE,
        resume=can.load is not None or can.resume is not None,
        fork=can.fork is not None,
        images=agent.prompts.image is not None,
        audio=agent.prompts.audio is not None,
        list_sessions=can.list_sessions is not None,
        edit_sessions=None not in (can.delete, can.title, can.archive),
    )
