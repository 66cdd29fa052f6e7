"""A store whose process is killed, whose disk is full or read-only: what was acknowledged is there, and it is sound."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import textwrap
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, cast

import pytest

from agent_chat.storage.database.tables import FULL_TEXT
from agent_chat.storage.errors import (
    StoreClosedError,
    StoreError,
    StoreFullError,
    StoreReadOnlyError,
    StoreUnavailableError,
)
from agent_chat.storage.interface import ChatStore
from agent_chat.storage.opening import open_store
from agent_chat.storage.records import ChatMeta, StoredMessage

pytestmark = pytest.mark.anyio

KILLS = 50
SEEDS = (20, 21, 22, 23)
"""Of two hundred kills, in parts that a busy machine has time for."""

KILLER = """
import asyncio, os, random, signal, sys, time
from agent_chat.storage.opening import open_store
from agent_chat.storage.records import ChatMeta

path, kills, seed = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
chance = random.Random(seed)

async def write(turn, acknowledged):
    async with open_store(path) as store:
        lease = await store.acquire("chat", name=f"turn {turn}", seconds=3600.0)  # The one before us was killed.
        async def append(part):
            for n in range(10_000):
                uuid = f"{turn}-{part}-{n}"
                text = f"common {uuid} " + "x" * (n * 37 % 3000)
                body = {"type": "user", "uuid": uuid, "message": {"content": text}}
                (seq,) = await store.append("chat", [body], lease=lease)
                os.write(acknowledged, f"{seq} {uuid}\\n".encode())
        await asyncio.gather(*(append(part) for part in range(4)))

async def warm_up():
    async with open_store(path + ".other") as store:
        await store.create_chat(ChatMeta("chat"))
        await store.append("chat", [{"type": "user"}], lease=await store.acquire("chat"))

asyncio.run(warm_up())  # What a writer imports is imported once, and not by each of them.
for turn in range(kills):
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.close(reading)
            asyncio.run(write(turn, writing))
        except BaseException as error:
            os.write(2, f"turn {turn}: {type(error).__name__}: {error}\\n".encode())
        os._exit(9)
    os.close(writing)
    with open(reading) as told:
        for _ in range(chance.randrange(20)):
            if not (line := told.readline()):
                sys.exit(f"turn {turn} ended by itself")
            print(line, end="")
        until = time.perf_counter() + chance.random() / 100
        while time.perf_counter() < until:
            pass
        os.kill(pid, signal.SIGKILL)
        print(told.read(), end="")
    os.waitpid(pid, 0)
