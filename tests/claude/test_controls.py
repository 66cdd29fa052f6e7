from __future__ import annotations

import pytest
from tests.claude.driving import Claude

from agent_sdk_core import (
    Allow,
    InvalidRequestError,
    PermissionRequest,
    ProtocolError,
    TaskNotification,
    TaskStarted,
    UnsupportedOptionError,
)
from agent_sdk_testing import Tokens, text
from agent_sdk_testing.contract.watching import Asker, run, until

pytestmark = pytest.mark.anyio


async def test_what_fills_the_context_and_what_it_cost_are_told(claude: Claude) -> None:
    claude.model.reply(text("Fine."), usage=Tokens(input=1000, output=100))
    async with claude.session() as session:
        await run(session, "Talk.")
        usage = await session.context_usage(summary=True)
        assert usage["maxTokens"] > usage["totalTokens"] > 0
        assert {category["name"] for category in usage["categories"]} >= {"System prompt", "Free space"}
        assert "$" in await session.session_cost()
        assert (await session.usage()).total.input_tokens == 1000
    assert not [request for request in claude.model.other_requests if "count_tokens" in request.path]


async def test_settings_and_hooks_are_listed_with_where_they_come_from(claude: Claude) -> None:
    hook = {"type": "command", "command": "true"}
    claude.settings(cleanupPeriodDays=77, hooks={"PreToolUse": [{"matcher": "Bash", "hooks": [hook]}]})
    async with claude.session() as session:
        settings = await session.settings()
        listing = await session.hooks_listing()
    assert settings["effective"]["cleanupPeriodDays"] == 77
    [user] = [source for source in settings["sources"] if source["source"] == "userSettings"]
    assert user["settings"]["cleanupPeriodDays"] == 77
    assert "true" in str(listing)


async def test_a_grant_for_the_session_is_among_the_permission_rules(claude: Claude) -> None:
    claude.model.reply(claude.command("touch granted.txt")).reply(text("Done."))
    async with claude.session(can_use_tool=Asker([Allow("session")])) as session:
        await run(session, "Touch it.")
        rules = await session.permission_rules()
    [granted] = [rule for rule in rules["rules"] if rule["source"] == "session"]
    assert granted["behavior"] == "allow"
    assert "touch" in granted["rule"]


async def test_thinking_is_limited_and_switched_off(claude: Claude) -> None:
    claude.model.otherwise(text("Fine."))
    async with claude.session(model="claude-sonnet-4-5") as session:
        await session.set_thinking(4000)
        await run(session, "Think.")
        await session.set_thinking(0)
        await run(session, "Do not think.")
    first, second = (request.json.get("thinking") for request in claude.model.requests)
    assert first is not None
    assert (first["type"], first["budget_tokens"]) == ("enabled", 4000)
    assert second is None or second["type"] == "disabled"


async def test_a_session_is_renamed_and_listed_by_its_title(claude: Claude) -> None:
    claude.model.reply(text("Fine."))
    async with claude.backend() as backend, await claude.open(backend) as session:
        await run(session, "Talk.")
        await session.rename("About apples")
        [listed] = [one for one in (await backend.list_sessions()).sessions if one.session_id == session.session_id]
        assert listed.title == "About apples"


async def test_files_are_rewound_to_what_they_were_before_a_prompt(claude: Claude) -> None:
    claude.write("poem.txt", "roses\n")
    claude.model.reply(*claude.patch(update={"poem.txt": [("roses", "tulips")]})).reply(text("Done."))
    async with claude.session(permission_mode="accept_edits") as session:
        ran = await run(session, "Change it.")
        assert claude.read("poem.txt") == "tulips\n"
        told = await session.rewind_files(ran.uuid, dry_run=True)
        assert (told["canRewind"], told["insertions"], told["deletions"]) == (True, 1, 1)
        assert [name.endswith("poem.txt") for name in told["filesChanged"]] == [True]
        assert claude.read("poem.txt") == "tulips\n"
        assert (await session.rewind_files(ran.uuid))["canRewind"] is True
        assert claude.read("poem.txt") == "roses\n"


async def test_files_of_an_unknown_prompt_cannot_be_rewound(claude: Claude) -> None:
    async with claude.session() as session:
        assert (await session.rewind_files("b9a1c7ac-0000-4000-8000-000000000000", dry_run=True))["canRewind"] is False


async def test_a_running_command_is_moved_to_the_background_and_stopped(claude: Claude) -> None:
    pipe = claude.pipe("command")
    claude.model.reply(claude.command(f"exec 8>'{pipe.path}'; echo begun >&8; sleep 600")).reply(text("It goes on."))
    claude.model.otherwise(text("It was stopped."))
    uses: list[str] = []

    async def too_early(request: PermissionRequest) -> Allow:
        uses.append(request.tool_use_id or "")
        with pytest.raises(InvalidRequestError, match="only just begun"):
            await session.move_to_background(*uses)
        return Allow()

    async with claude.session(permission_mode="default", can_use_tool=too_early) as session:
        stream = session.messages()
        turn = session.query("Run it.")
        async with turn:
            assert await pipe.line() == "begun"
            started = await until(stream, TaskStarted)
            assert await session.background_tasks() == []
            await session.move_to_background()
            assert (await turn.wait()).result == "It goes on."
        [task] = await session.background_tasks()
        assert (task.task_id, "sleep 600" in task.command) == (started.task_id, True)
        assert pipe.held
        await session.stop_task(task.task_id)
        assert (await until(stream, TaskNotification)).status == "stopped"
        await pipe.gone()
        with pytest.raises(InvalidRequestError, match="has ended"):
            await session.move_to_background(*uses)
        await session.wait_idle()


async def test_any_control_request_can_be_sent(claude: Claude) -> None:
    async with claude.session() as session:
        told = await session.control("get_binary_version")
        assert told["version"] == session.info.version
        assert "result" not in told
        output = await session.control("list_models")
        assert output["models"][0]["value"] == "default"


async def test_a_control_request_that_claude_does_not_know_is_refused_with_its_code(claude: Claude) -> None:
    async with claude.session() as session:
        with pytest.raises(ProtocolError, match="paint_it_black") as caught:
            await session.control("paint_it_black")
        assert caught.value.details["error_code"] == "unsupported_request"
        assert (await session.control("get_binary_version"))["version"]


async def test_what_claude_refuses_says_why(claude: Claude) -> None:
    claude.model.unknown_models.add("claude-bogus-1")
    async with claude.session() as session:
        with pytest.raises(InvalidRequestError, match="claude-bogus-1"):
            await session.set_model("claude-bogus-1")
        with pytest.raises(UnsupportedOptionError, match="permission_mode='bypass'"):
            await session.set_permission_mode("bypass")
        with pytest.raises(InvalidRequestError, match="no-such-task"):
            await session.stop_task("no-such-task")
        with pytest.raises(ProtocolError):
            await session.control("read_file", path="/etc/shadow")


async def test_a_question_beside_the_conversation_is_not_part_of_it(claude: Claude) -> None:
    claude.model.reply(text("Fine.")).reply(text("Beside.")).reply(text("On."))
    async with claude.session() as session:
        await run(session, "Talk.")
        told = await session.control("side_question", question="And beside?")
        assert "Beside." in str(told)
        await run(session, "Go on.")
    assert "And beside?" not in claude.model.requests[2].text
