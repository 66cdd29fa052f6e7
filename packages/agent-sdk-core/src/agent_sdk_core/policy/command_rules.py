"""Rules for commands: which simple commands a pattern covers, and what hides behind a wrapper or an inner shell."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import islice
from typing import Final

from agent_sdk_core.policy.commands import BRACES, INNER_SPACE, LONGEST, CommandLine, SimpleCommand, read_command
from agent_sdk_core.policy.programs import INTERPRETERS, READERS, SHELLS, WRAPPERS

_DEEPEST: Final = 6
_STAR: Final = "\0"
_MOST_STARTS: Final = 500
"""Words of a command at which a refused one may begin that are looked at."""

_NAMED: Final = 100
"""Characters of a word in which the name may stand that the rest of it is set to."""

_LONG: Final = 4_000
"""Characters of a text within a command that is looked at closely."""


_FIELD_SEPARATOR: Final = re.compile(r"\$(?:IFS\b|\{IFS[^}]*\})")
"""A variable that stands for a space unless somebody sets it."""

_GIT: Final = re.compile(r"\A((?:[^ ]*/)?git)-")
"""The program of one of git's commands, under its own name."""

_OPTIONS: Final = r"(?: -[^ ]*(?: [^ -][^ ]*)??)*?"


def lines_of(text: str) -> tuple[tuple[CommandLine, ...], tuple[CommandLine, ...]]:
    """Read a command: as it is written, and what shells and wrappers in it are told to run."""
    outer = read_command(text)
    inner: list[CommandLine] = []
    waiting = [(line, 0) for line in outer]
    seen, size = {text}, 0
    while waiting:
        line, depth = waiting.pop()
        for script in _scripts(line):
            if script in seen:
                continue
            seen.add(script)
            size += len(script)
            if depth == _DEEPEST or len(seen) > 200 or size > LONGEST:
                line.doubts.append("it hides commands in commands too deeply")
                break
            found = read_command(script)
            inner.extend(found)
            waiting.extend((one, depth + 1) for one in found)
    return outer, tuple(inner)


def command_parts(text: str) -> tuple[str, ...]:
    """Return each command that a command line runs, nested ones last; empty where it cannot be read."""
    outer, inner = lines_of(text)
    if any(line.unreadable for line in outer):
        return ()
    return tuple(dict.fromkeys(command.shown for line in (*outer, *inner) for command in line.commands))


def cover_each_part(patterns: Iterable[str], text: str) -> bool:
    """Tell whether each command that a command line runs is covered by one of the patterns."""
    patterns = list(patterns)
    outer, inner = lines_of(text)
    commands = [command for line in (*outer, *inner) for command in line.commands]
    return bool(commands) and all(any(covers_strictly(pattern, one) for pattern in patterns) for one in commands)


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
    text, loose = _expanded(command), _loose(pattern)
    if loose.match(text) is not None:
        return True
    wraps = command.name.casefold() in WRAPPERS or command.words[0].doubt != ""
    return wraps and _begins_within(pattern, text)


def _begins_within(pattern: str, text: str) -> bool:
    if pattern.startswith("*"):  # It has begun before.
        return False
    loose = _loose(pattern)
    starts = islice(re.finditer(" ", text), _MOST_STARTS)
    return any(loose.match(text, start.end()) for start in starts)


def _expanded(command: SimpleCommand) -> str:
    """Return a command as the shell sees it after it has expanded braces and the separator of fields."""
    text = _GIT.sub(r"\1 ", _FIELD_SEPARATOR.sub(" ", command.text))
    if not any(word.doubt == BRACES for word in command.words):
        return text
    from bracex import ExpansionLimitException, expand  # Only where there are braces.

    try:
        return " ".join(one for word in text.split(" ") for one in expand(word, limit=1000))
    except ExpansionLimitException:
        return text


