"""Plain functions as callbacks and tools."""

from __future__ import annotations

import threading
from functools import partial
from typing import Any

import anyio
import pytest

import agent_sdk_core
from agent_sdk_core import Allow, Deny, InvalidRequestError, PermissionRequest
from agent_sdk_core.sync import SessionOptions, tool
from agent_sdk_core.sync.user_code import in_thread, off_the_loop


class Guard:
    """Allows nothing."""

    def __call__(self, request: PermissionRequest) -> Deny:
        return Deny(request.tool_name)

    def ask(self, request: PermissionRequest) -> Deny:
        return Deny(request.tool_name)


def allow(scope: Any, request: PermissionRequest) -> Allow:
    return Allow(scope)


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("callback", "answer"),
    [(Guard(), Deny("Bash")), (Guard().ask, Deny("Bash")), (partial(allow, "session"), Allow("session"))],
)
async def test_a_callback_may_be_whatever_can_be_called(callback: Any, answer: Any) -> None:
    for options in (
        SessionOptions(can_use_tool=callback),
        SessionOptions().model_copy(update={"can_use_tool": callback}),
    ):
        can_use_tool: Any = options.can_use_tool
        assert await can_use_tool(PermissionRequest("Bash")) == answer


def test_what_cannot_be_called_is_refused() -> None:
    for wrong in (5, Guard):
        with pytest.raises(InvalidRequestError, match=r"SessionOptions\.can_use_tool must be an async function"):
            SessionOptions(can_use_tool=wrong)  # pyright: ignore[reportArgumentType]  # what is refused


@pytest.mark.anyio
async def test_a_tool_may_be_a_plain_function() -> None:
    class Part:
        """Made here."""

    del Part
    seen: list[threading.Thread] = []

    @tool
    def stock(part: str, least: int = 1) -> int:
        """Tell the stock of a part."""
        seen.append(threading.current_thread())
        return len(part) + least

    @tool(name="other", description="It raises.")
    def broken() -> None:
        raise SystemExit("no")

    @tool
    async def later() -> str:
        """Say so."""
        return "later"

    @agent_sdk_core.tool
    async def same(part: str, least: int = 1) -> int:
        """Tell the stock of a part."""
        return 0

    assert (stock.name, stock.description, stock.input_schema) == (
        "stock",
        same.description,
        {**same.input_schema, "title": "stock"},
    )
    assert (await stock.run({"part": "bolt"})).content == ("5",)
    assert seen[0] is not threading.current_thread()
    assert (await stock.run({"part": 5})).is_error
    failed = await broken.run({})
    assert (broken.name, failed.is_error, failed.content) == ("other", True, ("SystemExit: no",))
    assert (await later.run({})).content == ("later",)
    bound = tool(partial(Stock(4).of, least=2), name="bound")
    assert list(bound.input_schema["properties"]) == ["part"]  # pyright: ignore[reportArgumentType, reportUnknownArgumentType]  # JSON
    assert (await bound.run({"part": "x"})).content == ("6",)
    assert tool(Stock(4)).name == "Stock"


class Stock:
    """Tell the stock."""

    def __init__(self, pieces: int) -> None:
        self.pieces = pieces

    def of(self, part: str, least: int) -> int:
        """Tell the stock of a part."""
        return self.pieces + least

    def __call__(self, part: str) -> int:
        return self.pieces


@pytest.mark.anyio
async def test_a_call_that_is_given_up_leaves_its_thread_behind() -> None:
    began, go, done = threading.Event(), threading.Event(), threading.Event()

    def wait() -> None:
        began.set()
        go.wait(30)
        done.set()

    async def call() -> None:
        await in_thread(wait)()

    with anyio.fail_after(30):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(call)
            assert await anyio.to_thread.run_sync(began.wait, 30)
            tasks.cancel_scope.cancel()
    assert not done.is_set()
    go.set()
    assert await anyio.to_thread.run_sync(done.wait, 30)


def test_an_end_of_the_loop_is_nothing_to_a_thread() -> None:
    go, began, threads = threading.Event(), threading.Event(), list[threading.Thread]()

    def wait() -> None:
        threads.append(threading.current_thread())
        began.set()
        go.wait(30)

    async def call() -> None:
        await in_thread(wait)()

    async def main() -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(call)
            assert await anyio.to_thread.run_sync(began.wait, 30)
            tasks.cancel_scope.cancel()

    anyio.run(main)
    go.set()
    threads[0].join(30)
    assert not threads[0].is_alive()
    assert off_the_loop(5) == 5
