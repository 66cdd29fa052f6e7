# pyright: reportPrivateUsage=false
from __future__ import annotations

from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any, cast

import anyio
import pytest
from pydantic_core import to_json

from agent_sdk_core import (
    AgentError,
    AssistantMessage,
    ProcessExitedError,
    SDKMessage,
    SessionBusyError,
    SessionOptions,
    StreamEvent,
)
from agent_sdk_core.interfaces.events import BackendEvent
from agent_sdk_core.rpc.receiver import Holes, ProtocolIssue, Run, ServerRequest
from agent_sdk_core.runtime.host import Host
from agent_sdk_core.runtime.streams import Broadcast
from codex_sdk.driver import CodexDriver
from codex_sdk.normalizer import ThreadFacts, ThreadFamily
from codex_sdk.process.link import AppServerLink
from codex_sdk.routing.receiver import Dispatcher, Notification
from codex_sdk.session import CodexSession
from codex_sdk.threads.attachment import Attachment
from codex_sdk.threads.opener import ThreadOpener

pytestmark = pytest.mark.anyio

DELTA: dict[str, Any] = {"threadId": "main", "turnId": "turn-1", "itemId": "said", "delta": "a"}

Json = dict[str, Any]


class RecordingBroker:
    """Notes what it is given, and answers nothing."""

    def __init__(self) -> None:
        self.withdrawn: list[object] = []
        self.handled: list[tuple[ServerRequest, CodexSession | None]] = []
        self.asked = anyio.Event()

    def withdraw(self, request_id: object) -> None:
        self.withdrawn.append(request_id)

    async def handle(self, request: ServerRequest, session: CodexSession | None) -> None:
        self.handled.append((request, session))
        self.asked.set()


class Wire:
    """A dispatcher without an app-server: the test says what comes."""

    def __init__(self, host: Host) -> None:
        self.host = host
        self.events: Broadcast[BackendEvent] = Broadcast()
        self.logs: Broadcast[str] = Broadcast()
        self.losses: list[tuple[object | None, AgentError]] = []
        self.broker = RecordingBroker()
        self.dispatch: Dispatcher[CodexSession] = Dispatcher(host, self.emit, self.logs.publish, self.lost, self.broker)

    def session(self, thread_id: str) -> CodexSession:
        """Return a session that is not attached yet."""
        options = SessionOptions()
        family = ThreadFamily(ThreadFacts(thread_id))
        link = cast("AppServerLink", SimpleNamespace(is_up=True, generation=1))
        opener = cast("ThreadOpener", None)
        attachment = Attachment(link, self.host, opener, family, options, generation=1)
        driver = CodexDriver(link, self.host, family, options, attachment, stored=False)
        dispatch = self.dispatch
        return CodexSession(options, self.host, driver, family, touched=dispatch.touched, moved=dispatch.moved)

    def attached(self, thread_id: str = "main") -> CodexSession:
        session = self.session(thread_id)
        self.dispatch.attach(session)
        return session

    def feed(self, method: str, **params: object) -> None:
        """Send one notification, in the middle of a chunk."""
        self.dispatch.on_message(method, params, {"method": method, "params": params})

    def begin(self, thread_id: str, turn_id: str, root: str | None = None) -> None:
        self.feed("turn/started", threadId=thread_id, turn={"id": turn_id, "rootTurnId": root or turn_id})

    def say(self, thread_id: str, turn_id: str, text: str) -> None:
        item = {"type": "agentMessage", "id": f"said-{text}", "text": text}
        self.feed("item/completed", threadId=thread_id, turnId=turn_id, item=item)

    def spawn(self, thread_id: str, turn_id: str, child: str) -> None:
        """Send the item that names a sub-agent's thread."""
        item: Json = {
            "type": "collabAgentToolCall", "id": f"spawn-{child}", "tool": "spawnAgent", "status": "completed",
            "receiverThreadIds": [child], "prompt": "look", "agentsStates": {},
        }  # fmt: skip
        self.feed("item/completed", threadId=thread_id, turnId=turn_id, item=item)

    def lost(self, ended: object | None, error: AgentError) -> None:
        self.losses.append((ended, error))

    def emit(self, kind: Any, message: str, details: Any = None) -> None:
        self.events.publish(BackendEvent(kind, message, details or {}))

    def request(self, **params: object) -> ServerRequest:
        request = ServerRequest(0, "some/request", cast("Json", params), {})
        self.dispatch.on_request(request)
        return request


@pytest.fixture
async def wire(anyio_backend: object) -> AsyncIterator[Wire]:
    del anyio_backend
    host = Host("a test", on_stop=nothing, on_abort=lambda error: None)
    await host.start()
    yield Wire(host)
    await host.aclose()


