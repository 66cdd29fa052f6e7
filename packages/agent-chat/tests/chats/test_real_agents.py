"""The service with the real agents, whose model is the demo's: a turn with approvals, a restart, a kill."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator
from typing import Any

import pytest

from agent_chat.chats.chat import Chat
from agent_chat.chats.prompts import ChatPrompt
from agent_chat.chats.service import ChatService
from agent_chat.chats.settings import ChatSettings
from agent_chat.demo.serving import DemoHouse, open_house
from agent_chat.storage.memory_store import MemoryStore
from agent_sdk_core import RuntimeConfig

pytestmark = pytest.mark.anyio
Watch = Callable[[Chat], Any]


@pytest.fixture(scope="module")
def house() -> Generator[DemoHouse]:
    with open_house() as house:
        yield house


def service_of(house: DemoHouse, store: MemoryStore) -> ChatService:
    return ChatService(
        config=RuntimeConfig(), store=store, make_backend=house.make_backend, backends=house.backends, cwd=house.project
    )


async def answered(watcher: Any, chat: Chat, *names: str) -> list[dict[str, Any]]:
    """Answer request after request by the names of buttons, and return the requests."""
    requests: list[dict[str, Any]] = []
    for name in names:
        request = await watcher.until_request()
        requests.append(request)
        option = next(option for option in request["options"] if option["name"] == name)
        await chat.answer(request["request_id"], option["id"], by="a test")
    return requests


@pytest.mark.parametrize("agent", ["claude", "codex"])
async def test_a_turn_is_asked_about_shown_and_goes_on_after_a_restart(
    watch: Watch, house: DemoHouse, agent: str
) -> None:
    store = MemoryStore()
    async with asyncio.timeout(60), service_of(house, store) as service:
        chat = await service.create(ChatSettings(backend=agent))
        watcher = watch(chat)
        await chat.send(ChatPrompt("Fix it"))
        requests = await answered(watcher, chat, "Allow once", "Allow once", "Deny")
        ending = await watcher.until_ending()
        assert ending["outcome"] == "completed"
        assert "check.sh" in requests[0]["asked"]["command"]
        assert requests[1]["asked"]["diffs"]
        assert (house.project / "greeting.txt").read_text().startswith("Hello, world!")
        assert not (house.project / "published.txt").exists()
        await watcher.until_state("idle")
        states = {card["name"]: card["state"] for event in watcher.events for card in event.get("cards", {}).values()}
        assert "completed" in states.values()
        assert "running" not in states.values()
        before = chat.snapshot()["messages"]
        session_id = chat.meta.last_session_id
        models = await service.models(agent)
        assert models.models
    async with asyncio.timeout(60), service_of(house, store) as service:
        chat = await service.open(chat.id)
        assert [each["message"] for each in chat.snapshot()["messages"]] == [each["message"] for each in before]
        watcher = watch(chat)
        await asyncio.gather(*(chat.send(ChatPrompt(text)) for text in ("again", "and again")))
        assert chat.meta.last_session_id == session_id
        await answered(watcher, chat, "Deny and stop")
        await watcher.until_ending()
        await chat.interrupt()
