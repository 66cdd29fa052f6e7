# pyright: reportPrivateUsage=false
from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import anyio
import pytest

from agent_sdk_core import (
    InvalidRequestError,
    ResultMessage,
    SDKMessage,
    SessionBusyError,
    SessionClosedError,
    SessionInfo,
    SessionOptions,
    StreamEvent,
)
from agent_sdk_core.runtime.buffer import MessageBuffer
from agent_sdk_testing import FakeCodex, FakeRequest
from codex_sdk import protocol
from codex_sdk.backend import CodexBackend

pytestmark = pytest.mark.anyio


@pytest.fixture
def forking(fake: FakeCodex) -> FakeCodex:
    """The fake, which gives each copy of a thread an id of its own."""

    def fork(request: FakeRequest) -> None:
        protocol.ThreadForkParams.model_validate(request.params)
        number = sum(earlier.method == "thread/fork" for earlier in fake.requests)
        last = request.params.get("lastTurnId", "turn-")
        if not last.startswith("turn-"):
            request.refuse(f"turn not found: {last}")
            return
        request.answer(fake.thread(f"fork-{number}", request.params))

    fake.on("thread/fork", fork)
    return fake


async def test_the_info_is_what_codex_confirmed(fake: FakeCodex, backend: CodexBackend, workspace: Path) -> None:
    with anyio.fail_after(30):
        session = await backend.create_session(SessionOptions(cwd=workspace))
        assert session.info == SessionInfo(
            model="fake-model", permission_mode="default", cwd=str(workspace), sandbox="readOnly",
            approval_policy="on-request", version=fake.version,
        )  # fmt: skip
        settings = {"model": "other", "effort": "high", "approvalPolicy": "never"}
        fake.notify("thread/settings/updated", threadId=session.thread_id, threadSettings=settings)
        await backend.request("thread/read", {})
        assert (session.info.model, session.info.reasoning_effort) == ("other", "high")
        assert (session.info.approval_policy, session.info.permission_mode) == ("never", "dont_ask")


async def test_what_is_set_is_told_before_the_turn_that_codex_hears_it_with(backend: CodexBackend) -> None:
    with anyio.fail_after(30):
        async with await backend.create_session() as session:
            effort = session.info.reasoning_effort
            await session.set_permission_mode("plan")
            await session.set_model("other")
            assert (session.info.model, session.info.permission_mode) == ("other", "plan")
            assert session.info.reasoning_effort == effort
            await session.set_permission_mode("bypass")
            assert (session.info.permission_mode, session.info.approval_policy) == ("bypass", "never")


async def test_a_closed_session_takes_no_settings(backend: CodexBackend) -> None:
    with anyio.fail_after(30):
        session = await backend.create_session()
        await session.aclose()
        for change in (session.set_model, session.set_reasoning_effort):
            with pytest.raises(SessionClosedError):
                await change("x")
        with pytest.raises(SessionClosedError):
            await session.set_permission_mode("plan")


async def test_a_closed_session_does_nothing_more(backend: CodexBackend) -> None:
    with anyio.fail_after(30):
        session = await backend.create_session()
        await session.aclose()
        for call in (session.fork, session.background_tasks, session.compact, lambda: session.stop_task("x")):
            with pytest.raises(SessionClosedError):
                await call()


