from __future__ import annotations

import base64
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any, NotRequired, cast

import pytest
from typing_extensions import TypedDict

from agent_sdk_core import InvalidRequestError, Tool, ToolImage, ToolResult, tool

pytestmark = pytest.mark.anyio


class Given(TypedDict):
    first: float
    second: NotRequired[float]


SCHEMAS: list[Any] = [
    {"first": float, "second": float},
    Given,
    {"type": "object", "properties": {"first": {"type": "number"}, "second": {"type": "number"}}},
]


@pytest.mark.parametrize("schema", SCHEMAS, ids=["types", "TypedDict", "JSON Schema"])
async def test_a_tool_of_the_official_package_works_as_it_stands(schema: Any) -> None:
    @tool("add", "Add two numbers.", schema)
    async def add(arguments: dict[str, Any]) -> dict[str, Any]:
        return {"content": [{"type": "text", "text": f"{arguments['first'] + arguments['second']}"}]}

    assert (add.name, add.description) == ("add", "Add two numbers.")
    assert set(cast("Mapping[str, object]", add.input_schema["properties"])) == {"first", "second"}
    assert await add.run({"first": 1.5, "second": 2}) == ToolResult(("3.5",))
    assert (await add.run({"first": "one", "second": 2})).is_error


async def test_what_it_returns_is_a_result_in_the_words_of_mcp() -> None:
    answers: list[object] = []

    @tool("say", "Say it.", {})
    async def say(arguments: Mapping[str, Any]) -> object:
        return answers.pop()

    image = {"type": "image", "data": base64.b64encode(b"GIF89a").decode(), "mimeType": "image/png"}
    link = {"type": "resource_link", "uri": "x"}
    cases: list[tuple[Any, ToolResult]] = [
        ({"content": [{"type": "text", "text": "no"}], "is_error": True}, ToolResult(("no",), is_error=True)),
        ({"content": [], "isError": True}, ToolResult((), is_error=True)),
        ({"content": [image]}, ToolResult((ToolImage(b"GIF89a", "image/gif"),))),
        (
            {"content": [link], "structuredContent": {"a": 1}},
            ToolResult(('{"type": "resource_link", "uri": "x"}',), structured={"a": 1}),
        ),
        ({"content": "plain"}, ToolResult.of({"content": "plain"})),
        ("plain", ToolResult(("plain",))),
    ]
    for answer, result in cases:
        answers.append(answer)
        assert await say.run({}) == result
    answers.append({"content": [{**image, "data": "?"}]})
    assert (await say.run({})).content == ("The tool returned an image whose data is no base64.",)


async def test_hints_are_given_by_name_or_in_the_words_of_mcp() -> None:
    async def look() -> str:
        """Look."""
        return "x"

    hinted = tool(read_only=True, open_world=False, max_result_chars=9)(look)
    assert (hinted.read_only, hinted.destructive, hinted.open_world, hinted.max_result_chars) == (True, None, False, 9)
    for told in ({"readOnlyHint": True, "title": "Look"}, SimpleNamespace(readOnlyHint=True)):
        assert tool("look", "Look.", {}, annotations=told)(cast("Any", look)).read_only
    assert not tool(look).read_only


REFUSED: list[tuple[tuple[Any, ...], str]] = [
    (("add", "Add."), "takes a name, a description and the types of the arguments"),
    (("add", "Add.", {}, {}), "takes a name, a description and the types of the arguments"),
    (("add", "Add.", 5), "The schema of tool add is a table of types by name, a TypedDict or a JSON Schema, not 5"),
    (("add", "Add.", {"a": print}), "parameter a of tool add"),
    (("no name", "Add.", {}), "A tool's name has 1 to 64 letters"),
]


@pytest.mark.parametrize(("arguments", "words"), REFUSED, ids=str)
def test_what_the_official_spelling_cannot_mean_is_refused(arguments: tuple[Any, ...], words: str) -> None:
    async def add(arguments: object) -> None:
        raise AssertionError(arguments)

    with pytest.raises(InvalidRequestError) as caught:
        cast("Any", tool)(*arguments)(add)
    assert words in caught.value.message


def test_a_hint_that_is_of_no_use_is_refused() -> None:
    async def look(arguments: object) -> None:
        raise AssertionError(arguments)

    with pytest.raises(InvalidRequestError, match=r"no 'readonlyHint'; did you mean 'readOnlyHint'\?"):
        tool("look", "Look.", {}, annotations={"readonlyHint": True})(look)
    with pytest.raises(InvalidRequestError, match="annotations have no 'x'; there are: readOnlyHint"):
        tool("look", "Look.", {}, annotations={"x": True})(look)
    with pytest.raises(InvalidRequestError, match="cannot be read_only and destructive"):
        Tool("look", "Look.", {"type": "object"}, look, read_only=True, destructive=True)
    with pytest.raises(InvalidRequestError, match="max_result_chars of tool look must be 1 or more"):
        Tool("look", "Look.", {"type": "object"}, look, max_result_chars=0)
    with pytest.raises(InvalidRequestError, match="A tool is made of a function, not of 5"):
        tool("look", "Look.", {})(cast("Any", 5))
    with pytest.raises(InvalidRequestError, match="goes above a function"):
        cast("Any", tool)(look, "x")
