"""A session store on the real claude: mirrored while a session runs, gone on with where its file is not."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path
from typing import Any

import anyio
import pytest
from tests.claude.driving import Claude, agent, by_child

from agent_chat.storage.memory_store import MemoryStore
from agent_chat.storage.session_store import ClaudeSessionStore
from agent_sdk_core import AgentError, SessionNotFoundError, SessionOptions
from agent_sdk_testing import ScriptedModel, text
from agent_sdk_testing.contract.watching import run
from claude_sdk import ClaudeBackend
from claude_sdk.store import session_store
from claude_sdk.store.places import folder, project_key

pytestmark = pytest.mark.anyio


async def test_a_session_goes_on_on_a_host_that_has_not_its_file(
    claude_env: dict[str, str], scripted_model: ScriptedModel, agent_workspace: Path
) -> None:
    scripted_model.reply(text("The word is heron.")).reply(text("It was heron."))
    options = SessionOptions(cwd=agent_workspace)
    async with MemoryStore() as chats:
        store = ClaudeSessionStore(chats)
        async with ClaudeBackend(env=claude_env, session_store=store) as backend:
            async with backend.create_session(options) as session:
                assert (await session.run("Remember a word")).outcome == "completed"
                name = session.resolved_session_id
            before = list(await backend.read_history(name))
        key: Any = {"project_key": project_key(agent_workspace), "session_id": name}
        mirrored = await store.load(key)
        assert mirrored is not None
        assert {"user", "assistant"} <= {entry["type"] for entry in mirrored}

        shutil.rmtree(folder(claude_env) / "projects")
        async with ClaudeBackend(env=claude_env) as backend:
            with pytest.raises(SessionNotFoundError):
                await backend.resume(name, options)
        async with ClaudeBackend(env=claude_env, session_store=store) as backend:
            async with backend.resume(name, options) as session:
                assert (await session.run("Which word?")).outcome == "completed"
            after = list(await backend.read_history(name))
        assert [message.uuid for message in after[: len(before)]] == [message.uuid for message in before]
        assert "heron" in scripted_model.requests[-1].text
        again = await store.load(key)
        assert again is not None
        assert len(again) > len(mirrored)


async def test_a_host_that_has_not_the_file_reads_the_same_history_and_keeps_no_file_of_it(
    claude: Claude, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    claude.model.when(by_child).reply(claude.command("echo found")).reply(text("I found it."))
    claude.model.reply(agent(run_in_background=False)).reply(text("All done.")).reply(text("It was heron."))
    monkeypatch.chdir(claude.workspace)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    async with MemoryStore() as chats:
        store = ClaudeSessionStore(chats)
        async with claude.backend(session_store=store) as backend:
            async with await claude.open(backend, permission_mode="bypass") as session:
                await run(session, "Delegate.")
                await run(session, "Which word?")
                name = session.resolved_session_id
            here, known = await backend.read_history(name), await backend.session_info(name)
        assert any(message.parent_tool_use_id is not None for message in here)

        shutil.rmtree(folder(claude.env) / "projects")
        async with claude.backend(session_store=store) as backend:
            assert list(await backend.read_history(name)) == list(here)
            first = await backend.read_history(name, limit=1)
            second = await backend.read_history(name, limit=1, cursor=first.cursor)
            assert [*first, *second] == list(here)
            told = await backend.session_info(name)
            for missing in ("0a1b2c3d-0000-4000-8000-000000000009", "../../etc"):
                with pytest.raises(SessionNotFoundError):
                    await backend.read_history(missing)
            assert list(await backend.list_sessions()) == []

            async with await claude.open(backend, resume=name):
                assert list(await backend.read_history(name)) == list(here)
        assert told == dataclasses.replace(known, updated_at=told.updated_at)
        assert told.updated_at is not None
        assert abs(told.updated_at - (known.updated_at or 0)) < 60
    assert list(tmp_path.glob("claude-session-*")) == []


class Failing:
    """A store that takes nothing and has nothing."""

    async def append(self, key: Any, entries: list[Any]) -> None:
        raise OSError("the store is away")

    async def load(self, key: Any) -> list[Any] | None:
        raise OSError("the store is away")


async def test_a_store_that_fails_ends_no_turn_and_is_told(
    claude_env: dict[str, str], scripted_model: ScriptedModel, agent_workspace: Path
) -> None:
    scripted_model.reply(text("Hello."))
    async with ClaudeBackend(env=claude_env, session_store=Failing()) as backend:
        events = backend.events()
        async with backend.create_session(SessionOptions(cwd=agent_workspace)) as session:
            assert (await session.run("Hi")).outcome == "completed"
            name = session.resolved_session_id
        async for event in events:
            if event.kind == "warning" and "session store did not take" in event.message:
                break
        with pytest.raises(AgentError, match="session store could not load") as caught:
            await backend.resume(name, SessionOptions(cwd=agent_workspace))
        assert caught.value.code == "session_store_failed"
        shutil.rmtree(folder(claude_env) / "projects")
        with pytest.raises(AgentError, match="session store could not load") as caught:
            await backend.read_history(name)
        assert caught.value.code == "session_store_failed"


class Hanging(Failing):
    """A store that never answers."""

    async def append(self, key: Any, entries: list[Any]) -> None:
        await anyio.sleep_forever()


async def test_a_store_that_hangs_does_not_hang_the_close_and_gets_the_rest_when_it_is_back(
    claude_env: dict[str, str], scripted_model: ScriptedModel, agent_workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session_store, "CLOSE_SECONDS", 0.1)
    scripted_model.otherwise(text("Hello."))
    options = SessionOptions(cwd=agent_workspace)
    async with ClaudeBackend(env=claude_env, session_store=Hanging()) as backend:
        events = backend.events()
        async with backend.create_session(options) as session:
            assert (await session.run("Hi")).outcome == "completed"
            name = session.resolved_session_id
        with anyio.fail_after(60):
            await backend.aclose()
        assert [event.message async for event in events if "was not given" in event.message]
    async with MemoryStore() as chats:
        store = ClaudeSessionStore(chats)
        async with ClaudeBackend(env=claude_env, session_store=store) as backend:
            async with backend.resume(name, options) as session:
                assert (await session.run("And now?")).outcome == "completed"
            told = {message.uuid for message in await backend.read_history(name) if message.type == "assistant"}
        loaded = await store.load({"project_key": project_key(agent_workspace), "session_id": name})
        assert loaded is not None
        assert len(told) == 2
        assert told <= {entry.get("uuid") for entry in loaded}
