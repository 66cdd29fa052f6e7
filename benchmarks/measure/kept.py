"""The ratios of instructions that are kept, and what has grown since."""

from __future__ import annotations

import json
import platform
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

KEPT: Final = Path(__file__).resolve().parents[1] / "kept.json"
PYTHON: Final = f"{platform.python_implementation()} {'.'.join(platform.python_version_tuple()[:2])}"
"""What the ratios hold for: each release of Python needs other numbers of instructions."""

TOLERANCE: Final = 0.05
"""How much of a ratio may come on top of it: its own spread is half of that."""


def keep_ratios(ratios: Mapping[str, float], path: Path = KEPT) -> None:
    """Keep the ratios for this release of Python, beside those of others."""
    kept = _kept(path)
    kept[PYTHON] = {**kept.get(PYTHON, {}), **{agent: round(ratio, 3) for agent, ratio in ratios.items()}}
    path.write_text(json.dumps(kept, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def grown_since_kept(ratios: Mapping[str, float], tell: Callable[[str], None], path: Path = KEPT) -> list[str]:
    """Return a sentence for each ratio that is larger than the kept one by more than the tolerance.

    Args:
        ratios: Instructions of our reader for each of the raw one's, by agent.
        tell: Told where there is nothing to compare with.
        path: Where they are kept.
    """
    kept = _kept(path).get(PYTHON, {})
    grown: list[str] = []
    for agent, ratio in ratios.items():
        if agent not in kept:
            tell(f"bench: nothing is kept for {agent} on {PYTHON}; `uv run nox -s bench -- --keep` keeps {ratio:.3f}")
        elif ratio > kept[agent] * (1 + TOLERANCE):
            grown.append(
                f"a delta of {agent} takes {ratio:.3f} times the raw reader's instructions, {kept[agent]:.3f} are "
                "kept. Find what grew, or keep the new ratio with `uv run nox -s bench -- --keep`."
            )
    return grown


def _kept(path: Path) -> dict[str, dict[str, float]]:
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
