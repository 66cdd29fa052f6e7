"""Dialogs, panels and forms in both themes, on a desk and on a phone: in sight, whole, and nothing over another."""

# pyright: reportUnknownMemberType=false
from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import pytest
from playwright.sync_api import Locator, expect
from tests.e2e.conftest import Tab
from tests.e2e.serving import Server
from tests.pages import until

from agent_chat.web.bundle import SOURCES
from agent_sdk_core.asking.questions import ElicitationRequest
from agent_sdk_core.messages.parse import parse_message
from agent_sdk_testing import Gate, MemoryBackend, call, failed, reasoning, text

OpenWindow = Callable[..., Any]
AXE: Final = SOURCES / "node_modules/axe-core/axe.min.js"
LOOKS: Final = pytest.mark.parametrize(
    ("width", "scheme"), [(1280, "light"), (1280, "dark"), (390, "light"), (390, "dark")]
)
BEFORE: Final = '''def greet(name: str) -> str:
    """Return what somebody is greeted with, which is the same at each time of the day."""
    return f"Hello, wrld! And hello, {name}!"
'''
AFTER: Final = BEFORE.replace("wrld", "world").replace(" And hello", " And a very good day to you and yours")
PLAN: Final = "# Fix the greeting\n\n1. Run `check.sh`, and read what it says\n2. Mend **greet.py**\n3. Run it again\n"
OPTIONS: Final = [
    {"label": "Keep both", "description": "The old name stays, and says that it is an old one"},
    {"label": "The new one alone", "description": "Whoever uses the old one has to change"},
]
QUESTIONS: Final = [
    {"question": "Which name does the function have from now on?", "header": "Name", "options": OPTIONS},
    {"question": "Which of these are run afterwards?", "header": "Checks", "options": OPTIONS, "multiSelect": True},
]
FORM: Final = {
    "type": "object",
    "required": ["token"],
    "properties": {
        "token": {"type": "string", "title": "Name of the deployment", "description": "As it is called there"},
        "region": {"type": "string", "enum": ["north", "south"]},
        "dry": {"type": "boolean", "title": "Only try it"},
    },
}
OVER: Final = """() => {
    const faults = [];
    const told = (fault, each) => faults.push(fault + ": " + each.outerHTML.slice(0, 90));
    const names = "button, select, input, textarea, summary, h1, h2, h3, legend, label, p, li";
    const shown = [...document.querySelectorAll(names)]
        .filter(each => each.checkVisibility({ opacityProperty: true, visibilityProperty: true }));
    for (const each of shown) {
        if (each.closest(".unseen, pre, .diff-body, .keys, .composer-settings")) continue;
        const box = each.getBoundingClientRect();
        if (box.width <= 1 || box.height <= 1) continue;
        if (box.left < -1 || box.right > innerWidth + 1) told("beside the page", each);
        if (each.matches("button") && each.scrollWidth > each.clientWidth + 1) told("cut", each);
    }
    if (document.documentElement.scrollWidth > innerWidth) faults.push("the page is wider than its window");
    return faults;
}"""
"""What lies beside the window, and each button whose words have no room."""


ROOM: Final = """field => {
    const style = getComputedStyle(field);
    const pen = document.createElement("canvas").getContext("2d");
    pen.font = `${style.fontSize} ${style.fontFamily}`;
    const words = field.selectedOptions?.[0]?.text ?? (field.value || field.placeholder);
    return field.clientWidth - parseFloat(style.paddingLeft) - pen.measureText(words.trim()).width;
}"""
"""How much more room a field has than its words need."""


def looked_at(tab: Tab, name: str, width: int, scheme: str) -> None:
    """Keep a picture, and have nothing cut off, out of sight, or shut to who does not see it."""
    tab.shot(f"{name}-{scheme}-{width}")
    assert tab.page.evaluate(OVER) == [], name
    if (width > 760) == (scheme == "dark"):  # Each size once, and each theme once.
        return
    tab.page.evaluate(AXE.read_text())
    found = tab.page.evaluate("axe.run()")["violations"]
    assert [(each["id"], [node["html"][:160] for node in each["nodes"]]) for each in found] == [], name


