"""The shapes of secrets: what well-known keys look like, and what stands behind a name that tells."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Final

START: Final = r"(?:(?<![A-Za-z0-9_])|(?<=\\[bfnrt])|(?<=\\u[0-9A-Fa-f]{4}))"
"""Where a key may begin: behind nothing that could be a part of it, so behind a letter of another script as well, or
behind an escape of JSON, for text is quoted in text."""


@cache
def shapes() -> re.Pattern[str]:
    """Return the shapes of keys, and of what stands behind a name that tells.

    Every repetition is bounded or has one way to match. Made when first needed: it takes longer than most modules. Each
    begins with one of `_WORDS` or `_PREFIXES`, but for what is shown of it anyway.
    """
    return re.compile(
        r"(?P<before>"
        rf"{START}(?i:(?:proxy-)?authorization)[\"']?\s{{0,4}}[:=]\s{{0,4}}[\"']?(?:[A-Za-z]{{1,16}}\s{{1,4}})?"
        rf"|{START}(?i:bearer)\s{{1,4}}(?=[\w.~+/=-]{{16}})"
        r"|(?i:api[_-]?key|access[_-]?key|secret(?!ar)|password|passwd|passphrase|token(?!s|i)|credential)[\w-]{0,32}[\"']?"
        r"\s{0,4}[:=]\s{0,4}[\"']?(?=[^\s\"',;&]{8})"
        r"|://[^\s/:@]{0,64}:(?=[^\s/@]{1,256}@)"
        r")[^\s\"',;&@]{3,}"
        rf"|{START}(?:sk-[\w-]{{8,}}|(?:sk|rk)_(?:live|test)_\w{{8,}}|gh[pousr]_\w{{16,}}|github_pat_\w{{16,}}"
        r"|glpat-[\w-]{16,}|xox[a-z]-[\w-]{10,}|(?:AKIA|ASIA)[0-9A-Z]{16}\b|AIza[\w-]{30,}|hf_\w{20,}|npm_\w{30,}"
        r"|eyJ[\w-]{8,}\.[\w-]{8,}(?:\.[\w-]*)?)"
        r"|-----BEGIN [A-Z ]{0,32}PRIVATE KEY-----[^-]{0,16384}(?:-----END [A-Z ]{0,32}PRIVATE KEY-----)?",
        re.ASCII,
    )


_WORDS: Final = (
    "authorization",
    "bearer",
    *(f"{kind}{dash}key" for kind in ("api", "access") for dash in ("", "_", "-")),
    "secret",
    "password",
    "passwd",
    "passphrase",
    "token",
    "credential",
)
"""What the shapes begin with in whichever case."""

_PREFIXES: Final = (
    "sk-",
    *(f"{kind}_{mode}_" for kind in ("sk", "rk") for mode in ("live", "test")),
    *(f"gh{kind}_" for kind in "pousr"),
    "github_pat_",
    "glpat-",
    "xox",
    "AKIA",
    "ASIA",
    "AIza",
    "hf_",
    "npm_",
    "eyJ",
    "-----BEGIN ",
)
"""What the other shapes begin with."""

_DOTTED_CAPITAL: Final = "\u0130"
"""The one letter whose small form is longer."""


_SHORT: Final = 40
"""Characters of a text in which every place is tried sooner."""


def secret_shapes(text: str) -> Iterator[re.Match[str]]:
    """Yield what has the shape of a secret, in order; the group "before" is what may be shown of it.

    In what is not short it looks only where a shape can begin, which is several times quicker.
    """
    pattern, end = shapes(), 0
    if len(text) <= _SHORT:
        yield from pattern.finditer(text)
        return
    for start in sorted(_starts(text)):
        if start >= end and (found := pattern.match(text, start)) is not None:
            end = found.end()
            yield found


def _starts(text: str) -> set[int]:
    lowered = text.replace(_DOTTED_CAPITAL, "i").lower()
    starts = {at for word in _WORDS for at in _places(lowered, word)}
    for prefix in _PREFIXES:
        starts.update(_places(text, prefix))
    if "@" in text:
        starts.update(_places(text, "://"))
    return starts


def _places(text: str, part: str) -> Iterator[int]:
    at = text.find(part)
    while at >= 0:
        yield at
        at = text.find(part, at + 1)
