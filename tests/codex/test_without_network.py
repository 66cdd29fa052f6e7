from __future__ import annotations

import anyio
import pytest
from tests.codex.driving import Codex

from agent_sdk_core import AgentError, ApiRetry, AuthenticationError
from agent_sdk_testing import write_codex_home

pytestmark = pytest.mark.anyio

_NOWHERE = "http://127.0.0.1:9"


async def test_a_turn_without_a_network_is_told_at_once_and_ends_as_an_error_that_names_it(codex: Codex) -> None:
    write_codex_home(codex.home, _NOWHERE, features={"unbounded_connection_retries": True})
    async with codex.session(retry_timeout=3) as session:
        with anyio.fail_after(30):
            async with session.query("Talk.") as turn:
                messages = [message async for message in turn]
        assert any(isinstance(message, ApiRetry) for message in messages)
        assert turn.result is not None
        assert isinstance(turn.result.error, AgentError)
        assert (turn.result.outcome, turn.result.error.code) == ("failed", "connection_failed")
        assert "could not be reached for 3 s" in turn.result.error.message
        assert "network" in turn.result.error.message
        assert session.state == "idle"


async def test_a_turn_that_nobody_is_logged_in_for_says_so_at_its_first_retry(codex: Codex) -> None:
    write_codex_home(codex.home, _NOWHERE, features={"unbounded_connection_retries": True})
    config = codex.home / "config.toml"
    config.write_text(config.read_text().replace("requires_openai_auth = false", "requires_openai_auth = true"))
    async with codex.session() as session:
        for _ in range(2):
            with anyio.fail_after(30):
                async with session.query("Talk.") as turn:
                    messages = [message async for message in turn]
            assert sum(isinstance(message, ApiRetry) for message in messages) <= 2
            assert turn.result is not None
            assert isinstance(turn.result.error, AuthenticationError)
            assert (turn.result.outcome, turn.result.error.retryable) == ("failed", False)
            assert "`codex login`" in turn.result.error.message
        assert session.state == "idle"