def readable(tab: Tab) -> None:
    """Have each setting below the composer read in full, and reached where there is no room for all at once."""
    for name in ("Agent", "Model", "Effort", "Permissions", "Sandbox"):
        field = tab.page.get_by_role("combobox", name=name)
        field.focus()
        expect(field).to_be_in_viewport(ratio=1)
        assert field.evaluate(ROOM) >= 0, name
    tab.page.get_by_role("combobox", name="Agent").focus()


@LOOKS
def test_what_is_asked_is_whole(
    quick: Server, memory: MemoryBackend, open_window: OpenWindow, width: int, scheme: str
) -> None:
    file = str(quick.service.cwd / "src" / "greet.py")
    memory.reply(text("I mend it:"), call("Edit", file_path=file, old_string=BEFORE, new_string=AFTER))
    memory.reply(call("AskUserQuestion", questions=QUESTIONS))
    memory.reply(call("ExitPlanMode", plan=PLAN)).otherwise(text("ok"))
    tab = open_window(quick, viewport={"width": width, "height": 860}, color_scheme=scheme).tab()
    tab.say("Fix the greeting")
    expect(tab.asking.locator("tr.plus").first).to_be_visible()
    (chat,) = quick.service.open_chats
    form = ElicitationRequest(message="Where shall it go?", server="deployments", schema=FORM, request_id="form")

    async def tell(service: Any) -> None:
        del service
        message = {"type": "system", "subtype": "request_opened", "request_id": "form", "kind": "elicitation"}
        chat.take(parse_message({**message, "request": form.to_wire()}))

    quick.call(tell)
    expect(tab.page.get_by_text("1 of 2 that wait for an answer")).to_be_visible()
    tab.say("And then the docs", by="Queue")
    tab.message.fill("")
    looked_at(tab, "asked-edit", width, scheme)
    in_sight(tab, "Allow once", "Deny", "Deny and stop")
    tab.answer("Allow once", about="greet.py")
    asked = tab.page.get_by_role("dialog", name="deployments asks")
    expect(asked).to_be_visible()
    looked_at(tab, "asked-form", width, scheme)
    in_sight(tab, "Accept", "Decline", "Cancel")
    asked.get_by_role("textbox", name="Name of the deployment").fill("staging")
    gone = {"type": "system", "subtype": "request_resolved", "request_id": "form", "outcome": "withdrawn"}

    async def withdraw(service: Any) -> None:
        del service
        chat.take(parse_message(gone))

    quick.call(withdraw)
    expect(asked).to_have_count(0)
    form_of_questions = tab.page.get_by_role("dialog", name="Which name does the function have")
    expect(form_of_questions).to_be_visible()
    looked_at(tab, "asked-questions", width, scheme)
    in_sight(tab, "Answer", "Decline")
    for group in form_of_questions.get_by_role("group").all():
        group.get_by_text("Keep both").click()
    tab.button("Answer").click()
    plan = tab.page.get_by_role("alertdialog", name="carry out this plan")
    expect(plan.locator("strong", has_text="greet.py")).to_be_visible()
    looked_at(tab, "asked-plan", width, scheme)
    in_sight(tab, "Deny")
    tab.answer("Deny", about="carry out this plan")
    tab.ended()


def in_sight(tab: Tab, *names: str) -> None:
    """Have each of the answers seen as a whole."""
    asked: Locator = tab.page.locator(".ask")
    for name in names:
        expect(asked.get_by_role("button", name=name, exact=True).first).to_be_in_viewport(ratio=1)


