"""Tokens of a turn, from wherever an agent tells them."""

from __future__ import annotations

from agent_sdk_core.messages.usage import Usage
from agent_sdk_core.wire.reading import Json, count_of, record_at, record_of


def usage_of(told: Json | None, meta: Json | None) -> Usage | None:
    """Return the tokens of a turn; None: the agent does not tell.

    Args:
        told: `usage` of the answer to a prompt.
        meta: Its `_meta`, in which Gemini CLI tells them (0.61).
    """
    if told:
        read, written = count_of(told.get("cachedReadTokens")), count_of(told.get("cachedWriteTokens"))
        total, output = count_of(told.get("totalTokens")), count_of(told.get("outputTokens"))
        given, thought = count_of(told.get("inputTokens")), count_of(told.get("thoughtTokens"))
        # Some count what was cached as input and what was thought as output, some beside them; the total tells which.
        if given >= read + written and total and total in (given + output, given + output + thought):
            if thought and total == given + output + thought:
                output += thought
            given -= read + written
        elif thought and total == given + read + written + output + thought:
            output += thought
        return Usage(
            input_tokens=given,
            output_tokens=output,
            cache_read_input_tokens=read,
            cache_creation_input_tokens=written,
            reasoning_output_tokens=thought or None,
        )
    counted = record_at(record_at(record_of(meta), "quota"), "token_count")
    if not counted:
        return None
    return Usage(
        input_tokens=count_of(counted.get("input_tokens")),
        output_tokens=count_of(counted.get("output_tokens")),
    )
