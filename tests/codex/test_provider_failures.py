from __future__ import annotations

import socket

import anyio
import pytest
from tests.codex.driving import Codex

from agent_sdk_core import AgentError, ApiRetry, Informational, RateLimitEvent
from agent_sdk_testing import http_error, stall, text, write_codex_home
from agent_sdk_testing.contract.watching import run, until

pytestmark = pytest.mark.anyio


async def test_a_provider_that_falls_silent_is_a_retry_and_then_an_error(codex: Codex) -> None:
    codex.settings(provider={"stream_idle_timeout_ms": 300, "stream_max_retries": 1})
    codex.model.reply(text("Hal"), stall()).reply(text("Ha"), stall())
    async with codex.session() as session:
        ran = await run(session, "Talk.")
    [retry] = ran.all(ApiRetry)
    assert (retry.attempt, retry.max_retries) == (1, 1)
    assert isinstance(ran.result.error, AgentError)
    assert (ran.result.error.code, ran.result.error.retryable) == ("connection_failed", True)


async def test_a_refused_connection_is_an_error_when_retries_are_bounded(codex: Codex) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # Bound, and never listening: every connection is refused.
        write_codex_home(codex.home, f"http://127.0.0.1:{nobody.getsockname()[1]}")
        async with codex.session() as session:
            ran = await run(session, "Talk.")
    assert ran.result.error is not None
    assert (ran.result.error.code, ran.result.error.retryable) == ("connection_failed", True)


async def test_an_interrupt_ends_the_endless_retries_of_a_refused_connection(codex: Codex) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{nobody.getsockname()[1]}"
        write_codex_home(codex.home, address, features={"unbounded_connection_retries": True})
        async with codex.session() as session:
            turn = session.query("Talk.")
            retry = await until(turn, ApiRetry)
            assert retry.error == "connection_failed"
            assert session.state == "running"
            with anyio.fail_after(30):
                await turn.interrupt()
            assert (await turn.wait()).outcome == "interrupted"


async def test_a_server_error_is_tried_again_unseen_when_requests_are_retried(codex: Codex) -> None:
    codex.settings(provider={"request_max_retries": 1})
    codex.model.reply(http_error(500)).reply(text("Better now."))
    async with codex.session() as session:
        ran = await run(session, "Talk.")
    assert ran.result.result == "Better now."
    assert ran.all(ApiRetry) == []


async def test_the_limits_of_the_account_are_told_when_they_change(codex: Codex) -> None:
    limits = {"x-codex-primary-used-percent": "42", "x-codex-primary-window-minutes": "300"}
    for used in ("42", "42", "43"):
        codex.model.reply(text("Hi."), headers={**limits, "x-codex-primary-used-percent": used})
    async with codex.session() as session:
        seen = [
            [message.rate_limit_info for message in (await run(session, "Talk.")).all(RateLimitEvent)] for _ in range(3)
        ]
    primaries: list[object] = [[info["primary"] for info in infos] for infos in seen]
    assert [len(infos) for infos in seen] == [1, 0, 1]
    assert "42" in str(primaries[0])
    assert "43" in str(primaries[2])


async def test_a_model_that_was_changed_by_the_provider_is_told(codex: Codex) -> None:
    codex.model.reply(text("Hi."), headers={"openai-model": "gpt-other"})
    async with codex.session() as session:
        ran = await run(session, "Talk.")
    notices = [message for message in ran.all(Informational) if "gpt-other" in message.content]
    assert [message.level for message in notices] == ["warning"]
    assert list(ran.result.model_usage or {}) == ["gpt-other"]
