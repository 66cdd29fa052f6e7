"""Cancels a coroutine at one of its awaits, counted, whatever event loop runs it."""

from __future__ import annotations

import types
from collections.abc import Callable, Coroutine, Generator
from typing import Any

import anyio


async def cancelled_at(await_number: int, program: Callable[[], Coroutine[Any, Any, object]]) -> bool:
    """Run a program, and cancel it at one of its awaits; tell whether it had so many.

    Args:
        await_number: At which, 1 the first; one that does not wait counts as well as one that does.
        program: What is run, in this task.
    """
    with anyio.CancelScope() as scope:
        return await _counted(program(), await_number, scope)
    return True


@types.coroutine
def _counted(
    coroutine: Coroutine[Any, Any, object], await_number: int, scope: anyio.CancelScope
) -> Generator[Any, Any, bool]:
    count, value, error = 0, None, None
    while True:
        try:
            waits_for = coroutine.send(value) if error is None else coroutine.throw(error)
        except StopIteration:
            return count >= await_number
        count += 1
        if count == await_number:
            scope.cancel()
        try:
            value, error = (yield waits_for), None
        except BaseException as raised:  # Goes into the program, as it would without us.
            value, error = None, raised
