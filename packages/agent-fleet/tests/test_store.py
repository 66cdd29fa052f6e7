from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import pytest

from agent_fleet.errors import FleetFullError, FleetStoreError
from agent_fleet.store.database import connect_sqlite, sqlite_path
from agent_fleet.store.fleet_store import FleetStore
from agent_fleet.store.journal import StoreJournal
from agent_fleet.store.records import Load, Waiter
from agent_sdk_core import InvalidRequestError, SessionBusyError, SessionClosedError, SessionNotFoundError

pytestmark = pytest.mark.anyio


@pytest.fixture
async def store(anyio_backend: str, store_url: str) -> AsyncIterator[FleetStore]:
    made = FleetStore(store_url)
    yield made
    await made.aclose()


async def added(store: FleetStore, **options: Any) -> str:
    return await store.create(backend="codex", tenant="t", host="one", workspace="/w", options=options)


async def test_a_prompt_is_accepted_dispatched_and_ended_once(store: FleetStore) -> None:
    key = await added(store)
    generation, _ = await store.claim(key, "a")
    await store.accept(key, "p", {"prompt": "x"})
    with pytest.raises(InvalidRequestError, match="was sent before"):
        await store.accept(key, "p", {})
    assert await store.counts() == {"accepted": 1, "dispatched": 0}
    await store.dispatch(key, "p", generation)
    with pytest.raises(InvalidRequestError, match="dispatched already"):
        await store.dispatch(key, "p", generation)
    await store.refused(key, "p", generation)
    await store.dispatch(key, "p", generation)
    await store.end(key, ["p"], {"first": True}, generation=generation)
    await store.end(key, ["p"], {"first": False}, generation=generation)
    [row] = await store.prompts(key)
    assert (row.state, row.result, row.generation) == ("ended", {"first": True}, 1)
    with pytest.raises(InvalidRequestError, match="never accepted"):
        await store.dispatch(key, "q", generation)


async def test_who_lost_the_lease_writes_nothing(store: FleetStore) -> None:
    key = await added(store)
    first, _ = await store.claim(key, "a", seconds=60)
    with pytest.raises(SessionBusyError) as raised:
        await store.claim(key, "b")
    assert raised.value.code == "lease_held"
    await store.accept(key, "p", {})
    again, _ = await store.claim(key, "a")
    assert (first, again) == (1, 2)
    for write in (store.dispatch(key, "p", first), store.end(key, ["p"], {}, generation=first)):
        with pytest.raises(SessionClosedError, match="another host"):
            await write
    await store.release(key, first)
    assert await store.renew("a") == {(key, 2)}
    await store.release(key, again)
    assert (await store.claim(key, "b"))[0] == 3
    assert await store.renew("a") == set()


async def test_a_lease_runs_out(store: FleetStore) -> None:
    key = await added(store)
    await store.claim(key, "a", seconds=-1)
    assert (await store.claim(key, "b"))[0] == 2
    assert [row.live for row in await store.list(live=True)] == [True]


async def test_a_session_whose_worker_died_is_one_that_may_come_back(store: FleetStore) -> None:
    kept, given_back = await added(store), await added(store)
    for key in (kept, given_back):
        generation, _ = await store.claim(key, "a", seconds=-10)
        if key == given_back:
            await store.release(key, generation)
    assert await store.list(live=True) == []
    assert await store.list(live=True, lapsed=5) == []
    assert [(row.id, row.live) for row in await store.list(live=True, lapsed=15)] == [(kept, False)]


def test_a_store_that_another_process_makes_just_now_is_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "fleet.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("CREATE TABLE theirs (id)")
        other.execute("BEGIN IMMEDIATE")
        with closing(connect_sqlite(path)) as ours:
            assert ours.execute("PRAGMA busy_timeout").fetchone() == (10_000,)


async def test_a_place_is_given_once_and_who_waits_is_known(store: FleetStore, store_url: str) -> None:
    other = FleetStore(store_url)
    described: dict[str, Any] = {"backend": "codex", "tenant": "t", "workspace": None, "options": {}}
    seen: list[list[str]] = []

    def choose(loads: Sequence[Load], waiting: Sequence[Waiter]) -> str:
        seen.append([waiter.id for waiter in waiting])
        if loads:
            raise FleetFullError("Full.")
        return "one"

    placed: list[str] = []
    full: list[str] = []

    async def place(store: FleetStore, waiter: str) -> None:
        try:
            placed.append((await store.place(choose, waiter, ["one"], **described))[1])
        except FleetFullError:
            full.append(waiter)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(place, store, "a")
        tasks.start_soon(place, other, "b")
    assert placed == ["one"]
    await place(store, full[0])
    await place(store, "c")
    assert seen[-1] == [full[0]]
    await store.give_up(full[0])
    await place(store, "c")
    assert seen[-1] == ["c"]
    [session] = await store.list(live=True)
    assert (await store.claim(session.id, "a"))[0] == 1  # What is only reserved belongs to nobody.
    await other.aclose()


async def test_a_store_of_the_first_version_is_brought_up_to_date(store: FleetStore, store_url: str) -> None:
    key = await added(store)
    await store.aclose()
    with closing(sqlite3.connect(store_url)) as connection:
        connection.execute("DROP TABLE fleet_waiting")
        connection.execute("DROP INDEX fleet_session_load")
        connection.execute("UPDATE fleet_schema SET version_num = '0001'")
        connection.commit()
    again = FleetStore(store_url)
    await again.give_up("nobody")
    assert await again.find(key) is not None
    await again.aclose()


