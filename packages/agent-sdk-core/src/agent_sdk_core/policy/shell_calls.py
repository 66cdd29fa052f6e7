"""Shell calls: what a command line would run, read, write and ask, seen from the folder in which it would run."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import Final

from agent_sdk_core.policy.command_rules import blind_spots, lines_of
from agent_sdk_core.policy.commands import SimpleCommand, Word
from agent_sdk_core.policy.path_patterns import NamedPath, named_path
from agent_sdk_core.policy.programs import COPIERS, NETWORK, READERS, WRAPPERS, WRITERS
from agent_sdk_core.policy.targets import host_in

_SINKS: Final = frozenset({"/dev/null", "/dev/stdout", "/dev/stderr", "/dev/tty"})
_MOST_FOLDERS: Final = 16


class ShellCall:
    """One command line.

    Args:
        text: The command line.
        cwd: Absolute folder in which it would run.
    """

    def __init__(self, text: str, cwd: str) -> None:
        self.text = text
        self.cwd = cwd
        self.outer, self.inner = lines_of(text)
        self.lines = (*self.outer, *self.inner)

    @cached_property
    def doubts(self) -> list[str]:
        """Why what runs cannot be told from the text."""
        found = ["it cannot be read as a command"] if any(line.unreadable for line in self.lines) else []
        for line in self.lines:
            found += line.doubts
        if not any(line.commands or line.redirects for line in self.lines) and self.text.strip():
            found.append("it holds no command")
        return found

    @cached_property
    def blind_spots(self) -> list[str]:
        """What it runs that its text does not show."""
        return list(blind_spots(self.lines))

    @cached_property
    def redirected(self) -> tuple[NamedPath, ...]:
        """Files that it writes by redirection."""
        targets = [one.target for line in self.lines for one in line.redirects if one.writes]
        return tuple(self._named(targets))

    @cached_property
    def written(self) -> tuple[NamedPath, ...]:
        """Files that it writes, as far as its text tells."""
        words = [word for command in self._commands if _runs(command, WRITERS) for word in _changed(command)]
        return (*self.redirected, *self._named(words))

    @cached_property
    def read(self) -> tuple[NamedPath, ...]:
        """Files that it names or is redirected from: any of them may be read."""
        sources = [one.target for line in self.lines for one in line.redirects if not one.writes]
        return (*self._named(sources), *self._existing(command for command in self._commands))

    @cached_property
    def touched(self) -> tuple[NamedPath, ...]:
        """Files that are named to programs of which nobody knows whether they change them."""
        return tuple(self._existing(command for command in self._commands if not _runs(command, READERS, every=True)))

    @cached_property
    def hosts(self) -> tuple[str, ...]:
        """Hosts that it names."""
        found: dict[str, None] = {}
        for command in self._commands:
            asks = _runs(command, NETWORK)
            for piece in (piece for word in command.words[1:] for piece in _pieces(word.text)):
                if not asks and "://" not in piece:
                    continue
                # "user@host:path" is no URL, and names a host all the same.
                spelt = piece if "://" in piece else piece.rpartition("@")[2].partition(":")[0]
                if host := host_in(spelt):
                    found[host] = None
        return tuple(found)

    @property
    def _commands(self) -> Iterator[SimpleCommand]:
        for line in self.lines:
            yield from line.commands

    @cached_property
    def _folders(self) -> tuple[str, ...]:
        """Every folder in which a part of it may run."""
        folders = [self.cwd]
        for command in self._commands:
            if command.name in ("cd", "pushd") and len(command.words) > 1:
                target = os.path.expanduser(command.words[-1].text)  # noqa: PTH111  # never raises
                folders += [os.path.join(folder, target) for folder in folders]  # noqa: PTH118
                folders = list(dict.fromkeys(map(os.path.normpath, folders)))[:_MOST_FOLDERS]
        return tuple(folders)

    def _named(self, words: Iterable[Word]) -> Iterator[NamedPath]:
        for text in dict.fromkeys(piece for word in words for piece in _pieces(word.text)):
            if text not in _SINKS:
                yield from (named_path(text, folder) for folder in self._folders)

    def _existing(self, commands: Iterable[SimpleCommand]) -> Iterator[NamedPath]:
        """Paths that commands name; a bare word counts where there is such a file."""
        words = [word for command in commands for word in command.words[1:]]
        for text in dict.fromkeys(piece for word in words for piece in _pieces(word.text)):
            if text in _SINKS:
                continue
            for folder in self._folders:
                if re.search(r"[/~*?\[]|^\.", text) or os.path.lexists(os.path.join(folder, text)):  # noqa: PTH118
                    yield named_path(text, folder)


def _runs(command: SimpleCommand, programs: frozenset[str], *, every: bool = False) -> bool:
    """Tell whether a command is, or wraps, one of these programs; `every`: and nothing else."""
    name = command.name.casefold()
    if every or name not in WRAPPERS:
        return name in programs
    return any(word.text.rpartition("/")[2].casefold() in programs for word in command.words)


def _changed(command: SimpleCommand) -> tuple[Word, ...]:
    """Return the words that may name a file that a writer changes."""
    name, arguments = command.name.casefold(), command.words[1:]
    options = [word.text for word in arguments if word.text.startswith("-")]
    if name in COPIERS and not any(re.match(r"-\w*t|--target", option) for option in options):
        return arguments[-1:]
    if name == "sed" and not any(re.match(r"-\w*i|--in-place", option) for option in options):
        return ()
    return arguments


def _pieces(text: str) -> Iterator[str]:
    """Return what may be a path in a word: all of it, what an option is set to, what stands behind an "@"."""
    if not text.startswith("-"):
        yield text
    elif "/" in text:
        yield text[text.index("/") :]
    _, separator, value = text.partition("=")
    if separator and value:
        yield value
    if text.startswith("@") and len(text) > 1:
        yield text[1:]
