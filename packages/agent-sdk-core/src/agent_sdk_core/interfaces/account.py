"""The account that an agent works with, and a login to one, as an application sees them.

Credentials stay with the agents: no token is read, kept or handed on here.
"""

from __future__ import annotations

from abc import abstractmethod
from types import TracebackType
from typing import Literal, Self

from agent_sdk_core.arguments import checked_class
from agent_sdk_core.interfaces.interface import Interface
from agent_sdk_core.records import dataclass
from agent_sdk_core.wire.forms import WireForm

AccountKind = Literal["none", "api_key", "subscription", "token", "provider"]
"""What an agent pays with: nothing, a key, a subscription that somebody logged in to, a token that was given to it, or
the credentials of another provider (Bedrock, Vertex, one of the agent's own configuration)."""

LoginMethod = Literal["browser", "console", "device_code", "api_key"]
"""How to log in: in a browser, with a subscription or ("console") with an account of the vendor's API; with a code that
is typed in on any device; or with a key."""


@checked_class()
@dataclass(frozen=True, slots=True, repr=False)
class Account(WireForm):
    """The account that an agent works with. It never holds a credential.

    Attributes:
        kind: What it is.
        needs_login: Whether the agent answers no prompt before somebody logs in.
        email: Of who logged in, where the agent tells.
        plan: Of the subscription, in the agent's words, where it tells.
        organisation: Name of the organisation that pays, where the agent tells.
        source: Where the agent found the credential, in its words, such as "ANTHROPIC_API_KEY".
    """

    kind: AccountKind
    needs_login: bool
    email: str | None = None
    plan: str | None = None
    organisation: str | None = None
    source: str | None = None


class LoginHandle(Interface):
    """A login that goes on: show its URL or code to the user, then `wait()`. Leaving `async with` early cancels it.

    Attributes:
        method: How it is done.
        url: What to open in a browser; of the machine that the agent runs on where the agent listens there for its end.
        manual_url: What to open on another machine instead; the page shows a code, which `submit_code` takes.
        user_code: Code to type in on the page, of a login by "device_code".
    """

    method: LoginMethod
    url: str | None = None
    manual_url: str | None = None
    user_code: str | None = None

    @property
    @abstractmethod
    def done(self) -> bool:
        """Whether it has ended, whichever way."""

    @abstractmethod
    async def wait(self) -> Account:
        """Return the account once somebody has logged in; a cancelled wait leaves the login as it is.

        Raises:
            AuthenticationError: It failed, was cancelled (code "login_cancelled") or took too long ("login_expired").
            AgentError: The agent ended meanwhile.
        """

    @abstractmethod
    async def submit_code(self, code: str) -> None:
        """Hand over the code that the page of `manual_url` shows.

        Raises:
            AuthenticationError: The agent refused it; the login has failed.
            UnsupportedError: This login takes no code.
        """

    @abstractmethod
    async def cancel(self) -> None:
        """Give the login up; does nothing when it has ended. Bounded, never raises."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        await self.cancel()
