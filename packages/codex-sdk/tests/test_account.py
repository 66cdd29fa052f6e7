from __future__ import annotations

from typing import Any

import pytest

from agent_sdk_core import Account, AgentError, AuthenticationError
from agent_sdk_testing import FakeCodex, FakeRequest
from codex_sdk.account import read_account
from codex_sdk.backend import CodexBackend

pytestmark = pytest.mark.anyio

STARTED = {"type": "chatgpt", "loginId": "l1", "authUrl": "https://example.com"}


@pytest.mark.parametrize(
    ("answer", "account"),
    [
        ({"account": None, "requiresOpenaiAuth": True}, Account("none", needs_login=True)),
        ({"account": None, "requiresOpenaiAuth": False}, Account("provider", needs_login=False)),
        ({"account": {"type": "apiKey"}}, Account("api_key", needs_login=False, source="apiKey")),
        ({"account": {"type": "amazonBedrock"}}, Account("provider", needs_login=False, source="amazonBedrock")),
        ({"account": {"type": "newer"}}, Account("token", needs_login=False, source="newer")),
        (
            {"account": {"type": "chatgpt", "email": "a@b.c", "planType": "unknown"}},
            Account("subscription", needs_login=False, email="a@b.c", source="chatgpt"),
        ),
    ],
)
def test_the_account_is_read(answer: dict[str, Any], account: Account) -> None:
    assert read_account(answer) == account


async def test_the_end_of_a_login_may_come_before_its_beginning_and_others_are_not_it(
    fake: FakeCodex, backend: CodexBackend
) -> None:
    def start(request: FakeRequest) -> None:
        fake.notify("account/login/completed", loginId="other", success=False, error="x")
        fake.notify("account/login/completed", loginId="l1", success=True, error=None)
        request.answer(STARTED)

    fake.on("account/login/start", start)
    fake.on("account/read", lambda request: request.answer({"account": {"type": "chatgpt"}}))
    async with backend:
        login = await backend.login()
        assert (await login.wait()).kind == "subscription"
        fake.notify("account/login/completed", loginId="l1", success=True, error=None)


async def test_a_login_that_fails_without_a_word_is_a_failure(fake: FakeCodex, backend: CodexBackend) -> None:
    fake.on("account/login/start", lambda request: request.answer(STARTED))
    async with backend:
        login = await backend.login()
        fake.notify("account/login/completed", loginId="l1", success=False, error=None)
        with pytest.raises(AuthenticationError, match="did not say why"):
            await login.wait()


async def test_what_codex_refuses_is_told(fake: FakeCodex, backend: CodexBackend) -> None:
    for method in ("account/login/start", "account/read", "account/logout"):
        fake.on(method, lambda request: request.refuse("Not today"))
    async with backend:
        with pytest.raises(AuthenticationError, match="Not today"):
            await backend.login()
        with pytest.raises(AgentError, match="Not today"):
            await backend.account()
        with pytest.raises(AgentError, match="Not today"):
            await backend.logout()


async def test_a_cancel_that_codex_does_not_take_ends_the_login_all_the_same(
    fake: FakeCodex, backend: CodexBackend
) -> None:
    fake.on("account/login/start", lambda request: request.answer(STARTED))
    fake.on("account/login/cancel", lambda request: request.refuse("No such login"))
    async with backend:
        login = await backend.login()
        await login.cancel()
        with pytest.raises(AuthenticationError, match="cancelled"):
            await login.wait()
