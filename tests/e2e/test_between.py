"""The page between two states: what a quick user does while something is sent, opened, listed or replaced."""

# pyright: reportUnknownMemberType=false
from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from playwright.sync_api import Page, Route, WebSocketRoute, expect
from tests.e2e.conftest import Tab
from tests.e2e.serving import Server

from agent_chat.chats.service import ChatService
from agent_chat.chats.settings import ChatSettings
from agent_sdk_testing import Gate, MemoryBackend, call, text

OpenWindow = Callable[..., Any]
PROMPTS = "**/api/chats/*/prompts"


class Held:
    """What the server says in the streams of chats, held back for as long as one likes."""

    def __init__(self, page: Page) -> None:
        self.holds = False
        self._kept: list[tuple[WebSocketRoute, str | bytes]] = []
        page.route_web_socket(re.compile(r"/api/chats/[^/]+/events"), self._connect)

    def _connect(self, route: WebSocketRoute) -> None:
        def passed(message: str | bytes) -> None:
            if self.holds:
                self._kept.append((route, message))
            else:
                route.send(message)

        route.connect_to_server().on_message(passed)

    def release(self) -> None:
        self.holds = False
        for route, message in self._kept:
            route.send(message)
        self._kept.clear()


class HeldRequests:
    """Requests that are held back until one lets them go; what comes after that passes."""

    def __init__(self, page: Page, address: str | re.Pattern[str]) -> None:
        self.kept: list[Route] = []
        self._holds = True
        page.route(address, self._take)

    def _take(self, route: Route) -> None:
        if self._holds:
            self.kept.append(route)
        else:
            route.continue_()

    def release(self) -> None:
        self._holds = False
        for route in self.kept:
            route.continue_()


def begun(server: Server, memory: MemoryBackend, open_window: OpenWindow) -> Tab:
    """Return a tab with a chat in which something was said."""
    memory.reply(text("Hello."))
    tab = open_window(server).tab()
    tab.say("Hi")
    expect(tab.log.get_by_text("Hello.", exact=True)).to_be_visible()
    tab.ended()
    return tab


def test_a_chat_is_not_ready_while_a_prompt_is_on_its_way(
    quick: Server, memory: MemoryBackend, open_window: OpenWindow
) -> None:
    tab = begun(quick, memory, open_window)
    memory.otherwise(text("ok"))
    state = tab.page.locator(".state-text")
    held = HeldRequests(tab.page, PROMPTS)
    with tab.page.expect_request(PROMPTS):
        tab.say("One")
    expect(state).to_have_text("sending")
    held.release()
    tab.ended()
    expect(tab.log.get_by_text("ok", exact=True)).to_be_visible()


def test_a_prompt_that_was_taken_and_is_not_told_of_yet_is_on_its_way(
    quick: Server, memory: MemoryBackend, open_window: OpenWindow
) -> None:
    memory.reply(text("Hello.")).otherwise(text("ok"))
    tab = open_window(quick).tab()
    stream = Held(tab.page)
    tab.say("Hi")
    expect(tab.log.get_by_text("Hello.", exact=True)).to_be_visible()
    tab.ended()
    stream.holds = True
    with tab.page.expect_response(PROMPTS):
        tab.say("One")
    expect(tab.page.get_by_text("Sending …")).to_be_visible()
    expect(tab.page.locator(".state-text")).to_have_text("sending")
    stream.release()
    tab.ended()
    expect(tab.log.get_by_text("ok", exact=True)).to_be_visible()


def test_prompts_that_are_sent_right_after_each_other_arrive_in_order(
    quick: Server, memory: MemoryBackend, open_window: OpenWindow
) -> None:
    tab = begun(quick, memory, open_window)
    gate = Gate()
    memory.reply(text("first "), gate).otherwise(text("ok"))
    held = HeldRequests(tab.page, PROMPTS)
    with tab.page.expect_request(PROMPTS):
        tab.say("One")
    for name in ("Two", "Three"):
        tab.message.fill(name)
        tab.page.keyboard.press("Enter")
        expect(tab.message).to_have_value("")
    held.release()
    waiting = tab.page.get_by_role("list", name="Prompts that wait").get_by_role("listitem")
    expect(waiting).to_have_text([re.compile("Two"), re.compile("Three")])
    gate.open()
    expect(tab.log.locator(".bubble")).to_have_text(["Hi", "One", "Two", "Three"])
    tab.ended()


