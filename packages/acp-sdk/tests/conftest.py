"""What the tests of the backend share: a scripted agent, and backends that run on it."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from acp_sdk.backend import AcpBackend
from agent_sdk_testing.fakes.acp import FakeAcp

MakeBackend = Callable[..., AcpBackend]


@pytest.fixture
def child_env() -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"}


@pytest.fixture
def fake() -> Iterator[FakeAcp]:
    """A scripted agent that behaves, until the test says otherwise."""
    with FakeAcp() as agent:
        yield agent


@pytest.fixture
async def make_backend(fake: FakeAcp, child_env: dict[str, str], anyio_backend: object) -> AsyncIterator[MakeBackend]:
    """Makes backends on the fake; each is closed in the end."""
    del anyio_backend
    async with AsyncExitStack() as stack:

        def make(**options: Any) -> AcpBackend:
            defaults: dict[str, Any] = {"command": fake.command, "env": child_env, "startup_timeout": 30}
            defaults["name"] = "fake"
            backend = AcpBackend(**(defaults | options))
            stack.push_async_callback(backend.aclose)
            return backend

        yield make


@pytest.fixture
def backend(make_backend: MakeBackend) -> AcpBackend:
    """A backend on the fake, not started yet."""
    return make_backend()


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    folder = tmp_path / "workspace"
    folder.mkdir()
    return folder
