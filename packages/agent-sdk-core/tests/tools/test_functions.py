from __future__ import annotations

import asyncio
import logging
import math
import subprocess
import sys
import threading
import typing
from collections.abc import Mapping
from datetime import date
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import BaseModel

from agent_sdk_core.errors import InvalidRequestError
from agent_sdk_core.tools.context import ToolContext
from agent_sdk_core.tools.registry import ToolRegistry
from agent_sdk_core.tools.tool import Tool, tool

if TYPE_CHECKING:
    from collections import OrderedDict as Hidden

pytestmark = pytest.mark.anyio
LOCK = threading.Lock()


class Place(BaseModel):
    city: str


async def odd(_hidden: str, model_config: str, json: int, schema: int, copy: str, dict: list[int]) -> str:  # noqa: A002  # the point
    """Take names that are taken elsewhere."""
    return f"{_hidden} {model_config} {json} {schema} {copy} {dict}"


async def test_no_name_of_a_parameter_is_lost() -> None:
    made = tool(odd)
    names = ["_hidden", "model_config", "json", "schema", "copy", "dict"]
    properties: Any = made.input_schema["properties"]
    assert [*properties] == made.input_schema["required"] == names
    assert properties["dict"] == {"items": {"type": "integer"}, "title": "Dict", "type": "array"}
    result = await made.run({"_hidden": "a", "model_config": "b", "json": 1, "schema": 2, "copy": "c", "dict": [3]})
    assert result.content == ("a b 1 2 c [3]",)


async def positional(first: int, /, second: int = 2, *, third: int = 3) -> str:
    """Take some by position."""
    return f"{first} {second} {third}"


async def defaults(first: int = 1, /, when: date = date(2026, 1, 2), lock: Any = LOCK, no: float = math.nan) -> str:
    """Have defaults."""
    return f"{first} {when} {lock is LOCK} {no}"


class Shop:
    def __init__(self, name: str) -> None:
        self.name = name

    async def sell(self, item: str) -> str:
        """Sell an item."""
        return f"{self.name} sells {item}"

    @classmethod
    async def count(cls, item: str) -> str:
        """Count an item."""
        return f"{cls.__name__} counts {item}"

    @staticmethod
    async def weigh(item: str) -> str:
        """Weigh an item."""
        return item


class Seller:
    """Sell things."""

    async def __call__(self, item: str) -> str:
        return f"sold {item}"


async def with_key(key: str, item: str) -> str:
    """Buy an item."""
    return f"{key} {item}"


@pytest.mark.parametrize(
    ("function", "name", "description", "arguments", "said"),
    [
        (positional, "positional", "Take some by position.", {"first": 1}, "1 2 3"),
        (positional, "positional", "Take some by position.", {"first": 5, "third": 4}, "5 2 4"),
        (defaults, "defaults", "Have defaults.", {}, "1 2026-01-02 True nan"),
        (defaults, "defaults", "Have defaults.", {"when": "2026-05-06"}, "1 2026-05-06 True nan"),
        (Shop("A").sell, "sell", "Sell an item.", {"item": "tea"}, "A sells tea"),
        (Shop.count, "count", "Count an item.", {"item": "tea"}, "Shop counts tea"),
        (Shop.weigh, "weigh", "Weigh an item.", {"item": "tea"}, "tea"),
        (Seller(), "Seller", "Sell things.", {"item": "tea"}, "sold tea"),
        (partial(with_key, "k"), "with_key", "Buy an item.", {"item": "tea"}, "k tea"),
        (partial(with_key, key="k"), "with_key", "Buy an item.", {"item": "tea"}, "k tea"),
        (partial(partial(Shop("B").sell)), "sell", "Sell an item.", {"item": "tea"}, "B sells tea"),
        (partial(Seller(), item="tea"), "Seller", "Sell things.", {}, "sold tea"),
    ],
)
async def test_whatever_can_be_awaited_is_taken(
    function: Any, name: str, description: str, arguments: dict[str, object], said: str
) -> None:
    made = tool(function)
    assert (made.name, made.description) == (name, description)
    assert (await made.run(arguments)).content == (said,)


def test_what_a_partial_binds_is_not_shown_to_the_model() -> None:
    made = tool(partial(with_key, key="hunter2"))
    assert "hunter2" not in str(made.input_schema)
    assert [*typing.cast("dict[str, object]", made.input_schema["properties"])] == ["item"]


def test_a_default_that_json_cannot_hold_is_left_out_of_the_schema() -> None:
    properties: Any = tool(defaults).input_schema["properties"]
    assert {name: field.get("default") for name, field in properties.items()} == {
        "first": 1,
        "when": "2026-01-02",
        "lock": None,
        "no": None,
    }
    assert "required" not in tool(defaults).input_schema


async def test_types_local_to_a_function_are_found() -> None:
    class Local(BaseModel):
        size: int

    @tool
    async def plain(one: Local) -> str:
        """Take a local type."""
        return str(one.size)

    @tool(name="other")
    async def named(one: Local) -> str:
        """Take a local type too."""
        return str(one.size)

    for made in (plain, named):
        assert (await made.run({"one": {"size": 3}})).content == ("3",)


