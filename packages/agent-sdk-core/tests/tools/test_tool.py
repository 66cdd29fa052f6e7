from __future__ import annotations

import gc
import weakref
from collections.abc import Mapping
from typing import Annotated, Any

import anyio
import pytest
from pydantic import BaseModel, Field

from agent_sdk_core.errors import AgentError, InvalidRequestError
from agent_sdk_core.tools.registry import ToolRegistry
from agent_sdk_core.tools.results import ToolImage, ToolResult
from agent_sdk_core.tools.tool import Tool, tool

pytestmark = pytest.mark.anyio
SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}


async def double(arguments: Mapping[str, object]) -> object:
    return {"twice": int(str(arguments["n"])) * 2}


class Place(BaseModel):
    city: str


@tool
async def weather(place: Place, days: Annotated[int, Field(ge=1)] = 1) -> str:
    """Tell the weather of a place."""
    return f"{place.city}: sun for {days}"


async def test_parameters_become_the_schema_and_the_docstring_the_description() -> None:
    assert (weather.name, weather.description) == ("weather", "Tell the weather of a place.")
    assert weather.input_schema["required"] == ["place"]
    assert await weather.run({"place": {"city": "Rome"}, "days": 2}) == ToolResult(("Rome: sun for 2",))


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({}, "'place' is a required property"),
        ({"place": {"city": 1}}, "place/city: 1 is not of type 'string'"),
        ({"place": {"city": "Rome"}, "days": 0}, "days: 0 is less than the minimum of 1"),
        ({"place": {"city": "Rome"}, "other": 1}, "Additional properties are not allowed"),
        ([], "[] is not of type 'object'"),
        (None, "None is not of type 'object'"),
    ],
)
async def test_arguments_that_do_not_fit_are_an_error_the_model_sees(arguments: object, problem: str) -> None:
    result = await weather.run(arguments)
    assert result.is_error
    assert problem in str(result.content[0])


async def test_a_tool_can_be_built_from_a_schema() -> None:
    result = await Tool("double", "Double a number.", SCHEMA, double).run({"n": 4})
    assert result == ToolResult(('{"twice":8}',), structured={"twice": 8})


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({"type": "nonsense"}, "properties/n/type: 'nonsense' is not valid"),
        ({"type": "string", "pattern": "("}, "properties/n/pattern: "),
        ({"type": "array", "items": [{"type": "integer"}]}, "properties/n/items: "),
        ({"$ref": "#/nowhere"}, "'#/nowhere' is not in it, and nothing is fetched"),
        ({"$ref": "https://schemas.example/n.json"}, "'https://schemas.example/n.json' is not in it"),
    ],
)
def test_a_schema_that_is_none_is_refused_when_the_tool_is_made(schema: object, words: str) -> None:
    with pytest.raises(InvalidRequestError, match="The input schema of x is no JSON Schema") as caught:
        Tool("x", "X", {"type": "object", "properties": {"n": schema}}, double)
    assert words in caught.value.message


def test_a_schema_may_refer_to_its_own_parts_and_name_a_property_as_a_keyword() -> None:
    parts = {"Part": {"type": "object", "properties": {"part": {"$ref": "#/$defs/Part"}}}}
    properties = {"part": {"$ref": "#/$defs/Part", "default": {"$ref": "data"}}, "$ref": {"type": "string"}}
    made = Tool("x", "X", {"type": "object", "properties": properties, "$defs": parts}, double)
    assert made.problem({"part": {"part": {}}, "$ref": "a"}) is None
    assert made.problem({"part": {"part": 1}}) == "Invalid arguments for x: part/part: 1 is not of type 'object'"


@pytest.mark.parametrize(
    ("error", "text"), [(ValueError("boom"), "ValueError: boom"), (AgentError("a sentence"), "a sentence")]
)
async def test_what_a_tool_raises_is_an_error_result(error: Exception, text: str) -> None:
    async def fail(_: Mapping[str, object]) -> object:
        raise error

    assert await Tool("x", "X", SCHEMA, fail).run({"n": 1}) == ToolResult.failed(text)


async def test_a_cancelled_tool_is_cancelled() -> None:
    async def forever(_: Mapping[str, object]) -> object:
        await anyio.sleep_forever()

    with anyio.move_on_after(0.01) as scope:
        await Tool("x", "X", SCHEMA, forever).run({"n": 1})
    assert scope.cancelled_caught


def test_results_are_made_of_what_a_function_returns() -> None:
    image = ToolImage(b"GIF89a", "image/png")
    assert ToolResult.of(None) == ToolResult(())
    assert ToolResult.of(image).content == (image,)
    assert ToolResult.of(ToolResult.failed("no")).is_error
    assert ToolResult.of([1, 2]).content == ("[1,2]",)
    assert image.url == "data:image/gif;base64,R0lGODlh"


