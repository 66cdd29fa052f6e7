"""The account and the logins of the real claude, as far as they go without anybody who logs in."""

from __future__ import annotations

import json

import pytest
from tests.claude.driving import Claude

from agent_sdk_core import Account, AuthenticationError, InvalidRequestError, Secret, UnsupportedError

pytestmark = pytest.mark.anyio

OFFLINE = dict.fromkeys(("HTTPS_PROXY", "https_proxy"), "http://127.0.0.1:9")


def without_a_key(claude: Claude) -> dict[str, str]:
    """Return an environment in which nobody is logged in."""
    return {name: value for name, value in claude.env.items() if not name.startswith("ANTHROPIC_")} | OFFLINE


async def test_who_is_not_logged_in_needs_a_login(claude: Claude) -> None:
    async with claude.backend(env=without_a_key(claude)) as backend:
        assert await backend.account() == Account("none", needs_login=True)


async def test_a_stored_login_is_told_without_its_tokens_and_a_logout_takes_it(claude: Claude) -> None:
    tokens = {"accessToken": "sk-ant-oat01-none", "refreshToken": "sk-ant-ort01-none", "expiresAt": 4102444800000}
    stored = {"claudeAiOauth": {**tokens, "scopes": ["user:inference", "user:profile"], "subscriptionType": "max"}}
    (claude.config / ".credentials.json").write_text(json.dumps(stored))
    async with claude.backend(env=without_a_key(claude)) as backend:
        account = await backend.account()
        assert (account.kind, account.plan, account.needs_login) == ("subscription", "Claude Max", False)
        assert "sk-ant" not in repr(account)
        found = await backend.diagnose()
        assert (found.login, found.logged_in) == ("Claude account (claude.ai, Claude Max plan)", True)
        await backend.logout()
        assert (await backend.account()).needs_login
    assert not (claude.config / ".credentials.json").exists()


async def test_a_code_that_cannot_be_redeemed_ends_the_login(claude: Claude) -> None:
    async with claude.backend(env=without_a_key(claude)) as backend, await backend.login("console") as login:
        assert login.manual_url is not None
        with pytest.raises(InvalidRequestError, match="blank"):
            await login.submit_code(" ")
        with pytest.raises(AuthenticationError, match="Claude could not log in"):
            await login.submit_code("no-code")
        with pytest.raises(AuthenticationError, match="Claude could not log in"):
            await login.wait()


async def test_a_key_is_refused_for_claude_stores_none(claude: Claude) -> None:
    with pytest.raises(UnsupportedError, match="'browser', 'console'"):
        await claude.backend().login(api_key=Secret("sk-ant-none-at-all"))
