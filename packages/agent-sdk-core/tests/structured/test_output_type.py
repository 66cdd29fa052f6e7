from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any, Literal

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


@pytest.mark.parametrize("wrong", [Any, object, "Point", 5, Point(1), Strict, None, type, OutputType])
def test_what_is_no_type_of_an_answer_is_refused(wrong: Any) -> None:
    if wrong is Strict:
        wrong = Strict(day=dt.date(2026, 1, 2), pair=(1, 2))
    with pytest.raises(InvalidRequestError, match="output_type=") as caught:
        OutputType(wrong)
    assert caught.value.details == {"option": "output_type"}
    assert "errors.pydantic.dev" not in caught.value.message
