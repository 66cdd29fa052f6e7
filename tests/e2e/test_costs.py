"""What the page says of an agent beside its work: which models there are and how old that is, and what a chat costs."""

# pyright: reportUnknownMemberType=false
from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Request, Route, expect
from tests.e2e.serving import Server

from agent_sdk_core import AgentError, ChatModel
from agent_sdk_testing import MemoryBackend, ScriptedModel, text

OpenWindow = Callable[..., Any]
BOTH = pytest.mark.parametrize("real", ["claude", "codex"], indirect=True)
MODELS = "**/api/models?*"


def test_the_list_of_models_says_how_old_it_is_and_is_asked_for_again(
    quick: Server, memory: MemoryBackend, open_window: OpenWindow, monkeypatch: pytest.MonkeyPatch
) -> None:
    window = open_window(quick)

    def old(route: Route) -> None:
        answer = route.fetch()
        route.fulfill(json={**answer.json(), "at": time.time() - 7 * 60})

    window.context.route(MODELS, old)
    tab = window.tab()
    field = tab.page.get_by_role("combobox", name="Model")
    again = tab.button("Ask for the models again")
    expect(field).to_have_accessible_description(re.compile("models, asked for 7 minutes ago"))
    expect(again).to_have_accessible_description(re.compile("7 minutes ago"))
    window.context.unroute(MODELS)
    known = quick.call(lambda service: service.models("memory")).models
    asked: list[str] = []

    async def list_models() -> Any:
        asked.append("models")
        if len(asked) > 1:
            raise AgentError("The agent is not to be reached.")
        return [*known, ChatModel("brand-new", "Brand new", memory.type)]

    monkeypatch.setattr(memory, "list_models", list_models)
    again.click()
    expect(tab.page.locator(".toast")).to_have_text(f"The agent was asked again: it has {len(known) + 1} models.")
    expect(field).to_have_accessible_description(re.compile("asked for just now"))
    expect(tab.page.locator("datalist option[value=brand-new]")).to_be_attached()
    again.click()
    expect(tab.page.get_by_role("alert")).to_contain_text("The agent is not to be reached.")
    expect(tab.page.locator("datalist option[value=brand-new]")).to_be_attached()
    assert asked == ["models"] * 2


@BOTH
def test_any_name_is_taken_for_a_model(real: tuple[Server, ScriptedModel], open_window: OpenWindow) -> None:
    server, model = real
    model.otherwise(text("ok"))
    tab = open_window(server).tab()
    field = tab.page.get_by_role("combobox", name="Model")
    field.fill("a-model-of-my-own")
    tab.say("Hi")
    tab.ended()
    expect(field).to_have_value("a-model-of-my-own")
    assert model.requests[-1].model == "a-model-of-my-own"
    asked: list[str] = []

    def note(request: Request) -> None:
        asked.append(request.url)

    tab.page.on("request", note)
    tab.button("Ask for the models again").click()
    expect(tab.page.locator(".toast")).to_contain_text("The agent was asked again")
    assert [url for url in asked if "fresh=true" in url]


@BOTH
def test_cost_is_shown_with_who_tells_it_and_not_made_up(
    real: tuple[Server, ScriptedModel], open_window: OpenWindow
) -> None:
    server, model = real
    model.otherwise(text("ok"))
    tab = open_window(server).tab()
    for number in (1, 2):
        tab.say(f"Hi {number}")
        expect(tab.log.locator(".ending")).to_have_count(number)
        tab.ended()
    told = server.service.backends[0] == "claude"
    meter = tab.page.get_by_role("button", name="Tokens and cost.")
    expect(meter).to_have_accessible_name(re.compile(r"\$0\.\d+ \(as the agent tells\)" if told else "Cost: not told"))
    meter.click()
    panel = tab.page.get_by_role("dialog", name="Tokens and cost")
    rows = panel.locator("table:not(.u-legend) tbody tr")
    expect(rows).to_have_count(2)
    chart = panel.get_by_role("img", name=re.compile("^Tokens and cost of 2 turns" if told else "^Tokens of 2 turns"))
    expect(chart.locator("canvas")).to_be_visible()
    legend = ["Tokens in", "Tokens out", *(["Cost so far"] if told else [])]
    expect(chart.locator(".u-legend th")).to_have_text(legend)
    costs = rows.locator("td:last-child").all_inner_texts()
    if told:
        expect(panel.get_by_text(re.compile(r"^\$0\.\d{4} in all, as the agent tells$"))).to_be_visible()
        amounts = [float(cost.removeprefix("$")) for cost in costs]
        assert 0 < amounts[0] <= amounts[1]
    else:
        expect(panel.get_by_text("What this costs is not told")).to_be_visible()
        assert [cost.isascii() for cost in costs] == [False] * 2, "a dash, and no amount"
        expect(tab.page.locator("main")).not_to_contain_text("$")
    tab.shot(f"cost-{server.service.backends[0]}")
