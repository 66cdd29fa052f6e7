from __future__ import annotations

import contextvars
import logging
from collections.abc import Callable, Mapping
from typing import Any

import anyio
import pytest

from agent_sdk_core import (
    DEFER,
    Allow,
    Answers,
    Deny,
    ElicitationAnswer,
    ElicitationRequest,
    PermissionRequest,
    ResultMessage,
    SessionOptions,
    ToolRegistry,
    tool,
)
from agent_sdk_testing import FakeCodex, FakeTurn
from codex_sdk import protocol
from codex_sdk.asking.client_hooks import HOOKS, ClientHooks
from codex_sdk.asking.requests import REFUSALS
from codex_sdk.backend import CodexBackend
from codex_sdk.protocol.methods import SERVER_REQUESTS
from codex_sdk.session import CodexSession

pytestmark = pytest.mark.anyio

COMMAND = "item/commandExecution/requestApproval"
PATCH = "item/fileChange/requestApproval"
PERMISSIONS = "item/permissions/requestApproval"
QUESTION = "item/tool/requestUserInput"
ELICITATION = "mcpServer/elicitation/request"
TOOL = "item/tool/call"
REFRESH = "account/chatgptAuthTokens/refresh"
ATTEST = "attestation/generate"
NOT_FOUND = -32601
HANDLED = {"currentTime/read"}
CUT_OFF = {"contentItems": [{"type": "inputText", "text": "The call was cut off."}], "success": False}


class Talk:
    """A session on the fake, its running turn, and what it is asked."""

    def __init__(self, fake: FakeCodex, session: CodexSession, turn: FakeTurn) -> None:
        self.fake = fake
        self.session = session
        self.turn = turn

    async def ask(self, method: str, request_id: int | str = 0, **params: object) -> dict[str, Any]:
        """Ask in the name of the running turn, and return the answer: its result, or its error."""
        question = self.fake.ask(
            method, request_id=request_id, threadId=self.turn.thread_id, turnId=self.turn.id, startedAtMs=0, **params
        )
        answer = await question.answered()
        return answer.get("result", answer)


async def talk(fake: FakeCodex, backend: CodexBackend, **options: Any) -> Talk:
    session = await backend.create_session(SessionOptions(cwd="/", **options))
    fake.hold("turn/start")
    number = sum(request.method == "turn/start" for request in fake.requests) + 1
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(session.send, "Go")
        request = await fake.request("turn/start", number)
        fake.release("turn/start")
        fake.accept(request)
    return Talk(fake, session, fake.turn(await fake.request("turn/start", number)))


def starting(child: str) -> dict[str, Any]:
    """The fields of an item that started a sub-agent in a thread of this id."""
    named: dict[str, Any] = {"receiverThreadIds": [child], "agentsStates": {}, "prompt": "look"}
    return {"tool": "spawnAgent", "status": "completed", **named}


async def allow(request: PermissionRequest) -> Allow:
    return Allow()


async def stop(request: PermissionRequest) -> Deny:
    return Deny(interrupt=True)


async def fail(request: object) -> Any:
    raise RuntimeError("the callback is broken")


def test_every_request_of_the_protocol_is_handled_refused_or_known_to_be_unanswerable() -> None:
    assert set(SERVER_REQUESTS) == set(REFUSALS) | set(HOOKS) | HANDLED
    assert not (set(REFUSALS) & set(HOOKS))


@pytest.mark.parametrize("method", sorted(REFUSALS))
def test_a_refusal_is_a_valid_answer(method: str) -> None:
    model = SERVER_REQUESTS[method][1]
    assert model is not None
    getattr(protocol, model).model_validate(REFUSALS[method], extra="forbid")


@pytest.mark.parametrize("method", sorted(REFUSALS))
async def test_without_callbacks_each_request_is_refused(fake: FakeCodex, backend: CodexBackend, method: str) -> None:
    with anyio.fail_after(30):
        talking = await talk(fake, backend)
        item_id = talking.turn.item("fileChange", open=True, changes=[], status="inProgress")
        assert await talking.ask(method, itemId=item_id) == REFUSALS[method]


@pytest.mark.parametrize("method", sorted(REFUSALS))
async def test_a_thread_that_nobody_owns_is_refused(fake: FakeCodex, backend: CodexBackend, method: str) -> None:
    with anyio.fail_after(30):
        await backend.start()
        assert (await fake.ask(method, threadId="unknown").answered())["result"] == REFUSALS[method]


