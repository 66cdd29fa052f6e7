"""Prompts that were handed to an agent which is gone: what became of each, as far as the agent's own history tells."""

from __future__ import annotations

from typing import Final

from agent_sdk_core.errors import AgentError, SessionNotFoundError
from agent_sdk_core.interfaces.session import AgentSession
from agent_sdk_core.messages.base import Source
from agent_sdk_core.messages.conversation import UserMessage
from agent_sdk_core.messages.result import ResultMessage

_WORDS: Final = {
    True: "the agent's own history shows the prompt, so that it began with it",
    False: "the agent's own history does not show the prompt",
    None: "the agent's own history could not be read",
}


async def shows(session: AgentSession, uuid: str) -> bool | None:
    """Tell whether the stored history of a session has a prompt; None: it cannot be read."""
    try:
        page = await session.history()
    except SessionNotFoundError:
        return False
    except AgentError:
        return None if session.resumable else False
    return any(message.uuid == uuid for message in page if isinstance(message, UserMessage))


def ending_of(session: AgentSession, uuid: str, *, shown: bool | None) -> ResultMessage:
    """Return the result of a prompt whose agent is gone.

    Args:
        session: The session, as it was opened again.
        uuid: The prompt.
        shown: What `shows` tells of it.
    """
    return ResultMessage.synthesize(
        Source(session.backend.type, thread_id=session.resolved_session_id, synthetic=True),
        session_id=session.resolved_session_id,
        subtype="error_during_execution",
        is_error=True,
        num_turns=0,
        errors=[f"The agent ended in this turn; {_WORDS[shown]}. It is not sent again, for its tools may have run."],
        error_code="prompt_interrupted",
        error_details={"in_history": shown, "session_goes_on": True},
        retryable=False,
        terminal_reason="agent_exited",
        user_message_uuids=[uuid],
    )
