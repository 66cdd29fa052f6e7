"""Events of AG-UI runs, made of what a chat's stream tells, in the same order. Pure.

A run ends where the agent asks for something, and the next one goes on at that place: blocks that were open are closed
and opened again under another id, and what was told before is not told twice.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, Literal

from ag_ui import core as agui

from agent_sdk_core.messages.blocks import TextBlock, ThinkingBlock, ToolResultBlock, ToolUseBlock
from agent_sdk_core.messages.conversation import AssistantMessage, StreamEvent, ToolProgress, UserMessage
from agent_sdk_core.messages.parse import SDKMessage, parse_message
from agent_sdk_core.messages.result import ResultMessage
from agent_sdk_core.messages.system import RequestResolved

Kind = Literal["text", "thinking"]
Events = list[agui.BaseEvent]

REASONS: Final = {"permission": "tool_call", "question": "input_required", "elicitation": "input_required"}
"""Why a run was interrupted, in the protocol's words."""


@dataclass(slots=True)
class _Block:
    """A block that grows: what it is called, how much was told, whether it is open in this run."""

    kind: Kind
    sub: str | None
    name: str
    length: int = 0
    is_open: bool = False
    runs: int = 0

    @property
    def id(self) -> str:
        return self.name if self.runs < 2 else f"{self.name}~{self.runs}"


