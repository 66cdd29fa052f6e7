"""The account of the agent: told without a credential, a login that is begun, given up, refused, and a logout."""

from __future__ import annotations

from typing import get_args

import anyio
import pytest

from agent_sdk_core import Account, AuthenticationError, LoginMethod, UnsupportedError
from agent_sdk_testing.contract.agent import Agent
from agent_sdk_testing.contract.traits import lacks, needs

pytestmark = pytest.mark.anyio


@needs("login_methods")
async def test_the_account_is_told_and_crosses_processes(agent: Agent) -> None:
    async with agent.backend() as backend:
        account = await backend.account()
    assert not account.needs_login
    assert Account.from_wire(account.to_wire()) == account


@needs("login_methods")
async def test_a_login_that_is_given_up_tells_so_to_who_waits(agent: Agent) -> None:
    async with agent.backend() as backend:
        async with await backend.login() as login:
            assert (login.url or "").startswith("https://")
            assert not login.done
        assert login.done
        with pytest.raises(AuthenticationError):
            await login.wait()
        await login.cancel()


@needs("login_methods")
async def test_a_login_ends_with_its_backend(agent: Agent) -> None:
    async with agent.backend() as backend:
        login = await backend.login()
    with anyio.fail_after(30), pytest.raises(AuthenticationError):
        await login.wait()


@needs("login_methods")
async def test_a_login_that_nobody_completes_ends_at_its_deadline(agent: Agent) -> None:
    async with agent.backend() as backend:
        login = await backend.login(timeout=0.05)
        with pytest.raises(AuthenticationError):
            await login.wait()


@needs("login_methods")
async def test_a_way_to_log_in_that_the_agent_does_not_have_is_refused(agent: Agent) -> None:
    backend = agent.backend()
    lacking = set(get_args(LoginMethod)) - set(backend.capabilities.login_methods)
    for method in sorted(lacking):
        with pytest.raises(UnsupportedError, match="there are"):
            await backend.login(method)


@needs("login_methods")
async def test_a_logout_is_told_as_an_event(agent: Agent) -> None:
    backend = agent.backend()
    events = backend.events()
    async with backend:
        await backend.logout()
    assert "account" in [event.kind async for event in events]


@lacks("login_methods")
async def test_an_agent_without_a_login_says_so(agent: Agent) -> None:
    async with agent.backend() as backend:
        with pytest.raises(UnsupportedError):
            await backend.login()
        with pytest.raises(UnsupportedError):
            await backend.logout()
        with pytest.raises(UnsupportedError):
            await backend.account()
