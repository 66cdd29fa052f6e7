"""Rules for commands: which simple commands a pattern covers, and what hides behind a wrapper or an inner shell."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Final

from agent_sdk_core.policy.commands import BRACES, INNER_SPACE, CommandLine, SimpleCommand, read_command
from agent_sdk_core.policy.programs import INTERPRETERS, SHELLS, WRAPPERS

_DEEPEST: Final = 6

_FIELD_SEPARATOR: Final = re.compile(r"\$(?:IFS\b|\{IFS[^}]*\})")
"""A variable that stands for a space unless somebody sets it."""

_OPTIONS: Final = r"(?: -[^ ]*(?: [^ -][^ ]*)??)*?"


def lines_of(text: str) -> tuple[tuple[CommandLine, ...], tuple[CommandLine, ...]]:
    """Read a command: as it is written, and what shells and wrappers in it are told to run."""
    outer = read_command(text)
    inner: list[CommandLine] = []
    waiting = [(line, 0) for line in outer]
    seen = {text}
    while waiting:
        line, depth = waiting.pop()
        for script in _scripts(line):
            if script in seen:
                continue
            seen.add(script)
            if depth == _DEEPEST or len(seen) > 200:
                line.doubts.append("it hides commands in commands too deeply")
                break
            found = read_command(script)
            inner.extend(found)
            waiting.extend((one, depth + 1) for one in found)
    return outer, tuple(inner)


def blind_spots(lines: Iterable[CommandLine]) -> Iterator[str]:
    """Tell what a command runs that its text does not show, so that no refusal can look at it."""
    for line in lines:
        for command in line.commands:
            name = command.name.casefold()
            arguments = [word.text for word in command.words[1:]]
            if name in SHELLS and not any(re.match(r"-\w*c", argument) for argument in arguments):
                yield f"{name} runs what it reads"
            elif name.rstrip("0123456789.") in INTERPRETERS:
                yield f"{name} runs a program of its own language"
            elif name in ("source", "."):
                yield f"{name} runs another file"


def covers_strictly(pattern: str | None, command: SimpleCommand) -> bool:
    """Tell whether an allow's pattern covers a simple command, exactly as it is written."""
    return pattern is None or _strict(pattern).match(command.text) is not None


def covers_loosely(pattern: str | None, command: SimpleCommand) -> bool:
    """Tell whether a refusal's pattern covers a simple command.

    It does so under any folder of the program, in any case, with options before the sub-command, with further arguments
    where the pattern ends in no `*`, and where a wrapper such as `sudo` or `xargs` runs it.
    """
    if pattern is None:
        return True
    text, starts = _expanded(command), [0]
    loose = _loose(pattern)
    if command.name.casefold() in WRAPPERS or command.words[0].doubt:
        starts += [found.end() for found in re.finditer(" ", text)]
    return any(loose.match(text, start) for start in starts)


def _expanded(command: SimpleCommand) -> str:
    """Return a command as the shell sees it after it has expanded braces and the separator of fields."""
    text = _FIELD_SEPARATOR.sub(" ", command.text)
    if not any(word.doubt == BRACES for word in command.words):
        return text
    from bracex import ExpansionLimitException, expand  # Only where there are braces.

    try:
        return " ".join(one for word in text.split(" ") for one in expand(word, limit=1000))
    except ExpansionLimitException:
        return text


def mentions(pattern: str | None, text: str) -> bool:
    """Tell whether a text that cannot be read names the program of a refusal's pattern."""
    if pattern is None:
        return True
    program = _words(pattern)[0].strip("*").casefold()
    bare = re.sub(r"[\\'\"]", "", text).casefold()
    return not program or re.search(rf"(?<![\w-]){re.escape(program)}(?![\w-])", bare) is not None


def _scripts(line: CommandLine) -> Iterator[str]:
    shells = False
    for command in line.commands:
        name = command.name.casefold()
        shells = shells or name in SHELLS
        if name in SHELLS or name in WRAPPERS:
            yield from (word.text for word in command.words[1:] if re.search(r"[\s;|&<>`$()]", word.text))
        if name == "eval":
            yield " ".join(word.text for word in command.words[1:])
    if shells or line.unreadable:
        yield from line.inputs


@lru_cache(maxsize=1024)
def _strict(pattern: str) -> re.Pattern[str]:
    words = _words(pattern)
    return re.compile(_body(words) + r"\Z", re.DOTALL)


@lru_cache(maxsize=1024)
def _loose(pattern: str) -> re.Pattern[str]:
    words = _words(pattern)
    body = _body(words, between=_OPTIONS)
    more = "" if words[-1].endswith("*") else r"(?: .*)?"
    return re.compile(rf"(?:[^ ]*/)?{body}{more}\Z", re.DOTALL | re.IGNORECASE)


def _body(words: list[str], between: str = "") -> str:
    """Return a pattern's words as an expression; a last `*` of its own also covers no arguments at all."""
    *first, last = words
    pieces = [_wild(word) for word in (first if last == "*" and first else words)]
    options = between if len(pieces) > 1 and words[1][0] not in "-*" else ""
    head, *rest = pieces
    body = head + (options + " " + " ".join(rest) if rest else "")
    return body + (r"(?: .*)?" if last == "*" and first else "")


def _wild(word: str) -> str:
    return ".*".join(re.escape(re.sub(r"\s", INNER_SPACE, piece)) for piece in word.split("*"))


@lru_cache(maxsize=1024)
def _words(pattern: str) -> list[str]:
    if pattern.endswith(":*"):
        pattern = f"{pattern[:-2]} *"
    if not re.search(r"[\\'\"]", pattern):
        return pattern.split()
    try:
        return shlex.split(pattern) or [pattern]
    except ValueError:
        return pattern.split()
