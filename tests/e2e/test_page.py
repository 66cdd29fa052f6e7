"""The page itself, over an agent in memory: reading on, cuts of the network, hostile text, long chats, keyboard."""

# pyright: reportUnknownMemberType=false
from __future__ import annotations

import asyncio
import base64
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Dialog, Locator, Request, Response, Route, WebSocketRoute, expect
from tests.e2e.conftest import Tab
from tests.e2e.serving import Server

from agent_chat.chats.service import ChatService
from agent_chat.chats.settings import ChatSettings
from agent_chat.config.service import SettingsService
from agent_chat.web.bundle import SOURCES
from agent_sdk_core.messages.parse import parse_message
from agent_sdk_testing import Gate, MemoryBackend, call, failed, reasoning, text

OpenWindow = Callable[..., Any]
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


def test_a_new_chat_is_made_as_chosen_and_changed_later(quick: Server, open_window: OpenWindow) -> None:
    tab = open_window(quick).tab()

    def choose(name: str) -> Any:
        return tab.page.get_by_role("combobox", name=name)

    choose("Agent").select_option("second")
    choose("Model").fill("my-model")
    choose("Permissions").select_option("plan")
    tab.say("Hi")
    expect(tab.log.get_by_text("second")).to_be_visible()
    tab.ended()
    (chat,) = quick.service.open_chats
    assert (chat.meta.backend, chat.meta.model, chat.meta.permission_mode) == ("second", "my-model", "plan")
    choose("Model").fill("other")
    tab.page.keyboard.press("Tab")
    choose("Permissions").select_option("default")
    expect(choose("Permissions")).to_have_value("default")
    expect(choose("Model")).to_have_value("other")
    choose("Agent").select_option("memory")
    expect(tab.log.get_by_text("From here on memory answers")).to_be_visible()
    assert quick.service.open_chats[0].meta.backend == "memory"
    tab.button("New chat").click()
    expect(tab.page.get_by_text("What shall be done?")).to_be_visible()
    expect(tab.page.get_by_role("link", name="Hi")).to_be_visible()


def test_nothing_is_lost_or_doubled_wherever_the_network_is_cut(
    quick: Server, memory: MemoryBackend, open_window: OpenWindow
) -> None:
    words = [f"word{number} " for number in range(30)]
    gates = [Gate(), Gate()]
    memory.reply(call("Bash", command="ls"))
    memory.reply(text(*words[:10]), gates[0], text(*words[10:20]), gates[1], text(*words[20:]))
    window = open_window(quick)
    tab = window.tab()
    frames = 0

    def cut(route: WebSocketRoute) -> None:
        """Cut the connection after every frame."""
        server = route.connect_to_server()
        seen = 0

        def passed(message: str | bytes) -> None:
            nonlocal seen, frames
            seen += 1
            frames += 1
            route.send(message)
            if seen == 1:
                route.close()

        server.on_message(passed)

    tab.page.route_web_socket(re.compile(r"/chats/.*/events"), cut)
    tab.say("Go")
    tab.answer("Allow once", about="ls")
    for word, gate in (("word9 ", gates[0]), ("word19 ", gates[1])):
        expect(tab.log.get_by_text(word)).to_be_visible()
        gate.open()
    expect(tab.log.get_by_text("word29")).to_be_visible()
    tab.ended()
    shown = tab.log.inner_text()
    for word in words:
        assert shown.count(word.strip() + " ") + shown.count(word.strip() + "\n") == 1, word
    assert frames >= 4


def unfold(tab: Any) -> None:
    """Open everything that is folded."""
    folded = tab.page.locator(".fold[aria-expanded=false]")
    for _ in range(folded.count()):
        folded.first.click()


PAYLOADS = [
    "<img src=x onerror=window.hacked=1>",
    "<script>window.hacked=1</script>",
    "<svg onload=window.hacked=1>",
    "[click](javascript:window.hacked=1)",
    "![x](javascript:window.hacked=1)",
    "<a href='javascript:window.hacked=1'>x</a>",
    "[x](data:text/html;base64,PHNjcmlwdD53aW5kb3cuaGFja2VkPTE8L3NjcmlwdD4=)",
    "`<img src=x onerror=window.hacked=1>`",
    "\x1b]8;;javascript:window.hacked=1\x07link\x1b]8;;\x07\x1b[31mred",
    "<iframe srcdoc='<script>parent.hacked=1</script>'>",
    "<math><mtext><table><mglyph><style><img src=x onerror=window.hacked=1>",
    "```html\n<img src=x onerror=window.hacked=1>\n```",
]


