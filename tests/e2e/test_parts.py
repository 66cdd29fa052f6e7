"""Parts of the page one by one: code, output, plans, what is attached, commands, raw messages, exports, scrolling."""

# pyright: reportUnknownMemberType=false
from __future__ import annotations

import base64
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Response, expect
from tests.e2e.conftest import Tab, Window
from tests.e2e.serving import Server

from agent_chat.web.bundle import SOURCES
from agent_sdk_core.asking.questions import Question, QuestionRequest
from agent_sdk_core.messages.parse import parse_message
from agent_sdk_testing import Gate, MemoryBackend, ScriptedModel, call, reasoning, text

OpenWindow = Callable[..., Any]
BOTH = pytest.mark.parametrize("real", ["claude", "codex"], indirect=True)
DATA = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
GIVEN = """([kind, target]) => {
    const bytes = Uint8Array.from(atob("DATA"), (sign) => sign.charCodeAt(0));
    const given = new DataTransfer();
    given.items.add(new File([bytes], "a.png", { type: "image/png" }));
    const place = document.querySelector(target);
    const more = { bubbles: true, cancelable: true };
    place.dispatchEvent(
        kind === "paste" ? new ClipboardEvent("paste", { clipboardData: given, ...more })
                         : new DragEvent("drop", { dataTransfer: given, ...more }));
}""".replace("DATA", DATA)


def test_buttons_fields_and_regions_have_their_names(
    quick: Server, memory: MemoryBackend, open_window: OpenWindow
) -> None:
    gate = Gate()
    memory.reply(call("Bash", command="ls -l")).reply(text("a"), gate).otherwise(text("ok"))
    tab = open_window(quick).tab()
    page = tab.page
    for name in ("Agent", "Model", "Effort", "Permissions"):
        expect(page.get_by_role("combobox", name=name, exact=True)).to_be_visible()
    expect(page.get_by_role("textbox", name="Message", exact=True)).to_be_focused()
    for name in ("Send", "New chat"):
        expect(tab.button(name)).to_be_visible()
    tab.say("Go")
    asked = page.get_by_role("alertdialog", name=re.compile("ls -l"))
    for name in ("Allow once", "Allow for this session", "Deny", "Deny and stop"):
        expect(asked.get_by_role("button", name=name, exact=True)).to_be_visible()
    for name in ("Stop", "Queue", "Steer"):
        expect(tab.button(name)).to_be_visible()
    expect(page.get_by_role("log", name="Conversation", exact=True)).to_be_visible()
    for name in ("Agent", "Model", "Effort", "Permissions"):
        expect(page.get_by_role("combobox", name=name, exact=True)).to_be_visible()
    tab.answer("Allow once", about="ls -l")
    expect(page.get_by_role("article", name="Bash: ls -l", exact=True)).to_be_visible()
    gate.open()
    tab.ended()


def test_code_is_coloured_and_copied(quick: Server, memory: MemoryBackend, open_window: OpenWindow) -> None:
    code = "def f(x):\n    return 'it'\n"
    memory.reply(text(f"Here:\n\n```python\n{code}```\n"))
    window: Window = open_window(quick, permissions=["clipboard-read", "clipboard-write"])
    tab = window.tab()
    tab.say("Go")
    expect(tab.log.locator(".hljs-keyword").first).to_have_text("def")
    tab.button("Copy code").click()
    expect(tab.button("Copied")).to_be_visible()
    assert tab.page.evaluate("navigator.clipboard.readText()") == code.removesuffix("\n")


def test_thoughts_are_folded_and_say_how_they_begin(
    quick: Server, memory: MemoryBackend, open_window: OpenWindow
) -> None:
    memory.reply(reasoning("First this.\n\nThen **that**."), text("ok"))
    tab = open_window(quick).tab()
    tab.say("Go")
    tab.ended()
    fold = tab.log.get_by_role("button", name=re.compile("^Thought First this. Then that"))
    expect(fold).to_have_attribute("aria-expanded", "false")
    expect(tab.log.locator("strong", has_text="that")).to_have_count(0)
    fold.press("Enter")
    expect(tab.log.locator("strong", has_text="that")).to_be_visible()