@pytest.mark.parametrize("params", [{}, {"threadId": None}, {"threadId": 7}])
async def test_a_request_without_a_thread_is_refused(
    fake: FakeCodex, backend: CodexBackend, params: dict[str, Any]
) -> None:
    with anyio.fail_after(30):
        await backend.start()
        assert (await fake.ask(COMMAND, **params).answered())["result"] == {"decision": "decline"}


@pytest.mark.parametrize("method", [*sorted(HOOKS), "some/newRequest"])
async def test_a_request_that_has_no_refusal_gets_the_protocols_error(
    fake: FakeCodex, backend: CodexBackend, method: str
) -> None:
    with anyio.fail_after(30):
        talking = await talk(fake, backend, can_use_tool=allow)
        assert (await talking.ask(method))["error"]["code"] == NOT_FOUND


async def test_the_time_is_told(fake: FakeCodex, backend: CodexBackend) -> None:
    with anyio.fail_after(30):
        await backend.start()
        result = (await fake.ask("currentTime/read").answered())["result"]
        protocol.CurrentTimeReadResponse.model_validate(result)
        assert result["currentTimeAt"] > 1_600_000_000


@pytest.mark.parametrize(
    ("method", "accepted"),
    [(COMMAND, {"decision": "accept"}), (PERMISSIONS, {"permissions": {"network": None}, "scope": "turn"})],
)
async def test_an_allowing_callback_lets_it_run(
    fake: FakeCodex, backend: CodexBackend, method: str, accepted: dict[str, Any]
) -> None:
    with anyio.fail_after(30):
        talking = await talk(fake, backend, can_use_tool=allow)
        answer = await talking.ask(method, itemId="item", command="ls", permissions={"network": None})
        assert answer == accepted


async def test_a_patch_is_judged_by_the_item_that_was_shown(fake: FakeCodex, backend: CodexBackend) -> None:
    seen: list[PermissionRequest] = []

    async def note(request: PermissionRequest) -> Allow:
        seen.append(request)
        return Allow()

    with anyio.fail_after(30):
        talking = await talk(fake, backend, can_use_tool=note)
        change = {"path": "/a.txt", "kind": {"type": "add"}, "diff": "hi\n"}
        item_id = talking.turn.item("fileChange", open=True, changes=[change], status="inProgress")
        assert await talking.ask(PATCH, itemId=item_id) == {"decision": "accept"}
        assert (seen[0].tool_name, seen[0].tool_use_id) == ("Write", item_id)
        assert seen[0].escalates == {"sandbox"}


@pytest.mark.parametrize("params", [{"itemId": "never-seen"}, {}])
async def test_a_patch_that_was_never_shown_is_refused_unasked(
    fake: FakeCodex, backend: CodexBackend, params: dict[str, Any]
) -> None:
    with anyio.fail_after(30):
        talking = await talk(fake, backend, can_use_tool=allow)
        assert await talking.ask(PATCH, **params) == {"decision": "decline"}


async def test_questions_and_elicitations_have_callbacks_of_their_own(fake: FakeCodex, backend: CodexBackend) -> None:
    async def answer(request: Any) -> Answers:
        return Answers({request.questions[0].id: ("blue",)})

    async def fill_in(request: Any) -> ElicitationAnswer:
        return ElicitationAnswer("accept", {"server": request.server})

    with anyio.fail_after(30):
        talking = await talk(fake, backend, on_question=answer, on_elicitation=fill_in)
        questions = [{"id": "q", "question": "Which?", "header": "Colour"}]
        assert await talking.ask(QUESTION, 1, questions=questions) == {"answers": {"q": {"answers": ["blue"]}}}
        filled = await talking.ask(ELICITATION, 2, serverName="files", mode="form", message="?")
        assert filled == {"action": "accept", "content": {"server": "files"}, "_meta": None}


async def test_an_answer_that_json_cannot_hold_is_a_refusal(fake: FakeCodex, backend: CodexBackend) -> None:
    async def odd(request: ElicitationRequest) -> ElicitationAnswer:
        return ElicitationAnswer("accept", {"number": float("nan")})

    with anyio.fail_after(30):
        talking = await talk(fake, backend, on_elicitation=odd)
        told = await talking.ask(ELICITATION, serverName="s", mode="form", message="How many?", requestedSchema={})
    assert told["action"] == "decline"


