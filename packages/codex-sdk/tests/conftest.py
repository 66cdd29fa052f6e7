"""What the tests of the Codex backend share: a scripted app-server, and backends that run on it."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from agent_sdk_testing import FakeCodex
from codex_sdk.backend import CodexBackend

MakeBackend = Callable[..., CodexBackend]


@pytest.fixture
def child_env() -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"}


@pytest.fixture
def fake() -> Iterator[FakeCodex]:
    """A scripted codex that behaves, until the test says otherwise."""
    with FakeCodex() as codex:
        yield codex


@pytest.fixture
async def make_backend(fake: FakeCodex, child_env: dict[str, str], anyio_backend: object) -> AsyncIterator[MakeBackend]:
    """Makes backends on the fake; each is closed in the end."""
    del anyio_backend
    async with AsyncExitStack() as stack:

        def make(**options: Any) -> CodexBackend:
            defaults: dict[str, Any] = {"executable": fake.executable, "env": child_env, "startup_timeout": 30}
            backend = CodexBackend(**(defaults | options))
            stack.push_async_callback(backend.aclose)
            return backend

        yield make


@pytest.fixture
def backend(make_backend: MakeBackend) -> CodexBackend:
    """A backend on the fake, not started yet."""
    return make_backend()


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """A folder that sessions work in; nothing is ever run there."""
    folder = tmp_path / "workspace"
    folder.mkdir()
    return folder
