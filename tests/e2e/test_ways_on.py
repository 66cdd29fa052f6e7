"""What the page offers after a turn that was not completed: said beside it, and done by a button."""

# pyright: reportUnknownMemberType=false
from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect
from tests.e2e.conftest import Tab
from tests.e2e.serving import Server

from agent_sdk_testing import Gate, MemoryBackend, ScriptedModel, failed, http_error, text

OpenWindow = Callable[..., Any]
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


def ways(tab: Tab) -> Any:
    return tab.page.get_by_role("group", name="What to do now")


@pytest.mark.parametrize("real", ["claude", "codex"], indirect=True)
def test_a_failed_turn_is_tried_again_with_what_it_asked(
    real: tuple[Server, ScriptedModel], open_window: OpenWindow
) -> None:
    server, model = real
    model.reply(http_error(400, "No such thing.")).reply(text("It works now."))
    tab = open_window(server).tab()
    tab.say("Do the thing")
    expect(tab.page.get_by_role("alert")).to_contain_text("No such thing.")
    expect(tab.page.get_by_role("alert")).to_contain_text("Choose another model, or say it in another way.")
    tab.button("Choose a model").click()
    expect(tab.page.get_by_role("combobox", name="Model")).to_be_focused()
    tab.shot(f"failed-{server.service.backends[0]}")
    tab.button("Edit the prompt").click()
    expect(tab.message).to_have_value("Do the thing")
    expect(tab.message).to_be_focused()
    tab.page.keyboard.press("Enter")
    expect(tab.log.get_by_text("It works now.")).to_be_visible()
    expect(ways(tab)).to_have_count(0)


def test_try_again_sends_the_same_prompt_with_its_images_and_leaves_what_is_typed(
    quick: Server, memory: MemoryBackend, open_window: OpenWindow
) -> None:
    memory.reply(failed("server_error", "It broke.")).reply(failed("server_error", "And again.")).otherwise(text("ok"))
    tab = open_window(quick).tab()
    tab.page.locator("input[type=file]").set_input_files([{"name": "a.png", "mimeType": "image/png", "buffer": PNG}])
    tab.say("Look at\nthis")
    expect(tab.page.get_by_role("alert")).to_contain_text("Wait a moment and try again")
    tab.message.fill("half a thought")
    tab.button("Try again").press("Enter")
    expect(tab.log.get_by_text("And again.")).to_be_visible()
    expect(tab.message).to_be_focused()
    expect(ways(tab)).to_have_count(1)  # Of the last turn alone.
    tab.page.reload()
    tab.button("Try again").click()
    expect(tab.log.get_by_text("ok", exact=True)).to_be_visible()
    tab.ended()
    expect(ways(tab)).to_have_count(0)
    expect(tab.log.locator(".bubble")).to_have_text(["Look at\nthis"] * 3)
    expect(tab.log.get_by_role("img", name="Image 1 of the prompt")).to_have_count(3)
    expect(tab.message).to_have_value("half a thought")


def test_a_prompt_that_lies_far_up_is_sent_again_too(
    quick: Server, memory: MemoryBackend, open_window: OpenWindow
) -> None:
    gate = Gate()
    memory.reply(text("begun "), gate, failed("server_error", "It broke.")).otherwise(text("ok"))
    tab = open_window(quick).tab()
    tab.say("Begin")
    expect(tab.log.get_by_text("begun")).to_be_visible()
    (chat,) = quick.service.open_chats

    async def inform(service: Any) -> None:
        del service
        for number in range(300):
            chat.inform(f"Note {number}")

    quick.call(inform)
    gate.open()
    expect(ways(tab)).to_be_visible()
    tab.page.reload()
    expect(tab.button("Show earlier messages")).to_be_attached()
    expect(tab.log.get_by_text("Begin", exact=True)).to_have_count(0)
    tab.button("Try again").click()
    expect(tab.log.get_by_text("ok", exact=True)).to_be_visible()
    expect(tab.log.get_by_text("Begin", exact=True)).to_have_count(1)


def test_a_stopped_turn_continues(quick: Server, memory: MemoryBackend, open_window: OpenWindow) -> None:
    gate = Gate()
    memory.reply(text("one "), gate, text("two")).otherwise(text("and three"))
    tab = open_window(quick).tab()
    tab.say("Count")
    expect(tab.log.get_by_text("one")).to_be_visible()
    expect(ways(tab)).to_have_count(0)
    tab.button("Stop").click()
    expect(ways(tab).get_by_role("button")).to_have_text(["Continue", "Try again"])
    tab.shot("stopped")
    tab.button("Continue").click()
    expect(tab.log.get_by_text("and three")).to_be_visible()
    expect(tab.log.locator(".bubble").last).to_have_text("Continue.")
    gate.open()


@pytest.mark.parametrize("real", ["codex"], indirect=True)
def test_a_full_context_is_compacted(real: tuple[Server, ScriptedModel], open_window: OpenWindow) -> None:
    server, model = real
    model.reply(text("A tale.")).reply(failed("context_length_exceeded", "Too long.")).reply(text("They spoke."))
    tab = open_window(server).tab()
    tab.say("Hi")
    expect(tab.log.get_by_text("A tale.")).to_be_visible()
    tab.ended()
    tab.say("Go on")
    expect(tab.page.get_by_role("alert")).to_contain_text("Make room by compacting the conversation")
    tab.button("Compact the conversation").click()
    expect(tab.log.get_by_text("was replaced by a summary")).to_be_visible()
    tab.ended()
    expect(tab.button("Try again")).to_be_enabled()


def test_what_an_agent_cannot_do_is_not_offered(quick: Server, memory: MemoryBackend, open_window: OpenWindow) -> None:
    memory.reply(failed("context_window_exceeded", "Too long.")).otherwise(text("ok"))
    tab = open_window(quick).tab()
    tab.say("Hi")
    expect(ways(tab).get_by_role("button")).to_have_text(["Try again", "Begin a new chat"])
    tab.button("Begin a new chat").click()
    expect(tab.page.get_by_text("What shall be done?")).to_be_visible()


def test_settings_are_opened_where_a_rule_of_theirs_is_in_the_way(
    quick: Server, memory: MemoryBackend, open_window: OpenWindow
) -> None:
    memory.reply(text("x"), failed("policy_denied", "A rule forbids it.")).otherwise(text("ok"))
    tab = open_window(quick).tab()
    tab.say("Go")
    tab.button("Open the settings").click()
    expect(tab.page.get_by_role("heading", name="Settings")).to_be_visible()
