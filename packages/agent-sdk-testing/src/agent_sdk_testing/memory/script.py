"""The script of the agent in memory: what its model says, in order."""

from __future__ import annotations

from collections import deque
from typing import Final

from agent_sdk_core import InvalidRequestError
from agent_sdk_testing.model.steps import Call, Delay, Failed, HttpError, Reasoning, Reply, Step, Text, Tokens
from agent_sdk_testing.signals import Gate

_PLAYED: Final = (Text, Reasoning, Call, Failed, HttpError, Delay, Gate)


class Script:
    """Answers of a model, each taken once, and one for when there is none left."""

    def __init__(self) -> None:
        self._replies: deque[Reply] = deque()
        self._otherwise: Reply | None = None

    def add(self, steps: tuple[Step, ...], usage: Tokens | None) -> None:
        """Queue an answer; raises what `reply_of` raises."""
        self._replies.append(reply_of(steps, usage))

    def otherwise(self, steps: tuple[Step, ...], usage: Tokens | None) -> None:
        """Answer so when no other answer is left; raises what `reply_of` raises."""
        self._otherwise = reply_of(steps, usage)

    @property
    def left(self) -> int:
        """How many answers nobody took."""
        return len(self._replies)

    def take(self) -> Reply:
        """Return the next answer.

        Raises:
            InvalidRequestError: The script has none.
        """
        if self._replies:
            return self._replies.popleft()
        if self._otherwise is None:
            raise InvalidRequestError(
                "The script of the memory backend has no answer left: add one with backend.reply(…). After a tool the "
                "model is asked again."
            )
        return self._otherwise


def reply_of(steps: tuple[Step, ...], usage: Tokens | None) -> Reply:
    """Return the answer that these steps make.

    Raises:
        InvalidRequestError: One of them means something only to a real agent.
    """
    for step in steps:
        if not isinstance(step, _PLAYED):
            raise InvalidRequestError(
                f"The memory backend cannot play {type(step).__name__}: it speaks no provider's protocol. Use "
                "ScriptedModel with a real agent for that."
            )
    return Reply(steps, usage or Tokens())
