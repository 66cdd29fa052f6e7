# pyright: reportUnknownLambdaType=false, reportUnknownArgumentType=false
from __future__ import annotations

import copy
import dataclasses
import pickle
import types
from collections.abc import Mapping, Sequence
from enum import Enum
from pathlib import Path
from threading import Event
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import pytest

import agent_sdk_core
from agent_sdk_core.option_values import Options
from agent_sdk_core.wire.model import WireModel

NAMES = {name: getattr(agent_sdk_core, name) for name in agent_sdk_core.__all__}
VALUES = [kind for kind in NAMES.values() if isinstance(kind, type) and dataclasses.is_dataclass(kind)]
COPIES: list[Any] = [copy.copy, copy.deepcopy, lambda value: pickle.loads(pickle.dumps(value))]
SPECIAL: dict[str, Any] = {
    "ImageInput": agent_sdk_core.ImageInput(data=b"x", media_type="image/png"),
    "DocumentInput": agent_sdk_core.DocumentInput(data=b"x", media_type="text/plain"),
    "AudioInput": agent_sdk_core.AudioInput(path=Path("a.wav")),
    "ToolImage": agent_sdk_core.ToolImage(b"GIF89a", "image/gif"),
    "PermissionUpdate": agent_sdk_core.PermissionUpdate("add_rules", ["Bash"], "deny", destination="user"),
}


async def handler(arguments: Mapping[str, object]) -> object:
    return arguments


def sample(hint: Any) -> Any:
    """Return some value of a type."""
    origin, inner = get_origin(hint), get_args(hint)
    if hint is Any or hint is object:
        return {"k": [1]}
    if origin is Literal:
        return inner[0]
    if origin in (Union, types.UnionType):
        return sample(next(part for part in inner if part is not type(None)))
    kind: Any = origin or hint
    made: dict[type, Any] = {
        tuple: lambda: (sample(inner[0]),),
        frozenset: lambda: frozenset({sample(inner[0])}),
        Path: lambda: Path("a"),
        BaseException: lambda: agent_sdk_core.AgentError("x"),
        Enum: lambda: next(iter(kind)),
        str: str,
        bytes: bytes,
        float: lambda: 1.5,
        int: kind,
        Mapping: lambda: {"k": sample(inner[1])},
        Sequence: lambda: [sample(inner[0])],
        Event: kind,
    }
    if not isinstance(kind, type):
        return handler
    if dataclasses.is_dataclass(kind):
        return instance(kind)
    if issubclass(kind, WireModel | Options):
        return kind()
    return next((make() for base, make in made.items() if issubclass(kind, base)), handler)


def instance(kind: Any) -> Any:
    if kind.__name__ in SPECIAL:
        return SPECIAL[kind.__name__]
    hints = get_type_hints(kind, localns=NAMES)
    fields = {field.name: sample(hints[field.name]) for field in dataclasses.fields(kind) if field.init}
    fields |= (
        {"name": "n", "description": "d", "input_schema": {"type": "object"}, "max_result_chars": 1}
        if kind is agent_sdk_core.Tool
        else {}
    )
    return kind(**fields)


def least(kind: Any) -> Any:
    """Return an instance with defaults wherever there are some."""
    if kind.__name__ in SPECIAL or kind is agent_sdk_core.Tool:
        return instance(kind)
    hints = get_type_hints(kind, localns=NAMES)
    missing = dataclasses.MISSING
    needed = [f for f in dataclasses.fields(kind) if f.init and f.default is missing and f.default_factory is missing]
    return kind(**{field.name: sample(hints[field.name]) for field in needed})


@pytest.mark.parametrize("made", [least, instance], ids=["defaults", "all fields"])
@pytest.mark.parametrize("copied", COPIES)
@pytest.mark.parametrize("kind", VALUES, ids=lambda kind: kind.__name__)
def test_every_public_value_can_be_copied_and_pickled(kind: Any, copied: Any, made: Any) -> None:
    value = made(kind)
    assert copied(value) == value


@pytest.mark.parametrize("copied", COPIES)
@pytest.mark.parametrize(
    "value",
    [
        agent_sdk_core.SessionOptions(),
        agent_sdk_core.SessionOptions(cwd=".", env={"A": "1"}, sandbox=agent_sdk_core.SandboxPolicy(mode="read-only")),
        agent_sdk_core.RuntimeConfig(),
        agent_sdk_core.Usage(input_tokens=1),
        agent_sdk_core.DEFER,
    ],
    ids=lambda value: type(value).__name__,
)
def test_every_other_public_value_can_too(value: Any, copied: Any) -> None:
    assert copied(value) == value


@pytest.mark.parametrize("copied", COPIES)
def test_a_page_of_history_can_too(copied: Any) -> None:
    page = copied(agent_sdk_core.HistoryPage([], "next"))
    assert (list(page), page.cursor) == ([], "next")
