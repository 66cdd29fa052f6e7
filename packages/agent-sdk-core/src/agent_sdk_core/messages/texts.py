"""The text of a turn in pieces as they come: what streams and what does not, blocks divided by a blank line. Pure."""

from __future__ import annotations

from typing import Final

from agent_sdk_core.messages.blocks import TextBlock
from agent_sdk_core.messages.conversation import AssistantMessage, StreamEvent
from agent_sdk_core.messages.parse import SDKMessage
from agent_sdk_core.messages.result import ResultMessage

_DIVIDER: Final = "\n\n"

_Block = tuple[object, ...]
"""A block of text: its message, and its index there or its place among the texts of it."""


class TextPieces:
    """Makes the pieces of one turn; what the main thread says to the user, without thoughts, sub-agents and failures.

    A block that streams while another one does is told after that, whole.
    """

    def __init__(self) -> None:
        self._told = False
        self._current: _Block | None = None
        self._streamed: dict[object, dict[object, str]] = {}
        self._settled: dict[object, int] = {}
        self._waiting: dict[_Block, str] = {}
        self._ended: set[_Block] = set()

    def feed(self, message: SDKMessage) -> str:
        """Return what a message adds to the text, dividers included."""
        if message.parent_tool_use_id is not None:
            return ""
        if isinstance(message, StreamEvent):
            return self._stream(message)
        if isinstance(message, AssistantMessage):
            return "" if message.error is not None else self._whole(message)
        if isinstance(message, ResultMessage):
            return self._end(message)
        return ""

    def _stream(self, message: StreamEvent) -> str:
        event = message.event
        index = repr(event.get("index"))  # As text: it may be anything.
        if event.get("type") == "content_block_stop":
            return self._close((message.api_message_id, index))
        if not (text := message.text):
            return ""
        blocks = self._streamed.setdefault(message.api_message_id, {})
        blocks[index] = blocks.get(index, "") + text
        return self._add((message.api_message_id, index), text)

    def _whole(self, message: AssistantMessage) -> str:
        """Return what of a message did not stream: the nth text of a message is the nth that streamed."""
        told = ""
        key = message.message.id
        for block in message.content:
            if not isinstance(block, TextBlock) or not block.text:
                continue
            streamed = self._streamed.get(key, {}) if key is not None else {}
            nth = self._settled[key] = self._settled.get(key, -1) + 1
            index = list(streamed)[nth] if nth < len(streamed) else f"whole {nth} {message.uuid}"
            before = streamed.get(index, "")
            if block.text.startswith(before):
                told += self._add((key, index), block.text[len(before) :])
            told += self._close((key, index))
        return told

    def _end(self, result: ResultMessage) -> str:
        told = ""
        while self._current is not None:
            told += self._close(self._current)
        if not self._told and result.outcome == "completed" and result.result:
            return self._piece(result.result)  # A command of the agent's own, which the model did not answer.
        return told

    def _add(self, block: _Block, text: str) -> str:
        if not text:
            return ""
        if self._current is None:
            self._current = block
            return self._piece(text, begins=True)
        if self._current == block:
            return self._piece(text)
        self._waiting[block] = self._waiting.get(block, "") + text
        return ""

    def _close(self, block: _Block) -> str:
        """Return what waited for the end of a block."""
        if self._current != block:
            if block in self._waiting:
                self._ended.add(block)
            return ""
        self._current, told = None, ""
        while self._waiting and self._current is None:
            following = next(iter(self._waiting))
            told += self._add(following, self._waiting.pop(following))
            if following in self._ended:
                self._current = None
        return told

    def _piece(self, text: str, *, begins: bool = False) -> str:
        divider = _DIVIDER if begins and self._told else ""
        self._told = True
        return divider + text
