"""`Login`: a login that goes on, ended once: by the agent, by its deadline, by a cancel, or with its backend."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from typing import Final

import anyio

from agent_sdk_core.errors import AgentError, AuthenticationError, InvalidRequestError, UnsupportedError
from agent_sdk_core.interfaces.account import Account, LoginHandle, LoginMethod
from agent_sdk_core.runtime.host import Host
from agent_sdk_core.secret import Secret

LOGIN_SECONDS: Final = 600.0
"""How long somebody may take to log in."""


class LoginFlow(ABC):
    """The agent's side of a login.

    Attributes:
        url, manual_url, user_code: As on `LoginHandle`.
    """

    url: str | None = None
    manual_url: str | None = None
    user_code: str | None = None

    @abstractmethod
    async def completed(self) -> None:
        """Return when somebody has logged in; it may be cancelled.

        Raises:
            AgentError: It failed, or the agent is gone.
        """

    async def submit_code(self, code: str) -> None:
        """Hand over a code; see `LoginHandle.submit_code`."""
        raise UnsupportedError("This login takes no code: it ends by itself when the user has logged in.")

    @abstractmethod
    async def close(self, *, completed: bool) -> None:
        """Let go of it, and give up what goes on; bounded, never raises."""


class Login(LoginHandle):
    """A login over an agent's flow.

    Args:
        method: How it is done.
        flow: The agent's side.
        backend: Name of the backend, for errors.
        host: The backend's, which runs `run`.
        timeout: Seconds that it may take.
        account: Reads the account afterwards.
    """

    def __init__(
        self,
        method: LoginMethod,
        flow: LoginFlow,
        *,
        backend: str,
        host: Host,
        timeout: float,
        account: Callable[[], Awaitable[Account]],
    ) -> None:
        self.method = method
        self.url, self.manual_url, self.user_code = flow.url, flow.manual_url, flow.user_code
        self._flow = flow
        self._backend = backend
        self._host = host
        self._timeout = timeout
        self._read_account = account
        self._scope = anyio.CancelScope()
        self._outcome: Account | AgentError | None = None
        self._ended = anyio.Event()

    @property
    def done(self) -> bool:
        """Whether it has ended."""
        return self._ended.is_set()

    async def run(self) -> Account | None:
        """Wait for its end, whichever; run by the backend's host. Returns the account of a login that succeeded."""
        completed = False
        try:
            with self._scope, anyio.move_on_after(self._timeout):
                await self._flow.completed()
                completed = True
                self._outcome = await self._read_account()
            if self._outcome is None and not self._scope.cancel_called:
                self._fail("login_expired", f"Nobody logged in within {self._timeout:g} s; log in again.")
        except AgentError as error:
            self._outcome = self._outcome or error
        finally:
            late = "Somebody logged in, and the account was not read any more: account() tells it."
            self._fail("login_cancelled", late if completed else "The login was cancelled.")
            try:
                with anyio.CancelScope(shield=True):
                    await self._flow.close(completed=completed)
            finally:
                self._ended.set()
        return self._outcome if isinstance(self._outcome, Account) else None

    def lost(self, error: AgentError) -> None:
        """Note that the agent, or all of its backend, is gone; wakes who waits."""
        self._outcome = self._outcome or error
        self._scope.cancel()
        if not self._host.running:
            self._ended.set()

    async def wait(self) -> Account:
        """Return the account once somebody has logged in."""
        self._host.require_here()
        await self._ended.wait()
        if isinstance(self._outcome, Account):
            return self._outcome
        raise copy.copy(self._outcome) if self._outcome is not None else self._error("login_cancelled", "It ended.")

    async def submit_code(self, code: str) -> None:
        """Hand over the code that the page of `manual_url` shows."""
        self._host.require_here()
        if not code.strip():
            raise InvalidRequestError("The code of a login is not blank.", backend=self._backend)
        if self.done:
            raise self._error("login_cancelled", "The login has ended; begin another one.")
        try:
            await self._flow.submit_code(code.strip())
        except AuthenticationError as error:
            self.lost(error)
            await self._ended.wait()
            raise
        except AgentError as error:
            if not isinstance(self._outcome, AuthenticationError):
                raise
            await self._ended.wait()  # Who waits for its end was told first, which ended what would have answered.
            raise copy.copy(self._outcome) from error

    async def cancel(self) -> None:
        """Give the login up; does nothing when it has ended."""
        self._scope.cancel()
        with anyio.CancelScope(shield=True):
            await self._ended.wait()

    def _fail(self, code: str, message: str) -> None:
        self._outcome = self._outcome or self._error(code, message)

    def _error(self, code: str, message: str) -> AuthenticationError:
        return AuthenticationError(message, code=code, backend=self._backend)


def chosen_method(
    method: LoginMethod | None, api_key: Secret | None, methods: tuple[LoginMethod, ...], *, backend: str
) -> LoginMethod:
    """Return how to log in, with what was given checked.

    Raises:
        UnsupportedError: The agent cannot log in so.
        InvalidRequestError: Method and key do not go together, or the key is none.
    """
    chosen = method or ("browser" if api_key is None else "api_key")
    if api_key is not None and not isinstance(api_key, Secret):  # pyright: ignore[reportUnnecessaryIsInstance]  # callers without types
        raise InvalidRequestError("login(api_key=…) takes a Secret: Secret(key), so that it is never shown.")
    if chosen not in methods:
        ways = ", ".join(map(repr, methods)) or "none: give its credential in the environment of the agent"
        raise UnsupportedError(
            f"The {backend} backend cannot log in by {chosen!r}; there are: {ways}.", backend=backend
        )
    if (chosen == "api_key") != (api_key is not None):
        raise InvalidRequestError(
            "login(method='api_key') needs api_key=Secret(…)."
            if api_key is None
            else f"login(method={chosen!r}) takes no api_key.",
            backend=backend,
        )
    if api_key is not None and not api_key.reveal().strip():
        raise InvalidRequestError("The API key is blank.", backend=backend)
    return chosen
