"""Runs: messages on end that differ in one text, as nearly all do while an agent streams, read without being parsed.

Of the first such line it is found out where its text stands; a line after it that has the same bytes around a text says
the same with that text. It costs a third of parsing each, and the receiver is told once a run. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, cast

from pydantic_core import from_json, to_json

from agent_sdk_core.rpc.receiver import Holes, JsonObject, Path, Run

_ALIKE: Final = 100
"""First bytes in which two lines on end are the same before the second is looked at as the begin of a run."""


class Stencil:
    """All of a line but what fills its holes.

    Args:
        like: The message that the line holds.
        holes: Where others like it differ.
        pieces: The bytes before the text, between it and the identity, and after that; quotes belong to them.
        length: Bytes of the identity.
    """

    __slots__ = ("_between", "_end", "_head", "_length", "holes", "like")

    def __init__(self, like: JsonObject, holes: Holes, pieces: tuple[bytes, bytes, bytes], length: int) -> None:
        self.like = like
        self.holes = holes
        self._head, self._between, self._end = pieces
        self._length = length

    @classmethod
    def of(cls, line: bytes, message: JsonObject, holes: Holes) -> Stencil | None:
        """Return the stencil of a line; None where it does not stand out what in it is the text."""
        text = to_json(_at(message, holes.text))
        begin = line.rfind(text) if holes.identity is None else line.find(text)
        head, rest = line[: begin + 1], line[begin + len(text) - 1 :]
        if begin < 0:
            return None
        if holes.identity is None:
            pieces, identity = (head, rest, b""), b""
        else:
            identity = to_json(_at(message, holes.identity))[1:-1]
            between, found, end = rest.partition(b'"%b"' % identity)
            if not found:
                return None
            pieces = (head, between + b'"', b'"' + end)
        # Proved by reading it: with another text in that place it is the same message with another text.
        if from_json(pieces[0] + b"a" + pieces[1] + identity + pieces[2]) != _with(message, holes.text, "a"):
            return None
        return cls(message, holes, pieces, len(identity))

    def run(self, lines: Sequence[Any], begin: int) -> Run | None:
        """Return the run that begins with a line, as long as it is; None where that line is another."""
        head, between, end, length = self._head, self._between, self._end, self._length
        first, rest = len(head) - 1, len(between) + length + len(end)
        texts: list[str] = []
        identities: list[str] = []
        at = begin
        try:
            for at in range(begin, len(lines)):  # where it broke off is asked below
                line = lines[at]
                stop = len(line) - rest
                if stop <= first or not (
                    line.startswith(head) and line.startswith(between, stop) and line.endswith(end)
                ):
                    break
                text = from_json(line[first : stop + 1])
                if length:
                    place = stop + len(between)
                    identities.append(from_json(line[place - 1 : place + length + 1]))
                texts.append(text)
            else:
                at = len(lines)
        except (ValueError, TypeError, AttributeError):
            pass  # No text alone, or none that is UTF-8; or a line that was too long to be kept.
        if not texts:
            return None
        return Run(self.like, self.holes, texts, identities, cast("Sequence[bytes]", lines[begin:at]))


class RunFinder:
    """Finds the runs among the lines of one connection."""

    __slots__ = ("_before", "stencil")

    def __init__(self) -> None:
        self._before = b""
        self.stencil: Stencil | None = None

    def note(self, line: bytes, message: JsonObject, holes: Holes) -> None:
        """Take a message that may be the first of a run, and look for its shape where the one before was like it."""
        alike = line[:_ALIKE]
        if alike == self._before:
            self.stencil = Stencil.of(line, message, holes)
        self._before = alike


def _at(message: JsonObject, path: Path) -> object:
    value = message[path[0]]
    return _at(cast("JsonObject", value), path[1:]) if path[1:] else value


def _with(message: JsonObject, path: Path, text: str) -> JsonObject:
    """Return a message with another text in a place."""
    key, rest = path[0], path[1:]
    return {**message, key: _with(cast("JsonObject", message[key]), rest, text) if rest else text}
