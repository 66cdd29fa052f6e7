"""Settings that change while chats run: new chats get them, open ones go on as they are."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agent_chat.chats.chat import Chat
from agent_chat.chats.events import ChatDeleted, SettingsChanged
from agent_chat.chats.prompts import ChatPrompt
from agent_chat.chats.service import ChatService
from agent_chat.config.service import SettingsService
from agent_chat.storage.memory_store import MemoryStore
from agent_chat.storage.records import ChatMeta, RetentionPolicy
from agent_sdk_core import RuntimeConfig
from agent_sdk_testing import MemoryBackend, text

pytestmark = pytest.mark.anyio


@pytest.fixture
def settings(tmp_path: Path) -> SettingsService:
    file = tmp_path / "config.toml"
    file.write_text('backend = "claude"\n[flags]\nwatch_settings = false\n', encoding="utf-8")
    (tmp_path / "work").mkdir()
    return SettingsService(cwd=tmp_path / "work", env={}, user_file=file)


async def test_another_default_agent_lasts_and_is_that_of_new_chats(
    make_service: Callable[..., ChatService], settings: SettingsService, tmp_path: Path
) -> None:
    async with make_service(config=None, settings=settings, backends=("claude", "codex")) as service:
        assert service.settings is settings
        before = await service.create()
        await settings.set("backend", "codex")
        after = await service.create()
        assert (before.meta.backend, after.meta.backend) == ("claude", "codex")
        assert service.backends == ("codex", "claude")
    again = SettingsService(cwd=tmp_path / "work", env={}, user_file=tmp_path / "config.toml")
    assert again.config.backend == "codex"


@pytest.mark.parametrize(
    ("name", "value"),
    [("env.A", "b"), ("executable", "/bin/other"), ("url", "ws://127.0.0.1:1"), ("command", ["other"])],
)
async def test_an_agent_that_starts_otherwise_serves_new_chats_and_the_old_one_its_own(
    make_service: Callable[..., ChatService],
    settings: SettingsService,
    watch: Callable[[Chat], Any],
    name: str,
    value: object,
) -> None:
    made: list[MemoryBackend] = []

    def make(name: str) -> MemoryBackend:
        del name
        made.append(MemoryBackend().otherwise(text("Hello")))
        return made[-1]

    service: ChatService = make_service(config=None, settings=settings, backends=("claude", "codex"), make_backend=make)
    async with service:
        told: Any = service.bus.subscribe(SettingsChanged)
        one, two = await service.create(), await service.create()
        seen = watch(one)
        await one.send(ChatPrompt("hi"))
        await seen.until_done()
        await settings.change({f"backends.claude.{name}": value, "request_timeout": 5})
        await anext(told)
        await one.send(ChatPrompt("again"))
        await seen.until_done()
        assert len(made) == 1
        other = watch(two)
        await two.send(ChatPrompt("hi"))
        await other.until_done()
        assert len(made) == 2


async def test_retention_removes_what_it_does_not_keep_and_says_so(
    make_service: Callable[..., ChatService], store: MemoryStore
) -> None:
    config = RuntimeConfig.model_validate({"retention": {"max_chats": 1}})
    async with store:
        for name in ("old", "older", "open"):
            await store.create_chat(ChatMeta(name, last_active_at={"old": 2.0, "older": 1.0, "open": 0.5}[name]))
        await store.acquire("open", name="somebody")
        service = make_service(config=config)
        told = service.bus.subscribe(ChatDeleted)
        async with service:
            assert await anext(told) == ChatDeleted("older")
            assert [chat.id for chat in await service.chats()] == ["old", "open"]
            assert await service.apply_retention() == ()
        async with make_service(config=config, read_only="No.") as service:
            assert await service.apply_retention() == ()


async def test_retention_goes_on_after_a_store_that_raised_anything(
    make_service: Callable[..., ChatService],
    store: MemoryStore,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    apply, failed = store.apply_retention, False

    async def fails_first(policy: RetentionPolicy) -> tuple[str, ...]:
        nonlocal failed
        if not failed:
            failed = True
            raise RuntimeError("a bug")
        return await apply(policy)

    monkeypatch.setattr(store, "apply_retention", fails_first)
    monkeypatch.setattr("agent_chat.chats.service.RETENTION_SECONDS", 0)
    async with store:
        for name, at in (("new", 2.0), ("old", 1.0)):
            await store.create_chat(ChatMeta(name, last_active_at=at))
        service = make_service(config=RuntimeConfig.model_validate({"retention": {"max_chats": 1}}))
        told = service.bus.subscribe(ChatDeleted)
        async with service:
            assert await anext(told) == ChatDeleted("old")
    assert "The store failed: RuntimeError('a bug')." in caplog.text
