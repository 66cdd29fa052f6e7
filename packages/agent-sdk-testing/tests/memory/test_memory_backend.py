"""The agent in memory: what applications test with it, each stream held to the rules of the contract suite."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import anyio
import pytest

from agent_sdk_core import (
    DEFER,
    Allow,
    Answers,
    AssistantMessage,
    Deny,
    HistoryPage,
    InvalidRequestError,
    PermissionRequest,
    QuestionRequest,
    RateLimitError,
    RequestOpened,
    SessionNotFoundError,
    SessionOptions,
    ToolResult,
    UsageMessage,
    UserMessage,
    request_from_wire,
    tool,
)
from agent_sdk_testing import Gate, MemoryBackend, Tokens, call, delay, failed, http_error, item, reasoning, text
from agent_sdk_testing.contract.watching import Asker, Recorder, finish, run, until

pytestmark = pytest.mark.anyio


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
async def agent(anyio_backend: str) -> AsyncIterator[MemoryBackend]:
    """The backend; afterwards its script is used up."""
    with anyio.fail_after(10):
        async with MemoryBackend() as backend:
            yield backend
        backend.check()


@pytest.fixture
async def recorder(agent: MemoryBackend) -> AsyncIterator[Recorder]:
    """Records sessions; afterwards what they told is held to the rules."""
    recorder = Recorder()
    yield recorder
    await agent.aclose()
    await recorder.check()


async def open_session(agent: MemoryBackend, recorder: Recorder, **options: Any) -> Any:
    session = await agent.create_session(SessionOptions(**options))
    recorder.record(session)
    return session


def texts(page: HistoryPage) -> list[str]:
    return [message.text for message in page if isinstance(message, UserMessage | AssistantMessage)]


async def test_text_and_thinking_stream_as_deltas_and_come_whole(agent: MemoryBackend, recorder: Recorder) -> None:
    agent.reply(reasoning("Let me ", "see."), text("Hel", "lo"), usage=Tokens(input=10, cached=4, output=3))
    session = await open_session(agent, recorder)
    ran = await run(session, "Hi")
    assert (ran.deltas, ran.text, ran.result.result) == (["Hel", "lo"], ["Hello"], "Hello")
    assert [message.usage.total_tokens for message in ran.all(UsageMessage)] == [13]
    assert (ran.result.usage and ran.result.usage.input_tokens, ran.result.num_turns) == (6, 1)
    assert (await session.usage()).total.total_tokens == 13


async def test_without_partial_messages_the_whole_ones_are_the_same(agent: MemoryBackend, recorder: Recorder) -> None:
    agent.reply(text("Hel", "lo"))
    ran = await run(await open_session(agent, recorder, include_partial_messages=False), "Hi")
    assert (ran.deltas, ran.text) == ([], ["Hello"])


async def test_a_tool_asks_and_returns_what_the_test_says(agent: MemoryBackend, recorder: Recorder) -> None:
    agent.on("Bash", lambda given: f"ran {given['command']}")
    agent.reply(call("Bash", command="make"), call("Bash", command="make test"))
    agent.reply(text("Done."))
    asker = Asker([Allow(updated_input={"command": "make -n"}), Deny("No.")])
    ran = await run(await open_session(agent, recorder, can_use_tool=asker, cwd="/w"), "Build it.")
    assert [request.input["command"] for request in asker.requests] == ["make", "make test"]
    assert (asker.requests[0].cwd, asker.requests[0].tool_use_id) == ("/w", ran.uses[0].id)
    assert [(result.text, result.is_error) for result in ran.results] == [
        ("ran make -n", False),
        ("Nobody allowed it.", True),
    ]
    assert [denial["tool_use_id"] for denial in ran.result.permission_denials] == [ran.uses[1].id]


@pytest.mark.parametrize(
    ("options", "denied"),
    [
        ({}, True),
        ({"permission_mode": "bypass"}, False),
        ({"permission_mode": "accept_edits"}, False),
        ({"permission_mode": "dont_ask"}, True),
        ({"allowed_tools": ("Write",)}, False),
        ({"permission_mode": "bypass", "disallowed_tools": ("Write",)}, True),
    ],
)
async def test_modes_and_lists_of_tools_decide_before_anybody_is_asked(
    agent: MemoryBackend, recorder: Recorder, options: Any, denied: bool
) -> None:
    agent.reply(call("Write", file_path="a", content="b"), call("Read", file_path="a"))
    agent.reply(text("Done."))
    ran = await run(await open_session(agent, recorder, **options), "Write.")
    reading_too = options.get("permission_mode") == "dont_ask"
    assert [bool(result.is_error) for result in ran.results] == [denied, reading_too]


async def test_a_denial_may_end_the_turn(agent: MemoryBackend, recorder: Recorder) -> None:
    agent.reply(call("Bash", command="ls"))
    ran = await run(await open_session(agent, recorder, can_use_tool=Asker([Deny(interrupt=True)])), "List.")
    assert ran.result.outcome == "interrupted"
    assert len(ran.results) == 1


async def test_a_deferred_request_is_answered_from_elsewhere(agent: MemoryBackend, recorder: Recorder) -> None:
    agent.reply(call("Bash", command="ls"))
    agent.reply(text("Done."))
    session = await open_session(agent, recorder, can_use_tool=DEFER)
    messages = session.messages()
    turn = session.query("List.")
    async with turn:
        opened = await until(messages, RequestOpened)
        assert [request_from_wire(opened.request)] == list(session.pending)
        await session.answer(opened.request_id, Allow())
        assert (await turn.wait()).outcome == "completed"


async def test_the_user_is_asked(agent: MemoryBackend, recorder: Recorder) -> None:
    asked: list[QuestionRequest] = []

    async def on_question(request: QuestionRequest) -> Answers:
        asked.append(request)
        return Answers({"Which?": "red"})

    options = [{"label": "red", "description": "warm"}, {"label": "blue"}]
    agent.reply(call("AskUserQuestion", {"questions": [{"question": "Which?", "options": options}]}))
    agent.reply(text("Red it is."))
    ran = await run(await open_session(agent, recorder, on_question=on_question), "Paint it.")
    assert [choice.label for choice in asked[0].questions[0].choices] == ["red", "blue"]
    assert ran.results[0].text == "Which?: red"


async def test_tools_of_the_application_are_called(agent: MemoryBackend, recorder: Recorder) -> None:
    @tool
    async def add(a: int, b: int) -> int:
        """Add two numbers."""
        return a + b

    agent.reply(call("mcp__tools__add", a=1, b=2), call("mcp__tools__add", a="x"))
    agent.reply(text("3"))
    ran = await run(await open_session(agent, recorder, tools=[add]), "Add.")
    first, second = ran.results
    assert (first.text, first.is_error) == ("3", False)
    assert second.is_error


async def test_own_results_may_be_awaited_and_may_fail(agent: MemoryBackend, recorder: Recorder) -> None:
    async def bash(given: Any) -> ToolResult:
        await anyio.lowlevel.checkpoint()
        return ToolResult.failed("no such file")

    agent.on("Bash", bash).on("Lookup", {"a": 1})
    agent.reply(call("Bash", command="cat x"), call("Lookup"), call("Other"))
    agent.reply(text("Done."))
    ran = await run(await open_session(agent, recorder, permission_mode="bypass"), "Go.")
    assert [(result.text, result.is_error) for result in ran.results] == [
        ("no such file", True),
        ('{"a":1}', False),
        ("", False),
    ]


async def test_answers_to_a_schema_are_checked(agent: MemoryBackend, recorder: Recorder) -> None:
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
    agent.reply(text('{"n": 1}')).reply(text('{"n": "x"}')).reply(text("Hello"))
    session = await open_session(agent, recorder, output_schema=schema)
    results = [(await run(session, "Count.")).result for _ in range(3)]
    assert results[0].structured_output == {"n": 1}
    codes = [result.error and result.error.code for result in results]
    assert codes == [None, "structured_output_invalid", "structured_output_missing"]


async def test_failures_have_the_errors_of_the_agents(agent: MemoryBackend, recorder: Recorder) -> None:
    agent.reply(http_error(429, "Slow down.")).reply(failed("context_window", "Too long.")).reply(http_error(418))
    session = await open_session(agent, recorder)
    first, second, third = [(await run(session, "Hi")).result for _ in range(3)]
    assert isinstance(first.error, RateLimitError)
    assert (second.error and second.error.code, second.errors) == ("context_window", ["Too long."])
    assert third.error is not None
    empty = (await run(session, "Hi")).result
    assert "has no answer left" in empty.errors[0]
    agent.otherwise(text("Again."))
    assert [(await run(session, "Hi")).result.result for _ in range(2)] == ["Again.", "Again."]


async def test_a_turn_is_interrupted_where_the_test_wants(agent: MemoryBackend, recorder: Recorder) -> None:
    gate = Gate()
    agent.reply(text("Hel", gate, "lo"))
    session = await open_session(agent, recorder)
    turn = session.query("Hi")
    await turn.__aenter__()
    await gate.reached()
    assert turn.text == ""
    receipt = await session.interrupt()
    ran = await finish(turn)
    assert receipt.interrupted
    assert ran.result.outcome == "interrupted"


async def test_prompts_queue_and_steer(agent: MemoryBackend, recorder: Recorder) -> None:
    gate = Gate()
    agent.reply(text("One", gate), delay(0)).reply(text("Two"))
    session = await open_session(agent, recorder)
    first = session.query("One")
    async with first:
        steered = await session.send("And this", priority="steer")
        second = session.query("Two")
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(second.wait)
            while not session.queue:
                await anyio.lowlevel.checkpoint()
            gate.open()
        assert first.result is not None
        assert first.result.user_message_uuids == [first.uuid, steered]
        assert second.text == "Two"


async def test_sessions_are_stored_resumed_and_forked(agent: MemoryBackend, recorder: Recorder) -> None:
    agent.otherwise(text("Yes."))
    session = await open_session(agent, recorder, cwd="/w", model="m", reasoning_effort="low")
    assert not session.resumable
    results = [(await run(session, prompt)).result for prompt in ("One", "Two")]
    assert session.resumable
    assert (session.info.model, session.info.reasoning_effort, session.info.cwd) == ("m", "low", "/w")
    copy = await session.fork(at=results[0].uuid)
    recorder.record(copy)
    assert texts(await copy.history()) == ["One", "Yes."]
    await session.set_model("other")
    await session.set_permission_mode("plan")
    await session.set_reasoning_effort("high")
    await session.aclose()
    async with agent.resume(session.session_id) as again:
        assert again.session_id == session.session_id
        page = await again.history(limit=1)
        assert (texts(page), page.cursor) == (["One", "Yes."], "1")
        assert len(await again.history(cursor=page.cursor)) == 2
    with pytest.raises(SessionNotFoundError):
        await agent.resume("nobody")
    with pytest.raises(SessionNotFoundError):
        await agent.create_session(SessionOptions(resume=session.session_id, fork=True, fork_at="nothing"))


async def test_stored_sessions_are_listed_named_and_deleted(agent: MemoryBackend, recorder: Recorder) -> None:
    agent.otherwise(text("Yes."))
    ids: list[str] = []
    for number in range(3):
        session = await open_session(agent, recorder, cwd=f"/{number % 2}")
        await run(session, f"Prompt {number}")
        ids.append(session.session_id)
    page = await agent.list_sessions(limit=2)
    assert [stored.session_id for stored in page] == [ids[2], ids[1]]
    assert [stored.title for stored in await agent.list_sessions(cursor=page.cursor)] == ["Prompt 0"]
    assert len(await agent.list_sessions(cwd="/0")) == 2
    await agent.rename_session(ids[0], "First")
    await agent.archive_session(ids[1])
    assert [stored.title for stored in await agent.list_sessions()] == ["Prompt 2", "First"]
    assert (await agent.session_info(ids[1])).archived
    await agent.unarchive_session(ids[1])
    assert len(await agent.read_history(ids[1])) == 2
    await agent.delete_session(ids[1])
    for use in (agent.read_history, agent.session_info, agent.delete_session):
        with pytest.raises(SessionNotFoundError):
            await use(ids[1])


async def test_what_only_a_real_agent_can_play_is_refused(agent: MemoryBackend) -> None:
    with pytest.raises(InvalidRequestError, match="cannot play Item"):
        agent.reply(item("web_search_call"))
    assert [model.is_default for model in await agent.list_models()] == [True]


async def test_a_script_that_is_not_used_up_is_told() -> None:
    with pytest.raises(AssertionError, match="2 answers"):
        MemoryBackend().reply(text("a")).reply(text("b")).check()


async def test_a_request_can_be_withdrawn_by_an_interrupt(agent: MemoryBackend, recorder: Recorder) -> None:
    asked = anyio.Event()

    async def can_use_tool(request: PermissionRequest) -> Allow:
        asked.set()
        await anyio.sleep_forever()
        return Allow()

    agent.reply(call("Bash", command="ls"))
    session = await open_session(agent, recorder, can_use_tool=can_use_tool)
    async with session.query("List.") as turn:
        await asked.wait()
    assert turn.result is not None
    assert turn.result.outcome == "interrupted"
