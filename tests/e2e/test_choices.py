"""What is chosen for a chat counts with the real agents: its folder, its sandbox, skills, and another agent midway."""

# pyright: reportUnknownMemberType=false
from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Response, expect
from tests.e2e.conftest import MakeServer, Tab
from tests.e2e.serving import Server

from agent_chat import settings
from agent_chat.chats.service import ChatService
from agent_chat.demo.agents import AGENTS
from agent_sdk_core import RuntimeConfig, SandboxPolicy
from agent_sdk_core.interfaces.backend import AgentBackend
from agent_sdk_testing import ScriptedModel, run_command, scratch_folder, text

Real = tuple[Server, ScriptedModel]
OpenWindow = Callable[..., Any]
BOTH = pytest.mark.parametrize("real", ["claude", "codex"], indirect=True)


def changed(answer: Response) -> bool:
    return answer.request.method == "PATCH"


@BOTH
def test_a_new_chat_works_in_the_folder_that_was_chosen(real: Real, open_window: OpenWindow) -> None:
    server, model = real
    other = server.service.cwd.parent / "other"
    other.mkdir()
    model.reply(run_command("pwd > here.txt", escalate=True)).otherwise(text("Done."))
    tab = open_window(server).tab()
    folder = tab.page.get_by_role("textbox", name="Folder")
    expect(folder).to_have_value(str(server.service.cwd))
    folder.fill(str(other))
    tab.say("Where are you?")
    tab.answer("Allow once", about="pwd > here.txt")
    expect(tab.log.get_by_text("Done.")).to_be_visible()
    tab.ended()
    assert Path((other / "here.txt").read_text().strip()) == other
    assert server.service.open_chats[0].meta.cwd == str(other)


@pytest.mark.parametrize("real", ["codex"], indirect=True)
def test_the_sandbox_of_a_chat_is_chosen_kept_to_and_changed(real: Real, open_window: OpenWindow) -> None:
    server, model = real
    for name in ("one", "two"):
        model.reply(run_command(f"echo {name} > {name}.txt; echo tried")).reply(text(f"Said {name}."))
    tab = open_window(server).tab()
    sandbox = tab.page.get_by_role("combobox", name="Sandbox")
    expect(sandbox.get_by_role("option")).to_have_text(
        ["Default sandbox", "read-only", "workspace-write", "danger-full-access"]
    )
    sandbox.select_option("read-only")
    tab.say("Write")
    expect(tab.log.get_by_text("Said one.")).to_be_visible()
    tab.ended()
    assert not (server.service.cwd / "one.txt").exists()
    expect(sandbox).to_have_value("read-only")
    with tab.page.expect_response(changed):
        sandbox.select_option("danger-full-access")
    tab.say("Write again")
    expect(tab.log.get_by_text("Said two.")).to_be_visible()
    tab.ended()
    assert (server.service.cwd / "two.txt").read_text() == "two\n"
    assert "Said one." in model.requests[-1].text, "it is the same conversation"


def test_a_folder_that_is_none_is_told_of_and_the_prompt_stays(quick: Server, open_window: OpenWindow) -> None:
    tab = open_window(quick).tab()
    tab.page.get_by_role("textbox", name="Folder").fill("/nowhere/at/all")
    tab.say("Go there")
    expect(tab.page.get_by_role("alert")).to_contain_text("/nowhere/at/all")
    expect(tab.message).to_have_value("Go there")


@pytest.fixture
def both(make_server: MakeServer) -> Any:
    """A server with both real agents, and the model that both ask."""
    with scratch_folder(prefix="e2e-") as folder, ScriptedModel() as model:
        found = {agent.name: agent for agent in AGENTS}

        def make(name: str) -> AgentBackend:
            env = found[name].environment(folder / name, model)
            return settings.open_backend(name, executable=str(found[name].find()), env=env)

        server = make_server(make, *found, folder=folder / "project")
        yield server, model
        server.stop()


def switch(tab: Tab, name: str) -> None:
    with tab.page.expect_response(changed):
        tab.page.get_by_role("combobox", name="Agent").select_option(name)
    expect(tab.log.get_by_text(f"From here on {name} answers").last).to_be_visible()


