from __future__ import annotations

from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import pytest
from pydantic import TypeAdapter

from agent_sdk_core import (
    AgentError,
    BackgroundTask,
    InvalidRequestError,
    ProtocolError,
    ResultMessage,
    SandboxPolicy,
    SessionBusyError,
    SessionNotFoundError,
    SessionOptions,
    TurnOptions,
)
from agent_sdk_core.runtime.turns import runner
from agent_sdk_testing import FakeCodex, FakeRequest, FakeTurn
from codex_sdk import driver, protocol
from codex_sdk.backend import CodexBackend
from codex_sdk.session import CodexSession
from codex_sdk.threads import interrupts, leaving

pytestmark = pytest.mark.anyio


async def turn_params(fake: FakeCodex, session: CodexSession) -> dict[str, Any]:
    """Run a turn and return what turn/start said, after the protocol's own model has taken it."""
    number = sum(request.method == "turn/start" for request in fake.requests) + 1
    await session.query("Hi").wait()
    params = (await fake.request("turn/start", number)).params
    protocol.TurnStartParams.model_validate(params)
    return {key: value for key, value in params.items() if key not in ("threadId", "input", "clientUserMessageId")}


class TestStart:
    async def test_a_prompt_carries_its_uuid_and_the_schema(self, fake: FakeCodex, backend: CodexBackend) -> None:
        schema: dict[str, Any] = {"type": "object", "properties": {}, "required": [], "additionalProperties": False}
        with anyio.fail_after(30):
            session = await backend.create_session(SessionOptions(output_schema=schema))
            uuid = await session.send("Hi", uuid="mine")
            params = (await fake.request("turn/start")).params
            protocol.TurnStartParams.model_validate(params)
            assert params == {
                "threadId": "thread-1",
                "input": [{"type": "text", "text": "Hi", "text_elements": []}],
                "clientUserMessageId": uuid,
                "outputSchema": schema,
            }

    async def test_a_refused_prompt_raises_and_the_next_one_runs(self, fake: FakeCodex, backend: CodexBackend) -> None:
        with anyio.fail_after(30):
            session = await backend.create_session()
            fake.on("turn/start", lambda request: request.refuse("input is too long"))
            with pytest.raises(InvalidRequestError, match="too long"):
                await session.query("Hi").wait()
            fake.on("turn/start", lambda request: request.refuse("internal", code=-32603))
            with pytest.raises(ProtocolError):
                await session.send("Hi")
            fake.on("turn/start", lambda request: request.refuse("thread not found: thread-1"))
            with pytest.raises(SessionNotFoundError, match="thread-1"):
                await session.send("Hi")
            fake.on("turn/start", lambda request: fake.accept(request).completed())
            result = await session.query("Hi").wait()
            assert len(result.user_message_uuids) == 1

    @pytest.mark.parametrize("answer", [{}, [], {"turn": None}, {"turn": {}}, {"turn": {"id": 7}}])
    async def test_an_answer_without_a_turn_id_loses_no_turn(
        self, fake: FakeCodex, backend: CodexBackend, answer: object
    ) -> None:
        def start(request: FakeRequest) -> None:
            turn = fake.turn(request)
            request.answer(answer)
            turn.started()
            turn.prompt(request.params["clientUserMessageId"], "Hi")
            turn.say("Hello.")
            turn.completed()

        with anyio.fail_after(30):
            session = await backend.create_session()
            fake.on("turn/start", start)
            assert (await session.query("Hi").wait()).result == "Hello."
            assert session.state == "idle"

    async def test_a_turn_that_ends_before_its_answer_ends_its_prompt_once(
        self, fake: FakeCodex, backend: CodexBackend
    ) -> None:
        def start(request: FakeRequest) -> None:
            turn = fake.turn(request)
            turn.started()
            turn.prompt(request.params["clientUserMessageId"], "Hi")
            turn.say("Early.")
            turn.completed()
            request.answer()

        with anyio.fail_after(30):
            session = await backend.create_session()
            messages = session.messages()
            fake.on("turn/start", start)
            for _ in range(2):
                async with session.query("Hi") as turn:
                    seen = [message async for message in turn]
                assert turn.text == "Early."
                assert sum(isinstance(message, ResultMessage) for message in seen) == 1
            await session.aclose()
            results = [message async for message in messages if isinstance(message, ResultMessage)]
            assert [len(result.user_message_uuids) for result in results] == [1, 1]

    async def test_a_turn_that_ends_before_its_answer_without_the_prompt_still_ends_it(
        self, fake: FakeCodex, backend: CodexBackend
    ) -> None:
        def start(request: FakeRequest) -> None:
            turn = fake.turn(request)
            turn.started()
            turn.completed("failed", error={"message": "no model"})
            request.answer()

        with anyio.fail_after(30):
            session = await backend.create_session()
            fake.on("turn/start", start)
            turn = session.query("Hi")
            result = await turn.wait()
            assert (result.is_error, result.user_message_uuids) == (True, [turn.uuid])
            await session.wait_idle()
            assert session.state == "idle"

    async def test_anothers_turn_that_ends_meanwhile_does_not_end_ours(
        self, fake: FakeCodex, backend: CodexBackend
    ) -> None:
        def start(request: FakeRequest) -> None:
            for name in ("a", "b"):
                fake.notify("turn/started", threadId="thread-1", turn={"id": name, "status": "inProgress"})
                fake.notify("turn/completed", threadId="thread-1", turn={"id": name, "status": "completed"})
            turn = fake.accept(request)
            turn.say("Ours.")
            turn.completed()

        with anyio.fail_after(30):
            session = await backend.create_session()
            fake.on("turn/start", start)
            assert (await session.query("Hi").wait()).result == "Ours."

    async def test_two_answers_start_one_turn(self, fake: FakeCodex, backend: CodexBackend) -> None:
        def start(request: FakeRequest) -> None:
            turn = fake.accept(request)
            request.answer()
            turn.completed()

        with anyio.fail_after(30):
            session = await backend.create_session()
            fake.on("turn/start", start)
            await session.query("Hi").wait()
            assert (await session.query("Hi").wait()).is_error is False

    @pytest.mark.parametrize(
        "fields",
        [
            {"status": "somethingNew"},
            {"status": None},
            {"status": 7},
            {"items": "none"},
            {"error": "text", "status": "failed"},
            {"items": [{"type": "newItem", "id": 1}], "durationMs": "long"},
        ],
    )
    async def test_an_end_that_makes_no_sense_is_still_an_end(
        self, fake: FakeCodex, backend: CodexBackend, fields: dict[str, Any]
    ) -> None:
        def start(request: FakeRequest) -> None:
            turn = fake.accept(request)
            turn.item("newItem", value=1)
            fake.end_turn(turn, turn.as_json("completed") | fields)

        with anyio.fail_after(30):
            session = await backend.create_session()
            fake.on("turn/start", start)
            turn = session.query("Hi")
            assert (await turn.wait()).user_message_uuids == [turn.uuid]
            assert session.state == "idle"

    async def test_two_threads_that_talk_at_once_are_kept_apart(self, fake: FakeCodex, backend: CodexBackend) -> None:
        texts: dict[str, str] = {}

        async def run(session: CodexSession) -> None:
            async with session.query("Hi") as turn:
                async for message in turn:
                    assert message.session_id == session.session_id
            texts[session.session_id] = turn.text

        with anyio.fail_after(30):
            sessions = [await backend.create_session(), await backend.create_session()]
            fake.hold("turn/start")
            async with anyio.create_task_group() as tasks:
                for session in sessions:
                    tasks.start_soon(run, session)
                running = [fake.accept(await fake.request("turn/start", number)) for number in (1, 2)]
                for number in range(20):
                    for turn in running:
                        turn.say(f"{turn.thread_id} {number}")
                for turn in reversed(running):
                    turn.completed()
            assert texts == {"thread-1": "thread-1 19", "thread-2": "thread-2 19"}


