"""Words of a message: what of it is searched, and what a search asks for. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

from agent_sdk_core.errors import InvalidRequestError

SEARCHED_CHARACTERS: Final = 65_536
"""Characters of a message that are searched: PostgreSQL takes no more than a megabyte of words."""

_SNIPPET: Final = 200
_LONGEST: Final = 256
_WORD: Final = re.compile(r"[^\W_]+")
_TERM: Final = re.compile(r'"([^"]*)"?|([^\s"]+)')


def searchable_text(body: Mapping[str, object]) -> str:
    """Return what of a message is searched: what was said, and what tools were given; no thoughts and no output."""
    if body.get("type") not in ("user", "assistant"):
        return ""
    message = body.get("message")
    content = cast("Mapping[str, Any]", message).get("content") if isinstance(message, Mapping) else None
    text = "\n".join(part for part in _parts(content) if part)
    return text[:SEARCHED_CHARACTERS].replace("\0", " ")


def _parts(content: object) -> Iterator[str]:
    if isinstance(content, str):
        yield content
    if not isinstance(content, list | tuple):
        return
    for block in cast("list[object]", content):
        if isinstance(block, Mapping):
            members = cast("Mapping[str, object]", block)
            if members.get("type") == "text" and isinstance(members.get("text"), str):
                yield cast("str", members["text"])
            elif members.get("type") == "tool_use" and isinstance(members.get("input"), Mapping):
                given = cast("Mapping[str, object]", members["input"])
                yield from (value for value in given.values() if isinstance(value, str))


def words(text: str) -> list[str]:
    """Return the words of a text, as they are compared: without case and accents, and none longer than 256."""
    if text.isascii():
        return [word[:_LONGEST] for word in _WORD.findall(text.lower())]
    return [_plain(word)[:_LONGEST] for word in _WORD.findall(unicodedata.normalize("NFC", text))]


def _plain(word: str) -> str:
    if word.isascii():
        return word.lower()
    letters = unicodedata.normalize("NFD", word.lower())
    return unicodedata.normalize("NFC", "".join(each for each in letters if not unicodedata.combining(each)))


@dataclass(frozen=True, slots=True)
class Term:
    """What a search asks for: words next to each other.

    Attributes:
        words: The words, as they are compared.
        prefix: Whether the last one may go on.
    """

    words: tuple[str, ...]
    prefix: bool = False

    def stands_in(self, text: list[str]) -> bool:
        """Whether the words of a text hold it."""
        last = len(self.words) - 1
        return any(
            text[start : start + last] == list(self.words[:last])
            and (
                text[start + last].startswith(self.words[last])
                if self.prefix
                else text[start + last] == self.words[last]
            )
            for start in range(len(text) - last)
        )


def terms(text: str) -> tuple[Term, ...]:
    """Return what a search asks for.

    Raises:
        InvalidRequestError: It holds no word.
    """
    found: list[Term] = []
    for quoted, plain in _TERM.findall(text):
        given = tuple(words(quoted or plain))
        if given:
            found.append(Term(given, prefix=plain.endswith("*")))
    if not found:
        raise InvalidRequestError(f"A search needs a word, and {text!r} holds none. Write one.")
    return tuple(found)


def snippet(text: str, wanted: tuple[Term, ...]) -> str:
    """Return a text around the first word that was wanted, on one line."""
    first = {term.words[0] for term in wanted}
    start = 0
    for match in _WORD.finditer(text):
        plain = _plain(match.group())
        if any(plain.startswith(word) for word in first):
            start = max(0, match.start() - _SNIPPET // 4)
            break
    line = " ".join(text[start : start + 2 * _SNIPPET].split())
    shown = line[:_SNIPPET]
    return ("…" if start else "") + shown + ("…" if len(line) > _SNIPPET or start + 2 * _SNIPPET < len(text) else "")
