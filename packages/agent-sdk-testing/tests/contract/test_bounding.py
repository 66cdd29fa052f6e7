"""`bound`: what hangs fails, and what does not run on an event loop is left alone."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

import anyio
import pytest

from agent_sdk_testing.contract.bounding import bound


def _item(case: Callable[..., Any], *fixtures: str) -> pytest.Function:
    return cast("pytest.Function", SimpleNamespace(obj=case, fixturenames=fixtures))


async def test_what_hangs_fails_in_time(anyio_backend: str) -> None:
    async def hangs() -> None:
        await anyio.sleep_forever()

    item = _item(hangs, "anyio_backend")
    bound(item, 0.01)
    assert item.obj.__name__ == "hangs"
    with pytest.raises(TimeoutError):
        await item.obj()


async def test_what_ends_is_given_its_arguments(anyio_backend: str) -> None:
    given: list[int] = []

    async def ends(*, number: int) -> None:
        given.append(number)

    item = _item(ends, "anyio_backend")
    bound(item, 60)
    await item.obj(number=3)
    assert given == [3]


def test_a_plain_test_stays_as_it_is() -> None:
    item = _item(len, "tmp_path")
    bound(item, 1)
    assert item.obj is len
