"""Tools as cards: one of each kind, and sub-agents with what they said and did within theirs."""

# pyright: reportUnknownMemberType=false
from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final, get_args

import anyio
import pytest
from playwright.sync_api import expect
from tests.e2e.conftest import Tab
from tests.e2e.serving import Server

from agent_sdk_core import ToolKind, tool
from agent_sdk_core.asking.permissions import PermissionRequest
from agent_sdk_core.messages.kinds import tool_kind
from agent_sdk_core.messages.parse import parse_message
from agent_sdk_testing import (
    ModelRequest,
    ScriptedModel,
    Step,
    call,
    call_tool,
    edit_file,
    run_command,
    text,
    write_codex_home,
)

OpenWindow = Callable[..., Any]
QUESTION: Final = {"question": "Which?", "options": [{"label": "a"}, {"label": "b"}]}
USES: Final[tuple[tuple[str, dict[str, Any], str], ...]] = (
    ("Bash", {"command": "make -j2"}, "Bash: make -j2"),
    ("Read", {"file_path": "a.txt"}, "Read: a.txt"),
    ("Edit", {"file_path": "b.txt", "old_string": "one", "new_string": "two"}, "Edit: b.txt"),
    ("Delete", {"file_path": "c.txt"}, "Delete: c.txt"),
    ("Move", {"file_path": "d.txt", "new_path": "e.txt"}, "Move: d.txt → e.txt"),
    ("Grep", {"pattern": "todo", "path": "src"}, "Grep: todo in src"),
    ("WebFetch", {"url": "https://example.org/"}, "WebFetch: https://example.org/"),
    ("TodoWrite", {"todos": [{"content": "Look", "status": "completed"}]}, "Plan"),
    ("AskUserQuestion", {"questions": [QUESTION]}, "Question: Which?"),
    ("ExitPlanMode", {"plan": "1. Look"}, "Proposed plan"),
    ("Agent", {"description": "Counting", "prompt": "Count"}, "Sub-agent: Counting"),
    ("mcp__git__log", {"n": 3}, 'git · log: {"n": 3}'),
    ("sleep", {"seconds": 1}, 'sleep: {"seconds": 1}'),
)
"""A tool of each kind, what it is given, and the name of its card."""


@pytest.mark.parametrize(("fails", "state"), [(False, "done"), (True, "failed")])
def test_each_kind_of_tool_has_its_card(quick: Server, open_window: OpenWindow, fails: bool, state: str) -> None:
    assert {tool_kind(name) for name, _, _ in USES} == set(get_args(ToolKind))
    tab = open_window(quick).tab()
    chat = quick.call(lambda service: service.create())
    tab.page.evaluate(f"location.hash = '#/chat/{chat.id}'")
    expect(tab.page.get_by_text("Nothing was said here yet.")).to_be_visible()

    def tell(role: str, content: list[dict[str, Any]]) -> None:
        async def take(service: Any) -> None:
            del service
            message = {"type": role, "uuid": f"{role}-1", "message": {"id": "m", "role": role, "content": content}}
            chat.take(parse_message(message))

        quick.call(take)

    ids = [f"t{number}" for number in range(len(USES))]
    tell(
        "assistant",
        [
            {"type": "tool_use", "id": use, "name": name, "input": given}
            for use, (name, given, _) in zip(ids, USES, strict=True)
        ],
    )
    for _, _, name in USES:
        card = tab.page.get_by_role("article", name=name, exact=True)
        expect(card.get_by_role("img", name="running")).to_be_visible()
        expect(card).to_have_attribute("aria-busy", "true")
    result = {"type": "tool_result", "content": "what came of it", "is_error": fails}
    tell("user", [{**result, "tool_use_id": use} for use in ids])
    for _, _, name in USES:
        card = tab.page.get_by_role("article", name=name, exact=True)
        expect(card.get_by_role("img", name=state)).to_be_visible()
        expect(card).to_have_attribute("aria-busy", "false")
    expect(tab.page.get_by_role("article", name="Edit: b.txt").locator("tr.plus")).to_contain_text("two")
    drawn = tab.log.locator("article .fold > svg:nth-of-type(2)").evaluate_all("all => all.map(each => each.innerHTML)")
    assert len(set(drawn)) == len(USES), "each kind has an icon of its own"
    tab.shot(f"cards-{state}")


STATES: Final = {
    "waiting": ("waits for your answer", "Waits for your answer."),
    "declined": ("declined", "It did not run."),
    "stopped": ("stopped", "half of it"),
}
"""How a card is told that waits, was declined or stopped: in its line, and below it where it is unfolded."""


