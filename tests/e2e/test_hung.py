"""An agent that hangs: Stop answers at once, says what becomes of it, and leaves a chat that goes on."""

# pyright: reportUnknownMemberType=false
from __future__ import annotations

import os
import signal
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from playwright.sync_api import expect
from tests.e2e.serving import Server
from tests.e2e.test_conversation import agents_of

from agent_sdk_testing import Gate, ScriptedModel, text

OpenWindow = Callable[..., Any]
Real = tuple[Server, ScriptedModel]
BOTH = pytest.mark.parametrize("real", ["claude", "codex"], indirect=True)


@BOTH
def test_stop_of_an_agent_that_hangs_is_told_at_once_and_the_chat_goes_on(real: Real, open_window: OpenWindow) -> None:
    server, model = real
    gate = Gate()
    model.reply(text("I think", " about", " it"), gate).otherwise(text("back"))
    tab = open_window(server).tab()
    tab.say("Go")
    expect(tab.log.get_by_text("I think")).to_be_visible(timeout=25_000)
    hung = agents_of(os.getpid())
    assert hung
    for pid in hung:
        os.kill(pid, signal.SIGSTOP)
    try:
        stop = tab.page.locator("button.stop")
        stop.click()
        expect(stop).to_have_text("Stopping …", timeout=2_000)
        expect(tab.log.get_by_role("alert")).to_contain_text("The agent did not confirm the interrupt.", timeout=20_000)
        tab.ended()
        tab.say("Are you back?")
        expect(tab.log.get_by_text("back", exact=True)).to_be_visible(timeout=25_000)
    finally:
        for pid in hung:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)
        gate.open()