async def test_an_elicitation_of_an_unknown_mode_is_refused_unasked(fake: FakeCodex, backend: CodexBackend) -> None:
    with anyio.fail_after(30):
        talking = await talk(fake, backend, on_elicitation=fail, can_use_tool=fail)
        assert await talking.ask(ELICITATION, serverName="files", mode="payment", message="?") == REFUSALS[ELICITATION]


async def test_an_elicitation_about_an_open_call_is_asked_as_its_permission(
    fake: FakeCodex, backend: CodexBackend
) -> None:
    seen: list[PermissionRequest] = []

    async def note(request: PermissionRequest) -> Allow:
        seen.append(request)
        return Allow("session")

    with anyio.fail_after(30):
        talking = await talk(fake, backend, can_use_tool=note, on_elicitation=fail)
        arguments = {"path": "/a"}
        call = {"server": "files", "tool": "delete", "arguments": arguments, "status": "inProgress"}
        item_id = talking.turn.item("mcpToolCall", open=True, **call)
        meta = {"codex_approval_kind": "mcp_tool_call", "tool_params": arguments, "persist": ["session"]}
        answer = await talking.ask(ELICITATION, serverName="files", mode="form", message="Ok?", _meta=meta)
        assert answer == {"action": "accept", "content": {}, "_meta": {"persist": "session"}}
        assert (seen[0].tool_name, seen[0].tool_use_id) == ("mcp__files__delete", item_id)


@pytest.mark.parametrize(("callback", "listed"), [(None, True), (allow, False)], ids=["refused", "allowed"])
async def test_a_refused_call_of_an_mcp_server_is_listed_by_the_result(
    fake: FakeCodex, backend: CodexBackend, callback: Any, listed: bool
) -> None:
    with anyio.fail_after(30):
        talking = await talk(fake, backend, can_use_tool=callback)
        messages = talking.session.messages()
        call = {"server": "files", "tool": "delete", "arguments": {"path": "/a"}}
        item_id = talking.turn.item("mcpToolCall", open=True, **call, status="inProgress")
        meta = {"codex_approval_kind": "mcp_tool_call", "tool_params": {"path": "/a"}}
        await talking.ask(ELICITATION, serverName="files", mode="form", message="Ok?", _meta=meta)
        item = {"type": "mcpToolCall", "id": item_id, **call, "status": "failed", "error": {"message": "It failed."}}
        fake.notify("item/completed", threadId=talking.turn.thread_id, turnId=talking.turn.id, item=item)
        talking.turn.completed()
        while not isinstance(message := await anext(messages), ResultMessage):
            pass
        assert [denial["tool_use_id"] for denial in message.permission_denials] == [item_id] * listed


async def test_an_elicitation_that_only_claims_to_be_an_approval_is_the_servers(
    fake: FakeCodex, backend: CodexBackend
) -> None:
    async def fill_in(request: Any) -> ElicitationAnswer:
        return ElicitationAnswer("decline")

    with anyio.fail_after(30):
        talking = await talk(fake, backend, can_use_tool=allow, on_elicitation=fill_in)
        meta = {"codex_approval_kind": "mcp_tool_call", "tool_params": {"path": "/a"}}
        answer = await talking.ask(ELICITATION, serverName="files", mode="form", message="Ok?", _meta=meta)
        assert answer == {"action": "decline", "content": None, "_meta": None}


async def test_a_part_of_the_permissions_can_be_granted(fake: FakeCodex, backend: CodexBackend) -> None:
    async def grant_less(request: PermissionRequest) -> Allow:
        return Allow(updated_input={"permissions": {"network": {"enabled": True}}})

    with anyio.fail_after(30):
        talking = await talk(fake, backend, can_use_tool=grant_less)
        wanted = {"network": {"enabled": True}, "fileSystem": {"write": ["/etc"]}}
        answer = await talking.ask(PERMISSIONS, 1, itemId="item", permissions=wanted)
        assert answer == {"permissions": {"network": {"enabled": True}}, "scope": "turn"}
        answer = await talking.ask(PERMISSIONS, 2, itemId="item", permissions={"fileSystem": {"write": ["/etc"]}})
        assert answer == REFUSALS[PERMISSIONS], "more than it asked for"


