"""What ARCHITECTURE.md draws, checked on the source: who may import whom, and what no module may do."""

from __future__ import annotations

import ast
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGES = Path(__file__).parents[2]
BACKENDS = {"claude_sdk", "codex_sdk"}
OURS = {"agent_sdk_core", "agent_sdk_testing", "agent_chat", *BACKENDS}
ALLOWED = {
    "agent_sdk_core": set[str](),
    "claude_sdk": {"agent_sdk_core"},
    "codex_sdk": {"agent_sdk_core"},
    "agent_sdk_testing": {"agent_sdk_core"},
    "agent_chat": {"agent_sdk_core", "agent_sdk_testing"},
}
SOURCES = sorted(path for path in PACKAGES.glob("*/src/*/**/*.py"))
PORTABLE = [path for path in SOURCES if path.relative_to(PACKAGES).parts[2] in BACKENDS | {"agent_sdk_core"}]
LOOPS = {"asyncio", "trio", "sniffio", "curio", "uvloop"}
HOST = PACKAGES / "agent-sdk-core/src/agent_sdk_core/runtime/host.py"
OFF_THE_LOOP = PACKAGES / "agent-sdk-core/src/agent_sdk_core/transport/process/strays.py"
"""Runs in a worker thread, or when no event loop is left."""

DEMO = PACKAGES / "agent-chat/src/agent_chat/demo"


def test_types_are_checked_in_every_package() -> None:
    settings = tomllib.loads((PACKAGES.parent / "pyproject.toml").read_text(encoding="utf-8"))
    included = settings["tool"]["pyright"]["include"]
    assert "packages" in included
    assert not any("*" in folder for folder in included), "pyright finds nothing behind a wildcard"


def package_of(path: Path) -> str:
    return path.relative_to(PACKAGES).parts[2]


def name_of(path: Path) -> str:
    return "/".join(path.relative_to(PACKAGES).parts[2:])


def parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def imports(tree: ast.AST) -> Iterator[tuple[str, ast.Import | ast.ImportFrom]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, node
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            yield node.module or "", node


def test_there_is_something_to_check() -> None:
    assert {package_of(path) for path in SOURCES} >= OURS - {"claude_sdk"}
    assert HOST in SOURCES


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_packages_import_only_whom_they_may(path: Path) -> None:
    package = package_of(path)
    used = {module.partition(".")[0] for module, _ in imports(parse(path))} & OURS
    assert used - {package} <= ALLOWED[package]


@pytest.mark.parametrize("path", [path for path in SOURCES if package_of(path) == "agent_chat"], ids=name_of)
def test_only_the_demo_loads_the_testing_package_and_only_when_it_runs(path: Path) -> None:
    tree = parse(path)
    lazy = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        for inner in ast.walk(node)
    }
    typing_only = seen_by_type_checkers_only(tree)
    for module, node in imports(tree):
        if module.startswith("agent_sdk_testing"):
            assert path.parent == DEMO
            assert id(node) in lazy | typing_only


@pytest.mark.parametrize("path", PORTABLE, ids=name_of)
def test_core_and_backends_run_on_any_event_loop(path: Path) -> None:
    used = {module.partition(".")[0] for module, _ in imports(parse(path))} & LOOPS
    assert used <= ({"trio"} if path == HOST else set[str]())


@pytest.mark.parametrize("path", [path for path in PORTABLE if path != OFF_THE_LOOP], ids=name_of)
def test_nothing_sleeps_in_the_event_loop(path: Path) -> None:
    tree = parse(path)
    calls = {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    assert "time.sleep" not in calls
    named = [
        alias.name
        for module, node in imports(tree)
        if module == "time" and isinstance(node, ast.ImportFrom)
        for alias in node.names
    ]
    assert "sleep" not in named


@pytest.mark.parametrize("path", PORTABLE, ids=name_of)
def test_there_are_no_async_generators(path: Path) -> None:
    found = [node.name for node in functions(parse(path)) if isinstance(node, ast.AsyncFunctionDef) and yields(node)]
    assert found == []


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_nothing_is_imported_by_star_at_run_time(path: Path) -> None:
    tree = parse(path)
    typing_only = seen_by_type_checkers_only(tree)
    starred = [
        module
        for module, node in imports(tree)
        if isinstance(node, ast.ImportFrom)
        and any(alias.name == "*" for alias in node.names)
        and id(node) not in typing_only
    ]
    assert starred == []


@pytest.mark.parametrize(
    "path", [path for path in SOURCES if path.name != "__init__.py" or path.stat().st_size], ids=name_of
)
def test_each_module_says_what_it_owns(path: Path) -> None:
    assert ast.get_docstring(parse(path))


def seen_by_type_checkers_only(tree: ast.AST) -> set[int]:
    return {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for statement in node.body
        for inner in ast.walk(statement)
    }


def functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def yields(function: ast.AsyncFunctionDef) -> bool:
    """Tell whether the function itself yields, not one defined in it."""
    waiting: list[ast.AST] = list(function.body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Yield | ast.YieldFrom):
            return True
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            waiting.extend(ast.iter_child_nodes(node))
    return False


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("async def f():\n yield 1", True),
        ("async def f():\n if x:\n  y = yield", True),
        ("async def f():\n def g():\n  yield 1\n return g", False),
        ("async def f():\n return 1", False),
    ],
)
def test_an_async_generator_is_recognised(source: str, expected: bool) -> None:
    (function,) = functions_of(source)
    assert yields(function) is expected


def functions_of(source: str) -> list[ast.AsyncFunctionDef]:
    return [node for node in ast.parse(source).body if isinstance(node, ast.AsyncFunctionDef)]
