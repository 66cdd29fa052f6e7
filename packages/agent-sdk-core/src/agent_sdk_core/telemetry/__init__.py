"""Telemetry of a process: counts and latencies, errors by class, spans, and what log lines belong to."""
