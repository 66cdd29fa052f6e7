"""A talk: lines become prompts and commands, what the agent says is shown, what it asks is asked."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from agent_chat.chats.prompts import ChatPrompt
from agent_chat.chats.service import ChatService
from agent_chat.chats.settings import ChatSettings
from agent_chat.terminal.chat.choosing import find_chat
from agent_chat.terminal.chat.talk import Talk
from agent_sdk_core import AgentError, Allow, AuthenticationError, InvalidRequestError
from agent_sdk_testing import Gate, MemoryBackend, call, failed, text

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def talking(talk: Talk, person: Any) -> AsyncGenerator[asyncio.Task[Any]]:
    running = asyncio.create_task(talk.run(None))
    yield running
    person.leave()
    async with asyncio.timeout(30):
        await running


def choosing(value: str | None) -> Callable[[object], str | None]:
    return lambda rows: value


def the_first(rows: Any) -> str:
    return rows[1].value


def state(person: Any) -> str | None:
    return None if person.status is None else person.status.view["state"]


async def test_a_prompt_is_answered_and_the_chat_is_kept(
    talk: Talk, person: Any, agent: MemoryBackend, service: ChatService
) -> None:
    agent.reply(text("Hello yourself."))
    async with talking(talk, person) as running:
        person.type("Hello.")
        await person.until_shown("Hello yourself.")
        await person.until(lambda: state(person) == "idle")
    assert running.result() == 0
    [chat] = await service.chats()
    assert (chat.id, chat.title) == (talk.left, "Hello.")


async def test_a_chat_in_which_nothing_was_said_is_no_chat(talk: Talk, person: Any, service: ChatService) -> None:
    async with talking(talk, person):
        person.type("/help", "/status", "/queue", "/nope")
        await person.until_shown("There is no command /nope")
    assert not len(await service.chats())
    assert talk.left is None


async def test_what_the_agent_asks_is_asked_and_answered(talk: Talk, person: Any, agent: MemoryBackend) -> None:
    agent.reply(call("Bash", command="make")).reply(text("Done."))
    async with talking(talk, person):
        person.type("Make it.")
        await person.until_shown("Done.")
    assert [request.tool_name for request in person.asked] == ["Bash"]


async def test_a_request_that_is_answered_elsewhere_is_withdrawn(talk: Talk, person: Any, agent: MemoryBackend) -> None:
    cancelled: list[str] = []

    async def never(request: Any) -> Allow:
        try:
            return await asyncio.Event().wait()  # type: ignore[return-value]  # it never returns
        finally:
            cancelled.append(request.request_id)

    person.answer = never
    agent.reply(call("Bash", command="make")).reply(text("Done."))
    async with talking(talk, person):
        person.type("Make it.")
        await person.until(lambda: person.asked)
        assert talk.chat is not None
        await talk.chat.answer(person.asked[0].request_id, Allow(), by="the web")
        await person.until_shown("Done.")
    assert cancelled == [person.asked[0].request_id]


async def test_what_is_typed_while_a_turn_runs_waits_and_ctrl_c_gives_it_back(
    talk: Talk, person: Any, agent: MemoryBackend
) -> None:
    agent.reply(text("Wait.", Gate()))
    async with talking(talk, person) as running:
        person.type("Go.")
        await person.until(lambda: state(person) == "running")
        person.type("then this", "and this")
        await person.until(lambda: person.status is not None and len(person.status.view["queue"]) == 2)
        person.type("/queue", "/queue drop 1", "/queue drop 7", "/queue frob")
        await person.until_shown("not 'frob'")
        assert any("1. then this" in each and "2. and this" in each for each in person.shown)
        assert any("There are 1 that wait" in each for each in person.shown)
        talk.interrupt()
        await person.until(lambda: person.given)
        await person.until(lambda: state(person) == "idle")
    assert person.given == ["and this"]
    assert running.result() == 0


async def test_ctrl_c_twice_leaves(talk: Talk, person: Any, agent: MemoryBackend, service: ChatService) -> None:
    agent.reply(text("Wait.", Gate()))
    running = asyncio.create_task(talk.run(await service.create()))
    person.type("Go.")
    await person.until(lambda: state(person) == "running")
    talk.interrupt()
    talk.interrupt()
    async with asyncio.timeout(30):
        assert await running == 130


async def test_ctrl_c_twice_leaves_where_nothing_runs(talk: Talk, person: Any, service: ChatService) -> None:
    running = asyncio.create_task(talk.run(await service.create()))
    await person.until(lambda: person.status is not None)
    talk.interrupt()
    assert "press Ctrl-C again to leave" in person.shown[-1]
    talk.interrupt()
    async with asyncio.timeout(30):
        assert await running == 0


async def test_a_prompt_can_join_the_turn_that_runs(talk: Talk, person: Any, agent: MemoryBackend) -> None:
    gate = Gate()
    agent.reply(text("Wait.", gate)).reply(text("I heard."))
    async with talking(talk, person):
        person.type("Go.")
        await person.until(lambda: state(person) == "running")
        person.type("/steer", "/steer listen")
        person.type("and this", steers=True)
        await person.until_shown("Say what behind it")
        gate.open()
        await person.until(lambda: state(person) == "idle")
    assert person.status is not None
    assert person.status.view["queue"] == []


async def test_settings_are_changed_by_name_or_chosen(
    talk: Talk, person: Any, service: ChatService, monkeypatch: pytest.MonkeyPatch, agent: MemoryBackend
) -> None:
    models = [model.id for model in await agent_models(service)]
    async with talking(talk, person):
        person.type("/mode plan", "/mode plna", f"/model {models[0]}", f"/model {models[0]}x", "/title A roof")
        await person.until_shown("did you mean 'plan'")
        await person.until(lambda: person.status is not None and person.status.view["title"] == "A roof")
        assert any("offers no model" in each and f"did you mean '{models[0]}'" in each for each in person.shown)
        person.choice = choosing("accept_edits")
        person.type("/mode")
        await person.until_shown("permission mode accept_edits")
        person.choice = choosing(None)
        person.type("/model", "/effort", "/agent", "/title")
        await person.until_shown("Say the title behind it")
        assert talk.chat is not None
        assert (talk.chat.meta.model, talk.chat.meta.permission_mode) == (models[0], "accept_edits")
        person.type("/agent other", "/agent nobody")
        await person.until_shown("There is no agent 'nobody'")
        assert talk.chat.meta.backend == "other"
    assert [heading for heading, _ in person.menus][1:3] == ["Which model?", "How much shall it reason?"]


async def agent_models(service: ChatService) -> Any:
    return (await service.models("memory")).models


async def test_a_fork_a_new_chat_and_another_one(
    talk: Talk, person: Any, agent: MemoryBackend, service: ChatService
) -> None:
    agent.reply(text("Noted."))
    async with talking(talk, person):
        person.type("/fork", "Remember blue.")
        await person.until_shown("nothing to fork yet")
        await person.until_shown("Noted.")
        await person.until(lambda: state(person) == "idle")
        first = talk.chat
        person.type("/fork")
        await person.until_shown("this is a copy from here on")
        copy = talk.chat
        assert copy is not None
        assert first is not None
        assert copy.id != first.id
        person.type("/new")
        await person.until_shown("a new chat")
        person.choice = choosing(first.id)
        person.shown.clear()
        person.type("/chats")
        await person.until_shown("Noted.")
        assert talk.chat is not None
        assert talk.chat.id == first.id
        person.type(f"/chats {copy.id[:12]}", "/chats zzz")
        await person.until_shown("There is no chat 'zzz'")
        assert talk.chat.id == copy.id
    assert {chat.id for chat in await service.chats()} == {first.id, copy.id}


async def test_a_compaction_is_shown_as_work(talk: Talk, person: Any, agent: MemoryBackend) -> None:
    agent.reply(text("Noted."))
    async with talking(talk, person):
        person.type("Remember.")
        await person.until_shown("Noted.")
        await person.until(lambda: state(person) == "idle")
        person.type("/compact", "/stop")
        await person.until(lambda: any("compact" in each for each in person.shown))


async def test_a_prompt_that_cannot_be_sent_is_given_back(
    talk: Talk, person: Any, agent: MemoryBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(options: Any) -> Any:
        raise AuthenticationError("nobody is logged in")

    monkeypatch.setattr(agent, "create_session", refuse)
    async with talking(talk, person) as running:
        person.type("Hello.")
        await person.until_shown("nobody is logged in")
        await person.until(lambda: person.given)
    assert (person.given, running.result()) == (["Hello."], 0)


async def test_without_a_person_each_line_waits_for_the_one_before_and_failures_are_told_by_the_code(
    service: ChatService, person: Any, agent: MemoryBackend
) -> None:
    person.live = False
    talk = Talk(service, person, ChatSettings("memory"))
    agent.reply(text("One.")).reply(text("Two."))
    person.type("first", "second", "/model", "/mode", "/chats", "/status")
    person.leave()
    async with asyncio.timeout(30):
        assert await talk.run(None) == 0
    said = [each for each in person.shown if each in ("One.", "Two.")]
    assert said == ["One.", "Two."]
    person.type("/nope")
    person.leave()
    async with asyncio.timeout(30):
        assert await talk.run(None) == 1
    assert not person.menus


async def test_a_failed_turn_in_a_pipe_has_the_code_of_one(
    service: ChatService, person: Any, agent: MemoryBackend
) -> None:
    person.live = False
    agent.reply(failed("it broke"))
    person.type("first")
    person.leave()
    async with asyncio.timeout(30):
        assert await Talk(service, person, ChatSettings("memory")).run(None) == 1


async def test_nobody_who_reads_ends_the_talk(talk: Talk, person: Any, agent: MemoryBackend) -> None:
    agent.reply(text("Hello."))
    person.broken = True
    person.type("Hi.")
    async with asyncio.timeout(30):
        assert await talk.run(None) == 141
    assert talk.unwritten is not None


async def test_what_was_typed_and_not_sent_is_there_the_next_time(
    service: ChatService, person: Any, agent: MemoryBackend
) -> None:
    agent.reply(text("Noted."))
    talk = Talk(service, person, ChatSettings("memory"))
    async with talking(talk, person):
        person.type("Remember.")
        await person.until_shown("Noted.")
        await person.until(lambda: state(person) == "idle")
        person.typed = "half a thou"
    person.typed = ""
    person.shown.clear()
    person.choice = the_first
    async with talking(Talk(service, person, ChatSettings("memory")), person):
        await person.until(lambda: person.given)
        await person.until_shown("Noted.")
        person.type("/quit")
    assert person.given == ["half a thou"]


async def test_leaving_the_choice_leaves(service: ChatService, person: Any, agent: MemoryBackend) -> None:
    agent.reply(text("Noted."))
    chat = await service.create()
    await chat.send(ChatPrompt("Hi."))
    async with asyncio.timeout(30):
        assert await Talk(service, person, ChatSettings("memory")).run(None) == 0
    [(heading, rows)] = person.menus
    assert (heading, rows[0].value, rows[1].value) == ("Which chat?", "new", chat.id)


async def test_a_chat_is_found_by_the_beginning_of_its_id(service: ChatService) -> None:
    chat, other = await service.create(), await service.create()
    assert (await find_chat(service, chat.id)).id == chat.id
    length = next(n for n in range(1, 36) if chat.id[:n] != other.id[:n])
    assert (await find_chat(service, chat.id[:length])).id == chat.id
    with pytest.raises(InvalidRequestError, match="There is no chat"):
        await find_chat(service, "zzz")
    if length > 1:
        with pytest.raises(AgentError, match="write more of the id"):
            await find_chat(service, chat.id[: length - 1])
