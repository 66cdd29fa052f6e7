"""The page by keyboard alone: each control is reached by Tab or by arrows, and each action done without a mouse."""

# pyright: reportUnknownMemberType=false
from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from playwright.sync_api import Dialog, Locator, Request, expect
from tests.e2e.conftest import Tab
from tests.e2e.serving import Server

from agent_sdk_core.asking.questions import ElicitationRequest
from agent_sdk_core.messages.parse import parse_message
from agent_sdk_testing import Gate, MemoryBackend, call, reasoning, text

OpenWindow = Callable[..., Any]
STOPS: Final = 150
"""Presses of Tab after which something counts as not reached."""

CONTROLS: Final = """() => [...document.querySelectorAll("a[href], button, input, select, textarea, summary")]
    .filter(each => !each.disabled && each.checkVisibility({ visibilityProperty: true }))
    .filter(each => each.tabIndex >= 0 || !each.closest("[data-arrows], nav ul"))
    .filter(each => each.type !== "radio" || each === (document.querySelector(`[name="${each.name}"]:checked`)
        ?? document.querySelector(`[name="${each.name}"]`)))
    .map((each, number) => { each.dataset.stop = number; return each.outerHTML.slice(0, 120); })"""
FOCUSED: Final = "() => document.activeElement?.dataset.stop ?? ''"
SCHEMA: Final = {"type": "object", "properties": {"name": {"type": "string"}, "dry": {"type": "boolean"}}}


def every_control_is_reached(tab: Tab, state: str) -> None:
    """Go once around the page by Tab, past everything that can be pressed or filled."""
    controls: list[str] = tab.page.evaluate(CONTROLS)
    tab.page.evaluate("() => document.activeElement?.blur()")
    seen: set[str] = set()
    for _ in range(len(controls) + 40):
        tab.page.keyboard.press("Tab")
        seen.add(tab.page.evaluate(FOCUSED))
    left = [control for number, control in enumerate(controls) if str(number) not in seen]
    assert left == [], state


def reach(tab: Tab, place: Locator, key: str = "Enter") -> None:
    """Come to a place by Tab, and press a key there."""
    expect(place).to_be_enabled()
    for _ in range(STOPS):
        if place.evaluate("each => each === document.activeElement"):
            break
        tab.page.keyboard.press("Tab")
    expect(place).to_be_focused()
    if key:
        tab.page.keyboard.press(key)


def accept(dialog: Dialog) -> None:
    dialog.accept()


def chosen(tab: Tab, name: str, letters: str) -> None:
    """Choose in a box by the letters with which an option begins."""
    box = tab.page.get_by_role("combobox", name=name)
    reach(tab, box, "")
    tab.page.keyboard.type(letters)
    expect(box).not_to_have_value("")


def test_each_control_is_a_stop_in_each_state(quick: Server, memory: MemoryBackend, open_window: OpenWindow) -> None:
    change = {"file_path": str(quick.service.cwd / "a.txt"), "old_string": "x\ny\n", "new_string": "x\nz\n"}
    options = [{"label": "a"}, {"label": "b"}]
    gate = Gate()
    memory.on("Bash", "\n".join(map(str, range(60))))
    memory.reply(reasoning("Hm."), text("```python\nx = 1\n```\n"), call("Bash", command="ls"))
    memory.reply(call("Edit", **change)).reply(
        call("AskUserQuestion", questions=[{"question": "Q?", "options": options}])
    )
    memory.reply(text("ok")).reply(text("more "), gate, text("words")).otherwise(text("ok"))
    tab = open_window(quick).tab()
    every_control_is_reached(tab, "new")
    tab.say("Go")
    expect(tab.page.get_by_role("alertdialog", name="ls")).to_be_visible()
    every_control_is_reached(tab, "permission")
    tab.answer("Allow once", about="ls")
    expect(tab.page.get_by_role("alertdialog", name="a.txt")).to_be_visible()
    every_control_is_reached(tab, "edit")
    tab.answer("Allow once", about="a.txt")
    expect(tab.page.get_by_role("dialog", name="Q?")).to_be_visible()
    every_control_is_reached(tab, "question")
    tab.button("Decline").click()
    tab.ended()
    every_control_is_reached(tab, "done")
    tab.page.get_by_label("More").click()
    every_control_is_reached(tab, "menu")
    tab.button("Review").click()
    every_control_is_reached(tab, "review")
    tab.page.get_by_role("button", name="Tokens and cost").click()
    every_control_is_reached(tab, "usage")
    tab.button("Close tokens and cost").click()
    tab.say("On")
    tab.say("Later", by="Queue")
    expect(tab.page.get_by_role("list", name="Prompts that wait")).to_be_visible()
    every_control_is_reached(tab, "working")
    gate.open()
    tab.ended()
    tab.button("Settings").click()
    expect(tab.page.get_by_label("permission_mode", exact=True)).to_be_visible()
    every_control_is_reached(tab, "settings")


