"""Hostile text where others than the model speak: forms, plans, steps, sub-agents, the list, the queue, completions."""

# pyright: reportUnknownMemberType=false
from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from playwright.sync_api import Route, expect
from tests.e2e.conftest import Tab
from tests.e2e.serving import Server

from agent_sdk_core.asking.requests import ElicitationRequest
from agent_sdk_core.messages.parse import parse_message
from agent_sdk_testing import Gate, MemoryBackend, call, failed, text

OpenWindow = Callable[..., Any]
LINK: Final = "javascript:window.hacked=1"
HOSTILE: Final = (
    f"shown <img src=x onerror=window.hacked=1><script>window.hacked=1</script> \u202egpj.\u2066exe\u2069\u202c "
    f"\x1b]8;;{LINK}\x07link\x1b]8;;\x07\x1b[31mred\x1b[0m\x9b2J [click]({LINK}) ![x]({LINK})"
)

SHOWN: Final = r"""() => {
  const power = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]/;
  const found = [];
  for (const each of document.body.querySelectorAll("*")) {
    const place = `${each.tagName} ${each.className}`;
    const said = [...each.childNodes].filter((node) => node.nodeType === 3).map((node) => node.data).join("");
    if (power.test(said)) found.push(`${place}: ${JSON.stringify(said)}`);
    for (const { name, value } of each.attributes) {
      if (name !== "value" && power.test(value)) found.push(`${place} ${name}: ${JSON.stringify(value)}`);
      if (name.startsWith("on") || /^\s*(javascript|data:text)/i.test(value)) found.push(`${place} ${name}=${value}`);
    }
    if (each.matches("script, iframe, object, embed, img[src=x]") && each.closest("main, nav")) found.push(place);
  }
  if (power.test(document.title)) found.push(document.title);
  return [...found, ...(window.hacked ? ["hacked"] : [])];
}"""
"""What has power over a reader or the page, with the place where it stands."""


def harmless(tab: Tab) -> None:
    """Have nothing of the page run, lead elsewhere, or be shown in another order than it is."""
    assert tab.page.evaluate(SHOWN) == []


def tell(server: Server, message: dict[str, Any]) -> None:
    """Have the agent of the open chat say something."""

    async def take(service: Any) -> None:
        service.open_chats[0].take(parse_message(message))

    server.call(take)


def offer(route: Route) -> None:
    """Answer what commands there are."""
    route.fulfill(json={"commands": [{"name": HOSTILE, "description": HOSTILE}]})


def test_what_is_asked_is_harmless(quick: Server, memory: MemoryBackend, open_window: OpenWindow) -> None:
    options = [{"label": f"{HOSTILE} {each}", "description": HOSTILE} for each in "ab"]
    question = {"question": HOSTILE, "header": HOSTILE, "options": options, "multiSelect": False}
    memory.reply(call("AskUserQuestion", questions=[question]))
    memory.reply(call("ExitPlanMode", plan=HOSTILE))
    memory.reply(call(HOSTILE, argument=HOSTILE, command=HOSTILE)).otherwise(text("Done."))
    tab = open_window(quick).tab()
    tab.say("Go")
    asked = tab.page.get_by_role("dialog", name="shown")
    expect(asked).to_be_visible()
    harmless(tab)
    asked.get_by_role("radio").first.check()
    tab.button("Answer").click()
    for about in ("carry out this plan", "shown"):
        expect(tab.page.get_by_role("alertdialog", name=about)).to_be_visible()
        harmless(tab)
        tab.answer("Allow once", about=about)
    expect(tab.log.get_by_text("Done.")).to_be_visible()
    tab.ended()
    fields = {"type": "string", "title": HOSTILE, "description": HOSTILE, "enum": [HOSTILE, "b"]}
    schema = {"type": "object", "properties": {HOSTILE: fields, "yes": {**fields, "type": "boolean"}}}
    common: dict[str, Any] = {"message": HOSTILE, "server": HOSTILE, "request_id": "form"}
    for form in (ElicitationRequest(**common, schema=schema), ElicitationRequest(**common, mode="url", url=LINK)):
        told = {"type": "system", "request_id": "form", "kind": "elicitation"}
        tell(quick, {**told, "subtype": "request_opened", "request": form.to_wire()})
        expect(tab.page.get_by_role("dialog", name="asks")).to_be_visible()
        expect(tab.page.locator(".ask a")).to_have_count(0)
        harmless(tab)
        tell(quick, {**told, "subtype": "request_resolved", "outcome": "withdrawn", "by": "agent"})
        expect(tab.page.get_by_role("dialog", name="asks")).to_have_count(0)


