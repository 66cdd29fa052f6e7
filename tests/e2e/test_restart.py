"""A permission that waits while the server is started again: it waits on, and what is answered counts once."""

# pyright: reportUnknownMemberType=false
from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect
from tests.e2e.conftest import MakeServer, Tab
from tests.e2e.serving import Server
from tests.e2e.test_dialogs import LOOKS, looked_at

from agent_sdk_testing import MemoryBackend, ScriptedModel, call, run_command, text

OpenWindow = Callable[..., Any]
Real = tuple[Server, ScriptedModel]
BOTH = pytest.mark.parametrize("real", ["claude", "codex"], indirect=True)
COMMAND = "echo once >> made.txt"


def made(server: Server) -> Path:
    return server.service.cwd / "made.txt"


def asked(real: Real, open_window: OpenWindow, command: str = COMMAND) -> Tab:
    """Return a tab in which the agent asked for a command before the server was started again."""
    server, model = real
    model.reply(run_command(command, escalate=True))
    tab: Tab = open_window(server).tab()
    tab.say("Go")
    expect(tab.asking).to_contain_text(command)
    again(server, tab)
    return tab


def again(server: Server, tab: Tab) -> None:
    """Start the server again, and wait until the page knows of it."""
    server.stop()
    expect(tab.page.get_by_text("The connection is lost")).to_be_visible()
    server.start()
    expect(tab.page.get_by_text("The connection is lost")).to_have_count(0)


def started_again(tab: Tab) -> None:
    """Look at a request that waits on."""
    waiting = tab.page.get_by_role("alertdialog", name=re.compile(f"run a command: {re.escape(COMMAND)}"))
    expect(waiting).to_contain_text("The server was started again since.")
    expect(waiting.get_by_role("button")).to_have_text(["Allow once", "Deny", "Deny and stop"])


@BOTH
def test_what_is_allowed_after_a_restart_runs_once_and_is_not_asked_again(real: Real, open_window: OpenWindow) -> None:
    server, model = real
    tab = asked(real, open_window)
    started_again(tab)
    expect(tab.page).to_have_title(re.compile(r"^\(1\) "))
    expect(tab.page.get_by_label("1 waiting")).to_be_visible()
    expect(tab.log.get_by_text("Stopped", exact=True)).to_be_visible()
    expect(tab.button("Try again")).to_have_count(0)
    tab.shot(f"restart-{server.service.backends[0]}")
    model.reply(run_command(COMMAND, escalate=True)).reply(text("Done."))
    tab.answer("Allow once", about=COMMAND)
    expect(tab.log.get_by_text("Done.")).to_be_visible()
    tab.ended()
    expect(tab.asking).to_have_count(0)
    expect(tab.log.locator(".answered")).to_have_text([f"Allowed: {COMMAND}"] * 2)
    assert made(server).read_text() == "once\n"
    expect(tab.page).to_have_title(re.compile(r"^[^(]"))
    # The turn has ended, so that the same is asked about again.
    model.reply(run_command(COMMAND, escalate=True)).reply(text("Over."))
    tab.say("Once more")
    tab.answer("Deny", about=COMMAND)
    expect(tab.log.get_by_text("Over.")).to_be_visible()
    assert made(server).read_text() == "once\n"


@BOTH
def test_what_is_denied_after_a_restart_is_denied_and_begins_no_turn(real: Real, open_window: OpenWindow) -> None:
    server, model = real
    tab = asked(real, open_window)
    asked_before = len(model.requests)
    tab.answer("Deny", about=COMMAND)
    expect(tab.log.locator(".answered")).to_have_text(f"Denied: {COMMAND}")
    expect(tab.button("Try again")).to_be_visible()
    expect(tab.log.locator(".bubble")).to_have_text(["Go"])
    expect(tab.page.get_by_label("1 waiting")).to_have_count(0)
    again(server, tab)
    expect(tab.log.locator(".answered")).to_have_text(f"Denied: {COMMAND}")
    expect(tab.asking).to_have_count(0)
    assert len(model.requests) == asked_before
    assert not made(server).exists()


@BOTH
def test_what_differs_is_asked_about_though_something_was_allowed(real: Real, open_window: OpenWindow) -> None:
    server, model = real
    tab = asked(real, open_window)
    other = "echo twice >> made.txt"
    model.reply(run_command(other, escalate=True)).reply(run_command(COMMAND, escalate=True)).reply(text("Done."))
    tab.answer("Allow once", about=COMMAND)
    expect(tab.page.get_by_role("alertdialog", name=re.compile("echo twice"))).not_to_contain_text("started again")
    assert not made(server).exists()
    tab.answer("Deny", about=other)
    expect(tab.log.get_by_text("Done.")).to_be_visible()
    assert made(server).read_text() == "once\n"