def test_a_chat_is_made_used_and_deleted_by_keyboard(
    quick: Server, memory: MemoryBackend, open_window: OpenWindow
) -> None:
    folder = quick.service.cwd
    identity = ("-c", "user.name=n", "-c", "user.email=e@e", "-c", "commit.gpgsign=false")
    (folder / "a.txt").write_text("x\ny\nw\n")
    for command in (("init", "-q"), ("add", "-A"), (*identity, "commit", "-qm", "first")):
        subprocess.run(["git", *command], cwd=folder, check=True, capture_output=True)

    def write(arguments: Any) -> str:
        del arguments
        (folder / "a.txt").write_text("x\nz\nw\n")
        return "done"

    memory.on("Edit", write)
    memory.on("Bash", "\n".join(map(str, range(60))))
    memory.reply(reasoning("Hm."), text("```python\nx = 1\n```\n"), call("Bash", command="make all"))
    memory.reply(call("Edit", file_path=str(folder / "a.txt"), old_string="x\ny\nw\n", new_string="x\nz\nw\n"))
    memory.otherwise(text("ok"))
    window = open_window(quick, permissions=["clipboard-read", "clipboard-write"])
    tab = window.tab()
    keyboard = tab.page.keyboard
    chosen(tab, "Permissions", "Ask")
    expect(tab.page.get_by_role("combobox", name="Permissions")).to_have_value("default")
    reach(tab, tab.message, "")
    keyboard.type("Change it")
    keyboard.press("Enter")
    asked = tab.page.get_by_role("alertdialog", name="make all")
    expect(asked).to_be_focused()
    expect(asked.get_by_role("button", name="Allow for this session")).to_be_enabled()
    keyboard.press("s")
    expect(tab.page.get_by_role("alertdialog", name="a.txt")).to_be_focused()
    reach(tab, tab.asking.get_by_role("button", name="Side by side"), "Space")
    expect(tab.asking.locator("td.plus")).to_contain_text("z")
    reach(tab, tab.asking.get_by_role("button", name="Unified"))
    reach(tab, tab.asking.get_by_role("button", name="Allow once"))
    tab.ended()
    # What was said and done: unfolded, copied.
    reach(tab, tab.log.get_by_role("button", name=re.compile("^Thought")))
    reach(tab, tab.button("Copy code"))
    expect(tab.button("Copied")).to_be_visible()
    card = tab.card("Bash: make all")
    reach(tab, card.get_by_role("button", name="Bash"))
    reach(tab, card.get_by_role("button", name="Show all 60 lines"))
    expect(card.get_by_label("Output")).to_contain_text("59")
    # The chat: renamed, reviewed with a comment on an unchanged line, undone.
    reach(tab, tab.button("Rename"))
    keyboard.press("ControlOrMeta+a")
    keyboard.type("By keyboard")
    keyboard.press("Enter")
    expect(tab.page.get_by_role("heading", name="By keyboard")).to_be_visible()
    reach(tab, tab.button("Review"))
    review = tab.page.get_by_role("dialog", name="Review of changes")
    expect(review).to_be_focused()
    reach(tab, review.get_by_role("button", name="Comment on removed line 2"), "")
    keyboard.press("ArrowUp")
    line = review.get_by_role("button", name="Comment on line 1", exact=True)
    expect(line).to_be_focused()
    keyboard.press("Enter")
    keyboard.type("Why x?")
    reach(tab, review.get_by_role("button", name="Put 1 comment"))
    expect(tab.message).to_have_value(re.compile("^On a.txt, line 1:"))
    expect(tab.message).to_be_focused()
    keyboard.press("Enter")
    expect(tab.log.get_by_text("ok", exact=True)).to_have_count(2)
    tab.ended()
    reach(tab, tab.page.get_by_role("button", name="Tokens and cost"), "Space")
    keyboard.press("Escape")
    reach(tab, tab.page.get_by_label("More"))
    with tab.page.expect_download() as download:
        reach(tab, tab.page.get_by_role("link", name="Export as Markdown"))
    assert "make all" in Path(download.value.path()).read_text()
    reach(tab, tab.page.get_by_label("More"))
    reach(tab, tab.button("Raw messages"))
    expect(tab.page.get_by_role("dialog", name="Raw messages")).to_be_focused()
    keyboard.press("Escape")
    # Another chat, the list, the settings, and the end of both.
    reach(tab, tab.button("New chat"))
    expect(tab.message).to_be_focused()
    chosen(tab, "Agent", "Second")
    expect(tab.page.get_by_role("combobox", name="Agent")).to_have_value("second")
    reach(tab, tab.page.get_by_role("checkbox", name="In a git worktree"), "Space")
    reach(tab, tab.page.get_by_role("searchbox", name="Search chats"), "")
    keyboard.type("keyboard")
    keyboard.press("ArrowDown")
    keyboard.press("Enter")
    expect(tab.page.get_by_role("heading", name="By keyboard")).to_be_visible()
    for menu in ("Archive", "Put back into the list"):
        reach(tab, tab.page.get_by_label("More"))
        reach(tab, tab.button(menu))
    tab.page.on("dialog", accept)
    reach(tab, tab.page.get_by_label("More"))
    reach(tab, tab.button("Delete"))
    expect(tab.page.get_by_text("What shall be done?")).to_be_visible()
    reach(tab, tab.button("Settings"))
    expect(tab.page.get_by_role("heading", name="Settings")).to_be_visible()