@pytest.mark.parametrize(("tool", "given", "label"), USES, ids=[name for name, _, _ in USES])
def test_the_card_of_each_kind_says_in_words_that_it_waits_was_declined_or_stopped(
    quick: Server, open_window: OpenWindow, tool: str, given: dict[str, Any], label: str
) -> None:
    tab = open_window(quick).tab()
    for state in STATES:
        says_its_state(quick, tab, tool, given, label, state)


def says_its_state(quick: Server, tab: Tab, tool: str, given: dict[str, Any], label: str, state: str) -> None:
    """Show a card in a chat of its own, and look at what it says."""
    word, below = STATES[state]
    chat = quick.call(lambda service: service.create())
    tab.page.evaluate(f"location.hash = '#/chat/{chat.id}'")
    expect(tab.page.get_by_text("Nothing was said here yet.")).to_be_visible()

    use = {"type": "tool_use", "id": "t", "name": tool, "input": given}
    request = PermissionRequest(tool, given, request_id="r", tool_use_id="t")
    about = {"type": "system", "request_id": "r", "kind": "permission"}
    quick.tell(
        chat,
        {"type": "assistant", "uuid": "a", "message": {"id": "m", "content": [use]}},
        {**about, "subtype": "request_opened", "request": request.to_wire()},
    )
    outcome = {"outcome": "denied" if state == "declined" else "allowed", "by": "host"}
    result = {"type": "tool_result", "tool_use_id": "t", "content": "half of it", "is_error": True}
    if state != "waiting":
        quick.tell(
            chat,
            {**about, "subtype": "request_resolved", **outcome},
            {
                "type": "user",
                "uuid": "b",
                "message": {"role": "user", "content": [result]},
                "tool_use_result": {"interrupted": True, "stdout": "half of it"} if state == "stopped" else None,
            },
        )
    card = tab.page.get_by_role("article", name=label, exact=True)
    expect(card.get_by_role("img", name=word, exact=True)).to_have_text(word)
    expect(card).to_have_attribute("aria-busy", "true" if state == "waiting" else "false")
    fold = card.locator(".fold").first
    expect(fold).to_have_accessible_name(re.compile(f"{re.escape(label.split(':')[0])}.*{word}"))
    expect(fold.locator("> svg")).to_have_count(2)  # That it folds, and its kind.
    assert fold.evaluate("fold => fold.offsetHeight") < 40, "one line"
    if fold.get_attribute("aria-expanded") == "false":
        fold.press("Enter")
    has_more = card.locator(".steps, .markdown, .diff").count() > 0
    if state == "stopped" or not has_more:
        expect(card.locator(".body")).to_contain_text(below)
    if state == "declined":
        expect(card.locator(".body")).not_to_contain_text("half of it")


IMAGE: Final = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
SVG: Final = "PHN2ZyB4bWxucz0iaHR0cDovL3d3dy53My5vcmcvMjAwMC9zdmciIG9ubG9hZD0iaGFja2VkPTEiLz4="


def picture(media_type: str, data: str) -> dict[str, Any]:
    return {"type": "image", "source": {"type": "base64", "media_type": media_type, "data": data}}


def test_each_kind_of_tool_shows_its_output_while_it_runs_and_then_its_images(
    quick: Server, open_window: OpenWindow
) -> None:
    tab = open_window(quick).tab()
    chat = quick.call(lambda service: service.create())
    tab.page.evaluate(f"location.hash = '#/chat/{chat.id}'")
    expect(tab.page.get_by_text("Nothing was said here yet.")).to_be_visible()

    def tell(message: dict[str, Any]) -> None:
        async def take(service: Any) -> None:
            del service
            chat.take(parse_message(message))

        quick.call(take)

    for number, (name, given, label) in enumerate(USES):
        use = {"type": "tool_use", "id": f"t{number}", "name": name, "input": given}
        tell({"type": "assistant", "uuid": f"a{number}", "message": {"id": f"m{number}", "content": [use]}})
        tell({"type": "tool_progress", "tool_use_id": f"t{number}", "tool_name": name, "output": f"line {number}\n"})
        card = tab.page.get_by_role("article", name=label, exact=True)
        fold = card.locator(".fold").first
        if fold.get_attribute("aria-expanded") == "false":
            fold.press("Enter")
        expect(card.get_by_label("Output")).to_have_text(f"line {number}")
        content = [{"type": "text", "text": "made"}, picture("image/png", IMAGE), picture("image/svg+xml", SVG)]
        result = {"type": "tool_result", "tool_use_id": f"t{number}", "content": content}
        tell({"type": "user", "uuid": f"r{number}", "message": {"role": "user", "content": [result]}})
        expect(card.get_by_role("img", name="done")).to_be_visible()
        if fold.get_attribute("aria-expanded") == "false":
            fold.press("Enter")
        expect(card.get_by_role("img", name="Image 1 of the result")).to_be_visible()
        expect(card.get_by_role("img", name=re.compile("^Image"))).to_have_count(1)
    edit = tab.page.get_by_role("article", name="Edit: b.txt")
    edit.get_by_role("button", name="Side by side").press("Enter")
    expect(edit.locator("td.minus")).to_have_text("one")
    expect(edit.locator("td.plus")).to_have_text("two")
    edit.get_by_role("button", name="Unified").press("Enter")
    expect(edit.locator("tr.plus")).to_contain_text("two")
    assert tab.page.evaluate("window.hacked") is None
    tab.shot("cards-images")


