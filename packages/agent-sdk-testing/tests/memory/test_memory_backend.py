"""The agent in memory: what applications test with it, each stream held to the rules of the contract suite."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import anyio
import pytest

from agent_sdk_core import (
    DEFER,
    AgentDefinition,
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
    SandboxPolicy,
    SessionBusyError,
    SessionNotFoundError,
    SessionOptions,
    ToolResult,
    UnsupportedOptionError,
    UsageMessage,
    UserMessage,
    request_from_wire,
    tool,
)
from agent_sdk_testing import (
    Gate,
    MemoryBackend,
    Tokens,
    ask_user,
    call,
    call_tool,
    delay,
    edit_file,
    failed,
    http_error,
    item,
    reasoning,
    run_command,
    spawn_agent,
    text,
    write_file,
)
from agent_sdk_testing.contract.watching import Asker, Recorder, finish, run, until

pytestmark = pytest.mark.anyio


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
async def agent(anyio_backend: str) -> AsyncIterator[MemoryBackend]:
    """The backend; afterwards its script is used up."""
    with anyio.fail_after(30):
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


async def test_a_tool_asks_and_returns_what_the_test_says(
    agent: MemoryBackend, recorder: Recorder, tmp_path: Path
) -> None:
    agent.on("Bash", lambda given: f"ran {given['command']}")
    agent.reply(call("Bash", command="make"), call("Bash", command="make test"))
    agent.reply(text("Done."))
    asker = Asker([Allow(updated_input={"command": "make -n"}), Deny("No.")])
    ran = await run(await open_session(agent, recorder, can_use_tool=asker, cwd=tmp_path), "Build it.")
    assert [request.input["command"] for request in asker.requests] == ["make", "make test"]
    assert (asker.requests[0].cwd, asker.requests[0].tool_use_id) == (str(tmp_path), ran.uses[0].id)
    assert [(result.text, result.is_error) for result in ran.results] == [
        ("ran make -n", False),
        ("No.", True),
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
    assert (ran.result.outcome, ran.result.terminal_reason) == ("interrupted", "aborted_tools")
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
    @tool(read_only=True)
    async def add(a: int, b: int) -> int:
        """Add two numbers."""
        return a + b

    agent.reply(call("mcp__tools__add", a=1, b=2), call("mcp__tools__add", a="x"))
    agent.reply(text("3"))
    ran = await run(await open_session(agent, recorder, tools=[add]), "Add.")
    first, second = ran.results
    assert (first.text, first.is_error) == ("3", False)
    assert second.is_error


async def test_a_tool_of_the_application_is_asked_about(agent: MemoryBackend, recorder: Recorder) -> None:
    @tool
    async def add(a: int, b: int) -> int:
        """Add two numbers."""
        return a + b

    answers: list[Allow | Deny] = [Allow(updated_input={"a": 5, "b": 5}), Deny("No."), Deny("Stop.", interrupt=True)]

    async def ask(request: PermissionRequest) -> Allow | Deny:
        return answers.pop(0)

    session = await open_session(agent, recorder, tools=[add], can_use_tool=ask)
    agent.reply(call("mcp__tools__add", a=1, b=2), call("mcp__tools__add", a=3, b=4)).reply(text("3"))
    ran = await run(session, "Add.")
    assert [(result.text, result.is_error) for result in ran.results] == [("10", False), ("No.", True)]
    assert [denial["tool_input"] for denial in ran.result.permission_denials] == [{"a": 3, "b": 4}]
    agent.reply(call("mcp__tools__add", a=1, b=2))
    assert (await run(session, "Add.")).result.outcome == "interrupted"
    assert not answers


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
    agent.reply(text("One", gate), delay(0)).reply(text("This, too")).reply(text("Two"))
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
        assert first.text == "This, too"
        assert second.text == "Two"


async def test_sessions_are_stored_resumed_and_forked(agent: MemoryBackend, recorder: Recorder, tmp_path: Path) -> None:
    agent.otherwise(text("Yes."))
    session = await open_session(agent, recorder, cwd=tmp_path, model="m", reasoning_effort="low")
    assert not session.resumable
    results = [(await run(session, prompt)).result for prompt in ("One", "Two")]
    assert session.resumable
    assert (session.info.model, session.info.reasoning_effort, session.info.cwd) == ("m", "low", str(tmp_path))
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
    with pytest.raises(InvalidRequestError, match="no message 'nothing'"):
        await agent.create_session(SessionOptions(resume=session.session_id, fork=True, fork_at="nothing"))


async def test_stored_sessions_are_listed_named_and_deleted(
    agent: MemoryBackend, recorder: Recorder, tmp_path: Path
) -> None:
    agent.otherwise(text("Yes."))
    ids: list[str] = []
    folders = [tmp_path / name for name in ("0", "1")]
    for folder in folders:
        folder.mkdir()
    for number in range(3):
        session = await open_session(agent, recorder, cwd=folders[number % 2])
        await run(session, f"Prompt {number}")
        ids.append(session.session_id)
    page = await agent.list_sessions(limit=2)
    assert [stored.session_id for stored in page] == [ids[2], ids[1]]
    assert [stored.title for stored in await agent.list_sessions(cursor=page.cursor)] == ["Prompt 0"]
    assert len(await agent.list_sessions(cwd=folders[0])) == 2
    for cursor in ("x", "-1", "9" * 20):
        with pytest.raises(InvalidRequestError, match="no cursor"):
            await agent.list_sessions(cursor=cursor)
    await agent.rename_session(ids[0], "First")
    for session in agent.sessions:
        await session.aclose()
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
    watch = session.messages()
    async with session.query("List.") as turn:
        await asked.wait()
    assert turn.result is not None
    assert (turn.result.outcome, turn.result.terminal_reason) == ("interrupted", "aborted_tools")
    cut = await until(watch, UserMessage, lambda message: message.tool_results)
    assert cut.tool_use_result == {"interrupted": True}


async def test_a_stored_session_does_not_become_ephemeral(agent: MemoryBackend, recorder: Recorder) -> None:
    agent.otherwise(text("Fine."))
    session = await open_session(agent, recorder)
    await run(session, "Talk.")
    await session.aclose()
    with pytest.raises(UnsupportedOptionError, match="needs fork=True"):
        await open_session(agent, recorder, resume=session.session_id, ephemeral=True)
    copy = await open_session(agent, recorder, resume=session.session_id, fork=True, ephemeral=True)
    assert not await copy.history()


async def test_what_the_script_does_not_answer_fails_the_turn_and_the_check() -> None:
    async with MemoryBackend() as backend, backend.create_session() as session:
        result = await session.run("Hi")
        assert "reply is left for request 1 to the model" in result.errors[0]
        with pytest.raises(AssertionError, match="newest user message is 'Hi'"):
            backend.check()


async def test_what_a_step_of_a_function_cannot_be_fails_its_turn(recorder: Recorder, agent: MemoryBackend) -> None:
    agent.reply(lambda request: item("web_search_call")).reply(lambda request: text(request.last_user_text))
    session = await open_session(agent, recorder)
    results = [(await run(session, "Hi")).result for _ in range(2)]
    assert "cannot play Item" in results[0].errors[0]
    assert results[1].result == "Hi"


async def test_one_script_drives_it_as_it_drives_the_real_agents(
    agent: MemoryBackend, recorder: Recorder, tmp_path: Path
) -> None:
    files: dict[str, str] = {}

    def write(given: Any) -> str:
        files[given["file_path"]] = given["content"]
        return "Written."

    @tool(read_only=True)
    async def add(a: int, b: int) -> int:
        """Add two numbers."""
        return a + b

    async def answer(request: QuestionRequest) -> Answers:
        return Answers({request.questions[0].id: "red"})

    agent.on("Write", write).on("Bash", lambda given, context: f"{given['command']} in {context.cwd}")
    agent.reply(write_file("notes.txt", "milk"), run_command("ls")).reply(edit_file("notes.txt", "milk", "tea"))
    agent.reply(call_tool("add", a=1, b=2)).reply(ask_user("Which?", "red", "blue"))
    agent.model.when("count the files").reply(call("Read", file_path="a")).reply(text("There is one."))
    agent.reply(spawn_agent("count the files")).reply(text("Done."))
    options = {"permission_mode": "bypass", "tools": [add], "on_question": answer, "cwd": tmp_path}
    ran = await run(await open_session(agent, recorder, **options), "Go.")
    assert files == {str(tmp_path / "notes.txt"): "milk"}
    assert [result.text for result in ran.results if result.text] == [
        "Written.",
        f"ls in {tmp_path}",
        "3",
        "Which?: red",
        "There is one.",
    ]
    [nested] = [use for message in ran.all(AssistantMessage) if message.parent_tool_use_id for use in message.tool_uses]
    assert nested.name == "Read"
    assert [request.last_user_text for request in agent.model.requests].count("count the files") == 2
    assert ran.result.result == "Done."


async def test_a_sub_agent_of_the_application_has_its_own_instructions(
    agent: MemoryBackend, recorder: Recorder
) -> None:
    reviewer = AgentDefinition(description="Reviews.", prompt="You review.")
    agent.reply(call("Agent", prompt="Look.", subagent_type="reviewer"), call("Agent", prompt="x", subagent_type="no"))
    agent.reply(text("It is fine.")).reply(text("Done."))
    ran = await run(await open_session(agent, recorder, agents={"reviewer": reviewer}), "Go.")
    assert [(result.text, result.is_error) for result in ran.results] == [
        ("It is fine.", False),
        ("There is no sub-agent 'no'.", True),
    ]
    assert [request.instructions for request in agent.model.requests][1] == "You review."


async def test_an_interrupt_closes_what_a_sub_agent_has_begun(agent: MemoryBackend, recorder: Recorder) -> None:
    gate = Gate()
    agent.reply(spawn_agent("Look.")).reply(text("Half ", gate, "of it."))
    session = await open_session(agent, recorder)
    async with session.query("Go.") as turn:
        await gate.reached()
    assert turn.result is not None
    assert turn.result.outcome == "interrupted"


async def test_a_tool_of_the_test_that_raises_fails_the_turn_with_its_name(
    agent: MemoryBackend, recorder: Recorder
) -> None:
    def leave(given: object) -> None:
        raise SystemExit(3)

    agent.on("Bash", lambda given: 1 / 0).on("Read", leave).on("Lookup", str)
    agent.reply(call("Bash", command="ls")).reply(call("Read", file_path="a"))
    agent.reply(call("Lookup", word="a")).reply(text("Done."))
    session = await open_session(agent, recorder, permission_mode="bypass")
    first, second, third = [(await run(session, "Go.")).result for _ in range(3)]
    assert "on('Bash', …) of the test raised ZeroDivisionError" in first.errors[0]
    assert "on('Read', …) of the test raised SystemExit: 3" in second.errors[0]
    assert third.outcome == "completed"


async def test_another_backend_has_the_same_stored_sessions(agent: MemoryBackend, recorder: Recorder) -> None:
    agent.otherwise(text("Yes."))
    session = await open_session(agent, recorder, session_id="mine")
    await run(session, "Hi")
    with pytest.raises(InvalidRequestError, match="'mine' already"):
        await agent.create_session(SessionOptions(session_id="mine"))
    async with MemoryBackend(stored_with=agent) as other:
        with pytest.raises(SessionBusyError, match="another one"):
            await other.resume("mine")
        await session.aclose()
        async with other.resume("mine") as again:
            assert texts(await again.history()) == ["Hi", "Yes."]


async def test_every_option_is_honoured_kept_or_refused(agent: MemoryBackend) -> None:
    assert agent.kept_options <= set(SessionOptions.model_fields)
    async with agent.create_session(SessionOptions(sandbox=SandboxPolicy(mode="read-only"), plugins=("p",))) as session:
        assert session.options.plugins


async def test_a_tool_of_the_application_that_ends_as_no_tool_should_is_an_error_result(
    agent: MemoryBackend, recorder: Recorder
) -> None:
    @tool(ask="never")
    async def leave() -> str:
        """Leave."""
        raise GeneratorExit

    agent.reply(call_tool("leave")).reply(text("Went on."))
    ran = await run(await open_session(agent, recorder, tools=[leave]), "Go.")
    assert ([result.is_error for result in ran.results], ran.result.result) == ([True], "Went on.")
