from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import pytest

from agent_sdk_core import InvalidRequestError
from agent_sdk_testing import (
    ModelRequest,
    Reply,
    Step,
    disconnect,
    failed,
    http_error,
    incomplete,
    reasoning,
    stall,
    text,
)


@pytest.mark.parametrize("ending", [disconnect, stall, lambda: failed("x"), incomplete])
def test_nothing_can_follow_a_step_that_ends_the_stream(ending: Callable[[], Step]) -> None:
    with pytest.raises(ValueError, match="must be the last step"):
        Reply((ending(), text("late")))


def test_an_http_error_is_alone_in_its_reply() -> None:
    with pytest.raises(ValueError, match="only step"):
        Reply((text("a"), http_error(500)))


def test_a_function_among_the_steps_is_called_with_the_request() -> None:
    request = ModelRequest("POST", "/v1/responses", {}, b"{}", number=7)
    reply = Reply((text("a"), lambda asked: text(str(asked.number)), lambda _: [text("b"), text("c")]))
    assert reply.resolve(request) == (text("a"), text("7"), text("b"), text("c"))


def test_the_order_of_steps_is_also_checked_when_functions_give_them() -> None:
    reply = Reply((lambda _: stall(), text("late")))
    with pytest.raises(ValueError, match="must be the last step"):
        reply.resolve(ModelRequest("POST", "/", {}, b"{}"))


def test_what_is_no_step_is_refused_where_it_is_written() -> None:
    made: Any = "hello"
    with pytest.raises(InvalidRequestError, match=r"'hello' is no step of a reply: say text\('hello'\)"):
        Reply((made,))
    with pytest.raises(InvalidRequestError, match=r"make it with text\(\)"):
        Reply((cast("Any", 7),))
    reply = Reply((lambda _: made,))
    with pytest.raises(InvalidRequestError, match="'hello' is no step"):
        reply.resolve(ModelRequest("POST", "/", {}, b"{}"))


def test_what_is_no_chunk_is_refused_where_it_is_written() -> None:
    wrong: Any = 7
    for made in (lambda: text("a", wrong), lambda: reasoning(wrong), lambda: reasoning(raw=[wrong])):
        with pytest.raises(InvalidRequestError, match="A chunk is a string, a Gate or a delay, not 7"):
            made()
