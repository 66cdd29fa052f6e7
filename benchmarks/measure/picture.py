"""The picture of a report: what each reader costs, as a multiple of the raw one's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from measure.readers import AGENTS, READERS
from measure.report import Section

PANELS: Final = (
    ("{}-streaming", "x raw (min)", "CPU a delta, real agent\n(raw reader = 1)"),
    ("{}-replay", "x raw (min)", "CPU a delta, replayed\n(raw reader = 1)"),
    ("{}-programs", "CPU min", "CPU of a program\nthat asks once, ms"),
    ("{}-endings", "close", "close in mid turn, ms"),
)
"""A section, a column of it, and what that is."""

_COLOURS: Final = {"raw": "#9aa0a6", "ours": "#2f6fde", "official": "#d9822b"}


def draw(sections: Sequence[Section], path: Path) -> None:
    """Draw the sections that were measured, a row of panels an agent, into an SVG.

    Args:
        sections: The report.
        path: Where to write; the same report gives the same file.
    """
    # By name: only who wants the picture has it, and type checks run without it.
    mpl: Any = import_module("matplotlib")
    mpl.use("svg")
    mpl.rcParams.update({"svg.hashsalt": "benchmarks", "font.size": 8, "svg.fonttype": "none"})
    pyplot: Any = import_module("matplotlib.pyplot")
    found = {section.key: section for section in sections}
    agents = [agent for agent in AGENTS if any(form.format(agent) in found for form, _, _ in PANELS)]
    figure, places = pyplot.subplots(len(agents), len(PANELS), figsize=(14, 2.2 * len(agents)), squeeze=False)
    for agent, row in zip(agents, places, strict=True):
        for (form, column, title), place in zip(PANELS, row, strict=True):
            _bars(place, found.get(form.format(agent)), column)
            place.set_title(f"{agent}: {title}", fontsize=8)
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)


def _bars(place: Any, section: Section | None, column: str) -> None:
    place.spines[["top", "right"]].set_visible(False)
    values: Mapping[str, float] = {
        row.name: value
        for row in (section.rows if section else [])
        if (value := row.values.get(column)) is not None and "no deltas" not in row.name
    }
    if not values:
        place.set_axis_off()
        return
    bars = place.barh([*values], [*values.values()], color=[_colour(name) for name in values])
    labels = [f"{value:.3g}" if value < 1000 else f"{value:,.0f}" for value in values.values()]
    place.bar_label(bars, labels=labels, padding=3)
    place.invert_yaxis()
    place.margins(x=0.2)


def _colour(name: str) -> str:
    if name.startswith("raw"):
        return _COLOURS["raw"]
    theirs = any(name == reader.name and reader.official for agent in AGENTS for reader in READERS[agent].all("stream"))
    return _COLOURS["official" if theirs else "ours"]
