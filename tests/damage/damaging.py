"""Damages to recorded wires: what a faulty agent, a faulty pipe or a newer version might do to one, by a seed."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from random import Random
from typing import Any, cast

Json = dict[str, Any]
Place = tuple[Any, Any]
"""A container and the key or index of one of its members."""

_ODD: tuple[object, ...] = (
    None,
    5,
    -1,
    10**30,
    1e308,
    True,
    "x",
    "",
    [],
    {},
    [None],
    {"id": 3},
    {"type": {}},
    "\udc00",
)
_IDS = frozenset(
    {"id", "uuid", "threadId", "turnId", "itemId", "session_id", "command_uuid", "tool_use_id", "api_message_id"}
)


def damaged(records: list[Json], random: Random) -> list[Json]:
    """Return a wire with one to four damages; the records that were given stay as they are."""
    result = list(records)
    for _ in range(random.randint(1, 4)):
        if result:
            random.choice(_DAMAGES)(result, random)
    return result


def _drop(records: list[Json], random: Random) -> None:
    del records[_any(records, random)]


def _duplicate(records: list[Json], random: Random) -> None:
    record = records[_any(records, random)]
    records.insert(random.choice([records.index(record), random.randint(0, len(records))]), record)


def _swap(records: list[Json], random: Random) -> None:
    one, other = _any(records, random), _any(records, random)
    records[one], records[other] = records[other], records[one]


def _reorder(records: list[Json], random: Random) -> None:
    at = _any(records, random)
    records[at : at + 2] = reversed(records[at : at + 2])


def _cut(records: list[Json], random: Random) -> None:
    del records[random.randint(len(records) // 2, len(records)) :]


def _change(change: Callable[[Any, Any, list[Json], Random], None]) -> Callable[[list[Json], Random], None]:
    """Return a damage to one member of one message."""

    def apply(records: list[Json], random: Random) -> None:
        at = _any(records, random)
        records[at] = copy.deepcopy(records[at])
        if places := list(_places(records[at]["msg"])):
            # The outer members are fewer, and tell more.
            depth = random.choice([1, 2, 3, 9])
            chosen = [(container, key) for container, key, level in places if level <= depth]
            container, key = random.choice(chosen)
            change(container, key, records, random)

    return apply


def _odd(container: Any, key: Any, records: list[Json], random: Random) -> None:
    container[key] = random.choice(_ODD)


def _truncate(container: Any, key: Any, records: list[Json], random: Random) -> None:
    if isinstance(container[key], str | list) and container[key]:
        container[key] = container[key][: random.randrange(len(container[key]))]


def _surrogate(container: Any, key: Any, records: list[Json], random: Random) -> None:
    if isinstance(container[key], str):
        at = random.randint(0, len(container[key]))
        container[key] = f"{container[key][:at]}\ud83d{container[key][at:]}"


def _another_id(container: Any, key: Any, records: list[Json], random: Random) -> None:
    other = records[_any(records, random)]["msg"]
    ids = [holder[name] for holder, name, _ in _places(other) if name in _IDS]
    if ids:
        container[key] = random.choice(ids)


def _enumeration(container: Any, key: Any, records: list[Json], random: Random) -> None:
    if isinstance(container[key], str):
        container[key] = random.choice([f"{container[key]}X", "agentMessage", "tool_use", "completed", "nonsense"])


def _delete(container: Any, key: Any, records: list[Json], random: Random) -> None:
    del container[key]


def _insert(container: Any, key: Any, records: list[Json], random: Random) -> None:
    if isinstance(container, dict):
        cast("Json", container)[random.choice(["delta", "item", "newer", "type", "text"])] = random.choice(_ODD)


_DAMAGES: tuple[Callable[[list[Json], Random], None], ...] = (
    _drop,
    _duplicate,
    _swap,
    _reorder,
    _cut,
    *map(_change, (_odd, _odd, _truncate, _surrogate, _another_id, _another_id, _enumeration, _delete, _insert)),
)


def _any(records: list[Json], random: Random) -> int:
    """Choose a message of the agent's."""
    theirs = [at for at, record in enumerate(records) if record["dir"] == "in"]
    return random.choice(theirs or list(range(len(records))))


def _places(value: object, level: int = 1) -> Iterator[tuple[Any, Any, int]]:
    if isinstance(value, dict):
        members: list[tuple[Any, Any]] = list(cast("Json", value).items())
    elif isinstance(value, list):
        members = list(enumerate(cast("list[Any]", value)))
    else:
        return
    for key, member in members:
        yield value, key, level
        yield from _places(member, level + 1)


def strings(value: object) -> Iterator[str]:
    """Return every string in a JSON value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for member in cast("Json", value).values():
            yield from strings(member)
    elif isinstance(value, list):
        for member in cast("list[Any]", value):
            yield from strings(member)
