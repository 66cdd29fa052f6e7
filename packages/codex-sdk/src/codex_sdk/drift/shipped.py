"""The protocol that this package was made for, generated with it."""

from __future__ import annotations

from importlib.resources import files
from typing import Final

from codex_sdk.drift.surface import Surface

SURFACE_FILE: Final = "surface.json"
"""Its file in `codex_sdk.protocol`."""


def shipped_surface() -> Surface:
    """Return the protocol that this package was made for."""
    return Surface.load(files("codex_sdk.protocol").joinpath(SURFACE_FILE).read_bytes())
