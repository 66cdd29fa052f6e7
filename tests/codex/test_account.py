"""Logins at the real codex, against an issuer on this machine; no credential is a real one."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from tests.codex.auth_server import EMAIL, USER_CODE, auth_server
from tests.codex.driving import Codex

from agent_sdk_core import Account, AuthenticationError, ProcessExitedError, Secret
from agent_sdk_core.interfaces.backend import AgentBackend

pytestmark = pytest.mark.anyio

KEY = "sk-this-is-no-key-of-anybody"


def backend_at(codex: Codex, issuer: str) -> AgentBackend:
    """Return a backend without a model provider of its own, whose logins are made at this issuer."""
    home = Path(codex.env["CODEX_HOME"])
    (home / "config.toml").write_text(
        f'cli_auth_credentials_store = "file"\nchatgpt_base_url = "{issuer}/backend-api/"\n'
        "[features]\nplugins = false\napps = false\n"
    )
    nowhere = dict.fromkeys(("HTTPS_PROXY", "https_proxy"), "http://127.0.0.1:9")
    return codex.backend(env={**codex.env, **nowhere, "CODEX_APP_SERVER_LOGIN_ISSUER": issuer, "NO_PROXY": "127.0.0.1"})


async def test_a_login_by_code_gives_the_account_and_a_logout_takes_it(codex: Codex) -> None:
    with auth_server() as issuer:
        backend = backend_at(codex, issuer)
        events = backend.events()
        async with backend:
            assert await backend.account() == Account("none", needs_login=True)
            async with await backend.login("device_code") as login:
                assert (login.url, login.user_code) == (f"{issuer}/codex/device", USER_CODE)
                account = await login.wait()
            assert account == Account("subscription", needs_login=False, email=EMAIL, plan="plus", source="chatgpt")
            assert await backend.account() == account
            await backend.logout()
            assert await backend.account() == Account("none", needs_login=True)
    told = [event for event in [event async for event in events] if event.kind == "account"]
    assert [event.details.get("email") for event in told] == [EMAIL, None]


async def test_a_login_that_the_issuer_refuses_says_so(codex: Codex) -> None:
    with auth_server(refuse=True) as issuer:
        async with backend_at(codex, issuer) as backend, await backend.login("device_code") as login:
            with pytest.raises(AuthenticationError, match="Codex could not log in"):
                await login.wait()


async def test_a_key_goes_to_the_agent_and_is_shown_nowhere(codex: Codex) -> None:
    with auth_server() as issuer:
        backend = backend_at(codex, issuer)
        events = backend.events()
        async with backend:
            login = await backend.login(api_key=Secret(KEY))
            assert login.url is None
            account = await login.wait()
            assert (account.kind, account.needs_login) == ("api_key", False)
            await backend.logout()
    told = [event async for event in events]
    assert "account" in [event.kind for event in told]
    assert KEY not in repr((login, account, account.to_wire(), told))


async def test_a_login_that_the_configuration_forbids_is_refused(codex: Codex) -> None:
    with auth_server() as issuer:
        backend = backend_at(codex, issuer)
        config = Path(codex.env["CODEX_HOME"]) / "config.toml"
        config.write_text(f'forced_login_method = "chatgpt"\n{config.read_text()}')
        async with backend:
            with pytest.raises(AuthenticationError, match="login"):
                await backend.login(api_key=Secret(KEY))


async def test_a_codex_that_ends_ends_its_login(codex: Codex) -> None:
    with auth_server(refuse=True) as issuer:
        async with backend_at(codex, issuer) as backend:
            login = await backend.login("browser")
            os.kill(getattr(backend, "pid", 0), signal.SIGKILL)
            with pytest.raises(ProcessExitedError):
                await login.wait()
