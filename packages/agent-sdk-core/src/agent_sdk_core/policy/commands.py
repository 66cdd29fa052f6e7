"""Commands of a shell, taken apart: each simple command with its words, what is redirected, and what cannot be told.

The grammar is tree-sitter's for bash. What it cannot read is said to be unreadable, never guessed.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import field
from functools import cache
from typing import TYPE_CHECKING, Final

from agent_sdk_core.records import dataclass

if TYPE_CHECKING:
    from tree_sitter import Node, Parser

INNER_SPACE: Final = "\x1e"
"""Stands for white space within a word, which the space of a pattern does not match."""

BRACES: Final = "a brace expansion"

LONGEST: Final = 256 * 1024
"""Bytes of a command that is still read; a longer one counts as unreadable."""

_MOST_TEXT: Final = 40 * LONGEST
"""Bytes that are read of a command's parts, of which one may hold the others."""

_HIDDEN: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]"
)
"""Characters that a person who reads a command does not see."""

_MOST_DOUBTS: Final = 50
_SHOWN: Final = 200
_SPACE: Final = re.compile(r"\s")
_GLOB: Final = re.compile(r"(?<!\\)(?:\\\\)*[*?\[]")
_ESCAPE: Final = re.compile(r"\\(.)", re.DOTALL)
_STRING_ESCAPE: Final = re.compile(r'\\([$`"\\])')
_QUOTED: Final = frozenset({"raw_string", "string", "ansi_c_string", "translated_string"})
_DYNAMIC: Final = {
    "simple_expansion": "a variable",
    "expansion": "a variable",
    "command_substitution": "another command's output",
    "process_substitution": "another command's output",
    "arithmetic_expansion": "a calculation",
    "brace_expression": BRACES,
}
_HOME: Final = re.compile(r"~(?:[+-]|\d)")
"""Folders that the shell remembers, such as "~-": what stands for a home is followed, these are not."""

_ANSI_C: Final = re.compile(
    r"""\\(?:x([0-9a-fA-F]{1,2})|u([0-9a-fA-F]{1,4})|U([0-9a-fA-F]{1,8})|([0-7]{1,3})|c(.)|([abeEfnrtv\\'"?]))""",
    re.DOTALL,
)
_LETTERS: Final = dict(zip("abeEfnrtv\\'\"?", "\a\b\x1b\x1b\f\n\r\t\v\\'\"?", strict=True))

_DOUBTS: Final = {
    "variable_assignment": "it sets a variable",
    "variable_assignments": "it sets a variable",
    "declaration_command": "it sets a variable",
    "unset_command": "it takes a variable away",
    "function_definition": "it defines a function",
}
_REPLACED: Final = frozenset(
    {"alias", "eval", "source", ".", "hash", "enable", "trap", "shopt", "set", "builtin", "exec"}
)
"""Builtins after which a name need not mean what it says."""

_MOVED: Final = frozenset({"chroot", "unshare", "nsenter", "bwrap", "proot", "mount", "umount", "pivot_root"})
"""Programs after which, or in which, a path need not lead where it says."""

_EVALUATED: Final = re.compile(r"\$\(|`")
"""What a text holds that builtins for numbers and variables run, as in `test -v 'a[$(rm x)]'`."""

_EVALUATORS: Final = frozenset({"let", "test", "read", "unset", "wait", "mapfile", "readarray", "getopts"})


@dataclass(frozen=True, slots=True)
class Word:
    """One word of a command.

    Attributes:
        text: Without its quotes, as far as it is known.
        doubt: What it depends on that only the shell knows; "" where the text is all of it.
    """

    text: str
    doubt: str = ""


@dataclass(frozen=True, slots=True)
class SimpleCommand:
    """A program or builtin with its arguments.

    Attributes:
        words: Its name and its arguments.
        text: The words with a space between them; white space within a word is `INNER_SPACE`.
    """

    words: tuple[Word, ...]
    text: str

    @property
    def shown(self) -> str:
        """The command for people."""
        return self.text.replace(INNER_SPACE, " ")

    @property
    def name(self) -> str:
        """The program, without its folder."""
        return self.words[0].text.rpartition("/")[2]


@dataclass(frozen=True, slots=True)
class Redirect:
    """A file that a command is redirected to or from."""

    target: Word
    writes: bool


