"""`drift.protocol_usage` names what the package's code sends, answers and reads of the protocol, and no more."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import codex_sdk
from codex_sdk.drift import protocol_usage as used
from codex_sdk.drift import shipped_surface
from codex_sdk.drift.surface import METHOD_KINDS, Field, Surface, members

PACKAGE = Path(codex_sdk.__file__).parent
SPEAKS_OF_ALL = (
    "drift",
    "protocol",
    "normalizer/not_messages.py",
    "process/native_requests.py",
    "process/native_requests.pyi",
)
"""What names methods without using them: the description of the protocol, and lists of what is not used."""


def prose(tree: ast.Module) -> Iterator[ast.AST]:
    """Yield the docstrings and annotations, whose strings are not sent or read."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            yield node.value
        for part in (getattr(node, "annotation", None), getattr(node, "returns", None)):
            if part is not None:
                yield from ast.walk(part)


def words_of(source: str) -> set[str]:
    """Return the strings of a module's code."""
    tree = ast.parse(source)
    skipped = {id(node) for node in prose(tree)}
    constants = (node for node in ast.walk(tree) if isinstance(node, ast.Constant) and id(node) not in skipped)
    return {node.value for node in constants if isinstance(node.value, str)}


def words_of_the_package() -> frozenset[str]:
    words: set[str] = set()
    for path in PACKAGE.rglob("*.py"):
        name = path.relative_to(PACKAGE).as_posix()
        if name.split("/")[0] not in SPEAKS_OF_ALL and name not in SPEAKS_OF_ALL:
            words |= words_of(path.read_text())
    return frozenset(words)


def reached(surface: Surface, words: frozenset[str]) -> tuple[frozenset[str], frozenset[str]]:
    """Return the fields and the values among `words` that the methods among them lead to, through those fields."""
    fields: set[str] = set()
    values: set[str] = set()
    waiting: list[str] = []
    for kind in METHOD_KINDS:
        for name, method in surface.methods(kind).items():
            if name in words:
                waiting += [expression for expression in (method.params, method.response) if expression]
    visited: set[str] = set()

    def enter(table: dict[str, Field]) -> None:
        for name in table.keys() & words:
            fields.add(name)
            waiting.append(table[name].type)

    while waiting:
        for member in members(waiting.pop()):
            if member[:1] in ("[", "{"):
                waiting.append(member[1:-1])
            elif member in surface.shapes and member not in visited:
                visited.add(member)
                shape = surface.shapes[member]
                waiting += [shape.alias] if shape.alias else []
                values |= words & {*shape.values, *shape.variants}
                enter(dict(shape.fields))
                for name in shape.variants.keys() & words:
                    enter(dict(shape.variants[name]))
                fields |= {shape.tag} if shape.tag else set()
    return frozenset(fields), frozenset(values)


@pytest.fixture(scope="module")
def surface() -> Surface:
    return shipped_surface()


@pytest.fixture(scope="module")
def words() -> frozenset[str]:
    return words_of_the_package()


def stale(name: str, have: frozenset[str], want: frozenset[str]) -> str:
    """Say what to change in `codex_sdk.drift.protocol_usage`; nothing if it is right."""
    add, remove = sorted(want - have), sorted(have - want)
    return f"codex_sdk.drift.protocol_usage.{name}: add {add}, remove {remove}" if add or remove else ""


def test_every_method_that_the_code_names_is_named_as_used(surface: Surface, words: frozenset[str]) -> None:
    known = frozenset(name for kind in METHOD_KINDS for name in surface.methods(kind))
    assert stale("METHODS", used.METHODS, known & words) == ""


def test_every_field_that_the_code_names_is_named_as_used(surface: Surface, words: frozenset[str]) -> None:
    assert stale("FIELDS", used.FIELDS, reached(surface, words)[0]) == ""


def test_every_value_that_the_code_names_is_named_as_used(surface: Surface, words: frozenset[str]) -> None:
    assert stale("VALUES", used.VALUES, reached(surface, words)[1]) == ""


def test_what_is_needed_is_used() -> None:
    assert used.NEEDED <= used.METHODS | used.FIELDS | used.VALUES


def test_what_is_not_meant_is_there_and_would_be_taken_for_used(surface: Surface) -> None:
    places: dict[str, str] = {}
    for name, shape in surface.shapes.items():
        places |= {f'{name} "{value}"': value for value in (*shape.values, *shape.variants)}
        places |= {f"{name}.{field}": field for field in shape.fields}
        places |= {f"{name}.{tag}.{field}": field for tag, fields in shape.variants.items() for field in fields}
    assert {places.get(place) for place in used.NOT_MEANT} <= used.FIELDS | used.VALUES


def test_docstrings_and_annotations_are_not_taken_for_use() -> None:
    source = '"""thread/start"""\nx: Literal["turn/start"] = f("turn/steer")\ndef f(a: "b") -> "c": "d"\n'
    assert words_of(source) == {"turn/steer"}
