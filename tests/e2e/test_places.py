"""Where somebody reads: what is above may grow, load or come, and it stays there; so does who follows the end."""

# pyright: reportUnknownMemberType=false
from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import pytest
from playwright.sync_api import expect
from tests.e2e.conftest import Tab
from tests.e2e.serving import Server

from agent_sdk_core.messages.parse import parse_message

OpenWindow = Callable[..., Any]
PIXELS: Final = 2.0
"""By how much what one reads may move."""
LINES: Final = "\n".join(f"out {number}" for number in range(60))
PICTURE: Final = """() => {
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [300, 400];
    return canvas.toDataURL("image/png").split(",")[1];
}"""

SETTLED: Final = """async text => {
    const find = () => [...document.querySelectorAll(".item.said")].find(each => each.textContent === text);
    let [top, same] = [NaN, 0];
    while (same < 20) {
        await new Promise(requestAnimationFrame);
        const now = find()?.getBoundingClientRect().top ?? NaN;
        same = now === top ? same + 1 : 0;
        top = now;
    }
    return top;
}"""
"""Where an answer is, once it has not moved for twenty frames."""

READ: Final = """() => {
    const area = document.querySelector(".scroller").getBoundingClientRect();
    const said = [...document.querySelectorAll(".item.said")];
    return said.find(each => each.getBoundingClientRect().top > area.top + 60).textContent;
}"""
"""What one reads: the first answer that stands whole in sight."""

ABOVE: Final = """() => {
    const top = document.querySelector(".scroller").getBoundingClientRect().top;
    const cards = [...document.querySelectorAll("article")].filter(each => each.getBoundingClientRect().bottom < top);
    return cards.at(-1).ariaLabel;
}"""
"""The card that is nearest above what is in sight."""

OPEN: Final = """name => {
    const card = [...document.querySelectorAll("article")].find(each => each.ariaLabel === name);
    if (!card.querySelector(".body")) card.querySelector(".fold").click();
}"""
FROM_END: Final = """area => area.scrollHeight - area.scrollTop - area.clientHeight"""


class Chat:
    """A long chat whose messages the test tells."""

    def __init__(self, server: Server, count: int) -> None:
        self._server = server
        self._chat = server.call(lambda service: service.create())
        self.id = self._chat.id
        self.tell(*(message for number in range(count) for message in self._step(number)))

    def tell(self, *messages: dict[str, Any]) -> None:
        async def take(service: Any) -> None:
            del service
            for message in messages:
                self._chat.take(parse_message(message))

        self._server.call(take)

    def _step(self, number: int) -> list[dict[str, Any]]:
        said = {"type": "text", "text": f"answer {number} " + "word " * (number % 7 * 20)}
        told: list[dict[str, Any]] = [
            {"type": "assistant", "uuid": f"a{number}", "message": {"id": f"m{number}", "content": [said]}}
        ]
        if number % 3 == 0:
            use = {"type": "tool_use", "id": f"t{number}", "name": "Bash", "input": {"command": f"run {number}"}}
            told.append({"type": "assistant", "uuid": f"u{number}", "message": {"id": f"n{number}", "content": [use]}})
        return told

    def result(self, card: str, *content: dict[str, Any]) -> None:
        number = card.rpartition(" ")[2]
        result = {"type": "tool_result", "tool_use_id": f"t{number}", "content": list(content)}
        self.tell({"type": "user", "uuid": f"r{number}", "message": {"role": "user", "content": [result]}})

    def progress(self, card: str) -> None:
        number = card.rpartition(" ")[2]
        about = {"type": "tool_progress", "tool_use_id": f"t{number}", "tool_name": "Bash"}
        self.tell(*({**about, "output": f"line {line}\n"} for line in range(30)))


def opened(server: Server, open_window: OpenWindow, count: int) -> tuple[Chat, Tab]:
    chat = Chat(server, count)
    tab = open_window(server).tab()
    tab.page.evaluate(f"location.hash = '#/chat/{chat.id}'")
    expect(tab.log.get_by_text(f"answer {count - 1} ", exact=False).first).to_be_visible()
    return chat, tab


def grow(tab: Tab, chat: Chat, card: str, by: str) -> None:
    """Have something above grow."""
    if by == "output of a running tool":
        chat.progress(card)
        return
    if by == "late image":
        data = tab.page.evaluate(PICTURE)
        chat.result(card, {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": data}})
    else:
        chat.result(card, {"type": "text", "text": LINES})
    done = tab.page.get_by_role("article", name=card, exact=True).get_by_role("img", name="done")
    expect(done).to_be_attached()
    tab.page.evaluate(OPEN, card)


WAYS = pytest.mark.parametrize("by", ["output of a running tool", "late image", "fold that is opened"])


@WAYS
@pytest.mark.parametrize("count", [60, 200], ids=["short", "long"])
def test_what_one_reads_stays_where_it_is_while_something_above_grows(
    quick: Server, open_window: OpenWindow, by: str, count: int
) -> None:
    chat, tab = opened(quick, open_window, count)
    scroller = tab.page.locator(".scroller")
    scroller.hover()
    tab.page.mouse.wheel(0, -1500)
    expect(tab.button("To the end")).to_be_visible()
    for _ in range(3):
        read = tab.page.evaluate(READ)
        before = tab.page.evaluate(SETTLED, read)
        card = tab.page.evaluate(ABOVE)
        grow(tab, chat, card, by)
        seen = tab.page.get_by_role("article", name=card, exact=True)
        after = tab.page.evaluate(SETTLED, read)
        assert abs(after - before) <= PIXELS, (by, before, after)
        assert seen.count() == 0 or seen.evaluate("each => each.getBoundingClientRect().height") > 60
        tab.page.mouse.wheel(0, -300)
        tab.page.evaluate(SETTLED, tab.page.evaluate(READ))


@WAYS
@pytest.mark.parametrize("count", [60, 200], ids=["short", "long"])
def test_who_follows_the_end_stays_there_while_something_above_grows(
    quick: Server, open_window: OpenWindow, by: str, count: int
) -> None:
    chat, tab = opened(quick, open_window, count)
    last = tab.page.evaluate("() => [...document.querySelectorAll('.item.said')].at(-1).textContent")
    before = tab.page.evaluate(SETTLED, last)
    card = tab.page.evaluate(ABOVE)
    grow(tab, chat, card, by)
    after = tab.page.evaluate(SETTLED, last)
    assert abs(after - before) <= PIXELS, (by, before, after)
    assert tab.page.locator(".scroller").evaluate(FROM_END) <= PIXELS
    expect(tab.button("To the end")).to_have_count(0)


def test_what_one_reads_stays_where_it_is_while_an_older_page_is_loaded(quick: Server, open_window: OpenWindow) -> None:
    _, tab = opened(quick, open_window, 700)
    scroller = tab.page.locator(".scroller")
    more = tab.button("Show earlier messages")
    for _ in range(3):
        scroller.hover()
        tab.page.mouse.wheel(0, -200_000)
        expect(more).to_be_in_viewport()
        read = tab.page.evaluate(READ)
        before = tab.page.evaluate(SETTLED, read)
        height = scroller.evaluate("area => area.scrollHeight")
        more.evaluate("button => button.click()")
        tab.page.wait_for_function(
            "height => document.querySelector('.scroller').scrollHeight > height + 500", arg=height
        )
        after = tab.page.evaluate(SETTLED, read)
        assert abs(after - before) <= PIXELS, (before, after)
