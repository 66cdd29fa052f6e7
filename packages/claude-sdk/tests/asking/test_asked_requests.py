from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import anyio
import pytest

from agent_sdk_core import (
    Answers,
    Deny,
    ElicitationAnswer,
    ElicitationRequest,
    PermissionRequest,
    QuestionRequest,
    RequestOpened,
    RequestResolved,
    SessionOptions,
    ToolRegistry,
    tool,
)
from agent_sdk_core.asking.permissions import DEFER, Allow
from agent_sdk_testing import FakeAsked, FakeClaude, FakePrompt
from claude_sdk.backend import ClaudeBackend
from claude_sdk.session import ClaudeSession

pytestmark = pytest.mark.anyio

Json = dict[str, Any]
Open = Callable[..., Any]


@pytest.fixture
async def opened(backend: ClaudeBackend) -> AsyncIterator[Open]:
    async def open_session(**options: Any) -> ClaudeSession:
        return await backend.create_session(SessionOptions(**options))

    with anyio.fail_after(30):
        yield open_session


def ask(fake: FakeClaude, command: str = "ls", **fields: Any) -> FakeAsked:
    told: Json = {"tool_name": "Bash", "input": {"command": command}, "tool_use_id": "toolu_1", **fields}
    return fake.process.ask("can_use_tool", **told)


async def body(asked: FakeAsked) -> Json:
    answer = await asked.answered()
    assert answer["subtype"] == "success"
    return answer["response"]


async def settle(session: ClaudeSession) -> None:
    """Return when everything that the fake has sent before is handled."""
    await session.control("get_settings")


async def allow(request: PermissionRequest) -> Allow:
    return Allow()