class TestStopping:
    async def test_a_denial_that_stops_interrupts_where_the_answer_alone_does_not(
        self, fake: FakeCodex, backend: CodexBackend
    ) -> None:
        with anyio.fail_after(30):
            talking = await talk(fake, backend, can_use_tool=stop)
            fake.on("turn/interrupt", lambda request: request.answer())
            answer = await talking.ask(PERMISSIONS, itemId="item", permissions={"network": {"enabled": True}})
            assert answer == REFUSALS[PERMISSIONS]
            interrupt = await fake.request("turn/interrupt")
            assert interrupt.params == {"threadId": talking.turn.thread_id, "turnId": talking.turn.id}
            order = [message.get("method", "answer") for message in fake.received]
            assert order[-2:] == ["turn/interrupt", "answer"], "the model would go on after the answer"
            fake.release("turn/interrupt")

    async def test_only_the_turn_that_asked_is_interrupted(self, fake: FakeCodex, backend: CodexBackend) -> None:
        with anyio.fail_after(30):
            talking = await talk(fake, backend, can_use_tool=stop)
            fake.on("turn/interrupt", lambda request: request.answer())
            talking.turn.item("collabAgentToolCall", **starting("child"))
            fake.notify("turn/started", threadId="child", turn={"id": "child-turn", "status": "inProgress"})
            arguments: dict[str, object] = {}
            call = {"server": "files", "tool": "delete", "arguments": arguments, "status": "inProgress"}
            item = {"type": "mcpToolCall", "id": "call", **call}
            fake.notify("item/started", threadId="child", turnId="child-turn", item=item, startedAtMs=0)
            meta = {"codex_approval_kind": "mcp_tool_call", "tool_params": arguments}
            question = fake.ask(
                ELICITATION, threadId="child", turnId="child-turn", serverName="files", mode="form", _meta=meta
            )
            assert (await question.answered())["result"]["action"] == "cancel"
            asked = [request.params for request in fake.requests if request.method == "turn/interrupt"]
            assert asked == [{"threadId": "child", "turnId": "child-turn"}]
            fake.release("turn/interrupt")

    @pytest.mark.parametrize(("method", "body"), [(COMMAND, {"decision": "cancel"}), (PERMISSIONS, None)])
    async def test_none_is_sent_where_the_answer_stops_or_no_turn_is_named(
        self, fake: FakeCodex, backend: CodexBackend, method: str, body: dict[str, Any] | None
    ) -> None:
        with anyio.fail_after(30):
            talking = await talk(fake, backend, can_use_tool=stop)
            named = {"turnId": talking.turn.id} if body else {}
            question = fake.ask(method, threadId=talking.turn.thread_id, itemId="item", command="ls", **named)
            assert (await question.answered())["result"] == (body or REFUSALS[method])
            assert not [request for request in fake.requests if request.method == "turn/interrupt"]

    async def test_a_denial_that_does_not_stop_lets_the_turn_go_on(
        self, fake: FakeCodex, backend: CodexBackend
    ) -> None:
        async def deny(request: PermissionRequest) -> Deny:
            return Deny()

        with anyio.fail_after(30):
            talking = await talk(fake, backend, can_use_tool=deny)
            assert await talking.ask(PERMISSIONS, itemId="item", permissions={}) == REFUSALS[PERMISSIONS]
            assert not [request for request in fake.requests if request.method == "turn/interrupt"]


async def test_a_sub_agent_asks_in_the_name_of_what_started_it(fake: FakeCodex, backend: CodexBackend) -> None:
    seen: list[PermissionRequest] = []

    async def note(request: PermissionRequest) -> Allow:
        seen.append(request)
        return Allow()

    with anyio.fail_after(30):
        talking = await talk(fake, backend, can_use_tool=note)
        use_id = talking.turn.item("collabAgentToolCall", **starting("child"))
        change = {"path": "/a.txt", "kind": {"type": "add"}, "diff": "hi\n"}
        item = {"type": "fileChange", "id": "patch", "changes": [change], "status": "inProgress"}
        fake.notify("turn/started", threadId="child", turn={"id": "child-turn", "status": "inProgress"})
        fake.notify("item/started", threadId="child", turnId="child-turn", item=item, startedAtMs=0)
        question = fake.ask(PATCH, threadId="child", turnId="child-turn", itemId="patch", startedAtMs=0)
        assert (await question.answered())["result"] == {"decision": "accept"}
        assert (seen[0].parent_tool_use_id, seen[0].session_id) == (use_id, talking.session.session_id)
        assert (seen[0].tool_name, seen[0].tool_use_id) == ("Write", "patch")


