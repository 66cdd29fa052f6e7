from __future__ import annotations

import re
from typing import Any, cast

import pytest

from agent_sdk_core import Allow, Answers, ElicitationAnswer, InvalidRequestError, ToolImage, ToolResult
from agent_sdk_core.wire.forms import unsendable

CIRCULAR: dict[str, Any] = {}
CIRCULAR["self"] = CIRCULAR


@pytest.mark.parametrize(
    "make",
    [
        lambda: Allow(cast("Any", "forever")),
        lambda: Answers(cast("Any", {"q": 5})),
        lambda: Answers(cast("Any", {1: "x"})),
        lambda: Answers(cast("Any", {"q": (b"x",)})),
        lambda: ElicitationAnswer(cast("Any", "maybe")),
        lambda: ToolResult(cast("Any", {"a": 1})),
        lambda: ToolResult(cast("Any", (b"x",))),
        lambda: ToolImage(cast("Any", "text"), "image/png"),
    ],
)
def test_an_answer_that_makes_no_sense_is_refused_when_it_is_made(make: Any) -> None:
    with pytest.raises(InvalidRequestError):
        make()


def test_a_single_text_stands_alone() -> None:
    assert Answers(cast("Any", {"q": "Blue", "r": ["Red"]})).answers == {"q": ("Blue",), "r": ("Red",)}
    assert ToolResult(cast("Any", "hello")).content == ("hello",)


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ({"a": [1, "x", None, True, 1.5]}, None),
        ({"a": {"b": b"x"}}, "a.b is of type bytes"),
        ({"a": [float("nan")]}, r"a\[0\] is nan"),
        ({"a": {1: "x"}}, "a has the key 1"),
        (CIRCULAR, "contains itself"),
    ],
)
def test_what_json_cannot_hold_is_named_with_its_place(value: object, problem: str | None) -> None:
    found = unsendable(value)
    if problem is None:
        assert found is None
    else:
        assert found is not None
        assert re.search(problem, found)