def test_hostile_text_does_nothing_in_any_field(quick: Server, memory: MemoryBackend, open_window: OpenWindow) -> None:
    everything = "\n\n".join(PAYLOADS)
    image = PAYLOADS[0]
    edit = {"file_path": f"/tmp/{image}", "old_string": image, "new_string": f"{image}2"}
    asked = {"question": image, "header": image, "options": [{"label": image, "description": image}, {"label": "b"}]}
    memory.on("Bash", everything)
    memory.reply(reasoning(everything), text(everything), call("Bash", command=everything, description=image))
    memory.reply(call("Edit", **edit))
    memory.reply(call(f"mcp__{image}__{image}", argument=image))
    memory.reply(call("AskUserQuestion", questions=[{**asked, "multiSelect": False}])).otherwise(text(image))
    tab = open_window(quick).tab()
    tab.page.get_by_role("combobox", name="Model").fill(image)
    tab.say(everything)
    for _ in range(3):
        tab.asking.get_by_role("button", name="Allow once", exact=True).first.click()
    tab.page.get_by_role("dialog").get_by_role("radio").first.check()
    tab.page.get_by_role("button", name="Answer").click()
    tab.ended()
    unfold(tab)
    tab.button("Review").click()
    assert tab.page.evaluate("window.hacked") is None
    assert tab.page.locator("main script, main iframe, main svg[onload], main img").count() == 0
    links = tab.page.locator("main a").evaluate_all("all => all.map(link => link.getAttribute('href'))")
    assert not [link for link in links if link and not link.startswith(("http", "mailto:", "api/", "#/"))]
    assert "\x1b" not in tab.page.locator("main").inner_text()
    tab.shot("hostile")


TO_THE_TOP = "area => { area.dispatchEvent(new WheelEvent('wheel', { deltaY: -9 })); area.scrollTop = 0; }"