@BOTH
def test_the_same_a_second_time_is_asked_about(real: Real, open_window: OpenWindow) -> None:
    server, model = real
    tab = asked(real, open_window)
    for _ in range(2):
        model.reply(run_command(COMMAND, escalate=True))
    model.reply(text("Done."))
    tab.answer("Allow once", about=COMMAND)
    expect(tab.asking).to_contain_text(COMMAND)
    expect(tab.asking).not_to_contain_text("started again")
    assert made(server).read_text() == "once\n"
    tab.answer("Deny", about=COMMAND)
    expect(tab.log.get_by_text("Done.")).to_be_visible()
    assert made(server).read_text() == "once\n"


@BOTH
def test_it_survives_a_second_restart_two_tabs_see_it_and_the_first_answer_wins(
    real: Real, open_window: OpenWindow
) -> None:
    server, model = real
    tab = asked(real, open_window)
    started_again(tab)
    again(server, tab)
    started_again(tab)
    other: Tab = Tab(tab.page.context.new_page())
    other.page.goto(f"{server.base}/")
    # Nobody has opened the chat in this tab: the list says that it waits.
    expect(other.page.get_by_label("1 waiting")).to_be_visible()
    other.page.goto(tab.page.url)
    started_again(other)
    model.reply(run_command(COMMAND, escalate=True)).reply(text("Done."))
    other.asking.get_by_role("button", name="Allow once", exact=True).click()
    expect(tab.log.get_by_text(f"Allowed: {COMMAND}").first).to_be_visible()
    expect(tab.asking).to_have_count(0)
    expect(tab.log.get_by_text("Done.")).to_be_visible()
    assert made(server).read_text() == "once\n"


@BOTH
def test_a_prompt_in_place_of_an_answer_ends_it(real: Real, open_window: OpenWindow) -> None:
    server, model = real
    tab = asked(real, open_window)
    model.reply(run_command(COMMAND, escalate=True)).reply(text("Well."))
    tab.say("Something else")
    expect(tab.log.locator(".answered").first).to_have_text(f"Not answered: the agent was stopped before: {COMMAND}")
    expect(tab.asking).not_to_contain_text("started again")
    tab.answer("Deny", about=COMMAND)
    expect(tab.log.get_by_text("Well.")).to_be_visible()
    assert not made(server).exists()


@BOTH
def test_what_was_kept_without_a_secret_is_asked_about_again(real: Real, open_window: OpenWindow) -> None:
    server, model = real
    secret = f"sk-{'a1' * 12}"
    command = f"echo {secret} > made.txt"
    model.reply(run_command(command, escalate=True))
    tab: Tab = open_window(server).tab()
    tab.say("Go")
    expect(tab.asking).to_contain_text("> made.txt")
    again(server, tab)
    expect(tab.asking).to_contain_text("you are asked again")
    expect(tab.asking).not_to_contain_text(secret)
    model.reply(run_command(command, escalate=True)).reply(text("Done."))
    tab.answer("Allow once", about="> made.txt")
    expect(tab.asking).not_to_contain_text("started again")
    assert not made(server).exists()
    tab.answer("Allow once", about="> made.txt")
    expect(tab.log.get_by_text("Done.")).to_be_visible()
    assert made(server).exists()


@LOOKS
def test_what_waits_on_is_whole_and_in_sight(
    make_server: MakeServer, memory: MemoryBackend, open_window: OpenWindow, width: int, scheme: str
) -> None:

    def again_of(name: str) -> MemoryBackend:
        return MemoryBackend(model=memory.model, stored_with=memory)

    server = make_server(again_of, "memory")
    memory.reply(call("Bash", command=COMMAND, description="Writes a line."))
    window = open_window(server, viewport={"width": width, "height": 844}, color_scheme=scheme)
    tab: Tab = window.tab()
    tab.say("Go")
    expect(tab.asking).to_be_visible()
    again(server, tab)
    started_again(tab)
    expect(tab.asking.get_by_role("button", name="Deny", exact=True)).to_be_in_viewport(ratio=1)
    looked_at(tab, "waits-on", width, scheme)
