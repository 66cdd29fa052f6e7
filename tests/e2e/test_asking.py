"""Requests that wait: many at once, answered in two places, with the network cut before or after an answer arrives."""

# pyright: reportUnknownMemberType=false
from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Request, Route, expect
from tests.e2e.serving import Server

from agent_sdk_testing import MemoryBackend, ScriptedModel, call, run_command, text

OpenWindow = Callable[..., Any]
ANSWERS = "**/api/chats/*/requests/*"
COUNT = 10
PRESS = """name => [...document.querySelectorAll(".ask button")].find(each => each.textContent === name).click()"""
ARMED = ".ask .options button:not([aria-disabled])"


@pytest.mark.parametrize("real", ["claude"], indirect=True)
def test_ten_requests_at_once_are_counted_and_answered_by_keys(
    real: tuple[Server, ScriptedModel], open_window: OpenWindow, tmp_path: Path
) -> None:
    server, model = real
    for number in range(COUNT):
        (tmp_path / f"f{number}.txt").write_text("x")
    paths = [str(tmp_path / f"f{number}.txt") for number in range(COUNT)]
    model.reply(*(call("Read", file_path=path) for path in paths)).reply(text("Read."))
    tab = open_window(server).tab()
    tab.say("Read them all")
    answered: list[str] = []
    for left in range(COUNT, 0, -1):
        if left > 1:
            expect(tab.page.locator(".asking .count")).to_have_text(f"1 of {left} that wait for an answer")
        expect(tab.page).to_have_title(f"({left}) Read them all")
        expect(tab.asking).to_be_focused()
        expect(tab.page.locator(ARMED).first).to_be_visible()
        name = tab.asking.get_attribute("aria-label")
        if left == COUNT:
            tab.shot("ten-requests")
        tab.page.keyboard.press("n" if left % 2 else "y")
        expect(tab.page.get_by_role("alertdialog", name=name, exact=True)).to_have_count(0)
        answered.append(name)
    expect(tab.log.get_by_text("Read.", exact=True)).to_be_visible()
    assert len(set(answered)) == COUNT
    assert model.requests[-1].text.count("The user does not allow this.") == COUNT // 2


def test_of_two_answers_at_one_instant_the_first_counts_and_the_other_tab_is_told(
    quick: Server, memory: MemoryBackend, open_window: OpenWindow
) -> None:
    memory.reply(call("Bash", command="echo both")).otherwise(text("ok"))
    window = open_window(quick)
    tabs = [window.tab()]
    tabs[0].say("Go")
    expect(tabs[0].asking).to_be_visible()
    tabs.append(window.tab(tabs[0].page.url))
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    for tab in tabs:
        expect(tab.page.locator(ARMED).first).to_be_visible()
        tab.page.route(ANSWERS, hold)
    for tab, name in zip(tabs, ("Allow once", "Deny"), strict=True):
        with tab.page.expect_request(ANSWERS):
            tab.page.evaluate(PRESS, name)
    for each in held:
        each.continue_()
    for tab in tabs:
        tab.ended()
        expect(tab.page.get_by_role("alert")).to_have_count(0)
        expect(tab.log.locator(".item", has_text=": echo both")).to_have_count(1)
    told = [tab for tab in tabs if tab.page.locator(".toast span").count()]
    assert len(told) == 1, "who was slower"


@pytest.mark.parametrize("arrives", [True, False], ids=["after it arrived", "before it arrived"])
def test_an_answer_whose_connection_is_cut_is_given_again_and_counts_once(
    quick: Server, memory: MemoryBackend, open_window: OpenWindow, arrives: bool
) -> None:
    memory.reply(call("Bash", command="echo cut")).otherwise(text("ok"))
    tab = open_window(quick).tab()
    tab.say("Go")
    expect(tab.page.locator(ARMED).first).to_be_visible()
    cut: list[str] = []

    def lose(route: Route) -> None:
        if cut:
            route.continue_()
            return
        cut.append(route.request.url)
        if arrives:
            route.fetch()
        route.abort()

    tab.page.route(ANSWERS, lose)
    with tab.page.expect_response(ANSWERS):
        tab.button("Allow once").click()
    tab.ended()
    assert cut
    expect(tab.page.get_by_role("alert")).to_have_count(0)
    expect(tab.page.locator(".toast span")).to_have_count(0)
    expect(tab.log.get_by_text("Allowed: echo cut")).to_have_count(1)


KEYS = """all => all.map(each => [getComputedStyle(each, "::after").content.slice(1, -1), each.ariaLabel])"""


@pytest.mark.parametrize(("key", "name"), [("s", "Allow for this session"), ("a", "Always allow")])
@pytest.mark.parametrize("real", ["claude", "codex"], indirect=True)
def test_what_lasts_says_what_it_grants_and_is_given_by_the_key_that_is_shown_but_not_by_typing(
    real: tuple[Server, ScriptedModel], open_window: OpenWindow, key: str, name: str
) -> None:
    server, model = real
    for number in ("1", "2"):
        model.reply(run_command("echo word > made.txt", escalate=True)).reply(text(f"said {number}"))
    tab = open_window(server).tab()
    tab.say("Go")
    buttons = tab.asking.locator(".options button")
    expect(tab.page.locator(ARMED).first).to_be_visible()
    shown: list[tuple[str, str]] = buttons.evaluate_all(KEYS)
    assert dict(shown)[key] == name
    assert [letter for letter, _ in shown] == ["y", "s", "a", "n", "x"]
    expect(tab.button(name)).to_have_accessible_description(re.compile("made|echo|again in this session"))
    tab.shot(f"lasting-{server.service.backends[0]}")
    sent: list[str] = []

    def note(request: Request) -> None:
        sent.append(request.url)

    tab.page.on("request", note)
    tab.message.press_sequentially("yes, always! next: 1 2 3 4 5")
    expect(tab.message).to_have_value("yes, always! next: 1 2 3 4 5")
    assert not [url for url in sent if "/requests/" in url]
    tab.message.fill("")
    tab.asking.focus()
    tab.page.keyboard.press(key)
    expect(tab.log.get_by_text("said 1")).to_be_visible()
    tab.ended()
    tab.say("Again")
    expect(tab.log.get_by_text("said 2")).to_be_visible()
    expect(tab.asking).to_have_count(0)
