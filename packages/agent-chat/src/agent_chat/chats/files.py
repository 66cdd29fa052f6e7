"""Files of a chat's folder, for `@` completion: found below it and nowhere else, in bounded time."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

MAX_SEEN: Final = 20_000
"""Entries that are looked at before the search gives up."""

SKIPPED: Final = frozenset({".git", ".hg", ".venv", "__pycache__", "node_modules", ".cache", ".mypy_cache", "target"})


def find_files(folder: Path, text: str, *, limit: int = 20) -> list[str]:
    """Return paths below a folder that hold a text, shortest first; those in it before those that only fit loosely.

    Links are listed and never followed, so that nothing outside of the folder is told.

    Args:
        folder: The folder.
        text: What the path holds, letters of any case.
        limit: How many at most.
    """
    wanted = text.casefold().strip()
    found = [path for path in _walk(folder) if _fits(path.casefold(), wanted)]
    found.sort(key=lambda path: (wanted not in Path(path).name.casefold(), len(path), path))
    return found[:limit]


def _walk(folder: Path) -> Iterator[str]:
    seen = 0
    for root, folders, files in os.walk(folder, followlinks=False):
        folders[:] = sorted(name for name in folders if name not in SKIPPED)
        for name in sorted(files):
            seen += 1
            if seen > MAX_SEEN:
                return
            yield os.path.relpath(Path(root) / name, folder)


def _fits(path: str, wanted: str) -> bool:
    """Whether the letters that are wanted stand in the path in this order."""
    letters = iter(path)
    return all(letter in letters for letter in wanted)
