"""A prompt between its being taken and the agent's having it: the chat is not ready, and it can be stopped."""

from __future__ import annotations

import asyncio
import base64
import itertools
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from agent_chat.chats.chat import Chat
from agent_chat.chats.prompts import ChatPrompt
from agent_chat.chats.service import ChatService
from agent_sdk_core import InvalidRequestError, SessionBusyError, SessionOptions
from agent_sdk_testing import Gate, MemoryBackend, text

Watch = Callable[[Chat], Any]

pytestmark = pytest.mark.anyio


def is_changed(event: Mapping[str, Any]) -> bool:
    return event.get("prompt") == "no"


@pytest.fixture
def started(agent: MemoryBackend, monkeypatch: pytest.MonkeyPatch) -> asyncio.Event:
    """Has the agent's sessions open once it is set."""
    event = asyncio.Event()
    create = agent.create_session

    async def create_session(options: SessionOptions) -> object:
        await event.wait()
        return await create(options)

    monkeypatch.setattr(agent, "create_session", create_session)
    return event


async def test_a_chat_is_never_ready_while_a_prompt_is_on_its_way(
    watch: Watch, service: ChatService, agent: MemoryBackend, started: asyncio.Event
) -> None:
    agent.otherwise(text("ok"))
    chat = await service.create()
    watcher = watch(chat)
    for name in ("first", "second"):
        sent = asyncio.create_task(chat.send(ChatPrompt(name)))
        await watcher.until_state("opening")
        with pytest.raises(SessionBusyError):
            await chat.set_backend("other")
        started.set()
        await watcher.until_state("running")
        await sent
        await watcher.until_done()
    states = [event["chat"]["state"] for event in watcher.events if event["kind"] == "chat"]
    begun = [after for before, after in itertools.pairwise(states) if before == "opening"]
    assert set(begun) <= {"opening", "running"}, states


async def test_a_prompt_is_stopped_while_the_agent_starts(
    watch: Watch, service: ChatService, agent: MemoryBackend, started: asyncio.Event
) -> None:
    agent.reply(text("to the second"))
    chat = await service.create()
    watcher = watch(chat)
    sent = asyncio.create_task(chat.send(ChatPrompt("first")))
    await watcher.until_state("opening")
    await chat.interrupt()
    started.set()
    with pytest.raises(InvalidRequestError, match="stopped") as stopped:
        await sent
    assert stopped.value.code == "stopped"
    assert (chat.state, chat.snapshot()["unsent"]) == ("idle", [])
    await chat.send(ChatPrompt("second"))
    await watcher.until_done()
    assert [event["prompt"] for event in watcher.events if "prompt" in event] == ["second"]


async def test_who_stops_the_turn_alone_leaves_a_prompt_on_its_way(
    watch: Watch, service: ChatService, agent: MemoryBackend, started: asyncio.Event
) -> None:
    agent.otherwise(text("ok"))
    chat = await service.create()
    watcher = watch(chat)
    sent = asyncio.create_task(chat.send(ChatPrompt("first")))
    await watcher.until_state("opening")
    await chat.interrupt(cancel_queued=False)
    started.set()
    await sent
    assert (await watcher.until_done())["outcome"] == "completed"


async def test_a_prompt_that_waits_keeps_its_images_when_its_text_is_changed(
    watch: Watch, service: ChatService, agent: MemoryBackend
) -> None:
    gate = Gate()
    agent.reply(gate, text("one")).otherwise(text("more"))
    chat = await service.create()
    watcher = watch(chat)
    await chat.send(ChatPrompt("first"))
    image = ("image/png", base64.b64decode("iVBORw0KGgo="))
    await chat.send(ChatPrompt("look", (image,)), uuid="a")
    chat.edit_queued("a", ChatPrompt("look here"), keeps_images=True)
    (waiting,) = chat.view()["queue"]
    assert (waiting["text"], waiting["images"]) == ("look here", 1)
    chat.edit_queued("a", ChatPrompt("no"))
    assert chat.view()["queue"][0]["images"] == 0
    gate.open()
    await watcher.until(is_changed)
    await watcher.until_done()
