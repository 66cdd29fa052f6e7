"""`Converter`: messages of one chat, in order, as updates of the protocol; live and from the log alike."""

from __future__ import annotations

import json
from typing import Any, Final

from agent_chat.acp.converting.plans import LISTS, TASKS, Plan
from agent_chat.acp.converting.prompts import blocks_of
from agent_chat.acp.converting.tool_calls import OpenCall, closed, opened
from agent_chat.transcript.requests import was_denied
from agent_chat.transcript.sanitize import clean
from agent_sdk_core.messages.blocks import (
    ServerToolUseBlock,
    TextBlock,
    ThinkingBlock,
    ToolResultBlock,
    ToolUseBlock,
    WebSearchToolResultBlock,
)
from agent_sdk_core.messages.conversation import AssistantMessage, StreamEvent, ToolProgress, UserMessage
from agent_sdk_core.messages.parse import SDKMessage
from agent_sdk_core.messages.result import ResultMessage
from agent_sdk_core.messages.system import (
    ApiRetry,
    CompactBoundary,
    Informational,
    InitMessage,
    PermissionDenied,
    RequestOpened,
    RequestResolved,
    SessionTitleChanged,
    StatusMessage,
    SystemMessage,
    UsageMessage,
)
from agent_sdk_core.messages.usage import Usage

Update = dict[str, Any]
"""An update in the words of the protocol's second version; a dialect writes it for a client."""

_CHUNKS: Final = {"text": "agent_message_chunk", "thinking": "agent_thought_chunk"}
_WHOLE: Final = {"text": "agent_message", "thinking": "agent_thought"}


