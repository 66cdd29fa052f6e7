"""How the protocol of an installed codex differs from the one that this package was made for.

`check` asks a binary for its protocol and compares it; `compare` is the comparison, and `shipped_surface` the protocol
of this package, which `protocol/surface.json` describes. Names load when they are first used: what a running backend
needs of this package is little.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from agent_sdk_core import lazy_names

if TYPE_CHECKING:
    from codex_sdk.drift.checking import check
    from codex_sdk.drift.comparing import compare
    from codex_sdk.drift.report import Change, Drift
    from codex_sdk.drift.shipped import shipped_surface
    from codex_sdk.drift.surface import Surface

__all__ = ["Change", "Drift", "Surface", "check", "compare", "shipped_surface"]

_MODULES: Final = {
    "Change": "report",
    "Drift": "report",
    "Surface": "surface",
    "check": "checking",
    "compare": "comparing",
    "shipped_surface": "shipped",
}

__getattr__ = lazy_names(__name__, _MODULES)
