"""What is typed or attached and not sent: kept through reload and restart, in both tabs, and gone once it is sent."""

# pyright: reportUnknownMemberType=false
from __future__ import annotations

import base64
import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Dialog, Error, Locator, Request, Response, Route, expect
from tests.e2e.conftest import MakeServer, Tab
from tests.e2e.serving import Server
from tests.pages import until

from agent_sdk_testing import MemoryBackend, text

OpenWindow = Callable[..., Any]
PROMPTS = "**/api/chats/*/prompts"
DRAFT = "**/api/chats/*/draft"
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
COUNT_KEPT = """() => new Promise((done, failed) => {
    const opened = indexedDB.open("agent-sdk", 1);
    opened.onerror = failed;
    opened.onsuccess = () => {
        const asked = opened.result.transaction("images").objectStore("images").count();
        opened.result.close();
        asked.onsuccess = () => done(asked.result);
    };
})"""


KEPT_TEXT = """text => new Promise((done, failed) => {
    const opened = indexedDB.open("agent-sdk", 1);
    opened.onerror = failed;
    opened.onsuccess = () => {
        const asked = opened.result.transaction("images").objectStore("images").getAll();
        opened.result.close();
        asked.onsuccess = () => done(text ? asked.result.some(each => each.text === text) : !asked.result.length);
    };
})"""
"""Whether the browser's database keeps a text, or nothing."""

FORGETFUL = """token => {
    globalThis.agentSdk = { endpoint: location.origin, token, kept: () => null, keep: () => {} };
}"""
"""A program around the page that has forgotten, with each load, what it was given to keep."""


def keeps(count: int) -> Callable[[Response], bool]:
    """Return whether an answer is to a draft with so many images that was given to the server."""

    def does(answer: Response) -> bool:
        if answer.request.method != "PUT" or not answer.url.endswith("/draft"):
            return False
        images = json.loads(answer.request.post_data or "{}").get("images")
        return images is not None and len(images) == count

    return does


def is_text_kept(answer: Response) -> bool:
    return answer.request.method == "PUT" and answer.url.endswith("/draft")


def is_prompt(request: Request) -> bool:
    return request.url.endswith("/prompts")


def abort(route: Route) -> None:
    route.abort()


def accept(dialog: Dialog) -> None:
    dialog.accept()


def always_new(name: str) -> MemoryBackend:
    return MemoryBackend().otherwise(text(name))


def attach(tab: Tab, count: int = 1, data: bytes = PNG) -> None:
    files: Any = [{"name": f"{number}.png", "mimeType": "image/png", "buffer": data} for number in range(count)]
    tab.page.locator("input[type=file]").set_input_files(files)


def attached(tab: Tab) -> Locator:
    return tab.page.get_by_role("list", name="Attached images").get_by_role("img")


def begun(server: Server, memory: MemoryBackend, open_window: OpenWindow) -> tuple[Any, Tab]:
    """Return a window with a chat in which something was said."""
    memory.otherwise(text("ok"))
    window = open_window(server)
    tab = window.tab()
    tab.say("Hi")
    tab.ended()
    return window, tab


def test_images_of_a_draft_survive_a_reload_and_are_gone_once_sent(
    quick: Server, memory: MemoryBackend, open_window: OpenWindow
) -> None:
    window, tab = begun(quick, memory, open_window)
    tab.message.fill("Look")
    for count in (1, 2):
        with tab.page.expect_response(keeps(count)):
            attach(tab)
    expect(attached(tab)).to_have_count(2)
    tab.page.reload()
    expect(attached(tab)).to_have_count(2)
    expect(tab.message).to_have_value("Look")
    tab.shot("draft-images")
    other = window.tab(tab.page.url)
    expect(attached(other)).to_have_count(2)
    expect(other.message).to_have_value("Look")
    with other.page.expect_response(keeps(1)):
        other.button("Remove image 2").click()
    tab.page.reload()
    expect(attached(tab)).to_have_count(1)
    with other.page.expect_response(keeps(0)):
        other.button("Send").click()
    expect(other.log.locator(".prompt img")).to_have_count(1)
    expect(attached(other)).to_have_count(0)
    with tab.page.expect_response(DRAFT):
        tab.page.reload()
    expect(tab.log.locator(".prompt img")).to_have_count(1)
    expect(attached(tab)).to_have_count(0)
    expect(tab.message).to_have_value("")


def test_images_of_a_draft_survive_a_restart_and_are_seen_in_another_browser(
    quick: Server, memory: MemoryBackend, open_window: OpenWindow
) -> None:
    _, tab = begun(quick, memory, open_window)
    tab.message.fill("Look")
    with tab.page.expect_response(keeps(1)):
        attach(tab)
    quick.stop()
    quick.start()
    tab.page.reload()
    expect(attached(tab)).to_have_count(1)
    other = open_window(quick).tab()
    other.page.get_by_role("link", name="Hi").click()
    expect(attached(other)).to_have_count(1)
    expect(other.message).to_have_value("Look")


