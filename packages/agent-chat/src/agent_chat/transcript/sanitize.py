"""Takes the power out of untrusted text: an agent must not move the cursor, set the title or hide what it does.

`clean` is for what is read, and removes control sequences; `visible` is for what is approved, and spells them out,
because they are part of what would run.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

_SEQUENCE: Final = re.compile(
    # Strings that end with BEL or ST (titles, links, device control); one that never ends stops at its line.
    r"(?:\x1b[\]PX^_]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x9c\n]*(?:\x07|\x1b\\|\x9c)?"
    r"|(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]?"
    r"|\x1b[ -/]*[0-~]?"
)
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
# Marks that reorder or break lines unseen.
_REORDERING: Final = re.compile("[\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_OVERWRITTEN: Final = re.compile(r"[^\n]*\r(?=[^\n])")
_TAB_SIZE: Final = 4


def clean(text: str) -> str:
    """Return the text without control sequences and characters; only line breaks stay, tabs become spaces.

    A carriage return inside a line takes back what the line said before, as on a terminal.
    """
    if text.isascii() and text.isprintable():
        return text
    text = _SEQUENCE.sub("", text).replace("\r\n", "\n").rstrip("\r")
    text = _OVERWRITTEN.sub("", text)
    text = _CONTROL.sub("", text.expandtabs(_TAB_SIZE))
    return _SURROGATE.sub("\N{REPLACEMENT CHARACTER}", _REORDERING.sub("", text))


def clean_line(text: str) -> str:
    """Return the cleaned text as one line."""
    return " ".join(clean(text).split())


def visible(text: str) -> str:
    r"""Return the text with every character that a terminal would not show spelled out, such as ``\x1b``.

    Line breaks and tabs stay as they are.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(character if _is_shown(character) else _spelled(character) for character in text).expandtabs(
        _TAB_SIZE
    )


def _is_shown(character: str) -> bool:
    return character in "\n\t" or unicodedata.category(character) not in {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}


def _spelled(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")
