"""Stores of every kind; those on PostgreSQL where Debian's packages have brought one."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from tests.postgresql import MISSING, PostgreSQL, programs

from agent_chat.storage.interface import ChatStore
from agent_chat.storage.opening import open_store
from agent_chat.storage.records import ChatMeta

KINDS = ("memory", "sqlite", "postgresql")


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgreSQL]:
    """Return a server, which ends with the tests."""
    folder = programs()
    if folder is None:
        pytest.skip(MISSING)
    server = PostgreSQL(folder)
    try:
        yield server
    finally:
        server.close()


@pytest.fixture
def database(postgresql: PostgreSQL) -> str:
    """Return the URL of an empty database."""
    postgresql.empty()
    return postgresql.url


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "stored here" / "chats ü?.db"


@pytest.fixture(params=KINDS)
def url(request: pytest.FixtureRequest) -> str:
    """Return where a store of each kind is."""
    if request.param == "sqlite":
        return str(request.getfixturevalue("file"))
    return "memory:" if request.param == "memory" else request.getfixturevalue("database")


@pytest.fixture
def unopened(url: str) -> ChatStore:
    return open_store(url)


@pytest.fixture
async def store(unopened: ChatStore) -> AsyncIterator[ChatStore]:
    async with unopened:
        yield unopened


@pytest.fixture
async def chat(store: ChatStore) -> ChatMeta:
    return await store.create_chat(ChatMeta("chat-1", title="First", backend="codex", workspace="/project"))
