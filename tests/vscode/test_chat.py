"""The chat in one window of VS Code with each real agent: streamed, approved, changed, stopped, switched, reloaded."""

# pyright: reportUnknownMemberType=false
from __future__ import annotations

import base64
import os
import re
import signal
from typing import Any

import pytest
from playwright.sync_api import expect
from tests.pages import until
from tests.vscode.conftest import Window, git, server_of

from agent_sdk_testing import Gate, ScriptedModel, edit_file, run_command, text

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
IMAGE: Any = {"name": "a.png", "mimeType": "image/png", "buffer": PNG}
KEPT = """async () => {
    const drafts = () => new Promise((done, failed) => {
        const opened = indexedDB.open("agent-sdk", 1);
        opened.onerror = failed;
        opened.onsuccess = () => {
            const asked = opened.result.transaction("images").objectStore("images").getAll();
            opened.result.close();
            asked.onsuccess = () => done(asked.result);
        };
    });
    const whole = draft => draft.images.length === 1 && draft.text === "of a new chat";
    while (!(await drafts()).some(whole)) await new Promise(requestAnimationFrame);
}"""
"""Waits until the page keeps text and image of a new chat."""

EDITORS = """async words => {
    for (const { name } of await indexedDB.databases()) {
        if (!name.startsWith("vscode-web-state-db-")) continue;
        const values = await new Promise((done, failed) => {
            const opened = indexedDB.open(name);
            opened.onerror = failed;
            opened.onsuccess = () => {
                const asked = opened.result.transaction("ItemTable").objectStore("ItemTable").getAll();
                opened.result.close();
                asked.onsuccess = () => done(asked.result);
            };
        });
        if (values.some(value => String(value).includes(words))) return true;
    }
    return false;
}"""
"""Whether VS Code keeps words of this window: in a browser it writes what is open every few seconds, not at the end."""

BOTH = pytest.mark.parametrize("agent", ["claude", "codex"])


@pytest.fixture
def window(shared: tuple[Window, ScriptedModel]) -> Window:
    """The window of the tests of this file, which leave no turn behind that runs."""
    return shared[0]


@pytest.fixture
def model(shared: tuple[Window, ScriptedModel]) -> ScriptedModel:
    return shared[1]


@BOTH
def test_a_turn_streams_is_approved_and_its_changes_are_shown_before_and_opened_after(
    window: Window, model: ScriptedModel, agent: str
) -> None:
    gate = Gate()
    model.reply(text("I look ", gate, "**first**."), run_command("echo hello > made.txt", escalate=True))
    model.reply(edit_file(window.folder / "a.txt", "two", "three")).reply(text("All `done`."))
    window.choose_agent(agent)
    window.say("Please do it")
    expect(window.log.get_by_text("I look")).to_be_visible()
    gate.open()
    expect(window.log.locator("strong", has_text="first")).to_be_visible()
    expect(window.asking).to_contain_text("echo hello > made.txt")
    expect(window.status).to_contain_text("waits for you")
    window.shot(f"asking-{agent}")
    window.button("Allow once").click()
    expect(window.chat.get_by_role("alertdialog", name="a.txt")).to_be_visible()
    diff = window.page.locator(".tab", has_text="a.txt: ")
    expect(diff).to_have_count(1)
    expect(window.page.locator(".monaco-diff-editor .line-insert").first).to_be_visible()
    expect(window.page.locator(".monaco-diff-editor .view-line", has_text="three").first).to_be_visible()
    window.shot(f"diff-{agent}")
    assert (window.folder / "a.txt").read_text() == "one\ntwo\n", "it is shown before it is done"
    window.button("Allow once").click()
    expect(window.log.locator("code", has_text="done")).to_be_visible()
    expect(diff).to_have_count(0)
    expect(window.page.locator('.tab[data-resource-name="a.txt"]')).to_have_count(1)
    expect(window.chat.get_by_role("article", name="Edit: a.txt")).to_be_visible()
    expect(window.status).to_contain_text(f"{agent.capitalize()} · ")
    expect(window.status).to_contain_text("ready")
    assert (window.folder / "made.txt").read_text() == "hello\n"
    assert (window.folder / "a.txt").read_text() == "one\nthree\n"
    window.shot(f"turn-{agent}")


def test_keys_approve_deny_and_stop(window: Window, model: ScriptedModel) -> None:
    for name in ("1", "2"):
        model.reply(run_command(f"echo {name} > made-{name}.txt", escalate=True))
    gate = Gate()
    model.reply(text("Well ", gate, "then."))
    window.choose_agent("claude")
    window.say("Go")
    expect(window.asking).to_contain_text("made-1")
    window.press("Control+Alt+a", "y")
    expect(window.asking).to_contain_text("made-2")
    window.press("Control+Alt+a", "d")
    expect(window.asking).to_have_count(0)
    expect(window.log.get_by_text("Well")).to_be_visible()
    window.press("Control+Alt+a", "s")
    expect(window.log.locator(".ending", has_text="Stopped")).to_be_visible()
    gate.open()
    assert (window.folder / "made-1.txt").exists()
    assert not (window.folder / "made-2.txt").exists()


