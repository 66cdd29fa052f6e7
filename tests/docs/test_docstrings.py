"""What docstrings of public names say of arguments, attributes, defaults and errors is what the code has."""

from __future__ import annotations

import ast
import builtins
import inspect
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from textwrap import dedent
from typing import Any, Final

from scripts.site_hooks import pages

from agent_fleet import errors as fleet_errors
from agent_sdk_core import errors

_SECTION: Final = re.compile(r"^(Args|Attributes|Raises):\n((?:[ ]+.*\n?|\n)+)", re.MULTILINE)
_ENTRY: Final = re.compile(r"^    (\*{0,2}\w+)(?: \(.*?\))?: ", re.MULTILINE)
_DEFAULT: Final = re.compile(r"\b(?:default|defaults to|by default)(?: is)?:? ([\d.]+\d|\d+|True|False|None)\b")
_NAMES: Final = [name for page in pages().values() for name in page.names]


@dataclass(frozen=True)
class Documented:
    """A public class or function, or a public method of a class, as far as this project wrote it."""

    where: str
    value: Any
    declared: tuple[Any, ...] = ()
    """Of a method: those that it overrides, whose errors it may raise without telling so again."""

    @property
    def errors(self) -> set[str]:
        """The errors that it, or what it overrides, says it raises."""
        return {
            name
            for value in (self, *map(partial(Documented, ""), self.declared))
            for name in value.sections.get("Raises", ())
        }

    @property
    def sections(self) -> dict[str, dict[str, str]]:
        """The entries of its docstring by section and name."""
        text = inspect.cleandoc(self.value.__doc__ or "") + "\n"
        found: dict[str, dict[str, str]] = {}
        for section, body in _SECTION.findall(text):
            parts = _ENTRY.split("\n" + body)
            found[section] = dict(zip(parts[1::2], parts[2::2], strict=True))
        return found


def documented() -> Iterator[Documented]:
    """Return every public class, function and method that has a docstring of its own."""
    for name in _NAMES:
        module, _, attribute = name.rpartition(".")
        value = getattr(import_module(module), attribute)
        if not (inspect.isclass(value) or inspect.isfunction(value)):
            continue
        yield Documented(name, value)
        if inspect.isclass(value):
            for key, member in list(vars(value).items()):
                function = inspect.unwrap(getattr(member, "__func__", getattr(member, "fget", None) or member))
                if inspect.isfunction(function) and not key.startswith("_") and function.__doc__:
                    declared = tuple(vars(base)[key] for base in value.__mro__[1:] if key in vars(base))
                    yield Documented(f"{name}.{key}", function, declared)


EVERY: Final = list(documented())


def test_arguments_and_their_defaults_are_those_of_the_signature() -> None:
    wrong: list[str] = []
    for entry in EVERY:
        told = entry.sections.get("Args")
        if told is None:
            continue
        parameters = inspect.signature(entry.value).parameters
        names = {name.lstrip("*") for name in told}
        wrong += [f"{entry.where}: {name} is no argument" for name in names - set(parameters)]
        wrong += [f"{entry.where}: {name} is not told" for name in set(parameters) - names - {"self", "cls"}]
        for name, text in told.items():
            stated = _DEFAULT.search(text)
            if stated and parameters[name.lstrip("*")].default != ast.literal_eval(stated[1]):
                wrong.append(f"{entry.where}: {name} has another default than {stated[1]}")
    assert wrong == []


def test_attributes_are_there() -> None:
    wrong = [
        f"{entry.where}: {name}"
        for entry in EVERY
        if inspect.isclass(entry.value)
        for name in set(entry.sections.get("Attributes", ())) - _attributes(entry.value)
    ]
    assert wrong == []


def _attributes(cls: type) -> set[str]:
    found: set[str] = set()
    for base in inspect.getmro(cls):
        found |= {*vars(base), *getattr(base, "__annotations__", ()), *getattr(base, "model_fields", ())}
        found |= set(re.findall(r"self\.(\w+)(?:: [^=\n]+)? = ", _source(base)))
    return found


ROOMS = (errors, fleet_errors, builtins)
"""Where errors live."""


def test_errors_are_known_and_what_is_raised_is_told() -> None:
    wrong: list[str] = []
    for entry in EVERY:
        told = entry.errors
        classes = {name: next(filter(None, (getattr(room, name, None) for room in ROOMS)), None) for name in told}
        known = tuple(cls for cls in classes.values() if isinstance(cls, type) and issubclass(cls, BaseException))
        wrong += [f"{entry.where}: {name} is no error" for name, cls in classes.items() if cls not in known]
        function = vars(entry.value).get("__init__") if inspect.isclass(entry.value) else entry.value
        wrong += [
            f"{entry.where}: {name} is raised and not told"
            for name in _raised_in(function)
            if not issubclass(getattr(errors, name), known)
        ]
    assert wrong == []


def _raised_in(function: object) -> set[str]:
    """Return the errors of ours that a function itself raises, in words: `raise SomeError(...)`."""
    tree = ast.parse(dedent(_source(function)) or "pass")
    calls = [node.exc for node in ast.walk(tree) if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call)]
    names = {call.func.id for call in calls if isinstance(call.func, ast.Name)}
    return {name for name in names if isinstance(getattr(errors, name, None), type)}


def _source(value: object) -> str:
    try:
        return inspect.getsource(value)  # pyright: ignore[reportArgumentType]  # what has none is a TypeError
    except (OSError, TypeError):
        return ""
