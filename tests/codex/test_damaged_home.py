"""A home of Codex's whose databases are held, damaged or gone: told in words, and no session is lost for it."""

from __future__ import annotations

import sqlite3
from collections.abc import Awaitable, Callable, Generator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import anyio
import pytest
from tests.codex.driving import Codex

from agent_sdk_core import AgentBackend, AgentError, SessionNotFoundError
from agent_sdk_core.transport.process.patience import is_passing
from agent_sdk_testing import text
from agent_sdk_testing.contract.watching import run
from codex_sdk import CodexBackend
from codex_sdk.process import errors

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("anyio_backend", ["asyncio"])]


async def stored(codex: Codex) -> str:
    codex.model.otherwise(text("The heron is grey."))
    async with codex.session() as session:
        await run(session, "Look at the river.")
        return session.resolved_session_id


def asked(codex: Codex, backend: AgentBackend) -> list[Callable[[str], Awaitable[object]]]:
    """Return all that is asked with the name of a stored session."""
    return [backend.read_history, backend.session_info, lambda session_id: codex.open(backend, resume=session_id)]


def databases(codex: Codex) -> list[Path]:
    return sorted(codex.home.rglob("*.sqlite"))


@contextmanager
def held(files: list[Path]) -> Generator[None]:
    """Keep everybody else from them, as another process does."""
    with ExitStack() as stack:
        for file in files:
            other = stack.enter_context(closing(sqlite3.connect(file, isolation_level=None)))
            other.execute("PRAGMA locking_mode=EXCLUSIVE")
            other.execute("BEGIN EXCLUSIVE")
        yield


async def test_databases_that_another_process_holds_are_told_and_waited_for(
    codex: Codex, monkeypatch: pytest.MonkeyPatch
) -> None:
    session_id = await stored(codex)
    failed = anyio.Event()

    def noted(words: str) -> bool:
        failed.set()
        return is_passing(words)

    monkeypatch.setattr(errors, "is_passing", noted)
    backend = CodexBackend(executable=codex.real_executable(), env=codex.env, startup_timeout=120)
    async with anyio.create_task_group() as tasks:
        with held([file for file in databases(codex) if file.name.startswith("state")]):
            tasks.start_soon(backend.start)
            with anyio.fail_after(120):
                await failed.wait()
    async with backend:
        assert len(await backend.read_history(session_id)) == 2


async def test_an_index_that_is_damaged_hides_no_session_and_is_told_where_it_is_needed(codex: Codex) -> None:
    session_id = await stored(codex)
    for file in databases(codex):
        file.write_bytes(b"this is no database" * 500)
        for beside in codex.home.rglob(f"{file.name}-*"):
            beside.unlink()
    async with codex.backend() as backend:
        assert [session.session_id for session in await backend.list_sessions()] == [session_id]
        with pytest.raises(AgentError, match=r"damaged, .*\.sqlite: file is not a database\. Put back") as caught:
            await backend.read_history(session_id)
        assert caught.value.code == "storage_damaged"
        assert (await backend.session_info(session_id)).first_prompt == "Look at the river."


@pytest.mark.parametrize("lost", ["thread_history*.sqlite*", "*.sqlite*"])
async def test_what_was_said_is_told_as_lost_where_the_database_of_turns_is_gone_and_comes_back_with_a_resume(
    codex: Codex, lost: str
) -> None:
    session_id = await stored(codex)
    for file in codex.home.rglob(lost):
        file.unlink()
    async with codex.backend() as backend:
        with pytest.raises(AgentError, match=r"database, which was lost; .*\.jsonl\. Resume the session") as caught:
            await backend.read_history(session_id)
        assert caught.value.code == "storage_damaged"
        async with await codex.open(backend, resume=session_id) as session:
            assert len(await session.history()) == 2
        assert len(await backend.read_history(session_id)) == 2


@pytest.mark.parametrize(("content", "reason"), [(b"", "is empty"), (b"\xff\xfe\n", "UTF-8")])
async def test_a_session_whose_file_is_damaged_is_named_and_hides_no_other(
    codex: Codex, content: bytes, reason: str
) -> None:
    damaged, whole = await stored(codex), await stored(codex)
    [file] = codex.home.rglob(f"rollout-*{damaged}.jsonl")
    file.write_bytes(content)
    async with codex.backend() as backend:
        assert [session.session_id for session in await backend.list_sessions()] == [whole]
        for ask in asked(codex, backend):
            with pytest.raises(AgentError, match=f"The session's file {file} cannot be read: .*{reason}") as caught:
                await ask(damaged)
            assert caught.value.code == "session_unreadable"
        assert len(await backend.read_history(whole)) == 2


@pytest.mark.parametrize("folder", [False, True])
async def test_a_session_whose_file_is_gone_is_not_found(codex: Codex, folder: bool) -> None:
    session_id = await stored(codex)
    [file] = codex.home.rglob(f"rollout-*{session_id}.jsonl")
    file.unlink()
    if folder:
        file.mkdir()
    async with codex.backend() as backend:
        assert list(await backend.list_sessions()) == []
        for ask in asked(codex, backend):
            with pytest.raises(SessionNotFoundError, match=session_id):
                await ask(session_id)


async def test_a_session_whose_last_line_was_torn_keeps_what_stands_before_it(codex: Codex) -> None:
    session_id = await stored(codex)
    [file] = codex.home.rglob(f"rollout-*{session_id}.jsonl")
    file.write_bytes(file.read_bytes()[:-100])
    async with codex.backend() as backend:
        assert [session.session_id for session in await backend.list_sessions()] == [session_id]
        assert len(await backend.read_history(session_id)) == 2
        async with await codex.open(backend, resume=session_id) as session:
            await run(session, "And now?")
    assert "The heron is grey." in codex.model.requests[-1].text


async def test_a_session_whose_file_was_put_back_without_its_index_is_listed_and_goes_on(codex: Codex) -> None:
    session_id = await stored(codex)
    for file in codex.home.rglob("*.sqlite*"):
        file.unlink()
    async with codex.backend() as backend:
        assert [session.session_id for session in await backend.list_sessions()] == [session_id]
        async with await codex.open(backend, resume=session_id) as session:
            assert (await run(session, "And now?")).result.outcome == "completed"
    assert "The heron is grey." in codex.model.requests[-1].text
