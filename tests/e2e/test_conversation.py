"""A conversation with each real agent in the page: send, stream, approve, deny, edit, stop, queue, steer, resume."""

# pyright: reportUnknownMemberType=false
from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect
from tests.e2e.serving import Server

from agent_sdk_core import tool
from agent_sdk_testing import (
    Gate,
    ScriptedModel,
    Step,
    ask_user,
    call,
    call_tool,
    edit_file,
    run_command,
    spawn_agent,
    text,
)

Real = tuple[Server, ScriptedModel]
OpenWindow = Callable[..., Any]
BOTH = pytest.mark.parametrize("real", ["claude", "codex"], indirect=True)


def project(server: Server) -> Path:
    return server.service.cwd


@BOTH
def test_a_turn_streams_is_asked_about_and_shows_what_it_did(real: Real, open_window: OpenWindow) -> None:
    server, model = real
    (project(server) / "a.txt").write_text("one\ntwo\n")
    model.reply(text("I look ", "**first**."), run_command("echo hello > made.txt", escalate=True))
    model.reply(edit_file(project(server) / "a.txt", "two", "three"))
    model.reply(run_command("echo no > never.txt", escalate=True)).reply(text("All `done`."))
    window = open_window(server)
    tab = window.tab()
    expect(tab.page.get_by_role("combobox", name="Agent")).to_be_visible()
    tab.say("Please do it")
    expect(tab.asking).to_contain_text("echo hello > made.txt")
    expect(tab.log.get_by_text("Please do it")).to_be_visible()
    expect(tab.log.locator("strong", has_text="first")).to_be_visible()
    tab.answer("Allow once", about="echo hello")
    expect(tab.page.get_by_role("alertdialog", name="a.txt")).to_contain_text("three")
    tab.answer("Allow once", about="a.txt")
    tab.answer("Deny", about="echo no")
    tab.ended()
    expect(tab.log.locator("code", has_text="done")).to_be_visible()
    assert (project(server) / "made.txt").read_text() == "hello\n"
    assert (project(server) / "a.txt").read_text() == "one\nthree\n"
    assert not (project(server) / "never.txt").exists()
    edit = tab.card("Edit: a.txt")
    expect(edit.locator("tr.plus")).to_contain_text("three")
    expect(edit.locator("tr.minus")).to_contain_text("two")
    edit.get_by_role("button", name="Side by side").click()
    expect(edit.locator("td.plus")).to_contain_text("three")
    expect(tab.page.get_by_role("img", name="declined")).to_be_visible()
    tab.shot(f"turn-{server.service.backends[0]}")


@BOTH
def test_a_request_survives_a_reload_and_is_answered_in_another_tab(real: Real, open_window: OpenWindow) -> None:
    server, model = real
    model.reply(run_command("echo hello > made.txt", escalate=True)).reply(text("ok"))
    window = open_window(server)
    one = window.tab()
    one.say("Go")
    expect(one.asking).to_be_visible()
    one.page.reload()
    expect(one.asking).to_contain_text("echo hello > made.txt")
    other = window.tab(one.page.url)
    expect(other.asking).to_contain_text("echo hello > made.txt")
    other.asking.get_by_role("button", name="Allow once", exact=True).click()
    expect(one.page.get_by_text("has answered (allowed)")).to_be_visible()  # First, for it goes by itself.
    expect(one.asking).to_have_count(0)
    expect(other.asking).to_have_count(0)
    one.ended()
    assert (project(server) / "made.txt").exists()


@BOTH
def test_allowed_for_the_session_is_not_asked_again(real: Real, open_window: OpenWindow) -> None:
    server, model = real
    for name in ("1", "2"):
        model.reply(run_command("echo word >> made.txt", escalate=True)).reply(text(f"said {name}"))
    tab = open_window(server).tab()
    tab.say("Go")
    session = tab.asking.get_by_role("button", name="Allow for this session", exact=True)
    expect(session).to_be_visible()
    expect(tab.asking.get_by_text("until the session ends").first).to_be_visible()
    session.click()
    expect(tab.log.get_by_text("said 1")).to_be_visible()
    tab.ended()
    tab.say("Again")
    expect(tab.log.get_by_text("said 2")).to_be_visible()
    expect(tab.asking).to_have_count(0)
    assert (project(server) / "made.txt").read_text() == "word\nword\n"


@BOTH
def test_stop_ends_a_running_command(real: Real, open_window: OpenWindow) -> None:
    server, model = real
    model.reply(run_command("echo begun > made.txt; sleep 60", escalate=True))
    tab = open_window(server).tab()
    tab.say("Go")
    tab.answer("Allow once", about="sleep 60")
    expect(tab.page.get_by_role("img", name="running")).to_be_visible()
    tab.button("Stop").click()
    expect(tab.log.locator(".ending", has_text="Stopped")).to_be_visible()
    expect(tab.page.get_by_role("img", name="running")).to_have_count(0)
    expect(tab.button("Send")).to_be_visible()


