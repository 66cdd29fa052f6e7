"""What telemetry adds: the same turns with nothing counted, counted as always is, and exported to OpenTelemetry.

All in one process, block after block in turns, so that what else the machine does meets each of them alike.
"""

from __future__ import annotations

import json
import time
from collections.abc import Generator, Sequence
from contextlib import ExitStack, contextmanager
from unittest.mock import patch

import anyio
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

from agent_sdk_core import AgentSession, SessionOptions
from agent_sdk_core.runtime.recording import SessionRecorder
from agent_sdk_core.telemetry.otel import export_to_opentelemetry
from probes.ours import backend_of
from probes.plan import HELLO, STREAM, Plan

STATES = ("nothing counted", "counted, as always", "exported to OpenTelemetry")
TURNS = 5
"""Short turns of a block."""


class _Discarding(SpanExporter):
    """Takes spans and sends them nowhere: what sending costs is the exporter's."""

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        del spans
        return SpanExportResult.SUCCESS


def _nothing(*_: object) -> None:
    """Stand in for what counts."""


@contextmanager
def state(name: str, tracers: TracerProvider, meters: MeterProvider) -> Generator[None]:
    if name == STATES[0]:
        with ExitStack() as stack:
            for method in ("note", "sent", "first_of", "take", "ended"):
                stack.enter_context(patch.object(SessionRecorder, method, _nothing))
            yield
        return
    if name == STATES[1]:
        yield
        return
    leave = export_to_opentelemetry(tracer_provider=tracers, meter_provider=meters)
    try:
        yield
    finally:
        leave()


async def turns(session: AgentSession, prompt: str, number: int) -> float:
    """Return the seconds of CPU that each of some turns took."""
    begun = time.process_time()
    for _ in range(number):
        async for _ in session.query(prompt):
            pass
    return (time.process_time() - begun) / number


async def run(plan: Plan) -> None:
    tracers = TracerProvider()
    tracers.add_span_processor(BatchSpanProcessor(_Discarding()))
    meters = MeterProvider([InMemoryMetricReader()])
    found: dict[str, dict[str, list[float]]] = {name: {"short": [], "long": []} for name in STATES}
    async with backend_of(plan) as backend, await backend.create_session(SessionOptions(cwd=plan.cwd)) as session:
        for number in range(plan.rounds + 1):
            order = STATES[number % 3 :] + STATES[: number % 3]
            for name in order:
                with state(name, tracers, meters):
                    short = await turns(session, HELLO, TURNS)
                    long = await turns(session, STREAM, 1)
                if number:  # The first round pays for what is loaded and built once.
                    found[name]["short"].append(short)
                    found[name]["long"].append(long / plan.deltas)
    tracers.shutdown()
    meters.shutdown()
    print(json.dumps(found))


def main() -> None:
    plan = Plan.from_arguments()
    anyio.run(run, plan, backend=plan.variant)


if __name__ == "__main__":
    main()
