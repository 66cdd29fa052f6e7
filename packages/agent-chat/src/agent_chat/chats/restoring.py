"""Restoring of a chat: what its log lacks because the application ended in the middle of a turn. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from agent_sdk_core.messages.base import Source
from agent_sdk_core.messages.blocks import ToolUseBlock
from agent_sdk_core.messages.conversation import AssistantMessage, UserMessage
from agent_sdk_core.messages.parse import SDKMessage
from agent_sdk_core.messages.result import ResultMessage
from agent_sdk_core.messages.system import RequestOpened, RequestResolved

ENDED: Final = "The application ended in the middle of this turn."
EXPIRED: Final = "expired"
"""Outcome of a request that nobody answered before the application ended."""


def closing(messages: Iterable[SDKMessage], *, backend: str) -> list[SDKMessage]:
    """Return what ends an interrupted log: requests expired, open tools closed, and the result of its last turn.

    Args:
        messages: The log from its last result on, oldest first.
        backend: Name of the chat's agent.
    """
    requests: dict[str, RequestOpened] = {}
    tools: dict[str, AssistantMessage] = {}
    prompts: list[str] = []
    session_id: str | None = None
    for message in messages:
        session_id = message.session_id or session_id
        match message:
            case RequestOpened():
                requests[message.request_id] = message
            case RequestResolved():
                requests.pop(message.request_id, None)
            case AssistantMessage():
                tools |= {block.id: message for block in message.content if isinstance(block, ToolUseBlock)}
            case UserMessage():
                for result in message.tool_results:
                    tools.pop(result.tool_use_id, None)
                if message.is_prompt and message.uuid:
                    prompts.append(message.uuid)
            case ResultMessage():
                prompts = [uuid for uuid in prompts if uuid not in message.user_message_uuids]
                tools.clear()
            case _:
                pass
    source = Source(backend, thread_id=session_id, synthetic=True)
    shared = {"session_id": session_id}
    ends: list[SDKMessage] = [
        RequestResolved.synthesize(source, request_id=key, kind=opened.kind, outcome=EXPIRED, by="close", **shared)
        for key, opened in requests.items()
    ]
    for use_id, message in tools.items():
        block = {"type": "tool_result", "tool_use_id": use_id, "content": ENDED, "is_error": True}
        fields = {"message": {"role": "user", "content": [block]}, "parent_tool_use_id": message.parent_tool_use_id}
        ends.append(UserMessage.synthesize(source, **shared, **fields))
    if prompts:
        result = ResultMessage.synthesize(
            source,
            subtype="error_during_execution",
            is_error=True,
            errors=[ENDED],
            terminal_reason="aborted_streaming",
            user_message_uuids=prompts,
            **shared,
        )
        ends.append(result)
    return ends