def test_a_notification_tells_of_a_request_while_no_chat_is_in_sight_and_answers_it(
    window: Window, model: ScriptedModel
) -> None:
    gate = Gate()
    model.reply(text("I will ", gate, "ask."), run_command("echo hello > made.txt", escalate=True)).reply(
        text("Thanks")
    )
    window.choose_agent("claude")
    window.say("Go")
    expect(window.log.get_by_text("I will")).to_be_visible()
    window.page.locator('.activitybar a[aria-label^="Explorer"]').click()
    gate.open()
    expect(window.toast).to_contain_text("echo hello > made.txt")
    window.shot("notification")
    window.toast.get_by_role("button", name="Allow once").click()
    window.open()
    expect(window.log.get_by_text("Thanks")).to_be_visible()
    assert (window.folder / "made.txt").read_text() == "hello\n"


def test_backend_and_model_are_switched_by_commands(window: Window, model: ScriptedModel) -> None:
    model.reply(text("I am the first.")).reply(text("I am the second."))
    window.choose_agent("claude")
    window.say("Who?")
    expect(window.log.get_by_text("I am the first.")).to_be_visible()
    expect(window.status).to_contain_text("ready")
    window.command("Agents: Switch Agent")
    window.pick("Codex")
    expect(window.status).to_contain_text("Codex")
    window.command("Agents: Switch Model")
    rows = window.page.locator(".quick-input-list .monaco-list-row")
    expect(rows.nth(1)).to_be_visible()
    rows.nth(1).click()
    window.say("And you?")
    expect(window.log.get_by_text("I am the second.")).to_be_visible()
    assert model.requests[-1].path.endswith("/responses"), "the other agent has asked"


SELECTED = "@a.txt lines 1-2:\n```plaintext\none\ntwo\n```\n"


def test_the_editor_adds_selection_and_file(window: Window) -> None:
    window.open_file("a.txt")
    window.page.locator(".editor-instance .view-line", has_text="two").click()
    window.press("Control+a", "Control+Alt+a", "a")
    expect(window.message).to_have_value(SELECTED)
    window.command("Agents: Add File to Chat")
    expect(window.message).to_have_value(f"{SELECTED}\n\n@a.txt ")


def test_the_editor_adds_the_problems_of_a_file(window: Window) -> None:
    window.open_file("broken.json")
    problems = window.page.locator('[id="status.problems"]')
    expect(problems).to_have_attribute("aria-label", "Errors: 1")
    window.command("Agents: Add Problems of This File to Chat")
    expect(window.message).to_have_value("Problems in @broken.json:\n- line 3: error: json: Expected comma\n")
    window.open_file("a.txt")
    window.command("Agents: Add Problems of This File to Chat")
    expect(window.toast.first).to_contain_text("This file has no problems.")


def test_the_editor_adds_what_git_sees_as_changed(window: Window) -> None:
    git(window.folder, "add", "-A")
    git(window.folder, "commit", "-qm", "first")
    (window.folder / "a.txt").write_text("one\nthree\n")
    (window.folder / "b.txt").write_text("new\n")
    git(window.folder, "add", "b.txt")
    window.command("Agents: Add Git Changes to Chat")
    expect(window.message).to_have_value(re.compile("^The uncommitted changes:\n```diff\n"))
    added = window.message.input_value()
    assert "+new" in added, "what is staged"
    assert "-two\n+three" in added, "what is not"
    git(window.folder, "add", "-A")
    git(window.folder, "commit", "-qm", "second")
    window.message.fill("")
    window.command("Agents: Add Git Changes to Chat")
    expect(window.toast.first).to_contain_text("Git sees no changes here.")


def test_files_are_completed(window: Window, model: ScriptedModel) -> None:
    model.reply(text("Yes?"))
    window.choose_agent("claude")
    window.say("Hi")
    expect(window.log.get_by_text("Yes?")).to_be_visible()
    window.message.click()
    window.page.keyboard.type("look at @a.t")
    expect(window.chat.get_by_role("option", name="@a.txt")).to_be_visible()
    window.press("Enter")
    expect(window.message).to_have_value("look at @a.txt ")


def test_keys_of_the_editor_work_in_the_page_and_a_tab_shows_the_same_chat(
    window: Window, model: ScriptedModel
) -> None:
    model.reply(text("Said once."))
    window.choose_agent("claude")
    window.say("Hi")
    expect(window.log.get_by_text("Said once.")).to_be_visible()
    window.message.click()
    window.press("F1")
    expect(window.page.locator(".quick-input-widget input").first).to_be_visible()
    window.press("Escape")
    window.press("Control+Alt+a", "c")
    expect(window.page.locator(".part.sidebar")).not_to_be_visible()
    window.command("Agents: Open Chat in Editor")
    tab = window.page.locator(".tab", has_text="Chat")
    expect(tab).to_have_count(1)
    expect(window.log.get_by_text("Said once.")).to_be_visible()
    window.shot("tab")


