"""The service with an agent in memory: prompts, answers, several readers, settings, and what a restart leaves."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import pytest

from agent_chat.chats.chat import Chat
from agent_chat.chats.events import (
    ApprovalResolved,
    BackendChanged,
    ChatCreated,
    ChatDeleted,
    ChatStateChanged,
    SettingsChanged,
)
from agent_chat.chats.prompts import ChatPrompt
from agent_chat.chats.service import ChatService
from agent_chat.chats.settings import SANDBOXES, ChatSettings
from agent_chat.storage.memory_store import MemoryStore
from agent_chat.storage.records import ChatMeta, StoredPrompt
from agent_sdk_core import (
    AgentError,
    Allow,
    InvalidRequestError,
    RuntimeConfig,
    SandboxPolicy,
    SessionBusyError,
    SessionClosedError,
    SessionOptions,
)
from agent_sdk_core.hosting.stream import Cursor
from agent_sdk_testing import Gate, MemoryBackend, call, text

Service = Callable[..., ChatService]
Watch = Callable[[Chat], Any]
Event = dict[str, Any]

pytestmark = pytest.mark.anyio


def noted(agent: MemoryBackend, monkeypatch: pytest.MonkeyPatch) -> list[SessionOptions]:
    """Return the list in which the options of the agent's sessions are noted."""
    opened: list[SessionOptions] = []
    create = agent.create_session

    def create_session(options: SessionOptions) -> object:
        opened.append(options)
        return create(options)

    monkeypatch.setattr(agent, "create_session", create_session)
    return opened


def emptied(event: Event) -> bool:
    return event["kind"] == "chat" and event["chat"]["state"] == "idle" and not event["chat"]["queue"]


def has_notice(event: Event) -> bool:
    return "notice" in event


def is_told_what_is_configured(event: Event) -> bool:
    return event["kind"] == "chat" and "is configured" in event["chat"]["reason"]


def tells_of_the_bug(event: Event) -> bool:
    return event["kind"] == "chat" and "RuntimeError('a bug')" in event["chat"]["reason"]


def is_answered(event: Event) -> bool:
    return event.get("answered_by") is not None


def always(agent: MemoryBackend) -> Callable[[str], MemoryBackend]:
    def make(name: str) -> MemoryBackend:
        del name
        return agent

    return make


async def test_a_prompt_streams_its_answer_and_ends(watch: Watch, service: ChatService, agent: MemoryBackend) -> None:
    agent.reply(text("Hel", "lo"))
    chat = await service.create()
    watcher = watch(chat)
    await chat.send(ChatPrompt("Hi"))
    ending = await watcher.until_done()
    assert ending["outcome"] == "completed"
    deltas = watcher.messages("stream_event")
    assert "".join(each["event"]["delta"]["text"] for each in deltas) == "Hello"
    assert [event["prompt"] for event in watcher.events if "prompt" in event] == ["Hi"]
    assert chat.meta.title == "Hi"
    seqs = [event["seq"] for event in watcher.events]
    assert seqs == sorted(set(seqs))


async def test_a_reader_goes_on_at_its_cursor_between_any_two_events(
    watch: Watch, service: ChatService, agent: MemoryBackend
) -> None:
    agent.reply(text("a", "b", "c"), call("Bash", command="ls")).reply(text("done"))
    chat = await service.create()
    watcher = watch(chat)
    await chat.send(ChatPrompt("Go"))
    request = await watcher.until_request()
    await chat.answer(request["request_id"], "1", by="tab 1")
    await watcher.until_done()
    last = watcher.events[-1]["seq"]
    whole = [
        event["message"]
        for event in watcher.events
        if event["kind"] == "message" and event["message"]["type"] != "stream_event"
    ]
    for seq in range(last):
        told = await chat.follow(Cursor(chat.feed.stream.epoch, seq)).read()
        assert told is not None
        assert told["type"] == "events"
        events = told["events"]
        assert events[0]["seq"] > seq
        again = [
            event["message"]
            for event in events
            if event["kind"] == "message" and event["message"]["type"] != "stream_event"
        ]
        assert again == whole[len(whole) - len(again) :]