def long_chat(server: Server, count: int) -> str:
    """Store a chat of many messages, and return its id."""

    async def fill(service: ChatService) -> str:
        chat = await service.create(ChatSettings(title="Long"))
        messages: list[dict[str, Any]] = []
        for number in range(count // 2):
            content = [{"type": "text", "text": f"Question {number}?"}]
            prompt = {"type": "user", "uuid": f"p{number}", "isReplay": True}
            messages.append({**prompt, "message": {"role": "user", "content": content}})
            said = f"Answer **{number}**:\n\n- one\n- two\n\n```python\nprint({number})\n```\n"
            body = {"id": f"m{number}", "content": [{"type": "text", "text": said}]}
            messages.append({"type": "assistant", "uuid": f"a{number}", "message": body})
        messages.append({"type": "result", "uuid": "r", "subtype": "success"})
        for start in range(0, len(messages), 1000):
            assert chat.log is not None
            await service.store.append(chat.id, messages[start : start + 1000], lease=chat.log.lease)
        await service.close_chat(chat.id)
        return chat.id

    return server.call(fill)


def test_a_chat_of_5000_messages_opens_at_its_end(quick: Server, open_window: OpenWindow) -> None:
    chat = long_chat(quick, 5_000)
    tab = open_window(quick).tab()
    tab.page.evaluate(f"location.hash = '#/chat/{chat}'")
    taken = tab.page.evaluate(
        """async () => {
            const begun = performance.now();
            while (!document.body.innerText.includes("Answer 2499")) await new Promise(requestAnimationFrame);
            return performance.now() - begun;
        }"""
    )
    print("opened in ms:", taken)  # for who measures
    assert taken < 10_000  # The aim is a second, on a machine that does nothing else.
    items, scroller = tab.log.locator(".item"), tab.page.locator(".scroller")
    expect(tab.log.get_by_text("Answer 2499")).to_be_in_viewport()
    assert 0 < items.count() < 80  # No more than what is near the eye is drawn.
    first = tab.log.get_by_text("Question 2401?")
    expect(first).to_have_count(0)
    scroller.evaluate(TO_THE_TOP)
    expect(first).to_be_visible()
    height = scroller.evaluate("area => area.scrollHeight")
    tab.button("Show earlier messages").click()
    # Before they are there, the top is another.
    tab.page.wait_for_function("height => document.querySelector('.scroller').scrollHeight > height + 500", arg=height)
    expect(tab.button("Show earlier messages")).to_be_enabled()
    expect(tab.button("To the end")).to_be_visible()
    # As a person goes there: what one reads is held where it is for some frames, until the wheel is turned.
    scroller.evaluate(TO_THE_TOP)
    expect(tab.log.get_by_text("Question 2352?")).to_be_visible()
    tab.button("To the end").click()
    expect(tab.log.get_by_text("Answer 2499")).to_be_in_viewport()
    assert 0 < items.count() < 80


def test_20000_deltas_leave_the_page_quick(quick: Server, open_window: OpenWindow) -> None:
    tab = open_window(quick).tab()
    chat = quick.call(lambda service: service.create(ChatSettings(title="Fast")))
    tab.page.evaluate(f"location.hash = '#/chat/{chat.id}'")
    expect(tab.page.get_by_role("heading", name="Fast")).to_be_visible()
    tab.page.evaluate(
        """() => {
            window.tasks = []; window.added = 0; window.typed = [];
            const count = (records) => {
                for (const each of records) window.added += each.addedNodes.length;
            };
            const log = document.querySelector("[role=log]");
            new MutationObserver(count).observe(log, { childList: true, subtree: true });
            new PerformanceObserver((list) => {
                for (const entry of list.getEntries()) window.tasks.push(entry.duration);
            }).observe({ type: "longtask", buffered: false });
            document.querySelector("textarea").addEventListener("input", (event) => {
                requestAnimationFrame(() => window.typed.push(performance.now() - event.timeStamp));
            });
        }"""
    )

    async def stream(service: ChatService) -> None:
        for number in range(20_000):
            piece = f"word{number} " + ("\n\n" if number % 40 == 39 else "")
            event = {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": piece}}
            chat.take(parse_message({"type": "stream_event", "api_message_id": "m", "event": event}))
            if number % 50 == 0:
                await asyncio.sleep(0.01)

    async def begin(service: ChatService) -> asyncio.Task[None]:
        return asyncio.create_task(stream(service))

    streaming = quick.call(begin)
    tab.message.press_sequentially("typing goes on while it streams", delay=20)
    # The last block alone: to look for a text in all of them costs the browser more than to show it.
    expect(tab.log.locator(".block").last).to_contain_text("word19999")
    assert streaming.done()
    begun = tab.page.evaluate("performance.now()")
    tab.message.press_sequentially("typing goes on", delay=5)
    assert tab.page.evaluate("performance.now()") - begun < 10_000
    # The aim is no task over 50 ms and no key over 50 ms; on a busy machine the clock says little, so that the work is
    # held: what was drawn stays, a delta touches the last block alone, and no task draws much.
    told = [round(each) for each in tab.page.evaluate("window.tasks")]
    typed = sorted(round(each) for each in tab.page.evaluate("window.typed"))
    print("tasks over 50 ms:", told, "keys, in ms:", typed)  # for who measures
    assert tab.log.locator(".block").count() == 500
    assert tab.page.evaluate("window.added") < 5_000
    tab.page.reload()
    expect(tab.log.locator(".block").last).to_contain_text("word19999")


def test_a_long_text_is_drawn_in_steps(quick: Server, open_window: OpenWindow) -> None:
    tab = open_window(quick).tab()
    chat = quick.call(lambda service: service.create(ChatSettings(title="Long")))
    tab.page.evaluate(f"location.hash = '#/chat/{chat.id}'")
    expect(tab.page.get_by_role("heading", name="Long")).to_be_visible()
    tab.page.evaluate(
        """() => {
            window.most = 0;
            const count = (records) => {
                window.most = Math.max(window.most, records.reduce((sum, each) => sum + each.addedNodes.length, 0));
            };
            const log = document.querySelector("[role=log]");
            new MutationObserver(count).observe(log, { childList: true, subtree: true });
        }"""
    )
    fence = "```\n" + "a line of code\n\n" * 3_000 + "```\n\n"
    words = "".join(f"paragraph {number} " + "word " * 60 + "\n\n" for number in range(1_000))

    async def say(service: ChatService) -> None:
        del service
        content = [{"type": "text", "text": f"{fence}{words}the end"}]
        chat.take(parse_message({"type": "assistant", "message": {"id": "m", "role": "assistant", "content": content}}))

    quick.call(say)
    expect(tab.log.get_by_text("the end", exact=True)).to_be_in_viewport()
    assert tab.log.locator(".block").count() == 1_001
    assert tab.log.locator(".code").count() == 1
    assert tab.page.evaluate("window.most") < 100, "nodes that one task draws"


def test_a_chat_that_goes_on_for_long_is_not_held_as_a_whole(quick: Server, open_window: OpenWindow) -> None:
    tab = open_window(quick).tab()
    chat = quick.call(lambda service: service.create(ChatSettings(title="Days")))
    tab.page.evaluate(f"location.hash = '#/chat/{chat.id}'")
    expect(tab.page.get_by_role("heading", name="Days")).to_be_visible()

    async def say(service: ChatService) -> None:
        del service
        for number in range(2_100):
            chat.inform(f"Note {number}")
            if number % 100 == 99:
                await asyncio.sleep(0.01)

    quick.call(say)
    expect(tab.log.get_by_text("Note 2099", exact=True)).to_be_in_viewport()
    earlier = tab.button("Show earlier messages")
    expect(earlier).to_have_count(1)
    scroller = tab.page.locator(".scroller")
    scroller.evaluate(TO_THE_TOP)
    with tab.page.expect_response(re.compile(r"/api/chats/[^/]+/messages")):
        earlier.click()
    expect(earlier).to_be_enabled()
    tab.button("To the end").click()
    expect(tab.log.get_by_text("Note 2099", exact=True)).to_be_in_viewport()


def test_who_reads_further_up_is_left_there(quick: Server, memory: MemoryBackend, open_window: OpenWindow) -> None:
    gate = Gate()
    lines = "\n\n".join(f"line {number}" for number in range(120))
    memory.reply(text(f"{lines}\n\n"), gate, text("more\n\nlast words")).otherwise(text("Here I am."))
    tab = open_window(quick).tab()
    tab.say("Go")
    expect(tab.log.get_by_text("line 119")).to_be_in_viewport()
    tab.page.mouse.move(700, 400)
    tab.page.mouse.wheel(0, -1500)  # The wheel is turned, and then it moves.
    expect(tab.log.get_by_text("line 119")).not_to_be_in_viewport()
    end = tab.button("To the end")
    expect(end).to_be_visible()
    # What lies further up may be laid out anew, which the browser makes up for: what is seen stays where it is.
    seen = tab.log.evaluate_handle(
        "log => [...log.querySelectorAll('p')].find(line => line.getBoundingClientRect().top > 150)"
    )
    top = "line => line.getBoundingClientRect().top"
    place = tab.page.evaluate(top, seen)
    gate.open()
    tab.ended()
    assert abs(tab.page.evaluate(top, seen) - place) < 5
    tab.page.reload()
    expect(end).to_be_visible()
    expect(tab.log.get_by_text("last words")).to_be_attached()
    expect(tab.log.get_by_text("last words")).not_to_be_in_viewport()
    end.click()
    expect(tab.log.get_by_text("last words")).to_be_in_viewport()
    expect(end).to_have_count(0)
    tab.page.mouse.wheel(0, -1500)
    expect(end).to_be_visible()
    tab.say("Where are you?")
    expect(tab.log.get_by_text("Here I am.")).to_be_in_viewport()
    expect(end).to_have_count(0)


def test_everything_is_done_by_keyboard_alone(quick: Server, memory: MemoryBackend, open_window: OpenWindow) -> None:
    memory.reply(call("Bash", command="ls")).reply(call("Bash", command="pwd")).otherwise(text("ok"))
    tab = open_window(quick).tab()
    expect(tab.message).to_be_focused()
    keyboard = tab.page.keyboard
    keyboard.type("Go")
    keyboard.press("Shift+Enter")
    keyboard.type("on")
    keyboard.press("Enter")
    expect(tab.page.get_by_role("alertdialog", name="ls")).to_be_focused()
    expect(tab.button("Allow once")).to_be_enabled()
    keyboard.press("y")
    expect(tab.page.get_by_role("alertdialog", name="pwd")).to_be_focused()
    expect(tab.button("Deny")).to_be_enabled()
    keyboard.press("n")
    tab.ended()
    states = tab.log.get_by_role("img").evaluate_all("all => all.map(each => each.getAttribute('aria-label'))")
    assert states == ["done", "declined"]
    tab.message.focus()
    keyboard.type("again")
    keyboard.press("Enter")
    tab.ended()


def test_a_request_that_came_before_the_prompt_was_taken_keeps_the_keyboard(
    quick: Server, memory: MemoryBackend, open_window: OpenWindow
) -> None:
    memory.reply(text("Hello.")).reply(call("Bash", command="ls")).otherwise(text("ok"))
    tab = open_window(quick).tab()
    tab.say("Hi")
    expect(tab.log.get_by_text("Hello.", exact=True)).to_be_visible()
    tab.ended()
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    tab.page.route("**/api/chats/*/prompts", hold)
    with tab.page.expect_request("**/api/chats/*/prompts"):
        tab.say("Go")
    expect(tab.page.locator(".state-text")).to_have_text("sending")
    (route,) = held
    answer = route.fetch()
    dialog = tab.page.get_by_role("alertdialog", name="ls")
    expect(dialog).to_be_focused()
    with tab.page.expect_request("**/draft"):
        route.fulfill(response=answer)
    expect(dialog).to_be_focused()
    expect(tab.button("Allow once")).to_be_enabled()
    tab.page.keyboard.press("y")
    tab.ended()


def test_what_is_typed_right_after_a_click_goes_to_the_place_that_was_chosen(
    quick: Server, memory: MemoryBackend, open_window: OpenWindow
) -> None:
    memory.otherwise(text("ok"))
    tab = open_window(quick).tab()
    tab.say("Hello")
    expect(tab.log.get_by_text("ok", exact=True)).to_be_visible()
    expect(tab.page.get_by_role("link", name="Hello")).to_be_visible()
    click = (
        "name => { [...document.querySelectorAll('nav a, nav button')].find(e => e.textContent.includes(name)).click();"
    )
    shown = "return Promise.resolve().then(() => document.querySelector('main h1, main .chat h1')?.textContent ?? '') }"
    assert tab.page.evaluate(click + shown, "New chat") == "New chat"
    assert tab.page.evaluate("location.hash") == "#/new"
    tab.page.evaluate(click + "}", "Hello")
    assert tab.page.evaluate("location.hash").startswith("#/chat/")
    expect(tab.log.get_by_text("ok", exact=True)).to_be_visible()
    tab.page.go_back()
    expect(tab.page.get_by_role("heading", name="New chat")).to_be_visible()


def test_what_is_typed_while_a_chat_is_made_goes_with_it_and_what_is_underway_is_not_shown_again(
    quick: Server, memory: MemoryBackend, open_window: OpenWindow
) -> None:
    memory.otherwise(text("ok"))
    tab = open_window(quick).tab()
    made: list[Route] = []
    prompts: list[Route] = []

    def hold_made(route: Route) -> None:
        made.append(route) if route.request.method == "POST" else route.continue_()

    def hold_prompt(route: Route) -> None:
        prompts.append(route)

    def makes(request: Request) -> bool:
        return request.method == "POST" and request.url.endswith("/api/chats")

    tab.page.route("**/api/chats", hold_made)
    tab.page.route("**/api/chats/*/prompts", hold_prompt)
    with tab.page.expect_request(makes):
        tab.say("First")
    tab.message.fill("and then")
    with tab.page.expect_request("**/api/chats/*/prompts"):
        made.pop().continue_()
    expect(tab.log).to_be_visible()
    expect(tab.message).to_have_value("and then")
    tab.button("New chat").click()
    expect(tab.message).to_have_value("")
    tab.message.fill("Another")
    with tab.page.expect_response("**/api/chats/*/prompts"):
        prompts.pop().continue_()
    tab.page.reload()
    expect(tab.message).to_have_value("Another")


def test_images_are_pasted_shown_and_sent(quick: Server, memory: MemoryBackend, open_window: OpenWindow) -> None:
    memory.otherwise(text("A picture."))
    tab = open_window(quick).tab()
    picker = tab.page.locator("input[type=file]")
    picker.set_input_files([{"name": "a.png", "mimeType": "image/png", "buffer": PNG}])
    expect(tab.page.get_by_role("img", name="Attached image 1")).to_be_visible()
    picker.set_input_files([{"name": "a.svg", "mimeType": "image/svg+xml", "buffer": b"<svg/>"}])
    expect(tab.page.get_by_text("is no image")).to_be_visible()
    tab.say("What is it?")
    expect(tab.log.get_by_text("A picture.")).to_be_visible()


def test_files_are_completed(quick: Server, memory: MemoryBackend, open_window: OpenWindow) -> None:
    memory.otherwise(text("ok"))
    (quick.service.cwd / "readme.txt").write_text("x")
    tab = open_window(quick).tab()
    tab.say("Hi")
    tab.ended()
    tab.message.press_sequentially("see @read")
    expect(tab.page.get_by_role("option", name="@readme.txt")).to_be_visible()
    tab.page.keyboard.press("Tab")
    expect(tab.message).to_have_value("see @readme.txt ")


def accept(dialog: Dialog) -> None:
    dialog.accept()


def test_a_chat_is_renamed_found_archived_and_deleted(
    quick: Server, memory: MemoryBackend, open_window: OpenWindow
) -> None:
    memory.otherwise(text("ok"))
    tab = open_window(quick).tab()
    tab.say("Something to find")
    tab.ended()
    tab.button("Rename").click()
    tab.page.get_by_role("textbox", name="Title").fill("Renamed")
    tab.page.keyboard.press("Enter")
    link = tab.page.get_by_role("link", name="Renamed")
    expect(link).to_be_visible()
    search = tab.page.get_by_role("searchbox", name="Search chats")
    search.fill("nothing like it")
    expect(link).to_have_count(0)
    search.fill("something")
    expect(link).to_be_visible()
    search.fill("")
    tab.page.get_by_label("More").click()
    tab.button("Archive").click()
    expect(link).to_have_count(0)
    tab.page.get_by_role("checkbox", name="Archived").check()
    expect(link).to_be_visible()
    tab.page.on("dialog", accept)
    tab.page.get_by_label("More").click()
    tab.button("Delete").click()
    expect(link).to_have_count(0)
    expect(tab.page.get_by_text("What shall be done?")).to_be_visible()


def changed(server: Server, memory: MemoryBackend, open_window: OpenWindow) -> tuple[Tab, Locator]:
    """Have a file changed, and open the review."""
    change = {"file_path": str(server.service.cwd / "a.txt"), "old_string": "x\ny", "new_string": "x\nz"}
    memory.reply(call("Edit", **change)).otherwise(text("ok"))
    tab = open_window(server).tab()
    tab.say("Change it")
    tab.answer("Allow once", about="a.txt")
    tab.ended()
    tab.button("Review").click()
    return tab, tab.page.get_by_role("dialog", name="Review of changes")


def test_comments_of_a_review_become_a_message(quick: Server, memory: MemoryBackend, open_window: OpenWindow) -> None:
    tab, review = changed(quick, memory, open_window)
    review.get_by_role("textbox", name="Comment on a.txt").fill("Why y?")
    review.get_by_role("button", name="Put 1 comment").click()
    expect(tab.message).to_have_value("On a.txt:\nWhy y?")


@pytest.mark.parametrize("view", ["unified", "split"])
def test_comments_on_lines_are_sent_back(
    quick: Server, memory: MemoryBackend, open_window: OpenWindow, view: str
) -> None:
    tab, review = changed(quick, memory, open_window)
    if view == "split":
        review.get_by_role("button", name="Side by side").click()
    review.get_by_role("button", name="Comment on line 2", exact=True).press("Enter")
    tab.page.keyboard.type("Why z?")
    review.get_by_role("button", name="Comment on removed line 2").click()
    gone = review.get_by_role("textbox", name="Your comment on removed line 2")
    expect(gone).to_be_focused()
    gone.fill("Keep it.")
    review.get_by_role("button", name="Comment on line 1", exact=True).click()
    tab.page.keyboard.press("Escape")
    expect(review.get_by_role("textbox", name="Your comment on")).to_have_count(2)
    tab.shot(f"remarks-{view}")
    review.get_by_role("button", name="Send 2 comments").click()
    expect(review).to_have_count(0)
    prompt = tab.log.locator(".bubble").last
    expect(prompt).to_have_text("On a.txt, line 2:\n> z\n\nWhy z?\n\nOn a.txt, removed line 2:\n> y\n\nKeep it.")
    tab.ended()


def test_a_folder_is_trusted_before_its_projects_settings_are_read(
    make_server: Callable[..., Server], memory: MemoryBackend, open_window: OpenWindow, tmp_path: Path
) -> None:
    memory.otherwise(text("ok"))
    user_file = tmp_path / "config.toml"
    user_file.write_text("# mine\n")
    project = tmp_path / "project"
    (project / ".claude").mkdir(parents=True)
    (project / "AGENTS.md").write_text("Be kind.")
    chosen = SettingsService(cwd=project, env={}, user_file=user_file)
    server = make_server({"memory": memory}.__getitem__, "memory", settings=chosen)
    window = open_window(server)
    tab = window.tab()
    asked = tab.page.get_by_role("alertdialog", name="Do you trust")

    def answered() -> None:
        expect(
            tab.log.get_by_text("ok", exact=True)
        ).to_be_visible()  # A new chat is "ready" before it is sent anything.
        tab.ended()

    tab.say("Hello")
    expect(asked).to_be_focused()
    expect(asked).to_contain_text(".claude")
    expect(asked).to_contain_text("AGENTS.md")
    tab.shot("trust")
    tab.page.keyboard.press("Escape")
    expect(asked).to_have_count(0)
    expect(tab.message).to_have_value("Hello")
    assert not memory.sessions, "nothing was started"
    tab.button("Send").click()
    asked.get_by_role("button", name="Go on without them").click()
    answered()
    tab.button("New chat").click()
    tab.say("Again")
    answered()
    assert user_file.read_text() == "# mine\n"
    tab.page.reload()
    tab.button("New chat").click()
    tab.say("Once more")
    asked.get_by_role("button", name="Trust it from now on").click()
    answered()
    assert str(project) in user_file.read_text()
    tab.page.reload()
    tab.button("New chat").click()
    tab.say("And now")
    answered()
    expect(asked).to_have_count(0)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_fault_in_six_states(
    quick: Server, memory: MemoryBackend, open_window: OpenWindow, scheme: str
) -> None:
    axe = (SOURCES / "node_modules/axe-core/axe.min.js").read_text()
    change = {"file_path": "/w/a.txt", "old_string": "x\ny", "new_string": "x\nz"}
    asked = {"question": "Which?", "header": "h", "options": [{"label": "a", "description": "b"}], "multiSelect": False}
    memory.on("Bash", "some output")
    memory.reply(
        reasoning("Hm."),
        text("# Title\n\n- `code` and [link](https://a.b)\n\n```python\nx = 1\n```\n"),
        call("Bash", command="ls"),
    )
    memory.reply(call("Edit", **change))
    memory.reply(call("AskUserQuestion", questions=[asked])).otherwise(text("ok"))
    window = open_window(quick, color_scheme=scheme)
    tab = window.tab()

    def check(state: str, size: tuple[int, int] = (1280, 860)) -> None:
        tab.page.set_viewport_size({"width": size[0], "height": size[1]})
        tab.page.evaluate(axe)
        found = tab.page.evaluate("axe.run()")
        faults = [(each["id"], [node["html"][:160] for node in each["nodes"]]) for each in found["violations"]]
        tab.shot(f"{state}-{scheme}-{size[0]}")
        assert faults == [], state

    expect(tab.message).to_be_visible()
    check("new")
    check("new", (390, 800))
    tab.page.set_viewport_size({"width": 1280, "height": 860})
    tab.say("Go")
    expect(tab.asking).to_be_visible()
    check("permission")
    check("permission", (390, 800))
    for name in ("Stop", "Queue"):
        expect(tab.button(name)).to_be_in_viewport(ratio=1)
    tab.answer("Allow once", about="ls")
    expect(tab.page.get_by_role("alertdialog", name="a.txt")).to_be_visible()
    check("edit")
    tab.answer("Allow once", about="a.txt")
    expect(tab.page.get_by_role("dialog", name="Which?")).to_be_visible()
    check("question")
    tab.page.get_by_role("button", name="Decline").click()
    tab.ended()
    unfold(tab)
    check("done")
    check("done", (390, 800))
    tab.button("Review").click()
    check("review")
    tab.button("Close the review").click()
    tab.page.get_by_role("button", name="Tokens and cost").click()
    expect(tab.page.locator(".chart canvas")).to_be_visible()
    check("usage")
    tab.button("Settings").click()
    expect(tab.page.get_by_label("permission_mode", exact=True)).to_be_visible()
    check("settings")
    check("settings", (390, 800))


def test_a_narrow_page_keeps_its_menu_and_stop_in_sight(
    quick: Server, memory: MemoryBackend, open_window: OpenWindow
) -> None:
    memory.reply(text("ok")).reply(call("Bash", command="ls"))
    tab = open_window(quick, viewport={"width": 290, "height": 700}).tab()
    tab.say("A title that is longer than there is room for")
    expect(tab.log.get_by_text("ok", exact=True)).to_be_visible()
    tab.ended()
    tab.page.get_by_label("More").click()
    for name in ("Archive", "Delete"):
        expect(tab.button(name)).to_be_in_viewport(ratio=1)
    tab.page.keyboard.press("Escape")
    expect(tab.button("Delete")).not_to_be_visible()
    tab.say("Go")
    expect(tab.asking).to_be_visible()
    for name in ("Steer", "Queue", "Stop"):
        expect(tab.button(name)).to_be_in_viewport(ratio=1)
    tab.shot("narrow")
    tab.answer("Deny", about="ls")


def test_who_has_no_cookie_is_told_what_to_do(quick: Server, open_window: OpenWindow, tmp_path: Path) -> None:
    del tmp_path
    window = open_window(quick)
    tab = window.tab()
    window.context.clear_cookies()
    tab.page.reload()
    expect(tab.page.get_by_role("heading", name="The chats are not open in this browser")).to_be_visible()
    expect(tab.page.get_by_text("Open the link that")).to_be_visible()
    width = tab.page.locator("body").bounding_box()
    assert width is not None
    assert width["width"] < 600, "its style is let in by the policy"
    tab.shot("no-cookie")


def repository(folder: Path) -> None:
    """Make a folder a git repository with one file."""
    (folder / "a.txt").write_text("x\n")
    identity = ("-c", "user.name=n", "-c", "user.email=e@e", "-c", "commit.gpgsign=false")
    for command in (("init", "-q"), ("add", "-A"), (*identity, "commit", "-qm", "first")):
        subprocess.run(["git", *command], cwd=folder, check=True, capture_output=True)


def test_a_turn_is_undone_after_what_that_touches_was_shown(
    quick: Server, memory: MemoryBackend, open_window: OpenWindow
) -> None:
    folder = quick.service.cwd
    repository(folder)

    def change(arguments: Any) -> str:
        del arguments
        (folder / "a.txt").write_text("y\n")
        (folder / "new.txt").write_text("new\n")
        return "done"

    memory.on("Edit", change)
    memory.reply(call("Edit", file_path=str(folder / "a.txt"), old_string="x", new_string="y")).otherwise(text("ok"))
    tab = open_window(quick).tab()
    tab.say("Change it")
    tab.answer("Allow once", about="a.txt")
    tab.ended()
    tab.button("Review").click()
    tab.button("Undo the last turn").click()
    shown = tab.page.get_by_role("region", name="Undo the last turn")
    expect(shown).to_contain_text("new.txt is removed")
    expect(shown).to_contain_text("a.txt is put back")
    tab.shot("undo")
    assert (folder / "a.txt").read_text() == "y\n"
    tab.button("Undo 2 files").click()
    expect(tab.log.get_by_text("Undone: the changes of a turn, in 2 files")).to_be_visible()
    expect(tab.button("Undo the last turn")).to_have_count(0)
    assert (folder / "a.txt").read_text() == "x\n"
    assert not (folder / "new.txt").exists()


def deletes(answer: Response) -> bool:
    return answer.request.method == "DELETE"


def test_a_chat_has_a_worktree_of_its_own(quick: Server, memory: MemoryBackend, open_window: OpenWindow) -> None:
    folder = quick.service.cwd
    repository(folder)
    memory.otherwise(text("ok"))
    tab = open_window(quick).tab()
    tab.page.get_by_role("checkbox", name="In a git worktree of its own").check()
    tab.say("Hi")
    tab.ended()
    (chat,) = quick.service.open_chats
    place = Path(chat.meta.cwd or "")
    assert place.parent.name == "project.worktrees"
    assert (place / "a.txt").read_text() == "x\n"
    tab.page.on("dialog", accept)
    tab.page.get_by_label("More").click()
    # The page learns also otherwise that the chat is gone, and maybe before its worktree is.
    with tab.page.expect_response(deletes):
        tab.button("Delete").click()
    expect(tab.page.get_by_text("What shall be done?")).to_be_visible()
    assert not place.exists()


def test_settings_are_changed_in_their_file(
    make_server: Callable[..., Server], memory: MemoryBackend, open_window: OpenWindow, tmp_path: Path
) -> None:
    user_file = tmp_path / "config.toml"
    user_file.write_text("# mine\nmodel = 'old'\n")
    chosen = SettingsService(cwd=tmp_path, env={}, user_file=user_file)
    server = make_server({"memory": memory}.__getitem__, "memory", settings=chosen)
    tab = open_window(server).tab()
    tab.button("Settings").click()
    model = tab.page.get_by_role("textbox", name="model", exact=True)
    expect(model).to_have_value("old")
    model.fill("new")
    tab.page.keyboard.press("Tab")
    expect(tab.page.get_by_text("model is saved")).to_be_visible()
    tab.page.get_by_role("combobox", name="permission_mode", exact=True).select_option("plan")
    expect(tab.page.get_by_text("permission_mode is saved")).to_be_visible()
    tab.page.get_by_role("textbox", name="request_timeout", exact=True).fill("never")
    tab.page.keyboard.press("Tab")
    expect(tab.page.get_by_role("alert")).to_contain_text("request_timeout")
    written = user_file.read_text()
    assert "# mine" in written
    assert "new" in written
    assert "plan" in written
    assert "never" not in written
    tab.button("Unset model").click()
    expect(model).to_have_value("")
    tab.button("New chat").click()
    expect(tab.message).to_be_visible()


NOTIFIED = """
window.Notification = class {
  static permission = "granted";
  constructor(text) {
    const told = document.documentElement.dataset;
    told.told = `${told.told ?? ""}${text}. `;
  }
};
Object.defineProperty(document, "hidden", { get: () => true });
"""


def test_who_looks_elsewhere_is_told_what_waits_and_what_has_ended(
    quick: Server, memory: MemoryBackend, open_window: OpenWindow
) -> None:
    memory.reply(call("Bash", command="ls")).reply(text("ok")).reply(failed("server_error", "It broke."))
    window = open_window(quick)
    window.context.add_init_script(NOTIFIED)
    tab = window.tab()
    told = tab.page.locator("html")
    tab.say("Look")
    expect(tab.asking).to_be_visible()
    expect(tab.page).to_have_title("(1) Look")
    expect(told).to_have_attribute("data-told", re.compile(r"Look waits for your answer\."))
    expect(tab.page.get_by_role("link", name="Look").get_by_label("1 waiting")).to_be_visible()
    tab.answer("Allow once", about="ls")
    tab.ended()
    expect(told).to_have_attribute("data-told", re.compile(r"Look has finished\."))
    expect(tab.page).to_have_title("Look")
    tab.say("Again")
    expect(told).to_have_attribute("data-told", re.compile(r"Look has failed\."))
