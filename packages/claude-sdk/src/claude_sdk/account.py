"""The account of claude, and a login to one, through a claude that has no session: its control protocol does both."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qs, urlsplit

from agent_sdk_core.errors import AgentError, AuthenticationError, ProtocolError
from agent_sdk_core.interfaces.account import Account, LoginMethod
from agent_sdk_core.runtime.login import LOGIN_SECONDS, LoginFlow
from agent_sdk_core.wire.reading import Json, filled_text

if TYPE_CHECKING:
    from claude_sdk.process.link import ClaudeLink

LOGIN_METHODS: Final[tuple[LoginMethod, ...]] = ("browser", "console")
"""Claude takes a key from its environment alone, and has no login by a code that is typed in elsewhere."""

_NOTHING: Final = ("", "none")
_KEY_HELPER: Final = "apiKeyHelper"
_SUBSCRIPTION: Final = ("claude.ai", "CLAUDE_CODE_OAUTH_TOKEN", "CLAUDE_CODE_OAUTH_TOKEN_FILE_DESCRIPTOR")
_ANSWER_SECONDS: Final = 30.0


def read_account(told: Mapping[str, object]) -> Account:
    """Return the account that claude's greeting tells (2.1.329)."""
    provider = filled_text(told.get("apiProvider")) or ""
    key, token = filled_text(told.get("apiKeySource")) or "", filled_text(told.get("tokenSource")) or ""
    email, plan = filled_text(told.get("email")), filled_text(told.get("subscriptionType"))
    organisation = filled_text(told.get("organization"))
    if provider not in ("", "firstParty"):
        return Account("provider", needs_login=False, source=provider)
    if key not in _NOTHING or token == _KEY_HELPER:
        return Account("api_key", False, email, plan, organisation, token if key in _NOTHING else key)
    if token in _NOTHING and not (email or plan):
        return Account("none", needs_login=bool(told))
    kind = "subscription" if token in (*_NOTHING, *_SUBSCRIPTION) or plan else "token"
    return Account(kind, False, email, plan, organisation, None if token in _NOTHING else token)


class ClaudeLogin(LoginFlow):
    """A login in a browser, at a claude that runs for it alone.

    Args:
        link: The way to that claude.
        let_go: Ends it.
    """

    def __init__(self, link: ClaudeLink, let_go: Callable[[ClaudeLink], Awaitable[None]]) -> None:
        self._link = link
        self._let_go = let_go

    async def begin(self, method: LoginMethod) -> None:
        """Have claude make the URLs, and listen for the browser.

        Raises:
            AuthenticationError: It refused, as where managed settings forbid this login.
        """
        await self._link.connect()
        answer = await self._ask("claude_authenticate", loginWithClaudeAi=method == "browser")
        self.url, self.manual_url = filled_text(answer.get("automaticUrl")), filled_text(answer.get("manualUrl"))

    async def completed(self) -> None:
        """Return when somebody has logged in."""
        await self._ask("claude_oauth_wait_for_completion", timeout=LOGIN_SECONDS * 10)

    async def submit_code(self, code: str) -> None:
        """Hand over the code that the page shows, which ends with the state of the login."""
        said, _, state = code.partition("#")
        known = parse_qs(urlsplit(self.manual_url or "").query).get("state", [""])[0]
        await self._ask("claude_oauth_callback", authorizationCode=said, state=state or known)

    async def close(self, *, completed: bool) -> None:
        """End the process, and with it a login that goes on."""
        del completed
        await self._let_go(self._link)

    async def _ask(self, subtype: str, *, timeout: float = _ANSWER_SECONDS, **fields: object) -> Json:
        try:
            return await self._link.today.peer.request(subtype, fields, timeout=timeout, counted=False)
        except ProtocolError as error:
            raise _refused(error) from error


def _refused(error: ProtocolError) -> AgentError:
    reason = filled_text(error.details.get("error")) or error.message
    return AuthenticationError(
        f"Claude could not log in: {reason.rstrip('.')}.", backend="claude", details=dict(error.details)
    )