@dataclass(slots=True)
class RunEvents:
    """What runs of one thread tell.

    Attributes:
        thread_id: The thread.
        run_id: The run of today.
        prompts: Uuids of the prompts that the run sent; its turn is over with the result that lists one.
        pending: What waits for an answer, by request id, as `views.request_view` tells it.
        answered: Requests that the run has answered: their end is on its way.
        ended: Whether the run has ended.
    """

    thread_id: str
    run_id: str = ""
    prompts: set[str] = field(default_factory=set[str])
    pending: dict[str, Mapping[str, Any]] = field(default_factory=dict[str, Mapping[str, Any]])
    answered: set[str] = field(default_factory=set[str])
    ended: bool = False
    _blocks: dict[tuple[object, ...], _Block] = field(default_factory=dict[tuple[object, ...], _Block])
    _subs: dict[str, str] = field(default_factory=dict[str, str])
    _running: dict[str, str | None] = field(default_factory=dict[str, "str | None"])

    def started(self, run_id: str) -> Events:
        """Begin a run."""
        self.run_id, self.ended = run_id, False
        return [agui.RunStartedEvent(thread_id=self.thread_id, run_id=run_id, protocol_version=agui.PROTOCOL_VERSION)]

    def take(self, told: Mapping[str, Any]) -> Events:
        """Return what an event of the chat is."""
        if told.get("kind") != "message" or self.ended:
            return []
        message = parse_message(told["message"])
        made = self._message(message, told)
        if (asked := told.get("request")) is not None:
            self.pending[asked["request_id"]] = asked
        if isinstance(message, RequestResolved):
            self.pending.pop(message.request_id, None)
            value = {"request_id": message.request_id, "outcome": told["outcome"], "by": told.get("answered_by")}
            made.append(agui.CustomEvent(name="request_resolved", value=value))
        if (notice := told.get("notice")) is not None:
            made.append(agui.CustomEvent(name="notice", value=notice))
        return made

    def snapshot(self, told: Mapping[str, Any]) -> Events:
        """Return the conversation as it stands, for who has not seen what led to it."""
        made = self._close_blocks()
        self._blocks.clear()
        self.pending = {each["request_id"]: each for each in told["pending"]}
        made.append(agui.MessagesSnapshotEvent(messages=list(messages_of(told["messages"]))))
        for each in told["open"]:
            made += self.take({"kind": "message", **each})
        return made

    def interrupted(self) -> Events:
        """End the run if the agent waits for an answer; the next run brings it."""
        waiting = [asked for key, asked in self.pending.items() if key not in self.answered]
        if not waiting or self.ended:
            return []
        self.ended = True
        interrupts = [interrupt_of(asked) for asked in waiting]
        made = self._close_blocks()
        for sub in reversed(list(self._running)):
            suspended = agui.SubagentFinishedSuspendedOutcome()
            made.append(agui.SubagentFinishedEvent(subagent_run_id=sub, outcome=suspended))
        self._running.clear()
        outcome = agui.RunFinishedInterruptOutcome(interrupts=interrupts)
        return [*made, agui.RunFinishedEvent(thread_id=self.thread_id, run_id=self.run_id, outcome=outcome)]

    def finished(self) -> Events:
        """End a run that has nothing to wait for."""
        self.ended = True
        made = self._close_blocks()
        outcome = agui.RunFinishedSuccessOutcome()
        return [*made, agui.RunFinishedEvent(thread_id=self.thread_id, run_id=self.run_id, outcome=outcome)]

    def failed(self, message: str, code: str, usage: list[agui.TokenUsage] | None = None) -> Events:
        """End a run that failed."""
        self.ended = True
        return [*self._close_blocks(), agui.RunErrorEvent(message=message, code=code, usage=usage)]

    # Messages

    def _message(self, message: SDKMessage, told: Mapping[str, Any]) -> Events:
        match message:
            case StreamEvent():
                return self._delta(message)
            case AssistantMessage():
                return self._said(message, told.get("cards", {}))
            case UserMessage():
                return self._heard(message, told)
            case ToolProgress():
                value = {"tool_call_id": message.tool_use_id, "output": message.output}
                return [agui.CustomEvent(name="tool_progress", value=value)] if message.output else []
            case ResultMessage() if message.parent_tool_use_id is None:
                return self._result(message, told)
            case _:
                return []

    def _delta(self, message: StreamEvent) -> Events:
        delta = message.event.get("delta", {})
        kind: Kind = "text" if isinstance(delta.get("text"), str) else "thinking"
        piece = delta.get(kind)
        if not isinstance(piece, str) or not piece:
            return []
        sub, index = message.parent_tool_use_id, message.event.get("index", 0)
        key = (sub, message.api_message_id, kind, index)
        name = f"{message.api_message_id or message.uuid or 'message'}.{kind}.{index}"
        block = self._blocks.setdefault(key, _Block(kind, sub, name))
        made = [*self._ensure(sub), *self._open(block), self._content(block, piece)]
        block.length += len(piece)
        return made

    def _said(self, message: AssistantMessage, cards: Mapping[str, Any]) -> Events:
        sub = message.parent_tool_use_id
        made = self._ensure(sub)
        for number, each in enumerate(message.content):
            if isinstance(each, TextBlock | ThinkingBlock):
                kind: Kind = "text" if isinstance(each, TextBlock) else "thinking"
                whole = each.text if isinstance(each, TextBlock) else each.thinking
                key = next((key for key in self._blocks if key[:3] == (sub, message.message.id, kind)), None)
                name = f"{message.uuid or message.message.id or 'message'}.{kind}.{number}"
                block = _Block(kind, sub, name) if key is None else self._blocks.pop(key)
                if rest := whole[block.length :]:
                    made += [*self._open(block), self._content(block, rest)]
                made += self._close(block)
            elif isinstance(each, ToolUseBlock):
                made += self._called(each, sub, cards.get(each.id, {}))
        return made

    def _called(self, use: ToolUseBlock, sub: str | None, card: Mapping[str, Any]) -> Events:
        arguments = json.dumps(use.input, ensure_ascii=False, default=str)
        made: Events = [
            agui.ToolCallStartEvent(tool_call_id=use.id, tool_call_name=use.name, subagent_run_id=sub),
            agui.ToolCallArgsEvent(tool_call_id=use.id, delta=arguments, subagent_run_id=sub),
            agui.ToolCallEndEvent(tool_call_id=use.id, subagent_run_id=sub),
        ]
        if steps := card.get("steps"):
            content = {"steps": list(steps)}
            made.append(agui.ActivitySnapshotEvent(message_id="plan", activity_type="PLAN", content=content))
        if use.kind == "agent":
            self._subs[use.id] = str(card.get("subject") or card.get("title") or use.name)
        return made

    def _heard(self, message: UserMessage, told: Mapping[str, Any]) -> Events:
        made: Events = []
        sub = message.parent_tool_use_id
        for result in message.tool_results:
            made += self._returned(result, sub, message.uuid)
        if (prompt := told.get("prompt")) and sub is None and message.uuid not in self.prompts:
            key = message.uuid or "prompt"
            made.append(agui.TextMessageStartEvent(message_id=key, role="user"))
            made.append(agui.TextMessageContentEvent(message_id=key, delta=prompt))
            made.append(agui.TextMessageEndEvent(message_id=key))
        return made

    def _returned(self, result: ToolResultBlock, sub: str | None, uuid: str | None) -> Events:
        made: Events = []
        if result.tool_use_id in self._running:
            made += self._close_blocks(result.tool_use_id)
            del self._running[result.tool_use_id]
            made.append(agui.SubagentFinishedEvent(subagent_run_id=result.tool_use_id, result=result.text))
        return [
            *made,
            *self._ensure(sub),
            agui.ToolCallResultEvent(
                message_id=f"{uuid or 'result'}.{result.tool_use_id}",
                tool_call_id=result.tool_use_id,
                content=result.text,
                role="tool",
                subagent_run_id=sub,
            ),
        ]

    def _result(self, result: ResultMessage, told: Mapping[str, Any]) -> Events:
        """End the run with its turn; a turn that somebody else began is told of and goes by."""
        if self.prompts and result.user_message_uuids and not self.prompts & set(result.user_message_uuids):
            return self._close_blocks()
        usage = usage_of(result)
        if result.outcome in ("failed", "limit"):
            error = result.error
            said = error.message if error is not None else "; ".join(result.errors) or result.outcome
            return self.failed(said, error.code if error is not None else result.outcome, usage)
        made = self._close_blocks()
        for sub in reversed(list(self._running)):
            made.append(agui.SubagentFinishedEvent(subagent_run_id=sub))
        self._running.clear()
        self.ended = True
        outcome = (
            agui.RunFinishedSuccessOutcome() if result.outcome == "completed" else agui.RunFinishedCancelledOutcome()
        )
        finished = agui.RunFinishedEvent(
            thread_id=self.thread_id,
            run_id=self.run_id,
            result=result.structured_output or result.result,
            outcome=outcome,
            usage=usage,
        )
        return [*made, finished]

    # Blocks and sub-agents

    def _ensure(self, sub: str | None) -> Events:
        """Begin a sub-agent whose messages come and that is not known to run."""
        if sub is None or sub in self._running:
            return []
        self._running[sub] = None
        name = self._subs.get(sub, "sub-agent")
        return [agui.SubagentStartedEvent(subagent_run_id=sub, name=name, parent_tool_call_id=sub)]

    def _open(self, block: _Block) -> Events:
        if block.is_open:
            return []
        block.is_open = True
        block.runs += 1
        if block.kind == "text":
            return [agui.TextMessageStartEvent(message_id=block.id, role="assistant", subagent_run_id=block.sub)]
        return [
            agui.ReasoningStartEvent(message_id=block.id, subagent_run_id=block.sub),
            agui.ReasoningMessageStartEvent(message_id=block.id, role="reasoning", subagent_run_id=block.sub),
        ]

    def _content(self, block: _Block, piece: str) -> agui.BaseEvent:
        made = agui.TextMessageContentEvent if block.kind == "text" else agui.ReasoningMessageContentEvent
        return made(message_id=block.id, delta=piece, subagent_run_id=block.sub)

    def _close(self, block: _Block) -> Events:
        if not block.is_open:
            return []
        block.is_open = False
        if block.kind == "text":
            return [agui.TextMessageEndEvent(message_id=block.id, subagent_run_id=block.sub)]
        return [
            agui.ReasoningMessageEndEvent(message_id=block.id, subagent_run_id=block.sub),
            agui.ReasoningEndEvent(message_id=block.id, subagent_run_id=block.sub),
        ]

    def _close_blocks(self, sub: str | None = None) -> Events:
        blocks = [block for block in self._blocks.values() if sub is None or block.sub == sub]
        return [event for block in blocks for event in self._close(block)]