def test_a_running_tool_shows_its_output_and_a_result_its_images(quick: Server, open_window: OpenWindow) -> None:
    tab = open_window(quick).tab()
    chat = quick.call(lambda service: service.create())
    tab.page.evaluate(f"location.hash = '#/chat/{chat.id}'")
    expect(tab.page.get_by_text("Nothing was said here yet.")).to_be_visible()

    used = {"type": "tool_use", "id": "t", "name": "Bash", "input": {"command": "make"}}
    quick.tell(
        chat,
        {"type": "assistant", "uuid": "a", "message": {"id": "m", "content": [used]}},
        {"type": "tool_progress", "tool_use_id": "t", "tool_name": "Bash", "output": "line 1\nline 2\n"},
    )
    card = tab.card("Bash: make")
    expect(card.get_by_label("Output")).to_contain_text("line 2")
    expect(card.get_by_role("img", name="running")).to_be_visible()
    expect(card).to_have_attribute("aria-busy", "true")
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": DATA}}
    result = {"type": "tool_result", "tool_use_id": "t", "content": [{"type": "text", "text": "made"}, image]}
    quick.tell(chat, {"type": "user", "uuid": "b", "message": {"role": "user", "content": [result]}})
    expect(card.get_by_role("img", name="done")).to_be_visible()
    card.get_by_role("button", name="Bash").first.click()
    expect(card.get_by_label("Output")).to_contain_text("made")
    expect(card.get_by_role("img", name="Image 1 of the result")).to_be_visible()


def test_a_list_of_steps_stands_above_the_composer_until_it_is_done(
    quick: Server, memory: MemoryBackend, open_window: OpenWindow
) -> None:
    gate = Gate()

    def steps(*states: str) -> Any:
        return call("TodoWrite", todos=[{"content": f"Step {n}", "status": s} for n, s in enumerate(states, 1)])

    memory.reply(steps("completed", "in_progress")).reply(text("a"), gate, text("b"))
    memory.otherwise(text("ok"))
    tab = open_window(quick).tab()
    tab.page.get_by_role("combobox", name="Permissions").select_option("bypass")
    tab.say("Go")
    plan = tab.page.locator(".plan")
    expect(plan).to_contain_text("Plan: 1 of 2 done · Step 2")
    expect(tab.log.get_by_role("listitem").filter(has_text="Step 1")).to_contain_text("(done)")
    gate.open()
    tab.ended()


def test_requests_wait_in_a_line_with_a_count(quick: Server, memory: MemoryBackend, open_window: OpenWindow) -> None:
    memory.reply(call("Bash", command="ls")).otherwise(text("ok"))
    tab = open_window(quick).tab()
    tab.say("Go")
    expect(tab.asking).to_be_visible()
    (chat,) = quick.service.open_chats

    async def tell_another(service: Any) -> None:
        del service
        asked = QuestionRequest((Question("Which one?"),), request_id="other")
        message = {"type": "system", "subtype": "request_opened", "request_id": "other", "kind": "question"}
        chat.take(parse_message({**message, "request": asked.to_wire()}))

    quick.call(tell_another)
    expect(tab.page.get_by_text("1 of 2 that wait for an answer")).to_be_visible()
    tab.answer("Deny", about="ls")
    expect(tab.page.get_by_role("dialog", name="Which one?")).to_be_visible()


@pytest.mark.parametrize("real", ["claude"], indirect=True)
def test_commands_of_the_agent_are_completed(real: tuple[Server, ScriptedModel], open_window: OpenWindow) -> None:
    server, model = real
    model.otherwise(text("ok"))
    tab = open_window(server).tab()
    tab.say("Hi")
    tab.ended()
    commands = [each.to_wire() for each in server.call(lambda service: service.open_chats[0].commands())]
    name = next(str(each["name"]) for each in commands if each.get("kind") != "skill" and each["name"] != "compact")
    tab.message.press_sequentially(f"/{name}")
    expect(tab.page.get_by_role("listbox", name="Completions")).to_be_visible()
    tab.shot("commands")
    heights = tab.page.get_by_role("option").evaluate_all("all => all.map(each => each.offsetHeight)")
    assert max(heights) < 32, "each has one line"
    tab.page.get_by_role("option", name=f"/{name}").first.click()
    expect(tab.message).to_have_value(re.compile(rf"^/{name}\S* $"))


@BOTH
def test_commands_of_the_page_are_there_with_every_agent(
    real: tuple[Server, ScriptedModel], open_window: OpenWindow
) -> None:
    server, model = real
    model.reply(text("A tale.")).reply(text("<summary>They spoke.</summary>")).otherwise(text("ok"))
    tab = open_window(server).tab()
    tab.say("Hi")
    expect(tab.log.get_by_text("A tale.")).to_be_visible()
    tab.ended()
    tab.message.press_sequentially("/comp")
    expect(tab.page.get_by_role("option", name="/compact")).to_have_count(1)
    tab.page.keyboard.press("Tab")
    expect(tab.message).to_have_value("/compact ")
    tab.page.keyboard.press("Enter")
    expect(tab.log.get_by_text("was replaced by a summary")).to_be_visible()
    tab.ended()
    expect(tab.message).to_have_value("")
    tab.say("/new")
    expect(tab.page.get_by_text("What shall be done?")).to_be_visible()
    expect(tab.message).to_have_value("")