async def unresolved(one: int, two: Hidden[str, str]) -> str:
    """Take what only the type checker sees."""
    return f"{one}{two}"


async def unserialisable(one: int, gate: asyncio.Event) -> str:
    """Take what no schema has."""
    return f"{one}{gate}"


async def callback(one: int, then: typing.Callable[[int], int]) -> str:
    """Take a function."""
    return f"{then(one)}"


class Typed(typing.TypedDict):
    size: int


async def typed(one: Typed) -> str:
    """Take a typed dictionary."""
    return str(one["size"])


async def many(**values: int) -> None:
    """Take many."""


async def two_contexts(one: ToolContext, two: ToolContext | None = None) -> None:
    """Take two."""


class Stall:
    async def method(self, item: str) -> str:
        """Sell an item."""
        return item


async def result_is_hidden(one: int) -> Hidden[str, str]:
    """Return what only the type checker sees."""
    raise AssertionError(one)


REFUSED: list[tuple[Any, list[str]]] = [
    (unresolved, ["parameter two of tool unresolved", "'Hidden' is not defined", "TYPE_CHECKING", "Tool(name"]),
    (unserialisable, ["parameter gate of tool unserialisable", "Tool(name"]),
    (callback, ["parameter then of tool callback", "Tool(name"]),
    (many, ["Parameter **values: int of tool many", "give it a list or a dict"]),
    (Stall.method, ["Tool method is a method of no object: make it of a bound one, tool(it.method)"]),
    (partial(print), ["Parameter *args of tool print cannot be given by name"]),
    (lambda: None, ["Tool <lambda> needs a docstring"]),
    (5, ["A tool is made of a function, not of 5"]),
    (Stall, ["A tool is made of a function, not of <class"]),
    (two_contexts, ["Tool two_contexts takes its ToolContext as one parameter that can be given by name"]),
    ("add", ["@tool('add', …) takes a name, a description and the types", "put @tool above a function"]),
]
if sys.version_info < (3, 12):
    REFUSED.append((typed, ["parameter one of tool typed", "typing_extensions.TypedDict"]))


@pytest.mark.parametrize(("function", "words"), REFUSED)
def test_what_cannot_be_a_tool_is_refused_with_function_parameter_and_remedy(function: Any, words: list[str]) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        tool(function)
    assert all(word in caught.value.message for word in words), caught.value.message
    assert "\n" not in caught.value.message


def test_the_type_of_a_result_is_nobodys_affair() -> None:
    assert tool(result_is_hidden).name == "result_is_hidden"


async def test_all_problems_of_arguments_are_told_at_once() -> None:
    made = tool(odd)
    said = str((await made.run({"_hidden": 1, "json": "x", "more": 1})).content[0])
    for problem in ("_hidden: 1 is not of type 'string'", "json: 'x' is not of type 'integer'", "'copy' is a required"):
        assert problem in said
    said = str((await tool(weather).run({"days": ["x", "y"]})).content[0])
    assert "days/0" in said
    assert "days/1" in said


async def weather(days: list[date]) -> str:
    """Tell the weather of days, which JSON Schema checks as text only."""
    return str(days)


async def refuse(arguments: Mapping[str, object]) -> object:
    raise AssertionError(arguments)


MALFORMED: list[tuple[Any, str]] = [
    (("x", "", {"type": "object"}), "needs a description"),
    (("x", "X", []), "describes no object"),
    (("x", "X", {"type": "object", "required": {"a"}}), "cannot be sent: it ['required'] is of type set"),
    ((5, "X", {"type": "object"}), "not 5"),
]


@pytest.mark.parametrize(("fields", "words"), MALFORMED)
def test_a_tool_that_cannot_be_offered_is_refused_when_it_is_made(fields: Any, words: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        Tool(*fields, handler=refuse)
    assert words in caught.value.message


def script(code: str, *flags: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "error", *flags, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )


def test_without_docstrings_the_name_serves() -> None:
    code = '''
from agent_sdk_core import tool
@tool
async def add_numbers(a: int, b: int) -> int:
    """Add."""
    return a + b
print(add_numbers.description)
'''
    done = script(code, "-OO")
    assert (done.stdout, done.stderr) == ("add numbers\n", "")
    assert script(code).stdout == "Add.\n"


def test_a_tool_that_raises_prints_nothing_but_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    code = '''
import anyio
from agent_sdk_core import tool
@tool
async def bad() -> str:
    """Fail."""
    raise ValueError("no")
print(anyio.run(bad.run, {}).content)
'''
    done = script(code)
    assert done.stderr == ""
    assert "ValueError: no" in done.stdout


async def test_a_tool_that_raises_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    @tool
    async def bad() -> str:
        """Fail."""
        raise ValueError("no")

    with caplog.at_level(logging.WARNING):
        assert (await ToolRegistry(tools=[bad]).run("bad", {})).is_error
    assert "tool bad failed" in caplog.text