class Converter:
    """Turns messages into updates.

    What streamed is not said again: a full message adds what its deltas lacked, and replaces them where they differ.

    Args:
        cwd: The folder that relative paths start from.
        replays: Whether the messages are of the log: then the outcome of each turn is told, which live its prompt gets.
    """

    def __init__(self, cwd: str = "", *, replays: bool = False) -> None:
        self._cwd = cwd
        self._replays = replays
        self._streamed: dict[tuple[str, str, object], list[str]] = {}
        self._names: dict[tuple[str, str], int] = {}
        self._calls: dict[str, OpenCall] = {}
        self._plan = Plan()
        self._planning: dict[str, ToolUseBlock] = {}
        self._asking: dict[str, str] = {}
        self._declined: set[str] = set()
        self._compaction = 0
        self._context: tuple[int, int] | None = None
        self._tokens: int | None = None
        self._usage: Update | None = None

    @property
    def calls(self) -> dict[str, OpenCall]:
        """The tool calls that have no result yet, by id."""
        return self._calls

    def goes_on_live(self) -> None:
        """Note that the log has been read, and that what comes is new."""
        self._replays = False

    def feed(self, message: SDKMessage) -> list[Update]:
        """Return what a message tells a client."""
        match message:
            case StreamEvent():
                return self._delta(message)
            case ToolProgress():
                return self._progress(message)
            case AssistantMessage():
                return self._assistant(message)
            case UserMessage():
                return self._user(message)
            case ResultMessage():
                return self._result(message)
            case SystemMessage():
                return self._system(message)
            case _:
                return []

    # The answer

    def _delta(self, message: StreamEvent) -> list[Update]:
        if message.parent_tool_use_id is not None or message.api_message_id is None:
            return []
        for kind, text in (("text", message.text), ("thinking", message.thinking)):
            if text:
                key = (message.api_message_id, kind, message.event.get("index"))
                if key not in self._streamed:
                    self._streamed[key] = []
                    self._named(message.api_message_id, kind)
                self._streamed[key].append(text)
                return [_chunk(kind, self._name(message.api_message_id, kind), text)]
        return []

    def _assistant(self, message: AssistantMessage) -> list[Update]:
        updates: list[Update] = []
        if message.message.usage is not None and message.parent_tool_use_id is None:
            self._tokens = message.message.usage.total_tokens
        for block in message.content:
            match block:
                case TextBlock() if message.parent_tool_use_id is None:
                    updates += self._said(message, "text", block.text)
                case ThinkingBlock() if message.parent_tool_use_id is None:
                    updates += self._said(message, "thinking", block.thinking)
                case ToolUseBlock() if block.name in LISTS or block.name in TASKS:
                    if message.parent_tool_use_id is None:
                        self._planning[block.id] = block
                        updates += self._plan.called(block)
                case ToolUseBlock() | ServerToolUseBlock():
                    self._calls[block.id], told = opened(block, self._cwd, message.parent_tool_use_id)
                    updates += told
                case WebSearchToolResultBlock():
                    updates += self._closed(ToolResultBlock(tool_use_id=block.tool_use_id), None)
                case _:
                    pass
        return updates

    def _said(self, message: AssistantMessage, kind: str, text: str) -> list[Update]:
        message_id = message.message.id or message.uuid or ""
        key = next((key for key in self._streamed if key[:2] == (message_id, kind)), None)
        if key is None:
            if not text:
                return []
            self._named(message_id, kind)
            return [_chunk(kind, self._name(message_id, kind), text)]
        streamed = "".join(self._streamed.pop(key))
        name = self._name(message_id, kind)
        if text.startswith(streamed):
            rest = text[len(streamed) :]
            return [_chunk(kind, name, rest)] if rest else []
        return [{"sessionUpdate": _WHOLE[kind], "messageId": name, "content": [{"type": "text", "text": text}]}]

    def _named(self, message_id: str, kind: str) -> None:
        self._names[message_id, kind] = self._names.get((message_id, kind), 0) + 1

    def _name(self, message_id: str, kind: str) -> str:
        """Return the client's name of a block: several of one message are messages of their own."""
        number = self._names.get((message_id, kind), 1)
        return message_id if number == 1 else f"{message_id}.{number}"

    # The user

    def _user(self, message: UserMessage) -> list[Update]:
        updates: list[Update] = []
        for result in message.tool_results:
            updates += self._closed(result, message.tool_use_result)
        if message.is_prompt and message.parent_tool_use_id is None and message.written_by == "user":
            content = blocks_of(message)
            if content:
                told = {"sessionUpdate": "user_message", "messageId": message.uuid or "", "content": content}
                updates.append(told)
        return updates

    def _closed(self, result: ToolResultBlock, details: object) -> list[Update]:
        use_id = result.tool_use_id
        if (planning := self._planning.pop(use_id, None)) is not None:
            return self._plan.answered(planning, result, details)
        call = self._calls.pop(use_id, None)
        if call is None:
            return []
        return closed(call, result, details, declined=use_id in self._declined)

    def _progress(self, message: ToolProgress) -> list[Update]:
        call = self._calls.get(message.tool_use_id)
        if call is None or not call.is_command or not message.output:
            return []
        output = clean(message.output)
        return [{"sessionUpdate": "terminal_output_chunk", "terminalId": call.id, "output": output}] if output else []

    # What happens around

    def _result(self, message: ResultMessage) -> list[Update]:
        windows = [each.context_window for each in (message.model_usage or {}).values() if each.context_window]
        if self._tokens and windows:  # Of an agent that tells no context by itself.
            self._context = (self._tokens, max(windows))
        updates = self._usage_update(message)
        if message.parent_tool_use_id is None:
            self._streamed.clear()
            self._declined.clear()
        if self._replays and message.outcome in ("failed", "limit") and message.errors:
            updates.append(_notice("error", "The turn failed.", "; ".join(message.errors)))
        return updates

    def _system(self, message: SystemMessage) -> list[Update]:
        match message:
            case InitMessage() if message.parent_tool_use_id is None and message.cwd:
                self._cwd = message.cwd
            case UsageMessage() if message.parent_tool_use_id is None:
                return self._used(message)
            case SessionTitleChanged() if message.title:
                return [{"sessionUpdate": "session_info_update", "title": message.title}]
            case Informational() if message.level in ("warning", "error"):
                return [_notice(message.level, message.content)]
            case ApiRetry() if not self._replays:
                self._streamed.clear()
                reason = message.error if isinstance(message.error, str) else json.dumps(message.error, default=str)
                return [_notice("info", "The model is asked again.", reason)]
            case StatusMessage() if message.status == "compacting" and not self._replays:
                self._compaction += 1
                return [self._compacted("in_progress")]
            case CompactBoundary():
                self._compaction = max(1, self._compaction) if not self._replays else self._compaction + 1
                return [self._compacted("completed")]
            case _:
                self._note_refusals(message)
        return []

    def _note_refusals(self, message: SystemMessage) -> None:
        """Take note of a call that is refused, which its result alone does not tell from one that failed."""
        match message:
            case PermissionDenied() if message.tool_use_id:
                self._declined.add(message.tool_use_id)
            case RequestOpened() if isinstance(use_id := message.request.get("tool_use_id"), str):
                self._asking[message.request_id] = use_id
            case RequestResolved():
                use_id = self._asking.pop(message.request_id, None)
                if use_id is not None and was_denied(message):
                    self._declined.add(use_id)
            case _:
                pass

    def _used(self, message: UsageMessage) -> list[Update]:
        if message.context_tokens is None or message.context_window is None:
            return []
        self._context = (message.context_tokens, message.context_window)
        return self._usage_update(None)

    def _compacted(self, status: str) -> Update:
        return {
            "sessionUpdate": "compaction_update",
            "compactionId": f"compaction {self._compaction}",
            "status": status,
        }

    def _usage_update(self, result: ResultMessage | None) -> list[Update]:
        """Return how full the context is, and what the session cost; nothing that was told already."""
        if self._context is None:
            return []
        used, size = self._context
        update: Update = {"sessionUpdate": "usage_update", "used": used, "size": size}
        cost = None if result is None else result.total_cost_usd
        if cost is not None:
            update["cost"] = {"amount": cost, "currency": "USD"}
        elif self._usage is not None and "cost" in self._usage:
            update["cost"] = self._usage["cost"]
        if update == self._usage:
            return []
        self._usage = update
        return [dict(update)]


def usage_of(usage: Usage | None) -> dict[str, int] | None:
    """Return the tokens of a turn as the protocol counts them."""
    if usage is None:
        return None
    told = {
        "totalTokens": usage.total_tokens,
        "inputTokens": usage.input_tokens,
        "outputTokens": usage.output_tokens,
        "cachedReadTokens": usage.cache_read_input_tokens,
        "cachedWriteTokens": usage.cache_creation_input_tokens,
        "thoughtTokens": usage.reasoning_output_tokens,
    }
    return {name: count for name, count in told.items() if count is not None}


def _chunk(kind: str, message_id: str, text: str) -> Update:
    return {"sessionUpdate": _CHUNKS[kind], "messageId": message_id, "content": {"type": "text", "text": text}}


def _notice(severity: str, title: str, description: str | None = None) -> Update:
    update: Update = {"sessionUpdate": "notice", "severity": severity, "title": clean(title)}
    if description:
        update["description"] = clean(description)
    return update