@dataclass(slots=True)
class CommandLine:
    """All that a command line runs, in its order.

    Attributes:
        commands: Each simple command, nested ones too.
        redirects: Files that are read or written by redirection.
        inputs: Texts that are handed to a command on its standard input.
        doubts: Why what runs cannot be told from the text.
        unreadable: The grammar does not cover it.
    """

    commands: list[SimpleCommand] = field(default_factory=list[SimpleCommand])
    redirects: list[Redirect] = field(default_factory=list[Redirect])
    inputs: list[str] = field(default_factory=list[str])
    doubts: list[str] = field(default_factory=list[str])
    unreadable: bool = False


def read_command(text: str) -> tuple[CommandLine, ...]:
    """Take a command line apart, once for each way in which it may be read.

    The shell drops a backslash before a line's end but for single quotes, so a text with one is read both ways.
    """
    variants = [text]
    if "\\\n" in text:
        variants.append(text.replace("\\\n", ""))
    return tuple(_read(variant) for variant in variants)


def _read(text: str) -> CommandLine:
    line = CommandLine()
    if _HIDDEN.search(text):
        line.doubts.append("it holds characters that are not seen")
    source = text.encode(errors="replace")
    if len(source) > LONGEST:
        line.unreadable = True
        return line
    tree = _parser().parse(source)
    line.unreadable = tree.root_node.has_error
    stack, behind = [tree.root_node], dict[int, list[Word]]()
    left = _MOST_TEXT
    while stack:
        node = stack.pop()
        left -= node.end_byte - node.start_byte
        if left < 0:  # Commands in commands in commands: each holds the text of all that are in it.
            line.unreadable = True
            break
        _visit(node, line, behind)
        stack.extend(reversed(node.named_children))
    return line


def _visit(node: Node, line: CommandLine, behind: dict[int, list[Word]]) -> None:
    match node.type:
        case "redirected_statement" | "function_definition":
            _put_back(node, line, behind)
        case "command":
            words = (*_words(node), *behind.get(node.id, ()))
            if words:
                line.commands.append(_simple(words))
                _doubt_command(words, line)
        case "declaration_command" | "unset_command":
            words = (*(_word(child) for child in node.children), *behind.get(node.id, ()))
            line.commands.append(_simple(words))
        case "raw_string" if _EVALUATED.search(_text(node)) and _is_tested(node):
            line.doubts.append("it may run what stands in a text")
        case "file_redirect":
            _redirect(node, line)
        case "herestring_redirect":
            word = _word(node.named_children[-1])
            line.inputs.append(word.text)
        case "heredoc_body":
            line.inputs.append(_text(node))
        case _:
            pass
    if (doubt := _DOUBTS.get(node.type)) and doubt not in line.doubts:
        line.doubts.append(doubt)


def _put_back(node: Node, line: CommandLine, behind: dict[int, list[Word]]) -> None:
    """Give a command the words that stand behind a redirection, which the grammar takes for more files of it."""
    words = [word for child in node.named_children for word in _behind(child)]
    body = node.child_by_field_name("body")
    if not words:
        return
    while body is not None and body.type in ("pipeline", "list", "negated_command", "redirected_statement"):
        body = next((child for child in reversed(body.named_children) if not child.type.endswith("_redirect")), None)
    if body is None or body.type not in ("command", "declaration_command", "unset_command"):
        line.unreadable = True
    else:
        behind[body.id] = [*behind.get(body.id, ()), *words]


def _behind(redirect: Node) -> Iterator[Word]:
    match redirect.type:
        case "file_redirect":
            yield from (_word(target) for target in redirect.children_by_field_name("destination")[1:])
        case "heredoc_redirect":
            for child in redirect.named_children:
                yield from _behind(child)
            yield from (_word(argument) for argument in redirect.children_by_field_name("argument"))
        case _:
            pass


def _evaluates(name: str, words: tuple[Word, ...]) -> bool:
    return name in _EVALUATORS or (name == "printf" and any(word.text.startswith("-v") for word in words))


def _is_tested(node: Node) -> bool:
    while (parent := node.parent) is not None and parent.type in ("binary_expression", "unary_expression"):
        node = parent
    return parent is not None and parent.type == "test_command"


def _simple(words: tuple[Word, ...]) -> SimpleCommand:
    return SimpleCommand(words, " ".join([_SPACE.sub(INNER_SPACE, word.text) for word in words]))