@pytest.mark.parametrize(("kind", "target"), [("paste", "textarea"), ("drop", "form.composer")])
def test_an_image_is_pasted_or_dropped(quick: Server, open_window: OpenWindow, kind: str, target: str) -> None:
    tab = open_window(quick).tab()
    expect(tab.message).to_be_visible()
    tab.page.evaluate(GIVEN, [kind, target])
    expect(tab.page.get_by_role("img", name="Attached image 1")).to_be_visible()
    expect(tab.button("Send")).to_be_enabled()


def changes(answer: Response) -> bool:
    return answer.request.method == "PATCH"


@BOTH
def test_an_image_reaches_the_agent_and_another_model_answers(
    real: tuple[Server, ScriptedModel], open_window: OpenWindow
) -> None:
    server, model = real
    model.reply(text("A dot.")).otherwise(text("Here too."))
    tab = open_window(server).tab()
    picture: Any = {"name": "a.png", "mimeType": "image/png", "buffer": base64.b64decode(DATA)}
    tab.page.locator("input[type=file]").set_input_files([picture])
    tab.say("What is it?")
    expect(tab.log.get_by_text("A dot.")).to_be_visible()
    tab.ended()
    assert DATA[:40] in model.requests[-1].body.decode()
    first = model.requests[-1].model
    field = tab.page.get_by_role("combobox", name="Model")
    listed = server.call(lambda service: service.models(server.service.backends[0]))
    known = {first, "default"} | {each.id for each in listed.models if each.is_default}
    other = [each.id for each in listed.models if each.id not in known][-1]
    field.fill(other)
    with tab.page.expect_response(changes):
        field.press("Enter")
    expect(field).to_have_value(other)
    tab.say("And now?")
    expect(tab.log.get_by_text("Here too.")).to_be_visible()
    tab.ended()
    assert model.requests[-1].model != first


def test_a_long_prompt_is_folded(quick: Server, memory: MemoryBackend, open_window: OpenWindow) -> None:
    memory.otherwise(text("ok"))
    tab = open_window(quick).tab()
    tab.say("\n".join(f"row {number}." for number in range(200)))
    bubble = tab.log.locator(".bubble")
    expect(bubble).to_contain_text("row 15.")
    expect(bubble).not_to_contain_text("row 16.")
    tab.button("Show all 200 lines").click()
    expect(bubble).to_contain_text("row 199.")
    tab.button("Show less").click()
    expect(bubble).not_to_contain_text("row 199.")
    tab.say("word" * 1_000)
    expect(bubble.last).to_be_visible()
    tab.button("Show all of it").click()
    expect(bubble.last).to_have_text("word" * 1_000)
    tab.ended()
    assert tab.page.evaluate("document.documentElement.scrollWidth <= innerWidth")


ENDS_RIGHT = """place => {
    const range = document.createRange();
    range.selectNodeContents(place);
    return place.getBoundingClientRect().right - range.getBoundingClientRect().right;
}"""


def test_what_is_written_from_right_to_left_begins_at_the_right(
    quick: Server, memory: MemoryBackend, open_window: OpenWindow
) -> None:
    hebrew = "\u05e9\u05dc\u05d5\u05dd"
    memory.reply(text(f"{hebrew} `code`.\n\nAnd English.\n")).otherwise(text("ok"))
    tab = open_window(quick).tab()
    tab.say(f"{hebrew} \U0001f600")
    tab.ended()
    said = tab.log.locator(".block p")
    expect(said).to_have_count(2)
    assert said.nth(0).evaluate(ENDS_RIGHT) < 2
    assert said.nth(1).evaluate(ENDS_RIGHT) > 100
    expect(tab.page.get_by_role("status").filter(has_text="The turn has ended.")).to_be_attached()