class TestTools:
    async def test_the_applications_tool_runs_and_its_result_goes_back(
        self, fake: FakeCodex, backend: CodexBackend
    ) -> None:
        @tool(ask="never")
        async def add(a: int, b: int) -> str:
            """Add two numbers."""
            return str(a + b)

        with anyio.fail_after(30):
            talking = await talk(fake, backend, tools=ToolRegistry("calc", [add]))
            assert talking.session.info.tools == ("mcp__calc__add",)
            for request_id, namespace in enumerate(("calc", None)):
                answer = await talking.ask(
                    TOOL, request_id, callId="c", namespace=namespace, tool="add", arguments={"a": 2, "b": 3}
                )
                assert answer == {"contentItems": [{"type": "inputText", "text": "5"}], "success": True}

    @pytest.mark.parametrize(
        ("call", "says"),
        [({"tool": "add", "arguments": {"a": "two"}}, "Invalid arguments for add"), ({}, "There is no tool 'None'")],
    )
    async def test_a_call_that_makes_no_sense_is_told_to_the_model(
        self, fake: FakeCodex, backend: CodexBackend, call: dict[str, Any], says: str
    ) -> None:
        @tool(ask="never")
        async def add(a: int) -> str:
            """Add."""
            raise AssertionError(a)

        with anyio.fail_after(30):
            talking = await talk(fake, backend, tools=ToolRegistry("calc", [add]))
            answer = await talking.ask(TOOL, namespace="calc", **call)
            assert answer["success"] is False
            assert says in answer["contentItems"][0]["text"]
            protocol.DynamicToolCallResponse.model_validate(answer)

    async def test_a_tool_of_another_namespace_is_not_ours(self, fake: FakeCodex, backend: CodexBackend) -> None:
        @tool(ask="never")
        async def add() -> None:
            """Add."""
            raise AssertionError

        with anyio.fail_after(30):
            talking = await talk(fake, backend, tools=ToolRegistry("calc", [add]))
            assert await talking.ask(TOOL, namespace="other", tool="add", arguments={}) == REFUSALS[TOOL]

    async def test_a_turn_that_ends_cuts_its_tool_off(self, fake: FakeCodex, backend: CodexBackend) -> None:
        begun, cancelled = anyio.Event(), anyio.Event()

        @tool(ask="never")
        async def wait() -> None:
            """Wait for ever."""
            begun.set()
            try:
                await anyio.sleep_forever()
            finally:
                cancelled.set()

        with anyio.fail_after(30):
            talking = await talk(fake, backend, tools=ToolRegistry("slow", [wait]))
            question = fake.ask(TOOL, threadId=talking.turn.thread_id, namespace="slow", tool="wait", arguments={})
            await begun.wait()
            talking.turn.completed("interrupted")
            assert (await question.answered())["result"] == CUT_OFF
            assert cancelled.is_set()

    async def test_a_call_that_comes_when_no_turn_runs_is_refused(self, fake: FakeCodex, backend: CodexBackend) -> None:
        @tool(ask="never")
        async def add() -> None:
            """Add."""
            raise AssertionError

        with anyio.fail_after(30):
            session = await backend.create_session(SessionOptions(tools=ToolRegistry("calc", [add])))
            question = fake.ask(TOOL, threadId=session.thread_id, namespace="calc", tool="add", arguments={})
            assert (await question.answered())["result"] == CUT_OFF

    async def test_a_tool_sees_the_context_in_which_the_session_was_made(
        self, fake: FakeCodex, backend: CodexBackend
    ) -> None:
        user: contextvars.ContextVar[str] = contextvars.ContextVar("user", default="nobody")

        @tool(ask="never")
        async def whoami() -> str:
            """Tell who asks."""
            return user.get()

        with anyio.fail_after(30):
            await backend.start()
            user.set("Ada")
            talking = await talk(fake, backend, tools=ToolRegistry("who", [whoami]))
            user.set("Bob")
            answer = await talking.ask(TOOL, namespace="who", tool="whoami", arguments={})
            assert answer["contentItems"] == [{"type": "inputText", "text": "Ada"}]


