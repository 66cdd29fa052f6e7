"""Stores of every kind; those on PostgreSQL where Debian's packages have brought one."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from tests.postgresql import MISSING, PostgreSQL, programs

from agent_chat.storage.database.tables import VERSION_TABLE
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


def make(url: str) -> str:
    """Make the tables of a store, which takes longer than most tests with them; return its URL."""

    async def opened() -> None:
        async with open_store(url):
            pass

    asyncio.run(opened())
    return url


@pytest.fixture(scope="session")
def made_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a file with the tables of a store, to be copied."""
    return Path(make(str(tmp_path_factory.mktemp("made") / "chats.db")))


@pytest.fixture(scope="session")
def made_database(postgresql: PostgreSQL) -> str:
    """Return the URL of a database with the tables of a store, which are emptied after use."""
    return make(postgresql.another("made"))


@pytest.fixture(params=KINDS)
def url(request: pytest.FixtureRequest) -> str:
    """Return where an empty store of each kind is, whose tables are made."""
    if request.param == "sqlite":
        file: Path = request.getfixturevalue("file")
        file.parent.mkdir()
        shutil.copy(request.getfixturevalue("made_file"), file)
        return str(file)
    if request.param == "postgresql":
        url: str = request.getfixturevalue("made_database")
        request.getfixturevalue("postgresql").truncate(url, but=VERSION_TABLE)
        return url
    return "memory:"


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
