"""What lies beside and over the conversation: panels, the list on a phone, forms that are longer than the window."""

# pyright: reportUnknownMemberType=false
from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect
from tests.e2e.conftest import Tab
from tests.e2e.serving import Server

from agent_sdk_testing import MemoryBackend, call, text

OpenWindow = Callable[..., Any]
EDIT = {"file_path": "/w/a.txt", "old_string": "x\ny", "new_string": "x\nz"}


@pytest.fixture
def tab(quick: Server, memory: MemoryBackend, open_window: OpenWindow) -> Tab:
    """A chat in which a file was changed."""
    memory.reply(call("Edit", **EDIT)).otherwise(text("ok"))
    tab = open_window(quick).tab()
    tab.say("Go")
    tab.answer("Allow once", about="a.txt")
    tab.ended()
    return tab


def test_one_panel_is_open_at_a_time_and_escape_closes_it(tab: Tab) -> None:
    panels = tab.page.locator(".review")
    review = tab.button("Review")
    review.click()
    expect(tab.page.get_by_role("dialog", name="Review of changes")).to_be_focused()
    tab.page.get_by_role("button", name="Tokens and cost").click()
    expect(panels).to_have_count(1)
    expect(tab.page.get_by_role("dialog", name="Tokens and cost")).to_be_visible()
    review.focus()
    tab.page.keyboard.press("Enter")
    tab.page.keyboard.press("Escape")
    expect(panels).to_have_count(0)
    expect(review).to_be_focused()


def test_comments_that_are_not_sent_are_there_when_the_review_is_opened_again(tab: Tab) -> None:
    comment = tab.page.get_by_role("textbox", name="Comment on /w/a.txt")
    tab.button("Review").click()
    comment.fill("Why so?")
    comment.press("Escape")
    expect(comment).to_have_count(0)
    tab.page.reload()
    tab.button("Review").click()
    expect(comment).to_have_value("Why so?")
    tab.button("Send 1 comment").click()
    expect(tab.log.locator(".bubble").last).to_have_text("On /w/a.txt:\nWhy so?")
    tab.ended()
    tab.button("Review").click()
    expect(comment).to_have_value("")


@pytest.mark.parametrize("by", ["Escape", "a tap beside it"])
def test_the_list_of_a_phone_is_closed(quick: Server, open_window: OpenWindow, by: str) -> None:
    tab = open_window(quick, viewport={"width": 390, "height": 800}).tab()
    menu = tab.button("Chats")
    new = tab.button("New chat")
    expect(new).not_to_be_visible()
    menu.click()
    expect(new).to_be_visible()
    if by == "Escape":
        tab.page.keyboard.press("Escape")
        expect(menu).to_be_focused()
    else:
        tab.page.mouse.click(380, 400)
    expect(new).not_to_be_visible()


@pytest.mark.parametrize("width", [1280, 390])
def test_the_answers_to_many_questions_are_in_sight(
    quick: Server, memory: MemoryBackend, open_window: OpenWindow, width: int
) -> None:
    options = [{"label": f"Choice {number}", "description": "What it means"} for number in range(4)]
    asked = [{"question": f"Question {number}?", "header": "h", "options": options} for number in range(4)]
    memory.reply(call("AskUserQuestion", questions=asked)).otherwise(text("ok"))
    tab = open_window(quick, viewport={"width": width, "height": 700}).tab()
    tab.say("Ask")
    form = tab.page.get_by_role("dialog", name="Question 0?")
    for name in ("Answer", "Decline"):
        expect(form.get_by_role("button", name=name, exact=True)).to_be_in_viewport(ratio=1)
    tab.shot(f"questions-{width}")
    for number in range(4):
        form.get_by_role("group", name=f"Question {number}?").get_by_role("radio", name="Choice 3").check()
    form.get_by_role("button", name="Answer", exact=True).click()
    expect(form).to_have_count(0)
    tab.ended()


def test_a_request_that_shows_its_arguments_is_named_by_its_tool(
    quick: Server, memory: MemoryBackend, open_window: OpenWindow
) -> None:
    memory.reply(call("Arrange", things=["a", "b"])).otherwise(text("ok"))
    tab = open_window(quick).tab()
    tab.say("Go")
    expect(tab.asking).to_have_accessible_name(re.compile(r"use Arrange: Arrange$"))
    tab.answer("Deny", about="Arrange")
