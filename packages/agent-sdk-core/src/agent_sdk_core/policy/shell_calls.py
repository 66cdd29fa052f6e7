"""Shell calls: what a command line would run, read, write and ask, seen from the folder in which it would run."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from functools import cached_property
from itertools import islice, pairwise
from typing import Final

from agent_sdk_core.policy.command_rules import lines_of
from agent_sdk_core.policy.commands import SimpleCommand, Word
from agent_sdk_core.policy.patches import patched_files
from agent_sdk_core.policy.path_patterns import NamedPath, named_path
from agent_sdk_core.policy.programs import (
    COPIERS,
    NETWORK,
    PATCHERS,
    READERS,
    RECURSIVE,
    REMOVERS,
    WRAPPERS,
    WRITERS,
    blind_spots,
)
from agent_sdk_core.policy.targets import hosts_in

_SINKS: Final = frozenset({"/dev/null", "/dev/stdout", "/dev/stderr", "/dev/tty"})
_MOST_FOLDERS: Final = 16
_MOST_PATHS: Final = 10_000
_MOST_PARTS: Final = 50

_PATH: Final = re.compile(r"[/~*?\[]|^\.")
"""Words that are a path also where there is no such file."""

_PLACE: Final = re.compile(r"^[/~.]")
_SHORT: Final = re.compile(r"-\w([^-].*)", re.DOTALL)
_SEPARATOR: Final = re.compile(r"[=@:,]")
_ADDRESS: Final = re.compile(r"[a-z][a-z0-9+.-]*:[/\\]{2}|(?:https?|wss?|ftp):|[^\s/@]+@[^\s/:]+:", re.IGNORECASE)

_EXPANDED: Final = re.compile(r"[$`\\]")
"""What a shell may have something else stand for, in a text that it hands on."""

_RECURSES: Final = re.compile(r"-[a-zA-Z]*R|--recursive|--delete|--remove|-delete\Z")
_SED_FILE: Final = re.compile(r"w[\s\\]*([^\s;}]+)")
"""Options by which a program changes all that is below a folder; and the file that a script of sed writes."""

_LINKS: Final = frozenset({"ln", "link", "symlink"})
_ENTERS: Final = frozenset({"cd", "pushd", "chdir"})
_IN_FOLDER: Final = frozenset({"-C", "-D", "--chdir", "--directory", "--cwd", "--prefix", "--work-tree", "--git-dir"})
_FOLDER: Final = re.compile(r"(?:-C|--(?:chdir|directory|cwd|prefix|work-tree|git-dir)=)(.+)", re.DOTALL)
"""Options that name the folder in which a program works."""


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
        if self._folders[1]:
            found.append("it changes its folder too often")
        if sum(len(command.words) for command in self._commands) > self._most:
            found.append("it names more than is looked at")
        elif len(self._patched) > self._most:
            found.append("its patch names more than is looked at")
        if (file := next((file for file in self._patched if _EXPANDED.search(file)), None)) is not None:
            found.append(f"{file!r} in its patch depends on what only the shell knows")
        return found

    def blind_spots(self, *, arguments: bool) -> Iterator[str]:
        """Tell what it runs that its text does not show, see `programs.blind_spots`."""
        yield from blind_spots(self.lines, arguments=arguments)
        if arguments and any(command.name in _LINKS for command in self._commands):
            yield "it makes a link, by which later paths may lead elsewhere"

    @cached_property
    def redirected(self) -> tuple[NamedPath, ...]:
        """Files that it writes by redirection."""
        targets = [one.target for line in self.lines for one in line.redirects if one.writes]
        return tuple(self._named(targets))

    @cached_property
    def written(self) -> tuple[NamedPath, ...]:
        """Files that it writes, as far as its text tells."""
        words = [word for command in self._commands if _runs(command, WRITERS) for word in _changed(command)]
        return (*self.redirected, *self._named(words), *self._named(Word(file) for file in self._patched))

    @cached_property
    def emptied(self) -> tuple[NamedPath, ...]:
        """Folders all of which it may take away or change."""
        words = [word for command in self._commands if _reaches_below(command) for word in _emptied(command)]
        return tuple(path for path in self._named(words) if path.forms and os.path.isdir(path.forms[0]))  # noqa: PTH112  # texts, not Paths

    @cached_property
    def _patched(self) -> tuple[str, ...]:
        """Files of the patches that it holds."""
        found: dict[str, None] = {}
        for line in self.lines:
            patchers = [command for command in line.commands if _patches(command)]
            texts = [*line.inputs, *(word.text for command in patchers for word in command.words)] if patchers else []
            for text in texts:
                found |= dict.fromkeys(patched_files(text) if "\n" in text else ())
        return tuple(found)

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
            for word in command.words[1:]:
                for piece in (word.text,) if _ADDRESS.match(word.text) else _pieces(word.text):
                    if asks or _ADDRESS.match(piece):
                        found |= dict.fromkeys(hosts_in(piece))
        return tuple(found)

    @property
    def _commands(self) -> Iterator[SimpleCommand]:
        for line in self.lines:
            yield from line.commands

    @cached_property
    def _folders(self) -> tuple[tuple[str, ...], bool]:
        """Every folder in which a part of it may run, and whether there are more than are looked at."""
        folders, crowded = [self.cwd], False
        for target in dict.fromkeys(target for command in self._commands for target in _entered(command)):
            folders += [_joined(folder, target) for folder in folders]
            folders = list(dict.fromkeys(folders))
            crowded = crowded or len(folders) > _MOST_FOLDERS
            folders = folders[:_MOST_FOLDERS]
        for target in dict.fromkeys(target for command in self._commands for target in _named_folders(command)):
            folders += [_joined(folder, target) for folder in folders[:_MOST_FOLDERS]]
            folders = list(dict.fromkeys(folders))
            crowded = crowded or len(folders) > _MOST_FOLDERS * 4
            folders = folders[: _MOST_FOLDERS * 4]
        return tuple(folders), crowded

    @cached_property
    def _most(self) -> int:
        """How many words are looked at as paths."""
        return _MOST_PATHS // len(self._folders[0])

    def _named(self, words: Iterable[Word]) -> Iterator[NamedPath]:
        found = dict.fromkeys(piece for word in words for piece in _pieces(word.text))
        for text in islice(found, self._most):
            if text not in _SINKS:
                yield from (named_path(text, folder) for folder in self._folders[0])

    def _existing(self, commands: Iterable[SimpleCommand]) -> Iterator[NamedPath]:
        """Paths that commands name; a bare word counts where there is such a file."""
        words = [word.text for command in commands for word in command.words[1:]]
        found = {piece: _PATH for word in words for piece in _pieces(word)}
        parts = (part for word in words for part in _parts(word) if part)
        found = {part: _PLACE for part in parts if part not in found} | found
        for text, sure in islice(found.items(), self._most):
            if text in _SINKS:
                continue
            for folder in self._folders[0]:
                if sure.search(text) or os.path.lexists(os.path.join(folder, text)):
                    yield named_path(text, folder)


def _runs(command: SimpleCommand, programs: frozenset[str], *, every: bool = False) -> bool:
    """Tell whether a command is, or wraps, one of these programs; `every`: and nothing else."""
    name = command.name.casefold()
    if every or name not in WRAPPERS:
        return name in programs
    return any(word.text.rpartition("/")[2].casefold() in programs for word in command.words)


def _reaches_below(command: SimpleCommand) -> bool:
    if _runs(command, REMOVERS):
        return True
    return _runs(command, RECURSIVE) and any(_RECURSES.match(word.text) for word in command.words)


def _emptied(command: SimpleCommand) -> tuple[Word, ...]:
    """Return the words that may name such a folder; what is moved goes to the last one, which stays."""
    into = not any(re.match(r"-\w*t|--target", word.text) for word in command.words)
    return command.words[1:-1] if command.name.casefold() == "mv" and into else command.words[1:]


def _patches(command: SimpleCommand) -> bool:
    words = [word.text for word in command.words]
    return _runs(command, PATCHERS) and ("git" not in command.shown.casefold() or "apply" in words or "am" in words)


def _changed(command: SimpleCommand) -> tuple[Word, ...]:
    """Return the words that may name a file that a writer changes."""
    name, arguments = command.name.casefold(), command.words[1:]
    options = [word.text for word in arguments if word.text.startswith("-")]
    if name in COPIERS and not any(re.match(r"-\w*t|--target", option) for option in options):
        return arguments[-1:]
    if name == "sed":
        scripts = (found for word in arguments for found in _SED_FILE.findall(word.text))
        arguments = (*arguments, *(Word(found) for found in scripts))
    if name == "sed" and not any(re.match(r"-\w*i|--in-place", option) for option in options):
        return arguments[len(command.words) - 1 :]
    return arguments


def _entered(command: SimpleCommand) -> Iterator[str]:
    """Return the folder that a command changes to."""
    if len(command.words) == 1 and command.name == "cd":
        yield "~"
    if len(command.words) > 1 and any(word.text in _ENTERS for word in command.words[:-1]):
        yield command.words[-1].text


def _named_folders(command: SimpleCommand) -> Iterator[str]:
    """Return the folders that options have a program work in."""
    for before, word in pairwise(word.text for word in command.words):
        if before in _IN_FOLDER and not word.isdigit():
            yield word
        elif (found := _FOLDER.match(word)) is not None:
            yield found[1]


def _joined(folder: str, target: str) -> str:
    return os.path.normpath(os.path.join(folder, os.path.expanduser(target)))  # neither raises


def _pieces(text: str) -> Iterator[str]:
    """Return what may be a path in a word: all of it, and what an option or a name is set to."""
    if not text.startswith("-"):
        yield text
    elif "/" in text:
        yield text[text.index("/") :]
    _, separator, value = text.partition("=")
    if separator and value:
        yield value


def _parts(text: str) -> Iterator[str]:
    """Return what may be a path within a word: behind the letter of an option, or one of a list."""
    if (short := _SHORT.match(text)) is not None:
        yield short[1]
    if _SEPARATOR.search(text):
        yield from _SEPARATOR.split(text)[:_MOST_PARTS]
