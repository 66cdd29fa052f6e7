from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import anyio
import pytest
from tests.claude.driving import Claude, agent

from agent_sdk_core import (
    AddContext,
    Block,
    HookEvent,
    Hooks,
    PolicyDeniedError,
    PolicyGuard,
    SubagentStopEvent,
    SystemMessage,
)
from agent_sdk_testing import call, text
from agent_sdk_testing.contract.watching import Asker, Ran, run

pytestmark = pytest.mark.anyio


class Seen:
    def __init__(self, answer: Any = None) -> None:
        self.answer = answer
        self.events: list[Any] = []

    async def __call__(self, event: HookEvent) -> Any:
        self.events.append(event)
        return self.answer


def hook_messages(ran: Ran) -> list[Mapping[str, Any]]:
    return [message.model_extra or {} for message in ran.all(SystemMessage) if message.subtype == "hook_response"]


def teach(claude: Claude, command: str) -> None:
    """Teach claude the skill "demo", with a command in its text."""
    skill = claude.config / "skills" / "demo"
    skill.mkdir(parents=True)
    head = "---\nname: demo\ndescription: A demonstration.\nallowed-tools: Bash(touch:*)\n---\n"
    (skill / "SKILL.md").write_text(f"{head}It says: !`{command}`\n")


async def test_a_tool_that_failed_is_told_as_such(claude: Claude) -> None:
    hook = Seen(AddContext("Try another way."))
    claude.model.reply(claude.command("exit 3")).reply(text("Went on."))
    async with claude.session(hooks=Hooks(post_tool_use=hook), permission_mode="bypass") as session:
        await run(session, "Go.")
    assert [(event.tool_name, event.is_error) for event in hook.events] == [("Bash", True)]
    assert "Try another way." in str(claude.model.requests[-1].json)


async def test_a_policy_that_asks_still_asks_about_what_a_hook_lets_be(claude: Claude) -> None:
    asker, hook = Asker(), Seen()
    claude.model.reply(claude.command("echo a > made.txt")).reply(text("Went on."))
    policy = PolicyGuard(ask=["Bash(echo *)"])
    options: dict[str, Any] = {"policy": policy, "permission_mode": "bypass", "can_use_tool": asker}
    async with claude.session(hooks=Hooks(pre_tool_use=hook), **options) as session:
        await run(session, "Go.")
    assert [request.tool_name for request in asker.requests] == ["Bash"]
    assert len(hook.events) == 1
    assert claude.exists("made.txt")


async def test_what_a_policy_denies_no_hook_sees(claude: Claude) -> None:
    hook = Seen()
    claude.model.reply(claude.command("echo a > made.txt")).reply(text("Went on."))
    policy = PolicyGuard(deny=["Bash(echo *)"])
    async with claude.session(hooks=Hooks(pre_tool_use=hook), policy=policy, permission_mode="bypass") as session:
        await run(session, "Go.")
    assert not hook.events
    assert not claude.exists("made.txt")


async def test_a_compaction_is_blocked_and_told_as_a_refusal(claude: Claude) -> None:
    claude.model.otherwise(text("Fine."))
    before, after, ended = Seen(Block("Keep it.")), Seen(), Seen()
    hooks = Hooks(pre_compact=before, post_compact=after, subagent_stop=ended)
    async with claude.session(hooks=hooks) as session:
        await run(session, "Hello.")
        with pytest.raises(PolicyDeniedError, match="Keep it"):
            await session.compact()
        assert not after.events
        before.answer = None
        await session.compact()
    assert [event.trigger for event in (*before.events, *after.events)] == ["manual"] * 3
    assert after.events[0].summary
    assert not ended.events, "the agent that writes the summary is claude's own"