class TestChanges:
    async def test_settings_change_with_the_next_turn_and_once(self, fake: FakeCodex, backend: CodexBackend) -> None:
        with anyio.fail_after(30):
            session = await backend.create_session()
            await session.set_model("other")
            await session.set_reasoning_effort("high")
            assert await turn_params(fake, session) == {"model": "other", "effort": "high"}
            assert await turn_params(fake, session) == {}

    async def test_a_refused_turn_keeps_the_change_for_the_next(self, fake: FakeCodex, backend: CodexBackend) -> None:
        with anyio.fail_after(30):
            session = await backend.create_session()
            await session.set_model("other")
            fake.on("turn/start", lambda request: request.refuse("no"))
            with pytest.raises(InvalidRequestError):
                await session.send("Hi")
            fake.on("turn/start", lambda request: fake.accept(request).completed())
            assert (await turn_params(fake, session))["model"] == "other"

    async def test_a_change_while_a_turn_starts_is_for_the_one_after(
        self, fake: FakeCodex, backend: CodexBackend
    ) -> None:
        with anyio.fail_after(30):
            session = await backend.create_session()
            await session.set_model("first")
            fake.hold("turn/start")
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(session.send, "Hi")
                first = await fake.request("turn/start")
                await session.set_model("second")
                fake.accept(first)
            fake.turn(await fake.request("turn/start")).completed()
            await session.wait_idle()
            fake.release("turn/start")
            assert (await fake.request("turn/start")).params["model"] == "first"
            assert (await turn_params(fake, session))["model"] == "second"

    @pytest.mark.parametrize(
        ("config", "models", "changes"),
        [
            (
                {
                    "model": "m",
                    "model_reasoning_effort": "low",
                    "approval_policy": "never",
                    "sandbox_mode": "read-only",
                },
                [],
                {"model": "m", "effort": "low", "approvalPolicy": "never", "sandbox": "readOnly"},
            ),
            (
                {},
                [{"model": "a"}, {"model": "b", "isDefault": True}],
                {"model": "b", "effort": "medium", "approvalPolicy": "on-request", "sandbox": "readOnly"},
            ),
            (
                {"sandbox_mode": "workspace-write"},
                [{"model": "a"}],
                {"model": "a", "effort": "medium", "approvalPolicy": "on-request", "sandbox": "workspaceWrite"},
            ),
        ],
    )
    async def test_none_goes_back_to_what_codex_is_configured_for(
        self,
        fake: FakeCodex,
        backend: CodexBackend,
        config: dict[str, Any],
        models: list[dict[str, Any]],
        changes: dict[str, Any],
    ) -> None:
        with anyio.fail_after(30):
            session = await backend.create_session()
            fake.on("config/read", lambda request: request.answer({"config": config}))
            fake.on("model/list", lambda request: request.answer({"data": models}))
            await session.set_model(None)
            await session.set_reasoning_effort(None)
            await session.set_permission_mode(None)
            params = await turn_params(fake, session)
            assert {**changes, "sandbox": params["sandboxPolicy"]["type"]} == {
                "model": params["model"], "effort": params["effort"], "approvalPolicy": params["approvalPolicy"],
                "sandbox": changes["sandbox"],
            }  # fmt: skip

    async def test_a_permission_mode_changes_with_the_next_turn(
        self, fake: FakeCodex, backend: CodexBackend, workspace: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (workspace / "extra").mkdir()
        monkeypatch.chdir(workspace)
        with anyio.fail_after(30):
            session = await backend.create_session(SessionOptions(cwd=workspace, add_dirs=("extra",)))
            await session.set_model("other")
            await session.set_permission_mode("accept_edits")
            params = await turn_params(fake, session)
            assert params["approvalPolicy"] == "on-request"
            assert params["sandboxPolicy"]["writableRoots"] == [str(workspace / "extra")]
            assert params["collaborationMode"]["settings"]["model"] == "other"

    async def test_plan_mode_comes_with_the_first_turn(self, fake: FakeCodex, backend: CodexBackend) -> None:
        with anyio.fail_after(30):
            session = await backend.create_session(SessionOptions(permission_mode="plan"))
            assert (await turn_params(fake, session))["collaborationMode"]["mode"] == "plan"

    async def test_a_sandbox_that_the_options_name_beats_the_modes(
        self, fake: FakeCodex, backend: CodexBackend
    ) -> None:
        with anyio.fail_after(30):
            sandbox = SandboxPolicy(mode="workspace-write", network=True)
            session = await backend.create_session(SessionOptions(permission_mode="plan", sandbox=sandbox))
            assert "sandboxPolicy" not in await turn_params(fake, session)
            await session.set_permission_mode("bypass")
            assert "sandboxPolicy" not in await turn_params(fake, session)
            await session.set_permission_mode(None)
            assert "sandboxPolicy" not in await turn_params(fake, session)


class TestTurnOptions:
    async def test_what_a_turn_changes_is_put_back_at_once(self, fake: FakeCodex, backend: CodexBackend) -> None:
        with anyio.fail_after(30):
            session = await backend.create_session()
            own = session.info.model
            await session.send("Hi", options=TurnOptions(model="m", output_schema=TypeAdapter(int).json_schema()))
            params = (await fake.request("turn/start")).params
            assert (params["model"], params["outputSchema"]["type"]) == ("m", "object")
            assert (await fake.request("thread/settings/update")).params == {"threadId": "thread-1", "model": own}
            await session.wait_idle()
            assert not {"model", "outputSchema"} & set(await turn_params(fake, session))

    @pytest.mark.parametrize("refused", ["thread/settings/update", "turn/start"])
    async def test_what_cannot_be_put_back_at_once_goes_with_the_next_turn(
        self, fake: FakeCodex, backend: CodexBackend, refused: str
    ) -> None:
        with anyio.fail_after(30):
            session = await backend.create_session()
            own = session.info.model
            fake.on(refused, lambda request: request.refuse("Not now.", code=-32603))
            if refused == "turn/start":
                with pytest.raises(AgentError, match="Not now"):
                    await session.send("Hi", options=TurnOptions(model="m"))
            else:
                await session.send("Hi", options=TurnOptions(model="m"))
                await session.wait_idle()
            fake.on("turn/start", lambda request: fake.accept(request).completed())
            assert (await turn_params(fake, session))["model"] == own


class TestSteer:
    async def test_a_prompt_joins_the_running_turn(self, fake: FakeCodex, backend: CodexBackend) -> None:
        with anyio.fail_after(30):
            session = await backend.create_session()
            turn = await run_turn(fake, session)
            uuid = await session.send("And this", priority="steer")
            params = (await fake.request("turn/steer")).params
            protocol.TurnSteerParams.model_validate(params)
            assert (params["expectedTurnId"], params["clientUserMessageId"]) == (turn.id, uuid)
            messages = session.messages()
            turn.prompt(uuid, "And this")
            turn.completed()
            result = await next_result(messages)
            assert uuid in result.user_message_uuids
            assert len(result.user_message_uuids) == 2

    @pytest.mark.parametrize("said", ["no active turn to steer", "expected active turn id `a` but found `b`"])
    async def test_a_prompt_that_comes_too_late_has_a_turn_of_its_own(
        self, fake: FakeCodex, backend: CodexBackend, said: str
    ) -> None:
        with anyio.fail_after(30):
            session = await backend.create_session()
            turn = await run_turn(fake, session)
            fake.on("turn/steer", lambda request: request.refuse(said))
            uuid = await session.send("And this", priority="steer")
            assert [prompt.uuid for prompt in session.queue] == [uuid]
            turn.completed()
            assert (await fake.request("turn/start", 2)).params["clientUserMessageId"] == uuid

    async def test_a_turn_that_ends_while_a_prompt_is_on_its_way_loses_no_prompt(
        self, fake: FakeCodex, backend: CodexBackend
    ) -> None:
        with anyio.fail_after(30):
            session = await backend.create_session()
            turn = await run_turn(fake, session)
            messages = session.messages()
            fake.hold("turn/steer")
            uuids: list[str] = []

            async def steer() -> None:
                uuids.append(await session.send("And this", priority="steer"))

            async with anyio.create_task_group() as tasks:
                tasks.start_soon(steer)
                request = await fake.request("turn/steer")
                turn.completed()
                await next_result(messages)
                request.refuse("no active turn to steer")
            assert (await fake.request("turn/start", 2)).params["clientUserMessageId"] == uuids[0]

    async def test_a_refused_prompt_raises_and_leaves_the_turn_alone(
        self, fake: FakeCodex, backend: CodexBackend
    ) -> None:
        with anyio.fail_after(30):
            session = await backend.create_session()
            turn = await run_turn(fake, session)
            fake.on("turn/steer", lambda request: request.refuse("input is too long"))
            with pytest.raises(InvalidRequestError, match="too long"):
                await session.send("And this", priority="steer")
            messages = session.messages()
            turn.completed()
            assert len((await next_result(messages)).user_message_uuids) == 1

    async def test_a_turn_without_an_id_takes_no_prompt(self, fake: FakeCodex, backend: CodexBackend) -> None:
        with anyio.fail_after(30):
            session = await backend.create_session()
            fake.on("turn/start", lambda request: request.answer({}))
            await session.send("Hi")
            uuid = await session.send("And this", priority="steer")
            assert [prompt.uuid for prompt in session.queue] == [uuid]
            await session.kill()


class TestInterrupt:
    async def test_the_turn_ends_as_interrupted(self, fake: FakeCodex, backend: CodexBackend) -> None:
        with anyio.fail_after(30):
            session = await backend.create_session()
            turn = await run_turn(fake, session)
            messages = session.messages()
            receipt = await session.interrupt()
            assert receipt.interrupted
            assert (await fake.request("turn/interrupt")).params == {"threadId": "thread-1", "turnId": turn.id}
            assert (await next_result(messages)).terminal_reason == "aborted_streaming"
            assert not (await session.interrupt()).interrupted

    async def test_an_interrupt_needs_no_answer(self, fake: FakeCodex, backend: CodexBackend) -> None:
        with anyio.fail_after(30):
            session = await backend.create_session()
            turn = await run_turn(fake, session)
            fake.on("turn/interrupt", lambda request: turn.completed("interrupted"))
            assert (await session.interrupt()).interrupted

    async def test_an_interrupt_that_comes_too_early_for_codex_is_repeated(
        self, fake: FakeCodex, backend: CodexBackend
    ) -> None:
        asked: list[FakeRequest] = []

        def too_early(request: FakeRequest) -> None:
            asked.append(request)
            if len(asked) < 3:
                request.refuse("no active turn to interrupt")
            else:
                request.answer()
                turn.completed("interrupted")

        with anyio.fail_after(30):
            session = await backend.create_session()
            turn = await run_turn(fake, session)
            fake.on("turn/interrupt", too_early)
            assert (await session.interrupt()).interrupted
            assert len(asked) == 3

    async def test_the_command_it_waited_for_is_ended(self, fake: FakeCodex, backend: CodexBackend) -> None:
        with anyio.fail_after(30):
            session = await backend.create_session()
            turn = await run_turn(fake, session)
            messages = session.messages()
            turn.item("commandExecution", open=True, command="sleep 9", processId="42", status="inProgress", cwd="/")
            while (await anext(messages)).type != "assistant":
                pass
            await session.interrupt()
            params = (await fake.request("thread/backgroundTerminals/terminate")).params
            assert params == {"threadId": "thread-1", "processId": "42"}

    async def test_an_interrupt_that_is_never_confirmed_ends_the_turn_on_our_side(
        self, fake: FakeCodex, backend: CodexBackend, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(runner, "INTERRUPT_SECONDS", 0.05)
        with anyio.fail_after(30):
            session = await backend.create_session()
            messages = session.messages()
            turn = await run_turn(fake, session)
            turn.item("commandExecution", open=True, command="sleep 9", status="inProgress", cwd="/")
            while (await anext(messages)).type != "assistant":
                pass
            fake.on("turn/interrupt", lambda request: request.answer())
            assert (await session.interrupt()).interrupted
            kinds: list[str] = []
            while kinds[-1:] != ["result"]:
                message = await anext(messages)
                kinds.append(message.type)
            assert isinstance(message, ResultMessage)  # pyright: ignore[reportPossiblyUnboundVariable]  # the loop has at least one round
            assert (message.error_code, message.terminal_reason) == ("request_timeout", "aborted_streaming")
            assert "user" in kinds, "the open command got no result"
            assert session.state == "idle"
            turn.completed()  # at last, and to nobody's surprise
            fake.on("turn/start", lambda request: fake.accept(request).completed())
            assert (await session.query("Hi").wait()).is_error is False

    @pytest.mark.parametrize("hangs", [True, False])
    async def test_an_app_server_that_answers_nothing_after_an_interrupt_is_replaced(
        self, fake: FakeCodex, backend: CodexBackend, monkeypatch: pytest.MonkeyPatch, hangs: bool
    ) -> None:
        """One that answers something else is left alone: other sessions work with it."""
        monkeypatch.setattr(runner, "INTERRUPT_SECONDS", 0.05)
        monkeypatch.setattr(interrupts, "INTERRUPT_SECONDS", 0.05)
        monkeypatch.setattr(leaving, "ALIVE_SECONDS", 0.05 if hangs else 30.0)
        with anyio.fail_after(30):
            session = await backend.create_session()
            fake.hold("turn/interrupt", *(["thread/loaded/list"] if hangs else []))
            messages, events = session.messages(), backend.events()
            turn = await run_turn(fake, session)
            assert (await session.interrupt()).interrupted
            assert (await next_result(messages)).outcome == "interrupted"
            if hangs:
                while (await anext(events)).kind != "restarted":
                    pass
            else:
                await fake.request("thread/loaded/list")
                turn.completed("interrupted")
            fake.on("turn/start", lambda request: fake.accept(request).completed())
            assert not (await session.query("Hi").wait()).is_error
            assert len(fake.processes) == (2 if hangs else 1)

    async def test_a_turn_that_was_given_up_answers_no_later_prompt(
        self, fake: FakeCodex, backend: CodexBackend, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(runner, "INTERRUPT_SECONDS", 0.05)
        monkeypatch.setattr(interrupts, "INTERRUPT_SECONDS", 0.05)
        with anyio.fail_after(30):
            session = await backend.create_session()
            turn = await run_turn(fake, session)
            fake.on("turn/interrupt", lambda request: request.answer())
            assert (await session.interrupt()).interrupted
            for call in (session.query("Hi").wait, session.compact):
                with pytest.raises(SessionBusyError, match="still runs the turn"):
                    await call()
            assert sum(request.method == "turn/start" for request in fake.requests) == 1
            monkeypatch.setattr(interrupts, "INTERRUPT_SECONDS", 30)
            turn.completed("interrupted")
            fake.on("turn/start", lambda request: fake.accept(request).completed())
            assert (await session.query("Hi").wait()).is_error is False

    async def test_a_prompt_waits_for_the_end_of_a_turn_that_was_given_up(
        self, fake: FakeCodex, backend: CodexBackend, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(runner, "INTERRUPT_SECONDS", 0.05)
        with anyio.fail_after(30):
            session = await backend.create_session()
            turn = await run_turn(fake, session)
            fake.on("turn/interrupt", lambda request: request.answer())
            assert (await session.interrupt()).interrupted
            fake.on("turn/start", lambda request: fake.accept(request).completed())
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(session.query("Hi").wait)
                again = await fake.request("turn/interrupt", 2)
                assert again.params == {"threadId": session.thread_id, "turnId": turn.id}
                assert sum(request.method == "turn/start" for request in fake.requests) == 1
                turn.completed("interrupted")
            assert sum(request.method == "turn/start" for request in fake.requests) == 2

    async def test_a_start_that_is_never_answered_can_be_left(
        self, fake: FakeCodex, backend: CodexBackend, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(runner, "INTERRUPT_SECONDS", 0.05)
        with anyio.fail_after(30):
            session = await backend.create_session()
            fake.hold("turn/start")
            turn = session.query("Hi")

            async def enter() -> None:
                async with turn:
                    pytest.fail("nobody answered")

            async with anyio.create_task_group() as tasks:
                tasks.start_soon(enter)
                await fake.request("turn/start")
                tasks.cancel_scope.cancel()
            assert turn.result is not None
            assert turn.result.user_message_uuids == [turn.uuid]
            assert session.state == "idle"

    async def test_an_interrupt_while_a_turn_starts_waits_for_its_id(
        self, fake: FakeCodex, backend: CodexBackend
    ) -> None:
        with anyio.fail_after(30):
            session = await backend.create_session()
            fake.hold("turn/start")
            results: list[Any] = []

            async def query() -> None:
                results.append(await session.query("Hi").wait())

            async with anyio.create_task_group() as tasks:
                tasks.start_soon(query)
                request = await fake.request("turn/start")
                tasks.start_soon(session.interrupt)
                await anyio.lowlevel.checkpoint()
                turn = fake.accept(request)
                assert (await fake.request("turn/interrupt")).params["turnId"] == turn.id
            assert results[0].terminal_reason == "aborted_streaming"

    async def test_a_turn_of_which_nothing_is_known_cannot_be_interrupted(
        self, fake: FakeCodex, backend: CodexBackend, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(runner, "INTERRUPT_SECONDS", 0.05)
        with anyio.fail_after(30):
            session = await backend.create_session()
            fake.on("turn/start", lambda request: request.answer({}))
            async with session.query("Hi") as turn:
                await session.interrupt()
            assert turn.result is not None
            assert turn.result.error_code == "request_timeout"
            assert not [request for request in fake.requests if request.method == "turn/interrupt"]


class TestSubAgents:
    async def test_an_interrupt_reaches_them_and_what_they_wait_for(
        self, fake: FakeCodex, backend: CodexBackend
    ) -> None:
        with anyio.fail_after(30):
            session = await backend.create_session()
            turn = await run_turn(fake, session)
            child = await spawn(fake, session, turn)
            fake.on("turn/interrupt", lambda request: interrupted(request, turn, child))
            assert (await session.interrupt()).interrupted
            await fake.request("turn/interrupt", 2)  # The parent's may have ended the turn before the other was read.
            asked = [request.params for request in fake.requests if request.method == "turn/interrupt"]
            assert sorted((params["threadId"], params["turnId"]) for params in asked) == [
                ("child", child.id), ("thread-1", turn.id)
            ]  # fmt: skip
            params = (await fake.request("thread/backgroundTerminals/terminate")).params
            assert params == {"threadId": "child", "processId": "42"}

    async def test_a_kill_interrupts_them_and_lets_all_threads_go(
        self, fake: FakeCodex, backend: CodexBackend, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(leaving, "KILL_SECONDS", 30)
        monkeypatch.setattr(driver, "KILL_SECONDS", 30)
        with anyio.fail_after(30):
            session = await backend.create_session()
            turn = await run_turn(fake, session)
            await spawn(fake, session, turn)
            await session.kill()
            for method in ("turn/interrupt", "thread/backgroundTerminals/clean", "thread/unsubscribe"):
                threads = [request.params["threadId"] for request in fake.requests if request.method == method]
                assert sorted(threads) == ["child", "thread-1"], method

    async def test_a_close_ends_one_that_outlives_the_turn_that_started_it(
        self, fake: FakeCodex, backend: CodexBackend
    ) -> None:
        with anyio.fail_after(30):
            session = await backend.create_session()
            turn = await run_turn(fake, session)
            child = await spawn(fake, session, turn)
            messages = session.messages()
            turn.completed()
            await next_result(messages)
            fake.on("turn/interrupt", lambda request: interrupted(request, child))
            await session.aclose()
            asked = [request.params for request in fake.requests if request.method == "turn/interrupt"]
            assert asked == [{"threadId": "child", "turnId": child.id}]

    async def test_a_turn_of_a_thread_that_is_not_known_can_be_stopped_too(
        self, fake: FakeCodex, backend: CodexBackend
    ) -> None:
        with anyio.fail_after(30):
            session = await backend.create_session()
            await session.driver.stop_turn("stranger", "turn-9")
            assert (await fake.request("turn/interrupt")).params == {"threadId": "stranger", "turnId": "turn-9"}

    async def test_a_steered_prompt_goes_to_the_main_thread(self, fake: FakeCodex, backend: CodexBackend) -> None:
        with anyio.fail_after(30):
            session = await backend.create_session()
            turn = await run_turn(fake, session)
            await spawn(fake, session, turn)
            await session.send("And this", priority="steer")
            params = (await fake.request("turn/steer")).params
            assert (params["threadId"], params["expectedTurnId"]) == ("thread-1", turn.id)


class TestCompact:
    async def test_it_is_a_turn_that_nobody_prompted_and_waits_for_its_end(
        self, fake: FakeCodex, backend: CodexBackend
    ) -> None:
        def compact(request: FakeRequest) -> None:
            protocol.ThreadCompactStartParams.model_validate(request.params)
            request.answer({})
            turn = fake.turn(request)
            turn.started()
            turn.item("contextCompaction")
            turn.completed()

        with anyio.fail_after(30):
            session = await backend.create_session()
            messages = session.messages()
            fake.on("thread/compact/start", compact)
            await session.compact()
            assert (await next_result(messages)).user_message_uuids == []
            assert (await session.query("Hi").wait()).result == "Hello."

    @pytest.mark.parametrize(
        ("said", "cls"), [("nothing to compact", InvalidRequestError), ("thread not found", SessionNotFoundError)]
    )
    async def test_a_refusal_raises_and_leaves_the_session_idle(
        self, fake: FakeCodex, backend: CodexBackend, said: str, cls: type[AgentError]
    ) -> None:
        with anyio.fail_after(30):
            session = await backend.create_session()
            fake.on("thread/compact/start", lambda request: request.refuse(said))
            with pytest.raises(cls):
                await session.compact()
            assert session.state == "idle"

    async def test_a_running_turn_refuses_it(self, fake: FakeCodex, backend: CodexBackend) -> None:
        with anyio.fail_after(30):
            session = await backend.create_session()
            turn = await run_turn(fake, session)
            with pytest.raises(SessionBusyError):
                await session.compact()
            turn.completed()


class TestBackgroundTasks:
    async def test_all_pages_are_read(self, fake: FakeCodex, backend: CodexBackend) -> None:
        def listing(request: FakeRequest) -> None:
            protocol.ThreadBackgroundTerminalsListParams.model_validate(request.params)
            if "cursor" not in request.params:
                request.answer({"data": [terminal("one", osPid=42)], "nextCursor": "more"})
            else:
                request.answer({"data": [terminal("two", osPid=None)], "nextCursor": None})

        with anyio.fail_after(30):
            session = await backend.create_session()
            fake.on("thread/backgroundTerminals/list", listing)
            assert await session.background_tasks() == [
                BackgroundTask("item-one", "make one", "/home", 42), BackgroundTask("item-two", "make two", "/home")
            ]  # fmt: skip

    @pytest.mark.parametrize("page", [[], {}, {"data": None}, {"data": [], "nextCursor": 7}])
    async def test_an_answer_without_any_is_none(self, fake: FakeCodex, backend: CodexBackend, page: object) -> None:
        with anyio.fail_after(30):
            session = await backend.create_session()
            fake.on("thread/backgroundTerminals/list", lambda request: request.answer(page))
            assert await session.background_tasks() == []

    async def test_a_list_that_never_ends_is_left(self, fake: FakeCodex, backend: CodexBackend) -> None:
        with anyio.fail_after(30):
            session = await backend.create_session()
            page = {"data": [terminal("one")], "nextCursor": "again"}
            fake.on("thread/backgroundTerminals/list", lambda request: request.answer(page))
            assert len(await session.background_tasks()) == 2

    async def test_one_is_stopped_by_the_id_that_the_list_tells(self, fake: FakeCodex, backend: CodexBackend) -> None:
        with anyio.fail_after(30):
            session = await backend.create_session()
            page = {"data": [terminal("one"), terminal("two")], "nextCursor": None}
            fake.on("thread/backgroundTerminals/list", lambda request: request.answer(page))
            await session.stop_task("item-two")
            params = (await fake.request("thread/backgroundTerminals/terminate")).params
            assert params == {"threadId": "thread-1", "processId": "process-two"}
            protocol.ThreadBackgroundTerminalsTerminateParams.model_validate(params)

    async def test_one_that_does_not_run_cannot_be_stopped(self, fake: FakeCodex, backend: CodexBackend) -> None:
        with anyio.fail_after(30):
            session = await backend.create_session()
            page = {"data": [terminal("one")], "nextCursor": None}
            fake.on("thread/backgroundTerminals/list", lambda request: request.answer(page))
            with pytest.raises(InvalidRequestError, match="No background task 'process-one' runs"):
                await session.stop_task("process-one")
            assert not [request for request in fake.requests if request.method.endswith("/terminate")]

    async def test_a_refusal_raises(self, fake: FakeCodex, backend: CodexBackend) -> None:
        with anyio.fail_after(30):
            session = await backend.create_session()
            fake.on("thread/backgroundTerminals/list", lambda request: request.refuse("thread not found"))
            with pytest.raises(SessionNotFoundError):
                await session.background_tasks()


class TestClosing:
    async def test_a_close_interrupts_cleans_up_and_unsubscribes(self, fake: FakeCodex, backend: CodexBackend) -> None:
        with anyio.fail_after(30):
            session = await backend.create_session()
            await run_turn(fake, session)
            messages = session.messages()
            await session.aclose()
            assert [request.method for request in fake.requests[-4:]] == [
                "turn/interrupt", "thread/backgroundTerminals/clean", "thread/unsubscribe", "thread/loaded/list"
            ]  # fmt: skip
            assert (await next_result(messages)).terminal_reason == "aborted_streaming"

    async def test_a_close_while_a_turn_starts_ends_its_prompt(self, fake: FakeCodex, backend: CodexBackend) -> None:
        with anyio.fail_after(30):
            session = await backend.create_session()
            fake.hold("turn/start")
            results: list[Any] = []

            async def query() -> None:
                results.append(await session.query("Hi").wait())

            async with anyio.create_task_group() as tasks:
                tasks.start_soon(query)
                request = await fake.request("turn/start")
                tasks.start_soon(session.aclose)
                await anyio.lowlevel.checkpoint()
                fake.accept(request)
            assert results[0].is_error
            assert session.state == "closed"

    async def test_a_close_waits_until_codex_has_unloaded_the_thread(
        self, fake: FakeCodex, backend: CodexBackend
    ) -> None:
        with anyio.fail_after(30):
            session = await backend.create_session()
            loaded = [{"data": [session.session_id]}, {"data": ["another"]}]
            fake.on("thread/loaded/list", lambda request: request.answer(loaded.pop(0)))
            await session.aclose()
            assert not loaded

    async def test_a_close_gives_up_on_a_thread_that_stays_loaded(self, fake: FakeCodex, backend: CodexBackend) -> None:
        with anyio.fail_after(30):
            session, other = await backend.create_session(), await backend.create_session()
            answer = {"data": [session.session_id]}
            fake.on("thread/loaded/list", lambda request: request.answer(answer))
            await session.aclose()
            fake.on("thread/loaded/list", lambda request: request.refuse("unknown variant"))
            await other.aclose()
            assert (session.state, other.state) == ("closed", "closed")

    async def test_a_close_that_codex_refuses_is_a_close(self, fake: FakeCodex, backend: CodexBackend) -> None:
        with anyio.fail_after(30):
            session = await backend.create_session()
            for method in ("thread/backgroundTerminals/clean", "thread/unsubscribe"):
                fake.on(method, lambda request: request.refuse("thread not found"))
            await session.aclose()
            assert session.state == "closed"

    async def test_a_codex_that_does_not_answer_is_asked_once(self, fake: FakeCodex, backend: CodexBackend) -> None:
        with anyio.fail_after(30):
            session = await backend.create_session()
            fake.hold("thread/backgroundTerminals/clean")
            await session.aclose()
            assert session.state == "closed"
            assert fake.requests[-1].method == "thread/backgroundTerminals/clean"

    async def test_a_kill_waits_for_no_turn(self, fake: FakeCodex, backend: CodexBackend) -> None:
        with anyio.fail_after(30):
            session, other = await backend.create_session(), await backend.create_session()
            turn = await run_turn(fake, session)
            messages = session.messages()
            fake.hold("turn/interrupt")
            await session.kill()
            assert (await fake.request("turn/interrupt")).params["turnId"] == turn.id
            result = await next_result(messages)
            assert (result.is_error, len(result.user_message_uuids)) == (True, 1)
            assert (session.state, other.state) == ("closed", "idle")
            idle = await backend.create_session()
            await idle.kill()
            assert idle.state == "closed"

    async def test_a_session_can_be_resumed_once_its_first_turn_has_ended(
        self, fake: FakeCodex, backend: CodexBackend
    ) -> None:
        with anyio.fail_after(30):
            session = await backend.create_session()
            assert not session.resumable
            turn = await run_turn(fake, session)
            assert not session.resumable
            turn.completed()
            await session.wait_idle()
            assert session.resumable


async def run_turn(fake: FakeCodex, session: CodexSession) -> FakeTurn:
    """Start a turn that runs until the test ends it; later ones end by themselves."""
    fake.hold("turn/start")
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(session.send, "Go")
        request = await fake.request("turn/start")
        fake.release("turn/start")
        fake.accept(request)
    return fake.turn(await fake.request("turn/start"))


async def spawn(fake: FakeCodex, session: CodexSession, turn: FakeTurn) -> FakeTurn:
    """Let a turn start a sub-agent in the thread "child", whose turn runs a command, and return that turn."""
    named: dict[str, Any] = {"receiverThreadIds": ["child"], "agentsStates": {}, "prompt": "look"}
    turn.item("collabAgentToolCall", tool="spawnAgent", status="completed", **named)
    child = FakeTurn(fake, "child", "turn-of-child")
    child.started()
    messages = session.messages()
    child.item("commandExecution", open=True, command="sleep 9", processId="42", status="inProgress", cwd="/")
    while (message := await anext(messages)).type != "assistant" or message.parent_tool_use_id is None:
        pass
    return child


def interrupted(request: FakeRequest, *running: FakeTurn) -> None:
    """Answer turn/interrupt as codex does: the turn that it names ends."""
    request.answer()
    (turn,) = [turn for turn in running if turn.id == request.params["turnId"]]
    turn.completed("interrupted")


def terminal(name: str, **fields: object) -> dict[str, Any]:
    usual = {"itemId": f"item-{name}", "processId": f"process-{name}", "command": f"bash -lc 'make {name}'"}
    return {**usual, "cwd": "/home", **fields}


async def next_result(messages: Any) -> ResultMessage:
    while not isinstance(message := await anext(messages), ResultMessage):
        pass
    return message
