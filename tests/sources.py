"""Facts of the packages' modules, read off the source once in a process: what each imports, and what it does."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Final

PACKAGES: Final = Path(__file__).parents[1] / "packages"
SOURCES: Final = sorted(PACKAGES.glob("*/src/*/**/*.py"))


@dataclass(frozen=True, slots=True)
class Import:
    """One statement that imports a module, or names from it.

    Attributes:
        module: Its full name.
        names: What is taken from it; None: the module itself.
        typing_only: Whether it stands under `if TYPE_CHECKING`.
        lazy: Whether it stands in a function.
    """

    module: str
    names: tuple[str, ...] | None
    typing_only: bool
    lazy: bool


@dataclass(slots=True)
class Facts:
    """What is known of one module.

    Attributes:
        docstring: Its docstring.
        imports: What it imports, in any order.
        calls: What it calls of something with a name, such as "time.sleep".
        async_generators: The names of its functions that are async generators.
    """

    docstring: str | None
    imports: list[Import] = field(default_factory=list[Import])
    calls: set[str] = field(default_factory=set[str])
    async_generators: list[str] = field(default_factory=list[str])


@cache
def facts(path: Path) -> Facts:
    """Return the facts of a module."""
    return facts_of(path.read_text(encoding="utf-8"), str(path))


def facts_of(source: str, file: str = "<source>") -> Facts:
    """Return the facts of a module's source."""
    tree = ast.parse(source, file)
    found = Facts(ast.get_docstring(tree))
    waiting: list[tuple[ast.AST, bool, bool]] = [(tree, False, False)]
    while waiting:
        node, typing_only, lazy = waiting.pop()
        match node:
            case ast.Import():
                found.imports += [Import(alias.name, None, typing_only, lazy) for alias in node.names]
            case ast.ImportFrom():
                assert node.level == 0, "imports are absolute"
                names = tuple(alias.name for alias in node.names)
                found.imports.append(Import(node.module or "", names, typing_only, lazy))
            case ast.Call(func=ast.Attribute(value=ast.Name(id=owner), attr=name)):
                found.calls.add(f"{owner}.{name}")
            case ast.If() if ast.unparse(node.test) == "TYPE_CHECKING":
                waiting += [(inner, True, lazy) for inner in node.body]
                waiting += [(inner, typing_only, lazy) for inner in node.orelse]
                continue
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                if isinstance(node, ast.AsyncFunctionDef) and _yields(node):
                    found.async_generators.append(node.name)
                waiting += [(inner, typing_only, True) for inner in ast.iter_child_nodes(node)]
                continue
            case _:
                pass
        waiting += [(inner, typing_only, lazy) for inner in ast.iter_child_nodes(node)]
    return found


def _yields(function: ast.AsyncFunctionDef) -> bool:
    """Tell whether the function itself yields, not one defined in it."""
    return any(isinstance(node, ast.Yield | ast.YieldFrom) for node in _own(function))


def _own(function: ast.AsyncFunctionDef) -> Iterator[ast.AST]:
    waiting: list[ast.AST] = list(function.body)
    while waiting:
        node = waiting.pop()
        yield node
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            waiting.extend(ast.iter_child_nodes(node))


def module_name(path: Path) -> str:
    """Return the full name of a module."""
    names = path.relative_to(PACKAGES).with_suffix("").parts[2:]
    return ".".join(names[:-1] if names[-1] == "__init__" else names)


def package_of(path: Path) -> str:
    """Return the package that a module is in."""
    return path.relative_to(PACKAGES).parts[2]
