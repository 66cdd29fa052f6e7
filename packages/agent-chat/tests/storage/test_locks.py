"""Locks and file systems, as other stores met them: each test is named after what broke there."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import subprocess
import sys
import textwrap
from contextlib import closing
from pathlib import Path
from typing import Any, cast

import pytest

from agent_chat.storage import holders
from agent_chat.storage.database import connections, filesystems, writer
from agent_chat.storage.database.filesystems import mounts_of_linux, mounts_of_macos, network_file_system
from agent_chat.storage.database.places import place_of
from agent_chat.storage.errors import ChatBusyError, StoreBusyError, StoreUnavailableError
from agent_chat.storage.holders import Process, this_process
from agent_chat.storage.opening import open_store
from agent_chat.storage.records import ChatMeta

pytestmark = pytest.mark.anyio

MESSAGE = {"type": "user", "uuid": None, "message": {"content": "hello"}}


def lock(file: Path) -> sqlite3.Connection:
    """Return a connection that keeps everybody else from writing."""
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    return other


async def a_moment() -> None:
    await asyncio.to_thread(lambda: None)


async def test_a_locked_database_is_waited_for_and_does_not_end_a_turn(file: Path) -> None:
    async with open_store(file) as store:
        await store.create_chat(ChatMeta("chat"))
        with closing(lock(file)) as other:
            waiting = asyncio.ensure_future(store.append("chat", [MESSAGE]))
            await a_moment()
            assert not waiting.done()
            other.execute("ROLLBACK")
        assert await waiting == (1,)


async def test_every_connection_waits_for_a_lock_for_ten_seconds_or_more(file: Path) -> None:
    database = connections.Database(place_of(str(file)))
    database.open()
    try:
        for writes in (False, True):
            with database.connect(writes=writes) as connection:
                assert connection.exec_driver_sql("PRAGMA busy_timeout").scalar_one() >= 10_000
    finally:
        database.close()


async def test_a_lock_that_lasts_longer_than_one_attempt_waits_is_tried_again(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "BUSY_SECONDS", 0.01)
    attempts: list[object] = []
    failure_of = writer.failure_of

    def counted(error: BaseException, place: Any) -> Any:
        attempts.append(error)
        return failure_of(error, place)

    monkeypatch.setattr(writer, "failure_of", counted)
    async with open_store(file) as store:
        await store.create_chat(ChatMeta("chat"))
        with closing(lock(file)) as other:
            waiting = asyncio.ensure_future(store.append("chat", [MESSAGE]))
            while len(attempts) < 3:
                await a_moment()
            other.execute("ROLLBACK")
        assert await waiting == (1,)


async def test_a_lock_that_does_not_end_is_an_error_that_may_be_tried_again_and_nothing_is_lost(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "BUSY_SECONDS", 0.01)
    monkeypatch.setattr(writer, "PATIENCE", 0.05)
    async with open_store(file) as store:
        await store.create_chat(ChatMeta("chat"))
        with closing(lock(file)):
            outcomes = await asyncio.gather(
                store.append("chat", [MESSAGE]), store.update_chat("chat", title="x"), return_exceptions=True
            )
            assert [type(each) for each in outcomes] == [StoreBusyError] * 2
            assert all(cast("StoreBusyError", each).retryable for each in outcomes)
            assert len(await store.read_messages("chat")) == 0, "reading goes on"
        assert await store.append("chat", [MESSAGE]) == (1,)


OPENER = """
import asyncio, sys
from agent_chat.storage.opening import open_store
from agent_chat.storage.records import ChatMeta
async def main():
    async with open_store(sys.argv[1]) as store:
        await store.create_chat(ChatMeta(sys.argv[2]))
        for n in range(5):
            await store.append(sys.argv[2], [{"type": "user"}])
asyncio.run(main())
"""


async def test_workers_that_start_at_once_all_open_the_store(file: Path) -> None:
    started = [
        await asyncio.create_subprocess_exec(sys.executable, "-c", OPENER, str(file), f"worker-{n}") for n in range(4)
    ]
    assert [await each.wait() for each in started] == [0] * 4
    async with open_store(file) as store:
        assert sorted((chat.id, chat.last_seq) for chat in await store.list_chats()) == [
            (f"worker-{n}", 5) for n in range(4)
        ]


async def test_a_second_instance_works_beside_the_first(file: Path) -> None:
    async with open_store(file) as first:
        await first.create_chat(ChatMeta("chat"))
        async with open_store(file) as second:
            await asyncio.gather(*(store.append("chat", [MESSAGE]) for store in (first, second) for _ in range(20)))
            assert (await first.get_chat("chat")).last_seq == 40
        assert await first.append("chat", [MESSAGE]) == (41,)


HOLDER = """
import asyncio, os, sys
from agent_chat.storage.opening import open_store
async def main():
    async with open_store(sys.argv[1]) as store:
        await store.acquire("chat", name="web", seconds=3600.0)
        print(os.getpid(), flush=True)
        await asyncio.sleep(3600)
