"""Secrets in text that people see: what they are known by, and their replacement, the one place for it.

Known are the values of environment variables, headers and fields whose names tell that they are secret, every `Secret`,
and the shapes of well-known keys. What the model says to the application is never changed.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping
from typing import Final, cast

REDACTED: Final = "**********"
"""What is shown in place of a secret; its length tells nothing."""

_SHORTEST: Final = 8
"""Characters of a value that is replaced wherever it occurs; a shorter one may well be a word."""

_REMEMBERED: Final = 1_000
_NAME: Final = re.compile(
    r"(?:^|[_-])(?:API)?KEYS?(?:$|[_-])|(?:^|[_-])(?:AUTH|PASS|PAT|CREDS?)(?:$|[_-])"
    r"|APIKEY|ACCESSKEY|PRIVATEKEY|TOKEN(?!S|I)|SECRET(?!AR)|PASSWORD|PASSWD|PASSPHRASE|AUTHORIZATION|CREDENTIAL|COOKIE",
    re.IGNORECASE,
)
_HARMLESS: Final = re.compile(
    r"(?:^|[_-])(?:FILE|PATH|DIR|SOCK|URL|NAME|TYPE|MODE|SOURCE)$|Source$|Mode$", re.IGNORECASE
)
"""Endings of names that only tell where a secret is, or of what kind."""

_SHAPES: Final = re.compile(
    r"(?P<before>"
    r"\b(?i:(?:proxy-)?authorization)[\"']?\s{0,4}[:=]\s{0,4}[\"']?(?:[A-Za-z]{1,16}\s{1,4})?"
    r"|\b(?i:bearer)\s{1,4}(?=[\w.~+/=-]{16})"
    r"|(?i:api[_-]?key|access[_-]?key|secret(?!ar)|password|passwd|passphrase|token(?!s|i)|credential)[\w-]{0,32}[\"']?"
    r"\s{0,4}[:=]\s{0,4}[\"']?(?=[^\s\"',;&]{8})"
    r"|://[^\s/:@]{0,64}:(?=[^\s/@]{1,256}@)"
    r")[^\s\"',;&@]{3,}"
    r"|\bsk-[\w-]{8,}|\b(?:sk|rk)_(?:live|test)_\w{8,}|\bgh[pousr]_\w{16,}|\bgithub_pat_\w{16,}"
    r"|\bglpat-[\w-]{16,}|\bxox[a-z]-[\w-]{10,}|\b(?:AKIA|ASIA)[0-9A-Z]{16}\b|\bAIza[\w-]{30,}|\bhf_\w{20,}|\bnpm_\w{30,}"
    r"|\beyJ[\w-]{8,}\.[\w-]{8,}(?:\.[\w-]*)?"
    r"|-----BEGIN [A-Z ]{0,32}PRIVATE KEY-----[^-]{0,16384}(?:-----END [A-Z ]{0,32}PRIVATE KEY-----)?"
)
"""Shapes of keys, and what stands behind a name that tells; every repetition is bounded or has one way to match."""

_lock = threading.Lock()
_values: dict[str, None] = {}
_pattern: re.Pattern[str] | None = None


def is_secret_name(name: str) -> bool:
    """Tell whether the name of a variable, header or field says that its value is secret."""
    return _NAME.search(name) is not None and _HARMLESS.search(name) is None


def learn(*values: str) -> None:
    """Remember values that are secret, the last thousand of them; what is shorter than 8 characters is left out."""
    global _pattern  # one memory for the process: an error does not know whose secret it quotes
    pieces = [piece for value in values for piece in (value, *value.splitlines())]
    found = [piece for piece in dict.fromkeys(map(str.strip, pieces)) if len(piece) >= _SHORTEST]
    with _lock:
        if all(value in _values for value in found):
            return
        for value in found:
            _values.pop(value, None)
            _values[value] = None
        for value in list(_values)[:-_REMEMBERED]:
            del _values[value]
        longest_first = sorted(_values, key=len, reverse=True)
        _pattern = re.compile("|".join(map(re.escape, longest_first)))


def learn_from(settings: Mapping[str, object]) -> None:
    """Remember what stands behind names that tell, in an environment or in the settings of MCP servers."""
    for name, value in settings.items():
        if isinstance(value, str):
            if is_secret_name(name) and not value.isdigit() and not value.startswith("/"):
                learn(value, value.rpartition(" ")[2])  # `Bearer …`, too.
        elif isinstance(value, Mapping):
            learn_from(cast("Mapping[str, object]", value))


def redact(text: str) -> str:
    """Return text without secrets."""
    if _pattern is not None:
        text = _pattern.sub(REDACTED, text)
    return _SHAPES.sub(lambda found: f"{found['before'] or ''}{REDACTED}", text)


def redact_value(value: object) -> object:
    """Return a JSON value, or any object, without secrets in its texts and behind the names of its members."""
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, Mapping):
        members = cast("Mapping[object, object]", value)
        return {
            name: REDACTED if _is_secret(name, member) else redact_value(member) for name, member in members.items()
        }
    if isinstance(value, list):
        return [redact_value(member) for member in cast("list[object]", value)]
    if type(value) is tuple:
        return tuple(redact_value(member) for member in cast("tuple[object, ...]", value))
    return value


def _is_secret(name: object, value: object) -> bool:
    """Tell whether a member of an object is secret by its name; "key" alone is any key, as of a mapping."""
    named = isinstance(name, str) and name.lower() not in ("key", "keys") and is_secret_name(name)
    return named and isinstance(value, str) and value != ""
