"""Describes the protocol as one compact surface: what a comparison with another version starts from."""

from __future__ import annotations

import importlib
import json
from pathlib import Path

from schema.bundle import SchemaError
from schema.methods import Methods


def write_surface(bundle: Path, methods: Methods, version: str, out: Path) -> None:
    """Write the surface of the bundles in `bundle` to `out/surface.json`.

    Raises:
        SchemaError: `codex_sdk` is not installed.
    """
    try:
        reading = importlib.import_module("codex_sdk.drift.reading")
        shipped = importlib.import_module("codex_sdk.drift.shipped")
    except ModuleNotFoundError as error:
        raise SchemaError(f"{error.name} cannot be imported: run this inside the workspace (uv run).") from error
    stable, experimental = (
        json.loads((bundle / name / reading.BUNDLE).read_text()) for name in ("stable", "experimental")
    )
    requests = (*methods.client_requests, *methods.server_requests)
    responses = {method.name: method.response for method in requests if method.response is not None}
    surface = reading.read_surface(version, stable, experimental, responses)
    (out / shipped.SURFACE_FILE).write_text(surface.dump())
