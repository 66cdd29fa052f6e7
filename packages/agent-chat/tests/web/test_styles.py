"""The style sheets of the page and of the editor's theme: one type scale, one spacing scale, two accents."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from agent_chat.web.bundle import SOURCES

PAGE: Final = SOURCES / "src/styles.css"
THEME: Final = SOURCES.parents[2] / "editors/vscode/media/theme.css"
TYPE: Final = {"font", "font-size"}
SPACE: Final = re.compile(r"(padding|margin|gap)(-[a-z-]+)?$")
ABSOLUTE: Final = re.compile(r"\d(px|pt|r?em)\b")
COLOUR: Final = re.compile(r"#[0-9a-f]{3,8}\b|\b(rgb|hsl|oklch|lab)a?\(", re.IGNORECASE)


def declarations(sheet: Path) -> Iterator[tuple[str, str]]:
    """Yield each name and value of a sheet, those of variables too."""
    rules = re.sub(r"/\*.*?\*/", "", sheet.read_text(), flags=re.DOTALL)
    yield from re.findall(r"(?<=[{;\s])(-{0,2}[a-z][a-z0-9-]*):\s*((?:url\([^)]*\)|[^;{}])+)(?=[;}])", rules)


@pytest.mark.parametrize("sheet", [PAGE, THEME], ids=["page", "theme"])
def test_sizes_and_spaces_are_those_of_the_scales(sheet: Path) -> None:
    own = [
        f"{name}: {value}"
        for name, value in declarations(sheet)
        if (name in TYPE or SPACE.match(name)) and ABSOLUTE.search(value)
    ]
    assert own == []


def test_colours_are_named_once_and_two_of_them_are_accents() -> None:
    assert [f"{name}: {value}" for name, value in declarations(PAGE) if COLOUR.search(value) and name[:2] != "--"] == []
    named = {name.removeprefix("--").split("-")[-1] for name, value in declarations(PAGE) if COLOUR.search(value)}
    greys = {"bg", "panel", "card", "line", "text", "dim", "code", "shadow", "veil", "chevron"}
    states = {"red", "green"}
    assert named - greys - states - {"soft", "mark"} == {"blue", "amber"}


def test_each_scale_is_short_and_rises() -> None:
    for scale, longest in (("type", 5), ("space", 6)):
        steps = [
            float(value.removesuffix("px")) for name, value in declarations(PAGE) if name.startswith(f"--{scale}-")
        ]
        assert steps == sorted(set(steps))
        assert len(steps) == longest
