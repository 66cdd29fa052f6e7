"""The code blocks of the documentation: whole programs, tests, and fragments that say so."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
PAGES: Final = sorted(
    path
    for pattern in ("README.md", "docs/**/*.md", "packages/*/README.md", "benchmarks/README.md", "examples/README.md")
    for path in ROOT.glob(pattern)
)
FRAGMENT: Final = "fragment"
"""The title of a block that is no whole program; it runs as the body of an async function."""
_BLOCK: Final = re.compile(r'^```python(?: title="(.*?)")?\n(.*?)^```$', re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """One block, and where it stands."""

    where: str
    title: str | None
    source: str

    @property
    def is_test(self) -> bool:
        """Whether pytest runs it."""
        return "def test_" in self.source


def blocks() -> list[Block]:
    """Return every Python block of the documentation."""
    return [
        Block(f"{page.relative_to(ROOT)}:{text.count(chr(10), 0, match.start()) + 1}", match[1], match[2])
        for page in PAGES
        for text in (page.read_text(encoding="utf-8"),)
        for match in _BLOCK.finditer(text)
    ]
