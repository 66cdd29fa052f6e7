"""Which tasks wait for the one that runs: as the parent of its task group, or through asyncio's `gather` and its like.

A task that was started and left alone is waited for by nobody. Asyncio has no question for this before Python 3.14, so
that it is read from what the end of a task sets off; where a loop does not show that, nobody seems to wait.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, cast

import anyio

from agent_sdk_core.runtime.host import on_trio


def waits_for_this(task_id: int) -> bool:
    """Tell whether a task waits, directly or by others, for the one that runs, or is it.

    Args:
        task_id: AnyIO's id of the task.
    """
    current = anyio.get_current_task()
    if current.id == task_id:
        return True
    parents = {task.id: task.parent_id for task in anyio.get_running_tasks()}
    waiting, futures = {}, {}
    if not on_trio():
        tasks = asyncio.all_tasks()
        futures = {id(task): task for task in tasks}
        waiting = {id(awaited): task for task in tasks if (awaited := getattr(task, "_fut_waiter", None)) is not None}
    seen: set[int] = set()
    ahead: list[tuple[int, Any]] = [(current.id, futures.get(current.id))]
    while ahead:
        place, future = ahead.pop()
        if place == task_id:
            return True
        if place in seen:
            continue
        seen.add(place)
        if (parent := parents.get(place)) is not None:
            ahead.append((parent, futures.get(parent)))
        woken = [waiting[place]] if place in waiting else []
        ahead.extend((id(each), each) for each in (*woken, *_woken_by(future)))
    return False


def _woken_by(future: Any) -> Iterator[asyncio.Future[Any]]:
    """Return the futures that the end of one sets, and the task whose group it belongs to."""
    for entry in getattr(future, "_callbacks", None) or ():
        callback = cast("Callable[..., object]", entry[0])
        bound = getattr(callback, "__self__", None)
        owners = [getattr(bound, name, None) for name in ("_parent_task", "_done")]
        held = [cell.cell_contents for cell in getattr(callback, "__closure__", None) or () if _is_filled(cell)]
        given = callback.args if isinstance(callback, partial) else ()
        for each in (*owners, *given, *held):
            if isinstance(each, asyncio.Future):
                yield each
            elif isinstance(each, asyncio.Queue):  # Into which `as_completed` puts what has ended.
                yield from cast("Any", each)._getters  # noqa: SLF001  # asyncio tells it nowhere else


def _is_filled(cell: Any) -> bool:
    try:
        return cell.cell_contents is not None
    except ValueError:
        return False