def _doubt_command(words: tuple[Word, ...], line: CommandLine) -> None:
    for word in words:
        if word.doubt and len(line.doubts) < _MOST_DOUBTS:
            line.doubts.append(f"{word.text[:_SHOWN]!r} depends on {word.doubt}")
    name = words[0].text.rpartition("/")[2]
    if words[0].text in _REPLACED:
        line.doubts.append(f"{words[0].text!r} changes what later words mean")
    elif name in ("cd", "pushd", "popd") and _goes_back(name, words[-1].text):
        line.doubts.append(f"{name!r} goes where the shell was before")
    elif name in _MOVED:
        line.doubts.append(f"{name!r} changes where paths lead")
    elif _evaluates(name, words) and any(_EVALUATED.search(word.text) for word in words[1:]):
        line.doubts.append(f"{name!r} may run what stands in a text")


def _goes_back(name: str, target: str) -> bool:
    return name == "popd" or target in ("-", "pushd") or re.fullmatch(r"[-+]\d+", target) is not None


def _words(node: Node) -> Iterator[Word]:
    for child in node.named_children:
        if child.type == "command_name":
            yield _word(child.named_children[0] if child.named_child_count else child)
        elif child.type not in (
            "variable_assignment",
            "file_redirect",
            "herestring_redirect",
            "heredoc_redirect",
            "comment",
        ):
            yield _word(child)


def _redirect(node: Node, line: CommandLine) -> None:
    operator = next((child.type for child in node.children if not child.is_named), ">")
    target = node.child_by_field_name("destination")
    if target is None:
        line.unreadable = True
        return
    word = _word(target)
    if operator in (">&", "<&") and re.fullmatch(r"\d*-?", word.text):
        return
    if word.doubt:
        line.doubts.append(f"it is redirected to {word.text!r}, which depends on {word.doubt}")
    line.redirects.append(Redirect(word, writes=operator not in ("<", "<&")))


def _word(node: Node) -> Word:
    raw = _text(node)
    match node.type:
        case "word" | "number" | "command_name" | "variable_name" | "extglob_pattern" | "regex" | "test_operator":
            return _plain(raw)
        case "raw_string":
            return Word(raw[1:-1])
        case "ansi_c_string":
            return Word(_decoded(raw[2:-1]))
        case "string":
            return _string(node, raw)
        case "translated_string" if node.named_child_count:
            return _word(node.named_children[0])
        case "concatenation":
            return _joined(node, raw)
        case kind:
            return Word(raw, _DYNAMIC.get(kind, "what only the shell knows"))


def _plain(raw: str) -> Word:
    doubt = "the files that there are" if _GLOB.search(raw) else ""
    if _HOME.match(raw):
        doubt = "where the shell was before"
    return Word(_ESCAPE.sub(r"\1", raw), doubt)


def _string(node: Node, raw: str) -> Word:
    for child in node.named_children:
        if child.type in _DYNAMIC:
            return Word(raw[1:-1], _DYNAMIC[child.type])
    return Word(_STRING_ESCAPE.sub(r"\1", raw[1:-1]))


def _joined(node: Node, raw: str) -> Word:
    pieces: list[Word] = []
    outside = ""
    for child in node.children:
        word = _word(child) if child.is_named else Word(_text(child))
        pieces.append(word)
        if child.type not in _QUOTED:
            outside += _text(child)
    doubt = next((piece.doubt for piece in pieces if piece.doubt), "")
    if not doubt and "{" in outside and ("," in raw or ".." in raw):
        doubt = BRACES
    return Word("".join(piece.text for piece in pieces), doubt)


def _decoded(raw: str) -> str:
    """Return what stands in `$'…'` as bash reads it: a number may have few digits, and a NUL ends the text."""

    def one(found: re.Match[str]) -> str:
        byte, short, long, octal, control, letter = found.groups()
        if letter is not None:
            return _LETTERS[letter]
        if control is not None:
            return chr(ord(control.upper()) & 0x1F)
        if byte is not None or octal is not None:
            number = int(byte, 16) if byte is not None else int(octal, 8) & 0xFF
            return bytes([number]).decode(errors="surrogateescape")
        number = int(short or long, 16)
        return (
            chr(number) if number <= sys.maxunicode and not 0xD800 <= number < 0xE000 else "\N{REPLACEMENT CHARACTER}"
        )

    text = _ANSI_C.sub(one, raw).partition("\0")[0]
    return text.encode(errors="surrogateescape").decode(errors="replace")


def _text(node: Node) -> str:
    return (node.text or b"").decode(errors="replace")


@cache
def _parser() -> Parser:
    """Return the parser; loading the grammar takes some 10 ms, so that it waits for the first command."""
    from tree_sitter import Language, Parser  # Only where a command is judged.
    from tree_sitter_bash import language

    return Parser(Language(language()))