@BOTH
def test_prompts_wait_are_edited_and_removed_and_one_joins_the_turn(real: Real, open_window: OpenWindow) -> None:
    server, model = real
    gate = Gate()
    model.reply(text("first "), gate, text("answer")).otherwise(text("later"))
    tab = open_window(server).tab()
    tab.say("one")
    expect(tab.log.get_by_text("first")).to_be_visible()
    for name in ("two", "three"):
        tab.say(name, by="Queue")
    waiting = tab.page.get_by_role("list", name="Prompts that wait")
    expect(waiting.get_by_role("listitem")).to_have_count(2)
    tab.button("Edit prompt 1").click()
    tab.page.get_by_role("textbox", name="Prompt that waits").fill("changed")
    tab.page.keyboard.press("Enter")
    expect(waiting).to_contain_text("changed")
    tab.button("Remove prompt 2").click()
    expect(waiting.get_by_role("listitem")).to_have_count(1)
    tab.say("steered", by="Steer")
    gate.open()
    expect(tab.log.get_by_text("changed", exact=True)).to_be_visible()
    expect(tab.log.get_by_text("steered", exact=True)).to_be_visible()
    expect(waiting).to_have_count(0)
    tab.ended()
    expect(tab.log.get_by_text("three", exact=True)).to_have_count(0)


@BOTH
def test_a_chat_goes_on_after_the_server_was_started_again(real: Real, open_window: OpenWindow) -> None:
    server, model = real
    model.reply(text("I am here.")).reply(text("And again."))
    tab = open_window(server).tab()
    tab.say("Are you there?")
    expect(tab.log.get_by_text("I am here.")).to_be_visible()
    tab.ended()
    tab.message.fill("half a thought")
    server.stop()
    expect(tab.page.get_by_text("The connection is lost")).to_be_visible()
    server.start()
    expect(tab.page.get_by_text("The connection is lost")).to_have_count(0)
    expect(tab.message).to_have_value("half a thought")
    expect(tab.log.get_by_text("I am here.")).to_be_visible()
    tab.say("Still?")
    expect(tab.log.get_by_text("And again.")).to_be_visible()
    assert "Are you there?" in model.requests[-1].text


@BOTH
def test_an_agent_that_is_killed_is_told_of_and_resumed(real: Real, open_window: OpenWindow) -> None:
    server, model = real
    model.reply(text("one")).reply(run_command("echo x > made.txt", escalate=True)).otherwise(text("back"))
    tab = open_window(server).tab()
    tab.say("Hi")
    expect(tab.log.get_by_text("one", exact=True)).to_be_visible()
    tab.ended()
    tab.say("Go")
    expect(tab.asking).to_be_visible()
    for pid in agents_of(os.getpid()):
        os.kill(pid, signal.SIGKILL)
    expect(tab.asking).to_have_count(0)
    expect(tab.log.locator(".ending.failed")).to_be_visible()
    tab.say("Are you back?")
    expect(tab.log.get_by_text("back", exact=True)).to_be_visible()
    assert not (project(server) / "made.txt").exists()


def agents_of(parent: int) -> list[int]:
    """Return the processes of agents that this process has started."""
    found: list[int] = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                stat = (entry / "stat").read_text().rpartition(")")[2].split()
                program = Path((entry / "cmdline").read_bytes().decode().split("\0")[0]).name
            except OSError:
                continue
            if int(stat[1]) == parent and program in ("claude", "codex"):
                found.append(int(entry.name))
    return found


@BOTH
def test_a_question_is_answered_in_a_form(real: Real, open_window: OpenWindow) -> None:
    server, model = real
    model.reply(ask_user("Which colour?", "red", "blue")).reply(text("Fine."))
    tab = open_window(server).tab()
    # One of the agents asks while it plans, and then alone.
    tab.page.get_by_role("combobox", name="Permissions").select_option("plan")
    tab.say("Ask me")
    form = tab.page.get_by_role("dialog", name="Which colour?")
    expect(form.get_by_role("button", name="Answer")).to_be_disabled()
    form.get_by_role("radio", name="blue").check()
    tab.page.reload()
    form.get_by_role("radio", name="blue").check()
    form.get_by_role("button", name="Answer").click()
    expect(tab.log.get_by_text("Fine.")).to_be_visible()
    assert "blue" in model.requests[-1].text