def test_images_of_a_new_chat_survive_a_reload_and_go_once_sent(
    quick: Server, memory: MemoryBackend, open_window: OpenWindow
) -> None:
    memory.otherwise(text("ok"))
    tab = open_window(quick).tab()
    attach(tab)
    expect(attached(tab)).to_have_count(1)
    until(tab.page, f"async () => await ({COUNT_KEPT})() === 1")
    tab.page.reload()
    expect(attached(tab)).to_have_count(1)
    tab.say("What is it?")
    expect(tab.log.locator(".prompt img")).to_have_count(1)
    tab.ended()
    until(tab.page, f"async () => await ({COUNT_KEPT})() === 0")
    tab.button("New chat").click()
    expect(tab.message).to_have_value("")
    attach(tab)
    expect(attached(tab)).to_have_count(1)


def test_the_text_of_a_new_chat_survives_a_program_around_the_page_that_forgets(
    quick: Server, open_window: OpenWindow
) -> None:
    window = open_window(quick)
    window.context.add_init_script(f"({FORGETFUL})({json.dumps(quick.access.token())})")
    tab: Tab = window.tab()
    tab.message.fill("not sent yet")
    until(tab.page, KEPT_TEXT, "not sent yet")
    tab.page.reload()
    expect(tab.message).to_have_value("not sent yet")
    tab.button("Send").click()
    tab.ended()
    until(tab.page, KEPT_TEXT, "")
    tab.page.goto(f"{quick.base}/")
    expect(tab.message).to_have_value("")


def test_an_image_that_could_not_be_sent_is_found_where_it_belongs(
    quick: Server, memory: MemoryBackend, open_window: OpenWindow
) -> None:
    _, tab = begun(quick, memory, open_window)
    tab.button("New chat").click()
    refused = {"error": {"code": "store", "message": "The store cannot be written."}}
    tab.page.route(PROMPTS, lambda route: route.fulfill(status=503, json=refused))
    tab.message.fill("Look")
    attach(tab)
    expect(attached(tab)).to_have_count(1)
    with tab.page.expect_response(keeps(1)):
        tab.button("Send").click()
    expect(tab.page.get_by_role("alert")).to_contain_text("The store cannot be written.")
    expect(tab.page.get_by_role("heading", name="New chat")).to_have_count(0)
    expect(attached(tab)).to_have_count(1)
    expect(tab.message).to_have_value("Look")
    tab.page.unroute(PROMPTS)
    until(tab.page, f"async () => await ({COUNT_KEPT})() === 0")
    tab.button("Send").click()
    expect(tab.log.locator(".prompt img")).to_have_count(1)
    expect(attached(tab)).to_have_count(0)


def test_no_more_images_are_attached_than_a_prompt_may_have(
    quick: Server, memory: MemoryBackend, open_window: OpenWindow, tmp_path: Path
) -> None:
    _, tab = begun(quick, memory, open_window)
    attach(tab, 11)
    expect(tab.page.get_by_text("at most 10 images")).to_be_visible()
    expect(attached(tab)).to_have_count(10)
    for _ in range(10):
        tab.button("Remove image 1").click()
    expect(attached(tab)).to_have_count(0)
    large = [tmp_path / f"{number}.png" for number in range(3)]
    for path in large:  # Read by the browser itself: through the protocol of the tests they take a minute.
        path.write_bytes(PNG + b"\0" * (6 * 2**20))
    tab.page.locator("input[type=file]").set_input_files(large)
    expect(tab.page.get_by_text("Together the images are larger")).to_be_visible()
    expect(attached(tab)).to_have_count(2)
    tab.say("Look")
    expect(tab.log.locator(".prompt img")).to_have_count(2)


FORBID = """() => {
    window.allow = () => Object.assign(IDBObjectStore.prototype, { put });
    const put = IDBObjectStore.prototype.put;
    IDBObjectStore.prototype.put = () => { throw new DOMException("The quota is exceeded.", "QuotaExceededError"); };
}"""
LEAVES = """() => dispatchEvent(new Event("beforeunload", { cancelable: true }))"""
"""Whether nothing would be asked of who leaves the page."""


def unkept(tab: Tab, what: str) -> Locator:
    return tab.page.get_by_role("status").filter(has_text=f"A draft could not be kept: {what} will be lost")


def test_images_that_the_browser_cannot_keep_stay_in_the_message_and_that_is_said(
    quick: Server, memory: MemoryBackend, open_window: OpenWindow
) -> None:
    memory.otherwise(text("ok"))
    tab = open_window(quick).tab()
    tab.page.evaluate(FORBID)
    tab.message.fill("Look")
    attach(tab, 2)
    expect(unkept(tab, "the images")).to_be_visible()
    expect(attached(tab)).to_have_count(2)
    assert not tab.page.evaluate(LEAVES)
    tab.shot("unkept")
    tab.page.evaluate("allow()")
    expect(unkept(tab, "the images")).to_have_count(0)  # It is tried again.
    assert tab.page.evaluate(f"({COUNT_KEPT})()") == 1
    assert tab.page.evaluate(LEAVES)
    tab.page.evaluate(FORBID)
    attach(tab)
    expect(unkept(tab, "the images")).to_be_visible()
    tab.button("Send").click()
    expect(tab.log.locator(".prompt img")).to_have_count(3)
    expect(attached(tab)).to_have_count(0)
    expect(unkept(tab, "the images")).to_have_count(0)


