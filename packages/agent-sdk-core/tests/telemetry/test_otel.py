"""What OpenTelemetry is handed of a session: spans below each other, metrics, content only where it is asked for."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from typing import Any

import anyio
import pytest
from opentelemetry import trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from agent_sdk_core.asking.permissions import DEFER, Allow
from agent_sdk_core.errors import InvalidRequestError
from agent_sdk_core.messages.parse import parse_message
from agent_sdk_core.prompts import ImageInput, TextInput
from agent_sdk_core.redaction import learn
from agent_sdk_core.telemetry import metrics, spans
from agent_sdk_core.telemetry.otel import export_to_opentelemetry
from agent_sdk_core.transport.process.child import ChildProcess

pytestmark = pytest.mark.anyio


class Traces:
    """OpenTelemetry in memory."""

    def __init__(self) -> None:
        self.exporter, self.reader = InMemorySpanExporter(), InMemoryMetricReader()
        self.tracers = TracerProvider()
        self.tracers.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.meters = MeterProvider([self.reader])

    def export(self, *, content: bool = False) -> Any:
        return export_to_opentelemetry(tracer_provider=self.tracers, meter_provider=self.meters, content=content)

    def named(self, name: str) -> Any:
        [span] = [span for span in self.exporter.get_finished_spans() if span.name == name]
        return span

    def points(self, name: str) -> list[Any]:
        data: Any = self.reader.get_metrics_data()
        told = [metric for part in data.resource_metrics for scope in part.scope_metrics for metric in scope.metrics]
        return [point for metric in told if metric.name == name for point in metric.data.data_points]


@pytest.fixture
def traces() -> Iterator[Traces]:
    traces = Traces()
    yield traces
    traces.tracers.shutdown()
    traces.meters.shutdown()


async def act(backend: Any, prompt: Any = "Go.") -> None:
    """Have a session take a turn with a tool, for which somebody is asked."""
    session = await backend.create_session()
    agent = session.driver
    content = [{"type": "tool_use", "id": "t1", "name": "Bash", "input": {"command": "echo the-secret-of-tools"}}]
    result = [{"type": "tool_result", "tool_use_id": "t1", "content": "the output"}]
    async with session.query(prompt) as turn:
        await anyio.wait_all_tasks_blocked()
        agent.emit(agent.init().model_copy(update={"model": "m"}))
        wire: dict[str, Any] = {"type": "assistant", "message": {"content": content}}
        agent.emit(parse_message(wire, source=agent.source()), parse_message(wire, source=agent.source()))
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(lambda: agent.ask(DEFER))
            await anyio.wait_all_tasks_blocked()
            await session.answer("r1", Allow())
        agent.emit(parse_message({"type": "user", "message": {"content": result}}, source=agent.source()))
        usage = {"input_tokens": 5, "output_tokens": 2, "cache_read_input_tokens": 3}
        agent.emit(agent.text("the answer"), agent.result(result="the answer", usage=usage))
        await turn.wait()
    await session.aclose()


async def test_spans_lie_below_each_other_and_hold_no_content(make_backend: Any, traces: Traces) -> None:
    leave, backend = traces.export(), make_backend()
    async with backend:
        await act(backend)
    leave()
    owner, session, turn, tool, approval = map(
        traces.named,
        ("backend memory", "session memory", "invoke_agent memory", "execute_tool Bash", "approval permission"),
    )
    parents = [span.parent.span_id if span.parent else None for span in (owner, session, turn, tool, approval)]
    ids = [span.context.span_id for span in (owner, session, turn)]
    assert parents == [None, ids[0], ids[1], ids[2], ids[2]]
    assert turn.kind is trace.SpanKind.CLIENT
    assert dict(turn.attributes or {}) == {
        "gen_ai.operation.name": "invoke_agent",
        "gen_ai.provider.name": "memory",
        "gen_ai.agent.name": "memory",
        "gen_ai.conversation.id": "session-1",
        "agent_sdk.turn.id": (turn.attributes or {})["agent_sdk.turn.id"],
        "agent_sdk.outcome": "completed",
        "gen_ai.response.model": "m",
        "gen_ai.usage.input_tokens": 8,
        "gen_ai.usage.output_tokens": 2,
        "gen_ai.usage.cache_read.input_tokens": 3,
    }
    assert (approval.attributes or {})["agent_sdk.approval.by"] == "answer"
    assert (tool.attributes or {})["gen_ai.tool.call.id"] == "t1"
    everything = " ".join(span.to_json() for span in traces.exporter.get_finished_spans())
    assert not [word for word in ("Go.", "echo", "the output", "the answer") if word in everything]


async def test_content_comes_where_it_is_asked_for_without_secrets(make_backend: Any, traces: Traces) -> None:
    learn("the-secret-of-tools")
    leave, backend = traces.export(content=True), make_backend()
    async with backend:
        await act(backend, [TextInput("Go."), ImageInput(data=b"GIF89a", media_type="image/gif")])
    leave()
    turn: Any = traces.named("invoke_agent memory").attributes
    tool: Any = traces.named("execute_tool Bash").attributes
    [asked] = json.loads(str(turn["gen_ai.input.messages"]))
    assert asked == {"role": "user", "parts": [{"type": "text", "content": "Go."}, {"type": "ImageInput"}]}
    assert "the answer" in str(turn["gen_ai.output.messages"])
    assert tool["gen_ai.tool.call.arguments"] == '{"command": "echo **********"}'
    assert tool["gen_ai.tool.call.result"] == "the output"


async def test_a_turn_lies_below_the_application_s_own_span(make_backend: Any, traces: Traces) -> None:
    leave, backend = traces.export(), make_backend()
    async with backend:
        with traces.tracers.get_tracer("app").start_as_current_span("request") as request:
            await act(backend)
    leave()
    turn, session = traces.named("invoke_agent memory"), traces.named("session memory")
    assert turn.parent is not None
    assert turn.parent.span_id == request.get_span_context().span_id
    assert [link.context.span_id for link in turn.links] == [session.context.span_id]


async def test_failures_say_which(make_backend: Any, traces: Traces) -> None:
    async def refuse() -> None:
        raise InvalidRequestError("Not with the secret plan.")

    leave, backend = traces.export(), make_backend()
    async with backend:
        session = await backend.create_session()
        async with session.query("Go.") as turn:
            await anyio.wait_all_tasks_blocked()
            agent = session.driver
            agent.emit(
                agent.init(), agent.result(subtype="error_during_execution", is_error=True, error_code="overloaded")
            )
            await turn.wait()
        backend.opening = refuse
        with pytest.raises(InvalidRequestError):
            await backend.create_session()
        content: list[dict[str, Any]] = [{"type": "tool_use", "id": "t", "name": "Bash", "input": {}}]
        left_open: dict[str, Any] = {"type": "assistant", "message": {"content": content}}
        agent.emit(parse_message(left_open, source=agent.source()))
    leave()
    failed = traces.named("invoke_agent memory")
    assert (failed.attributes or {})["error.type"] == "overloaded"
    assert failed.status.description == "overloaded"
    refused = [span for span in traces.exporter.get_finished_spans() if span.status.description == "invalid_request"]
    assert [span.name for span in refused] == ["session memory"]
    assert traces.named("execute_tool Bash").end_time is not None


async def test_what_began_unobserved_ends_unseen(make_backend: Any, traces: Traces) -> None:
    early = Traces()
    first, backend = early.export(), make_backend()
    async with backend:
        leave = traces.export()
        first()
        await act(backend)
    leave()
    names = {span.name for span in traces.exporter.get_finished_spans()}
    assert "backend memory" not in names
    assert "invoke_agent memory" in names
    early.tracers.shutdown()
    early.meters.shutdown()


async def test_metrics_are_exported_under_our_names_and_those_of_the_conventions(
    make_backend: Any, traces: Traces
) -> None:
    leave, backend = traces.export(), make_backend()
    async with backend:
        await act(backend)
    metrics.TURN_SECONDS.add(1, backend="codex", outcome="failed")
    leave()
    [turns] = traces.points("agent_sdk.turns")
    assert (turns.value, dict(turns.attributes)) == (1, {"backend": "memory", "outcome": "completed"})
    assert [point.value for point in traces.points("agent_sdk.sessions.open")] == [0]
    kinds = {point.attributes["gen_ai.token.type"]: point.sum for point in traces.points("gen_ai.client.token.usage")}
    assert kinds == {"input": 8, "output": 2}
    operations = traces.points("gen_ai.client.operation.duration")
    assert [point.attributes.get("error.type") for point in operations] == [None, "failed"]
    assert operations[1].attributes["gen_ai.provider.name"] == "openai"
    assert len(traces.points("gen_ai.client.operation.time_to_first_chunk")) == 1


async def test_a_process_gets_the_trace_unless_it_has_one_of_its_own(traces: Traces) -> None:
    leave = traces.export()
    span = spans.begin("session", "session x", {})
    code = "import os; print(os.environ.get('TRACEPARENT'))"

    async def told(**env: str) -> str:
        child = await ChildProcess.spawn([sys.executable, "-c", code], env={**os.environ, **env})
        with anyio.fail_after(30):
            said = b""
            while piece := await child.read():
                said += piece
            await child.wait()
        await child.stop()
        return said.decode().strip()

    before = await told()
    spans.enter(span)
    parent = await told()
    named = await told(TRACEPARENT="00-mine")
    spans.end(span)
    leave()
    context: Any = traces.named("session x").context
    assert before == str(os.environ.get("TRACEPARENT"))
    assert parent.rpartition("-")[0] == f"00-{context.trace_id:032x}-{context.span_id:016x}"
    assert named == "00-mine"
