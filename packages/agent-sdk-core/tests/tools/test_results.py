"""What a tool returns, as the model reads it: plain data as JSON, and nothing in the place of something else."""

from __future__ import annotations

import datetime as dt
import enum
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
from pydantic import BaseModel

from agent_sdk_core.errors import InvalidRequestError
from agent_sdk_core.tools.results import ToolImage, ToolResult


class Colour(enum.Enum):
    RED = "red"


@dataclass
class Part:
    name: str
    weight: float = 1.0


class Box(BaseModel):
    parts: list[Any]


async def endless() -> AsyncIterator[int]:
    yield 1


def looped() -> list[Any]:
    found: list[Any] = []
    found.append(found)
    return found


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Part("bolt"), '{"name":"bolt","weight":1.0}'),
        (Box(parts=[Part("nut")]), '{"parts":[{"name":"nut","weight":1.0}]}'),
        ({"when": dt.date(2026, 1, 2), 3: Colour.RED}, '{"when":"2026-01-02","3":"red"}'),
        ((1, None, True), "[1,null,true]"),
        (
            {"files": ["caf\udce9.txt"], "part": Part("\ud800")},
            '{"files":["caf\ufffd.txt"],"part":{"name":"\ufffd","weight":1.0}}',
        ),
    ],
)
def test_data_is_shown_as_json(value: object, text: str) -> None:
    result = ToolResult.of(value)
    assert result.content == (text,)
    assert ToolResult(structured=value).structured == result.structured


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (float("inf"), "it holds inf, which is no number of JSON"),
        (Part("bolt", float("nan")), "it holds nan at /weight"),
        (Box(parts=[b"x"]), "it holds bytes at /parts/0; return an image as ToolImage"),
        ({"a": {1, 2}}, "it holds a set at /a, which has no order; return a list"),
        (looped(), "nested too deeply"),
        ({"a": (number for number in range(3))}, "it holds a generator at /a, which may never end; return a list"),
        (endless(), "it holds an async_generator, which may never end; return a list"),
        (["x", ToolImage(b"GIF89a", "image/gif")], "it holds a ToolImage at /1; return it alone, or texts and images"),
        ({"a": ToolResult.failed("No.")}, "it holds a ToolResult at /a; return it alone, or texts and images"),
        (object(), "object"),
        (Part, "type"),
    ],
)
def test_what_json_has_no_word_for_is_refused_with_its_place(value: object, words: str) -> None:
    with pytest.raises(InvalidRequestError, match="The tool's result cannot be sent") as caught:
        ToolResult.of(value)
    assert words in caught.value.message
    with pytest.raises(InvalidRequestError):
        ToolResult(("Here.",), structured=value)
