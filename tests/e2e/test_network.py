"""What survives a cut, a reload and a restart: every frame, the place where one reads, what is typed, what waits."""

# pyright: reportUnknownMemberType=false
from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import WebSocketRoute, expect
from tests.e2e.conftest import Tab
from tests.e2e.serving import Server

from agent_sdk_testing import Gate, MemoryBackend, ScriptedModel, ask_user, run_command, text

OpenWindow = Callable[..., Any]
Real = tuple[Server, ScriptedModel]
BOTH = pytest.mark.parametrize("real", ["claude", "codex"], indirect=True)


class Cuts:
    """Connections of which each brings one frame, or loses it: one after the other."""

    def __init__(self, tab: Tab) -> None:
        self.lost = self.brought = 0
        self._connections: dict[str, int] = {}
        tab.page.route_web_socket(re.compile(r"/api/"), self._connect)

    def _connect(self, route: WebSocketRoute) -> None:
        place = route.url.partition("?")[0]
        number = self._connections[place] = self._connections.get(place, -1) + 1
        is_done = False

        def passed(message: str | bytes) -> None:
            nonlocal is_done
            if is_done:
                return
            is_done = True
            if number % 2:
                self.lost += 1
            else:
                self.brought += 1
                route.send(message)
            route.close()

        route.connect_to_server().on_message(passed)


@BOTH
def test_a_turn_is_whole_though_each_second_frame_is_lost_and_each_connection_cut(
    real: Real, open_window: OpenWindow
) -> None:
    server, model = real
    words = [f"word{number} " for number in range(30)]
    gate = Gate()
    model.reply(text(*words[:10]), run_command("echo once >> made.txt", escalate=True))
    model.reply(text(*words[10:20]), gate, text(*words[20:]))
    tab = open_window(server).tab()
    cuts = Cuts(tab)
    tab.say("Go")
    tab.answer("Allow once", about="echo once")
    expect(tab.log.get_by_text("word19")).to_be_visible()
    gate.open()
    expect(tab.log.get_by_text("word29")).to_be_visible()
    tab.ended()
    shown = tab.log.inner_text()
    assert [word for word in words if len(re.findall(rf"\b{word.strip()}\b", shown)) != 1] == []
    expect(tab.log.locator(".bubble")).to_have_text(["Go"])
    expect(tab.log.get_by_role("article")).to_have_count(1)
    expect(tab.log.get_by_text("Allowed: ")).to_have_count(1)
    assert (server.service.cwd / "made.txt").read_text() == "once\n"
    assert cuts.lost > 1
    assert cuts.brought > 1


connected: list[WebSocketRoute] = []


def note(route: WebSocketRoute) -> None:
    """Note a connection, which goes on as it is."""
    route.connect_to_server()
    connected.append(route)


def reading(memory: MemoryBackend, server: Server, open_window: OpenWindow) -> Tab:
    """Return a tab in which one reads in the middle of a long answer, with something typed."""
    memory.reply(text("\n\n".join(f"line {number}" for number in range(120)))).otherwise(text("ok"))
    tab: Tab = open_window(server).tab()
    tab.page.route_web_socket(re.compile(r"/api/chats/.*/events"), note)
    tab.say("Go")
    expect(tab.log.get_by_text("line 119")).to_be_in_viewport()
    tab.ended()
    tab.message.fill("half a thought")
    tab.page.locator(".scroller").evaluate(
        "area => { area.dispatchEvent(new WheelEvent('wheel', { deltaY: -9 })); area.scrollTop = 1200; }"
    )
    expect(tab.button("To the end")).to_be_visible()
    return tab


TOP = """log => {
    const seen = [...log.querySelectorAll("p")].find(line => line.getBoundingClientRect().top > 120);
    return [seen.textContent, Math.round(seen.getBoundingClientRect().top)];
}"""


@pytest.mark.parametrize("by", ["a reload", "a cut", "a restart"])
def test_where_one_reads_and_what_is_typed_survive(
    quick: Server, memory: MemoryBackend, open_window: OpenWindow, by: str
) -> None:
    tab = reading(memory, quick, open_window)
    line, top = tab.log.evaluate(TOP)
    lost = tab.page.get_by_text("The connection is lost")
    if by == "a reload":
        tab.page.reload()
    elif by == "a cut":
        with tab.page.expect_event("websocket"):
            connected[-1].close()
    else:
        quick.stop()
        expect(lost).to_be_visible()
        quick.start()
    expect(lost).to_have_count(0)
    expect(tab.message).to_have_value("half a thought")
    expect(tab.button("To the end")).to_be_visible()
    expect(tab.log.get_by_text(line, exact=True)).to_be_in_viewport()
    now = tab.log.get_by_text(line, exact=True).evaluate("line => line.getBoundingClientRect().top")
    assert abs(now - top) < 6


@BOTH
def test_a_request_survives_a_cut_and_is_answered(real: Real, open_window: OpenWindow) -> None:
    server, model = real
    model.reply(run_command("echo yes > made.txt", escalate=True)).otherwise(text("Done."))
    window = open_window(server)
    tab: Tab = window.tab()
    tab.page.route_web_socket(re.compile(r"/api/chats/.*/events"), note)
    tab.say("Go")
    expect(tab.asking).to_contain_text("echo yes > made.txt")
    with tab.page.expect_event("websocket"):
        connected[-1].close()
    expect(tab.asking).to_have_count(1)
    tab.answer("Allow once", about="echo yes")
    expect(tab.log.get_by_text("Done.")).to_be_visible()
    assert (server.service.cwd / "made.txt").read_text() == "yes\n"


@BOTH
def test_a_question_that_waits_while_the_server_is_started_again_is_told_of_and_asked_again(
    real: Real, open_window: OpenWindow
) -> None:
    server, model = real
    for _ in range(2):
        model.reply(ask_user("Which colour?", "red", "blue"))
    model.otherwise(text("Done."))
    tab = open_window(server).tab()
    # One of the agents asks while it plans, and then alone.
    tab.page.get_by_role("combobox", name="Permissions").select_option("plan")
    tab.say("Go")
    form = tab.page.get_by_role("dialog", name="Which colour?")
    expect(form).to_be_visible()
    server.stop()
    server.start()
    expect(tab.log.locator(".answered")).to_contain_text("Not answered: the agent was stopped before")
    expect(tab.log.get_by_text("declined")).to_have_count(0)
    expect(tab.log.get_by_text("Stopped", exact=True)).to_be_visible()
    expect(form).to_have_count(0)
    tab.button("Try again").click()
    form.get_by_role("radio", name="blue").check()
    form.get_by_role("button", name="Answer").click()
    expect(tab.log.get_by_text("Done.")).to_be_visible()
    assert "blue" in model.requests[-1].text