class TestHooks:
    async def test_a_hook_answers_what_only_the_application_can(
        self, fake: FakeCodex, make_backend: Callable[..., CodexBackend]
    ) -> None:
        asked: list[Mapping[str, object]] = []

        async def refresh(params: Mapping[str, object]) -> Mapping[str, object]:
            asked.append(params)
            return {"accessToken": "new", "chatgptAccountId": "me", "chatgptPlanType": None}

        async def attest(params: Mapping[str, object]) -> Mapping[str, object]:
            return {"token": "signed"}

        with anyio.fail_after(30):
            await make_backend(hooks=ClientHooks(refresh_tokens=refresh, attest=attest)).start()
            assert (await fake.request("initialize")).params["capabilities"]["requestAttestation"] is True
            tokens = (await fake.ask(REFRESH, request_id=1, reason="unauthorized").answered())["result"]
            protocol.ChatgptAuthTokensRefreshResponse.model_validate(tokens, extra="forbid")
            assert tokens["accessToken"] == "new"
            assert asked == [{"reason": "unauthorized"}]
            assert (await fake.ask(ATTEST, request_id=2).answered())["result"] == {"token": "signed"}

    async def test_without_one_it_is_not_announced(self, fake: FakeCodex, backend: CodexBackend) -> None:
        with anyio.fail_after(30):
            await backend.start()
            assert (await fake.request("initialize")).params["capabilities"]["requestAttestation"] is False

    async def test_one_that_fails_is_an_error_and_is_logged(
        self, fake: FakeCodex, make_backend: Callable[..., CodexBackend], caplog: pytest.LogCaptureFixture
    ) -> None:
        with anyio.fail_after(30):
            await make_backend(hooks=ClientHooks(attest=fail)).start()
            assert (await fake.ask(ATTEST).answered())["error"]["code"] == NOT_FOUND
            assert "the callback is broken" in caplog.text


class Outcome(BaseException):
    """What test frameworks raise to end a test."""


HOOK_FAULTS: dict[str, BaseException | object] = {
    "exception": ZeroDivisionError("by zero"),
    "outcome": Outcome("failed"),
    "exit": SystemExit(2),
    "keys": KeyboardInterrupt(),
    "group": BaseExceptionGroup("two", [Outcome("failed"), ValueError("other")]),
    "nothing": None,
    "text": "yes",
    "number": {"token": float("nan")},
    "bytes": {"token": b"x"},
    "large": {"token": "x" * 70_000_000},
}


async def test_a_hook_that_fails_in_whatever_way_is_an_error_and_the_next_one_is_answered(
    fake: FakeCodex, make_backend: Callable[..., CodexBackend]
) -> None:
    how = "cancelled"

    async def hook(params: Mapping[str, object]) -> Any:
        if how == "cancelled":
            caught: list[BaseException] = []
            with anyio.CancelScope() as scope:
                scope.cancel()
                try:
                    await anyio.lowlevel.checkpoint()
                except BaseException as error:
                    caught.append(error)
                    raise
            raise caught[0]
        if isinstance(fault := HOOK_FAULTS.get(how, {"token": "signed"}), BaseException):
            raise fault
        return fault

    with anyio.fail_after(30):
        backend = make_backend(hooks=ClientHooks(refresh_tokens=hook, attest=hook))
        talking = await talk(fake, backend)
        for number, how in enumerate(("cancelled", *HOOK_FAULTS)):  # The hook reads it.
            for method in (REFRESH, ATTEST):
                answer = await fake.ask(method, request_id=f"{method} {number}").answered()
                assert answer["error"]["code"] == NOT_FOUND, how
        how = "fine"
        assert (await fake.ask(ATTEST, request_id="last").answered())["result"] == {"token": "signed"}
        assert talking.session.state == "running"


@pytest.mark.parametrize("shielded", [False, True])
async def test_a_hook_may_close_its_backend_or_never_end(
    fake: FakeCodex, make_backend: Callable[..., CodexBackend], shielded: bool
) -> None:
    asked, returned, over = anyio.Event(), anyio.Event(), anyio.Event()

    async def close(params: Mapping[str, object]) -> Mapping[str, object]:
        await asked.wait()
        with anyio.CancelScope(shield=shielded):
            await backend.aclose()
        returned.set()
        return {"token": "late"}

    async def never(params: Mapping[str, object]) -> Mapping[str, object]:
        asked.set()
        with anyio.CancelScope(shield=shielded):
            await over.wait()
        return {}

    with anyio.fail_after(30):
        backend = make_backend(hooks=ClientHooks(refresh_tokens=never, attest=close))
        await backend.start()
        fake.ask(ATTEST, request_id=1)
        fake.ask(REFRESH, request_id=2)
        await returned.wait()
        await backend.aclose()
        over.set()


