"""A store with more chats than a list shows at once: each is reached by scrolling, by keyboard and by search."""

# pyright: reportUnknownMemberType=false
from __future__ import annotations

from collections.abc import Callable
from typing import Any

from playwright.sync_api import Locator, expect
from tests.e2e.conftest import Tab
from tests.e2e.serving import Server

from agent_chat.chats.service import ChatService
from agent_chat.storage.records import ChatMeta

OpenWindow = Callable[..., Any]
COUNT = 1_000
SAID = "A needle in it."


def stored(server: Server) -> None:
    """Store chats, the first of them used last; in the oldest something was said."""

    async def fill(service: ChatService) -> None:
        now = 1_700_000_000.0
        for number in range(COUNT):
            await service.store.create_chat(
                ChatMeta(
                    f"chat-{number:04}", f"Chat {number:04}", backend="memory", last_active_at=now - number,
                    created_at=now - number, archived=number % 2 == 1 and number > 600,
                )
            )  # fmt: skip

    server.call(fill)


def links(tab: Tab) -> Locator:
    return tab.page.get_by_role("navigation", name="Chats").get_by_role("link")


def test_all_of_1000_chats_are_reached(quick: Server, open_window: OpenWindow) -> None:
    stored(quick)
    tab = open_window(quick).tab()
    expect(links(tab)).to_have_count(100)
    for count in range(200, 801, 100):
        tab.page.get_by_role("button", name="Show more chats").scroll_into_view_if_needed()
        expect(links(tab)).to_have_count(count)
    tab.page.get_by_role("checkbox", name="Archived").check()
    expect(links(tab)).to_have_count(100)
    expect(links(tab).first).to_contain_text("Chat 0601")
    tab.page.get_by_role("button", name="Show more chats").scroll_into_view_if_needed()
    expect(links(tab)).to_have_count(200)
    expect(tab.page.get_by_role("button", name="Show more chats")).to_have_count(0)
    links(tab).last.click()
    expect(tab.page.get_by_role("heading", name="Chat 0999")).to_be_visible()


def test_a_chat_far_down_is_found_by_its_title_and_by_what_was_said(quick: Server, open_window: OpenWindow) -> None:
    stored(quick)
    tab = open_window(quick).tab()
    search = tab.page.get_by_role("searchbox", name="Search chats")
    search.fill("chat 0998")
    expect(links(tab)).to_have_count(1)
    links(tab).click()
    expect(tab.page.get_by_role("heading", name="Chat 0998")).to_be_visible()
    search.fill("chat")
    expect(links(tab)).to_have_count(100)
    more = tab.page.get_by_role("button", name="Show more chats")
    more.scroll_into_view_if_needed()
    expect(links(tab)).to_have_count(200)
    search.fill("")
    expect(links(tab)).to_have_count(100)
    tab.shot("many-chats")
    quick.call(said_in_the_last)
    search.fill("needle")
    expect(links(tab)).to_have_count(1)
    expect(links(tab)).to_contain_text("A needle in it.")


async def said_in_the_last(service: ChatService) -> None:
    """Store an answer in the oldest chat, as it was told then: it does not go to the top by that."""
    chat = "chat-0998"
    message = {"type": "assistant", "uuid": "a", "message": {"id": "m", "content": [{"type": "text", "text": SAID}]}}
    await service.close_chat(chat)
    lease = await service.store.acquire(chat)
    await service.store.append(chat, [message], at=[1_600_000_000.0], lease=lease)
    await service.store.release(lease)


def test_a_long_list_is_gone_through_by_keyboard(quick: Server, open_window: OpenWindow) -> None:
    stored(quick)
    tab = open_window(quick).tab()
    expect(links(tab)).to_have_count(100)
    keyboard = tab.page.keyboard
    tab.page.get_by_role("searchbox", name="Search chats").focus()
    keyboard.press("ArrowDown")
    expect(links(tab).nth(0)).to_be_focused()
    keyboard.press("ArrowDown")
    expect(links(tab).nth(1)).to_be_focused()
    keyboard.press("Enter")
    expect(tab.page.get_by_role("heading", name="Chat 0001")).to_be_visible()
    links(tab).nth(1).focus()
    keyboard.press("End")
    expect(links(tab).nth(99)).to_be_focused()
    expect(links(tab)).to_have_count(200)
    keyboard.press("Home")
    expect(links(tab).nth(0)).to_be_focused()
    keyboard.press("ArrowUp")
    expect(tab.page.get_by_role("searchbox", name="Search chats")).to_be_focused()
    keyboard.press("Tab")
    expect(links(tab).nth(1)).to_be_focused()  # The list is one stop: the chat that is shown.
    more = tab.page.get_by_role("button", name="Show more chats")
    more.focus()
    keyboard.press("Enter")
    expect(links(tab).nth(200)).to_be_focused()
    keyboard.press("Tab")
    expect(more).to_be_focused()
    keyboard.press("Tab")
    expect(tab.page.get_by_role("checkbox", name="Archived")).to_be_focused()
