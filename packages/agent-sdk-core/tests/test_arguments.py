from __future__ import annotations

import asyncio
import inspect
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal, Protocol, TypeVar, cast, get_type_hints

import pytest

from agent_sdk_core.arguments import check_calls, checked, checked_class, described, fits
from agent_sdk_core.errors import InvalidRequestError

if TYPE_CHECKING:
    from nowhere import Missing  # pyright: ignore[reportMissingImports, reportUnknownVariableType]  # there is none: what is tested

    from agent_sdk_core import SessionOptions, TurnOptions

T = TypeVar("T")


class Named(Protocol):
    name: str


@checked
def ask(prompt: str, *, options: TurnOptions | None = None) -> None:
    del prompt, options


@checked
def greet(name: str, /, times: int = 1, *, loud: bool | None = None) -> str:
    return f"{name}{times}{loud}"


@checked
def anything(*values: object, **named: object) -> int:
    return len(values) + len(named)


@checked
def _resumed(options: SessionOptions | None = None, other: Missing | None = None) -> str:  # pyright: ignore[reportUnknownParameterType]  # of a name that there is not
    del other
    return str(options)


@checked
async def later(seconds: float) -> float:
    return seconds


def untyped(function: object) -> Any:
    return function


resumed = cast("Any", _resumed)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: untyped(greet)(), "greet needs 'name'."),
        (lambda: untyped(greet)(3), "greet: name must be text, not int."),
        (lambda: untyped(greet)("a", True), "greet: times must be a whole number, not bool."),
        (lambda: untyped(greet)("a", 1, True), "greet takes 2 by position, not 3; the names are: name, times, loud."),
        (lambda: untyped(greet)("a", loud=1), "greet: loud must be True or False or None, not int."),
        (lambda: untyped(greet)("a", lou=True), "greet takes no 'lou'; did you mean 'loud'?"),
        (lambda: untyped(greet)("a", x=1), "greet takes no 'x'; it takes name, times, loud."),
        (lambda: untyped(ask)("a", model="m"), "ask takes no 'model' of its own; write options=TurnOptions(model=…)."),
        (lambda: untyped(ask)("a", x=1), "ask takes no 'x'; it takes prompt, options."),
        (
            lambda: resumed({"cwd": "."}),
            "options must be SessionOptions or None, not dict; write SessionOptions(…).",
        ),
        (lambda: resumed(later(1)), "not a coroutine; await it first."),
        (lambda: asyncio.run(untyped(later)("1")), "later: seconds must be a number, not str."),
        (lambda: asyncio.run(untyped(later)(None)), "later: seconds must be a number, not None."),
    ],
)
def test_what_a_function_does_not_take_is_refused_in_words(call: Callable[[], object], said: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        call()
    assert said in caught.value.message


def test_what_a_function_takes_passes() -> None:
    assert greet("a", 2, loud=True) == "a2True"
    assert anything(1, 2, three=3) == 3
    assert resumed(None, other=object()) == "None", "a type that is not there at run time is not checked"
    assert asyncio.run(later(1)) == 1
    assert inspect.iscoroutinefunction(later)
    assert list(inspect.signature(greet).parameters) == ["name", "times", "loud"]


NOTHING: dict[str, object] = {}
NOBODY: list[str] = []


@checked
def pack(
    names: Sequence[str],
    *,
    sizes: tuple[int, ...] | None = None,
    both: str | list[int] = "",
    table: Mapping[str, object] | None = None,
) -> None:
    del names, sizes, both, table


@pytest.mark.parametrize(
    ("args", "named", "said"),
    [
        ((["a", 3],), NOTHING, "pack: names[1] must be text, not int."),
        ((NOBODY,), {"sizes": (1, "b")}, "pack: sizes[1] must be a whole number, not str."),
        ((NOBODY,), {"both": [None]}, "pack: both[0] must be a whole number, not None."),
        ((NOBODY,), {"both": 3}, "pack: both must be text or a list of a whole number, not int."),
        ((NOBODY,), {"table": {"a": 1, 2: 3}}, "pack: table's key 2 must be text, not int."),
        ((NOBODY,), {"table": ["a"]}, "pack: table must be a mapping or None, not list."),
        ((3,), NOTHING, "pack: names must be a list of text, not int."),
        ((NOBODY,), {"names": NOBODY}, "pack takes 'names' once, and it is given by position and by name."),
    ],
)
def test_of_a_list_the_entry_is_named_that_is_wrong(
    args: tuple[object, ...], named: dict[str, object], said: str
) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        untyped(pack)(*args, **named)
    assert caught.value.message == said


def test_an_error_names_the_option_for_programs() -> None:
    with pytest.raises(InvalidRequestError) as caught:
        untyped(greet)("a", lou=True)
    assert caught.value.details["option"] == "lou"


def test_values_of_a_kind_are_looked_at_once_and_lists_each_time() -> None:
    @checked
    def take(names: Sequence[str] = ()) -> int:
        return len(names)

    assert take(["a"]) == take(["a", "b"]) - 1 == 1
    with pytest.raises(InvalidRequestError, match=r"names\[1\] must be text, not int"):
        untyped(take)(["a", 1])
    with pytest.raises(InvalidRequestError, match="names must be a list of text, not str"):
        untyped(take)("ab")


@pytest.mark.parametrize(
    ("hint", "good", "bad", "words"),
    [
        (str, "a", 1, "text"),
        (int, 1, 1.0, "a whole number"),
        (float, 1, "1", "a number"),
        (bool, True, 1, "True or False"),
        (bytes, b"", "", "bytes"),
        (None, None, 0, "None"),
        (int | None, None, "a", "a whole number or None"),
        (str | int | None, 1, 1.5, "text, a whole number or None"),
        (Literal["a", "b"], "c", 1, "'a' or 'b'"),
        (Annotated[str, 1], "a", 1, "text"),
        (tuple[str, ...], ["a"], ["a", 1], "a list of text"),
        (Sequence[str], ("a",), "a", "a list of text"),
        (Iterable[int], iter([1]), 1, "a list of a whole number"),
        (Mapping[str, int], {"a": "b"}, {1: 1}, "a mapping"),
        (Mapping, {1: 1}, [], "a mapping"),
        (Callable[[int], int], len, 1, "a function"),
        (Callable, len, 1, "a function"),
        (os.PathLike[str], os.curdir and __import__("pathlib").Path(), "a", "a path"),
        (type[int], int, 1, "type"),
        (InvalidRequestError, InvalidRequestError("x"), ValueError(), "InvalidRequestError"),
    ],
)
def test_kinds(hint: Any, good: object, bad: object, words: str) -> None:
    assert fits(hint, good)
    assert not fits(hint, bad)
    assert described(hint) == words


@pytest.mark.parametrize("hint", [Any, object, T, Named])
def test_what_cannot_be_told_at_run_time_is_taken(hint: Any) -> None:
    assert fits(hint, object())


class Face:
    def ask(self, prompt: str) -> str:
        raise NotImplementedError

    @classmethod
    def find(cls, path: str) -> str:
        raise NotImplementedError

    def close(self) -> None: ...

    name = "face"


class Body(Face):
    def __init__(self, size: int) -> None:
        self.size = size

    def ask(self, prompt: str) -> str:
        return prompt

    @classmethod
    def find(cls, path: str) -> str:
        return path

    def close(self) -> None: ...

    def own(self, prompt: str) -> str:
        return prompt


def test_methods_of_an_interface_are_checked_where_they_are_implemented() -> None:
    close = Body.close
    check_calls(Body, Face)
    body = untyped(Body(1))
    assert body.ask("a") == Body.find("a") == "a"
    assert Body.close is close, "there is nothing to check"
    assert body.own(1) == 1
    for call, said in (
        (lambda: body.ask(1), "Face.ask: prompt must be text, not int."),
        (lambda: body.ask(), "Face.ask needs 'prompt'."),
        (lambda: untyped(Body).find(1), "Face.find: path must be text, not int."),
    ):
        with pytest.raises(InvalidRequestError) as caught:
            call()
        assert caught.value.message == said


def test_a_class_checks_what_it_is_made_of_but_what_is_its_own() -> None:
    @checked_class("own", methods=True)
    @dataclass(frozen=True, slots=True)
    class Value:
        text: str
        own: str = ""

        def repeated(self, times: int) -> str:
            return self.text * times

    made = cast("Any", Value)
    assert made("a", own=1).own == 1
    assert made("a").repeated(2) == "aa"
    assert get_type_hints(Value)["text"] is str
    with pytest.raises(InvalidRequestError, match="Value: text must be text, not int"):
        made(1)
    with pytest.raises(InvalidRequestError, match=r"Value\.repeated: times must be a whole number"):
        made("a").repeated("b")