asyncio.run(main())
"""


async def test_a_second_process_is_told_who_writes_the_chat_and_takes_over_when_that_is_gone(file: Path) -> None:
    async with open_store(file) as store:
        await store.create_chat(ChatMeta("chat"))
        process = await asyncio.create_subprocess_exec(sys.executable, "-c", HOLDER, str(file), stdout=subprocess.PIPE)
        try:
            assert process.stdout is not None
            pid = int(await asyncio.wait_for(process.stdout.readline(), 60))
            with pytest.raises(ChatBusyError, match=rf"in use by web \(process {pid} on ") as caught:
                await store.acquire("chat", name="terminal")
            assert caught.value.holder is not None
            assert caught.value.holder.pid == pid
            with pytest.raises(ChatBusyError):
                await store.delete_chat("chat")
        finally:
            process.kill()
            await process.wait()
        lease = await store.acquire("chat", name="terminal")
        assert lease.generation == 2


def test_a_process_of_the_same_id_that_began_later_is_another_one() -> None:
    me = this_process()
    assert not me.is_gone()
    if sys.platform == "linux":
        assert Process(me.host, me.machine, me.pid, "1").is_gone()
    assert not Process(me.host, "another machine, such as a container", 4_000_000, "").is_gone()
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    assert Process(me.host, me.machine, ended.pid, "").is_gone()
    assert not Process(me.host, me.machine, 1, began(1)).is_gone()


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not tell what a process has come to")
def test_a_process_that_has_ended_and_that_nobody_took_note_of_is_gone() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        me, began_at = this_process(), began(child.pid)
        assert not Process(me.host, me.machine, child.pid, began_at).is_gone()
        child.kill()
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert Process(me.host, me.machine, child.pid, began_at).is_gone()


def began(pid: int) -> str:
    module = cast("Any", holders)
    return module._begin(module._stat(pid))


def test_where_processes_cannot_be_told_apart_the_host_is_the_machine(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(holders, "_PROC", tmp_path)
    cast("Any", holders)._machine.cache_clear()
    try:
        me = this_process()
        assert (me.machine, me.started) == (me.host, "")
        assert not me.is_gone()
    finally:
        cast("Any", holders)._machine.cache_clear()


MOUNTS = r"""
22 1 254:0 / / rw,relatime - ext4 /dev/vda rw
40 22 0:50 / /home/me rw shared:1 master:2 - nfs4 server:/home rw,vers=4.2
41 22 0:51 / /work\040space rw - virtiofs tag rw
42 22 0:52 / /over rw - overlay overlay rw
43 22 0:53 / /ssh rw - fuse.sshfs me@host:/ rw
44 40 0:54 / /home/me/local rw - xfs /dev/vdb rw
45 22 0:55 / /covered rw - cifs //server/share rw
46 45 0:56 / /covered rw - ext4 /dev/vdc rw
nonsense
"""


@pytest.mark.parametrize(
    ("folder", "kind"),
    [
        ("/", None),
        ("/home/me/.local/share", "nfs4"),
        ("/home/me/local/share", None),
        ("/home/meadow", None),
        ("/work space/x", "virtiofs"),
        ("/over/x", None),
        ("/ssh", "fuse.sshfs"),
        ("/covered/x", None),
    ],
)
def test_a_network_file_system_is_recognised(monkeypatch: pytest.MonkeyPatch, folder: str, kind: str | None) -> None:
    monkeypatch.setattr(filesystems, "_mounts", lambda: mounts_of_linux(MOUNTS))
    assert network_file_system(Path(folder)) == kind


def test_mounts_of_macos_are_read() -> None:
    told = "/dev/disk3s1 on / (apfs, local)\n//me@nas/x on /Volumes/My Share (smbfs, nodev)\nrubbish\n"
    assert list(mounts_of_macos(told)) == [("/", "apfs"), ("/Volumes/My Share", "smbfs")]


def refused(*_: object, **__: object) -> None:
    raise OSError


def test_where_mounts_cannot_be_told_the_file_system_counts_as_local(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr(subprocess, "run", refused)
    assert network_file_system(Path("/")) is None


def journal(file: Path) -> str:
    with closing(sqlite3.connect(file)) as connection:
        return str(connection.execute("PRAGMA journal_mode").fetchone()[0])


@pytest.mark.parametrize("kind", ["nfs4", "virtiofs", "9p"])
async def test_on_a_network_file_system_there_is_no_write_ahead_log_and_a_warning(
    file: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, kind: str
) -> None:
    async with open_store(file) as store:
        await store.create_chat(ChatMeta("chat"))
    assert journal(file) == "wal"

    def network(_: Path) -> str:
        return kind

    monkeypatch.setattr(connections, "network_file_system", network)
    async with open_store(file) as store:
        assert await store.append("chat", [MESSAGE]) == (1,)
        assert journal(file) == "delete"
    assert f"network file system ({kind})" in caplog.text


async def test_where_shared_memory_does_not_work_the_store_does_without_it(
    file: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    # "locking protocol", as WSL 1 says.
    class Connection(sqlite3.Connection):
        def execute(self, sql: str, *arguments: Any) -> sqlite3.Cursor:
            if sql == "PRAGMA journal_mode=WAL":
                error = sqlite3.OperationalError("locking protocol")
                error.sqlite_errorcode = sqlite3.SQLITE_PROTOCOL
                raise error
            return super().execute(sql, *arguments)

    connect = sqlite3.connect

    def connected(path: str, **options: Any) -> sqlite3.Connection:
        return connect(path, **options, factory=Connection)

    monkeypatch.setattr(
        "agent_chat.storage.database.connections.sqlite3.connect",
        connected,
    )
    async with open_store(file) as store:
        await store.create_chat(ChatMeta("chat"))
        assert await store.append("chat", [MESSAGE]) == (1,)
    assert "works without a write-ahead log (locking protocol)" in caplog.text


async def test_a_write_ahead_log_that_was_left_behind_is_read_and_not_deleted(file: Path) -> None:
    code = f"""
        import asyncio, os
        from agent_chat.storage.opening import open_store
        from agent_chat.storage.records import ChatMeta
        async def main():
            store = open_store({str(file)!r})
            await store.open()
            await store.create_chat(ChatMeta("chat"))
            await store.append("chat", [{{"type": "user"}}])
            os._exit(0)
        asyncio.run(main())
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(code)], check=True)
    assert file.with_name(f"{file.name}-wal").stat().st_size > 0
    async with open_store(file) as store:
        assert (await store.get_chat("chat")).last_seq == 1


