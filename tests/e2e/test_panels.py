"""What lies beside and over the conversation: panels, the list on a phone, forms that are longer than the window."""

# pyright: reportUnknownMemberType=false
from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Dialog, expect
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
    expect(tab.page.get_by_role("dialog", name="Review of changes")).to_be_focused()
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


WIDE = """area => [...area.querySelectorAll('*')].filter(
    each => each.getBoundingClientRect().right > area.getBoundingClientRect().right + 1 && !each.closest('pre, .diff')
        && getComputedStyle(each).display !== 'inline' && getComputedStyle(each.parentElement).overflowX !== 'hidden'
).map(each => each.outerHTML.slice(0, 80))"""


def test_words_that_are_longer_than_the_page_are_broken(
    quick: Server, memory: MemoryBackend, open_window: OpenWindow
) -> None:
    word = "w" * 600
    memory.reply(
        text(f"# {word}\n\n- {word}\n\n`{word}`\n\n> {word}\n"),
        call("TodoWrite", todos=[{"content": word, "status": "in_progress"}, {"content": "b", "status": "pending"}]),
    )
    options = [{"label": word, "description": word}, {"label": "b"}]
    memory.reply(call("AskUserQuestion", questions=[{"question": word, "header": word, "options": options}]))
    memory.otherwise(text("ok"))
    tab = open_window(quick).tab()
    tab.page.get_by_role("combobox", name="Permissions").select_option("bypass")
    tab.say(word)
    form = tab.page.get_by_role("dialog", name=word)
    expect(form).to_be_visible()
    for width in (1280, 390):
        tab.page.set_viewport_size({"width": width, "height": 860})
        assert form.evaluate(WIDE) == []
        assert tab.log.evaluate(WIDE) == []
    tab.button("Decline").click()
    tab.ended()


def test_a_low_window_shows_what_would_be_done(quick: Server, memory: MemoryBackend, open_window: OpenWindow) -> None:
    memory.reply(call("Bash", command="\n".join(f"echo {number}" for number in range(30)))).otherwise(text("ok"))
    tab = open_window(quick, viewport={"width": 640, "height": 430}).tab()  # As at 200 % of a small screen.
    tab.say("Go")
    shown = tab.asking.get_by_role("group", name="What would happen").bounding_box()
    assert shown is not None
    assert shown["height"] > 100
    for name in ("Allow once", "Deny and stop"):
        expect(tab.asking.get_by_role("button", name=name, exact=True)).to_be_in_viewport(ratio=1)
    tab.answer("Deny", about="echo 0")
    tab.ended()


def accept(dialog: Dialog) -> None:
    dialog.accept()


def test_a_chat_that_is_deleted_elsewhere_leaves_what_was_typed(
    quick: Server, memory: MemoryBackend, open_window: OpenWindow
) -> None:
    memory.otherwise(text("ok"))
    tab = open_window(quick).tab()
    tab.say("Hi")
    tab.ended()
    tab.message.fill("half a thought")
    (chat,) = quick.service.open_chats
    quick.call(lambda service: service.delete(chat.id))
    expect(tab.page.get_by_text("What shall be done?")).to_be_visible()
    expect(tab.page.get_by_role("alert")).to_contain_text("This chat is not there any more.")
    expect(tab.message).to_have_value("half a thought")
    tab.say("half a thought")
    tab.ended()
    tab.page.once("dialog", accept)
    tab.page.get_by_label("More").click()
    tab.button("Delete").click()
    expect(tab.page.get_by_text("What shall be done?")).to_be_visible()
    expect(tab.message).to_have_value("")
    expect(tab.page.get_by_role("alert")).to_have_count(0)


def test_the_conversation_is_printed_as_a_whole(quick: Server, memory: MemoryBackend, open_window: OpenWindow) -> None:
    memory.reply(text("\n\n".join(f"line {number}" for number in range(120)))).otherwise(text("ok"))
    tab = open_window(quick).tab()
    tab.say("Go")
    tab.ended()
    tab.page.emulate_media(media="print")
    assert tab.page.evaluate("document.documentElement.scrollHeight") > 2_000
    expect(tab.message).not_to_be_visible()
    expect(tab.button("New chat")).not_to_be_visible()
