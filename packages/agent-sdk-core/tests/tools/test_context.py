"""The context of a tool's call: who is given it, and what is told through it."""

from __future__ import annotations

from typing import Any

import pytest

from agent_sdk_core.tools.context import ToolContext, current_context
from agent_sdk_core.tools.tool import Tool, tool

pytestmark = pytest.mark.anyio


@tool
async def first(context: ToolContext, n: int) -> str:
    """Tell."""
    context.progress(str(n))
    return context.session_id


@tool
def last(n: int, *, context: ToolContext | None = None) -> str:
    """Tell."""
    assert context is not None
    context.progress(str(n))
    return context.session_id


@tool("whole", "Tell.", {"n": int})
async def whole(arguments: dict[str, Any], context: ToolContext) -> str:
    context.progress(str(arguments["n"]))
    return context.session_id


@pytest.mark.parametrize("made", [first, last, whole], ids=["first", "last", "whole"])
async def test_a_parameter_of_its_type_is_given_it_and_no_model_sees_that(made: Tool) -> None:
    assert list(made.input_schema["properties"]) == ["n"]  # pyright: ignore[reportArgumentType, reportUnknownArgumentType]  # JSON
    context = ToolContext("session")
    assert (await made.run({"n": 5}, context)).content == ("session",)
    assert context.told == ["5"]
    assert (await made.run({"n": 5})).content in (("",), ())
    assert (await made.run({"n": 5, "context": 1})).is_error


async def test_a_call_that_is_over_tells_nothing_more() -> None:
    told: list[str] = []
    context = ToolContext(report=told.append)
    context.progress("a")
    assert not context.cancelled
    context.end(cancelled=True)
    context.progress("b")
    assert (told, context.told, context.cancelled) == (["a"], [], True)
    assert current_context().session_id == ""


async def test_a_plain_function_may_stand_around_an_async_one() -> None:
    async def inner() -> str:
        return "inner"

    def outer() -> Any:
        """Call it."""
        return inner()

    assert (await tool(outer).run({})).content == ("inner",)
