"""What the tests of the Claude backend share: a scripted claude, backends that run on it, and its stored sessions."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from agent_sdk_testing import FakeClaude
from claude_sdk.backend import ClaudeBackend

MakeBackend = Callable[..., ClaudeBackend]


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A configuration folder of claude."""
    folder = tmp_path / "config"
    folder.mkdir()
    return folder


@pytest.fixture
def child_env(config: Path, tmp_path: Path) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "LC_ALL": "C.UTF-8",
        "HOME": str(tmp_path / "home"),
        "CLAUDE_CONFIG_DIR": str(config),
    }


@pytest.fixture
def fake() -> Iterator[FakeClaude]:
    """A scripted claude that behaves, until the test says otherwise."""
    with FakeClaude() as claude:
        yield claude


@pytest.fixture
async def make_backend(
    fake: FakeClaude, child_env: dict[str, str], anyio_backend: object
) -> AsyncIterator[MakeBackend]:
    """Makes backends on the fake; each is closed in the end."""
    del anyio_backend
    async with AsyncExitStack() as stack:

        def make(**options: Any) -> ClaudeBackend:
            defaults: dict[str, Any] = {"executable": fake.executable, "env": child_env, "startup_timeout": 30}
            backend = ClaudeBackend(**(defaults | options))
            stack.push_async_callback(backend.aclose)
            return backend

        yield make


@pytest.fixture
def backend(make_backend: MakeBackend) -> ClaudeBackend:
    """A backend on the fake, not started yet."""
    return make_backend()


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """A folder that sessions work in; nothing is ever run there."""
    folder = tmp_path / "workspace"
    folder.mkdir()
    return folder


@pytest.fixture
def locks(config: Path) -> Path:
    """The folder with the locks of live sessions."""
    return config / "agent-sdk" / "locks"


@pytest.fixture
def stored(config: Path, workspace: Path) -> Callable[..., Path]:
    """Writes a stored session with one turn, whose messages are called "asked" and "answered"."""

    def write(session_id: str, *, cwd: Path | None = None) -> Path:
        path = config / "projects" / "-w" / f"{session_id}.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        head: dict[str, Any] = {"isSidechain": False, "cwd": str(cwd or workspace), "sessionId": session_id}
        said: dict[str, Any] = {"id": "m1", "role": "assistant", "model": "m"}
        said["content"] = [{"type": "text", "text": "Hello."}]
        lines: list[dict[str, Any]] = [
            {"type": "user", "uuid": "asked", "parentUuid": None, "message": {"role": "user", "content": "Hi"}},
            {"type": "assistant", "uuid": "answered", "parentUuid": "asked", "message": said},
        ]
        stamp = {"timestamp": "2026-01-01T00:00:00.000Z"}
        path.write_text("".join(json.dumps({**head, **stamp, **line}) + "\n" for line in lines))
        return path

    return write