def test_images_that_the_server_cannot_keep_are_written_later(
    quick: Server, memory: MemoryBackend, open_window: OpenWindow
) -> None:
    _, tab = begun(quick, memory, open_window)
    refused = {"error": {"code": "store", "message": "The store cannot be written."}}
    tab.page.route(DRAFT, lambda route: route.fulfill(status=503, json=refused))
    attach(tab)
    expect(unkept(tab, "the images")).to_be_visible()
    expect(attached(tab)).to_have_count(1)
    with tab.page.expect_response(keeps(1)):
        tab.page.unroute(DRAFT)
    expect(unkept(tab, "the images")).to_have_count(0)
    tab.page.reload()
    expect(attached(tab)).to_have_count(1)


def test_a_text_that_nothing_keeps_is_told_of(quick: Server, open_window: OpenWindow) -> None:
    tab = open_window(quick).tab()
    tab.page.evaluate("() => { Storage.prototype.setItem = () => { throw new DOMException(); }; }")
    tab.message.fill("A new chat has no server that would keep it.")
    expect(unkept(tab, "the text")).to_be_visible()
    tab.message.fill("")
    expect(unkept(tab, "the text")).to_have_count(0)


def test_a_draft_that_was_changed_elsewhere_since_it_was_kept_is_the_newer_one(
    quick: Server, memory: MemoryBackend, open_window: OpenWindow
) -> None:
    memory.otherwise(text("ok"))
    here = open_window(quick).tab()
    here.say("Go")
    here.ended()
    with here.page.expect_response(is_text_kept):
        here.message.fill("the older")
    there = open_window(quick).tab()
    there.page.get_by_role("link", name="Go").click()
    expect(there.message).to_have_value("the older")
    with there.page.expect_response(is_text_kept):
        there.message.fill("the newer")
    here.page.reload()
    expect(here.message).to_have_value("the newer")
    here.page.route(DRAFT, abort)
    here.message.fill("the newest")
    here.page.reload()
    here.page.unroute(DRAFT)
    expect(here.message).to_have_value("the newest")


def test_what_is_attached_in_a_chat_that_is_deleted_elsewhere_goes_along(
    quick: Server, memory: MemoryBackend, open_window: OpenWindow
) -> None:
    window, tab = begun(quick, memory, open_window)
    tab.button("New chat").click()
    attach(tab)
    tab.page.get_by_role("link", name="Hi").click()
    tab.ended()
    with tab.page.expect_response(keeps(2)):
        attach(tab, 2)
    tab.message.fill("Look")
    other = window.tab()
    other.page.get_by_role("link", name="Hi").click()
    other.page.once("dialog", accept)
    other.page.get_by_label("More").click()
    other.button("Delete").click()
    expect(tab.page.get_by_text("What shall be done?")).to_be_visible()
    expect(tab.message).to_have_value("Look")
    expect(attached(tab)).to_have_count(3)
    tab.button("Send").click()
    tab.ended()
    expect(attached(tab)).to_have_count(0)


def test_a_prompt_with_images_arrives_once_though_the_server_is_started_again_meanwhile(
    make_server: MakeServer, open_window: OpenWindow
) -> None:
    quick = make_server(always_new, "memory")
    tab = open_window(quick).tab()
    tab.say("Hi")
    tab.ended()
    attach(tab)
    expect(attached(tab)).to_have_count(1)
    quick.stop()
    with tab.page.expect_event("requestfailed", is_prompt):
        tab.say("Look")
    quick.start()
    expect(tab.log.locator(".bubble").nth(1)).to_contain_text("Look")
    tab.ended()
    expect(tab.log.locator(".bubble")).to_have_count(2)
    expect(attached(tab)).to_have_count(0)


@pytest.mark.parametrize("place", ["a chat", "a new chat"])
def test_a_draft_survives_a_crash_of_the_tab(
    quick: Server, memory: MemoryBackend, open_window: OpenWindow, place: str
) -> None:
    window, tab = begun(quick, memory, open_window)
    other = window.tab()
    if place == "a chat":
        with tab.page.expect_response(keeps(1)):
            attach(tab)
        with tab.page.expect_response(is_text_kept):
            tab.message.press_sequentially("not sent yet")
    else:
        tab.button("New chat").click()
        attach(tab)
        tab.message.press_sequentially("not sent yet")
        until(other.page, f"async () => await ({COUNT_KEPT})() === 1")
        until(other.page, "text => Object.values(localStorage).includes(text)", "not sent yet")
    address = tab.page.url
    with tab.page.expect_event("crash"), suppress(Error):
        tab.page.goto("chrome://crash")
    again = window.tab(address)
    expect(again.message).to_have_value("not sent yet")
    expect(attached(again)).to_have_count(1)
    again.button("Send").click()
    expect(again.log.locator(".bubble").last).to_have_text("not sent yet")
    again.ended()
    expect(again.message).to_have_value("")