async def test_a_list_that_lost_its_chats_is_made_anew_from_the_log(file: Path) -> None:
    async with open_store(file) as store:
        await store.create_chat(ChatMeta("chat", title="Given"))
        await store.append(
            "chat",
            [
                {"type": "system", "subtype": "init", "session_id": "s-1", "cwd": "/p", "model": "small"},
                {"type": "user", "session_id": "s-1", "message": {"content": "Mend the \n roof"}},
                {"type": "assistant", "session_id": "s-2", "message": {"model": "large", "content": []}},
                {"type": "assistant", "session_id": "child", "parent_tool_use_id": "t", "message": {"model": "tiny"}},
            ],
            at=[10.0, 20.0, 30.0, 40.0],
        )
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("DELETE FROM agent_chats")
    async with open_store(file) as store:
        assert (await store.check()).problems == (
            "The chat 'chat' has 4 messages and is in no list; rebuilding the index brings it back.",
        )
        await store.rebuild_index()
        assert await store.get_chat("chat") == ChatMeta(
            "chat",
            title="Mend the roof",
            cwd="/p",
            model="large",
            last_session_id="s-2",
            lineage=("s-1",),
            created_at=10.0,
            last_active_at=40.0,
            last_seq=4,
        )


async def test_writers_of_one_chat_do_not_interleave_what_belongs_together(file: Path) -> None:
    async with open_store(file) as first, open_store(file) as second:
        await first.create_chat(ChatMeta("chat"))
        pieces = await asyncio.gather(
            *(store.append("chat", [MESSAGE] * 7) for store in (first, second) for _ in range(10))
        )
        assert all(piece == tuple(range(piece[0], piece[0] + 7)) for piece in pieces)
        assert sorted(number for piece in pieces for number in piece) == list(range(1, 141))


@pytest.fixture
def no_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)


@pytest.mark.usefixtures("no_driver")
async def test_a_driver_that_is_missing_is_named_with_how_to_install_it() -> None:
    with pytest.raises(StoreUnavailableError, match=r"pip install 'agent-sdk-chat\[postgres\]'"):
        await open_store("postgresql://me@localhost/chats").open()


async def test_a_server_that_is_not_there_is_told_without_its_password(tmp_path: Path) -> None:
    store = open_store(f"postgresql://me:secret@/chats?host={tmp_path}")
    with pytest.raises(StoreUnavailableError, match="cannot be reached") as caught:
        await store.open()
    assert "secret" not in f"{caught.value} {store.url}"
    assert store.url == f"postgresql://me@/chats?host={tmp_path}"


async def test_a_server_that_ends_a_connection_is_found_again(database: str) -> None:
    import psycopg

    async with open_store(database) as store:
        await store.create_chat(ChatMeta("chat"))
        await store.append("chat", [MESSAGE])
        with psycopg.connect(database, autocommit=True) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'agent-sdk'"
            )
        with pytest.raises(StoreUnavailableError):
            await store.append("chat", [MESSAGE])
        assert await store.append("chat", [MESSAGE]) == (2,)
        assert (await store.get_chat("chat")).last_seq == 2