def test_what_is_asked_and_titles_stand_in_their_own_order(
    quick: Server, memory: MemoryBackend, open_window: OpenWindow
) -> None:
    turned = "\u202egpj.exe\u202c"
    options = [{"label": f"Open {turned}", "description": f"It is {turned}"}, {"label": "No", "description": "Not"}]
    memory.reply(call("AskUserQuestion", questions=[{"question": f"{turned}?", "header": turned, "options": options}]))
    memory.otherwise(text("ok"))
    tab = open_window(quick).tab()
    tab.say(f"Look at {turned}")
    form = tab.page.get_by_role("dialog", name="gpj.exe?", exact=True)
    expect(form).to_be_visible()
    assert "\u202e" not in tab.page.locator("body").inner_text()
    assert "\u202e" not in tab.page.title()
    form.get_by_role("radio", name="Open gpj.exe").check()
    form.get_by_role("button", name="Answer", exact=True).click()
    tab.ended()
    expect(tab.log.get_by_text("Answered")).to_be_visible()
    assert "\u202e" not in tab.page.locator("body").inner_text()


def test_messages_are_shown_raw_and_the_chat_is_saved(
    quick: Server, memory: MemoryBackend, open_window: OpenWindow
) -> None:
    memory.otherwise(text("An answer."))
    tab = open_window(quick).tab()
    tab.say("A question")
    tab.ended()
    for title, words in (("Export as Markdown", "An answer."), ("Export as NDJSON", '"type":"assistant"')):
        tab.page.get_by_label("More").click()
        with tab.page.expect_download() as download:
            tab.page.get_by_role("link", name=title).click()
        assert words in Path(download.value.path()).read_text().replace('": "', '":"')
    tab.page.get_by_label("More").click()
    tab.button("Raw messages").click()
    raw = tab.page.get_by_role("dialog", name="Raw messages")
    raw.get_by_text("assistant", exact=True).click()
    expect(raw.locator("pre:visible")).to_contain_text("An answer.")
    tab.button("Close the raw messages").click()
    expect(raw).to_have_count(0)


def test_limits_of_the_account_are_told_beside_tokens_and_cost(
    quick: Server, memory: MemoryBackend, open_window: OpenWindow
) -> None:
    memory.otherwise(text("ok"))
    tab = open_window(quick).tab()
    tab.say("Hi")
    tab.ended()
    limits = {"primary": {"usedPercent": 84, "windowDurationMins": 300, "resetsAt": 4_000_000_000}}

    async def tell(service: Any) -> None:
        (chat,) = service.open_chats
        chat.take(parse_message({"type": "rate_limit_event", "rate_limit_info": limits}))
        chat.refresh()

    quick.call(tell)
    tab.page.reload()
    tab.page.get_by_role("button", name="Tokens and cost").click()
    shown = tab.page.get_by_role("list", name="Limits of the account").get_by_role("listitem")
    expect(shown).to_contain_text("5 hours")
    expect(shown).to_contain_text("84 % used, anew on")


def long(memory: MemoryBackend, quick: Server, open_window: OpenWindow) -> tuple[Tab, Gate]:
    """Return a tab with a long answer that is not at its end."""
    gate = Gate()
    lines = "\n\n".join(f"line {number}" for number in range(120))
    memory.reply(text(f"{lines}\n\n"), gate, text(f"more\n\n{lines}\n\nlast words")).otherwise(text("ok"))
    tab = open_window(quick).tab()
    tab.say("Go")
    expect(tab.log.get_by_text("line 119")).to_be_in_viewport()
    return tab, gate


@pytest.mark.parametrize("by", ["keys", "selection", "touch"])
def test_the_end_is_followed_until_one_reads_elsewhere_and_again_by_end(
    quick: Server, memory: MemoryBackend, open_window: OpenWindow, by: str
) -> None:
    tab, gate = long(memory, quick, open_window)
    scroller = tab.page.get_by_role("group", name="Conversation, scrollable")
    end = tab.button("To the end")
    expect(end).to_have_count(0)
    if by == "keys":
        scroller.focus()
        tab.page.keyboard.press("PageUp")
    elif by == "selection":
        tab.log.get_by_text("line 118").dblclick()
    else:
        scroller.evaluate("area => { area.dispatchEvent(new Event('touchmove')); area.scrollTop -= 400; }")
    expect(end).to_be_visible()
    gate.open()
    tab.ended()
    expect(tab.log.get_by_text("last words")).not_to_be_in_viewport()
    scroller.focus()
    tab.page.keyboard.press("End")
    expect(tab.log.get_by_text("last words")).to_be_in_viewport()
    expect(end).to_have_count(0)


def test_no_source_of_the_page_names_an_agent_or_a_tool_of_one() -> None:
    names = re.compile(r"\b(claude|codex|anthropic|openai|bash|todowrite|multiedit|apply_patch|webfetch)\b")
    for source in sorted((SOURCES / "src").iterdir()):
        said = source.read_text().lower()
        if source.name == "highlight.ts":  # It names languages.
            continue
        assert not names.findall(said), source.name
