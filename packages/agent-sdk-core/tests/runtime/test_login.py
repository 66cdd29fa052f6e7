# pyright: reportPrivateUsage=false
from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import anyio
import pytest

from agent_sdk_core import (
    Account,
    AgentError,
    AuthenticationError,
    InvalidRequestError,
    LoginMethod,
    Secret,
    SessionClosedError,
    UnsupportedError,
)
from agent_sdk_core.interfaces.capabilities import BackendCapabilities
from agent_sdk_core.runtime.login import LoginFlow, chosen_method

pytestmark = pytest.mark.anyio

ACCOUNT = Account("subscription", needs_login=False, email="a@b.c")


class Flow(LoginFlow):
    """A login that ends as the test says."""

    url = "https://example.com/login"

    def __init__(self) -> None:
        self.ending = anyio.Event()
        self.failure: AgentError | None = None
        self.closed: list[bool] = []
        self.codes: list[str] = []

    async def completed(self) -> None:
        await self.ending.wait()
        if self.failure is not None:
            raise self.failure

    async def submit_code(self, code: str) -> None:
        self.codes.append(code)
        if code == "wrong":
            raise AuthenticationError("Wrong code.")

    async def close(self, *, completed: bool) -> None:
        self.closed.append(completed)


@pytest.fixture
def flow() -> Flow:
    return Flow()


@pytest.fixture
def backend(make_backend: Callable[[], Any], flow: Flow, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A backend that logs in by this flow."""
    backend = make_backend()

    async def start(method: LoginMethod, api_key: Secret | None) -> LoginFlow:
        del method, api_key
        return flow

    async def read() -> Account:
        return ACCOUNT

    async def forget() -> None:
        return

    backend.capabilities = BackendCapabilities(login_methods=("browser", "api_key"))
    monkeypatch.setattr(backend, "_start_login", start)
    monkeypatch.setattr(backend, "_read_account", read)
    monkeypatch.setattr(backend, "_forget_login", forget)
    return backend


async def test_who_waits_gets_the_account_and_an_event_tells_it(backend: Any, flow: Flow) -> None:
    events = backend.events()
    async with backend:
        async with await backend.login() as login:
            assert (login.method, login.url, login.manual_url, login.user_code) == ("browser", Flow.url, None, None)
            flow.ending.set()
            assert await login.wait() == ACCOUNT
            assert login.done
        assert await backend.account() == ACCOUNT
        await backend.logout()
    told = [event.details for event in [event async for event in events] if event.kind == "account"]
    assert told == [ACCOUNT.to_wire(), {}]
    assert flow.closed == [True]


async def test_a_login_that_fails_says_why_to_everybody_who_waits(backend: Any, flow: Flow) -> None:
    async with backend:
        login = await backend.login()
        flow.failure = AuthenticationError("No.")
        flow.ending.set()
        for _ in range(2):
            with pytest.raises(AuthenticationError, match="No"):
                await login.wait()
    assert flow.closed == [False]


async def test_leaving_the_block_early_gives_it_up(backend: Any, flow: Flow) -> None:
    async with backend:
        async with await backend.login() as login:
            pass
        with pytest.raises(AuthenticationError) as caught:
            await login.wait()
        assert caught.value.code == "login_cancelled"
        with pytest.raises(AuthenticationError):
            await login.submit_code("late")
    assert flow.closed == [False]


async def test_a_wait_that_is_cancelled_leaves_the_login(backend: Any, flow: Flow) -> None:
    async with backend:
        login = await backend.login()
        with anyio.move_on_after(0):
            await login.wait()
        flow.ending.set()
        assert await login.wait() == ACCOUNT


async def test_nobody_who_logs_in_ends_it_at_the_deadline(backend: Any) -> None:
    async with backend:
        login = await backend.login(timeout=0.001)
        with pytest.raises(AuthenticationError, match=r"within 0\.001 s") as caught:
            await login.wait()
        assert caught.value.code == "login_expired"


async def test_a_code_is_handed_over_and_a_wrong_one_ends_it(backend: Any, flow: Flow) -> None:
    async with backend:
        login = await backend.login()
        await login.submit_code(" right\n")
        assert not login.done
        with pytest.raises(AuthenticationError, match="Wrong"):
            await login.submit_code("wrong")
        with pytest.raises(AuthenticationError, match="Wrong"):
            await login.wait()
        with pytest.raises(InvalidRequestError, match="blank"):
            await login.submit_code(" ")
    assert flow.codes == ["right", "wrong"]


async def test_it_ends_with_the_backend(backend: Any, flow: Flow) -> None:
    async with backend:
        login = await backend.login()
    with pytest.raises(AuthenticationError):
        await login.wait()
    assert flow.closed == [False]


async def test_it_ends_with_the_agent(backend: Any) -> None:
    async with backend:
        login = await backend.login()
        backend._lost(None, SessionClosedError("It is gone."))
        with pytest.raises(SessionClosedError, match="gone"):
            await login.wait()


async def test_one_that_is_given_up_while_the_account_is_read_says_that_it_worked(
    backend: Any, flow: Flow, monkeypatch: pytest.MonkeyPatch
) -> None:
    reading = anyio.Event()

    async def read() -> Account:
        reading.set()
        await anyio.sleep_forever()
        return ACCOUNT

    monkeypatch.setattr(backend, "_read_account", read)
    async with backend:
        login = await backend.login()
        flow.ending.set()
        await reading.wait()
        await login.cancel()
        with pytest.raises(AuthenticationError, match=r"account\(\) tells"):
            await login.wait()
    assert flow.closed == [True]


def test_a_loop_that_ends_wakes_who_waits(backend: Any) -> None:
    made: list[Any] = []

    async def first() -> None:
        await backend.start()
        made.append(await backend.login())

    async def second() -> None:
        assert made[0].done

    anyio.run(first)
    anyio.run(second)


async def test_a_backend_without_logins_says_so(make_backend: Callable[[], Any]) -> None:
    async with make_backend() as plain:
        calls: list[Callable[[], Awaitable[object]]] = [plain.account, plain.login, plain.logout]
        for call in calls:
            with pytest.raises(UnsupportedError):
                await call()


async def test_a_flow_without_codes_says_that_it_takes_none() -> None:
    with pytest.raises(UnsupportedError, match="takes no code"):
        await LoginFlow.submit_code(Flow(), "x")


@pytest.mark.parametrize(
    ("method", "key", "match"),
    [
        ("api_key", None, "needs api_key"),
        ("browser", Secret("k"), "takes no api_key"),
        (None, Secret(" "), "blank"),
        (None, "text", "takes a Secret"),
    ],
)
def test_method_and_key_have_to_go_together(method: Any, key: Any, match: str) -> None:
    with pytest.raises(InvalidRequestError, match=match):
        chosen_method(method, key, ("browser", "api_key"), backend="b")


def test_a_way_that_there_is_not_is_refused_with_those_there_are() -> None:
    with pytest.raises(UnsupportedError, match=r"'console'.*'browser'"):
        chosen_method("console", None, ("browser",), backend="b")
    with pytest.raises(UnsupportedError, match="environment"):
        chosen_method(None, None, (), backend="b")
    assert chosen_method(None, None, ("browser",), backend="b") == "browser"
    assert chosen_method(None, Secret("k"), ("api_key",), backend="b") == "api_key"