async def test_the_first_answer_wins_and_the_others_learn_who_was_first(
    watch: Watch, service: ChatService, agent: MemoryBackend
) -> None:
    agent.reply(call("Bash", command="ls")).reply(text("ok"))
    events = service.bus.subscribe(ApprovalResolved)
    chat = await service.create()
    one, other = watch(chat), watch(chat)
    await chat.send(ChatPrompt("Go"))
    request = await one.until_request()
    assert (await other.until_request())["request_id"] == request["request_id"]
    snapshot = chat.snapshot()
    assert [each["request_id"] for each in snapshot["pending"]] == [request["request_id"]]
    assert snapshot["chat"]["state"] == "requires_action"
    await chat.answer(request["request_id"], Allow(), by="tab 1")
    resolved = await other.until(is_answered)
    assert resolved["answered_by"] == "tab 1"
    with pytest.raises(InvalidRequestError) as raised:
        await chat.answer(request["request_id"], Allow(), by="tab 2")
    assert raised.value.code == "already_answered"
    assert raised.value.details["answered_by"] == "tab 1"
    with pytest.raises(InvalidRequestError, match="Nothing of this id"):
        await chat.answer("nothing", "1")
    assert (await anext(events)).answered_by == "tab 1"
    await one.until_ending()
    assert chat.snapshot()["pending"] == []


async def test_of_two_answers_at_once_the_second_is_told_who_was_first(
    watch: Watch, service: ChatService, agent: MemoryBackend
) -> None:
    agent.reply(call("Bash", command="ls")).reply(text("ok"))
    chat = await service.create()
    seen = watch(chat)
    await chat.send(ChatPrompt("Go"))
    request = await seen.until_request()
    refused: list[InvalidRequestError] = []

    async def answer(by: str) -> None:
        try:
            await chat.answer(request["request_id"], Allow(), by=by)
        except InvalidRequestError as error:
            refused.append(error)

    async with anyio.create_task_group() as tasks:
        for tab in ("tab 1", "tab 2"):
            tasks.start_soon(answer, tab)
    [error] = refused
    with anyio.fail_after(30):
        first = (await seen.until(is_answered))["answered_by"]
    assert (error.code, error.details["answered_by"]) == ("already_answered", first)


async def test_an_option_that_is_not_offered_leaves_the_request_open(
    watch: Watch, service: ChatService, agent: MemoryBackend
) -> None:
    agent.reply(call("Bash", command="ls")).reply(text("ok"))
    chat = await service.create()
    watcher = watch(chat)
    await chat.send(ChatPrompt("Go"))
    request = await watcher.until_request()
    with pytest.raises(InvalidRequestError, match="no option"):
        await chat.answer(request["request_id"], "9")
    assert len(chat.pending) == 1


async def test_a_prompt_that_comes_twice_is_sent_once(watch: Watch, service: ChatService, agent: MemoryBackend) -> None:
    agent.otherwise(text("once"))
    chat = await service.create()
    watcher = watch(chat)
    first = await chat.send(ChatPrompt("Hi"), uuid="u-1")
    assert await chat.send(ChatPrompt("Hi"), uuid="u-1") == first
    await watcher.until_done()
    assert len(watcher.messages("result")) == 1