def test_it_is_closed_with_a_word_when_a_chat_is_deleted(window: Window, model: ScriptedModel) -> None:
    model.reply(text("Soon gone."))
    window.choose_agent("claude")
    window.say("Hi")
    expect(window.log.get_by_text("Soon gone.")).to_be_visible()
    window.chat.get_by_label("More").click()
    window.button("Delete").click()
    window.page.locator(".monaco-dialog-box").get_by_role("button", name="Delete").click()
    expect(window.chat.get_by_role("heading", name="New chat")).to_be_visible()


def test_a_report_of_a_problem_holds_versions_and_no_secret(window: Window) -> None:
    window.command("Agents: Report a Problem")
    lines = window.page.locator(".editor-instance .view-lines")
    expect(lines).to_contain_text("A problem with the chat")
    expect(lines).to_contain_text("agent-sdk:")
    window.shot("report")
    window.command("File: Revert File")
    window.command("View: Revert and Close Editor")


def test_a_reload_restores_chat_request_and_draft(window: Window, model: ScriptedModel) -> None:
    model.reply(text("Before the reload."), run_command("echo hello > made.txt", escalate=True)).reply(text("Thanks"))
    window.choose_agent("claude")
    window.say("Go")
    expect(window.asking).to_contain_text("echo hello > made.txt")
    window.message.fill("a draft")
    with window.page.expect_response(lambda told: told.request.method == "PUT" and told.url.endswith("/draft")):
        window.chat.locator("input[type=file]").set_input_files(IMAGE)
    server = server_of(window)
    window.reload()
    expect(window.log.get_by_text("Before the reload.")).to_be_visible()
    expect(window.asking).to_contain_text("echo hello > made.txt")
    expect(window.message).to_have_value("a draft")
    expect(window.chat.get_by_role("img", name="Attached image 1")).to_be_visible()
    assert server_of(window) == server, "the server goes on, and with it what waits"
    window.button("Allow once").click()
    expect(window.log.get_by_text("Thanks")).to_be_visible()
    assert (window.folder / "made.txt").read_text() == "hello\n"


def test_a_reload_restores_text_and_images_of_a_new_chat(window: Window) -> None:
    expect(window.chat.get_by_text("What shall be done?")).to_be_visible()
    window.message.fill("of a new chat")
    window.chat.locator("input[type=file]").set_input_files(IMAGE)
    image = window.chat.get_by_role("img", name="Attached image 1")
    expect(image).to_be_visible()
    window.chat.locator("body").evaluate(KEPT)
    window.reload()
    expect(image).to_be_visible()
    expect(window.message).to_have_value("of a new chat")
    window.message.fill("")
    window.button("Remove image 1").click()
    expect(image).to_have_count(0)


def test_a_reload_restores_the_chat_in_a_tab(window: Window, model: ScriptedModel) -> None:
    model.reply(text("Before the reload."), run_command("echo hello > made.txt", escalate=True)).reply(text("Thanks"))
    window.choose_agent("claude")
    window.say("Go")
    expect(window.asking).to_contain_text("echo hello > made.txt")
    window.command("View: Close Primary Side Bar")
    expect(window.page.locator(".part.sidebar")).not_to_be_visible()
    window.command("Agents: Open Chat in Editor")
    expect(window.log.get_by_text("Before the reload.")).to_be_visible()
    window.message.fill("a draft in a tab")
    until(window.page, EDITORS, "a draft in a tab")
    window.reload()
    expect(window.page.locator(".part.sidebar")).not_to_be_visible()
    expect(window.page.locator(".tab", has_text="Chat")).to_have_count(1)
    expect(window.log.get_by_text("Before the reload.")).to_be_visible()
    expect(window.asking).to_contain_text("echo hello > made.txt")
    expect(window.message).to_have_value("a draft in a tab")
    window.shot("tab-restored")
    window.button("Allow once").click()
    expect(window.log.get_by_text("Thanks")).to_be_visible()
    assert (window.folder / "made.txt").read_text() == "hello\n"


def test_a_server_that_is_killed_comes_back_with_a_word(window: Window, model: ScriptedModel) -> None:
    model.reply(text("The first.")).reply(text("The second."))
    window.choose_agent("claude")
    window.say("One")
    expect(window.log.get_by_text("The first.")).to_be_visible()
    expect(window.status).to_contain_text("ready")
    first = server_of(window)
    os.kill(first, signal.SIGKILL)
    # A server that an earlier window had started is held by a socket, which does not tell how it ended.
    expect(window.toast.first).to_contain_text(re.compile("was started again: it (was ended by SIGKILL|is gone)"))
    assert server_of(window) != first
    expect(window.log.get_by_text("The first.")).to_be_visible()
    window.say("Two")
    expect(window.log.get_by_text("The second.")).to_be_visible()