@LOOKS
def test_panels_and_forms_are_whole(
    quick: Server, memory: MemoryBackend, open_window: OpenWindow, width: int, scheme: str
) -> None:
    file = str(quick.service.cwd / "src" / "greet.py")
    gate = Gate()
    memory.on("Bash", "\n".join(f"{number:3} checks are good" for number in range(40)))
    memory.reply(
        reasoning("The test names the function, so that I look there first."),
        text(
            "I look at what the test says, and then at `greet.py`:\n\n| File | Lines |\n|---|---|\n| greet.py | 12 |\n"
        ),
        call("Bash", command="python3 -m pytest tests/test_greeting.py -q --maxfail=1 && echo all is well"),
    )
    memory.reply(call("Edit", file_path=file, old_string=BEFORE, new_string=AFTER))
    memory.reply(
        call(
            "TodoWrite",
            todos=[{"content": "Look", "status": "completed"}, {"content": "Mend it", "status": "in_progress"}],
        )
    )
    memory.reply(text("It is mended.\n\n```python\n" + AFTER + "```\n"))
    memory.reply(text("I go on "), gate, text("with it.")).reply(failed("server_error", "The model is overloaded."))
    tab = open_window(quick, viewport={"width": width, "height": 860}, color_scheme=scheme).tab()
    expect(tab.page.get_by_role("combobox", name="Sandbox")).to_be_visible()
    looked_at(tab, "new", width, scheme)
    tab.page.get_by_role("combobox", name="Permissions").select_option("bypass")
    tab.say("Fix the greeting in greet.py, and say what you did")
    expect(tab.log.get_by_text("It is mended.")).to_be_visible()
    tab.ended()
    looked_at(tab, "turn", width, scheme)
    readable(tab)
    tab.page.locator(".scroller").evaluate(
        "area => { area.dispatchEvent(new WheelEvent('wheel', { deltaY: -9 })); area.scrollTop = 0; }"
    )
    folded = tab.log.locator(".fold[aria-expanded=false]")
    for _ in range(folded.count()):
        folded.first.click()
    looked_at(tab, "turn-unfolded", width, scheme)
    for side, name in enumerate(("Side by side", "Unified")):
        card = tab.card("Edit")
        if card.get_by_role("button", name=name).count():
            card.get_by_role("button", name=name).first.click()
            looked_at(tab, f"diff-{side}", width, scheme)
    tab.button("Review").click()
    looked_at(tab, "review", width, scheme)
    tab.button("Close the review").click()
    tab.page.get_by_role("button", name="Tokens and cost").click()
    expect(tab.page.locator(".chart canvas")).to_be_visible()
    looked_at(tab, "usage", width, scheme)
    tab.button("Close tokens and cost").click()
    tab.page.get_by_label("More").click()
    expect(tab.page.get_by_role("link", name="Export as Markdown")).to_be_in_viewport(ratio=1)
    looked_at(tab, "export", width, scheme)
    tab.button("Raw messages").click()
    raw = tab.page.get_by_role("dialog", name="Raw messages")
    raw.locator("summary").last.click()
    looked_at(tab, "raw", width, scheme)
    tab.button("Close the raw messages").click()
    tab.say("Go on")
    expect(tab.log.get_by_text("I go on")).to_be_visible()
    tab.say("And then the docs, of which there are some that nobody has read for long", by="Queue")
    expect(tab.page.get_by_role("list", name="Prompts that wait")).to_be_visible()
    tab.message.fill("Both, please")
    looked_at(tab, "working", width, scheme)
    gate.open()
    expect(tab.page.get_by_role("group", name="What to do now")).to_be_visible()
    looked_at(tab, "failed", width, scheme)
    if width < 760:
        tab.button("Chats").click()
        expect(tab.button("New chat")).to_be_visible()
        until(tab.page, "() => document.querySelector('.sidebar').getBoundingClientRect().left === 0")
        looked_at(tab, "list", width, scheme)
    tab.button("Settings").click()
    expect(tab.page.get_by_label("permission_mode", exact=True)).to_be_visible()
    looked_at(tab, "settings", width, scheme)
