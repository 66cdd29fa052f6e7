"""Puts the events of threads that ran at once into one order, the same whatever the race between them was."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Any

Json = dict[str, Any]


def merged(records: list[Json]) -> list[Json]:
    """Return the records of a log with those of sub-agents' threads put in order.

    Between two messages of ours, each thread goes on until it waits for a sub-agent or has nothing more to say; then
    come the threads that began after it, likewise. Each thread's own events stay in their order.
    """
    order: dict[str, int] = {}
    result: list[Json] = []
    part: list[Json] = []
    for record in records:
        if record["dir"] == "out" or "method" not in record["msg"]:
            result += _merge(part, order)
            result.append(record)
            part = []
        else:
            part.append(record)
    return result + _merge(part, order)


def _merge(part: list[Json], order: dict[str, int]) -> list[Json]:
    queues: dict[str, deque[Json]] = {}
    for record in part:
        thread = str(record["msg"]["params"]["threadId"])
        order.setdefault(thread, len(order))
        queues.setdefault(thread, deque()).append(record)
    threads = sorted(queues, key=lambda thread: order[thread])
    return list(_walk(queues, threads))


def _walk(queues: dict[str, deque[Json]], threads: list[str]) -> Iterator[Json]:
    if not threads:
        return
    first, rest = threads[0], threads[1:]
    queue = queues[first]
    while queue:
        if _joins(queue[0]):
            yield from _walk(queues, rest)
        yield queue.popleft()
    yield from _walk(queues, rest)


def _joins(record: Json) -> bool:
    """Tell whether an event says that a sub-agent came to an end."""
    message = record["msg"]
    item: Json = message["params"].get("item") or {}
    if item.get("type") == "subAgentActivity":
        return item.get("kind") == "completed"
    return message["method"] == "item/completed" and item.get("tool") == "wait"