THREAD = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def awaited(request: ModelRequest) -> Step:
    """Wait for the sub-agent that was started."""
    [thread] = {match[0] for output in request.tool_outputs if (match := THREAD.search(output.text))}
    return call("wait_agent", namespace="multi_agent_v1", targets=[thread], timeout_ms=20_000)


@pytest.mark.parametrize("real", ["codex"], indirect=True)
def test_a_sub_agent_that_runs_beside_the_turn_is_shown_within_its_card_also_after_a_reload(
    real: tuple[Server, ScriptedModel], open_window: OpenWindow
) -> None:
    server, model = real
    write_codex_home(server.service.cwd.parent / "codex", model, slug="mock-model")  # A model that may start them.
    model.when(lambda request: request.last_user_text == "Count the files").reply(
        text("I count."), call("exec_command", cmd="echo seven")
    ).reply(text("There are **seven**."))
    model.reply(call("spawn_agent", namespace="multi_agent_v1", message="Count the files")).reply(awaited)
    model.reply(text("Seven, it says."))
    tab = open_window(server).tab()
    tab.say("Have somebody count")
    expect(tab.log.get_by_text("Seven, it says.")).to_be_visible()
    tab.ended()
    for again in (False, True):
        if again:
            tab.page.reload()
        card = tab.page.get_by_role("article", name="Sub-agent: Count the files", exact=True)
        expect(card.get_by_role("img", name="done").first).to_be_visible()
        fold = card.locator(".fold").first
        if fold.get_attribute("aria-expanded") == "false":
            fold.click()
        expect(card.locator(".nested").get_by_text("I count.")).to_be_visible()
        expect(card.locator(".nested").get_by_role("article", name="echo seven")).to_be_visible()
        expect(card.locator(".nested strong", has_text="seven")).to_be_visible()
        expect(tab.log.locator("> .item").get_by_text("Seven, it says.")).to_be_visible()
    tab.shot("sub-agent")


@tool(read_only=True)
async def wait_long(seconds: int) -> str:
    """Wait."""
    await anyio.sleep(seconds)
    return "waited"


@pytest.mark.parametrize("doing", ["command", "tool", "asked command", "asked edit"])
@pytest.mark.parametrize(
    "real", [("claude", [wait_long]), ("codex", [wait_long])], indirect=True, ids=["claude", "codex"]
)
def test_what_a_stopped_turn_was_doing_is_stopped_and_not_failed(
    real: tuple[Server, ScriptedModel], open_window: OpenWindow, doing: str
) -> None:
    server, model = real
    name = server.service.backends[0]
    project = server.service.cwd
    (project / "a.txt").write_text("one\n")
    act: dict[str, Any] = {
        "command": run_command("echo begun; sleep 600"),
        "tool": call_tool("wait_long", seconds=600),
        "asked command": run_command("echo x > b.txt", escalate=True),
        "asked edit": edit_file(project / "a.txt", "one", "two"),
    }
    model.reply(act[doing]).otherwise(text("ok"))
    tab = open_window(server).tab()
    if doing == "command":
        tab.page.get_by_role("combobox", name="Permissions").select_option("bypass")
    tab.say("Go")
    card = tab.log.locator("> article").last
    expect(
        card.get_by_role("img", name="waits for your answer" if "asked" in doing else "running").first
    ).to_be_visible()
    tab.button("Stop").click()
    tab.ended()
    expect(card.get_by_role("img", name="stopped").first).to_be_visible()
    expect(tab.log.get_by_role("img", name="failed")).to_have_count(0)
    expect(tab.log.get_by_text("STOP what you are doing")).to_have_count(0)
    if "asked" in doing:
        expect(tab.log.locator(".answered")).to_contain_text("Withdrawn before it was answered")
    tab.page.reload()
    expect(card.get_by_role("img", name="stopped").first).to_be_visible()
    tab.shot(f"stopped-{doing.replace(' ', '-')}-{name}")
