"""Stored sessions: listed, read, resumed and changed, as far as an agent can."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anyio
import pytest

from acp_sdk.backend import AcpBackend
from agent_sdk_core import (
    SessionNotFoundError,
    SessionOptions,
    UnsupportedOptionError,
)
from agent_sdk_testing.fakes.acp import FakeAcp
from agent_sdk_testing.fakes.codex_exchanges import FakeRequest

pytestmark = pytest.mark.anyio

STORED: dict[str, Any] = {
    "agentCapabilities": {"loadSession": True, "sessionCapabilities": {"list": {}, "close": {}, "resume": {}}}
}


def chunk(text: str) -> dict[str, Any]:
    return {"content": {"type": "text", "text": text}}


async def test_stored_sessions(fake: FakeAcp, backend: AcpBackend, workspace: Path) -> None:
    fake.greeting = STORED
    listed = [{"sessionId": f"s{number}", "cwd": str(workspace), "title": "T"} for number in range(3)]
    fake.on(
        "session/list",
        lambda request: request.answer(
            {"sessions": listed[:2], "nextCursor": "n"} if "cursor" not in request.params else {"sessions": listed[2:]}
        ),
    )

    def load(request: FakeRequest) -> None:
        if request.params["sessionId"] == "broken":
            request.refuse("Internal error", code=-32603)
            return
        if request.params["sessionId"] == "gone":
            request.refuse("Session not found", code=-32602)
            return
        fake.update("s2", "user_message_chunk", **chunk("What?"))
        fake.update("s2", "agent_message_chunk", **chunk("That."))
        fake.update("s2", "tool_call", toolCallId="t", title="Look", status="completed")
        fake.update("s2", "user_message_chunk", **chunk("And?"))
        fake.update("s2", "agent_message_chunk", **chunk("No."))
        request.answer({})

    fake.on("session/load", load)
    async with backend:
        first = await backend.list_sessions(limit=1)
        second = await backend.list_sessions(limit=1, cursor=first.cursor)
        third = await backend.list_sessions(limit=5, cursor=second.cursor)
        assert [each.session_id for page in (first, second, third) for each in page] == ["s0", "s1", "s2"]
        assert third.cursor is None
        told = await backend.read_history("s2")
        first_turn = ["user", "assistant", "assistant", "user"]
        assert [message.type for message in told] == [*first_turn, "user", "assistant"]
        page = await backend.read_history("s2", limit=1)
        assert [message.type for message in page] == first_turn, "a page is of turns"
        rest = await backend.read_history("s2", limit=5, cursor=page.cursor)
        assert ([message.type for message in rest], rest.cursor) == (["user", "assistant"], None)
        async with backend.resume("s2") as session:
            assert session.info.cwd == str(workspace)
            assert len(await session.history(limit=1)) == 4
            assert (await session.run("Hi")).outcome == "completed"
            assert len(await session.history()) == 8
            assert len(await backend.read_history("s2")) == 8
            with pytest.raises(Exception, match="open in this backend already"):
                await backend.resume("s2")
        with pytest.raises(SessionNotFoundError, match="no stored session 'gone'"):
            await backend.resume("gone")
        with pytest.raises(SessionNotFoundError, match="no stored session 'gone'"):
            await backend.create_session(SessionOptions(resume="gone", cwd=workspace))
        with pytest.raises(SessionNotFoundError, match=r"no stored session 'broken': .*Internal error"):
            await backend.create_session(SessionOptions(resume="broken", cwd=workspace))
        for unknown in ("gone", "broken"):
            with pytest.raises(SessionNotFoundError, match=f"no stored session '{unknown}'"):
                await backend.read_history(unknown)
        for impossible in ("", "nul\0", "half \ud800"):
            with pytest.raises(SessionNotFoundError, match="no stored session"):
                await backend.read_history(impossible)
        with pytest.raises(UnsupportedOptionError, match="cannot copy sessions"):
            await backend.create_session(SessionOptions(resume="s2", fork=True, cwd=workspace))
        for change in (backend.delete_session, backend.archive_session, backend.unarchive_session):
            with pytest.raises(UnsupportedOptionError):
                await change("s2")
        with pytest.raises(UnsupportedOptionError):
            await backend.rename_session("s2", "x")


async def test_what_an_agent_can_do_with_stored_sessions_is_done(fake: FakeAcp, backend: AcpBackend) -> None:
    can: dict[str, Any] = {"delete": {}, "archive": {}, "title": {}, "fork": {}}
    fake.greeting = {"agentCapabilities": {"sessionCapabilities": can}}
    async with backend:
        await backend.delete_session("s")
        await backend.archive_session("s")
        await backend.unarchive_session("s")
        await backend.rename_session("s", "x")
        assert (await fake.request("session/set_title")).params == {"sessionId": "s", "title": "x"}
        async with backend.create_session(SessionOptions(resume="s", fork=True)) as session:
            assert session.session_id == "session-1"
        assert await backend.request("_mine", {"a": 1}) == {}
        with pytest.raises(UnsupportedOptionError, match="cannot list"):
            await backend.list_sessions()
        with pytest.raises(UnsupportedOptionError, match="does not tell"):
            await backend.read_history("s")


async def test_a_session_whose_close_has_begun_is_opened_and_read_when_it_is_closed(
    fake: FakeAcp, backend: AcpBackend, workspace: Path
) -> None:
    fake.greeting = STORED
    fake.hold("session/close")
    options = SessionOptions(resume="s", cwd=workspace)
    async with backend:
        session = await backend.create_session(options)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(session.aclose)
            closing = await fake.request("session/close")
            tasks.start_soon(backend.read_history, "s")
            tasks.start_soon(backend.create_session, options)
            await anyio.wait_all_tasks_blocked()
            fake.on("session/close", lambda request: request.answer())
            closing.answer()
        [again] = backend.sessions
        assert again.resolved_session_id == "s"


async def test_a_session_that_was_open_is_found_where_its_agent_looks_in_its_own_folder_alone(
    fake: FakeAcp, backend: AcpBackend, tmp_path: Path
) -> None:
    """As Gemini CLI does; the agent of the folder has been ended meanwhile."""
    fake.greeting = {
        "agentCapabilities": {
            "loadSession": True,
            "sessionCapabilities": {"list": {}, "close": {}, "resume": {}, "delete": {}},
        }
    }
    home = tmp_path / "home"
    home.mkdir()

    def listed(request: FakeRequest) -> None:
        here = [{"sessionId": "session-1", "cwd": str(home)}] if folder_of(request) == str(home) else []
        request.answer({"sessions": here})

    def folder_of(request: FakeRequest) -> str:
        return next(process.cwd for process in fake.processes if process is request.process)

    fake.on("session/list", listed)
    async with backend:
        async with backend.create_session(SessionOptions(cwd=home)) as session:
            assert session.session_id == "session-1"
        async with backend.create_session(SessionOptions(cwd=tmp_path)):
            pass
        while len(backend.pids) > 1:
            await anyio.sleep(0.01)
        assert fake.processes[-1].cwd == str(tmp_path)
        assert (await backend.session_info("session-1")).cwd == str(home)
        async with backend.resume("session-1") as session:
            assert session.info.cwd == str(home)
        async with backend.create_session(SessionOptions(cwd=tmp_path)):
            pass
        while len(backend.pids) > 1:
            await anyio.sleep(0.01)
        await backend.delete_session("session-1")
        assert folder_of(await fake.request("session/delete")) == str(home)
        async with backend.create_session(SessionOptions(cwd=tmp_path)):
            pass
        while len(backend.pids) > 1:
            await anyio.sleep(0.01)
        home.rmdir()
        await backend.delete_session("session-1")
        assert folder_of(await fake.request("session/delete", 2)) == str(tmp_path), "any can, without the folder"
        with pytest.raises(SessionNotFoundError):
            await backend.session_info("session-1")


async def test_the_folders_of_the_last_sessions_are_remembered(
    backend: AcpBackend, workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("acp_sdk.stored_sessions._REMEMBERED", 2)
    async with backend:
        for _ in range(3):
            async with backend.create_session(SessionOptions(cwd=workspace)):
                pass
        assert list(backend._folders_had) == ["session-2", "session-3"]  # pyright: ignore[reportPrivateUsage]  # no more are kept
