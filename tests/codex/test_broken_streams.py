from __future__ import annotations

import pytest
from tests.codex.driving import Codex

from agent_sdk_core import ApiRetry, AssistantMessage
from agent_sdk_testing import disconnect, malformed, text
from agent_sdk_testing.contract.watching import run

pytestmark = pytest.mark.anyio


async def test_a_broken_stream_is_retried_and_what_came_of_it_is_void(codex: Codex) -> None:
    codex.configure(retries=2)
    codex.model.reply(text("First ", "try"), disconnect()).reply(text("Second try"), disconnect())
    codex.model.reply(text("Third try."))
    async with codex.session() as session:
        ran = await run(session, "Talk.")
    assert [(message.text, bool(message.aborted)) for message in ran.all(AssistantMessage)] == [
        ("First try", True),
        ("Second try", True),
        ("Third try.", False),
    ]
    assert [(retry.attempt, retry.max_retries) for retry in ran.all(ApiRetry)] == [(1, 2), (2, 2)]
    assert (ran.result.outcome, ran.result.result) == ("completed", "Third try.")


async def test_a_stream_that_stays_broken_fails_after_its_retries(codex: Codex) -> None:
    codex.configure(retries=1)
    codex.model.reply(text("First try"), disconnect()).reply(text("Second try"), disconnect())
    async with codex.session() as session:
        ran = await run(session, "Talk.")
    assert len(ran.all(ApiRetry)) == 1
    assert ran.result.outcome == "failed"
    assert all(message.aborted for message in ran.all(AssistantMessage))


async def test_a_malformed_event_of_the_model_is_no_failure(codex: Codex) -> None:
    codex.model.reply(text("Hel"), malformed(), text("lo"))
    async with codex.session() as session:
        ran = await run(session, "Talk.")
    assert (ran.result.outcome, ran.result.result) == ("completed", "Hello")