class TestPermissions:
    async def test_nobody_to_ask_is_a_refusal(self, fake: FakeClaude, opened: Open) -> None:
        await opened()
        answer = await body(ask(fake))
        assert (answer["behavior"], answer["message"]) == ("deny", "Nobody allowed it.")

    async def test_a_callback_decides(self, fake: FakeClaude, opened: Open) -> None:
        async def decide(request: PermissionRequest) -> Allow | Deny:
            if request.input["command"] == "ls":
                return Allow(updated_input={"command": "ls -l"})
            return Deny("Not that one.")

        await opened(can_use_tool=decide)
        allowed = await body(ask(fake))
        assert (allowed["behavior"], allowed["updatedInput"]) == ("allow", {"command": "ls -l"})
        denied = await body(ask(fake, "rm"))
        assert (denied["behavior"], denied["message"]) == ("deny", "Not that one.")

    async def test_it_sees_where_the_request_comes_from(self, fake: FakeClaude, opened: Open) -> None:
        seen: list[PermissionRequest] = []

        async def note(request: PermissionRequest) -> Deny:
            seen.append(request)
            return Deny()

        session = await opened(can_use_tool=note)
        fake.process.frame("system", subtype="task_started", task_id="agent-1", tool_use_id="toolu_9", description="x")
        await body(ask(fake, agent_id="agent-1"))
        (request,) = seen
        assert (request.tool_use_id, request.parent_tool_use_id) == ("toolu_1", "toolu_9")
        assert (request.session_id, request.cwd) == (session.session_id, session.info.cwd)
        assert request.deadline is None

    @pytest.mark.parametrize("bad", ["raises", "wrong kind", "cancels"])
    async def test_a_callback_that_fails_is_a_refusal(self, fake: FakeClaude, opened: Open, bad: str) -> None:
        async def fail(request: PermissionRequest) -> Any:
            if bad == "raises":
                raise LookupError("mine")
            if bad == "cancels":
                with anyio.CancelScope() as scope:
                    scope.cancel()
                    await anyio.sleep_forever()
            return Answers({})

        session = await opened(can_use_tool=fail)
        messages = session.messages()
        assert (await body(ask(fake)))["behavior"] == "deny"
        found = [await anext(messages), await anext(messages)]
        assert isinstance(found[0], RequestOpened)
        assert isinstance(found[1], RequestResolved)
        assert (found[1].outcome, found[1].by) == ("denied", "callback_error")
        assert (await session.query("Hi").wait()).result == "Hello."

    async def test_a_callback_that_waits_holds_up_nothing_else(self, fake: FakeClaude, opened: Open) -> None:
        go = anyio.Event()

        async def wait(request: PermissionRequest) -> Allow:
            if request.input["command"] == "slow":
                await go.wait()
            return Allow()

        session = await opened(can_use_tool=wait)
        slow, quick = ask(fake, "slow"), ask(fake, "quick")
        assert (await body(quick))["behavior"] == "allow"
        assert (await session.query("Hi").wait()).result == "Hello."
        assert slow.answers == []
        go.set()
        assert (await body(slow))["behavior"] == "allow"

    async def test_one_that_cannot_even_be_read_is_a_refusal(
        self, fake: FakeClaude, opened: Open, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(asked: object) -> None:
            raise LookupError("ours")

        monkeypatch.setattr("claude_sdk.asking.requests.tool_approval", fail)
        await opened(can_use_tool=allow)
        assert (await body(ask(fake)))["behavior"] == "deny"

    async def test_a_deadline_is_a_refusal(self, fake: FakeClaude, opened: Open) -> None:
        session = await opened(can_use_tool=DEFER, request_timeout=0.1)
        messages = session.messages()
        assert (await body(ask(fake)))["behavior"] == "deny"
        found = [await anext(messages), await anext(messages)]
        assert isinstance(found[0], RequestOpened)
        assert found[0].deadline is not None
        assert isinstance(found[1], RequestResolved)
        assert found[1].by == "deadline"

    async def test_what_is_deferred_is_answered_from_elsewhere_once(self, fake: FakeClaude, opened: Open) -> None:
        session = await opened(can_use_tool=DEFER)
        messages = session.messages()
        asked = ask(fake)
        await anext(messages)
        (request,) = session.pending
        assert session.state == "requires_action"
        await session.answer(request.request_id, Allow())
        assert (await body(asked))["behavior"] == "allow"
        with pytest.raises(Exception, match="No request"):
            await session.answer(request.request_id, Allow())

    async def test_a_withdrawn_one_is_not_answered(self, fake: FakeClaude, opened: Open) -> None:
        session = await opened(can_use_tool=DEFER)
        messages = session.messages()
        asked = ask(fake)
        await anext(messages)
        asked.withdraw()
        resolved = await anext(messages)
        assert isinstance(resolved, RequestResolved)
        assert (resolved.outcome, session.pending) == ("withdrawn", ())
        await settle(session)
        assert asked.answers == []

    async def test_one_that_is_withdrawn_at_once_is_asked_of_nobody(self, fake: FakeClaude, opened: Open) -> None:
        asked_of: list[PermissionRequest] = []

        async def note(request: PermissionRequest) -> Allow:
            asked_of.append(request)
            return Allow()

        session = await opened(can_use_tool=note)
        fake.process.write(
            {"type": "control_request", "request_id": "a", "request": {"subtype": "can_use_tool", "tool_name": "Bash"}},
            {"type": "control_cancel_request", "request_id": "a"},
        )
        await settle(session)
        await session.query("Hi").wait()
        assert asked_of == []
        assert "control_response" not in [message["type"] for message in fake.process.received]

    async def test_a_used_id_is_reported_and_answered_once(
        self, fake: FakeClaude, opened: Open, backend: ClaudeBackend
    ) -> None:
        session = await opened(can_use_tool=DEFER)
        events, messages = backend.events(), session.messages()
        asked, _ = ask(fake, request_id="same"), ask(fake, request_id="same")
        while (event := await anext(events)).kind != "protocol_error":
            pass
        assert event.details["kind"] == "duplicate_request"
        await anext(messages)
        (request,) = session.pending
        await session.answer(request.request_id, Deny())
        await body(asked)
        await settle(session)
        assert len(asked.answers) == 1


class TestQuestions:
    QUESTION: Json = {"question": "Which?", "header": "H", "options": [{"label": "A"}, {"label": "B"}]}

    def ask(self, fake: FakeClaude, **given: object) -> FakeAsked:
        told = {"questions": [self.QUESTION], **given}
        return fake.process.ask("can_use_tool", tool_name="AskUserQuestion", input=told, tool_use_id="toolu_1")

    async def test_answers_go_into_the_tools_input(self, fake: FakeClaude, opened: Open) -> None:
        async def choose(request: QuestionRequest) -> Answers:
            return Answers({request.questions[0].id: ("B",)})

        await opened(on_question=choose)
        answer = await body(self.ask(fake))
        assert (answer["behavior"], answer["updatedInput"]["answers"]) == ("allow", {"Which?": "B"})

    async def test_nobody_to_ask_is_a_refusal_that_the_model_reads(self, fake: FakeClaude, opened: Open) -> None:
        await opened(can_use_tool=allow)
        assert (await body(self.ask(fake)))["behavior"] == "deny"

    async def test_questions_that_cannot_be_read_are_a_permission(self, fake: FakeClaude, opened: Open) -> None:
        await opened()
        assert (await body(self.ask(fake, questions="odd")))["behavior"] == "deny"


class TestElicitations:
    def ask(self, fake: FakeClaude, **fields: object) -> FakeAsked:
        told: Json = {"mcp_server_name": "el", "message": "your name?", "mode": "form", **fields}
        return fake.process.ask("elicitation", **told)

    async def test_a_callback_answers(self, fake: FakeClaude, opened: Open) -> None:
        async def fill(request: ElicitationRequest) -> ElicitationAnswer:
            return ElicitationAnswer("accept", {"name": request.message[:4]})

        await opened(on_elicitation=fill)
        assert await body(self.ask(fake)) == {"action": "accept", "content": {"name": "your"}}

    @pytest.mark.parametrize("fields", [{}, {"mode": "telepathy"}])
    async def test_without_one_and_for_unknown_modes_it_is_declined(
        self, fake: FakeClaude, opened: Open, fields: Json
    ) -> None:
        session = await opened()
        assert await body(self.ask(fake, **fields)) == {"action": "decline"}
        assert session.pending == ()


class TestOthers:
    async def test_a_request_of_an_unknown_kind_gets_an_error(self, fake: FakeClaude, opened: Open) -> None:
        await opened()
        asked = fake.process.ask("surprise", what="?")
        answer = await asked.answered()
        assert (answer["subtype"], answer["error"]) == ("error", "This client does not answer surprise.")

    async def test_a_dialog_that_we_did_not_declare_is_left_open(self, fake: FakeClaude, opened: Open) -> None:
        session = await opened()
        asked = fake.process.ask("request_user_dialog", kind="other")
        await settle(session)
        assert (await session.query("Hi").wait()).result == "Hello."
        assert asked.answers == []
        await session.aclose()
        assert asked.answers == []


class TestTools:
    @pytest.fixture
    def registry(self) -> ToolRegistry:
        @tool
        async def add(a: int, b: int) -> str:
            """Add two numbers."""
            return str(a + b)

        return ToolRegistry("calc", [add])

    def call(self, fake: FakeClaude, server: str, **message: object) -> FakeAsked:
        told = {"jsonrpc": "2.0", **message}
        return fake.process.ask("mcp_message", server_name=server, message=told)

    async def test_a_tool_runs_in_the_turn(self, fake: FakeClaude, opened: Open, registry: ToolRegistry) -> None:
        session = await opened(tools=registry)
        fake.on_prompt(FakePrompt.accept)
        async with session.query("Hi") as turn:
            params = {"name": "add", "arguments": {"a": 2, "b": 3}}
            answer = await body(self.call(fake, "calc", id=1, method="tools/call", params=params))
            assert answer["mcp_response"]["result"]["content"] == [{"type": "text", "text": "5"}]
            fake.prompts[0].result()
            await turn.wait()

    async def test_a_notification_is_answered_too_for_claude_waits(
        self, fake: FakeClaude, opened: Open, registry: ToolRegistry
    ) -> None:
        await opened(tools=registry)
        for _ in range(2):
            answer = await body(self.call(fake, "calc", method="notifications/initialized"))
            assert answer["mcp_response"]["result"] == {}

    @pytest.mark.parametrize("with_tools", [True, False])
    async def test_a_server_that_is_not_ours_gets_an_error(
        self, fake: FakeClaude, opened: Open, registry: ToolRegistry, with_tools: bool
    ) -> None:
        await opened(tools=registry if with_tools else None)
        answer = await self.call(fake, "other", id=1, method="tools/list").answered()
        assert answer["subtype"] == "error"

    async def test_servers_shake_hands_before_the_session_is_open(
        self, fake: FakeClaude, opened: Open, registry: ToolRegistry
    ) -> None:
        shaken: list[FakeAsked] = []

        def greet(request: Any) -> None:
            process = request.process
            message = {"jsonrpc": "2.0", "id": 0, "method": "tools/list"}
            shaken.append(process.ask("mcp_message", server_name="calc", message=message))

        fake.on("initialize", greet)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(lambda: opened(tools=registry))
            await fake.wait_until(lambda: bool(shaken), "the handshake")
            assert (await body(shaken[0]))["mcp_response"]["result"]["tools"][0]["name"] == "add"
            fake.requests[0].answer()
