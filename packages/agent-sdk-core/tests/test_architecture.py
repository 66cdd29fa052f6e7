"""What ARCHITECTURE.md draws, checked on the source: who may import whom, and what no module may do."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Collection, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest
from tests.sources import PACKAGES, SOURCES, Facts, facts, facts_of, module_name, package_of

BACKENDS = {"acp_sdk", "claude_sdk", "codex_sdk"}
OURS = {"agent_sdk_core", "agent_sdk_testing", "agent_chat", "agent_fleet", *BACKENDS}
ALLOWED = {
    "agent_sdk_core": set[str](),
    "acp_sdk": {"agent_sdk_core"},
    "claude_sdk": {"agent_sdk_core"},
    "codex_sdk": {"agent_sdk_core"},
    "agent_sdk_testing": {"agent_sdk_core"},
    "agent_chat": {"acp_sdk", "agent_sdk_core", "agent_sdk_testing"},  # of acp_sdk the protocol alone, see below
    "agent_fleet": {"agent_sdk_core"},
}
PORTABLE = [path for path in SOURCES if package_of(path) in BACKENDS | {"agent_sdk_core"}]
CHAT = [path for path in SOURCES if package_of(path) == "agent_chat"]
LOOPS = {"asyncio", "trio", "sniffio", "curio", "uvloop"}
HOST = PACKAGES / "agent-sdk-core/src/agent_sdk_core/runtime/host.py"
WAITING_TASKS = HOST.parent / "asking" / "waiting_tasks.py"
OFF_THE_LOOP = PACKAGES / "agent-sdk-core/src/agent_sdk_core/transport/process/strays.py"
"""Runs in a worker thread, or when no event loop is left."""

ACP_MODE = PACKAGES / "agent-chat/src/agent_chat/acp"
DEMO = PACKAGES / "agent-chat/src/agent_chat/demo"

CHILDREN = {
    "agent_sdk_core.interfaces.session": "agent_sdk_core.interfaces.backend",
    "agent_sdk_core.sync.session": "agent_sdk_core.sync.backend",
    "agent_fleet.session": "agent_fleet.backend",
}
"""A session names its backend, which makes it, in annotations alone."""


def test_types_are_checked_in_every_package() -> None:
    settings = tomllib.loads((PACKAGES.parent / "pyproject.toml").read_text(encoding="utf-8"))
    included = settings["tool"]["pyright"]["include"]
    assert "packages" in included
    assert not any("*" in folder for folder in included), "pyright finds nothing behind a wildcard"


def packages_used(path: Path) -> set[str]:
    return {used.module.partition(".")[0] for used in facts(path).imports}


def found(paths: Collection[Path], wrong: Callable[[Path], object]) -> dict[str, object]:
    """Return what is wrong with each module that something is wrong with."""
    assert paths
    return {str(path.relative_to(PACKAGES)): told for path in paths if (told := wrong(path))}


def test_there_is_something_to_check() -> None:
    assert {package_of(path) for path in SOURCES} >= OURS - {"claude_sdk"}
    assert HOST in SOURCES


def test_packages_import_only_whom_they_may() -> None:
    def wrong(path: Path) -> set[str]:
        package = package_of(path)
        return (packages_used(path) & OURS) - {package} - ALLOWED[package]

    assert found(SOURCES, wrong) == {}


def test_only_the_demo_loads_the_testing_package_and_only_when_it_runs() -> None:
    def wrong(path: Path) -> list[str]:
        testing = [used for used in facts(path).imports if used.module.startswith("agent_sdk_testing")]
        return [used.module for used in testing if path.parent != DEMO or not (used.lazy or used.typing_only)]

    assert found(CHAT, wrong) == {}


def test_of_acp_only_the_mode_that_speaks_it_knows_the_protocol_and_nothing_the_backend() -> None:
    def wrong(path: Path) -> list[str]:
        used = [each.module for each in facts(path).imports if each.module.partition(".")[0] == "acp_sdk"]
        return [each for each in used if not each.startswith("acp_sdk.protocol.") or ACP_MODE not in path.parents]

    assert found(CHAT, wrong) == {}


def test_core_and_backends_run_on_any_event_loop() -> None:
    def wrong(path: Path) -> set[str]:
        return (packages_used(path) & LOOPS) - {HOST: {"trio"}, WAITING_TASKS: {"asyncio"}}.get(path, set[str]())

    assert found(PORTABLE, wrong) == {}


def test_nothing_sleeps_in_the_event_loop() -> None:
    assert found([path for path in PORTABLE if path != OFF_THE_LOOP], lambda path: sleeps(facts(path))) == {}


def sleeps(known: Facts) -> bool:
    taken = [used.names for used in known.imports if used.module == "time" and used.names is not None]
    return "time.sleep" in known.calls or any("sleep" in names for names in taken)


def test_there_are_no_async_generators() -> None:
    assert found(PORTABLE, lambda path: facts(path).async_generators) == {}


def test_nothing_is_imported_by_star_at_run_time() -> None:
    def wrong(path: Path) -> list[str]:
        starred = [used for used in facts(path).imports if used.names is not None and "*" in used.names]
        return [used.module for used in starred if not used.typing_only]

    assert found(SOURCES, wrong) == {}


def test_each_module_says_what_it_owns() -> None:
    said = [path for path in SOURCES if path.name != "__init__.py" or path.stat().st_size]
    assert found(said, lambda path: not facts(path).docstring) == {}


def test_modules_import_each_other_in_no_circle() -> None:
    graph = {module: set(used) for module, used in import_graph().items()}
    for child, parent in CHILDREN.items():
        assert parent in graph[child], f"{child} needs no exception any more"
        graph[child].remove(parent)
    circle = circle_in(graph)
    assert not circle, f"these import each other: {' → '.join(circle)}"


def circle_in(graph: Mapping[str, Collection[str]]) -> list[str]:
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return error.args[1]
    return []


def import_graph() -> dict[str, set[str]]:
    """Return the modules of ours that each one imports, lazily and for annotations too.

    What a package's face imports for type checkers does not count: it loads them when they are asked for. What is
    allowed between other parents and children stands in `CHILDREN`, which must be for annotations.
    """
    paths = {module_name(path): path for path in SOURCES}
    graph = dict[str, set[str]]()
    for name, path in paths.items():
        graph[name] = set()
        for each in facts(path).imports:
            names = each.names or ()
            used = {full if (full := f"{each.module}.{taken}") in paths else each.module for taken in names}
            used = used or {each.module}
            if path.name == "__init__.py" and each.typing_only:
                continue
            assert CHILDREN.get(name) not in used or each.typing_only
            graph[name] |= used & paths.keys() - {name}
    return graph


@pytest.mark.parametrize(
    ("graph", "expected"),
    [
        ({"a": {"b"}, "b": {"c"}, "c": set[str]()}, set[str]()),
        ({"a": {"b"}, "b": {"c"}, "c": {"b"}}, {"b", "c"}),
    ],
)
def test_a_circle_is_recognised(graph: dict[str, set[str]], expected: set[str]) -> None:
    assert set(circle_in(graph)) == expected


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("async def f():\n yield 1", True),
        ("async def f():\n if x:\n  y = yield", True),
        ("class A:\n async def f():\n  yield 1", True),
        ("async def f():\n def g():\n  yield 1\n return g", False),
        ("async def f():\n return 1", False),
    ],
)
def test_an_async_generator_is_recognised(source: str, expected: bool) -> None:
    assert bool(facts_of(source).async_generators) is expected


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("import time\ndef f():\n return [g(time.sleep(1))]", True),
        ("def f():\n from time import sleep", True),
        ("import time\ntime.monotonic()", False),
    ],
)
def test_a_sleep_is_recognised(source: str, expected: bool) -> None:
    assert sleeps(facts_of(source)) is expected


def test_where_an_import_stands_is_recognised() -> None:
    source = "if TYPE_CHECKING:\n from a import b\nelse:\n import c\ndef f():\n if x:\n  from d import *\n"
    where = {each.module: (each.names, each.typing_only, each.lazy) for each in facts_of(source).imports}
    assert where == {"a": (("b",), True, False), "c": (None, False, False), "d": (("*",), False, True)}