@pytest.mark.parametrize("method", [COMMAND, PERMISSIONS, QUESTION, ELICITATION])
async def test_a_callback_that_fails_refuses(
    fake: FakeCodex, backend: CodexBackend, method: str, caplog: pytest.LogCaptureFixture
) -> None:
    with anyio.fail_after(30):
        talking = await talk(fake, backend, can_use_tool=fail, on_question=fail, on_elicitation=fail)
        assert await talking.ask(method, itemId="item") == REFUSALS[method]
        assert "the callback is broken" in caplog.text


async def test_an_answer_that_codex_cannot_honour_refuses(
    fake: FakeCodex, backend: CodexBackend, caplog: pytest.LogCaptureFixture
) -> None:
    async def change(request: PermissionRequest) -> Allow:
        return Allow(updated_input={"command": "true"})

    with anyio.fail_after(30):
        talking = await talk(fake, backend, can_use_tool=change)
        assert await talking.ask(COMMAND, itemId="item", command="ls") == {"decision": "decline"}
        assert "cannot run a changed input" in caplog.text


async def test_an_answer_of_another_kind_refuses(fake: FakeCodex, backend: CodexBackend) -> None:
    async def confused(request: object) -> Any:
        return "yes"

    with anyio.fail_after(30):
        talking = await talk(fake, backend, can_use_tool=confused)
        assert await talking.ask(COMMAND, itemId="item") == {"decision": "decline"}


async def test_a_request_whose_parameters_make_no_sense_is_refused_and_logged(
    fake: FakeCodex, backend: CodexBackend, caplog: pytest.LogCaptureFixture
) -> None:
    with anyio.fail_after(30):
        talking = await talk(fake, backend, can_use_tool=allow)
        answer = await talking.ask(COMMAND, itemId="item", proposedNetworkPolicyAmendments=["nonsense"])
        assert answer == {"decision": "decline"}
        assert "could not be handled and is refused" in caplog.text


async def test_a_deferred_request_waits_for_its_answer_and_holds_up_no_other(
    fake: FakeCodex, backend: CodexBackend
) -> None:
    with anyio.fail_after(30):
        talking = await talk(fake, backend, can_use_tool=DEFER)
        session = talking.session
        first = fake.ask(COMMAND, request_id=0, threadId=session.thread_id, command="one")
        second = fake.ask(COMMAND, request_id=1, threadId=session.thread_id, command="two")
        await currently(session, 2)
        assert session.state == "requires_action"
        pending = {
            request.input["command"]: request.request_id
            for request in session.pending
            if isinstance(request, PermissionRequest)
        }
        await session.answer(pending["two"], Deny())
        assert (await second.answered())["result"] == {"decision": "decline"}
        await session.answer(pending["one"], Allow("session"))
        assert (await first.answered())["result"] == {"decision": "acceptForSession"}
        assert first.answers == [{"id": 0, "result": {"decision": "acceptForSession"}}]


async def test_a_request_has_a_deadline(fake: FakeCodex, backend: CodexBackend) -> None:
    with anyio.fail_after(30):
        talking = await talk(fake, backend, can_use_tool=DEFER, request_timeout=0.01)
        assert await talking.ask(COMMAND, itemId="item") == {"decision": "decline"}


async def test_a_request_that_codex_withdraws_ends_its_callback(fake: FakeCodex, backend: CodexBackend) -> None:
    asked, cancelled = anyio.Event(), anyio.Event()

    async def wait(request: PermissionRequest) -> Allow:
        asked.set()
        try:
            await anyio.sleep_forever()
        finally:
            cancelled.set()
        return Allow()

    with anyio.fail_after(30):
        talking = await talk(fake, backend, can_use_tool=wait)
        question = fake.ask(COMMAND, request_id=3, threadId=talking.turn.thread_id)
        await asked.wait()
        fake.notify("serverRequest/resolved", threadId=talking.turn.thread_id, requestId=3)
        await cancelled.wait()
        await backend.request("thread/read", {"threadId": "x"})
        assert question.answers == []
        assert talking.session.pending == ()


