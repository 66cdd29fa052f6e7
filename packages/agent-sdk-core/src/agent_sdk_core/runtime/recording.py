"""Recording of a session's turns, tool uses, requests and errors in the telemetry of the process.

It reads the messages that the session hands on, but for deltas, of which it wants to see the first of each turn.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Final, Literal

from agent_sdk_core.errors import AgentError
from agent_sdk_core.messages.blocks import ToolResultBlock, ToolUseBlock
from agent_sdk_core.messages.conversation import AssistantMessage, StreamEvent, UserMessage
from agent_sdk_core.messages.parse import SDKMessage
from agent_sdk_core.messages.result import ResultMessage
from agent_sdk_core.messages.system import ApiRetry, InitMessage, RequestOpened, RequestResolved
from agent_sdk_core.messages.usage import SessionUsage, Usage
from agent_sdk_core.prompts import TextInput, prompt_blocks
from agent_sdk_core.records import dataclass
from agent_sdk_core.redaction import redact, redact_value
from agent_sdk_core.runtime.turns.agents import AgentLedger
from agent_sdk_core.runtime.turns.records import RunningTurn
from agent_sdk_core.telemetry import metrics, spans
from agent_sdk_core.telemetry.reporting import error_reporter
from agent_sdk_core.telemetry.spans import Span

clock = time.monotonic

_TYPES: Final = {
    "input_tokens": "input",
    "output_tokens": "output",
    "cache_read_input_tokens": "cache_read",
    "cache_creation_input_tokens": "cache_creation",
}
"""What each count of `Usage` is called; reasoning is a part of the output."""

_MOST_OPEN: Final = 10_000
"""Tool uses that may be open; of more, the oldest are not timed."""


@dataclass(slots=True)
class _Open:
    """What began: what it is called, and when."""

    name: str
    began: float
    span: Span | None


class SessionRecorder:
    """What a session does, for the telemetry of the process.

    Args:
        backend: Name of its backend.
        session_id: The agent's id of it at its creation.
        usage: Returns what it used, as its agent tells.
        resumed: Whether the agent may tell what was used before.

    Attributes:
        agents: What its sub-agents used.
        awaits_first: Whether nothing of the running turn has come yet.
        span: The session's, where spans are observed.
    """

    def __init__(self, backend: str, session_id: str, usage: Callable[[], SessionUsage], *, resumed: bool) -> None:
        self.agents = AgentLedger()
        self.awaits_first = False
        self.span: Span | None = None
        self._turn_span: Span | None = None
        self._backend = backend
        self._session_id = session_id
        self._usage = usage
        self._cost: float | None = None if resumed else 0.0
        self._model: str | None = None
        self._turn: RunningTurn | None = None
        self._sent = 0.0
        self._ours: ResultMessage | None = None
        self._depth = 0
        self._tools: dict[str, _Open] = {}
        self._requests: dict[str, _Open] = {}
        self._state: Literal["new", "open", "closed"] = "new"

    def open(self) -> None:
        """Note that the session is open."""
        if self._state == "new":
            self._state = "open"
            metrics.SESSIONS.add(1, backend=self._backend)

    def note(self, running: RunningTurn | None, waiting: int) -> None:
        """Note which turn runs now, and how many prompts wait."""
        if waiting != self._depth:
            metrics.QUEUE_DEPTH.add(waiting - self._depth, backend=self._backend)
            self._depth = waiting
        if running is not self._turn:
            if self._turn is not None:
                self._end(self._turn)
            self._turn, self._sent, self.awaits_first = running, clock(), running is not None
            self._ours = None
            if running is not None:
                self._begin_span(running)

    def sent(self) -> None:
        """Note that the prompt of the running turn is about to be sent."""
        self._sent = clock()

    def first_of(self, batch: Sequence[SDKMessage]) -> None:
        """Look for the first that the model says in the running turn."""
        for message in batch:
            if message.parent_tool_use_id is not None:
                continue
            said = isinstance(message, AssistantMessage)
            if said or (isinstance(message, StreamEvent) and message.event.get("type") == "content_block_delta"):
                self.awaits_first = False
                metrics.FIRST_TOKEN.add(clock() - self._sent, backend=self._backend)
                return

    def take(self, message: SDKMessage) -> None:
        """Take a message that is no delta."""
        match message:
            case AssistantMessage():
                for use in message.tool_uses:
                    self._use(use)
            case UserMessage():
                for result in message.tool_results:
                    self._result(result)
            case ResultMessage() if message.parent_tool_use_id is None:
                self._count(message.usage, self._model)
                self._count(self.agents.settle(message, self._model), self._model, agent="sub_agent")
                self._count_cost(message.usage)
            case InitMessage() if message.parent_tool_use_id is None:
                self._model = message.model or self._model
            case RequestOpened() if self._state != "closed":
                self._open_request(message)
            case RequestResolved():
                self._resolved(message)
            case ApiRetry():
                metrics.RETRIES.add(1, backend=self._backend)
            case _:
                pass
        if message.parent_tool_use_id is not None and (used := self.agents.take(message)) is not None:
            model = message.message.model if isinstance(message, AssistantMessage) else None
            self._count(used, model, agent="sub_agent")

    def ended(self, end: ResultMessage | AgentError) -> None:
        """Note the end of a prompt that the agent did not tell: a result of ours, or why it was not accepted."""
        if isinstance(end, AgentError):
            self._report(end, "prompt")
        elif end.outcome != "cancelled":
            self._ours = end

    def close(self) -> None:
        """Note that the session has ended; what it had open is nobody's any more."""
        if self._state == "open":
            metrics.SESSIONS.add(-1, backend=self._backend)
        self._state = "closed"
        self.note(None, 0)
        for request in self._requests.values():
            metrics.APPROVALS_WAITING.add(-1, backend=self._backend, kind=request.name)
            spans.end(request.span)
        for use in self._tools.values():
            spans.end(use.span)
        self._requests.clear()
        self._tools.clear()
        spans.end(self.span, {"gen_ai.conversation.id": self._session_id})

    def _end(self, turn: RunningTurn) -> None:
        result = turn.result or self._ours
        outcome = "failed" if result is None else result.outcome
        metrics.TURNS.add(1, backend=self._backend, outcome=outcome)
        metrics.TURN_SECONDS.add(clock() - self._sent, backend=self._backend, outcome=outcome)
        error = None if result is None else result.error
        if error is not None:
            self._report(error, "turn", turn)
        if self._turn_span is not None:
            spans.end(self._turn_span, self._told_of(result, outcome), error=error)
            self._turn_span = None

    def _report(self, error: AgentError, where: str, turn: RunningTurn | None = None) -> None:
        ids = {"backend": self._backend, "session": self._session_id}
        if turn is not None and turn.uuid is not None:
            ids["turn"] = turn.uuid
        error_reporter().report(error, where=where, backend=self._backend, context=ids)

    def _use(self, use: ToolUseBlock) -> None:
        if use.id in self._tools:
            return
        attributes: dict[str, spans.Value | None] = {
            "gen_ai.operation.name": "execute_tool",
            "gen_ai.tool.name": use.name,
            "gen_ai.tool.call.id": use.id,
        }
        if spans.wants_content():
            attributes["gen_ai.tool.call.arguments"] = _json(use.input)
        span = spans.begin("tool", f"execute_tool {use.name}", attributes, parent=self._turn_span or self.span)
        self._tools[use.id] = _Open(use.name, clock(), span)
        if len(self._tools) > _MOST_OPEN:
            spans.end(self._tools.pop(next(iter(self._tools))).span)

    def _result(self, result: ToolResultBlock) -> None:
        if (use := self._tools.pop(result.tool_use_id, None)) is None:
            return
        outcome = "failed" if result.is_error else "completed"
        metrics.TOOL_CALLS.add(1, backend=self._backend, tool=use.name, outcome=outcome)
        metrics.TOOL_SECONDS.add(clock() - use.began, backend=self._backend, tool=use.name)
        if use.span is not None:
            told = {"gen_ai.tool.call.result": redact(result.text)} if spans.wants_content() else {}
            spans.end(use.span, {"agent_sdk.outcome": outcome, **told})

    def _open_request(self, message: RequestOpened) -> None:
        attributes = {"agent_sdk.approval.kind": message.kind, "agent_sdk.request.id": message.request_id}
        parent = self._turn_span or self.span
        span = spans.begin("approval", f"approval {message.kind}", attributes, parent=parent)
        self._requests[message.request_id] = _Open(message.kind, clock(), span)
        metrics.APPROVALS_WAITING.add(1, backend=self._backend, kind=message.kind)

    def _begin_span(self, turn: RunningTurn) -> None:
        first = turn.records[0] if turn.records else None
        attributes: dict[str, spans.Value | None] = {
            "gen_ai.operation.name": "invoke_agent",
            "gen_ai.provider.name": spans.PROVIDERS.get(self._backend, self._backend),
            "gen_ai.agent.name": self._backend,
            "gen_ai.conversation.id": self._session_id,
            "agent_sdk.turn.id": turn.uuid,
        }
        if first is not None and spans.wants_content():
            parts = [_part(block) for block in prompt_blocks(first.prompt)]
            attributes["gen_ai.input.messages"] = _json([{"role": "user", "parts": parts}])
        caller = None if first is None else first.caller
        name = f"invoke_agent {self._backend}"
        self._turn_span = spans.begin("turn", name, attributes, parent=self.span, caller=caller)

    def _told_of(self, result: ResultMessage | None, outcome: str) -> dict[str, spans.Value | None]:
        """Return what a span holds of a turn that has ended."""
        told: dict[str, spans.Value | None] = {"agent_sdk.outcome": outcome, "gen_ai.response.model": self._model}
        if result is not None and (used := result.usage) is not None:
            read, written = used.cache_read_input_tokens, used.cache_creation_input_tokens
            told |= {
                "gen_ai.usage.input_tokens": used.input_tokens + (read or 0) + (written or 0),
                "gen_ai.usage.output_tokens": used.output_tokens,
                "gen_ai.usage.cache_read.input_tokens": read,
                "gen_ai.usage.cache_creation.input_tokens": written,
            }
        if result is not None and result.result is not None and spans.wants_content():
            parts = [{"type": "text", "content": result.result}]
            told["gen_ai.output.messages"] = _json([{"role": "assistant", "parts": parts}])
        return told

    def _resolved(self, message: RequestResolved) -> None:
        if (request := self._requests.pop(message.request_id, None)) is None:
            return
        about: Mapping[str, str] = {"backend": self._backend, "kind": request.name}
        metrics.APPROVALS_WAITING.add(-1, **about)
        metrics.APPROVALS.add(1, **about, outcome=message.outcome, by=message.by)
        metrics.APPROVAL_SECONDS.add(clock() - request.began, **about)
        spans.end(request.span, {"agent_sdk.outcome": message.outcome, "agent_sdk.approval.by": message.by})

    def _count(self, usage: Usage | None, model: str | None, *, agent: str = "main") -> None:
        for name, kind in _TYPES.items() if usage is not None else ():
            if tokens := getattr(usage, name):
                metrics.TOKENS.add(tokens, backend=self._backend, model=model, type=kind, agent=agent)

    def _count_cost(self, turn: Usage | None) -> None:
        """Count what the session's cost has grown by; of a first cost after a resume, what belongs to the turn."""
        usage = self._usage()
        if usage.cost_usd is None:
            return
        if self._cost is None:
            told = sum(used.total_tokens for used in usage.by_model.values())
            mine = 0 if turn is None else turn.total_tokens
            self._cost = usage.cost_usd * max(0.0, 1 - mine / told) if told else usage.cost_usd
        if usage.cost_usd > self._cost:
            metrics.COST.add(usage.cost_usd - self._cost, backend=self._backend)
        self._cost = max(self._cost, usage.cost_usd)


def _part(block: object) -> dict[str, str]:
    """Return a part of a prompt as a span holds it: text, and of all else what kind it is."""
    return {"type": "text", "content": block.text} if isinstance(block, TextInput) else {"type": type(block).__name__}


def _json(value: object) -> str:
    return json.dumps(redact_value(value), ensure_ascii=False, default=repr)
