"""The login of an agent, looked at while its session opens: a prompt to one that is not logged in only fails late."""

from __future__ import annotations

from contextlib import suppress
from typing import cast

import anyio

from agent_sdk_core.errors import AgentError, AuthenticationError
from agent_sdk_core.interfaces.backend import AgentBackend
from agent_sdk_core.interfaces.session import AgentSession
from agent_sdk_core.options import SessionOptions


async def open_logged_in(backend: AgentBackend, options: SessionOptions) -> AgentSession:
    """Open a session of an agent that somebody is logged in at.

    Raises:
        AuthenticationError: Nobody is; the message says the command.
        AgentError: What opening a session raises.
    """
    session: AgentSession | None = None
    refusal: AgentError | None = None
    failure: Exception | None = None
    async with anyio.create_task_group() as tasks:

        async def look() -> None:
            nonlocal refusal
            refusal = await refusal_of_prompts(backend)
            if refusal is not None:
                tasks.cancel_scope.cancel()

        tasks.start_soon(look)
        try:
            session = await backend.create_session(options)
        except Exception as error:  # Raised again below, outside of the group.
            failure = error
            if not isinstance(error, AuthenticationError):
                tasks.cancel_scope.cancel()
    if refusal is None and failure is None and session is not None:
        return session
    if session is not None:
        await session.aclose()
    raise cast("Exception", refusal or failure)


async def refusal_of_prompts(backend: AgentBackend) -> AgentError | None:
    """Return why no prompt would be answered; what cannot be told now, the turn tells."""
    with suppress(AgentError):
        if (await backend.account()).needs_login:
            return AuthenticationError(await _advice(backend), code="not_logged_in", backend=backend.type)
    return None


async def _advice(backend: AgentBackend) -> str:
    for problem in (await backend.diagnose()).problems:
        if problem.code == "not_logged_in":
            return f"{problem.what} {problem.advice}"
    return f"{backend.type} is not logged in; `agent-sdk doctor --backend {backend.type}` says how to log in."