"""


@pytest.mark.parametrize("seed", SEEDS)
async def test_a_writer_that_is_killed_at_any_moment_loses_nothing_that_it_acknowledged(file: Path, seed: int) -> None:
    async with open_store(file) as store:
        await store.create_chat(ChatMeta("chat"))
    # Nothing measures what the writers cover: who is killed cannot tell, and it makes them slow.
    untraced = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
    told = subprocess.run(
        [sys.executable, "-c", KILLER, str(file), str(KILLS), str(seed)],
        env=untraced,
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert (told.returncode, told.stderr) == (0, "")
    acknowledged = dict(line.split() for line in told.stdout.splitlines())
    assert len(acknowledged) > KILLS
    async with open_store(file) as store:
        report = await store.check()
        assert report.problems == ()
        found = {str(each.seq): each.uuid async for each in _all(store, "chat")}
        assert len(found) == report.messages == (await store.get_chat("chat")).last_seq
        assert acknowledged.items() <= found.items()
        assert KILLS // 2 < (await store.get_chat("chat")).generation <= KILLS, "some were killed as they began"
        for seq, uuid in list(acknowledged.items())[-20:]:
            assert seq in [str(hit.seq) for hit in await store.search(f'"{uuid}"', chat_id="chat")]


async def _all(store: ChatStore, chat_id: str) -> AsyncIterator[StoredMessage]:
    after: int | None = 0
    while after is not None:
        page = await store.read_messages(chat_id, after=after, limit=1000)
        for each in page:
            yield each
        after = None if page.cursor is None else int(page.cursor)


async def test_two_processes_on_one_store_write_every_message_of_both(file: Path) -> None:
    code = """
        import asyncio, sys
        from agent_chat.storage.opening import open_store
        async def main():
            async with open_store(sys.argv[1]) as store:
                for n in range(150):
                    bodies = [{"type": "user", "uuid": f"{sys.argv[2]}-{n}-{k}"} for k in range(2)]
                    first, second = await store.append("chat", bodies)
                    assert second == first + 1
        asyncio.run(main())
    """
    async with open_store(file) as store:
        await store.create_chat(ChatMeta("chat"))
        both = [
            await asyncio.create_subprocess_exec(sys.executable, "-c", textwrap.dedent(code), str(file), name)
            for name in ("one", "two")
        ]
        for n in range(50):  # And so does this one.
            await store.append("chat", [{"type": "user", "uuid": f"three-{n}"}])
        assert [await each.wait() for each in both] == [0, 0]
        found = [each.uuid async for each in _all(store, "chat")]
        assert len(set(found)) == len(found) == 2 * 150 * 2 + 50
        assert (await store.check()).problems == ()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Mount a disk of two megabytes."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = shutil.which("mount")
    if (
        mount is None
        or os.geteuid() != 0
        or subprocess.run(
            [mount, "-t", "tmpfs", "-o", "size=2m", "none", str(folder)], capture_output=True, check=False
        ).returncode
    ):
        pytest.skip("only root may mount a small disk")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def big(n: int) -> dict[str, object]:
    return {"type": "user", "uuid": f"u-{n}", "message": {"content": f"word {n} " + "y" * 100_000}}


async def test_a_full_disk_is_an_error_and_no_loss(small_disk: Path) -> None:
    filler = small_disk / "filler"
    filler.write_bytes(b"x" * 300_000)
    async with open_store(small_disk / "chats.db") as store:
        await store.create_chat(ChatMeta("chat"))
        written = 0
        refused: StoreFullError | None = None
        while refused is None:
            try:
                await store.append("chat", [big(written)])
                written += 1
            except StoreFullError as error:
                refused = error
        assert "the disk is full. Make room" in refused.message
        assert written > 0
        assert len(await store.read_messages("chat")) == written
        filler.unlink()
        await store.append("chat", [big(written)])
        assert len(await store.read_messages("chat")) == written + 1
        assert (await store.check()).problems == ()


async def test_a_full_database_is_an_error_for_all_that_waited_and_no_loss(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from agent_chat.storage.database.connections import Database

    connect: Any = cast("Any", Database)._sqlite
    pages = 60

    def limited(self: Database) -> sqlite3.Connection:
        made: sqlite3.Connection = connect(self)
        made.execute(f"PRAGMA max_page_count={pages}")
        return made

    monkeypatch.setattr(Database, "_sqlite", limited)
    async with open_store(file) as store:
        await store.create_chat(ChatMeta("chat"))
        await store.append("chat", [big(0)])
        outcomes = await asyncio.gather(*(store.append("chat", [big(n)]) for n in range(1, 4)), return_exceptions=True)
        assert [type(each) for each in outcomes] == [StoreFullError] * 3
        pages = 10_000
    async with open_store(file) as store:
        assert len(await store.read_messages("chat")) == 1
        assert await store.append("chat", [big(n) for n in range(1, 4)]) == (2, 3, 4)
        assert (await store.check()).problems == ()


@pytest.fixture
def read_only(tmp_path: Path) -> Iterator[Callable[[Path], None]]:
    """Return a function that makes the folder of a file unwritable; the folder is a disk of its own for root."""
    folder = tmp_path / "media"
    folder.mkdir()
    mounted = os.geteuid() == 0
    if (
        mounted
        and subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=4m", "none", str(folder)], capture_output=True, check=False
        ).returncode
    ):
        pytest.skip("this machine lets nobody mount a disk, and root writes everywhere else")

    def make(file: Path) -> None:
        if mounted:
            subprocess.run(["mount", "-o", "remount,ro", str(folder)], check=True)
        else:
            file.chmod(0o444)
            folder.chmod(0o555)

    yield make
    if mounted:
        subprocess.run(["umount", str(folder)], check=True)
    else:
        folder.chmod(0o755)


async def test_read_only_media_are_read_and_a_write_says_why_it_cannot_be(
    tmp_path: Path, read_only: Callable[[Path], None]
) -> None:
    file = tmp_path / "media" / "chats.db"
    async with open_store(file) as store:
        await store.create_chat(ChatMeta("chat"))
        await store.append("chat", [big(1)])
    read_only(file)
    async with open_store(file) as store:
        assert [hit.seq for hit in await store.search("word")] == [1]
        assert (await store.check()).problems == ()
        for call in (store.append("chat", [big(2)]), store.update_chat("chat", title="x"), store.acquire("chat")):
            with pytest.raises(StoreReadOnlyError, match="can be read but not written"):
                await call
    with pytest.raises(StoreUnavailableError):
        await open_store(file.with_name("other.db")).open()


async def test_a_store_that_becomes_read_only_says_so(file: Path) -> None:
    async with open_store(file) as store:
        await store.create_chat(ChatMeta("chat"))
        writer: Any = cast("Any", store)._writer

        def refuse(connection: Any) -> None:
            connection.exec_driver_sql("PRAGMA query_only=1")
            connection.exec_driver_sql("DELETE FROM agent_chats")

        with pytest.raises(StoreReadOnlyError):
            await writer.run(refuse)
        await store.update_chat("chat", title="with a new connection")


async def test_one_bad_piece_of_work_does_not_take_the_others_with_it(file: Path) -> None:
    async with open_store(file) as store:
        await store.create_chat(ChatMeta("chat"))
        writer: Any = cast("Any", store)._writer

        def broken(connection: Any) -> None:
            connection.exec_driver_sql("DELETE FROM agent_chats")
            raise ValueError("a bug")

        bad: Awaitable[object] = writer.run(broken)
        outcomes = await asyncio.gather(
            store.append("chat", [big(1)]),
            bad,
            store.append("nobody", [big(1)]),
            store.append("chat", [big(2)]),
            return_exceptions=True,
        )
        assert (outcomes[0], outcomes[3]) == ((1,), (2,))
        assert isinstance(outcomes[1], StoreError)
        assert "a bug" in str(outcomes[1])
        assert (await store.get_chat("chat")).last_seq == 2


async def test_whatever_ends_the_work_its_caller_is_told(file: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with open_store(file) as store:
        writer: Any = cast("Any", store)._writer

        def ended(connection: Any) -> None:
            raise SystemExit(3)

        with pytest.raises(StoreError, match="SystemExit"):
            await writer.run(ended)
        await store.create_chat(ChatMeta("chat"))
    assert "the writer of the store" in caplog.text


async def test_closing_writes_what_is_on_its_way(file: Path) -> None:
    store = open_store(file)
    await store.open()
    await store.create_chat(ChatMeta("chat"))
    waiting = [asyncio.ensure_future(store.append("chat", [{"type": "user"}])) for _ in range(100)]
    await asyncio.sleep(0)
    await store.aclose()
    assert sorted(each for (each,) in await asyncio.gather(*waiting)) == list(range(1, 101))
    with pytest.raises(StoreClosedError):
        await store.append("chat", [{"type": "user"}])
    async with open_store(file) as again:
        assert (await again.get_chat("chat")).last_seq == 100


async def test_work_whose_caller_is_gone_before_it_began_is_not_done(file: Path) -> None:
    async with open_store(file) as store:
        await store.create_chat(ChatMeta("chat"))
        with closing(sqlite3.connect(file, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            first = asyncio.ensure_future(store.append("chat", [big(1)]))
            while not first.done() and cast("Any", store)._writer._jobs.qsize():
                await asyncio.sleep(0)
            await asyncio.sleep(0)
            second = asyncio.ensure_future(store.append("chat", [big(2)]))
            await asyncio.sleep(0)
            second.cancel()
            other.execute("ROLLBACK")
        assert await first == (1,)
        with pytest.raises(asyncio.CancelledError):
            await second
        assert await store.append("chat", [big(3)]) in ((2,), (3,))


async def test_a_damaged_index_is_told_and_made_anew(file: Path) -> None:
    async with open_store(file) as store:
        await store.create_chat(ChatMeta("chat"))
        await store.append("chat", [big(n) for n in range(3)])
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute(
            f"INSERT INTO {FULL_TEXT}({FULL_TEXT}, rowid, words) SELECT 'delete', id, words FROM agent_messages"
        )
        connection.execute("UPDATE agent_chats SET last_seq = 1, bytes = 0")
    async with open_store(file) as store:
        assert len(await store.search("word")) == 0
        report = await store.check()
        assert len(report.problems) == 2
        assert all("rebuilding the index" in each for each in report.problems)
        assert (await store.rebuild_index()).problems == ()
        assert len(await store.search("word")) == 3
        assert (await store.get_chat("chat")).last_seq == 3


async def test_a_message_that_was_taken_out_of_a_log_is_missed(file: Path) -> None:
    async with open_store(file) as store:
        await store.create_chat(ChatMeta("chat"))
        await store.append("chat", [big(n) for n in range(3)])
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("DELETE FROM agent_messages WHERE seq = 2")
    async with open_store(file) as store:
        problems = (await store.check()).problems
        assert any("lacks 1 messages of its log" in each for each in problems), json.dumps(problems)
