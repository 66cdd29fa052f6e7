"""`OpenTurn`: what a session has begun to tell and not ended, so that it can be ended when its agent is gone. Pure."""

from __future__ import annotations

from typing import Any, Final
from uuid import uuid4

from agent_sdk_core.messages.base import Source
from agent_sdk_core.messages.conversation import AssistantMessage, StreamEvent, UserMessage
from agent_sdk_core.messages.parse import SDKMessage
from agent_sdk_core.messages.result import ResultMessage
from agent_sdk_core.messages.system import InitMessage, TaskNotification, TaskStarted

Json = dict[str, Any]
_TEXTS: Final = {"text_delta": "text", "thinking_delta": "thinking"}


class OpenTurn:
    """The blocks, tool uses and background tasks of one session that are open, in order.

    Attributes:
        source: Where messages of the turn that runs come from; None: none runs.
    """

    def __init__(self) -> None:
        self.source: Source | None = None
        self._streams: dict[tuple[str | None, str | None], dict[int, Json]] = {}
        self._begun: list[tuple[str | None, str | None]] = []
        self._uses: dict[str, str | None] = {}
        self._tasks: dict[str, str | None] = {}

    def feed(self, message: SDKMessage) -> None:
        """Take the next message."""
        match message:
            case StreamEvent():
                self._event(message)
            case AssistantMessage():
                self._finalize(message)
                for use in message.tool_uses:
                    self._uses[use.id] = message.parent_tool_use_id
            case UserMessage():
                for result in message.tool_results:
                    self._uses.pop(result.tool_use_id, None)
            case InitMessage() if message.parent_tool_use_id is None:
                self.source = message.source
            case ResultMessage() if message.parent_tool_use_id is None:
                self.source = None
                self._streams.clear()
                self._begun.clear()
                self._uses = {use: parent for use, parent in self._uses.items() if parent is not None}
            case TaskStarted():
                self._tasks[message.task_id] = message.tool_use_id
            case TaskNotification():
                self._tasks.pop(message.task_id, None)
            case _:
                pass

    def close(self, why: str, *, session_id: str | None, backend: str, background: bool) -> list[SDKMessage]:
        """Return what ends everything that is open: messages that were cut off, tool uses, and background tasks.

        Args:
            why: A sentence for the results of tools.
            session_id: The session.
            backend: Name of the backend, where no turn tells.
            background: Whether background tasks end too.
        """
        turn = self.source
        source = Source(
            backend if turn is None else turn.backend,
            thread_id=session_id,
            turn_id=None if turn is None else turn.turn_id,
            synthetic=True,
        )
        shared: Json = {"session_id": session_id}
        told: list[SDKMessage] = []
        for (parent, message_id), blocks in self._streams.items():
            content = [_block(block) for _, block in sorted(blocks.items())]
            if content := [block for block in content if block is not None]:
                body = {"id": message_id or str(uuid4()), "role": "assistant", "content": content}
                fields: Json = {**shared, "parent_tool_use_id": parent, "message": body, "aborted": True}
                told.append(AssistantMessage.synthesize(source, **fields))
        self._streams.clear()
        for parent, message_id in self._begun:
            fields = {**shared, "parent_tool_use_id": parent, "api_message_id": message_id}
            told.append(StreamEvent.synthesize(source, event={"type": "message_stop"}, **fields))
        self._begun.clear()
        for use_id, parent in self._uses.items():
            block = {"type": "tool_result", "tool_use_id": use_id, "content": why, "is_error": True}
            fields = {**shared, "parent_tool_use_id": parent, "message": {"role": "user", "content": [block]}}
            told.append(UserMessage.synthesize(source, tool_use_result={"interrupted": True}, **fields))
        self._uses.clear()
        if background:
            for task_id, use_id in self._tasks.items():
                fields = {**shared, "task_id": task_id, "tool_use_id": use_id, "status": "stopped", "summary": why}
                told.append(TaskNotification.synthesize(source, **fields))
            self._tasks.clear()
        return told

    def _finalize(self, message: AssistantMessage) -> None:
        place = (message.parent_tool_use_id, message.message.id)
        blocks = self._streams.get(place, {})
        for block in message.content:
            index = next((index for index, open_ in blocks.items() if open_["type"] == block.type), None)
            if index is not None:
                del blocks[index]
        if not blocks:
            self._streams.pop(place, None)

    def _event(self, message: StreamEvent) -> None:
        event, place = message.event, (message.parent_tool_use_id, message.api_message_id)
        if event.get("type") == "message_start":
            self._begun.append(place)
        elif event.get("type") == "message_stop" and place in self._begun:
            self._begun.remove(place)
        delta, index = event.get("delta", {}), event.get("index", 0)
        kind = _TEXTS.get(str(delta.get("type")))
        if kind is None:
            return
        blocks = self._streams.setdefault(place, {})
        block = blocks.setdefault(index, {"type": kind, "parts": []})
        if isinstance(text := delta.get(kind), str):
            block["parts"].append(text)


def _block(block: Json) -> Json | None:
    text = "".join(block["parts"])
    if not text:
        return None
    signed: Json = {"signature": ""} if block["type"] == "thinking" else {}
    return {"type": block["type"], block["type"]: text, **signed}
