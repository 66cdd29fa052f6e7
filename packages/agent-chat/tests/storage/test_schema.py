"""Older, newer, damaged and foreign databases: what is opened, brought up to date, or refused and left as it is."""

from __future__ import annotations

import asyncio
import logging
import re
import sqlite3
import subprocess
import sys
import textwrap
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from agent_chat.storage.database import schema
from agent_chat.storage.errors import (
    StoreCorruptError,
    StoreReadOnlyError,
    StoreTooNewError,
    StoreUnavailableError,
)
from agent_chat.storage.interface import ChatStore
from agent_chat.storage.opening import open_store
from agent_chat.storage.records import ChatMeta, ChatReference
from agent_sdk_core import ContextWindow, Usage

pytestmark = pytest.mark.anyio

TYPES = {
    "sqlite": {"big": "INTEGER", "double": "DOUBLE", "serial": "INTEGER"},
    "postgresql": {"big": "BIGINT", "double": "DOUBLE PRECISION", "serial": "BIGSERIAL"},
}
OLD = ChatMeta(
    "old",
    title="Crème",
    backend="claude",
    model="opus",
    effort="high",
    permission_mode="plan",
    sandbox="read_only",
    cwd="/p/src",
    workspace="/p",
    last_session_id="s-2",
    lineage=("s-1",),
    created_at=1700000000.5,
    last_active_at=1700000001.25,
    usage=Usage(input_tokens=3, output_tokens=4),
    context=ContextWindow(5, 9),
    tags=("a",),
    last_seq=2,
)


def statements(revision: str, dialect: str) -> list[str]:
    """Return what made a database of a revision."""
    script = Path(__file__).with_name("kept.sql").read_text(encoding="utf-8").partition("\n-- 0001\n")[2]
    script = re.split(rf"^-- {int(revision) + 1:04}$", script, flags=re.MULTILINE)[0]
    wanted: list[str] = []
    takes = True
    for line in script.splitlines():
        if line.startswith("-- "):
            takes = line[3:] in (dialect, "data") or line[3:].isdigit()
        elif takes:
            wanted.append(line)
    text = "\n".join(wanted).format(**TYPES[dialect])
    return [each for each in re.split(r";\n|;$", text) if each.strip()]


def keep_sqlite(path: Path, revision: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(path)) as connection, connection:
        for statement in statements(revision, "sqlite"):
            connection.execute(statement)


@pytest.fixture(params=["sqlite", "postgresql"])
def keep(request: pytest.FixtureRequest) -> Callable[[str], str]:
    """Return a function that makes a database of a revision and returns its URL."""

    def make(revision: str) -> str:
        if request.param == "sqlite":
            path: Path = request.getfixturevalue("file")
            keep_sqlite(path, revision)
            return str(path)
        import psycopg

        url: str = request.getfixturevalue("database")
        with psycopg.connect(url) as connection:
            for statement in statements(revision, "postgresql"):
                connection.execute(cast("Any", statement))
        return url

    return make


def shape(store: ChatStore) -> Mapping[str, object]:
    """Return the columns and indexes of a store's tables."""
    from sqlalchemy import inspect

    database: Any = cast("Any", store)._database
    with database.reading() as connection:
        found = inspect(connection)
        return {
            name: (
                sorted(
                    (column["name"], str(column["type"]), column["nullable"], column["default"], column["primary_key"])
                    if database.dialect == "sqlite"
                    else (column["name"], str(column["type"]), column["nullable"], column["default"])
                    for column in found.get_columns(name)
                ),
                sorted(str(each) for each in found.get_indexes(name)),
            )
            for name in found.get_table_names()
            if name.startswith("agent_") and "words" not in name
        }


@pytest.mark.parametrize("revision", schema.REVISIONS)
async def test_a_database_of_each_revision_opens_and_holds_all_that_it_held(
    keep: Callable[[str], str], revision: str
) -> None:
    async with open_store(keep(revision)) as store:
        generation = 7 if revision >= "0003" else 0
        waiting = 2 if revision >= "0004" else 0
        assert await store.get_chat("old") == replace(OLD, generation=generation, waiting=waiting)
        assert [each.id for each in await store.list_chats(archived=True)] == ["empty"]
        messages = await store.read_messages("old")
        assert [(each.seq, each.at, each.uuid) for each in messages] == [
            (1, 1700000001.0, "u-1"),
            (2, 1700000001.25, None),
        ]
        assert messages[0].body["message"] == {"role": "user", "content": "Where is the Brûlée?\0"}
        assert [hit.seq for hit in await store.search("brulee")] == [1]
        assert [hit.seq for hit in await store.search("the")] == [2, 1]
        assert await store.reference("/p") == ChatReference("old", "s-2")
        assert await store.draft("old") == ("half" if revision >= "0003" else "")
        assert (await store.check()).problems == ()
        lease = await store.acquire("old")
        assert lease.generation == generation + 1
        assert await store.append("old", [{"type": "user", "uuid": "u-1"}, {"type": "user"}], lease=lease) == (1, 3)
        await store.release(lease)
        await store.delete_chat("old")
        assert (await store.check()).problems == ()