def interrupt_of(asked: Mapping[str, Any]) -> agui.Interrupt:
    """Return a request as an interrupt: what is asked, and the schema of its answer."""
    deadline = asked.get("deadline")
    until = None if deadline is None else datetime.fromtimestamp(deadline, UTC).isoformat()
    if asked["kind"] == "permission":
        what = asked["asked"]
        said = what["command"] or ", ".join(diff["path"] for diff in what["diffs"]) or what["subject"]
        options = [option["id"] for option in asked["options"]]
        answers: dict[str, Any] = {
            "option": {"enum": options, "description": "; ".join(f"{o['id']}: {o['name']}" for o in asked["options"])},
            "approved": {"type": "boolean"},
            "editedArgs": {"type": "object"},
            "message": {"type": "string"},
        }
        schema = {
            "type": "object",
            "properties": answers,
            "anyOf": [{"required": ["option"]}, {"required": ["approved"]}],
        }
        text, tool = f"{what['heading']}: {said}" if said else what["heading"], what["tool_use_id"]
    elif asked["kind"] == "question":
        questions = asked["request"]["questions"]
        properties = {each["id"]: _question(each) for each in questions}
        inner = {"type": "object", "properties": properties, "required": list(properties)}
        schema = {"type": "object", "properties": {"answers": inner}, "required": ["answers"]}
        text, tool = " ".join(each["text"] for each in questions), asked["request"].get("tool_use_id")
    else:
        request = asked["request"]
        properties = {"action": {"enum": ["accept", "decline", "cancel"]}, "content": request.get("schema") or {}}
        schema = {"type": "object", "properties": properties, "required": ["action"]}
        text, tool = f"{request.get('server', 'A server')}: {request.get('message', '')}", None
    return agui.Interrupt(
        id=asked["request_id"],
        reason=REASONS[asked["kind"]],
        message=text,
        tool_call_id=tool,
        response_schema=schema,
        expires_at=until,
        metadata={"agent-sdk": dict(asked)},
    )