async def test_prompts_sent_at_once_open_one_session(
    service: ChatService, agent: MemoryBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent.otherwise(text("ok"))
    opened = noted(agent, monkeypatch)
    chat = await service.create()
    await asyncio.gather(*(chat.send(ChatPrompt(f"{number}")) for number in range(5)))
    assert len(opened) == 1


async def test_waiting_prompts_are_shown_edited_moved_and_removed(
    watch: Watch, service: ChatService, agent: MemoryBackend
) -> None:
    gate = Gate()
    agent.reply(gate, text("one")).otherwise(text("more"))
    chat = await service.create()
    watcher = watch(chat)
    await chat.send(ChatPrompt("first"))
    await watcher.until_state("running")
    for name in ("a", "b", "c"):
        await chat.send(ChatPrompt(name), uuid=name)
    chat.edit_queued("a", ChatPrompt("A"))
    chat.move_queued("c", 0)
    chat.edit_queued("b", None)
    assert [each["text"] for each in chat.view()["queue"]] == ["c", "A"]
    gate.open()
    await watcher.until(emptied)
    assert [event["prompt"] for event in watcher.events if "prompt" in event][:3] == ["first", "c", "A"]
    for act in (lambda: chat.edit_queued("a", None), lambda: chat.move_queued("a", 0)):
        with pytest.raises(InvalidRequestError):
            act()


async def test_stop_ends_the_turn_and_what_waits(watch: Watch, service: ChatService, agent: MemoryBackend) -> None:
    agent.reply(call("Bash", command="ls"))
    chat = await service.create()
    assert not (await chat.interrupt()).interrupted
    watcher = watch(chat)
    await chat.send(ChatPrompt("Go"))
    await watcher.until_request()
    assert (await chat.interrupt()).interrupted
    assert (await watcher.until_ending())["outcome"] == "interrupted"
    assert chat.pending == []


async def test_settings_reach_the_session_and_the_store(
    watch: Watch, service: ChatService, agent: MemoryBackend, store: MemoryStore
) -> None:
    agent.otherwise(text("ok"))
    chat = await service.create(ChatSettings(model="one", effort="low", permission_mode="acceptEdits"))
    watcher = watch(chat)
    await chat.send(ChatPrompt("Hi"))
    assert chat.session is not None
    assert (chat.session.info.model, chat.session.info.permission_mode) == ("one", "accept_edits")
    await watcher.until_done()
    await chat.set_model("two")
    await chat.set_effort("high")
    await chat.set_permission_mode("plan")
    await chat.set_sandbox("read-only")
    kept = await store.get_chat(chat.id)
    assert (kept.model, kept.effort, kept.permission_mode, kept.sandbox) == ("two", "high", "plan", "read-only")
    assert chat.session is None, "the next one is opened in the sandbox"
    with pytest.raises(InvalidRequestError, match="no sandbox"):
        await chat.set_sandbox("none")


async def test_the_sandbox_stays_as_it_is_while_a_turn_runs(
    watch: Watch, service: ChatService, agent: MemoryBackend
) -> None:
    agent.reply(call("Bash", command="ls"))
    chat = await service.create()
    watcher = watch(chat)
    await chat.send(ChatPrompt("Hi"))
    await watcher.until_request()
    with pytest.raises(SessionBusyError):
        await service.change_sandbox(chat, "read-only")
    assert chat.meta.sandbox is None


async def test_no_agent_has_a_chat_whose_sandbox_it_cannot_keep_to(
    service: ChatService, monkeypatch: pytest.MonkeyPatch
) -> None:
    can = replace(MemoryBackend.capabilities, unsupported_options=frozenset({"sandbox"}))
    boxed = await service.create(ChatSettings(sandbox="read-only"))
    assert await service.sandboxes("other") == SANDBOXES
    monkeypatch.setattr(await service.agents.get("other"), "capabilities", can)
    assert await service.sandboxes("other") == ()
    with pytest.raises(InvalidRequestError, match="other cannot keep to a sandbox, and this chat has 'read-only'"):
        await service.change_backend(boxed, "other")
    with pytest.raises(InvalidRequestError, match="cannot keep to a sandbox"):
        await service.create(ChatSettings(backend="other", sandbox="read-only"))
    assert boxed.meta.backend == "memory"
    await service.change_sandbox(boxed, None)
    await service.change_backend(boxed, "other")
    with pytest.raises(InvalidRequestError, match="cannot keep to a sandbox"):
        await service.change_sandbox(boxed, "workspace-write")


async def test_no_chat_is_made_with_an_agent_that_cannot_keep_to_the_sandbox_that_is_configured(
    service: ChatService, monkeypatch: pytest.MonkeyPatch
) -> None:
    chat = await service.create()
    config = RuntimeConfig(sandbox=SandboxPolicy(mode="read-only"))

    def configured(service: ChatService) -> RuntimeConfig:
        del service
        return config

    monkeypatch.setattr(ChatService, "config", property(configured))
    can = replace(MemoryBackend.capabilities, unsupported_options=frozenset({"sandbox"}))
    monkeypatch.setattr(await service.agents.get("other"), "capabilities", can)
    with pytest.raises(InvalidRequestError, match="'read-only' is configured: choose another agent, or take"):
        await service.create(ChatSettings(backend="other"))
    with pytest.raises(InvalidRequestError, match="'read-only' is configured"):
        await service.change_backend(chat, "other")
    assert chat.meta.backend == "memory"


async def test_a_chat_says_at_once_that_its_agent_cannot_keep_to_the_sandbox_that_is_configured_since(
    watch: Watch, make_service: Service, agent: MemoryBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent.otherwise(text("ok"))
    async with make_service() as service:
        chat = await service.create()
        await chat.send(ChatPrompt("Hi"))
        await watch(chat).until_done()
        assert chat.view()["reason"] == ""
    can = replace(MemoryBackend.capabilities, unsupported_options=frozenset({"sandbox"}))
    config, boxing, plain = RuntimeConfig(sandbox=SandboxPolicy(mode="read-only")), MemoryBackend(), MemoryBackend()
    monkeypatch.setattr(plain, "capabilities", can)
    opened = noted(plain, monkeypatch)
    agents = {"memory": plain, "other": boxing.otherwise(text("ok"))}
    async with make_service(config=config, make_backend=agents.__getitem__) as service:
        chat = await service.open(chat.id)
        why = "memory cannot keep to a sandbox, and 'read-only' is configured: choose another agent, or take the"
        assert why in chat.view()["reason"]
        with pytest.raises(InvalidRequestError, match="choose another agent"):
            await chat.send(ChatPrompt("Again"))
        assert opened == []
        assert chat.journal.unsent == []
        await service.change_backend(chat, "other")
        assert chat.view()["reason"] == ""
        await chat.send(ChatPrompt("And now"))


async def test_what_is_in_the_way_of_an_agent_is_told_when_the_settings_change(
    watch: Watch, make_service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with make_service() as service:
        chat = await service.create()
        watcher = watch(chat)
        config = RuntimeConfig(sandbox=SandboxPolicy(mode="read-only"))

        def configured(service: ChatService) -> RuntimeConfig:
            del service
            return config

        monkeypatch.setattr(ChatService, "config", property(configured))

        def unsupported(name: str) -> frozenset[str]:
            return frozenset({"sandbox"} if name == "memory" else ())

        monkeypatch.setattr(service.agents, "unsupported", unsupported)
        service.bus.publish(SettingsChanged(("sandbox.mode",)))
        await watcher.until(is_told_what_is_configured)


async def test_an_agent_that_cannot_be_made_is_not_said_to_lack_a_sandbox(make_service: Service) -> None:
    def refuse(name: str) -> MemoryBackend:
        raise InvalidRequestError(f"There is no {name}.")

    async with make_service(make_backend=refuse) as service:
        assert service.agents.unsupported("memory") == frozenset()


async def test_another_agent_goes_on_in_a_session_of_its_own(
    watch: Watch, service: ChatService, agent: MemoryBackend
) -> None:
    agent.reply(text("one")).reply(call("Bash", command="ls"))
    chat = await service.create()
    watcher = watch(chat)
    await chat.send(ChatPrompt("Hi"))
    await watcher.until_done()
    await chat.set_backend("other")
    assert (chat.meta.backend, chat.meta.last_session_id, chat.session) == ("other", None, None)
    await chat.send(ChatPrompt("Hi again"))
    await watcher.until_request()
    with pytest.raises(SessionBusyError):
        await chat.set_backend("memory")


async def test_after_a_restart_the_chat_goes_on_in_the_same_session(
    watch: Watch, make_service: Service, agent: MemoryBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent.otherwise(text("ok"))
    async with make_service() as first:
        chat = await first.create(ChatSettings(effort="high", permission_mode="plan"))
        watcher = watch(chat)
        await chat.send(ChatPrompt("Hi"))
        await watcher.until_done()
        await chat.drafts.set_text("half a th")
        await chat.drafts.set_images((("image/png", b"a picture"),))
        await chat.drafts.set_images((("image/gif", b"hers"),), author="her")
        chat_id, session_id = chat.id, chat.meta.last_session_id
        before = chat.snapshot()["messages"]
    assert session_id is not None
    again = MemoryBackend().otherwise(text("ok"))
    monkeypatch.setattr(again, "_store", vars(agent)["_store"])
    opened = noted(again, monkeypatch)
    async with make_service(make_backend=always(again)) as second:
        assert [meta.id for meta in await second.chats()] == [chat_id]
        chat = await second.open(chat_id)
        assert await second.open(chat_id) is chat
        snapshot = chat.snapshot()
        assert [each["message"] for each in snapshot["messages"]] == [each["message"] for each in before]
        assert await chat.drafts.text() == "half a th"
        assert await chat.drafts.images() == (("image/png", b"a picture"),)
        assert await chat.drafts.images(author="her") == (("image/gif", b"hers"),)
        await chat.drafts.set_images(())
        assert (await chat.drafts.text(), await chat.drafts.images()) == ("half a th", ())
        assert not opened
        await asyncio.gather(chat.send(ChatPrompt("and")), chat.send(ChatPrompt("on")))
        (options,) = opened
        assert (options.resume, options.reasoning_effort, options.permission_mode) == (session_id, "high", "plan")


async def test_a_model_that_is_gone_gives_way_with_a_word(
    watch: Watch, make_service: Service, store: MemoryStore
) -> None:
    agent = MemoryBackend().otherwise(text("ok"))
    async with make_service(make_backend=always(agent)) as service:
        chat = await service.create(ChatSettings(model="gone-1"))
        await chat.send(ChatPrompt("Hi"))
        watcher = watch(chat)
        await watcher.until_done()
        assert chat.meta.model == "gone-1", "a model that somebody names is taken as it is"
        await chat.end_session()
        watcher = watch(chat)
        await chat.send(ChatPrompt("Hi"))
        notice = await watcher.until(has_notice)
        assert "gone-1 is no longer offered" in notice["notice"]["text"]
        assert chat.meta.model is None
        await watcher.until_ending()


async def test_what_waited_when_the_application_was_killed_has_expired(
    watch: Watch, make_service: Service, store: MemoryStore
) -> None:
    agent = MemoryBackend().reply(call("Bash", command="ls")).otherwise(text("ok"))
    killed = make_service(make_backend=always(agent))
    await killed.__aenter__()
    chat = await killed.create()
    watcher = watch(chat)
    await chat.send(ChatPrompt("Go"))
    request = await watcher.until_request()
    assert chat.log is not None
    assert await chat.log.flush(30)
    await store.release(chat.log.lease)
    async with make_service(make_backend=always(agent)) as service:
        again = await service.open(chat.id)
        snapshot = again.snapshot()
        assert snapshot["pending"] == []
        resolved = [
            each["message"] for each in snapshot["messages"] if each["message"].get("subtype") == "request_resolved"
        ]
        assert [(each["request_id"], each["outcome"]) for each in resolved] == [(request["request_id"], "expired")]
        states = [card["state"] for each in snapshot["messages"] for card in each.get("cards", {}).values()]
        assert states[-1] == "stopped"
        assert snapshot["messages"][-1]["ending"]["outcome"] == "interrupted"
    # The first service lost its lease to the second: it writes nothing any more.
    await killed.aclose()


async def test_a_prompt_that_was_cut_off_long_ago_is_not_told_as_never_sent(
    make_service: Service, store: MemoryStore
) -> None:
    async with make_service() as service:
        chat_id = (await service.create()).id
        await service.close_chat(chat_id)
        lease = await store.acquire(chat_id)
        for uuid in ("sent", "ended", "never"):
            await store.put_prompt(chat_id, StoredPrompt(uuid, {"text": uuid}), lease=lease)
            await store.move_prompt(chat_id, uuid, "dispatched", lease=lease)
        prompt = {"type": "user", "uuid": "sent", "isReplay": True, "message": {"role": "user", "content": "sent"}}
        said = [
            {"type": "assistant", "uuid": f"m{index}", "message": {"content": [{"type": "text", "text": "x"}]}}
            for index in range(1_100)
        ]
        await store.append(chat_id, [prompt, *said], lease=lease)
        await store.move_prompt(chat_id, "ended", "ended", lease=lease)
        await store.release(lease)
        assert [each["uuid"] for each in (await service.open(chat_id)).journal.unsent] == ["never"]
        assert [each.uuid for each in await store.prompts(chat_id, state="ended")] == ["sent", "ended"]


async def test_a_prompt_that_nobody_knows_to_be_sent_is_shown_and_not_sent(
    make_service: Service, store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with make_service() as service:
        chat = await service.create()
        chat_id = chat.id
        with monkeypatch.context() as patch:

            async def refuse(*_: object) -> Any:
                raise asyncio.CancelledError

            patch.setattr(chat, "_open_session", refuse)
            with pytest.raises(asyncio.CancelledError):
                await chat.send(ChatPrompt("lost?"), uuid="u")
    async with make_service() as service:
        chat = await service.open(chat_id)
        assert [each["text"] for each in chat.snapshot()["unsent"]] == ["lost?"]
        await chat.forget_unsent("u")
        assert chat.snapshot()["unsent"] == []
    async with make_service() as service:
        assert (await service.open(chat_id)).snapshot()["unsent"] == []


@pytest.mark.parametrize(
    ("backend", "cwd", "reason"),
    [("gone", ".", "'gone' is not installed"), (None, ".", "which agent"), ("memory", "nowhere", "not there any more")],
)
async def test_a_chat_that_cannot_go_on_opens_read_only(
    make_service: Service, store: MemoryStore, tmp_path: Path, backend: str | None, cwd: str, reason: str
) -> None:
    async with make_service() as service:
        await store.create_chat(ChatMeta("old", backend=backend, cwd=str(tmp_path / cwd)))
        chat = await service.open("old")
        assert chat.state == "read_only"
        assert reason in chat.view()["reason"]
        assert chat.snapshot()["messages"] == []
        with pytest.raises(SessionClosedError, match="only be read"):
            await chat.send(ChatPrompt("Hi"))


async def test_a_chat_of_another_process_opens_read_only(make_service: Service, store: MemoryStore) -> None:
    async with make_service(name="terminal") as one:
        chat = await one.create()
        async with make_service() as other:
            seen = await other.open(chat.id)
            assert seen.state == "read_only"
            assert "terminal" in seen.view()["reason"]
            await store.open()
        await store.open()


async def test_a_chat_that_another_process_has_closed_can_be_written_when_it_is_opened_again(
    make_service: Service, store: MemoryStore, agent: MemoryBackend, watch: Watch
) -> None:
    agent.otherwise(text("Here."))
    async with make_service(name="here") as here:
        other = make_service(name="terminal")
        await other.__aenter__()
        chat = await other.create()
        seen = await here.open(chat.id)
        assert await here.open(chat.id) is seen, "it is held still"
        reader = seen.follow()
        assert (await reader.read() or {})["type"] == "snapshot"
        watcher = watch(chat)
        await chat.send(ChatPrompt("There."))
        await watcher.until_done()
        await other.close_chat(chat.id)
        again = await here.open(chat.id)
        assert [view["prompt"] for view in again.snapshot()["messages"] if "prompt" in view] == ["There."]
        assert await reader.read() is None, "who follows what could only be read comes back"
        await again.send(ChatPrompt("Hi"))
        await other.aclose()
        await store.open()


async def cancelled_open(
    service: ChatService, store: MemoryStore, waits_in: str, monkeypatch: pytest.MonkeyPatch
) -> tuple[str, asyncio.Event]:
    """Cancel who opens a closed chat while the store is asked; return the chat, and what lets the store answer."""
    asked, gate = asyncio.Event(), asyncio.Event()
    method = getattr(store, waits_in)

    async def later(*args: Any, **kwargs: Any) -> Any:
        asked.set()
        await gate.wait()
        return await method(*args, **kwargs)

    chat_id = (await service.create()).id
    await service.close_chat(chat_id)
    monkeypatch.setattr(store, waits_in, later)
    opening = asyncio.create_task(service.open(chat_id))
    await asked.wait()
    opening.cancel()
    with pytest.raises(asyncio.CancelledError):
        await opening
    return chat_id, gate


async def test_an_open_that_is_cancelled_leaves_no_chat_held_by_nobody(
    make_service: Service, store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with make_service() as service:
        chat_id, gate = await cancelled_open(service, store, "read_messages", monkeypatch)
        gate.set()
        assert (await service.open(chat_id)).state == "closed"


async def test_a_service_that_is_closed_waits_for_what_somebody_who_is_gone_had_opened(
    make_service: Service, store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with make_service() as service:
        before = asyncio.all_tasks()
        _, gate = await cancelled_open(service, store, "get_chat", monkeypatch)
        closing = asyncio.create_task(service.aclose())
        asyncio.get_running_loop().call_soon(gate.set)
        await closing
        assert asyncio.all_tasks() <= before
        assert service.open_chats == ()


async def test_a_chat_goes_on_and_says_so_where_the_store_raises_anything_as_it_is_changed(
    watch: Watch, service: ChatService, store: MemoryStore, agent: MemoryBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fails(*args: Any, **kwargs: Any) -> Any:
        raise RuntimeError("a bug")

    agent.otherwise(text("Here."))
    chat = await service.create()
    reader = watch(chat)
    await chat.send(ChatPrompt("Hello"))
    await reader.until_done()
    monkeypatch.setattr(store, "update_chat", fails)
    await chat.send(ChatPrompt("Again"))
    assert (await reader.until_ending())["outcome"] == "completed"
    await reader.until(tells_of_the_bug)


async def test_lists_search_archive_and_delete(watch: Watch, service: ChatService, agent: MemoryBackend) -> None:
    agent.otherwise(text("The quick brown fox"))
    events = service.bus.subscribe(ChatCreated, ChatDeleted, ChatStateChanged)
    chat = await service.create(ChatSettings(title="Fox", tags=("x",)))
    watcher = watch(chat)
    await chat.send(ChatPrompt("Hi"))
    await watcher.until_done()
    assert chat.log is not None
    await chat.log.flush(30)
    assert [hit.chat_id for hit in await service.search("brown")] == [chat.id]
    page = await service.messages(chat.id, before=chat.meta.last_seq or 100)
    assert any("prompt" in each for each in page["messages"])
    assert [meta.title for meta in await service.chats(tag="x")] == ["Fox"]
    await service.archive(chat.id)
    assert not len(await service.chats())
    await service.archive(chat.id, archived=False)
    await service.delete(chat.id)
    assert not len(await service.chats(archived=None))
    assert not service.open_chats
    service.bus.close()
    told = [event async for event in events]
    assert isinstance(told[0], ChatCreated)
    assert isinstance(told[-1], ChatDeleted)
    assert "completed" in [event.outcome for event in told if isinstance(event, ChatStateChanged)]


async def test_models_are_asked_once(service: ChatService) -> None:
    first = await service.models("memory")
    assert await service.models("memory") is first
    assert await service.models("memory", fresh=True) is not first
    with pytest.raises(InvalidRequestError, match="memory, other"):
        await service.models("nobody")


async def test_an_agent_that_cannot_start_is_tried_again(
    watch: Watch, make_service: Service, agent: MemoryBackend
) -> None:
    agent.otherwise(text("ok"))
    attempts: list[str] = []

    def make(name: str) -> MemoryBackend:
        attempts.append(name)
        if len(attempts) == 1:
            raise AgentError("It is not installed.")
        return agent

    async with make_service(make_backend=make) as service:
        chat = await service.create()
        with pytest.raises(AgentError, match="not installed"):
            await chat.send(ChatPrompt("Hi"))
        assert chat.state == "closed"
        watcher = watch(chat)
        await chat.send(ChatPrompt("Hi"))
        await watcher.until_ending()
        assert chat.snapshot()["unsent"] == []


async def test_a_closed_service_opens_nothing(make_service: Service) -> None:
    async with make_service() as service:
        chat = await service.create()
        reader = chat.follow()
        await reader.read()
    assert await reader.read() is None
    await service.aclose()
    with pytest.raises(SessionClosedError):
        await service.open(chat.id)
    with pytest.raises(SessionClosedError):
        await chat.send(ChatPrompt("Hi"))


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"modle": "x"}, "did you mean 'model'"),
        ({"model": 3}, "cannot be 3"),
        ({"tags": "x"}, "cannot be 'x'"),
        ({"zzz": "x"}, "it has backend"),
    ],
)
def test_settings_that_are_none_are_refused(settings: dict[str, object], complaint: str) -> None:
    with pytest.raises(InvalidRequestError, match=complaint):
        ChatSettings.from_wire(settings)


async def test_settings_that_cannot_be_are_refused(service: ChatService) -> None:
    for settings, complaint in (
        (ChatSettings(cwd="nowhere"), "not a folder"),
        (ChatSettings(cwd="\0"), "cannot be used"),
        (ChatSettings(sandbox="box"), "no sandbox"),
        (ChatSettings(backend="nobody"), "no agent"),
    ):
        with pytest.raises(InvalidRequestError, match=complaint):
            await service.create(settings)
    assert not len(await service.chats())


async def test_an_agent_that_dies_is_resumed_by_the_next_prompt(
    watch: Watch, service: ChatService, agent: MemoryBackend
) -> None:
    agent.reply(text("one")).reply(call("Bash", command="ls")).otherwise(text("ok"))
    chat = await service.create()
    watcher = watch(chat)
    await chat.send(ChatPrompt("Hi"))
    await watcher.until_done()
    await chat.send(ChatPrompt("Go"))
    await watcher.until_request()
    assert chat.session is not None
    before = chat.session
    await before.kill()
    assert (await watcher.until_ending())["outcome"] != "completed"
    await watcher.until_state("closed")
    await chat.send(ChatPrompt("Are you there?"))
    assert await watcher.until_done() is not None
    assert chat.session is not before
    assert chat.session.resolved_session_id == before.resolved_session_id
    assert await chat.commands() == []
    assert (await chat.interrupt()).interrupted is False


async def test_a_session_that_the_agent_lost_begins_anew_with_a_word(
    watch: Watch, make_service: Service, store: MemoryStore
) -> None:
    agent = MemoryBackend().otherwise(text("ok"))
    async with make_service(make_backend=always(agent)) as service:
        chat = await service.create()
        await chat.change(last_session_id="gone")
        watcher = watch(chat)
        await chat.send(ChatPrompt("Hi"))
        assert "no longer has this session" in (await watcher.until(has_notice))["notice"]["text"]
        await watcher.until_done()
        assert chat.meta.last_session_id not in (None, "gone")
        async with asyncio.timeout(30):
            while chat.meta.lineage != ("gone",):
                await asyncio.sleep(0)


async def test_chats_that_nobody_uses_are_closed_when_there_are_too_many(
    service: ChatService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent_chat.chats.service.OPEN_LIMIT", 2)
    chats = [await service.create() for _ in range(4)]
    assert service.open_chats == tuple(chats[2:])
    assert chats[0].feed.stream.closed
    assert (await service.open(chats[0].id)).state == "closed"


async def test_a_dead_backend_gives_way_to_another(make_service: Service) -> None:
    made: list[MemoryBackend] = []

    def make(name: str) -> MemoryBackend:
        del name
        made.append(MemoryBackend().otherwise(text("ok")))
        return made[-1]

    async with make_service(make_backend=make) as service:
        events = service.bus.subscribe(BackendChanged)
        first = await service.agents.get("memory")
        assert await service.agents.get("memory") is first
        made[0].emit("dead", "It is gone.")
        told = await anext(events)
        while told.kind != "dead":
            told = await anext(events)
        assert told.message == "It is gone."
        assert await service.agents.get("memory") is made[1]
        await made[0].aclose()


async def test_a_fork_goes_on_from_where_a_chat_is_and_leaves_it_as_it_is(
    service: ChatService, agent: MemoryBackend, watch: Watch
) -> None:
    agent.reply(text("Noted.")).reply(text("It is blue."))
    chat = await service.create(ChatSettings(model="one", title="Colours"))
    with pytest.raises(InvalidRequestError, match="nothing to fork yet"):
        await service.fork(chat)
    watcher = watch(chat)
    await chat.send(ChatPrompt("Remember blue."))
    await watcher.until_done()
    created = service.bus.subscribe(ChatCreated)
    copy = await service.fork(chat)
    assert (await anext(created)).chat_id == copy.id
    assert (copy.meta.title, copy.meta.model, copy.meta.lineage) == ("Colours (fork)", "one", ())
    assert copy.meta.last_session_id not in (None, chat.meta.last_session_id)
    before = [each["message"] for each in chat.snapshot()["messages"]]
    assert [each["message"] for each in copy.snapshot()["messages"]] == before
    other = watch(copy)
    await copy.send(ChatPrompt("Which colour?"))
    await other.until_done()
    assert [each["message"] for each in chat.snapshot()["messages"]] == before
    assert len(copy.snapshot()["messages"]) > len(before)


async def test_a_chat_is_forked_as_soon_as_its_first_turn_is_seen_to_end(
    service: ChatService, agent: MemoryBackend, watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent.reply(text("one"))
    chat = await service.create()
    noted = asyncio.Event()

    async def end(prompts: Any) -> None:
        del prompts
        await noted.wait()

    monkeypatch.setattr(chat.turns, "end", end)
    watcher = watch(chat)
    await chat.send(ChatPrompt("first"))
    await watcher.until_ending()
    try:
        assert (await service.fork(chat)).meta.last_session_id is not None
    finally:
        noted.set()


async def test_a_chat_is_not_forked_while_its_turn_runs(
    service: ChatService, agent: MemoryBackend, watch: Watch
) -> None:
    gate = Gate()
    agent.reply(text("Wait.", gate))
    chat = await service.create()
    watcher = watch(chat)
    await chat.send(ChatPrompt("Go."))
    await watcher.until_state("running")
    with pytest.raises(SessionBusyError, match="fork the chat then"):
        await service.fork(chat)
    gate.open()
    await watcher.until_done()


@pytest.mark.parametrize(("trusted", "sources"), [(False, ("user",)), (True, ("user", "project"))])
async def test_a_projects_settings_are_read_only_where_its_folder_is_trusted(
    make_service: Service,
    agent: MemoryBackend,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    trusted: bool,
    sources: tuple[str, ...],
) -> None:
    project, file = tmp_path / "project", tmp_path / "config.toml"
    (project / ".claude").mkdir(parents=True)
    file.write_text(f'trusted_folders = ["{project}"]\n' if trusted else "")
    monkeypatch.setenv("AGENT_SDK_CONFIG", str(file))
    monkeypatch.setattr(agent, "capabilities", replace(agent.capabilities, unsupported_options=frozenset[str]()))
    opened: list[SessionOptions] = []

    def create_session(options: SessionOptions) -> object:
        opened.append(options)
        raise AgentError("not today")

    monkeypatch.setattr(agent, "create_session", create_session)
    own = make_service(options=SessionOptions(setting_sources=()), cwd=project)
    async with make_service(cwd=project) as service, own:
        chat = await service.create()
        for _ in range(2):
            with pytest.raises(AgentError, match="not today"):
                await chat.send(ChatPrompt("Go."))
        told = [view["notice"]["text"] for view in chat.snapshot()["messages"] if "notice" in view]
        with pytest.raises(AgentError, match="not today"):
            await (await own.create()).send(ChatPrompt("Go."))
    assert opened.pop().setting_sources == ()
    assert [options.setting_sources for options in opened] == [sources] * 2
    assert len(told) == (0 if trusted else 1)
    assert all("is not trusted: its .claude may be left out" in each for each in told)


async def test_a_mode_that_is_none_is_refused_before_it_is_stored(service: ChatService) -> None:
    with pytest.raises(InvalidRequestError, match="did you mean 'plan'"):
        await service.create(ChatSettings(permission_mode="plna"))
    chat = await service.create()
    with pytest.raises(InvalidRequestError, match="did you mean 'plan'"):
        await chat.set_permission_mode("plna")
    await chat.set_permission_mode("acceptEdits")
    assert chat.meta.permission_mode == "accept_edits"