async def nothing() -> None:
    """End what the host leaves: nothing."""


async def said(messages: Any, count: int) -> list[tuple[str | None, str]]:
    """Return who said what, so many times."""
    told: list[tuple[str | None, str]] = []
    while len(told) < count:
        message: SDKMessage = await anext(messages)
        if isinstance(message, AssistantMessage) and message.text:
            told.append((message.parent_tool_use_id, message.text))
    return told


class TestThreads:
    async def test_each_session_gets_what_its_thread_sends(self, wire: Wire) -> None:
        with anyio.fail_after(30):
            one, two = wire.attached("one"), wire.attached("two")
            streams = one.messages(), two.messages()
            for name in ("one", "two"):
                wire.begin(name, f"turn-{name}")
                wire.say(name, f"turn-{name}", f"I am {name}")
            wire.dispatch.on_batch_end()
            assert [await said(stream, 1) for stream in streams] == [[(None, "I am one")], [(None, "I am two")]]
            assert wire.dispatch.sessions == (one, two)

    async def test_what_came_before_its_session_is_handed_over_at_once(self, wire: Wire) -> None:
        with anyio.fail_after(30):
            wire.begin("main", "turn")
            wire.say("main", "turn", "early")
            session = wire.session("main")
            messages = session.messages()
            wire.dispatch.attach(session)
            assert await said(messages, 1) == [(None, "early")]

    async def test_messages_wait_for_the_end_of_the_chunk(self, wire: Wire) -> None:
        session = wire.attached()
        wire.begin("main", "turn")
        assert session.state == "idle"
        wire.dispatch.on_batch_end()
        assert session.state == "running"
        wire.dispatch.on_batch_end()

    async def test_a_thread_has_one_session(self, wire: Wire) -> None:
        first, second = wire.attached(), wire.session("main")
        assert (wire.dispatch.is_open("main"), wire.dispatch.is_open("other")) == (True, False)
        with pytest.raises(SessionBusyError, match="main is open"):
            wire.dispatch.attach(second)
        wire.dispatch.detach(second)
        assert wire.dispatch.sessions == (first,)
        wire.dispatch.detach(first)
        assert not wire.dispatch.is_open("main")
        wire.dispatch.attach(second)
        assert wire.dispatch.sessions == (second,)

    async def test_the_end_of_the_app_server_is_told_after_what_it_said_last(self, wire: Wire) -> None:
        session = wire.attached()
        wire.begin("main", "turn")
        error = AgentError("gone")
        wire.dispatch.on_exit("ended", error)
        assert (session.state, wire.losses) == ("running", [("ended", error)])


class TestSubAgents:
    async def test_a_thread_that_an_item_names_joins_the_session_with_what_it_sent_before(self, wire: Wire) -> None:
        with anyio.fail_after(30):
            session = wire.attached()
            messages = session.messages()
            wire.begin("main", "turn")
            wire.begin("child", "child-turn")
            wire.say("child", "child-turn", "early")
            wire.spawn("main", "turn", "child")
            wire.say("child", "child-turn", "late")
            wire.dispatch.on_batch_end()
            assert await said(messages, 2) == [("spawn-child", "early"), ("spawn-child", "late")]
            assert session._family.parent_tool_use_id("child") == "spawn-child"

    async def test_a_thread_that_no_item_names_joins_by_the_root_of_its_turn(self, wire: Wire) -> None:
        with anyio.fail_after(30):
            other, session = wire.attached("other"), wire.attached()
            messages = session.messages()
            wire.begin("main", "turn")
            wire.begin("child", "child-turn", root="turn")
            wire.say("child", "child-turn", "hello")
            wire.dispatch.on_batch_end()
            assert await said(messages, 1) == [("agent:child", "hello")]
            assert (session._family.parent_tool_use_id("child"), other._family.parent_tool_use_id("child")) == (
                "agent:child",
                None,
            )

    async def test_a_family_that_came_early_is_taken_up_as_a_whole(self, wire: Wire) -> None:
        with anyio.fail_after(30):
            wire.begin("grandchild", "c")
            wire.say("grandchild", "c", "deep")
            wire.begin("child", "b")
            wire.spawn("child", "b", "grandchild")
            wire.begin("main", "a")
            wire.spawn("main", "a", "child")
            session = wire.session("main")
            messages = session.messages()
            wire.dispatch.attach(session)
            assert await said(messages, 1) == [("spawn-grandchild", "deep")]

    async def test_an_item_cannot_take_the_thread_of_another_session(self, wire: Wire) -> None:
        with anyio.fail_after(30):
            wire.attached()
            other = wire.attached("other")
            messages = other.messages()
            wire.begin("main", "turn")
            wire.spawn("main", "turn", "other")
            wire.begin("other", "own")
            wire.say("other", "own", "still mine")
            wire.dispatch.on_batch_end()
            assert await said(messages, 1) == [(None, "still mine")]
            request = wire.request(threadId="other")
            await wire.broker.asked.wait()
            assert wire.broker.handled == [(request, other)]

    async def test_what_a_sub_agent_asks_is_asked_of_its_session(self, wire: Wire) -> None:
        with anyio.fail_after(30):
            session = wire.attached()
            wire.begin("main", "turn")
            wire.spawn("main", "turn", "child")
            request = wire.request(threadId="child")
            await wire.broker.asked.wait()
            assert wire.broker.handled == [(request, session)]

    async def test_they_go_with_their_session(self, wire: Wire) -> None:
        with anyio.fail_after(30):
            session, other = wire.attached(), wire.attached("other")
            wire.begin("main", "turn")
            wire.spawn("main", "turn", "child")
            wire.dispatch.detach(session)
            request = wire.request(threadId="child")
            await wire.broker.asked.wait()
            assert wire.broker.handled == [(request, None)]
            wire.begin("child", "late", root="turn")
            assert session.state == "idle"
            assert wire.dispatch.sessions == (other,)