def _question(question: Mapping[str, Any]) -> dict[str, Any]:
    choices = [choice["label"] for choice in question.get("choices") or ()]
    offered: dict[str, Any] = {"type": "string", "title": question.get("header") or question["text"]}
    if choices and not question.get("allow_other"):
        offered["enum"] = choices
    elif choices:
        offered["examples"] = choices
    return {"type": "array", "items": offered} if question.get("multi_select") else offered


def usage_of(result: ResultMessage) -> list[agui.TokenUsage] | None:
    """Return the tokens of a turn as the protocol counts them: what a cache held is input too."""
    used = result.usage
    if used is None:
        return None
    read, written = used.cache_read_input_tokens or 0, used.cache_creation_input_tokens or 0
    given = used.input_tokens + read + written
    models = list(result.model_usage or ())
    return [
        agui.TokenUsage(
            provider=result.source.backend if result.source else None,
            model=models[0] if len(models) == 1 else None,
            input_tokens=given,
            output_tokens=used.output_tokens,
            total_tokens=given + used.output_tokens,
            reasoning_tokens=used.reasoning_output_tokens,
            cached_input_tokens=read,
            cache_write_input_tokens=written,
        )
    ]


def messages_of(told: Iterable[Mapping[str, Any]]) -> Iterable[agui.Message]:
    """Yield the messages of a chat as the protocol has them; those of sub-agents stay within their tool's result."""
    for each in told:
        message = parse_message(each["message"])
        if message.parent_tool_use_id is not None:
            continue
        if isinstance(message, UserMessage):
            for result in message.tool_results:
                key = f"{message.uuid or 'result'}.{result.tool_use_id}"
                yield agui.ToolMessage(id=key, content=result.text, tool_call_id=result.tool_use_id)
            if prompt := each.get("prompt"):
                yield agui.UserMessage(id=message.uuid or "prompt", content=prompt)
        elif isinstance(message, AssistantMessage):
            for number, block in enumerate(message.content):
                key = f"{message.uuid or message.message.id or 'message'}.{number}"
                if isinstance(block, TextBlock):
                    yield agui.AssistantMessage(id=key, content=block.text)
                elif isinstance(block, ThinkingBlock):
                    yield agui.ReasoningMessage(id=key, content=block.thinking)
                elif isinstance(block, ToolUseBlock):
                    function = agui.FunctionCall(name=block.name, arguments=json.dumps(block.input, default=str))
                    call = agui.ToolCall(id=block.id, type="function", function=function)
                    yield agui.AssistantMessage(id=key, tool_calls=[call])
