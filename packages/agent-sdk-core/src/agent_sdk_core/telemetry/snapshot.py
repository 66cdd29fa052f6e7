"""Snapshot of the telemetry of this process, as one JSON-compatible object."""

from __future__ import annotations

from agent_sdk_core.arguments import checked
from agent_sdk_core.telemetry.metrics import metrics
from agent_sdk_core.telemetry.reporting import error_reporter


@checked
def telemetry_snapshot() -> dict[str, object]:
    """Return what this process counted, measured and reported so far, as JSON has it.

    "metrics" lists each `Metric` that anything was counted for, "errors" each `ErrorRecord`, what came last first.
    """
    counted = (each.to_wire() for each in metrics() if each.series)
    return {"metrics": list(counted), "errors": [each.to_wire() for each in error_reporter().records()]}
