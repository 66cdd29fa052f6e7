"""An agent that hangs: Stop answers at once, pressed again it does not wait, and it leaves a chat that goes on."""

# pyright: reportUnknownMemberType=false
from __future__ import annotations

import os
import signal
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from typing import Any

import pytest
from playwright.sync_api import expect
from tests.e2e.conftest import Tab
from tests.e2e.serving import Server
from tests.e2e.test_conversation import agents_of

from agent_sdk_core.runtime.turns import runner
from agent_sdk_testing import Gate, ScriptedModel, text

OpenWindow = Callable[..., Any]
Real = tuple[Server, ScriptedModel]
BOTH = pytest.mark.parametrize("real", ["claude", "codex"], indirect=True)


@contextmanager
def hung(tab: Tab) -> Generator[None]:
    """Stop the processes of the agent, in the middle of its turn."""
    tab.say("Go")
    expect(tab.log.get_by_text("I think")).to_be_visible(timeout=25_000)
    pids = agents_of(os.getpid())
    assert pids
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)


def goes_on(tab: Tab) -> None:
    """See that the turn has ended without the agent, and that it answers again."""
    expect(tab.log.get_by_role("alert")).to_contain_text("The agent did not confirm the interrupt.", timeout=20_000)
    tab.ended()
    tab.say("Are you back?")
    expect(tab.log.get_by_text("back", exact=True)).to_be_visible(timeout=25_000)


@BOTH
def test_stop_of_an_agent_that_hangs_is_told_at_once_and_the_chat_goes_on(real: Real, open_window: OpenWindow) -> None:
    server, model = real
    gate = Gate()
    model.reply(text("I think", " about", " it"), gate).otherwise(text("back"))
    tab = open_window(server).tab()
    with hung(tab):
        stop = tab.page.locator("button.stop")
        stop.click()
        expect(stop).to_have_text("Stopping …", timeout=2_000)
        goes_on(tab)
    gate.open()


@BOTH
@pytest.mark.parametrize("by", ["button", "Escape"])
def test_stop_pressed_again_does_not_wait_for_an_agent_that_hangs(
    real: Real, open_window: OpenWindow, monkeypatch: pytest.MonkeyPatch, by: str
) -> None:
    monkeypatch.setattr(runner, "INTERRUPT_SECONDS", 600.0)
    server, model = real
    gate = Gate()
    model.reply(text("I think", " about", " it"), gate).otherwise(text("back"))
    tab = open_window(server).tab()
    with hung(tab):
        stop = tab.page.locator("button.stop")
        for name in ("Stop", "Stop now"):
            expect(stop).to_have_text(name)
            if by == "button":
                stop.click()
            else:
                tab.message.press("Escape")
            expect(stop).to_have_text("Stopping …", timeout=2_000)
        goes_on(tab)
    gate.open()
