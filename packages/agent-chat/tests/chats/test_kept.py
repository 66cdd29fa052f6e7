"""What waits on after a restart: what is the same, what is never taken for it, and how answers to it end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from agent_chat.chats.chat import Chat
from agent_chat.chats.events import ChatChanged
from agent_chat.chats.feed import ChatFeed
from agent_chat.chats.kept import GO_ON, KeptRequests, act_of, is_keepable, kept_view
from agent_chat.chats.prompts import ChatPrompt
from agent_chat.chats.service import ChatService
from agent_chat.chats.settings import ChatSettings
from agent_chat.storage.errors import StoreError
from agent_chat.storage.memory_store import MemoryStore
from agent_sdk_core.asking.approvals import plan_offers
from agent_sdk_core.asking.permissions import ALLOW, DENY, Allow, Deny, PermissionOption, PermissionRequest
from agent_sdk_core.asking.questions import Answers, Question, QuestionRequest
from agent_sdk_core.asking.requests import request_from_wire
from agent_sdk_core.errors import InvalidRequestError
from agent_sdk_core.redaction import redact_value
from agent_sdk_testing import MemoryBackend, call, text

Watch = Callable[[Chat], Any]
Service = Callable[..., ChatService]

pytestmark = pytest.mark.anyio

SESSION = PermissionOption("allow_session", "Yes, for this session", Allow("session"), "in this process")
BASH = PermissionRequest(
    "Bash",
    {"command": "make", "description": "Makes it."},
    "r-1",
    "s",
    cwd="/w",
    options=(ALLOW, SESSION, DENY),
)
EDIT = PermissionRequest("Edit", {"file_path": "/w/a", "old_string": "x", "new_string": "y"}, "r-2", "s", cwd="/w")


def stored(request: PermissionRequest) -> PermissionRequest:
    """Return a request as it comes out of a store that takes secrets out."""
    told: Any = redact_value(request.to_wire())
    found = request_from_wire(told)
    assert isinstance(found, PermissionRequest)
    return found


def kept(*requests: PermissionRequest) -> tuple[KeptRequests, ChatFeed]:
    feed = ChatFeed("chat", lambda event: None, None)
    waiting = KeptRequests(feed)
    for request in requests:
        waiting.keep(stored(request))
    return waiting, feed


def test_the_same_is_the_same_in_other_words_of_the_model_and_under_another_id() -> None:
    again = replace(
        BASH,
        input={"description": "Makes it once more.", "command": "make"},
        request_id="r-9",
        session_id="s-2",
        tool_use_id="t-9",
        reason="It was cut off.",
        options=(ALLOW, DENY),
        raw={"id": 9},
    )
    assert act_of(stored(BASH)) == act_of(again) is not None


@pytest.mark.parametrize(
    "other",
    [
        replace(BASH, input={"command": "make "}),
        replace(BASH, input={"command": "make", "timeout": 5}),
        replace(BASH, input={"command": "make", "run_in_background": True}),
        replace(BASH, cwd="/w/src"),
        replace(BASH, cwd=None),
        replace(BASH, tool_name="Monitor"),
        replace(BASH, escalates=frozenset({"sandbox"})),
        replace(BASH, blocked_path="/etc"),
        replace(BASH, diff="--- a\n+++ b\n"),
        replace(BASH, requires_person=True),
        replace(BASH, parent_tool_use_id="t"),
        EDIT,
    ],
    ids=lambda other: str(other)[:60],
)
def test_what_differs_in_anything_that_would_happen_is_another(other: PermissionRequest) -> None:
    assert act_of(other) != act_of(BASH)


def test_a_description_is_what_would_happen_where_it_is_no_command() -> None:
    ticket = PermissionRequest("mcp__desk__open", {"title": "Roof", "description": "It leaks."})
    assert act_of(ticket) != act_of(replace(ticket, input={**ticket.input, "description": "Tear it down."}))


@pytest.mark.parametrize(
    "told",
    [
        replace(BASH, input={"command": f"curl -H 'Authorization: Bearer {'s3cret' * 6}' x.example"}),
        replace(EDIT, diff=f"+password = {'hunter' * 3}\n"),
        replace(BASH, input={"command": "make", "env": {"API_KEY": "0123456789abcdef"}}),
    ],
)
def test_a_request_whose_secrets_were_taken_out_answers_nothing(told: PermissionRequest) -> None:
    waiting, _ = kept(told)
    assert [view["kept"] for view in waiting.views] == [{"counts": False}]
    assert waiting.answer(told.request_id, Allow(), "tab", backend="memory"), "the agent goes on, and asks"
    for again in (told, stored(told), replace(told, request_id="r-9")):
        assert waiting.given(again) is None


def test_what_json_cannot_tell_answers_nothing() -> None:
    waiting, _ = kept(BASH)
    waiting.answer("r-1", Allow(), "tab", backend="memory")
    deep: Any = []
    for _ in range(100_000):
        deep = [deep]
    for strange in (object(), float("nan"), deep):
        assert act_of(replace(BASH, input={"command": "make", "more": strange})) is None
        assert waiting.given(replace(BASH, input={"command": "make", "more": strange})) is None
    assert waiting.given(BASH) is not None


def test_an_answer_counts_once_and_for_nothing_else() -> None:
    waiting, _ = kept(BASH)
    assert waiting.answer("r-1", "1", "tab 1", backend="memory")
    assert waiting.given(EDIT) is None
    assert waiting.given(QuestionRequest((Question("q", "Which?"),))) is None
    found = waiting.given(replace(BASH, request_id="r-9"))
    assert found is not None
    assert (found.answer, found.by) == (Allow(), "tab 1")
    assert waiting.given(replace(BASH, request_id="r-10")) is None


def test_no_answer_is_left_when_the_turn_has_ended() -> None:
    waiting, _ = kept(BASH)
    waiting.answer("r-1", Allow(), "tab", backend="memory")
    waiting.forget()
    assert waiting.given(BASH) is None


def test_the_agent_goes_on_once_all_is_answered_and_is_denied_what_was_denied() -> None:
    waiting, feed = kept(BASH, EDIT)
    assert not waiting.answer("r-1", Allow(), "tab", backend="memory")
    assert waiting.answer("r-2", Deny("Not this one."), "tab", backend="memory")
    found = waiting.given(EDIT)
    assert found is not None
    assert found.answer == Deny("Not this one.")
    assert waiting.given(BASH) is not None
    assert feed.not_waiting("r-2").details == {"outcome": "denied", "answered_by": "tab"}


def test_nothing_goes_on_where_all_is_denied_or_one_denial_stops() -> None:
    waiting, _ = kept(BASH, EDIT)
    assert not waiting.answer("r-1", Deny(), "tab", backend="memory")
    assert not waiting.answer("r-2", Deny(), "tab", backend="memory")
    assert waiting.given(BASH) is None
    waiting, feed = kept(BASH, EDIT, replace(EDIT, request_id="r-3"))
    assert not waiting.answer("r-1", Allow(), "tab", backend="memory")
    assert not waiting.answer("r-2", Deny(interrupt=True), "tab", backend="memory")
    assert len(waiting) == 0
    assert waiting.given(BASH) is None
    assert feed.not_waiting("r-3").details["outcome"] == "expired"


@pytest.mark.parametrize(
    "answer",
    [
        "2",
        "7",
        Allow("session"),
        Allow("always"),
        Allow(option="allow_session"),
        Allow(option="nothing"),
        Allow(updated_input={"command": "make clean"}),
        Answers({}),
    ],
)
def test_what_is_more_than_once_is_refused_and_waits_on(answer: Any) -> None:
    waiting, _ = kept(BASH)
    with pytest.raises(InvalidRequestError):
        waiting.answer("r-1", answer, "tab", backend="memory")
    assert "r-1" in waiting
    assert waiting.given(BASH) is None


def test_the_options_that_do_not_last_are_shown_under_their_own_ids() -> None:
    view = kept_view(BASH)
    assert [(each["id"], each["name"]) for each in view["options"]] == [
        ("1", "Allow once"),
        ("3", "Deny"),
        ("4", "Deny and stop"),
    ]
    assert view["kept"] == {"counts": True}
    waiting, _ = kept(BASH)
    assert waiting.answer("r-1", Allow(option="allow"), "tab", backend="memory")


def test_what_cannot_wait_on_is_told_so() -> None:
    assert is_keepable(BASH)
    assert not is_keepable(replace(BASH, deadline=1.0))
    assert not is_keepable(replace(BASH, escalates=frozenset({"stdin"})))
    assert not is_keepable(replace(BASH, options=(SESSION, DENY)))
    assert not is_keepable(PermissionRequest("ExitPlanMode", {"plan": "1."}, options=plan_offers().options))
    assert not is_keepable(QuestionRequest((Question("q", "Which?"),)))


# In a chat


@pytest.fixture
def make_service(make_service: Service, agent: MemoryBackend) -> Service:
    """Make services one after the other, each with an agent that knows the sessions of the one before."""

    def make(**changed: Any) -> ChatService:
        def again(name: str) -> MemoryBackend:
            return MemoryBackend(model=agent.model, stored_with=agent)

        return make_service(make_backend=again, **changed)

    return make


async def asked(service: ChatService, watch: Watch, agent: MemoryBackend, **settings: Any) -> tuple[Chat, str]:
    agent.reply(call("Bash", command="ls"))
    chat = await service.create(ChatSettings(**settings))
    watcher = watch(chat)
    await chat.send(ChatPrompt("Go"))
    return chat, (await watcher.until_request())["request_id"]


async def restarted(make_service: Service, watch: Watch, agent: MemoryBackend) -> tuple[str, str]:
    """Have a request wait, and end the service."""
    async with make_service(keeps_requests=True) as service:
        chat, request = await asked(service, watch, agent)
    return chat.id, request


async def counted(store: MemoryStore, chat_id: str) -> int:
    """Return how many requests of a chat the store says to wait, while no service runs."""
    async with store:
        return (await store.get_chat(chat_id)).waiting


async def test_what_waits_is_counted_in_the_store_while_no_service_runs(
    watch: Watch, make_service: Service, agent: MemoryBackend, store: MemoryStore
) -> None:
    chat_id, request = await restarted(make_service, watch, agent)
    for _ in range(2):
        assert await counted(store, chat_id) == 1
        async with make_service(keeps_requests=True) as service:
            chat = await service.open(chat_id)
            assert [each["request_id"] for each in chat.pending] == [request]
            assert chat.view()["waiting"] == 1
            assert chat.state == "closed"
    async with make_service(keeps_requests=True) as service:
        await (await service.open(chat_id)).answer(request, Deny(), by="tab")
    assert await counted(store, chat_id) == 0


async def test_what_waited_when_the_application_was_killed_waits_on(
    watch: Watch, make_service: Service, agent: MemoryBackend, store: MemoryStore
) -> None:
    killed = make_service(keeps_requests=True)
    await killed.__aenter__()
    changes = killed.bus.subscribe(ChatChanged)
    chat, request = await asked(killed, watch, agent)
    assert chat.log is not None
    assert await chat.log.flush(30)
    async for _ in changes:
        if (await store.get_chat(chat.id)).waiting == 1:
            break
    await store.release(chat.log.lease)
    async with make_service(keeps_requests=True) as service:
        again = await service.open(chat.id)
        snapshot = again.snapshot()
        assert [each["request_id"] for each in snapshot["pending"]] == [request]
        assert snapshot["messages"][-1]["ending"]["outcome"] == "interrupted"
        agent.reply(call("Bash", command="ls")).reply(text("done"))
        watcher = watch(again)
        await again.answer(request, "1", by="tab")
        await watcher.until_done()
        told = [each["message"] for each in watcher.events if "message" in each]
        outcomes = [(each["outcome"], each["by"]) for each in told if each.get("subtype") == "request_resolved"]
        assert outcomes == [("allowed", "answer"), ("allowed", "answer")]
        assert [each["prompt"] for each in watcher.events if "prompt" in each] == [GO_ON]
        assert [each.get("answered") for each in watcher.events if "request" in each] == [True]
    await killed.aclose()


async def test_only_one_of_two_answers_is_taken(watch: Watch, make_service: Service, agent: MemoryBackend) -> None:
    chat_id, request = await restarted(make_service, watch, agent)
    async with make_service(keeps_requests=True) as service:
        chat = await service.open(chat_id)
        await chat.answer(request, Deny(), by="one")
        with pytest.raises(InvalidRequestError, match=r"denied already by one") as caught:
            await chat.answer(request, Allow(), by="two")
        assert caught.value.code == "already_answered"


async def end_by_prompt(service: ChatService, chat: Chat, watch: Watch) -> None:
    watcher = watch(chat)
    await chat.send(ChatPrompt("Something else"))
    await watcher.until_done()


async def end_by_stop(service: ChatService, chat: Chat, watch: Watch) -> None:
    await chat.interrupt()


async def end_by_agent(service: ChatService, chat: Chat, watch: Watch) -> None:
    await service.change_backend(chat, "other")


async def end_by_sandbox(service: ChatService, chat: Chat, watch: Watch) -> None:
    await chat.set_sandbox("read-only")


@pytest.mark.parametrize("end", [end_by_prompt, end_by_stop, end_by_agent, end_by_sandbox])
async def test_what_else_is_done_ends_it_unanswered(
    watch: Watch, make_service: Service, agent: MemoryBackend, store: MemoryStore, end: Any
) -> None:
    chat_id, request = await restarted(make_service, watch, agent)
    agent.otherwise(text("ok"))
    async with make_service(keeps_requests=True) as service:
        chat = await service.open(chat_id)
        await end(service, chat, watch)
        assert chat.pending == []
        assert chat.feed.not_waiting(request).details == {"outcome": "expired", "answered_by": None}
    assert await counted(store, chat_id) == 0


async def test_a_prompt_that_is_sent_once_more_ends_nothing(
    watch: Watch, make_service: Service, agent: MemoryBackend
) -> None:
    async with make_service(keeps_requests=True) as service:
        agent.reply(call("Bash", command="ls"))
        chat = await service.create()
        watcher = watch(chat)
        await chat.send(ChatPrompt("Go"), uuid="u-1")
        await watcher.until_request()
    async with make_service(keeps_requests=True) as service:
        again = await service.open(chat.id)
        await again.send(ChatPrompt("Go"), uuid="u-1")
        assert len(again.pending) == 1


async def test_a_front_end_that_does_not_show_it_and_a_copy_of_the_chat_have_it_end(
    watch: Watch, make_service: Service, agent: MemoryBackend, store: MemoryStore
) -> None:
    chat_id, request = await restarted(make_service, watch, agent)
    async with make_service(keeps_requests=True) as service:
        copy = await service.fork(await service.open(chat_id))
        assert copy.pending == []
        assert copy.view()["waiting"] == 0
        assert len((await service.open(chat_id)).pending) == 1
    async with make_service() as service:
        chat = await service.open(chat_id)
        assert chat.pending == []
        resolved = [each["message"] for each in chat.snapshot()["messages"] if "outcome" in each]
        assert [(each["request_id"], each["outcome"]) for each in resolved] == [(request, "expired")]
    assert await counted(store, chat_id) == 0


async def test_a_chat_that_is_closed_alone_has_denied_what_waits(
    watch: Watch, make_service: Service, agent: MemoryBackend, store: MemoryStore
) -> None:
    async with make_service(keeps_requests=True) as service:
        chat, _ = await asked(service, watch, agent)
        await service.close_chat(chat.id)
        assert (await store.get_chat(chat.id)).waiting == 0
        assert (await service.open(chat.id)).pending == []


async def test_a_stored_request_that_cannot_be_read_has_ended(
    watch: Watch, make_service: Service, agent: MemoryBackend, store: MemoryStore
) -> None:
    async with make_service() as service:
        chat = await service.create()
    opened = {"type": "system", "subtype": "request_opened", "session_id": "s", "request_id": "r", "kind": "permission"}
    async with store:
        await store.append(chat.id, [{**opened, "request": {"kind": "permission", "input": "?"}}])
        await store.update_chat(chat.id, waiting=1)
    async with make_service(keeps_requests=True) as service:
        again = await service.open(chat.id)
        assert again.pending == []
        assert again.feed.not_waiting("r").details["outcome"] == "expired"
    assert await counted(store, chat.id) == 0


async def test_an_agent_does_not_go_on_by_an_answer_that_is_not_stored(
    watch: Watch, make_service: Service, agent: MemoryBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    chat_id, request = await restarted(make_service, watch, agent)
    async with make_service(keeps_requests=True) as service:
        chat = await service.open(chat_id)
        assert chat.log is not None
        with monkeypatch.context() as patched:

            async def never(seconds: float) -> bool:
                return False

            patched.setattr(chat.log, "flush", never)
            with pytest.raises(StoreError, match="could not be stored"):
                await chat.answer(request, Allow(), by="tab")
        watcher = watch(chat)
        agent.reply(call("Bash", command="ls")).reply(text("done"))
        await chat.send(ChatPrompt("Go on"))
        asked_again = await watcher.until_request()
        assert chat.view()["waiting"] == 1
        await chat.answer(asked_again["request_id"], Deny(), by="tab")
        await watcher.until_done()
