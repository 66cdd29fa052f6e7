"""What the page itself takes, whatever else the machine does: thread time of each task, its heap, its weight."""

# pyright: reportUnknownMemberType=false
from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import Callable
from typing import Any, Final, cast

from playwright.sync_api import Browser, expect
from tests.e2e.conftest import Tab
from tests.e2e.serving import Server
from tests.e2e.test_page import long_chat

from agent_chat.chats.service import ChatService
from agent_chat.chats.settings import ChatSettings
from agent_chat.web.bundle import BUNDLE
from agent_sdk_core.messages.parse import parse_message

OpenWindow = Callable[..., Any]
TASK: Final = 50.0
"""Milliseconds that a task may take."""


class Trace:
    """What the main thread of a tab does, as the browser notes it."""

    def __init__(self, browser: Browser, tab: Tab) -> None:
        self._browser = browser
        browser.start_tracing(page=tab.page, categories=["toplevel", "devtools.timeline"])

    def tasks(self) -> list[float]:
        """End it, and return the milliseconds of thread time of each task, longest first."""
        events: list[dict[str, Any]] = json.loads(self._browser.stop_tracing())["traceEvents"]
        mains = {(each["pid"], each["tid"]) for each in events if each.get("args", {}).get("name") == "CrRendererMain"}
        ran = [each for each in events if each["name"] in ("RunTask", "ThreadControllerImpl::RunTask")]
        mine = [each for each in ran if (each["pid"], each["tid"]) in mains]
        return sorted((each.get("tdur", each.get("dur", 0)) / 1000 for each in mine), reverse=True)


def test_20000_deltas_have_no_long_task(quick: Server, chromium: Browser, open_window: OpenWindow) -> None:
    tab = open_window(quick).tab()
    chat = quick.call(lambda service: service.create(ChatSettings(title="Fast")))
    tab.page.evaluate(f"location.hash = '#/chat/{chat.id}'")
    expect(tab.page.get_by_role("heading", name="Fast")).to_be_visible()
    trace = Trace(chromium, tab)

    async def stream(service: ChatService) -> None:
        del service
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
    expect(tab.log.locator(".block").last).to_contain_text("word19999")
    assert streaming.done()
    tasks = trace.tasks()
    print("longest tasks, in ms:", [round(each) for each in tasks[:8]], "of", len(tasks))
    assert len(tasks) > 100
    assert tasks[0] < TASK


def test_a_chat_of_5000_messages_takes_less_than_a_second_of_work(
    quick: Server, chromium: Browser, open_window: OpenWindow
) -> None:
    chat = long_chat(quick, 5_000)
    tab = open_window(quick).tab()
    expect(tab.page.get_by_role("link", name="Long")).to_be_visible()
    trace = Trace(chromium, tab)
    tab.page.evaluate(f"location.hash = '#/chat/{chat}'")
    expect(tab.log.get_by_text("Answer 2499")).to_be_in_viewport()
    tasks = trace.tasks()
    print("in all, in ms:", round(sum(tasks)), "longest:", [round(each) for each in tasks[:5]])
    assert 0 < sum(tasks) < 1_000


def heap(tab: Tab) -> float:
    """Return the megabytes that the page holds, once what it does not need is gone."""
    session = tab.page.context.new_cdp_session(tab.page)
    session.send("HeapProfiler.collectGarbage")
    used = cast("float", session.send("Runtime.getHeapUsage")["usedSize"])
    session.detach()
    return used / 2**20


def test_the_heap_does_not_grow_with_the_chat(quick: Server, open_window: OpenWindow) -> None:
    tab = open_window(quick).tab()
    chat = quick.call(lambda service: service.create(ChatSettings(title="Days")))
    tab.page.evaluate(f"location.hash = '#/chat/{chat.id}'")
    expect(tab.page.get_by_role("heading", name="Days")).to_be_visible()

    def say(start: int, end: int) -> float:
        async def tell(service: ChatService) -> None:
            del service
            for number in range(start, end):
                chat.inform(f"Note {number} " + "word " * 100)
                if number % 50 == 49:
                    await asyncio.sleep(0.01)

        quick.call(tell)
        expect(tab.log.get_by_text(f"Note {end - 1} ")).to_be_in_viewport()
        return heap(tab)

    first = say(0, 2_500)
    last = say(2_500, 10_000)
    print("heap, in MB:", round(first, 1), round(last, 1))
    assert last - first < 8


def test_the_page_that_was_built_weighs_less_than_200_kilobytes() -> None:
    files = [file for file in BUNDLE.rglob("*") if file.is_file()]
    assert sum(len(gzip.compress(file.read_bytes(), 9)) for file in files) < 200_000
