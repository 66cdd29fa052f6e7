"""Rooms of the packages, checked on the source: no circle of imports, and no room imports one that stands above it."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

import pytest
from tests import sources

SOURCES = {
    sources.module_name(path): path
    for path in sources.SOURCES
    if "codex_sdk/protocol" not in path.as_posix()  # generated
}
VALUES = {
    "arguments",
    "errors",
    "models",
    "names",
    "option_values",
    "records",
    "redaction",
    "secret",
    "secret_shapes",
    "wire",
}
"""Rooms on the ground floor of core."""

CORE = {
    "errors": {"redaction"},
    "records": set[str](),
    "spellings": set[str](),
    "official_names": {"names"},
    "arguments": {"errors", "names", "spellings"},
    "models": {"arguments", "records", "wire"},
    "redaction": {"secret_shapes"},
    "secret_shapes": set[str](),
    "names": {"errors"},
    "secret": {"arguments", "errors", "redaction", "secret_sources"},
    "secret_sources": {"errors"},
    "mcp_servers": {"errors", "names", "option_values", "redaction", "secret"},
    "option_values": {"errors", "names", "secret", "spellings", "wire"},
    "paths": {"errors", "option_values"},
    "images": {"errors", "paths"},
    "wire_log": {"arguments", "errors", "redaction", "wire"},
    "wire": {"arguments", "errors", "records", "redaction"},
    "prompts": {"arguments", "errors", "records", "wire"},
    "messages": {"arguments", "errors", "records", "wire"},
    "structured": {"errors", "messages", "records", "wire"},
    "tools": {"arguments", "errors", "images", "names", "option_values", "records", "transport", "wire"},
    "transport": {"errors", "records", "redaction", "telemetry", "wire"},
    "asking": {"arguments", "errors", "messages", "names", "records", "spellings", "wire"},
    "policy": {"arguments", "asking", "errors", "messages", "names", "option_values", "records"},
    "hooks": {"arguments", "errors", "option_values", "records"},
    "rpc": {"errors", "records", "redaction", "transport", "wire"},
    "client_names": {"errors"},
    "telemetry": {"arguments", "errors", "records", "redaction", "wire"},
    "sub_agents": {"asking", "errors", "option_values"},
    "options": VALUES | {"asking", "hooks", "mcp_servers", "policy", "sub_agents", "tools"},
    "turn_options": VALUES | {"asking", "options", "sub_agents"},
    "interfaces": VALUES | {"asking", "hooks", "messages", "options", "prompts", "spellings"},
    "config": VALUES | {"asking", "options", "paths", "policy", "sub_agents", "tools"},
    "runtime": VALUES
    | {"asking", "config", "interfaces", "messages", "options", "paths", "prompts", "rpc", "structured", "tools"}
    | {"hooks", "policy", "telemetry", "transport", "turn_options"},
    "factory": VALUES
    | {"spellings", "config", "interfaces", "messages", "options", "prompts", "runtime", "structured"},
    "hosting": VALUES
    | {"asking", "hooks", "interfaces", "messages", "options", "policy", "prompts", "runtime", "tools", "turn_options"},
    "sync": VALUES
    | {"asking", "config", "factory", "hooks", "interfaces", "messages", "options", "prompts", "runtime", "spellings"}
    | {"tools"},
    "schemas": {"asking", "interfaces", "messages", "models", "wire", "telemetry"},
}
"""What each room of core may import of core, from the ground up."""

SHARED_ROOMS = ("asking", "normalizer", "process")
"""Rooms of the same job, which have the same name in each backend."""


def imported(path: Path) -> Iterator[str]:
    """Return the modules of ours that a file imports at run time, those of its functions included."""
    for each in sources.facts(path).imports:
        if each.names is not None and not each.typing_only:
            for taken in each.names:
                name = f"{each.module}.{taken}"
                yield name if name in SOURCES else each.module


@cache
def imports() -> Mapping[str, set[str]]:
    """Return the modules of ours that each one imports."""
    return {name: {other for other in imported(path) if other in SOURCES} - {name} for name, path in SOURCES.items()}


def circles(imports: Mapping[str, set[str]]) -> list[list[str]]:
    """Return what is left when whatever imports nothing, or is imported by nothing, is taken away again and again."""
    left = {name: set(others) for name, others in imports.items()}
    while True:
        used = {other for others in left.values() for other in others}
        ends = {name for name, others in left.items() if not others or name not in used}
        if not ends:
            return [sorted(left)] if left else []
        left = {name: others - ends for name, others in left.items() if name not in ends}


def test_no_modules_import_each_other_in_a_circle() -> None:
    assert circles(imports()) == []


def test_a_circle_is_recognised() -> None:
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": {"a"}}) == [["b", "c"]]


def room(module: str) -> str:
    return module.split(".")[1] if "." in module else ""


@pytest.mark.parametrize("name", sorted(CORE))
def test_a_room_of_core_imports_only_rooms_below_it(name: str) -> None:
    modules = [module for module in SOURCES if module.startswith("agent_sdk_core.") and room(module) == name]
    assert modules, "the room is there"
    below = {
        room(other)
        for module in modules
        for other in imports()[module]
        if other.startswith("agent_sdk_core.") and room(other) != name
    }
    assert below <= CORE[name]


def test_each_room_of_core_has_its_floor() -> None:
    rooms = {room(module) for module in SOURCES if module.startswith("agent_sdk_core.")}
    assert rooms == set(CORE)


def test_no_folder_is_left_without_a_module() -> None:
    folders = {path.parent for path in SOURCES.values() if path.name == "__init__.py"}
    inhabited = {folder for path in SOURCES.values() if path.name != "__init__.py" for folder in path.parents}
    assert folders - inhabited == set()


@pytest.mark.parametrize("backend", ["acp_sdk", "claude_sdk", "codex_sdk"])
@pytest.mark.parametrize("name", SHARED_ROOMS)
def test_backends_name_rooms_of_the_same_job_alike(backend: str, name: str) -> None:
    assert f"{backend}.{name}" in SOURCES


@pytest.mark.parametrize("backend", ["acp_sdk", "claude_sdk", "codex_sdk"])
@pytest.mark.parametrize("name", SHARED_ROOMS)
def test_starting_reading_and_asking_know_no_session(backend: str, name: str) -> None:
    above = ("backend", "driver", "session", "receiver", "routing", "store", "threads", "diagnosis", "one_shot")
    modules = [module for module in SOURCES if module.startswith(f"{backend}.{name}.")]
    used = {other for module in modules for other in imports()[module] if other.startswith(f"{backend}.")}
    assert modules
    assert not {room(other) for other in used} & set(above)


@pytest.mark.parametrize("backend", ["acp_sdk", "claude_sdk", "codex_sdk"])
def test_starting_knows_no_message_and_no_request(backend: str) -> None:
    modules = [module for module in SOURCES if module.startswith(f"{backend}.process.")]
    used = {other for module in modules for other in imports()[module]}
    assert not {room(other) for other in used} & {"normalizer", "asking", "messages"}


@pytest.mark.parametrize("backend", ["acp_sdk", "claude_sdk", "codex_sdk"])
def test_a_driver_asks_its_link_at_each_call_and_holds_no_peer(backend: str) -> None:
    assert held_connections(SOURCES[f"{backend}.driver"].read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("assignment", "held"),
    [
        ("self.link = link", []),
        ("peer = self.link.today.peer", []),
        ("self._peer = self.link.today.peer", ["self._peer"]),
        ("self._process: ClaudeProcess = await link.connect()", ["self._process"]),
        ("self.a, self.b = link.today, 1", ["self.a", "self.b"]),
    ],
)
def test_a_held_connection_is_recognised(assignment: str, held: list[str]) -> None:
    assert held_connections(f"async def f(self, link):\n    {assignment}") == held


def held_connections(source: str) -> list[str]:
    """Return the attributes that are given a connection, or its peer or channel."""
    held: list[str] = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            asked = {inner.attr for inner in ast.walk(node.value) if isinstance(inner, ast.Attribute)}
            if asked & {"today", "connect", "peer", "channel"} or "peer" in ast.unparse(node.value).split():
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                held += [
                    ast.unparse(inner)
                    for target in targets
                    for inner in ast.walk(target)
                    if isinstance(inner, ast.Attribute) and isinstance(inner.ctx, ast.Store)
                ]
    return held