async def test_a_chunk_is_handed_over_as_one_batch(
    fake: FakeCodex, backend: CodexBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    batches: list[int] = []
    publish = MessageBuffer.publish

    def counting(self: MessageBuffer, items: Iterable[SDKMessage]) -> None:
        batch = list(items)
        batches.append(len(batch))
        publish(self, batch)

    with anyio.fail_after(30):
        session = await backend.create_session()
        messages = session.messages()
        monkeypatch.setattr(MessageBuffer, "publish", counting)
        delta = {"threadId": session.thread_id, "turnId": "t", "itemId": "i"}
        item = {"type": "agentMessage", "id": "i", "text": ""}
        fake.write(
            {"method": "item/started", "params": {**delta, "item": item}},
            *({"method": "item/agentMessage/delta", "params": {**delta, "delta": str(n)}} for n in range(100)),
        )
        text = ""
        while not text.endswith("99"):
            message = await anext(messages)
            if isinstance(message, StreamEvent):
                text += (message.event.get("delta") or {}).get("text", "")
        assert text == "".join(map(str, range(100)))
        assert len(batches) < 20
        fake.notify("turn/completed", threadId=session.thread_id, turn={"id": "t", "status": "completed"})
        await session.wait_idle()


async def test_without_partial_messages_there_are_none(fake: FakeCodex, backend: CodexBackend) -> None:
    with anyio.fail_after(30):
        session = await backend.create_session(SessionOptions(include_partial_messages=False))
        async with session.query("Hi") as turn:
            kinds = [message.type async for message in turn]
        assert "stream_event" not in kinds
        assert turn.text == "Hello."


async def test_a_turn_that_nobody_prompted_is_told_on_messages_only(fake: FakeCodex, backend: CodexBackend) -> None:
    with anyio.fail_after(30):
        session = await backend.create_session()
        messages = session.messages()
        fake.notify("turn/started", threadId=session.thread_id, turn={"id": "own", "status": "inProgress"})
        while (await anext(messages)).type != "system":
            pass
        assert session.state == "running"
        fake.notify("turn/completed", threadId=session.thread_id, turn={"id": "own", "status": "completed"})
        while not isinstance(message := await anext(messages), ResultMessage):
            pass
        assert message.user_message_uuids == []
        assert session.state == "idle"


async def test_what_comes_for_a_closed_session_reaches_nobody(fake: FakeCodex, backend: CodexBackend) -> None:
    with anyio.fail_after(30):
        first, second = await backend.create_session(), await backend.create_session()
        messages = second.messages()
        await first.aclose()
        fake.notify("turn/started", threadId=first.thread_id, turn={"id": "late", "status": "inProgress"})
        fake.notify("turn/started", threadId=second.thread_id, turn={"id": "mine", "status": "inProgress"})
        message = await anext(messages)
        assert message.source is not None
        assert message.source.turn_id == "mine"
        fake.notify("turn/completed", threadId=second.thread_id, turn={"id": "mine", "status": "completed"})
        await second.wait_idle()


async def test_the_usage_is_what_the_thread_told(fake: FakeCodex, backend: CodexBackend) -> None:
    def spend(request: FakeRequest) -> None:
        turn = fake.accept(request)
        used = {
            "totalTokens": 12,
            "inputTokens": 10,
            "cachedInputTokens": 4,
            "outputTokens": 2,
            "reasoningOutputTokens": 1,
        }
        turn.notify("thread/tokenUsage/updated", tokenUsage={"total": used, "last": used, "modelContextWindow": 100})
        turn.completed()

    with anyio.fail_after(30):
        session = await backend.create_session()
        fake.on("turn/start", spend)
        result = await session.query("Hi").wait()
        assert result.num_turns == 1
        usage = (await session.usage()).total
        assert (usage.input_tokens, usage.output_tokens) == (6, 2)


class TestForking:
    async def test_a_copy_goes_its_own_way(self, forking: FakeCodex, backend: CodexBackend, workspace: Path) -> None:
        with anyio.fail_after(30):
            session = await backend.create_session(SessionOptions(cwd=workspace, model="m"))
            await session.query("Hi").wait()
            copy = await session.fork()
            assert (copy.session_id, copy.resumable, copy.options.cwd) == ("fork-1", True, workspace)
            params = (await forking.request("thread/fork")).params
            assert {name: params[name] for name in ("cwd", "model", "threadId", "excludeTurns")} == {
                "cwd": str(workspace), "model": "m", "threadId": "thread-1", "excludeTurns": True
            }  # fmt: skip
            assert backend.sessions == (session, copy)
            assert (await copy.query("Hi").wait()).session_id == "fork-1"
            await copy.aclose()
            assert (await session.query("Hi").wait()).session_id == "thread-1"

    async def test_a_copy_of_a_copy_is_of_that_copy(self, forking: FakeCodex, backend: CodexBackend) -> None:
        with anyio.fail_after(30):
            session = await backend.create_session()
            again = await (await session.fork()).fork()
            assert again.session_id == "fork-2"
            assert (await forking.request("thread/fork", 2)).params["threadId"] == "fork-1"

    async def test_it_may_end_with_the_turn_of_any_of_its_messages(
        self, forking: FakeCodex, backend: CodexBackend
    ) -> None:
        with anyio.fail_after(30):
            session = await backend.create_session()
            turn_ids: list[str] = []
            for number in (1, 2):
                async with session.query("Hi") as turn:
                    messages = [message async for message in turn if not isinstance(message, StreamEvent)]
                (turn_id,) = {message.source.turn_id for message in messages if message.source}
                uuids = [turn.uuid, *(message.uuid for message in messages if message.uuid)]
                assert any(isinstance(message, ResultMessage) for message in messages)
                for uuid in uuids:
                    await session.fork(at=uuid)
                turn_ids += [str(turn_id)] * len(uuids)
                assert turn_id == f"turn-{number}"
            asked = [request.params["lastTurnId"] for request in forking.requests if request.method == "thread/fork"]
            assert asked == turn_ids

    async def test_a_turn_can_be_named_by_codexs_own_id(self, forking: FakeCodex, backend: CodexBackend) -> None:
        with anyio.fail_after(30):
            session = await backend.create_session()
            await session.query("Hi").wait()
            await session.fork(at="turn-1")
            assert (await forking.request("thread/fork")).params["lastTurnId"] == "turn-1"

    async def test_a_message_of_the_history_names_its_turn(self, forking: FakeCodex, backend: CodexBackend) -> None:
        said = {"type": "agentMessage", "id": "i1", "text": "before"}
        page = {"data": [{"id": "turn-0", "status": "completed", "items": [said]}], "nextCursor": None}
        forking.on("thread/turns/list", lambda request: request.answer(page))
        with anyio.fail_after(30):
            session = await backend.create_session(SessionOptions(resume="stored"))
            stored = (await session.history())[0]
            assert stored.uuid is not None
            await session.fork(at=stored.uuid)
            asked = [request.params["lastTurnId"] for request in forking.requests if request.method == "thread/fork"]
            assert asked == [stored.uuid, "turn-0"]

    async def test_what_was_set_since_holds_in_the_copy(self, forking: FakeCodex, backend: CodexBackend) -> None:
        with anyio.fail_after(30):
            session = await backend.create_session(SessionOptions(model="first"))
            await session.set_model("second")
            await session.set_reasoning_effort("high")
            await session.set_permission_mode("dont_ask")
            await session.fork()
            params = (await forking.request("thread/fork")).params
            assert (params["model"], params["approvalPolicy"]) == ("second", "never")
            assert params["config"]["model_reasoning_effort"] == "high"

    async def test_a_place_that_is_none_raises(self, forking: FakeCodex, backend: CodexBackend) -> None:
        forking.on("thread/turns/list", lambda request: request.answer({"data": [], "nextCursor": None}))
        with anyio.fail_after(30):
            session = await backend.create_session()
            with pytest.raises(InvalidRequestError, match="'nowhere'"):
                await session.fork(at="nowhere")

    async def test_options_of_its_own_still_copy_this_session(
        self, forking: FakeCodex, backend: CodexBackend, workspace: Path
    ) -> None:
        with anyio.fail_after(30):
            session = await backend.create_session()
            copy = await session.fork(options=SessionOptions(cwd=workspace, model="other", resume="something-else"))
            params = (await forking.request("thread/fork")).params
            assert (params["threadId"], params["model"], params["cwd"]) == ("thread-1", "other", str(workspace))
            assert copy.info.model == "other"

    async def test_options_can_ask_for_a_copy_of_a_session_that_is_open(
        self, forking: FakeCodex, backend: CodexBackend
    ) -> None:
        with anyio.fail_after(30):
            await backend.create_session(SessionOptions(resume="stored"))
            copy = await backend.create_session(SessionOptions(resume="stored", fork=True))
            assert copy.session_id == "fork-1"
            with pytest.raises(SessionBusyError):
                await backend.create_session(SessionOptions(resume="stored"))

    async def test_a_refused_copy_raises_and_leaves_the_session_alone(
        self, fake: FakeCodex, backend: CodexBackend
    ) -> None:
        with anyio.fail_after(30):
            session = await backend.create_session()
            fake.on("thread/fork", lambda request: request.refuse("no such turn"))
            with pytest.raises(InvalidRequestError, match="no such turn"):
                await session.fork()
            assert backend.sessions == (session,)


async def test_waiting_prompts_can_be_edited_moved_and_removed(fake: FakeCodex, backend: CodexBackend) -> None:
    with anyio.fail_after(30):
        session = await backend.create_session()
        fake.hold("turn/start")
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(session.send, "Go")
            fake.accept(await fake.request("turn/start"))
        running = fake.turn(await fake.request("turn/start"))
        fake.release("turn/start")
        one, two, three = [await session.send(text) for text in ("one", "two", "three")]
        session.queue.edit(one, "changed")
        session.queue.move(three, 0)
        session.queue.remove(two)
        assert [prompt.uuid for prompt in session.queue] == [three, one]
        running.completed()
        await session.wait_idle()
        started = [request.params for request in fake.requests if request.method == "turn/start"][1:]
        assert [(params["clientUserMessageId"], params["input"][0]["text"]) for params in started] == [
            (three, "three"), (one, "changed")
        ]  # fmt: skip


async def test_the_items_of_its_threads_are_known_while_they_are_open_and_lately(
    fake: FakeCodex, backend: CodexBackend
) -> None:
    with anyio.fail_after(30):
        session = await backend.create_session()
        thread_id = session.thread_id
        item = {"type": "commandExecution", "id": "i", "command": "ls", "status": "inProgress", "cwd": "/"}
        fake.notify("item/started", threadId=thread_id, turnId="t", item=item)
        await backend.request("thread/list", {})
        assert (session._family.item(thread_id, "i"), session._family.open_items(thread_id)) == (item, [item])
        assert (session._family.item("other", "i"), session._family.open_items("other")) == (None, [])
        done = {**item, "status": "completed"}
        fake.notify("item/completed", threadId=thread_id, turnId="t", item=done)
        fake.notify("turn/completed", threadId=thread_id, turn={"id": "t", "status": "completed"})
        await backend.request("thread/list", {})
        assert (session._family.item(thread_id, "i"), session._family.open_items(thread_id)) == (done, [])
