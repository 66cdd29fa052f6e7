"""OpenTelemetry: spans and metrics of this process, handed to its providers; needs the extra `otel`.

Names and attributes follow the conventions for generative AI. The trace goes on in the agents' processes, which get it
as `TRACEPARENT`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from opentelemetry import context as contexts
from opentelemetry import metrics as otel_metrics
from opentelemetry import trace
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from agent_sdk_core.errors import AgentError
from agent_sdk_core.redaction import redact
from agent_sdk_core.telemetry import metrics, spans
from agent_sdk_core.telemetry.metrics import Instrument
from agent_sdk_core.telemetry.spans import Span

_SCOPE: Final = "agent_sdk"
_KINDS: Final = {"turn": trace.SpanKind.CLIENT}
_INPUTS: Final = frozenset({"input", "cache_read", "cache_creation"})


def export_to_opentelemetry(
    *,
    tracer_provider: trace.TracerProvider | None = None,
    meter_provider: otel_metrics.MeterProvider | None = None,
    content: bool = False,
) -> Callable[[], None]:
    """Hand spans and metrics to OpenTelemetry from now on; return what ends that.

    Args:
        tracer_provider: Takes the spans; absent: the global one.
        meter_provider: Takes the metrics; absent: the global one.
        content: Whether spans hold prompts, answers and the arguments and results of tools, without the secrets that
            are known; they hold none otherwise.
    """
    tracer = trace.get_tracer(_SCOPE, tracer_provider=tracer_provider)
    leave_spans = spans.observe(_Tracing(tracer, content=content))
    leave_metrics = metrics.listen(_Metering(otel_metrics.get_meter(_SCOPE, meter_provider=meter_provider)))

    def leave() -> None:
        leave_spans()
        leave_metrics()

    return leave


class _Tracing:
    """Makes OpenTelemetry's spans of ours."""

    def __init__(self, tracer: trace.Tracer, *, content: bool) -> None:
        self.content = content
        self._tracer = tracer
        self._propagator = TraceContextTextMapPropagator()

    def begin(self, span: Span) -> None:
        """Begin it: below the application's own span where one is current, and linked to ours then."""
        ours = self._native(span.parent)
        context = contexts.Context() if ours is None else trace.set_span_in_context(ours, contexts.Context())
        links: list[trace.Link] = []
        if span.caller is not None:
            current = span.caller.copy().run(contexts.get_current)
            if trace.get_current_span(current).get_span_context().is_valid:
                context = current
                links = [] if ours is None else [trace.Link(ours.get_span_context())]
        span.natives[id(self)] = self._tracer.start_span(
            span.name,
            context=context,
            kind=_KINDS.get(span.kind, trace.SpanKind.INTERNAL),
            attributes=span.attributes,
            links=links,
            start_time=span.began,
        )

    def end(self, span: Span) -> None:
        """End it, with what has come to be known since and why it failed."""
        if (native := self._native(span)) is None:  # Begun before anybody observed.
            return
        native.set_attributes(span.attributes)
        if span.error is not None:
            code = span.error.code if isinstance(span.error, AgentError) else type(span.error).__name__
            native.set_attribute("error.type", code)
            native.set_status(trace.Status(trace.StatusCode.ERROR, redact(str(span.error)) if self.content else code))
        native.end(end_time=span.ended)

    def carrier(self, span: Span) -> Mapping[str, str]:
        """Return `TRACEPARENT` and `TRACESTATE` of it."""
        if (native := self._native(span)) is None:
            return {}
        found: dict[str, str] = {}
        self._propagator.inject(found, trace.set_span_in_context(native, contexts.Context()))
        return {name.upper(): value for name, value in found.items()}

    def _native(self, span: Span | None) -> trace.Span | None:
        native = None if span is None else span.natives.get(id(self))
        return native if isinstance(native, trace.Span) else None


class _Metering:
    """Hands on what is counted, under our names and under those of the conventions."""

    def __init__(self, meter: otel_metrics.Meter) -> None:
        self._instruments: dict[str, Callable[[float, dict[str, Any]], None]] = {}
        for each in metrics.INSTRUMENTS:
            match each.kind:
                case "counter":
                    made = meter.create_counter(each.name, each.unit, each.description).add
                case "level":
                    made = meter.create_up_down_counter(each.name, each.unit, each.description).add
                case "histogram":
                    bounds = each.read().bounds
                    made = meter.create_histogram(
                        each.name, each.unit, each.description, explicit_bucket_boundaries_advisory=bounds
                    ).record
            self._instruments[each.name] = made
        self._tokens = meter.create_histogram("gen_ai.client.token.usage", "{token}", "Tokens of a turn").record
        self._operation = meter.create_histogram("gen_ai.client.operation.duration", "s", "Duration of a turn").record
        self._first = meter.create_histogram(
            "gen_ai.client.operation.time_to_first_chunk", "s", "From a prompt sent to the first that the model says"
        ).record

    def __call__(self, instrument: Instrument, amount: float, attributes: Mapping[str, str]) -> None:
        """Hand on one amount."""
        if (record := self._instruments.get(instrument.name)) is not None:
            record(amount, dict(attributes))
        backend = attributes.get("backend", "")
        shared: dict[str, Any] = {
            "gen_ai.operation.name": "invoke_agent",
            "gen_ai.provider.name": spans.PROVIDERS.get(backend, backend),
        }
        if instrument is metrics.TOKENS:
            kind = "input" if attributes.get("type") in _INPUTS else "output"
            model = {"gen_ai.request.model": attributes["model"]} if "model" in attributes else {}
            self._tokens(amount, {**shared, **model, "gen_ai.token.type": kind})
        elif instrument is metrics.TURN_SECONDS:
            failed = {"error.type": attributes["outcome"]} if attributes.get("outcome") in ("failed", "limit") else {}
            self._operation(amount, {**shared, **failed})
        elif instrument is metrics.FIRST_TOKEN:
            self._first(amount, shared)