async def test_open_sessions_are_counted_by_host_and_tenant_from_an_index_alone(
    store: FleetStore, store_url: str
) -> None:
    def described(tenant: str, host: str) -> dict[str, Any]:
        return {"backend": "codex", "tenant": tenant, "host": host, "workspace": None, "options": {}}

    for tenant, host in (("t", "one"), ("t", "one"), ("u", "one"), ("t", "two")):
        await store.create(**described(tenant, host))
    closed = await store.create(**described("t", "two"))
    generation, _ = await store.claim(closed, "a")
    await store.release(closed, generation)
    expected = {Load("one", "t", 2), Load("one", "u", 1), Load("two", "t", 1)}
    assert set(await store.loads()) == expected
    seen: list[Load] = []

    def choose(loads: Sequence[Load], waiting: Sequence[Waiter]) -> str:
        seen.extend(loads)
        return "one"

    await store.place(choose, "w", ["one"], backend="codex", tenant="t", workspace=None, options={})
    assert set(seen) == expected
    counting = "SELECT host, tenant, count(*) FROM fleet_session WHERE expires > 1 GROUP BY host, tenant"
    with closing(sqlite3.connect(store_url)) as connection:
        plan = connection.execute(f"EXPLAIN QUERY PLAN {counting}").fetchall()
    assert any("COVERING INDEX fleet_session_load" in step[3] for step in plan)


async def test_sessions_are_found_by_each_of_their_ids(store: FleetStore) -> None:
    key = await added(store, env={"API_KEY": "secret-value"})
    generation, _ = await store.claim(key, "a")
    await store.opened(key, generation, "first")
    await store.opened(key, generation, "second")
    for name in (key, "first", "second"):
        found = await store.find(name)
        assert found is not None
        assert (found.id, found.session_id, found.resolved_session_id) == (key, "first", "second")
    assert await store.find("other") is None
    await store.forget(key)
    assert await store.find(key) is not None
    await store.move(key, "two")
    assert [row.host for row in await store.list()] == ["two"]
    with pytest.raises(SessionNotFoundError):
        await store.claim("none", "a")


async def test_secrets_stay_out_of_the_file(store: FleetStore, store_url: str) -> None:
    await added(store, env={"API_KEY": "sk-very-secret-value-1234"})
    await store.aclose()
    assert b"sk-very-secret-value-1234" not in Path(store_url).read_bytes()
    assert Path(store_url).stat().st_mode & 0o077 == 0


async def test_a_later_schema_is_left_as_it_is(store: FleetStore, store_url: str) -> None:
    await added(store)
    await store.aclose()
    with closing(sqlite3.connect(store_url)) as connection:
        connection.execute("UPDATE fleet_schema SET version_num = '9999'")
        connection.commit()
    with pytest.raises(FleetStoreError, match="later version"):
        await FleetStore(store_url).open()


async def test_a_place_that_cannot_be_used_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(FleetStoreError, match="cannot be made"):
        await FleetStore(str(tmp_path / "file" / "fleet.db")).open()
    with pytest.raises(InvalidRequestError, match="begins with 'mysql:'"):
        sqlite_path("mysql://host/db")
    with pytest.raises(InvalidRequestError, match="has no name"):
        sqlite_path("")
    assert sqlite_path("sqlite:////tmp/x.db") == Path("/tmp/x.db")
    with pytest.raises(FleetStoreError, match="cannot be used now"):
        await FleetStore("postgresql://nobody@127.0.0.1:1/none").open()


def test_a_relative_place_is_the_same_one_for_the_hosts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert FleetStore("fleet.db").url == str(tmp_path / "fleet.db")
    assert FleetStore("sqlite:///fleet.db").url == str(tmp_path / "fleet.db")
    assert FleetStore("postgresql://agents@database/fleet").url == "postgresql://agents@database/fleet"


class Flaky(FleetStore):
    away = False

    async def end(self, key: str, uuids: Sequence[str], result: Any, *, generation: int | None = None) -> None:
        if self.away:
            raise FleetStoreError("The store is away.")
        await super().end(key, uuids, result, generation=generation)


async def test_a_journal_notes_later_what_the_store_did_not_take(anyio_backend: str, store_url: str) -> None:
    lost: list[str] = []

    async def lose(key: str, reason: str) -> None:
        lost.append(key)

    store = Flaky(store_url)
    key = await added(store)
    journal = StoreJournal(store, "a", lose)
    await journal.renew()
    await journal.claim(key)
    await store.accept(key, "p", {})
    await journal.dispatch(key, "p")
    store.away = True
    with pytest.raises(FleetStoreError):
        await journal.ended(key, {"r": 1}, ("p",))
    store.away = False
    await journal.renew()
    [row] = await store.prompts(key)
    assert row.result == {"r": 1}
    await store.release(key, 1)
    await store.claim(key, "b")
    await journal.renew()
    assert lost == [key]
    with pytest.raises(SessionClosedError, match="no lease"):
        await journal.dispatch(key, "p")
    await store.aclose()


class Overtaken(FleetStore):
    """Tells what was renewed only once something else was done."""

    meanwhile: Callable[[], Awaitable[object]] | None = None

    async def renew(self, owner: str, *, seconds: float = 30.0) -> set[tuple[str, int]]:
        held = await super().renew(owner, seconds=seconds)
        if self.meanwhile is not None:
            await self.meanwhile()
        return held


async def test_a_lease_that_is_taken_while_others_are_renewed_is_not_lost(anyio_backend: str, store_url: str) -> None:
    lost: list[str] = []

    async def lose(key: str, reason: str) -> None:
        lost.append(key)

    store = Overtaken(store_url)
    old, new = await added(store), await added(store)
    journal = StoreJournal(store, "a", lose)
    await journal.claim(old)
    for key in (new, old):  # One that is new, and one that is taken again.
        store.meanwhile = partial(journal.claim, key)
        await journal.renew()
        await journal.opened(key, "s")
    assert lost == []
    await store.aclose()