def test_prompts_questions_and_forms_are_handled_by_keyboard(
    quick: Server, memory: MemoryBackend, open_window: OpenWindow
) -> None:
    gate = Gate()
    options = [{"label": "red"}, {"label": "blue"}]
    memory.reply(text("\n\n".join(f"line {number}" for number in range(80)) + "\n\n"), gate, text("end"))
    memory.reply(text("joined")).reply(call("AskUserQuestion", questions=[{"question": "Which?", "options": options}]))
    memory.reply(call("ExitPlanMode", plan="# Plan\n\n1. Look\n")).reply(call("Bash", command="ls"))
    memory.otherwise(text("ok"))
    tab = open_window(quick).tab()
    keyboard = tab.page.keyboard
    expect(tab.message).to_be_focused()
    keyboard.type("Begin")
    keyboard.press("Enter")
    expect(tab.log.get_by_text("line 79")).to_be_visible()
    for words in ("two", "three"):
        keyboard.type(words)
        keyboard.press("Enter")
    waiting = tab.page.get_by_role("list", name="Prompts that wait").get_by_role("listitem")
    expect(waiting).to_have_count(2)
    reach(tab, tab.button("Edit prompt 1"))
    keyboard.press("ControlOrMeta+a")
    keyboard.type("Ask me")
    keyboard.press("Enter")
    expect(waiting.first).to_contain_text("Ask me")
    reach(tab, tab.button("Remove prompt 2"))
    expect(waiting).to_have_count(1)
    reach(tab, tab.page.get_by_role("group", name="Conversation, scrollable"), "Home")
    expect(tab.button("To the end")).to_be_visible()
    keyboard.press("End")
    expect(tab.button("To the end")).to_have_count(0)
    reach(tab, tab.message, "")
    keyboard.type("join")
    keyboard.press("ControlOrMeta+Enter")
    expect(tab.message).to_have_value("")
    gate.open()
    expect(tab.log.locator(".bubble").filter(has_text="join")).to_be_visible()
    form = tab.page.get_by_role("dialog", name="Which?")
    expect(form).to_be_focused()
    reach(tab, form.get_by_role("radio", name="red"), "ArrowDown")
    expect(form.get_by_role("radio", name="blue")).to_be_checked()
    reach(tab, form.get_by_role("button", name="Answer"))
    plan = tab.page.get_by_role("alertdialog", name="carry out this plan")
    expect(plan).to_be_focused()
    expect(plan.get_by_role("button", name="Deny", exact=True)).to_be_enabled()
    keyboard.press("y")
    asked = tab.page.get_by_role("alertdialog", name="ls")
    expect(asked).to_be_focused()
    (chat,) = quick.service.open_chats
    tell_form(quick, chat)
    expect(asked.get_by_role("button", name="Deny and stop")).to_be_enabled()
    keyboard.press("x")
    other = tab.page.get_by_role("dialog", name="deployments asks")
    expect(other).to_be_focused()
    answered: list[str] = []

    def note(sent: Request) -> None:
        if "/requests/" in sent.url:
            answered.append(sent.post_data or "")

    tab.page.on("request", note)
    reach(tab, other.get_by_role("textbox", name="name"), "")
    keyboard.type("staging")
    reach(tab, other.get_by_role("checkbox", name="dry"), "Space")
    with tab.page.expect_request("**/requests/form"):
        reach(tab, other.get_by_role("button", name="Accept"))
    assert '"content":{"name":"staging","dry":true}' in answered[-1]


def tell_form(server: Server, chat: Any) -> None:
    """Have an MCP server ask for something."""
    form = ElicitationRequest(message="Where?", server="deployments", schema=SCHEMA, request_id="form")
    message = {"type": "system", "subtype": "request_opened", "request_id": "form", "kind": "elicitation"}

    async def tell(service: Any) -> None:
        del service
        chat.take(parse_message({**message, "request": form.to_wire()}))

    server.call(tell)


def test_stop_is_pressed_by_keyboard(quick: Server, memory: MemoryBackend, open_window: OpenWindow) -> None:
    gates = [Gate(), Gate()]
    memory.reply(text("one "), gates[0], text("x")).reply(text("two "), gates[1], text("x"))
    tab = open_window(quick).tab()
    expect(tab.message).to_be_focused()
    for word, by in (("one", "Escape"), ("two", "button")):
        tab.page.keyboard.type("Go")
        tab.page.keyboard.press("Enter")
        expect(tab.log.get_by_text(word)).to_be_visible()
        if by == "Escape":
            tab.page.keyboard.press("Escape")
        else:
            reach(tab, tab.button("Stop"))
        tab.ended()
        tab.message.focus()
    for gate in gates:
        gate.open()
    expect(tab.log.locator(".ending", has_text="Stopped")).to_have_count(2)
