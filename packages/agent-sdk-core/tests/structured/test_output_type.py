from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, Literal, NewType, TypeVar

import pytest
from pydantic import BaseModel, ConfigDict, ValidationError

from agent_sdk_core import InvalidRequestError
from agent_sdk_core.structured.output_type import OutputType


class Strict(BaseModel):
    model_config = ConfigDict(strict=True)

    day: dt.date
    pair: tuple[int, int]


@dataclass
class Point:
    x: int


T = TypeVar("T")
M = TypeVar("M", bound=BaseModel)


class Page(BaseModel, Generic[T]):
    items: list[T]


@dataclass
class Pair(Generic[T]):
    both: tuple[T, T]


class Numbers(Page[int]):
    pass


def named(x: int) -> int:
    return x


def test_an_answer_is_read_as_json_is() -> None:
    read = OutputType(Strict).read({"day": "2026-01-02", "pair": [1, 2]})
    assert read == Strict(day=dt.date(2026, 1, 2), pair=(1, 2))
    assert OutputType(Point).read({"x": 1}) == Point(1)
    assert OutputType(int).read(5) == 5


def test_what_does_not_fit_is_told_with_its_place() -> None:
    wanted = OutputType(list[Point])
    with pytest.raises(ValidationError) as caught:
        wanted.read([{"x": 1}, {"x": "secret"}, {}])
    problems = wanted.problems(caught.value)
    assert [problem["path"] for problem in problems] == ["1/x", "2/x"]
    assert "secret" not in str(problems)


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (Point, "Point"),
        (int, "int"),
        (list[Point], "list["),
        (Literal["a"], "typing.Literal['a']"),
        (int | None, "int"),
    ],
)
def test_a_type_has_a_name(kind: Any, name: str) -> None:
    assert OutputType(kind).name.startswith(name)


@pytest.mark.parametrize("kind", [Page[int], Pair[str], Numbers, list[Page[int]], list, dict, NewType("Id", int)])
def test_a_generic_that_is_bound_is_taken(kind: Any) -> None:
    assert OutputType(kind).schema


WRONG: list[tuple[Any, str]] = [
    (lambda: 1, "it is a function"),
    (named, "it is a function"),
    (partial(named, 1), "it is a function"),
    (Page.model_validate, "it is a function"),
    (len, "it is a function"),
    (T, "leaves T open"),
    (M, "leaves M open"),
    (Page, "leaves T open"),
    (Pair, "leaves T open"),
    (list[T], "leaves T open"),  # pyright: ignore[reportGeneralTypeIssues]  # what is refused
    (Page[int] | list[Page[T]], "leaves T open"),  # pyright: ignore[reportGeneralTypeIssues]  # what is refused
    (list[Page], "leaves T open"),  # pyright: ignore[reportMissingTypeArgument]  # what is refused
    (type[Point], "no JSON is a class"),
]


@pytest.mark.parametrize(("wrong", "says"), WRONG)
def test_what_pydantic_would_take_for_something_else_is_refused(wrong: Any, says: str) -> None:
    with pytest.raises(InvalidRequestError, match=says) as caught:
        OutputType(wrong)
    assert caught.value.message.endswith("such as list[int].")
    assert caught.value.details == {"option": "output_type"}


@pytest.mark.parametrize("wrong", [Any, object, "Point", 5, Point(1), Strict, None, type, OutputType])
def test_what_is_no_type_of_an_answer_is_refused(wrong: Any) -> None:
    if wrong is Strict:
        wrong = Strict(day=dt.date(2026, 1, 2), pair=(1, 2))
    with pytest.raises(InvalidRequestError, match="output_type=") as caught:
        OutputType(wrong)
    assert caught.value.details == {"option": "output_type"}
    assert "errors.pydantic.dev" not in caught.value.message