def test_what_is_typed_and_sent_while_a_chat_opens_goes_there(
    quick: Server, memory: MemoryBackend, open_window: OpenWindow
) -> None:
    tab = begun(quick, memory, open_window)
    memory.otherwise(text("ok"))
    tab.button("New chat").click()
    stream = Held(tab.page)
    stream.holds = True
    tab.page.get_by_role("link", name="Hi").click()
    tab.page.keyboard.type("Quick")
    tab.page.keyboard.press("Enter")
    expect(tab.message).to_have_value("Quick")
    expect(tab.page.get_by_text("Opening the chat …")).to_be_visible()
    stream.release()
    expect(tab.log.locator(".bubble")).to_have_text(["Hi", "Quick"])
    expect(tab.message).to_have_value("")
    expect(tab.log.get_by_text("ok", exact=True)).to_be_visible()


def test_who_has_gone_elsewhere_while_a_chat_is_made_stays_there(
    quick: Server, memory: MemoryBackend, open_window: OpenWindow
) -> None:
    tab = begun(quick, memory, open_window)
    memory.otherwise(text("ok"))
    tab.button("New chat").click()
    made: list[Route] = []
    tab.page.route(
        "**/api/chats", lambda route: made.append(route) if route.request.method == "POST" else route.continue_()
    )
    with tab.page.expect_request(lambda sent: sent.method == "POST" and sent.url.endswith("/api/chats")):
        tab.say("Another")
    tab.page.get_by_role("link", name="Hi").click()
    expect(tab.log.get_by_text("Hello.", exact=True)).to_be_visible()
    with tab.page.expect_response(PROMPTS):
        made.pop().continue_()
    other = tab.page.get_by_role("link", name="Another")
    expect(other).to_be_visible()
    expect(tab.log.get_by_text("Hello.", exact=True)).to_be_visible()
    other.click()
    expect(tab.log.get_by_text("ok", exact=True)).to_be_visible()


def test_a_prompt_that_could_not_be_sent_is_found_where_it_belongs(
    quick: Server, memory: MemoryBackend, open_window: OpenWindow
) -> None:
    tab = begun(quick, memory, open_window)
    held = HeldRequests(tab.page, PROMPTS)
    with tab.page.expect_request(PROMPTS):
        tab.say("Lost?")
    tab.button("New chat").click()
    expect(tab.message).to_have_value("")
    held.kept.pop().fulfill(status=503, json={"error": {"code": "store", "message": "The store cannot be written."}})
    expect(tab.page.get_by_role("alert")).to_contain_text("The store cannot be written.")
    expect(tab.message).to_have_value("")
    tab.page.get_by_role("link", name="Hi").click()
    expect(tab.message).to_have_value("Lost?")


def test_a_list_that_is_not_there_yet_is_not_called_empty(quick: Server, open_window: OpenWindow) -> None:
    tab = open_window(quick).tab()
    chats = tab.page.get_by_role("navigation", name="Chats")
    expect(chats).to_contain_text("No chats yet.")
    listed = re.compile(r"/api/chats\?limit")
    held = HeldRequests(tab.page, listed)
    with tab.page.expect_request(listed):
        tab.page.reload()
    expect(chats).to_contain_text("The chats are being listed …")
    tab.page.get_by_role("checkbox", name="Archived").check()
    expect(chats).to_contain_text("Nothing is archived.")
    quick.call(lambda service: service.create(ChatSettings(title="Late")))
    with tab.page.expect_response(listed):
        held.release()
    expect(chats).to_contain_text("Nothing is archived.")
    tab.page.get_by_role("checkbox", name="Archived").uncheck()
    expect(tab.page.get_by_role("link", name="Late")).to_be_visible()


def test_a_field_keeps_what_is_typed_when_something_else_is_told(
    quick: Server, memory: MemoryBackend, open_window: OpenWindow
) -> None:
    tab = begun(quick, memory, open_window)
    (chat,) = quick.service.open_chats

    def told(effort: str) -> None:
        quick.call(lambda service: chat.change(effort=effort))  # type: ignore[arg-type]  # checked when it is called
        expect(tab.page.get_by_role("combobox", name="Effort")).to_have_value(effort)

    model = tab.page.get_by_role("combobox", name="Model")
    model.fill("my-model")
    told("low")
    expect(model).to_have_value("my-model")
    model.press("Tab")
    expect(model).to_have_value("my-model")
    tab.button("Rename").click()
    title = tab.page.get_by_role("textbox", name="Title")
    title.fill("Given up")
    told("high")
    expect(title).to_have_value("Given up")
    title.press("Escape")
    heading = tab.page.get_by_role("heading", name="Hi")
    expect(heading).to_be_visible()
    tab.button("Rename").click()
    title.fill("Renamed")
    told("medium")
    title.press("Enter")
    expect(tab.page.get_by_role("heading", name="Renamed")).to_be_visible()
    expect(tab.page.get_by_role("link", name="Renamed")).to_be_visible()
    assert chat.meta.model == "my-model"