class TestRequests:
    @pytest.mark.parametrize("params", [{}, {"threadId": 7}, {"threadId": "unknown"}])
    async def test_one_of_no_session_is_handled_as_such(self, wire: Wire, params: Json) -> None:
        with anyio.fail_after(30):
            wire.attached()
            watched = wire.dispatch.requests.subscribe()
            request = wire.request(**params)
            await wire.broker.asked.wait()
            assert wire.broker.handled == [(request, None)]
            assert await anext(watched) is request

    async def test_one_that_comes_after_the_close_is_left(self, wire: Wire) -> None:
        await wire.host.aclose()
        wire.request(threadId="main")
        assert (wire.broker.handled, wire.broker.withdrawn) == ([], [])

    async def test_a_withdrawal_is_passed_on_by_its_id(self, wire: Wire) -> None:
        wire.attached()
        ids: list[object] = [0, "text", None, 1.5, {}]
        for request_id in ids:
            wire.feed("serverRequest/resolved", threadId="main", requestId=request_id)
        assert wire.broker.withdrawn == [0, "text"]


class TestStreams:
    async def test_a_notification_is_told_to_those_who_watch(self, wire: Wire) -> None:
        with anyio.fail_after(30):
            wire.feed("skills/changed", number=1)
            watched = wire.dispatch.notifications.subscribe()
            wire.feed("skills/changed", number=2)
            assert await anext(watched) == Notification("skills/changed", {"number": 2})

    async def test_an_item_of_an_unknown_type_is_counted_and_told_once(self, wire: Wire) -> None:
        with anyio.fail_after(30):
            events = wire.events.subscribe()
            for item in ({"type": "dream", "id": "i1"}, {"type": "dream", "id": "i2"}, {"type": "sleep", "id": "i3"}):
                params = {"threadId": "nobody", "turnId": "u", "item": item}
                wire.dispatch.on_message("item/started", params, {"method": "item/started", "params": params})
            assert wire.dispatch.unknowns.items == {"dream": 2}
            assert (await anext(events)).message == "codex sent an item that this SDK does not know: dream."
            wire.events.close()
            assert [event async for event in events] == []

    async def test_an_unknown_notification_is_counted_and_told_once(self, wire: Wire) -> None:
        with anyio.fail_after(30):
            events = wire.events.subscribe()
            for _ in range(3):
                wire.feed("some/newThing")
            wire.emit("log", "the end")
            assert wire.dispatch.unknowns.methods == {"some/newThing": 3}
            told = [await anext(events), await anext(events)]
            assert "some/newThing" in told[0].message
            assert (told[1].kind, told[1].message, told[1].details) == ("log", "the end", {})

    async def test_what_is_no_message_is_told(self, wire: Wire) -> None:
        with anyio.fail_after(30):
            events, logs = wire.events.subscribe(), wire.logs.subscribe()
            wire.dispatch.on_issue(ProtocolIssue("unknown_shape", "It is odd.", {"odd": 1}))
            wire.dispatch.on_log_line("panic")
            event = await anext(events)
            assert (event.kind, event.message) == ("protocol_error", "It is odd.")
            assert event.details == {"kind": "unknown_shape", "raw": {"odd": 1}}
            assert await anext(logs) == "panic"

    async def test_rate_limits_are_told_once_to_the_backend_and_in_every_turn_that_runs(self, wire: Wire) -> None:
        with anyio.fail_after(30):
            sessions = [wire.attached(name) for name in ("one", "two", "idle")]
            streams = [session.messages() for session in sessions]
            events = wire.events.subscribe()
            for name in ("one", "two"):
                wire.begin(name, f"turn-{name}")
            for _ in range(2):
                wire.feed("account/rateLimits/updated", rateLimits={"primary": {"usedPercent": 10}})
            wire.emit("log", "the end")
            wire.dispatch.on_batch_end()
            assert [(await anext(events)).kind for _ in range(2)] == ["rate_limits", "log"]
            told: list[int] = []
            for session, stream in zip(sessions, streams, strict=True):
                session.disconnected(ProcessExitedError("It died."))
                await session.aclose()
                told.append(len([message async for message in stream if message.type == "rate_limit_event"]))
            assert told == [1, 1, 0]

    async def test_they_end_when_it_is_closed(self, wire: Wire) -> None:
        with anyio.fail_after(30):
            dispatch = wire.dispatch
            streams: list[Any] = [dispatch.notifications.subscribe(), dispatch.requests.subscribe()]
            dispatch.close()
            for stream in streams:
                with pytest.raises(StopAsyncIteration):
                    await anext(stream)


