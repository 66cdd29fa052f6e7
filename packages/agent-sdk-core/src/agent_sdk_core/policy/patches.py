"""Patches: the files that the text of one names, and what it does to them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Final

_HEADER: Final = re.compile(r"^[^\S\n]*\*\*\* (Add File|Update File|Delete File|Move to): (.+)$", re.MULTILINE)
"""Codex takes a line for a header whatever white space stands before it, within a change too."""

_UNIFIED: Final = re.compile(
    r"^(?:(?:---|\+\+\+|\*\*\*|Index:|(?:rename|copy) (?:from|to))[^\S\n]+(?P<file>[^\t\n]+)"
    r"|diff --git (?P<first>\S+) (?P<second>.+))",
    re.MULTILINE,
)
_MOST_LEVELS: Final = 8


def headers(text: str) -> Iterator[tuple[str, str]]:
    """Return what a patch of Codex's does, in the words of its headers, with the file that each names.

    Some versions leave white space at the end of a name, others take it away: such a file is named both ways.
    """
    for action, path in _HEADER.findall(text):
        exact = path.removesuffix("\r")
        for name in dict.fromkeys((exact.rstrip(), exact, exact.strip())):
            if name:
                yield action, name


def patched_files(text: str) -> Iterator[str]:
    """Return every file that a patch may change, of Codex's form or as `diff` writes them, whatever `-p` takes away."""
    yield from (path for _, path in headers(text))
    for found in _UNIFIED.finditer(text):
        for name in found.groups():
            parts = PurePosixPath((name or "").strip().strip('"')).parts
            for level in range(min(len(parts), _MOST_LEVELS)):
                yield str(PurePosixPath(*parts[level:]))
