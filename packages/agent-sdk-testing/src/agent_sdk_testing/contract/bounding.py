"""`bound`: the longest that an asynchronous test may take, so that a hang is a failure with a traceback."""

from __future__ import annotations

import functools
from typing import Any

import anyio
import pytest


def bound(item: pytest.Function, seconds: float) -> None:
    """Bound a test that runs on an event loop; any other stays as it is.

    Args:
        item: The test, before it is called.
        seconds: How long it may take.
    """
    if "anyio_backend" not in item.fixturenames:
        return
    case = item.obj

    @functools.wraps(case)
    async def bounded(*args: Any, **kwargs: Any) -> None:
        with anyio.fail_after(seconds):
            await case(*args, **kwargs)

    item.obj = bounded