async def test_a_withdrawal_of_another_request_or_thread_changes_nothing(
    fake: FakeCodex, backend: CodexBackend
) -> None:
    with anyio.fail_after(30):
        talking = await talk(fake, backend, can_use_tool=DEFER)
        fake.ask(COMMAND, request_id=3, threadId=talking.turn.thread_id)
        await currently(talking.session, 1)
        fake.notify("serverRequest/resolved", threadId=talking.turn.thread_id, requestId=4)
        fake.notify("serverRequest/resolved", threadId="unknown", requestId=3)
        await backend.request("thread/read", {"threadId": "x"})
        assert len(talking.session.pending) == 1


async def test_a_callback_that_answers_after_the_withdrawal_allows_nothing(
    fake: FakeCodex, backend: CodexBackend
) -> None:
    asked = anyio.Event()

    async def stubborn(request: PermissionRequest) -> Allow:
        asked.set()
        with anyio.CancelScope(shield=True):
            await withdrawn.wait()
        return Allow()

    withdrawn = anyio.Event()
    with anyio.fail_after(30):
        talking = await talk(fake, backend, can_use_tool=stubborn)
        question = fake.ask(COMMAND, request_id=0, threadId=talking.turn.thread_id)
        await asked.wait()
        fake.notify("serverRequest/resolved", threadId=talking.turn.thread_id, requestId=0)
        await backend.request("thread/read", {"threadId": "x"})
        withdrawn.set()
        await backend.request("thread/read", {"threadId": "x"})
        assert question.answers == []


async def test_a_request_that_is_withdrawn_in_the_same_breath_asks_nobody(
    fake: FakeCodex, backend: CodexBackend
) -> None:
    asked: list[PermissionRequest] = []

    async def note(request: PermissionRequest) -> Allow:
        asked.append(request)
        return Allow()

    with anyio.fail_after(30):
        talking = await talk(fake, backend, can_use_tool=note)
        thread_id = talking.turn.thread_id
        fake.write(
            {"id": 0, "method": COMMAND, "params": {"threadId": thread_id, "command": "one"}},
            {"method": "serverRequest/resolved", "params": {"threadId": thread_id, "requestId": 0}},
        )
        assert await talking.ask(COMMAND, 1, command="two") == {"decision": "accept"}
        assert [request.input["command"] for request in asked] == ["two"]
        assert talking.session.pending == ()
        assert not [message for message in fake.received if message.get("id") == 0 and "method" not in message]


async def test_closing_the_session_refuses_what_is_open(fake: FakeCodex, backend: CodexBackend) -> None:
    with anyio.fail_after(30):
        talking = await talk(fake, backend, can_use_tool=DEFER)
        question = fake.ask(COMMAND, request_id=0, threadId=talking.turn.thread_id)
        await currently(talking.session, 1)
        await talking.session.aclose()
        assert (await question.answered())["result"] == {"decision": "decline"}


async def test_closing_the_backend_refuses_what_is_open(fake: FakeCodex, backend: CodexBackend) -> None:
    with anyio.fail_after(30):
        talking = await talk(fake, backend, can_use_tool=DEFER)
        question = fake.ask(COMMAND, request_id=0, threadId=talking.turn.thread_id)
        await currently(talking.session, 1)
        await backend.aclose()
        assert (await question.answered())["result"] == {"decision": "decline"}


async def test_a_callback_may_close_its_own_session(fake: FakeCodex, backend: CodexBackend) -> None:
    closed = anyio.Event()

    async def close(request: PermissionRequest) -> Allow:
        await talking.session.aclose()
        closed.set()
        return Allow()

    with anyio.fail_after(30):
        talking = await talk(fake, backend, can_use_tool=close)
        assert await talking.ask(COMMAND) == {"decision": "decline"}
        await talking.session.aclose()
        assert talking.session.state == "closed"


async def test_an_observer_sees_every_request(
    fake: FakeCodex, backend: CodexBackend, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with anyio.fail_after(30):
        await backend.start()
        observed = backend.server_requests()
        await fake.ask("some/newRequest", request_id="text", threadId="x").answered()
        request = await anext(observed)
        assert (request.id, request.method, request.params) == ("text", "some/newRequest", {"threadId": "x"})


async def currently(session: CodexSession, count: int) -> None:
    """Wait until so many requests are open, by the messages that tell of them."""
    messages = session.messages()
    while len(session.pending) < count:
        await anext(messages)
