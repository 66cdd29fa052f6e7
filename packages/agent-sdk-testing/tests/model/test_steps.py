from __future__ import annotations

from collections.abc import Callable

import pytest

from agent_sdk_testing import ModelRequest, Reply, Step, disconnect, failed, http_error, incomplete, stall, text


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