def notes(server: Server, tab: Tab, count: int) -> None:
    """Show a chat of so many notes."""
    chat = server.call(lambda service: service.create(ChatSettings(title="Notes")))

    async def say(service: ChatService) -> None:
        del service
        for number in range(count):
            chat.inform(f"Note {number}")

    server.call(say)
    tab.page.evaluate(f"location.hash = '#/chat/{chat.id}'")
    expect(tab.log.get_by_text(f"Note {count - 1}", exact=True)).to_be_in_viewport()


TO_THE_TOP = "area => { area.dispatchEvent(new WheelEvent('wheel', { deltaY: -9 })); area.scrollTop = 0; }"


def test_who_goes_to_the_end_while_earlier_messages_come_stays_there(quick: Server, open_window: OpenWindow) -> None:
    tab = open_window(quick).tab()
    notes(quick, tab, 500)
    earlier, end = tab.button("Show earlier messages"), tab.button("To the end")
    messages = re.compile(r"/api/chats/[^/]+/messages")
    held = HeldRequests(tab.page, messages)
    tab.page.locator(".scroller").evaluate(TO_THE_TOP)
    with tab.page.expect_request(messages):
        earlier.click()
    expect(earlier).to_be_disabled()
    end.click()
    held.release()
    expect(earlier).to_be_enabled()
    expect(end).to_have_count(0)
    expect(tab.log.get_by_text("Note 499", exact=True)).to_be_in_viewport()


SNATCHES = """
new MutationObserver(() => {
  for (const button of document.querySelectorAll("[role=alertdialog] button")) {
    if (button.dataset.snatched) continue;
    button.dataset.snatched = "1";
    button.click();
    button.dispatchEvent(new KeyboardEvent("keydown", { key: "y", bubbles: true }));
  }
}).observe(document, { childList: true, subtree: true });
"""


def test_what_is_pressed_in_the_moment_in_which_a_request_appears_answers_nothing(
    quick: Server, memory: MemoryBackend, open_window: OpenWindow
) -> None:
    memory.reply(call("Bash", command="ls")).otherwise(text("ok"))
    window = open_window(quick)
    window.context.add_init_script(SNATCHES)
    tab = window.tab()
    tab.say("Go")
    allow = tab.asking.get_by_role("button", name="Allow once", exact=True)
    expect(allow).to_have_attribute("data-snatched", "1")
    expect(allow).to_be_enabled()
    tab.answer("Allow once", about="ls")
    tab.ended()


def test_files_that_are_found_too_late_are_not_offered(
    quick: Server, memory: MemoryBackend, open_window: OpenWindow
) -> None:
    (quick.service.cwd / "readme.txt").write_text("x")
    tab = begun(quick, memory, open_window)
    memory.otherwise(text("ok"))
    files = re.compile(r"/api/chats/[^/]+/files")
    held = HeldRequests(tab.page, files)
    with tab.page.expect_request(files):
        tab.message.fill("see @read")
    tab.page.keyboard.press("Enter")
    expect(tab.log.get_by_text("ok", exact=True)).to_be_visible()
    with tab.page.expect_response(files):
        held.release()
    expect(tab.page.get_by_role("listbox")).to_have_count(0)
    tab.message.fill("see @read please")
    tab.message.evaluate("area => area.setSelectionRange(9, 9)")
    tab.page.keyboard.press("m")
    option = tab.page.get_by_role("option", name="@readme.txt")
    expect(option).to_be_visible()
    asked: list[str] = []
    tab.page.on("request", lambda request: asked.append(request.url) if files.search(request.url) else None)
    tab.page.keyboard.press("Tab")
    tab.page.keyboard.type("and ")
    expect(tab.page.get_by_role("listbox")).to_have_count(0)
    expect(tab.message).to_have_value("see @readme.txt and  please")
    assert asked == []


def test_a_chat_that_could_not_be_deleted_stays_in_sight(
    quick: Server, memory: MemoryBackend, open_window: OpenWindow
) -> None:
    tab = begun(quick, memory, open_window)

    def refuse(route: Route) -> None:
        if route.request.method == "DELETE":
            route.fulfill(status=409, json={"error": {"code": "busy", "message": "Another process writes it."}})
        else:
            route.continue_()

    tab.page.route(re.compile(r"/api/chats/[^/?]+$"), refuse)
    tab.page.on("dialog", lambda dialog: dialog.accept())
    tab.page.get_by_label("More").click()
    tab.button("Delete").click()
    expect(tab.page.get_by_role("alert")).to_contain_text("Another process writes it.")
    expect(tab.log.get_by_text("Hello.", exact=True)).to_be_visible()
    expect(tab.button("Delete")).not_to_be_visible()