@pytest.mark.parametrize("data", [b"", b"text", b"<svg/>"])
async def test_a_result_that_is_no_image_is_an_error_that_the_model_reads(data: bytes) -> None:
    with pytest.raises(InvalidRequestError, match="The tool's image is "):
        ToolImage(data, "image/png")

    async def draw(_: Mapping[str, object]) -> object:
        return ToolImage(data, "image/png")

    result = await Tool("x", "X", SCHEMA, draw).run({"n": 1})
    assert result.is_error
    assert "PNG, JPEG, GIF and WebP" in str(result.content)


async def undescribed() -> None: ...


async def variadic(*values: int) -> None:
    """Take many."""


@pytest.mark.parametrize(
    ("function", "match"), [(int, "made of a function"), (undescribed, "docstring"), (variadic, r"\*values")]
)
def test_a_function_that_is_no_tool_is_refused_when_it_is_made(function: Any, match: str) -> None:
    with pytest.raises(InvalidRequestError, match=match):
        tool(function)


def test_name_and_description_can_be_given() -> None:
    made = tool(name="other", description="Does nothing.")(undescribed)
    assert (made.name, made.description) == ("other", "Does nothing.")


@pytest.mark.parametrize(
    ("hints", "unasked"),
    [
        ({}, False),
        ({"read_only": True}, True),
        ({"ask": "never"}, True),
        ({"ask": "always", "read_only": True}, False),
        ({"annotations": {"readOnlyHint": True}}, True),
    ],
)
def test_what_runs_unasked_only_reads_or_says_so(hints: dict[str, Any], unasked: bool) -> None:
    made = tool("look", "Look.", {}, **hints)(double)
    assert made.runs_unasked is unasked
    assert ToolRegistry("house", [made]).unasked == (("mcp__house__look",) if unasked else ())
    assert bool(ToolRegistry("house", [made]).always_asked) is (made.ask == "always")


def test_who_is_asked_is_one_of_three() -> None:
    with pytest.raises(InvalidRequestError, match="ask"):
        tool("x", "X", {}, ask="sometimes")(double)  # pyright: ignore[reportCallIssue, reportArgumentType]  # what is refused
    with pytest.raises(InvalidRequestError):
        Tool("x", "X", SCHEMA, double, ask="sometimes")  # pyright: ignore[reportArgumentType]  # what is refused


@pytest.mark.parametrize("name", ["", "1st", "with space", "x" * 65])
def test_a_name_that_no_model_takes_is_refused(name: str) -> None:
    with pytest.raises(InvalidRequestError, match="name"):
        Tool(name, "X", SCHEMA, double)


def test_a_schema_that_is_no_object_is_refused() -> None:
    with pytest.raises(InvalidRequestError, match="type 'object'"):
        Tool("x", "X", {"type": "string"}, double)


def test_a_blank_name_is_not_that_of_the_function() -> None:
    with pytest.raises(InvalidRequestError, match="1 to 64 letters"):

        @tool(name="")
        async def add() -> str:
            """Add."""
            return ""


async def test_a_registry_runs_its_tools_by_name() -> None:
    registry = ToolRegistry("mine", [weather])
    assert registry.add(Tool("double", "Double.", SCHEMA, double)).name == "double"
    assert ([entry.name for entry in registry], len(registry)) == (["weather", "double"], 2)
    assert (registry.names, ToolRegistry("empty").names) == (("mcp__mine__weather", "mcp__mine__double"), ())
    assert registry.get("weather") is weather
    assert registry.get("nope") is None
    assert (await registry.run("double", {"n": 1})).structured == {"twice": 2}
    unknown = await registry.run("nope", {})
    assert unknown == ToolResult.failed("There is no tool 'nope'; there are: weather, double.")


class Watcher:
    def __init__(self) -> None:
        self.told = 0

    def changed(self) -> None:
        self.told += 1


def test_who_watches_a_registry_is_told_of_each_change_for_as_long_as_he_lives() -> None:
    registry, watcher = ToolRegistry("mine", [weather]), Watcher()
    registry.watch(watcher.changed)
    registry.add(Tool("double", "Double.", SCHEMA, double))
    assert registry.remove("weather") is weather
    assert ([entry.name for entry in registry], watcher.told) == (["double"], 2)
    with pytest.raises(InvalidRequestError, match="has no tool 'weather'; it has: double"):
        registry.remove("weather")
    reference = weakref.ref(watcher)
    del watcher
    gc.collect()
    assert reference() is None
    registry.remove("double")


def test_two_tools_of_one_name_are_refused() -> None:
    with pytest.raises(InvalidRequestError, match="two tools called 'weather'"):
        ToolRegistry("mine", [weather, weather])


@pytest.mark.parametrize("name", ["a__b", "", "ä"])
def test_a_registry_needs_a_name_that_can_be_told_apart(name: str) -> None:
    with pytest.raises(InvalidRequestError, match="registry"):
        ToolRegistry(name)


def test_what_the_decorator_does_not_take_is_refused_in_words() -> None:
    untyped: Any = tool
    with pytest.raises(InvalidRequestError, match=r"^tool takes no 'readonly'; did you mean 'read_only'"):
        untyped(readonly=True)
