# pyright: reportPrivateUsage=false
from __future__ import annotations

from typing import Any

import pytest

from agent_sdk_core import Account, AgentError, AuthenticationError, StartupTimeoutError
from agent_sdk_testing import FakeClaude
from claude_sdk.account import read_account
from claude_sdk.backend import ClaudeBackend
from claude_sdk.process import alone

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("told", "account"),
    [
        ({}, Account("none", needs_login=False)),
        ({"tokenSource": "none", "apiProvider": "firstParty"}, Account("none", needs_login=True)),
        ({"apiProvider": "bedrock"}, Account("provider", needs_login=False, source="bedrock")),
        ({"apiKeySource": "ANTHROPIC_API_KEY"}, Account("api_key", needs_login=False, source="ANTHROPIC_API_KEY")),
        ({"tokenSource": "apiKeyHelper"}, Account("api_key", needs_login=False, source="apiKeyHelper")),
        ({"tokenSource": "ANTHROPIC_AUTH_TOKEN"}, Account("token", needs_login=False, source="ANTHROPIC_AUTH_TOKEN")),
        (
            {"email": "a@b.c", "organization": "O", "subscriptionType": "Claude Max", "apiProvider": "firstParty"},
            Account("subscription", needs_login=False, email="a@b.c", plan="Claude Max", organisation="O"),
        ),
    ],
)
def test_the_account_is_read(told: dict[str, Any], account: Account) -> None:
    assert read_account(told) == account


async def test_a_login_that_claude_refuses_leaves_no_process(fake: FakeClaude, backend: ClaudeBackend) -> None:
    fake.on("claude_authenticate", lambda request: request.refuse("Managed settings forbid it."))
    async with backend:
        with pytest.raises(AuthenticationError, match=r"Managed settings forbid it\.$"):
            await backend.login()


async def test_a_login_that_succeeds_gives_the_account(fake: FakeClaude, backend: ClaudeBackend) -> None:
    urls = {"automaticUrl": "https://a", "manualUrl": "https://m?state=s1"}
    codes: list[object] = []
    fake.on("claude_authenticate", lambda request: request.answer(urls))
    fake.on("claude_oauth_callback", lambda request: (codes.append(request.fields), request.answer({})))
    fake.on("claude_oauth_wait_for_completion", lambda request: request.answer({}) if codes else None)
    fake.on(
        "initialize",
        lambda request: request.answer({**request.process.usual_payload(request), "account": {"email": "a@b.c"}}),
    )
    async with backend, await backend.login() as login:
        assert (login.url, login.manual_url) == ("https://a", "https://m?state=s1")
        await login.submit_code("abc")
        assert codes == [{"authorizationCode": "abc", "state": "s1"}]


async def test_a_login_that_is_open_is_killed_with_its_event_loop(fake: FakeClaude, backend: ClaudeBackend) -> None:
    fake.on("claude_authenticate", lambda request: request.answer({}))
    fake.on("claude_oauth_wait_for_completion", lambda request: None)
    async with backend:
        login = await backend.login()
        for link in backend._links:
            link.kill_now()
        with pytest.raises(AgentError):
            await login.wait()


def scripted(backend: ClaudeBackend, tmp_path: Any, body: str) -> None:
    script = tmp_path / "claude"
    script.write_text(f"#!/bin/sh\n{body}\n")
    script.chmod(0o755)
    backend._named = script


async def test_a_logout_that_fails_says_what_claude_said(backend: ClaudeBackend, tmp_path: Any) -> None:
    scripted(backend, tmp_path, "echo 'Error: the keychain is locked' >&2; exit 1")
    async with backend:
        with pytest.raises(AgentError, match=r"auth logout` failed: .*the keychain is locked"):
            await backend.logout()


async def test_a_logout_that_the_vendor_did_not_confirm_is_told(backend: ClaudeBackend, tmp_path: Any) -> None:
    scripted(backend, tmp_path, "echo 'Logged out, but nobody confirmed it.'")
    events = backend.events()
    async with backend:
        await backend.logout()
    warnings = [event.message for event in [event async for event in events] if event.kind == "warning"]
    assert warnings == ["claude auth logout: Logged out, but nobody confirmed it."]


async def test_a_logout_that_does_not_end_is_bounded(
    backend: ClaudeBackend, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(alone, "_COMMAND_SECONDS", 0.1)
    scripted(backend, tmp_path, "exec sleep 60")
    async with backend:
        with pytest.raises(StartupTimeoutError, match="did not end"):
            await backend.logout()