def may_cover(pattern: str | None, command: SimpleCommand) -> bool:
    """Tell whether a refusal's pattern covers what a program may run that it is given, as `git bisect run` does."""
    name = command.name.casefold()
    if pattern is None or name in READERS:
        return False
    if not any(word.doubt for word in command.words) and _program(pattern) not in command.text.casefold():
        return False
    if _begins_within(pattern, _expanded(command)):
        return True
    if name.rstrip("0123456789.") in INTERPRETERS:
        return any(mentions(pattern, word.text) for word in command.words[1:])
    scripts = dict.fromkeys(script for word in command.words[1:] for script in _texts(word.text))
    return any(may_cover_text(pattern, script) for script in scripts)


def may_cover_text(pattern: str | None, script: str) -> bool:
    """Tell whether a refusal's pattern covers a command of a text that a program is given to read."""
    if pattern is None or _program(pattern) not in script.casefold():
        return False
    return len(script) > _LONG or any(
        covers_loosely(pattern, one) for found in lines_of(script) for line in found for one in line.commands
    )


def mentions(pattern: str | None, text: str) -> bool:
    """Tell whether a text that cannot be read names the program of a refusal's pattern."""
    if pattern is None:
        return True
    program = _program(pattern)
    bare = re.sub(r"[\\'\"]", "", text).casefold()
    return not program or re.search(rf"(?<![\w-]){re.escape(program)}(?![\w-])", bare) is not None


def _scripts(line: CommandLine) -> Iterator[str]:
    shells = False
    for command in line.commands:
        name = command.name.casefold()
        shells = shells or name in SHELLS
        if name in SHELLS or name in WRAPPERS:
            yield from (script for word in command.words[1:] for script in _texts(word.text))
        if name == "eval":
            yield " ".join(word.text for word in command.words[1:])
    if shells or line.unreadable:
        yield from line.inputs


def _texts(word: str) -> Iterator[str]:
    """Return what may be a command in a word: all of it, and what an option or a name in it is set to."""
    if not re.search(r"[\s;|&<>`$()]", word):
        return
    yield word
    for found in islice(re.finditer(r"\A-\w|[=!]|:(?=\S)", word[:_NAMED]), 4):
        if (rest := word[found.end() :]).strip():
            yield rest


@lru_cache(maxsize=1024)
def _strict(pattern: str) -> re.Pattern[str]:
    return re.compile(_expression(_words(pattern)), re.DOTALL)


@lru_cache(maxsize=1024)
def _loose(pattern: str) -> re.Pattern[str]:
    words = _words(pattern)
    more = "" if words[-1].endswith("*") else r"(?: .*)?"
    return re.compile(rf"(?:[^ ]*[/=])?{_expression(words, between=_OPTIONS, more=more)}", re.DOTALL | re.IGNORECASE)


def _expression(words: list[str], *, between: str = "", more: str = "") -> str:
    """Return a pattern's words as an expression; a last `*` of its own also covers no arguments at all.

    What stands between two `*` is looked for once, so that no text takes long.
    """
    *first, last = words
    used = first if last == "*" and first else words
    more = r"(?: .*)?" if last == "*" and first else more
    options = between if len(used) > 1 and words[1][0] not in "-*" and not words[0].endswith("*") else ""
    program, *rest = (_wild(word) for word in used)
    head, *middle = (program + (f"{options} {' '.join(rest)}" if rest else "")).split(_STAR)
    if not middle:
        return rf"{head}{more}\Z"
    return "".join([head, *(f"(?>.*?{piece})" for piece in middle[:-1]), rf".*{middle[-1]}{more}\Z"])


def _wild(word: str) -> str:
    return _STAR.join(re.escape(re.sub(r"\s", INNER_SPACE, piece)) for piece in word.split("*"))


def _program(pattern: str) -> str:
    """Return what a pattern's program is called at least; "" where that may be anything."""
    return max(_words(pattern)[0].split("*"), key=len).casefold()


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
