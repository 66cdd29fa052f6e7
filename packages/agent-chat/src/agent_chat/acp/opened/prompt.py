"""A prompt of a client on its way to an answer, and what the end of its turn says."""

from __future__ import annotations

import asyncio
from typing import Any, Final
from uuid import uuid4

from agent_chat.acp.converting.updates import usage_of
from agent_chat.acp.failures import CANCELLED, RefusalError, refusal_of
from agent_chat.chats.prompts import ChatPrompt
from agent_sdk_core.errors import AgentError
from agent_sdk_core.messages.result import ResultMessage

_LIMITS: Final = {"error_max_tokens": "max_tokens"}
_TURN_LIMIT: Final = "max_turn_requests"


class PromptOfClient:
    """A prompt that a client waits for.

    Args:
        prompt: What is asked.
        version: The protocol's version, which says what is waited for: the turn's end, or that the agent has it.

    Attributes:
        uuid: Its id in the chat.
        answer: What the request is answered with.
        told: Set when it has been answered; what happens after it waits for that.
        cancelled: Whether the client no longer wants it.
    """

    def __init__(self, prompt: ChatPrompt, version: int) -> None:
        self.prompt = prompt
        self.version = version
        self.uuid = str(uuid4())
        self.answer: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self.told = asyncio.Event()
        self.cancelled = False
        # Nobody may wait any more when it fails.
        self.answer.add_done_callback(lambda answer: answer.cancelled() or answer.exception())

    @classmethod
    def done(cls, version: int) -> PromptOfClient:
        """Return one that no agent is sent, because what it asks has been done."""
        done = cls(ChatPrompt(""), version)
        done.settle({"stopReason": "end_turn"})
        return done

    def settle(self, answer: dict[str, Any]) -> None:
        """Answer it."""
        if not self.answer.done():
            self.answer.set_result(answer)

    def refuse(self, refusal: RefusalError) -> None:
        """Answer it with an error."""
        if not self.answer.done():
            self.answer.set_exception(refusal)

    def fail(self, why: str) -> None:
        """Answer it with what went wrong."""
        self.refuse(refusal_of(AgentError(why)))

    def give_up(self) -> None:
        """Answer it as one that was cancelled."""
        if self.version == 1:
            self.settle({"stopReason": "cancelled"})
        else:
            self.refuse(RefusalError(CANCELLED, "The prompt was cancelled before the agent had it."))


def answer_to(sent: PromptOfClient, result: ResultMessage) -> None:
    """Answer a prompt whose turn has ended."""
    if sent.version == 2:
        # It ended without having been taken: the queue was emptied, or the agent is gone.
        error = result.error
        if error is None:
            sent.give_up()
        else:
            sent.refuse(refusal_of(error))
        return
    if result.outcome == "failed" and (error := result.error) is not None:
        sent.refuse(refusal_of(error))
        return
    answer: dict[str, Any] = {"stopReason": stop_reason(result)}
    if (usage := usage_of(result.usage)) is not None:
        answer["usage"] = usage
    sent.settle(answer)


def ending_of(result: ResultMessage) -> dict[str, Any]:
    """Return what the idle state says of the turn that has ended."""
    if result.outcome == "failed" and (error := result.error) is not None:
        refusal = refusal_of(error)
        told: dict[str, Any] = {"code": refusal.code, "message": refusal.message}
        if refusal.data is not None:
            told["data"] = refusal.data
        return {"stopReason": "error", "error": told}
    return {"stopReason": stop_reason(result)}


def stop_reason(result: ResultMessage) -> str:
    """Return why a turn stopped, in the protocol's words."""
    match result.outcome:
        case "interrupted" | "cancelled":
            return "cancelled"
        case "limit":
            return _LIMITS.get(result.subtype, _TURN_LIMIT)
        case _:
            return "refusal" if (result.model_extra or {}).get("stop_reason") == "refusal" else "end_turn"