@pytest.mark.parametrize("revision", schema.REVISIONS)
async def test_an_older_database_comes_to_have_the_tables_of_a_new_one(
    keep: Callable[[str], str], revision: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    url = keep(revision)
    async with open_store(url) as store:
        brought = shape(store)
    if url.startswith("postgresql"):
        request.getfixturevalue("drop_all")()
        new = url
    else:
        new = str(tmp_path / "new.db")
    async with open_store(new) as store:
        assert shape(store) == brought


@pytest.fixture
def drop_all(database: str) -> Callable[[], None]:
    import psycopg

    def drop() -> None:
        with psycopg.connect(database, autocommit=True) as connection:
            connection.execute("DROP SCHEMA public CASCADE")
            connection.execute("CREATE SCHEMA public")

    return drop


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
async def test_the_revisions_make_the_tables_that_the_code_uses(kind: str, request: pytest.FixtureRequest) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    from agent_chat.storage.database.tables import VERSION_TABLE, metadata

    store = open_store(request.getfixturevalue("file" if kind == "sqlite" else "database"))

    def ours(name: str | None, kind: str, _: object) -> bool:
        return kind != "table" or name in metadata.tables

    async with store:
        with cast("Any", store)._database.reading() as connection:
            options = {"include_name": ours, "version_table": VERSION_TABLE}
            context = MigrationContext.configure(connection, opts=options)
            found = cast("list[Any]", compare_metadata(context, metadata))
    # What PostgreSQL alone has: the words as it searches them.
    differ = [each for each in found if "vector" not in str(each) and "agent_messages_words" not in str(each)]
    assert differ == []


async def test_an_older_file_is_copied_before_it_changes(file: Path) -> None:
    keep_sqlite(file, "0001")
    async with open_store(file):
        pass
    (copy,) = file.parent.glob("*.before-*")
    assert copy.name.startswith(f"{file.name}.before-{schema.HEAD}-")
    with closing(sqlite3.connect(copy)) as connection:
        assert connection.execute("SELECT version_num FROM agent_schema").fetchone() == ("0001",)
        assert connection.execute("SELECT count(*) FROM agent_messages").fetchone() == (2,)
    async with open_store(file):
        assert len(list(file.parent.glob("*.before-*"))) == 1


async def test_only_the_last_copies_are_kept(file: Path) -> None:
    keep_sqlite(file, "0002")
    for day in range(5):
        file.with_name(f"{file.name}.before-0002-2020010{day}-000000").touch()
    async with open_store(file):
        pass
    assert len(list(file.parent.glob("*.before-*"))) == schema.BACKUPS
    assert len(list(file.parent.glob(f"*.before-{schema.HEAD}-*"))) == 1


async def test_older_tables_are_copied_before_they_change(keep: Callable[[str], str], database: str) -> None:
    import psycopg

    with psycopg.connect(database) as connection:
        for statement in statements("0001", "postgresql"):
            connection.execute(cast("Any", statement))
        connection.execute("CREATE TABLE before_0002_agent_chats (x int)")
    async with open_store(database):
        pass
    with psycopg.connect(database) as connection:
        assert connection.execute("SELECT count(*) FROM before_0004_agent_messages").fetchone() == (2,)
        found = connection.execute("SELECT tablename FROM pg_tables WHERE tablename LIKE 'before_0002%'").fetchall()
        assert found == []


async def test_a_revision_that_fails_leaves_the_database_as_it_was(
    keep: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    url = keep("0001")
    import agent_chat.storage.rows.words as module

    def broken(connection: object) -> None:
        raise RuntimeError("the power went")

    with monkeypatch.context() as patched:
        patched.setattr(module, "index_words", broken)
        with pytest.raises(RuntimeError, match="the power went"):
            await open_store(url).open()
    async with open_store(url) as store:
        assert [hit.seq for hit in await store.search("kitchen")] == [2]


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if not path.name.endswith("-shm")}


async def test_a_newer_database_is_refused_untouched(file: Path) -> None:
    keep_sqlite(file, schema.HEAD)
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("UPDATE agent_schema SET version_num = '0099'")
    before = contents(file.parent)
    with pytest.raises(StoreTooNewError, match=r"later version .*'0099'.* Upgrade"):
        await open_store(file).open()
    assert contents(file.parent) == before


async def test_a_newer_database_whose_last_changes_are_in_its_log_is_refused_untouched(file: Path) -> None:
    keep_sqlite(file, schema.HEAD)
    code = f"""
        import os, sqlite3
        connection = sqlite3.connect({str(file)!r}, isolation_level=None)
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("UPDATE agent_schema SET version_num = '0099'")
        os._exit(0)
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(code)], check=True)
    before = contents(file.parent)
    assert any(name.endswith("-wal") for name in before)
    with pytest.raises(StoreTooNewError):
        await open_store(file).open()
    assert contents(file.parent) == before


async def test_newer_tables_are_refused_untouched(database: str) -> None:
    import psycopg

    async with open_store(database):
        pass
    with psycopg.connect(database) as connection:
        connection.execute("UPDATE agent_schema SET version_num = '0099'")
    with pytest.raises(StoreTooNewError):
        await open_store(database).open()


async def test_a_database_of_something_else_is_refused_untouched(file: Path) -> None:
    file.parent.mkdir()
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("CREATE TABLE bookmarks (x)")
    before = contents(file.parent)
    with pytest.raises(StoreCorruptError, match="no store of chats"):
        await open_store(file).open()
    assert contents(file.parent) == before


async def test_what_is_no_database_is_refused_untouched_and_says_what_to_do(file: Path) -> None:
    file.parent.mkdir()
    file.write_bytes(b"this is a letter to a friend, and not a database at all " * 100)
    before = contents(file.parent)
    with pytest.raises(StoreCorruptError, match=r"damaged .*left as it is.*Put back a backup.*move it away"):
        await open_store(file).open()
    assert contents(file.parent) == before


async def test_nobody_else_reads_what_is_stored(file: Path) -> None:
    async with open_store(file) as store:
        await store.create_chat(ChatMeta("chat"))
        assert {path.stat().st_mode & 0o777 for path in file.parent.iterdir()} == {0o600}
    file.unlink()
    keep_sqlite(file, "0001")
    async with open_store(file):
        pass
    (copy,) = file.parent.glob("*.before-*")
    assert copy.stat().st_mode & 0o777 == 0o600


async def test_an_empty_file_becomes_a_store(file: Path) -> None:
    file.parent.mkdir()
    file.touch()
    async with open_store(file) as store:
        await store.create_chat(ChatMeta("chat"))


async def test_a_folder_is_no_store(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailableError, match="cannot be reached"):
        await open_store(tmp_path).open()
    (tmp_path / "file").touch()
    with pytest.raises(StoreUnavailableError, match="cannot be made"):
        await open_store(tmp_path / "file" / "chats.db").open()


def damage(path: Path) -> None:
    """Overwrite the leaf pages behind the schema."""
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript("PRAGMA journal_mode=DELETE")
        (page,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'agent_messages'").fetchone()
        (size,) = connection.execute("PRAGMA page_size").fetchone()
    data = bytearray(path.read_bytes())
    start = (page - 1) * size
    data[start : start + size] = bytes([0x55]) * size
    path.write_bytes(data)


def damage_unseen(path: Path) -> None:
    """Make an index that lacks its rows, which nothing notices that does not look for it."""
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript("""
            PRAGMA journal_mode=DELETE;
            CREATE INDEX agent_odd ON agent_chats (title) WHERE title IS NULL AND title IS NOT NULL;
            PRAGMA writable_schema=ON;
            UPDATE sqlite_master SET sql = 'CREATE INDEX agent_odd ON agent_chats (title)' WHERE name = 'agent_odd';
        """)


@pytest.mark.parametrize("damage", [damage, damage_unseen])
async def test_a_damaged_older_database_is_not_changed(file: Path, damage: Callable[[Path], None]) -> None:
    keep_sqlite(file, "0001")
    damage(file)
    before = contents(file.parent)
    with pytest.raises(StoreCorruptError, match="damaged"):
        await open_store(file).open()
    assert {name: data for name, data in contents(file.parent).items() if not name.endswith("-wal")} == before


async def test_a_check_tells_what_is_damaged(file: Path) -> None:
    keep_sqlite(file, schema.HEAD)
    damage(file)
    async with open_store(file) as store:
        with pytest.raises(StoreCorruptError, match="Put back a backup"):
            await store.read_messages("old")
        assert (await store.list_chats())[0].id == "old", "what is whole can be read"


async def test_an_older_database_that_cannot_be_written_says_so(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keep_sqlite(file, "0001")
    monkeypatch.setattr("os.access", lambda path, mode: False)  # pyright: ignore[reportUnknownLambdaType, reportUnknownArgumentType]  # a lambda has no types
    with pytest.raises(StoreReadOnlyError, match="older schema"):
        await open_store(file).open()


@pytest.mark.parametrize("revision", [None, "0001"])
async def test_a_database_that_many_open_at_once_is_made_once(
    keep: Callable[[str], str], revision: str | None, request: pytest.FixtureRequest
) -> None:
    if revision is None:
        url = keep(schema.HEAD) if "postgresql" in request.node.name else str(request.getfixturevalue("file"))
    else:
        url = keep(revision)
    stores = [open_store(url) for _ in range(6)]
    await asyncio.gather(*(store.open() for store in stores))
    await asyncio.gather(*(store.create_chat(ChatMeta(f"chat-{n}")) for n, store in enumerate(stores)))
    for store in stores:
        assert {f"chat-{n}" for n in range(6)} <= {chat.id for chat in await store.list_chats()}
        await store.aclose()


async def test_bringing_a_database_up_to_date_is_logged(file: Path, caplog: pytest.LogCaptureFixture) -> None:
    keep_sqlite(file, "0001")
    caplog.set_level(logging.INFO, "agent_chat.storage")
    async with open_store(file):
        pass
    assert any("from revision 0001 to 0004" in record.message for record in caplog.records)
