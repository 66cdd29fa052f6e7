"""Updates that come with an answer: they hold as they say, they allow no more than that, and what none keeps raises."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from agent_sdk_core import (
    DEFER,
    AgentSession,
    Allow,
    Deny,
    InvalidRequestError,
    PermissionRequest,
    PermissionUpdate,
    PolicyGuard,
    RequestOpened,
    UnsupportedOptionError,
)
from agent_sdk_testing import text
from agent_sdk_testing.contract.agent import Agent
from agent_sdk_testing.contract.traits import lacks, needs
from agent_sdk_testing.contract.watching import Asker, Ran, run, until

pytestmark = pytest.mark.anyio


def binding(agent: Agent) -> dict[str, Any]:
    """Return the options with which a rule that refuses binds as much as the agent can have it bind."""
    return {"policy_scope": agent.backend_class().capabilities.policy_scope}


def rule(agent: Agent, text: str) -> str:
    """Return a rule that lifts what the agent says that an allow lifts."""
    return " ".join([text, *(f"+{name}" for name in sorted(agent.escalates))])


async def act(agent: Agent, session: AgentSession, command: str) -> Ran:
    escalate = "sandbox" in agent.escalates and session.info.permission_mode != "bypass"
    agent.model.reply(agent.command(command, escalate=escalate)).reply(text("Done."))
    return await run(session, "Act.")


def edit(agent: Agent, name: str, number: int) -> Sequence[Any]:
    """Return the steps of a reply that edits a file for the so-manieth time."""
    (agent.workspace / name).write_text(f"{number}\n")
    return agent.patch(update={name: [(f"{number}", f"{number + 1}")]})


async def test_a_rule_that_an_answer_adds_for_the_session_is_not_asked_about_again(agent: Agent) -> None:
    update = PermissionUpdate("add_rules", [rule(agent, "Bash(touch *)")], "allow")
    asker = Asker([Allow(updates=[update]), Deny()])
    async with agent.session(permission_mode="default", can_use_tool=asker) as session:
        for name in ("one", "two", "three"):
            await act(agent, session, f"touch {name}.txt")
        assert len(asker.requests) == 1
        await act(agent, session, "mkdir other")  # Of which the rule says nothing.
        await act(agent, session, "touch four.txt; mkdir another")
    assert [name for name in ("one", "two", "three") if agent.exists(f"{name}.txt")] == ["one", "two", "three"]
    assert len(asker.requests) == 3
    assert not agent.exists("other")
    assert not agent.exists("another")


async def test_a_rule_of_an_answer_ends_with_its_session(agent: Agent) -> None:
    asker = Asker([Allow(updates=[PermissionUpdate("add_rules", [rule(agent, "Bash(touch *)")], "allow")]), Allow()])
    for name in ("one", "two"):
        async with agent.session(permission_mode="default", can_use_tool=asker) as session:
            await act(agent, session, f"touch {name}.txt")
    assert len(asker.requests) == 2


async def test_a_rule_is_taken_back(agent: Agent) -> None:
    add, remove = (
        PermissionUpdate(kind, [rule(agent, "Bash(touch *)")], "allow") for kind in ("add_rules", "remove_rules")
    )
    asker = Asker([Allow(updates=[add]), Allow(updates=[remove]), Deny()])
    async with agent.session(permission_mode="default", can_use_tool=asker) as session:
        for command in ("touch one.txt", "mkdir other", "touch two.txt"):
            await act(agent, session, command)
    assert [request.input["command"] for request in asker.requests] == ["touch one.txt", "mkdir other", "touch two.txt"]
    assert not agent.exists("two.txt")


@pytest.mark.parametrize(
    "mode", ["default", pytest.param("bypass", marks=needs("mode:bypass", "policy_scope:every_call"))]
)
async def test_what_an_answer_denies_from_now_on_does_not_run(agent: Agent, mode: Any) -> None:
    update = PermissionUpdate("add_rules", ["Bash(touch *)"], "deny")
    policy = PolicyGuard(ask=["Bash(mkdir *)"]) if mode == "bypass" else None
    asker = Asker([Allow(updates=[update]), Allow()])
    async with agent.session(permission_mode=mode, can_use_tool=asker, policy=policy, **binding(agent)) as session:
        await act(agent, session, "mkdir first")
        ran = await act(agent, session, "touch one.txt")
    assert agent.exists("first")
    assert not agent.exists("one.txt")
    assert ran.results[0].is_error is True
    assert len(asker.requests) == 1


@needs("policy_scope:every_call")
async def test_what_an_answer_wants_to_be_asked_about_is_asked_about(agent: Agent) -> None:
    updates = [
        PermissionUpdate("add_rules", [rule(agent, "Bash(touch *)")], "allow"),
        PermissionUpdate("add_rules", ["Bash(touch one*)"], "ask"),
    ]
    asker = Asker([Allow(updates=updates), Deny()])
    async with agent.session(permission_mode="default", can_use_tool=asker, **binding(agent)) as session:
        for command in ("touch zero.txt", "touch two.txt", "touch one.txt"):
            await act(agent, session, command)
    assert [request.input["command"] for request in asker.requests] == ["touch zero.txt", "touch one.txt"]
    assert agent.exists("two.txt")
    assert not agent.exists("one.txt")


async def test_what_the_policy_denies_or_asks_about_no_answer_allows(agent: Agent) -> None:
    update = PermissionUpdate("add_rules", [rule(agent, "Bash")], "allow")
    policy = PolicyGuard(deny=["Bash(touch *)"], ask=["Bash(mkdir *)"])
    asker = Asker([Allow(updates=[update]), Deny()])
    options: dict[str, Any] = {"policy": policy, "policy_scope": "asked_only"}
    async with agent.session(permission_mode="default", can_use_tool=asker, **options) as session:
        for command in ("echo 1 >> one.txt", "touch two.txt", "mkdir three"):
            await act(agent, session, command)
    assert agent.exists("one.txt")
    assert not agent.exists("two.txt")
    assert not agent.exists("three")
    assert [request.input["command"] for request in asker.requests] == ["echo 1 >> one.txt", "mkdir three"]


@needs("edits", "mode:accept_edits")
async def test_a_mode_that_comes_with_an_answer_holds(agent: Agent) -> None:
    asker = Asker([Allow(updates=[PermissionUpdate("set_mode", mode="accept_edits")]), Deny()])
    async with agent.session(permission_mode="default", can_use_tool=asker) as session:
        await act(agent, session, "touch one.txt")
        agent.model.reply(*edit(agent, "here.txt", 1)).reply(text("Done."))
        ran = await run(session, "Edit.")
        assert session.info.permission_mode == "accept_edits"
        assert not ran.results[-1].is_error
    assert (agent.workspace / "here.txt").read_text() == "2\n"
    assert len(asker.requests) == 1


@needs("edits", "mode:accept_edits", "added_directories")
async def test_a_folder_that_an_answer_adds_is_one_of_the_session(agent: Agent) -> None:
    add, remove = (
        PermissionUpdate(kind, directories=[str(agent.outside)]) for kind in ("add_directories", "remove_directories")
    )
    asker = Asker([Allow(updates=[add]), Allow(updates=[remove]), Deny()])
    name = str(agent.outside / "there.txt")
    async with agent.session(permission_mode="accept_edits", can_use_tool=asker) as session:
        await act(agent, session, f"mkdir {agent.folder}/first")
        agent.model.reply(*edit(agent, name, 1)).reply(text("Done."))
        await run(session, "Edit.")
        assert (agent.outside / "there.txt").read_text() == "2\n"
        assert len(asker.requests) == 1
        await act(agent, session, f"mkdir {agent.folder}/second")
        agent.model.reply(*edit(agent, name, 3)).reply(text("Done."))
        await run(session, "Edit.")
    assert (agent.outside / "there.txt").read_text() == "3\n"
    assert len(asker.requests) >= 3
    assert asker.requests[-1].escalates == {"path"}


async def test_what_cannot_be_kept_raises_before_anything_is_sent(agent: Agent) -> None:
    wrong = [
        (PermissionUpdate("add_rules", ["Bsh(touch *)"], "allow"), InvalidRequestError, "did you mean 'Bash'"),
        (PermissionUpdate("add_rules", ["Bash(touch"], "deny"), InvalidRequestError, "Tool\\(pattern\\)"),
        (PermissionUpdate("add_directories", directories=["/no/such/folder"]), InvalidRequestError, "folder"),
        (PermissionUpdate("set_mode", mode="accept_edits", destination="project"), UnsupportedOptionError, "project|b"),
    ]
    agent.model.reply(agent.command("touch one.txt", escalate=True)).reply(text("Done."))
    async with agent.session(permission_mode="default", can_use_tool=DEFER) as session:
        stream = session.messages()
        await session.send("Act.")
        request_id = (await until(stream, RequestOpened)).request_id
        for update, error, said in wrong:
            with pytest.raises((error, UnsupportedOptionError), match=f"{said}|cannot change the folders"):
                await session.answer(request_id, Allow(updates=[update]))
            assert [request.request_id for request in session.pending] == [request_id]
        assert not agent.exists("one.txt")
        await session.answer(request_id, Allow())
        await session.wait_idle()
    assert agent.exists("one.txt")


@lacks("mode:plan")
async def test_a_mode_that_the_agent_has_not_raises(agent: Agent) -> None:
    agent.model.reply(agent.command("touch one.txt", escalate=True)).reply(text("Done."))
    async with agent.session(permission_mode="default", can_use_tool=DEFER) as session:
        stream = session.messages()
        await session.send("Act.")
        request_id = (await until(stream, RequestOpened)).request_id
        with pytest.raises(UnsupportedOptionError, match="has no mode 'plan'"):
            await session.answer(request_id, Allow(updates=[PermissionUpdate("set_mode", mode="plan")]))
        await session.answer(request_id, Deny())
        await session.wait_idle()


async def test_a_callback_whose_update_cannot_be_kept_allows_nothing(agent: Agent) -> None:
    async def wrong(request: PermissionRequest) -> Allow:
        return Allow(updates=[PermissionUpdate("add_rules", ["Bash(touch"], "allow")])

    async with agent.session(permission_mode="default", can_use_tool=wrong) as session:
        ran = await act(agent, session, "touch one.txt")
    assert ran.results[0].is_error is True
    assert not agent.exists("one.txt")


@needs("plans", "mode:accept_edits")
async def test_a_plan_is_approved_with_the_mode_that_an_update_names(agent: Agent) -> None:
    asker = Asker([Allow(updates=[PermissionUpdate("set_mode", mode="accept_edits")])])
    for step in agent.plan("1. Look\n"):
        agent.model.reply(step)
    agent.model.reply(text("Carried out."))
    async with agent.session(permission_mode="plan", include_partial_messages=False, can_use_tool=asker) as session:
        await run(session, "Plan.")
        await session.wait_idle()
        agent.model.reply(text("Done."))
        await run(session, "Go on.")
        assert session.info.permission_mode == "accept_edits"
