"""How the protocol of an installed codex differs from the one that this package was made for.

`check` asks a binary for its protocol and compares it; `compare` is the comparison, and `shipped_surface` the protocol
of this package, which `protocol/surface.json` describes.
"""

from __future__ import annotations

from codex_sdk.drift.checking import check
from codex_sdk.drift.comparing import compare
from codex_sdk.drift.report import Change, Drift
from codex_sdk.drift.shipped import shipped_surface
from codex_sdk.drift.surface import Surface

__all__ = ["Change", "Drift", "Surface", "check", "compare", "shipped_surface"]
