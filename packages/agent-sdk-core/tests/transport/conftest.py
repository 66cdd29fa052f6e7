from __future__ import annotations

import os
import sys
from collections.abc import AsyncIterator, Awaitable
from typing import Any, Protocol

import pytest

from agent_sdk_core.transport.process.child import ChildProcess


class Spawn(Protocol):
    def __call__(self, code: str, **options: Any) -> Awaitable[ChildProcess]: ...


@pytest.fixture
def child_env() -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"}


@pytest.fixture
async def spawn(child_env: dict[str, str], anyio_backend: object) -> AsyncIterator[Spawn]:
    """Start a Python child from its code; every one of them is stopped in the end."""
    del anyio_backend
    started: list[ChildProcess] = []

    async def spawn_python(code: str, **options: Any) -> ChildProcess:
        keywords: dict[str, Any] = {"env": child_env, "name": "child", **options}
        process = await ChildProcess.spawn([sys.executable, "-u", "-c", code], **keywords)
        started.append(process)
        return process

    yield spawn_python
    for process in started:
        await process.stop(grace=0, term=0)