class TestRuns:
    """Deltas of one block on end, which the connection hands over at once."""

    async def test_they_are_what_each_of_them_is(self, wire: Wire) -> None:
        session = wire.attached()
        wire.begin("main", "turn-1")
        wire.feed("item/agentMessage/delta", **DELTA)
        messages = session.messages()
        assert wire.dispatch.on_run(run_of("b", "c"))
        wire.dispatch.on_batch_end()
        told: list[StreamEvent] = []
        with anyio.fail_after(30):
            while not told or told[-1].text != "c":
                if isinstance(message := await anext(messages), StreamEvent) and message.text:
                    told.append(message)
        assert [message.text for message in told] == ["a", "b", "c"]
        assert told[1].raw == {"method": "item/agentMessage/delta", "params": {**DELTA, "delta": "b"}}
        assert len({message.uuid for message in told}) == 3

    async def test_each_is_taken_by_itself_before_its_block_is_open_or_where_it_adds_nothing(self, wire: Wire) -> None:
        assert not wire.dispatch.on_run(run_of("a"))
        wire.attached()
        wire.begin("main", "turn-1")
        assert not wire.dispatch.on_run(run_of("a"))
        wire.feed("item/agentMessage/delta", **DELTA)
        assert not wire.dispatch.on_run(run_of("b", ""))
        assert wire.dispatch.on_run(run_of("b"))

    async def test_each_is_taken_by_itself_while_somebody_watches_notifications(self, wire: Wire) -> None:
        wire.attached()
        wire.begin("main", "turn-1")
        wire.feed("item/agentMessage/delta", **DELTA)
        watched = wire.dispatch.notifications.subscribe()
        assert not wire.dispatch.on_run(run_of("b"))
        del watched

    async def test_those_of_another_part_of_a_thought_are_taken_by_themselves(self, wire: Wire) -> None:
        wire.attached()
        wire.begin("main", "turn-1")
        thought = {**DELTA, "summaryIndex": 0}
        wire.feed("item/reasoning/summaryTextDelta", **thought)
        assert wire.dispatch.on_run(run_of("b", method="item/reasoning/summaryTextDelta", params=thought))
        later = {**thought, "summaryIndex": 1}
        assert not wire.dispatch.on_run(run_of("b", method="item/reasoning/summaryTextDelta", params=later))
        assert not wire.dispatch.on_run(run_of("b"))

    @pytest.mark.parametrize(
        "raw",
        [
            {"method": [], "params": DELTA},
            {"method": "item/agentMessage/delta"},
            {"method": "item/agentMessage/delta", "params": "x"},
            {"method": "item/agentMessage/delta", "params": {**DELTA, "delta": 1}},
            {"method": "item/agentMessage/delta", "params": {**DELTA, "threadId": []}},
            {"method": "item/agentMessage/delta", "params": DELTA, "id": 1},
            {"method": "item/plan/delta", "params": DELTA},
        ],
    )
    async def test_what_is_odd_begins_none(self, wire: Wire, raw: Json) -> None:
        assert wire.dispatch.holes_of(raw) is None
        assert wire.dispatch.holes_of({"method": "item/agentMessage/delta", "params": DELTA}) is not None


def run_of(*texts: str, method: str = "item/agentMessage/delta", params: Json | None = None) -> Run:
    like = params or DELTA
    lines = [to_json({"method": method, "params": {**like, "delta": text}}) for text in texts]
    return Run({"method": method, "params": like}, Holes(("params", "delta")), texts, (), lines)