async def test_sub_agents_are_told_as_they_start_and_end_and_their_tools_are_seen(claude: Claude) -> None:
    start, before = Seen(AddContext("You are watched.")), Seen()
    ended = anyio.Event()
    stops: list[SubagentStopEvent] = []

    async def stop(event: SubagentStopEvent) -> None:
        stops.append(event)
        ended.set()

    claude.model.reply(agent("The child's task."))
    claude.model.when("The child's task.").reply(claude.command("echo a")).reply(text("Child done."))
    claude.model.otherwise(text("Fine."))
    hooks = Hooks(subagent_start=start, subagent_stop=stop, pre_tool_use=before)
    async with claude.session(hooks=hooks, permission_mode="bypass") as session:
        await session.run("Go.")
        await ended.wait()
    assert [(event.agent_type, event.agent_id) for event in start.events] == [("general-purpose", stops[0].agent_id)]
    assert any("You are watched." in str(request.json) for request in claude.model.requests)
    assert (stops[0].agent_type, stops[0].last_message) == ("general-purpose", "Child done.")
    assert {(event.tool_name, event.agent_id) for event in before.events} >= {("Bash", stops[0].agent_id)}


@pytest.mark.parametrize("answer", [None, Block("Nothing runs here."), 5], ids=["none", "block", "nonsense"])
async def test_a_command_in_the_text_of_a_skill_runs_only_where_a_hook_lets_it(claude: Claude, answer: Any) -> None:
    hook, marker = Seen(answer), claude.folder / "marker"
    teach(claude, f"touch {marker}")
    claude.model.otherwise(text("Fine."))
    async with claude.session(hooks=Hooks(pre_skill_command=hook), permission_mode="bypass") as session:
        await run(session, "/demo")
    assert [(event.command, event.skill) for event in hook.events] == [(f"touch {marker}", "demo")]
    assert marker.exists() is (answer is None)


async def test_a_policy_judges_a_command_that_is_watched(claude: Claude) -> None:
    for name in ("refused", "left"):
        claude.model.reply(call("Monitor", command=f"touch {name}.txt", description="Look.", timeout_ms=1000))
    claude.model.otherwise(text("Fine."))
    policy = PolicyGuard(deny=["Bash(touch refused*)"])
    async with claude.session(policy=policy, permission_mode="bypass") as session:
        ran = await run(session, "Go.")
        await session.wait_idle()
    assert [denial.get("rule") for denial in ran.result.permission_denials] == ["Bash(touch refused*)"]
    assert (claude.exists("refused.txt"), claude.exists("left.txt")) == (False, True)


@pytest.mark.parametrize(
    ("policy", "runs"),
    [
        (PolicyGuard(deny=["Bash(touch *)"]), False),
        (PolicyGuard(ask=["Bash(touch *)"]), False),
        (PolicyGuard(deny=["Bash(rm *)"], ask=["Edit(**)"]), True),
    ],
    ids=["denied", "asked", "left"],
)
async def test_a_policy_judges_a_command_in_the_text_of_a_skill(
    claude: Claude, policy: PolicyGuard, runs: bool
) -> None:
    asker, marker = Asker(), claude.folder / "marker"
    teach(claude, f"touch {marker}")
    claude.model.otherwise(text("Fine."))
    async with claude.session(policy=policy, can_use_tool=asker, permission_mode="bypass") as session:
        await run(session, "/demo")
        claude.model.reply(text("Still here."))
        assert (await run(session, "Hello?")).result.result == "Still here."
    assert marker.exists() is runs
    assert not asker.requests


async def test_a_tool_of_an_mcp_server_and_an_edit_are_seen(claude: Claude) -> None:
    hook = Seen(Block("Not here."))
    claude.model.reply(call("mcp__bench__greet")).reply(text("Went on."))
    options: dict[str, Any] = {"mcp_servers": claude.mcp_servers, "permission_mode": "bypass"}
    async with claude.session(hooks=Hooks(pre_tool_use=hook), **options) as session:
        ran = await run(session, "Go.")
    assert [event.tool_name for event in hook.events] == ["mcp__bench__greet"]
    assert [said["outcome"] for said in hook_messages(ran)] == ["blocked"]
