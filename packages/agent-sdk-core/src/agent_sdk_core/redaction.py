"""Secrets in text that people see: what they are known by, and their replacement, the one place for it.

Known are the values of environment variables, headers and fields whose names tell that they are secret, every `Secret`,
and the shapes of well-known keys. What the model says to the application is never changed.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Final, cast

from agent_sdk_core.secret_shapes import START, secret_shapes

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

_UNCHANGED: Final = re.compile(r"[\w.~-]+", re.ASCII)
"""A secret that is written alike in text, JSON and a URL."""

_lock = threading.Lock()
_values: dict[str, None] = {}
_pattern: re.Pattern[str] | None = None
_stale = False


def is_secret_name(name: str) -> bool:
    """Tell whether the name of a variable, header or field says that its value is secret."""
    return _NAME.search(name) is not None and _HARMLESS.search(name) is None


def learn(*values: str) -> None:
    """Remember values that are secret, the last thousand forms; what is shorter than 8 characters is left out."""
    global _stale  # one memory for the process: an error does not know whose secret it quotes
    pieces = [piece for value in values for piece in (value, *value.splitlines())]
    known = [piece for piece in dict.fromkeys(map(str.strip, pieces)) if len(piece) >= _SHORTEST]
    found = list(dict.fromkeys(form for piece in known for form in _forms(piece)))
    with _lock:
        if all(value in _values for value in found):
            return
        for value in found:
            _values.pop(value, None)
            _values[value] = None
        for value in list(_values)[:-_REMEMBERED]:
            del _values[value]
        _stale = True  # Compiled when it is needed: a thousand values take a tenth of a second.


def _forms(value: str) -> Iterator[str]:
    """Return a secret as it is, and as it stands within JSON and within a URL, where that differs."""
    if _UNCHANGED.fullmatch(value) is None:
        for text in (value, json.dumps(value)[1:-1]):  # A text within a text of JSON is escaped twice.
            yield json.dumps(text)[1:-1]
            yield json.dumps(text, ensure_ascii=False)[1:-1]
        from urllib.parse import quote, quote_plus  # Only where there is something to encode.

        encoded = value.encode("utf-8", "replace")
        yield from (quote(encoded), quote(encoded, safe=""), quote_plus(encoded))
    yield value  # Last, for the last ones are remembered longest.


def learn_from(settings: Mapping[str, object]) -> None:
    """Remember what stands behind names that tell, in an environment or in the settings of MCP servers."""
    for name, value in settings.items():
        if isinstance(value, str):
            if is_secret_name(name) and not value.isdigit() and not value.startswith("/"):
                learn(value, value.rpartition(" ")[2])  # `Bearer …`, too.
        elif isinstance(value, Mapping):
            learn_from(cast("Mapping[str, object]", value))


class RedactedText:
    """A text that comes in pieces, without secrets, also those that two pieces share.

    A word is held back until it is whole, and what may be the beginning of a secret, so that what went out never has
    to be called back; together the pieces are `redact` of the whole text.
    """

    def __init__(self) -> None:
        self._held = ""
        self._inside = False

    def feed(self, text: str) -> str:
        """Return what can be shown once this piece has come; it may be nothing."""
        held = self._outside(self._held + text)
        if self._inside:
            self._held = held
            return ""
        cut = _open_from(held)
        if len(held) - cut > _MOST_HELD:
            shown = redact(held)
            self._inside = shown.endswith(REDACTED)
            self._held = ""
            return shown
        self._held = held[cut:]
        if not cut:
            return ""
        shown, self._inside = _redacted(held[:cut])
        return shown

    def finish(self) -> str:
        """Return what was held back: the text has ended."""
        held, self._held = self._outside(self._held, ended=True), ""
        shown, self._inside = "" if self._inside else redact(held), False
        return shown

    def _outside(self, text: str, *, ended: bool = False) -> str:
        """Return what comes after a secret that was begun; while it goes on, what has to be looked at again."""
        if not self._inside:
            return text
        text = _without_known(text)
        end, last = _TERMINATOR.search(text), len(text) if ended else _begun_from(text)
        self._inside = end is None or end.start() >= last
        return text[last:] if end is None or self._inside else text[end.start() :]


_MOST_HELD: Final = 32_768
"""Characters that are held back at most; the longest secret that has a shape is shorter."""

_TERMINATOR: Final = re.compile(r"[\s\"',;&@]", re.ASCII)
_ONE_WORD: Final = re.compile(r"[!-~]+")
_WORD: Final = re.compile(r"[!-~]*\Z")


@cache
def _beginnings() -> re.Pattern[str]:
    """Return what a secret may begin with, at the end of a text."""
    return re.compile(
        r"(?:"
        rf"{START}"
        r"(?:(?:proxy-)?authorization)[\"']?\s{0,4}(?:[:=]\s{0,4}[\"']?(?:[a-z]{0,16}\s{0,4})?)?"
        rf"|{START}"
        r"bearer\s{0,4}"
        r"|(?:api[_-]?key|access[_-]?key|secret|password|passwd|passphrase|token|credential)[\w-]{0,32}[\"']?"
        r"\s{0,4}(?:[:=]\s{0,4}[\"']?)?"
        r"|://"
        r"|-{1,5}(?:B|BE|BEG|BEGI|BEGIN[A-Z ]{0,45}-{0,5}|E|EN|END[A-Z ]{0,45}-{0,5})?"
        r"|-----BEGIN [A-Z ]{0,32}PRIVATE KEY-----[^-]{0,16384}(?:-{0,5}|-----END[A-Z ]{0,45}-{0,5})"
        r")[^\s]*\Z",
        re.IGNORECASE | re.ASCII,
    )


_LOOKED_AT: Final = 20_000


def _open_from(text: str) -> int:
    """Return from where on a text may yet become a secret."""
    cut = len(text)
    while True:
        moved = _moved(text, cut)
        if moved == cut:
            return cut
        cut = moved


def _moved(text: str, cut: int) -> int:
    """Return an earlier place where the one given would divide a word, a secret, or what may begin one."""
    if (word := _WORD.search(text, max(0, cut - _LOOKED_AT), cut)) is not None and word.start() < cut:
        return word.start()
    if (found := _beginnings().search(text, max(0, cut - _LOOKED_AT), cut)) is not None and found.start() < cut:
        return found.start()
    pattern = _compiled() if _stale else _pattern
    for match in (*(() if pattern is None else pattern.finditer(text)), *secret_shapes(text)):
        if match.start() < cut < match.end():
            return match.start()
    for value in _several_words():
        at = text.find(value[0], max(0, cut - len(value) + 1))
        while 0 <= at < cut:
            if value.startswith(text[at:]):
                return at
            at = text.find(value[0], at + 1)
    return cut


def redact(text: str) -> str:
    """Return text without secrets."""
    return _redacted(text)[0]


def _redacted(text: str) -> tuple[str, bool]:
    """Return text without secrets, and whether what follows it belongs to the one that it ends with."""
    text = _without_known(text)
    shown: list[str] = []
    told, open_ended = 0, False
    for found in secret_shapes(text):
        before = found["before"]
        open_ended = before is not None and found.end() == len(text)
        shown += (text[told : found.start()], before or "", REDACTED)
        told = found.end()
    return ("".join((*shown, text[told:])) if shown else text), open_ended


def _without_known(text: str) -> str:
    """Return text without the values that are known."""
    pattern = _compiled() if _stale else _pattern
    return text if pattern is None else pattern.sub(REDACTED, text)


def _begun_from(text: str) -> int:
    """Return from where on a text may be the beginning of a value that is known; its length where it is none."""
    with _lock:
        values = tuple(_values)
    begun = (
        at
        for value in values
        for at in range(max(0, len(text) - len(value) + 1), len(text))
        if value.startswith(text[at:])
    )
    return min(begun, default=len(text))


def _several_words() -> tuple[str, ...]:
    """Return the values that are known and are no single word of ASCII."""
    with _lock:
        return tuple(value for value in _values if _ONE_WORD.fullmatch(value) is None)


def _compiled() -> re.Pattern[str] | None:
    """Return what finds the values that are known now."""
    global _pattern, _stale
    with _lock:
        if _stale:
            longest_first = sorted(_values, key=len, reverse=True)
            _pattern = re.compile("|".join(map(re.escape, longest_first))) if longest_first else None
            _stale = False
        return _pattern


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
