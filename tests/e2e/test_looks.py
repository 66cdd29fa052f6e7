"""What is drawn does not lie over something else, and is as large as it should be."""

# pyright: reportUnknownMemberType=false
from __future__ import annotations

from collections.abc import Callable, Generator
from itertools import combinations
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from playwright.sync_api import Locator, expect
from tests.e2e.serving import Server

from agent_chat.chats.service import ChatService
from agent_chat.storage.records import ChatMeta
from agent_sdk_testing import Gate, MemoryBackend, ScriptedModel, call, edit_file, reasoning, run_command, text

OpenWindow = Callable[..., Any]
BOXES = """all => all.map(each => {
    const { x, y, right, bottom } = each.getBoundingClientRect();
    return [x, y, right, bottom];
})"""
BRIGHTNESS = """body => {
    const [red, green, blue] = getComputedStyle(body).backgroundColor.match(/\\d+/g).map(Number);
    return (red + green + blue) / 3;
}"""
GREET = '''"""Greets whoever is named."""

import sys


def greet(name: str) -> str:
    return f"Hello, wrld! And hello, {name}!"


if __name__ == "__main__":
    print(greet(sys.argv[1]))
'''
PLAN = "# The plan\n\n1. Look\n2. **Leap**\n"


def overlapping(places: Locator) -> list[tuple[Any, Any]]:
    """Return the boxes that lie over each other."""
    boxes = places.evaluate_all(BOXES)
    return [
        (one, other)
        for one, other in combinations(boxes, 2)
        if one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
    ]


@pytest.mark.parametrize("width", [1280, 390])
def test_the_answers_to_a_plan_stand_beside_each_other(
    quick: Server, memory: MemoryBackend, open_window: OpenWindow, width: int
) -> None:
    memory.reply(call("ExitPlanMode", plan=PLAN)).otherwise(text("ok"))
    tab = open_window(quick, viewport={"width": width, "height": 860}).tab()
    tab.say("Plan it")
    buttons = tab.asking.get_by_role("button")
    accepting = tab.asking.get_by_role("button", name="Allow, and accept edits", exact=True)
    expect(accepting).to_be_enabled()
    expect(accepting).to_have_accessible_description("in memory, until the session ends")
    expect(tab.button("Allow once")).to_have_accessible_description("Ask before each edit")
    expect(tab.button("Deny")).to_have_accessible_description("Keep planning")
    tab.shot(f"plan-{width}")
    assert buttons.count() >= 4
    assert overlapping(buttons) == []
    expect(tab.asking.locator(".primary")).to_have_count(1)


def test_chats_that_are_asleep_have_a_line_each_below_their_day(quick: Server, open_window: OpenWindow) -> None:
    async def fill(service: ChatService) -> None:
        for number in range(3):
            title = f"Chat {number} with a title that is longer than the list has room for"
            await service.store.create_chat(
                ChatMeta(f"c{number}", title, backend="memory", last_active_at=1e9 + number)
            )

    quick.call(fill)
    tab = open_window(quick).tab()
    chats = tab.page.get_by_role("navigation", name="Chats")
    expect(chats.get_by_role("link")).to_have_count(3)
    expect(chats.get_by_role("listitem").first).to_have_text("Earlier")
    assert all(bottom - top < 60 for _, top, _, bottom in chats.get_by_role("link").evaluate_all(BOXES))
    chats.get_by_role("link").first.click()
    expect(tab.page.get_by_text("Nothing was said here yet.")).to_be_visible()
    expect(tab.page.locator(".state-text")).to_have_text("asleep")
    box = tab.page.locator(".state-text").bounding_box()
    assert box is not None
    assert box["height"] < 40
    tab.shot("asleep")


@pytest.fixture
def greeter() -> Generator[Path]:
    """A project whose path does not fill a picture."""
    with TemporaryDirectory(prefix="web-") as folder:
        project = Path(folder).resolve() / "greeter"
        project.mkdir()
        (project / "greet.py").write_text(GREET)
        yield project


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("real", ["claude"], indirect=True)
def test_a_chat_at_work_looks_like_the_pictures(
    real: tuple[Server, ScriptedModel], open_window: OpenWindow, greeter: Path, theme: str
) -> None:
    """The picture of README and `docs/web.md` is made here."""
    server, model = real
    server.service.cwd = greeter
    model.reply(
        reasoning("The tests say what is wrong: look at them first, then at the function."),
        text("I run the program first:"),
        run_command("python3 greet.py reader"),
    )
    model.reply(
        text("There is the **typo**, in the function that greets:\n\n```python\nreturn f'Hello, wrld!'\n```\n"),
        edit_file(greeter / "greet.py", "wrld", "world"),
    )
    tab = open_window(server, color_scheme=theme).tab()
    tab.say("Fix the typo in greet.py")
    tab.answer("Allow once", about="python3 greet.py reader")
    expect(tab.asking).to_contain_text("Hello, world!")
    expect(tab.page.get_by_role("navigation", name="Chats").locator(".count")).to_have_text("1")
    tab.shot(f"chat-{theme}")
    brightness = tab.page.locator("body").evaluate(BRIGHTNESS)
    assert (brightness > 128) == (theme == "light")
    assert overlapping(tab.asking.get_by_role("button")) == []
    tab.answer("Deny", about="greet.py")


def test_nothing_moves_for_who_wants_no_motion(quick: Server, memory: MemoryBackend, open_window: OpenWindow) -> None:
    gate = Gate()
    memory.reply(text("a word ", gate, "and more"))
    tab = open_window(quick, reduced_motion="reduce").tab()
    tab.say("Go")
    expect(tab.log.get_by_text("a word")).to_be_visible()
    expect(tab.page.get_by_text("Working …")).to_be_visible()
    assert tab.page.evaluate("document.getAnimations().length") == 0
    gate.open()
    tab.ended()
