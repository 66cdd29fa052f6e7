"""What public callables do not take: each refuses it by an `AgentError` that names it, none by an error of Python's."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any, cast

import pytest
from pydantic import BaseModel

import agent_sdk_core
import claude_sdk
import codex_sdk
from agent_sdk_core import AgentBackend, AgentError, AgentSession, RuntimeConfig, SandboxPolicy, SessionOptions
from agent_sdk_core.config.fields import BackendConfig
from agent_sdk_core.interfaces.turn import PromptQueue
from agent_sdk_core.messages.base import Message
from agent_sdk_core.runtime.turns.queue import WaitingPrompts
from agent_sdk_core.wire.model import WireModel

PACKAGES: list[Any] = [agent_sdk_core, claude_sdk, codex_sdk]
OPTIONS: list[type[BaseModel]] = [SessionOptions, SandboxPolicy, RuntimeConfig, BackendConfig]
MADE_BY_US = {"Notification", "Source"}
"""Values that are made for every message, and by nobody else: not worth their checks."""

PLAIN = {"parse_backend_type", "parse_message", "tool", "tool_kind"}
"""Functions that are called so often, or so early, that a misspelt keyword is left to Python."""

TAKES_ANYTHING = {"raw", "source", "self", "cls", "args", "kwargs"}


class Wrong:
    """What no parameter takes."""


WRONG = Wrong()


def public_values() -> Iterator[Any]:
    """Return the public classes that applications make objects of, and the public functions, of all packages."""
    seen: set[int] = set()
    for package in PACKAGES:
        for name in package.__all__:
            value = getattr(package, name)
            if id(value) in seen or name in MADE_BY_US:
                continue
            seen.add(id(value))
            checked_class: bool = isinstance(value, type) and hasattr(value.__init__, "__wrapped__")
            if checked_class or dataclasses.is_dataclass(value) or inspect.isfunction(cast("object", value)):
                yield value


def parameters(call: Any) -> dict[str, inspect.Parameter]:
    return dict(inspect.signature(call).parameters)


def attempt(call: Callable[..., Any], **arguments: object) -> object:
    """Call, and take the first step of what is async."""
    made = call(**arguments)
    if inspect.iscoroutine(made):
        try:
            made.send(None)
        finally:
            made.close()
    elif inspect.isgenerator(made):
        next(made)
    return made


def refusal(call: Callable[..., Any], **arguments: object) -> str:
    with pytest.raises(AgentError) as caught:
        attempt(call, **arguments)
    return caught.value.message


CALLABLES = list(public_values())
NAMED = [
    (call, name)
    for call in CALLABLES
    for name, parameter in parameters(call).items()
    if parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY)
    and parameter.annotation not in ("Any", "object")
    and name not in TAKES_ANYTHING
]


def others(call: Any, name: str) -> dict[str, Any]:
    """Return values for the other parameters that are needed; only the one that is tried is looked at first."""
    needed = [key for key, each in parameters(call).items() if each.default is each.empty]
    return {key: WRONG for key in needed if key != name and not _variable(parameters(call)[key])}


def _variable(parameter: inspect.Parameter) -> bool:
    return parameter.kind in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL)


def test_the_public_callables_are_found() -> None:
    names = {call.__name__ for call in CALLABLES}
    assert {"Allow", "Answers", "ToolRegistry", "create_backend", "query", "TextInput", "WireLog", "Secret"} <= names


@pytest.mark.parametrize("call", CALLABLES, ids=lambda call: f"{call.__module__}.{call.__name__}")
def test_a_misspelt_keyword_is_refused(call: Any) -> None:
    if any(each.kind is each.VAR_KEYWORD for each in parameters(call).values()):
        pytest.skip("it takes any name, and says itself which it knows")
    if call.__name__ in PLAIN:
        pytest.skip("a plain function")
    assert "nonsens" in refusal(call, nonsens=1)


@pytest.mark.parametrize(("call", "name"), NAMED, ids=lambda each: getattr(each, "__name__", each))
def test_a_value_of_a_wrong_type_is_refused(call: Any, name: str) -> None:
    said = refusal(call, **others(call, name), **{name: WRONG})
    assert "Wrong" in said or any(each in said for each in parameters(call)), said


@pytest.mark.parametrize("options", OPTIONS, ids=lambda each: each.__name__)
def test_options_refuse_a_wrong_type_and_an_unknown_name(options: Any) -> None:
    for name in options.model_fields:
        assert f"{options.__name__}.{name}" in refusal(options, **{name: WRONG})
    assert "nonsens" in refusal(options, nonsens=1)
    assert "nonsens" in refusal(options.model_validate, obj={"nonsens": 1})


def methods() -> Iterator[tuple[Any, str, str]]:
    """Return each parameter of each public method that an interface declares, on every class that implements it."""
    kinds = [
        (claude_sdk.ClaudeSession, AgentSession),
        (codex_sdk.CodexSession, AgentSession),
        (claude_sdk.ClaudeBackend, AgentBackend),
        (codex_sdk.CodexBackend, AgentBackend),
        (WaitingPrompts, PromptQueue),
    ]
    for cls, interface in kinds:
        for name, declared in vars(interface).items():
            if name.startswith("_") or not (inspect.isfunction(declared) or isinstance(declared, classmethod)):
                continue
            for parameter in list(parameters(getattr(cls, name))):
                if parameter not in TAKES_ANYTHING:
                    yield cls, name, parameter


@pytest.mark.parametrize(("cls", "name", "parameter"), list(methods()), ids=str)
def test_a_method_refuses_a_wrong_type_and_a_misspelt_name(cls: Any, name: str, parameter: str) -> None:
    if getattr(cls, name).__qualname__.startswith(("AgentSession", "AgentBackend")):
        pytest.skip("the interface's own, which only says that the backend cannot")
    method = getattr(cls.__new__(cls), name)
    said = refusal(method, **others(method, parameter), **{parameter: WRONG})
    assert f".{name}: {parameter} must be" in said or f".{name}: " in said
    assert f".{name} takes no 'nonsens'" in refusal(method, nonsens=1)


@pytest.mark.parametrize("kind", [claude_sdk.ClaudeBackend, codex_sdk.CodexBackend])
@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"startup_timeout": 0}, "startup_timeout must be a finite number greater than 0"),
        ({"startup_timeout": float("nan")}, "startup_timeout must be a finite number greater than 0"),
        ({"env": {"A": 1}}, "env ['A'] must be text or a Secret, not int"),
        ({"env": "A=1"}, "env must be a mapping or None, not str"),
        ({"executable": 3}, "executable must be text, a path or None, not int"),
        ({"wire_log": "log.jsonl"}, "wire_log must be a function or None, not str"),
    ],
)
def test_a_backend_refuses_what_it_cannot_be_made_of(kind: Any, settings: dict[str, Any], said: str) -> None:
    assert said in refusal(kind, **settings)


def test_a_backend_of_claude_has_at_least_one_process() -> None:
    assert "max_processes must be" in refusal(claude_sdk.ClaudeBackend, max_processes=0)


def messages() -> list[Any]:
    found = [getattr(agent_sdk_core, name) for name in agent_sdk_core.__all__]
    return [each for each in found if isinstance(each, type) and issubclass(each, WireModel) and each is not Message]


@pytest.mark.parametrize("message", messages(), ids=lambda each: each.__name__)
def test_a_message_refuses_a_field_that_does_not_fit(message: Any) -> None:
    for name, field in message.model_fields.items():
        if str(field.annotation) in ("typing.Any", "<class 'object'>", "typing.Any | None"):
            continue
        with suppress(AgentError):
            attempt(message, **{name: WRONG})


@pytest.mark.parametrize("name", [3, None, b"codex", SessionOptions, ["codex"]])
def test_a_backend_is_named_by_text(name: Any) -> None:
    for call in (agent_sdk_core.parse_backend_type, RuntimeConfig().for_backend):
        assert "text" in refusal(cast("Any", call), **{next(iter(parameters(call))): name})