def test_a_chat_goes_to_the_other_agent_and_back_and_its_conversation_stays(
    both: Real, open_window: OpenWindow
) -> None:
    server, model = both
    for number in range(1, 5):
        model.reply(text(f"Answer {number}."))
    tab = open_window(server).tab()
    tab.page.get_by_role("combobox", name="Agent").select_option("codex")
    paths: list[str] = []
    for number, agent in enumerate(("codex", "claude", "codex", "claude"), 1):
        if number > 1:
            switch(tab, agent)
        tab.say(f"Question {number}")
        expect(tab.log.get_by_text(f"Answer {number}.", exact=True)).to_be_visible()
        tab.ended()
        paths.append(model.requests[-1].path.split("?")[0].rpartition("/")[2])
        for before in range(1, number + 1):
            expect(tab.log.get_by_text(f"Question {before}", exact=True)).to_be_visible()
            expect(tab.log.get_by_text(f"Answer {before}.", exact=True)).to_be_visible()
    assert paths == ["responses", "messages"] * 2
    tab.page.reload()
    for number in range(1, 5):
        expect(tab.log.get_by_text(f"Answer {number}.", exact=True)).to_be_visible()
    expect(tab.page.get_by_role("combobox", name="Agent")).to_have_value("claude")
    expect(tab.page.get_by_role("link", name="Question 1")).to_contain_text("Claude")
    tab.shot("switched")


def test_an_agent_without_a_sandbox_is_not_given_a_chat_that_has_one(both: Real, open_window: OpenWindow) -> None:
    server, model = both
    model.otherwise(text("ok"))
    tab = open_window(server).tab()
    agent, sandbox = (tab.page.get_by_role("combobox", name=name) for name in ("Agent", "Sandbox"))
    agent.select_option("claude")
    expect(sandbox).to_have_count(0)
    agent.select_option("codex")
    sandbox.select_option("read-only")
    tab.say("Hi")
    tab.ended()
    agent.select_option("claude")
    expect(tab.page.get_by_role("alert")).to_contain_text("claude cannot keep to a sandbox")
    expect(agent).to_have_value("codex")
    with tab.page.expect_response(changed):
        sandbox.select_option("")
    switch(tab, "claude")
    expect(sandbox).to_have_count(0)


def test_a_sandbox_that_is_configured_later_is_told_of_before_anything_is_sent(
    both: Real, open_window: OpenWindow, monkeypatch: pytest.MonkeyPatch
) -> None:
    server, model = both
    model.otherwise(text("ok"))
    tab = open_window(server).tab()
    tab.page.get_by_role("combobox", name="Agent").select_option("claude")
    tab.say("Hi")
    tab.ended()
    asked = len(model.requests)
    server.stop()
    boxed = RuntimeConfig(sandbox=SandboxPolicy(mode="read-only"))

    def configured(service: ChatService) -> RuntimeConfig:
        del service
        return boxed

    monkeypatch.setattr(ChatService, "config", property(configured))
    server.start()
    told = tab.page.get_by_role("status").filter(has_text="claude cannot keep to a sandbox")
    expect(told).to_contain_text(
        "'read-only' is configured: choose another agent, or take the sandbox out of the settings"
    )
    tab.shot("sandbox-later")
    tab.say("Again")
    expect(tab.page.get_by_role("alert")).to_contain_text("choose another agent")
    expect(tab.message).to_have_value("Again")
    assert len(model.requests) == asked
    switch(tab, "codex")
    expect(told).to_have_count(0)
    tab.button("Send").click()
    tab.ended()
    expect(tab.log.get_by_text("ok", exact=True)).to_have_count(2)


@pytest.mark.parametrize("real", ["codex"], indirect=True)
def test_skills_are_completed_by_their_sign_and_reach_the_agent(real: Real, open_window: OpenWindow) -> None:
    server, model = real
    skill = server.service.cwd.parent / "codex" / "skills" / "parrot" / "SKILL.md"
    skill.parent.mkdir(parents=True)
    skill.write_text("---\nname: parrot\ndescription: Says it twice.\n---\nSay it TWICE OVER.\n")
    model.otherwise(text("ok"))
    tab = open_window(server).tab()
    tab.say("Hi")
    tab.ended()
    tab.message.press_sequentially("/parr")
    expect(tab.page.get_by_role("option", name="$parrot")).to_contain_text("Says it twice.")
    tab.message.fill("")
    tab.message.press_sequentially("Go on, $par")
    expect(tab.page.get_by_role("listbox", name="Completions").get_by_role("option")).to_have_text(
        ["$parrotSays it twice."]
    )
    tab.page.keyboard.press("Tab")
    expect(tab.message).to_have_value("Go on, $parrot ")
    tab.page.keyboard.press("Enter")
    expect(tab.log.get_by_text("Go on, $parrot")).to_be_visible()
    tab.ended()
    assert "Say it TWICE OVER." in model.requests[-1].body.decode()
