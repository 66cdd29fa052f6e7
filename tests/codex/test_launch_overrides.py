from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from tests.codex.driving import Codex

from agent_sdk_core import HandshakeError
from agent_sdk_testing import text
from agent_sdk_testing.contract.watching import run

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("anyio_backend", ["asyncio"])]


async def test_overrides_hold_for_all_sessions_of_an_app_server_and_a_sessions_own_settings_beat_them(
    codex: Codex,
) -> None:
    codex.model.otherwise(text("Fine."))
    overrides: dict[str, Any] = {
        "model_verbosity": "high",
        "features.goals": False,
        "shell_environment_policy": {"set": {"odd name": 'a "b" é'}},
        "model_providers": {"other": {"name": "Other", "base_url": "http://127.0.0.1:1", "env_key": "OTHER_API_KEY"}},
    }
    async with codex.backend(config_overrides=overrides) as backend:
        plain = await codex.open(backend)
        await run(plain, "Talk.")
        other = await codex.open(backend, settings={"model_verbosity": "low"})
        await run(other, "Talk.")
        line = Path(f"/proc/{codex.pid(plain)}/cmdline").read_bytes()
    assert [request.json["text"]["verbosity"] for request in codex.model.requests] == ["high", "low"]
    assert "create_goal" not in codex.model.requests[0].tools
    assert b"OTHER_API_KEY" in line


async def test_the_application_introduces_itself_to_codex_and_to_the_provider(codex: Codex) -> None:
    codex.model.otherwise(text("Fine."))
    seen: list[Mapping[str, Any]] = []

    def note(direction: str, message: Mapping[str, Any]) -> None:
        seen.append(message)

    names = {"client_name": "my-app", "client_title": "My App", "client_version": "1.2.3"}
    async with codex.backend(wire_log=note, **names) as backend:
        await run(await codex.open(backend), "Talk.")
    [introduced] = [message["params"] for message in seen if message.get("method") == "initialize"]
    assert introduced["clientInfo"] == {"name": "my-app", "title": "My App", "version": "1.2.3"}
    headers = codex.model.requests[0].headers
    assert headers["user-agent"].startswith("my-app/")
    assert headers["user-agent"].endswith("(my-app; 1.2.3)")
    assert headers["originator"] == "my-app"


async def test_an_override_that_codex_refuses_is_told_by_the_start(codex: Codex) -> None:
    with pytest.raises(HandshakeError, match="unknown variant `loud`"):
        async with codex.backend(config_overrides={"model_verbosity": "loud"}):
            pass
