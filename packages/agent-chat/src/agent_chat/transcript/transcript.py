"""Turns the messages of a session into blocks, in the order in which a person can follow them.

Pure state, no output: `feed` returns the blocks that are final, `live` those that still change. Each thing is returned
as final once: what streamed is not repeated by the full message, and a tool's preview not by its result.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final, cast

from agent_chat.transcript.blocks import Block, Card, Ending, Header, Notice, Prompted, Said
from agent_chat.transcript.cards import ToolUse, close_card, open_card
from agent_chat.transcript.endings import ending_of
from agent_chat.transcript.notices import notice_of
from agent_chat.transcript.requests import was_denied
from agent_chat.transcript.sanitize import clean, clean_line
from agent_chat.transcript.streams import TextStream, Unit
from agent_sdk_core.messages import conversation, system
from agent_sdk_core.messages.blocks import (
    ContentBlock,
    RedactedThinkingBlock,
    ServerToolUseBlock,
    TextBlock,
    ThinkingBlock,
    ToolResultBlock,
    ToolUseBlock,
    WebSearchToolResultBlock,
)
from agent_sdk_core.messages.parse import SDKMessage
from agent_sdk_core.messages.result import ResultMessage

_PREVIEW_LIMIT: Final = 8000
"""Characters of a running tool's output that are kept for its preview."""