def test_what_agents_call_themselves_and_plan_is_harmless(
    quick: Server, memory: MemoryBackend, open_window: OpenWindow
) -> None:
    memory.reply(text("Done.")).otherwise(failed("server_error", HOSTILE))
    tab = open_window(quick).tab()
    tab.say("Go")
    expect(tab.log.get_by_text("Done.")).to_be_visible()
    steps = [{"content": HOSTILE, "activeForm": HOSTILE, "status": each} for each in ("completed", "in_progress")]
    uses: dict[str, dict[str, Any]] = {
        "TodoWrite": {"todos": steps},
        "Agent": {"description": HOSTILE, "prompt": HOSTILE, "subagent_type": HOSTILE},
        "WebFetch": {"url": LINK},
        f"mcp__{HOSTILE}__{HOSTILE}": {HOSTILE: HOSTILE},
    }
    content = [{"type": "tool_use", "id": name, "name": name, "input": given} for name, given in uses.items()]
    tell(quick, {"type": "assistant", "uuid": "a", "message": {"id": "m", "role": "assistant", "content": content}})
    said = {"id": "n", "role": "assistant", "content": [{"type": "text", "text": HOSTILE}]}
    tell(quick, {"type": "assistant", "uuid": "b", "parent_tool_use_id": "Agent", "message": said})
    task = {"type": "system", "task_id": HOSTILE, "tool_use_id": "Agent"}
    tell(quick, {**task, "subtype": "task_started", "description": HOSTILE})
    tell(quick, {**task, "subtype": "task_notification", "status": HOSTILE, "summary": HOSTILE})
    results = [{"type": "tool_result", "tool_use_id": name, "content": HOSTILE} for name in uses]
    tell(quick, {"type": "user", "uuid": "c", "message": {"role": "user", "content": results}})
    expect(tab.page.get_by_role("article")).to_have_count(4)
    tab.say("Fail")
    expect(tab.page.get_by_role("alert")).to_contain_text("shown")
    folded = tab.page.locator(".fold[aria-expanded=false]")
    while folded.count():
        folded.first.click()
    harmless(tab)
    tab.shot("hostile-agents")


def test_the_list_the_queue_and_completions_are_harmless(
    quick: Server, memory: MemoryBackend, open_window: OpenWindow
) -> None:
    name = HOSTILE.replace("/", "")
    (quick.service.cwd / name).write_text("x")
    gate = Gate()
    memory.reply(gate, text(HOSTILE)).otherwise(text("ok"))
    tab = open_window(quick).tab()
    tab.page.route("**/commands", offer)
    tab.say(HOSTILE)
    tab.say(f"{HOSTILE} again", by="Queue")
    expect(tab.page.get_by_role("list", name="Prompts that wait")).to_contain_text("again")
    for sign in ("/", "@"):
        tab.message.fill("")
        tab.message.press_sequentially(f"{sign}sho")
        expect(tab.page.get_by_role("option", name="shown")).to_be_visible()
        harmless(tab)
    tab.page.keyboard.press("Tab")
    expect(tab.message).to_have_value(f"@{name} ")
    tab.message.fill("")
    gate.open()
    tab.ended()
    tab.page.get_by_role("searchbox", name="Search chats").fill("click")
    expect(tab.page.get_by_role("navigation", name="Chats").locator("small")).to_contain_text("click")
    harmless(tab)
    tab.shot("hostile-list")