@BOTH
def test_always_allowed_is_not_asked_again(real: Real, open_window: OpenWindow) -> None:
    server, model = real
    for name in ("1", "2"):
        model.reply(run_command("echo word > made.txt", escalate=True)).reply(text(f"said {name}"))
    tab = open_window(server).tab()
    tab.say("Go")
    expect(tab.asking).to_be_visible()
    always = tab.asking.get_by_role("button", name="Always allow")
    expect(always.first).to_be_visible()
    always.first.click()
    expect(tab.log.get_by_text("said 1")).to_be_visible()
    tab.ended()
    tab.say("Again")
    expect(tab.log.get_by_text("said 2")).to_be_visible()
    expect(tab.asking).to_have_count(0)


PLAN = "# The plan\n\n1. Look\n2. **Leap**\n"


def propose(backend: str) -> Step:
    """Return how the model of an agent proposes the plan."""
    if backend == "codex":
        return text(f"I looked.\n<proposed_plan>\n{PLAN}</proposed_plan>\n")
    return call("ExitPlanMode", plan=PLAN)


@BOTH
def test_a_plan_is_shown_and_approved(real: Real, open_window: OpenWindow) -> None:
    server, model = real
    model.reply(propose(server.service.backends[0])).otherwise(text("Off I go."))
    tab = open_window(server).tab()
    tab.page.get_by_role("combobox", name="Permissions").select_option("plan")
    tab.say("Plan it")
    asked = tab.page.get_by_role("alertdialog", name="carry out this plan")
    expect(asked.locator("strong", has_text="Leap")).to_be_visible()
    tab.page.reload()
    expect(asked.locator("strong", has_text="Leap")).to_be_visible()
    tab.shot(f"plan-{server.service.backends[0]}")
    asked.get_by_role("button", name="Allow once", exact=True).first.click()
    expect(tab.log.get_by_text("Off I go.")).to_be_visible()
    tab.ended()


@BOTH
def test_a_plan_that_is_refused_is_not_carried_out(real: Real, open_window: OpenWindow) -> None:
    server, model = real
    model.reply(propose(server.service.backends[0])).otherwise(text("I think again."))
    tab = open_window(server).tab()
    permissions = tab.page.get_by_role("combobox", name="Permissions")
    permissions.select_option("plan")
    tab.say("Plan it")
    asked = tab.page.get_by_role("alertdialog", name="carry out this plan")
    asked.get_by_role("button", name="Deny", exact=True).click()
    expect(asked).to_have_count(0)
    tab.ended()
    expect(permissions).to_have_value("plan")


@pytest.mark.parametrize("real", ["claude"], indirect=True)
def test_an_agent_undoes_what_it_has_edited_outside_of_git(real: Real, open_window: OpenWindow) -> None:
    server, model = real
    file = project(server) / "a.txt"
    file.write_text("one\ntwo\n")
    model.reply(edit_file(file, "two", "three")).otherwise(text("Done."))
    tab = open_window(server).tab()
    tab.say("Change it")
    tab.answer("Allow once", about="a.txt")
    tab.ended()
    assert file.read_text() == "one\nthree\n"
    tab.button("Review").click()
    tab.button("Undo the last turn").click()
    shown = tab.page.get_by_role("region", name="Undo the last turn")
    expect(shown).to_contain_text("a.txt goes back to before the turn")
    assert file.read_text() == "one\nthree\n"
    tab.button("Undo 1 file").click()
    expect(tab.log.get_by_text("Undone: the changes of a turn, in 1 files")).to_be_visible()
    assert file.read_text() == "one\ntwo\n"


@pytest.mark.parametrize("real", ["claude"], indirect=True)
def test_a_sub_agent_is_shown_within_its_card(real: Real, open_window: OpenWindow) -> None:
    server, model = real
    model.when("Count the files").reply(text("There are seven."))
    model.reply(spawn_agent("Count the files", description="Counting")).otherwise(text("Seven, it says."))
    tab = open_window(server).tab()
    tab.say("Have somebody count")
    expect(tab.log.get_by_text("Seven, it says.")).to_be_visible()
    tab.ended()
    card = tab.card("Sub-agent")
    fold = card.locator(".fold").first
    if fold.get_attribute("aria-expanded") == "false":
        fold.click()
    expect(card.get_by_text("There are seven.").first).to_be_visible()


@tool
async def add(a: int, b: int) -> str:
    """Add two numbers."""
    return f"It is {a + b}."


@pytest.mark.parametrize("real", [("claude", [add]), ("codex", [add])], indirect=True, ids=["claude", "codex"])
def test_a_tool_of_the_application_has_its_card(real: Real, open_window: OpenWindow) -> None:
    server, model = real
    model.reply(call_tool("add", a=2, b=3)).otherwise(text("Five."))
    tab = open_window(server).tab()
    tab.say("Add")
    card = tab.card("add")
    expect(card).to_be_visible()
    tab.asking.get_by_role("button", name="Allow once", exact=True).click()
    expect(tab.log.get_by_text("Five.")).to_be_visible()
    tab.ended()
    card.get_by_role("button", name="add").first.click()
    expect(card).to_contain_text("It is 5.")