class Transcript:
    """The state of one session's view.

    Args:
        unit: What streamed text is shown in: paragraphs where the rest is shown live, else lines.
    """

    def __init__(self, unit: Unit = "paragraph") -> None:
        self._unit: Unit = unit
        self._streams: dict[tuple[str | None, str | None, int], TextStream] = {}
        self._cards: dict[str, Card] = {}
        self._previews: dict[str, str] = {}
        self._declined: set[str] = set()
        self._asking: dict[str, str] = {}
        self._last_stream: TextStream | None = None
        self._greeted = False
        self._cwd = ""
        self._reviewed: set[str] = set()
        self._context: tuple[int, int | None] | None = None
        self._last_said = ""

    @property
    def live(self) -> tuple[Block, ...]:
        """What still changes: growing text and open tools, oldest first."""
        said = (
            Said(clean(stream.tail), stream.thinking, nested=stream.nested)
            for stream in self._streams.values()
            if stream.rest.strip()
        )
        cards = (
            replace(card, output=clean(self._previews.get(card.id, "")).strip("\n")) for card in self._cards.values()
        )
        return (*said, *cards)

    def reviewed(self, tool_use_id: str) -> None:
        """Note that the changes of this tool use were shown in full, so that its card can be brief."""
        self._reviewed.add(tool_use_id)

    def feed(self, message: SDKMessage) -> list[Block]:
        """Take the next message, and return the blocks that it makes final."""
        match message:
            case conversation.StreamEvent():
                return self._stream_event(message)
            case conversation.ToolProgress():
                self._progress(message)
                return []
            case conversation.AssistantMessage():
                return self._assistant(message)
            case conversation.UserMessage():
                return self._user(message)
            case system.SystemMessage():
                return self._system(message)
            case ResultMessage():
                return [*self._flush(), self._ending(message)]
            case conversation.RateLimitEvent():
                notice = notice_of(message)
                return [notice] if notice else []
            case conversation.CommandLifecycle() | conversation.UnknownMessage():
                return []

    def _ending(self, message: ResultMessage) -> Ending:
        """Return the end of the turn; what the agent itself has just said about it is not repeated."""
        ending = ending_of(message, self._context)
        return replace(ending, errors=tuple(error for error in ending.errors if error != self._last_said))

    def _stream_event(self, message: conversation.StreamEvent) -> list[Block]:
        delta = message.event.get("delta")
        if not delta or not (piece := message.text or message.thinking):
            return []
        key = (message.parent_tool_use_id, message.api_message_id, message.event.get("index", 0))
        stream = self._streams.get(key)
        if stream is None:
            stream = self._streams[key] = TextStream(
                message.api_message_id,
                self._unit,
                thinking=bool(message.thinking),
                nested=message.parent_tool_use_id is not None,
            )
        stream.feed(piece)
        return self._said(stream, stream.take(), open_stream=stream)

    def _said(
        self, said: TextStream | Said, text: str, *, open_stream: TextStream | None = None, aborted: bool = False
    ) -> list[Block]:
        """Return the text as a block, nothing when it is blank; `open_stream` is where its next piece comes from."""
        continues = isinstance(said, TextStream) and self._last_stream is said
        if not text.strip() and not (aborted and continues):
            return []
        self._last_stream = open_stream
        return [Said(clean(text), said.thinking, continues=continues, nested=said.nested, aborted=aborted)]

    def _assistant(self, message: conversation.AssistantMessage) -> list[Block]:
        blocks: list[Block] = []
        aborted = message.aborted is True
        for block in message.content:
            match block:
                case TextBlock():
                    self._last_said = clean(block.text).strip()
                    blocks += self._full(message, block.text, thinking=False, aborted=aborted)
                case ThinkingBlock():
                    blocks += self._full(message, block.thinking, thinking=True, aborted=aborted)
                case ToolUseBlock() | ServerToolUseBlock():
                    self._open(block, nested=message.parent_tool_use_id is not None)
                case _:
                    blocks += self._other(block)
        return blocks

    def _full(self, message: conversation.AssistantMessage, text: str, *, thinking: bool, aborted: bool) -> list[Block]:
        nested = message.parent_tool_use_id is not None
        for key, stream in self._streams.items():
            if key[:2] == (message.parent_tool_use_id, message.message.id) and stream.thinking == thinking:
                del self._streams[key]
                blocks = self._said(stream, stream.finish(text), aborted=aborted)
                self._last_stream = None
                return blocks
        return self._said(Said("", thinking, nested=nested), text, aborted=aborted)

    def _open(self, use: ToolUse, *, nested: bool) -> None:
        card = open_card(use, cwd=self._cwd, nested=nested)
        self._cards[use.id] = replace(card, state="waiting") if use.id in self._asking.values() else card

    def _other(self, block: ContentBlock) -> list[Block]:
        match block:
            case WebSearchToolResultBlock():
                return self._close(ToolResultBlock(tool_use_id=block.tool_use_id), None)
            case RedactedThinkingBlock():
                return []
            case _:
                return [Notice(f"[{clean_line(block.type)}]")]

    def _user(self, message: conversation.UserMessage) -> list[Block]:
        blocks: list[Block] = []
        for block in message.content:
            if isinstance(block, ToolResultBlock):
                blocks += self._close(block, message.tool_use_result)
        if message.is_prompt and message.text.strip():
            self._last_stream = None
            blocks.append(Prompted(clean(message.text).strip()))
        return blocks

    def _close(self, result: ToolResultBlock, details: object) -> list[Block]:
        card = self._cards.pop(result.tool_use_id, None) or Card(id=result.tool_use_id, title="Tool")
        self._previews.pop(card.id, None)
        self._last_stream = None
        closed = close_card(card, result, details, declined=card.id in self._declined)
        return [replace(closed, brief=card.id in self._reviewed)]

    def _progress(self, message: conversation.ToolProgress) -> None:
        if message.output and message.tool_use_id in self._cards:
            preview = self._previews.get(message.tool_use_id, "") + message.output
            self._previews[message.tool_use_id] = preview[-_PREVIEW_LIMIT:]

    def _system(self, message: system.SystemMessage) -> list[Block]:
        match message:
            case system.InitMessage():
                return self._init(message)
            case system.UsageMessage():
                if message.context_tokens is not None and message.parent_tool_use_id is None:
                    self._context = (message.context_tokens, message.context_window)
                return []
            case system.RequestOpened():
                self._request_opened(message)
                return []
            case system.RequestResolved():
                self._request_resolved(message)
                return []
            case system.PermissionDenied():
                if message.tool_use_id:
                    self._declined.add(message.tool_use_id)
                return []
            case _:
                notice = notice_of(message)
                return [notice] if notice else []

    def _init(self, message: system.InitMessage) -> list[Block]:
        if self._greeted or message.parent_tool_use_id is not None:
            return []
        self._greeted = True
        self._cwd = message.cwd or ""
        extra = cast("Mapping[str, object]", message.model_extra or {})
        version = extra.get("version") or extra.get("claude_code_version")
        return [
            Header(
                backend=clean_line(message.source.backend) if message.source else "",
                version=clean_line(version) if isinstance(version, str) else "",
                model=clean_line(message.model or ""),
                cwd=clean_line(message.cwd or ""),
                mode=clean_line(message.permission_mode or ""),
            )
        ]

    def _request_opened(self, message: system.RequestOpened) -> None:
        tool_use_id = message.request.get("tool_use_id")
        if message.kind != "permission" or not isinstance(tool_use_id, str):
            return
        self._asking[message.request_id] = tool_use_id
        if card := self._cards.get(tool_use_id):
            self._cards[tool_use_id] = replace(card, state="waiting")

    def _request_resolved(self, message: system.RequestResolved) -> None:
        tool_use_id = self._asking.pop(message.request_id, None)
        if tool_use_id is None:
            return
        if was_denied(message):
            self._declined.add(tool_use_id)
        if card := self._cards.get(tool_use_id):
            self._cards[tool_use_id] = replace(card, state="running")

    def _flush(self) -> list[Block]:
        """Return what no full message came for, so that nothing that was seen live disappears."""
        blocks: list[Block] = []
        for stream in self._streams.values():
            blocks += self._said(stream, stream.rest, aborted=True)
        self._streams.clear()
        self._last_stream = None
        return blocks
