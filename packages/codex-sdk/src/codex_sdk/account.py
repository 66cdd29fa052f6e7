"""The account of codex, and a login to one, at its app-server, which stores what it gets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import anyio

from agent_sdk_core.errors import AgentError, AuthenticationError, ProtocolError
from agent_sdk_core.interfaces.account import Account, AccountKind, LoginMethod
from agent_sdk_core.runtime.login import LoginFlow
from agent_sdk_core.secret import Secret
from agent_sdk_core.wire.reading import Json, as_record, optional_text_at, record_of

if TYPE_CHECKING:
    from agent_sdk_core.rpc.jsonrpc import Peer
    from codex_sdk.process.link import AppServerLink

LOGIN_METHODS: Final[tuple[LoginMethod, ...]] = ("browser", "device_code", "api_key")

_TYPES: Final[dict[LoginMethod, str]] = {"browser": "chatgpt", "device_code": "chatgptDeviceCode", "api_key": "apiKey"}
_KINDS: Final[dict[str, AccountKind]] = {"apiKey": "api_key", "chatgpt": "subscription", "amazonBedrock": "provider"}
_BEGIN_SECONDS: Final = 60.0
_CANCEL_SECONDS: Final = 2.0


def read_account(answer: Json) -> Account:
    """Return the account that the answer to `account/read` tells (0.163)."""
    account = as_record(answer.get("account"))
    if account is None:
        if answer.get("requiresOpenaiAuth") is False:
            return Account("provider", needs_login=False)
        return Account("none", needs_login=True)
    kind, plan = str(account.get("type")), optional_text_at(account, "planType")
    return Account(
        _KINDS.get(kind, "token"),
        needs_login=False,
        email=optional_text_at(account, "email"),
        plan=None if plan == "unknown" else plan,
        source=kind,
    )


async def ask_account(peer: Peer) -> Account:
    """Ask the app-server who is logged in."""
    try:
        return read_account(record_of(await peer.request("account/read", {}, idempotent=True)))
    except ProtocolError as error:
        raise _translated(error) from error


async def forget_login(peer: Peer) -> None:
    """Have the app-server log out."""
    try:
        await peer.request("account/logout", {}, timeout=_BEGIN_SECONDS)
    except ProtocolError as error:
        raise _translated(error) from error


def _translated(error: ProtocolError) -> AgentError:
    from codex_sdk.process.errors import translate  # Is there: the app-server has been started.

    return translate(error)


class CodexLogin(LoginFlow):
    """A login at an app-server, which tells its end by a notification.

    Args:
        link: The way to it.
        listening: Holds those that want to be told of `account/login/completed`; it is there from now to its close.
    """

    def __init__(self, link: AppServerLink, listening: list[CodexLogin]) -> None:
        self._link = link
        self._listening = listening
        listening.append(self)
        self._login_id: str | None = None
        self._told: list[Json] = []
        self._news = anyio.Event()

    async def begin(self, method: LoginMethod, api_key: Secret | None) -> None:
        """Start it; a login by key is over with that.

        Raises:
            AuthenticationError: Codex refused, as where its configuration forbids this login.
        """
        params: Json = {"type": _TYPES[method]}
        if api_key is not None:
            params["apiKey"] = api_key.reveal()
        try:
            answer = record_of(
                await self._link.today.peer.request("account/login/start", params, timeout=_BEGIN_SECONDS)
            )
        except BaseException as error:
            self._listening.remove(self)
            if isinstance(error, ProtocolError):
                raise _failed(error.message, dict(error.details)) from error
            raise
        self._login_id = optional_text_at(answer, "loginId")
        self.url = optional_text_at(answer, "authUrl") or optional_text_at(answer, "verificationUrl")
        self.user_code = optional_text_at(answer, "userCode")

    def take_completed(self, params: Json) -> None:
        """Take `account/login/completed`, of this login or another; it may come before the answer to the start."""
        self._told.append(params)
        self._news.set()

    async def completed(self) -> None:
        """Return when somebody has logged in."""
        if self._login_id is None:
            return  # A key is taken, or refused, at once.
        while True:
            for params in self._told:
                if params.get("loginId") in (self._login_id, None):
                    if params.get("success") is True:
                        return
                    raise _failed(optional_text_at(params, "error") or "it did not say why", params)
            self._told.clear()
            self._news = anyio.Event()
            await self._news.wait()

    async def close(self, *, completed: bool) -> None:
        """Cancel it at codex, if it goes on."""
        self._listening.remove(self)
        if completed or self._login_id is None:
            return
        with anyio.move_on_after(_CANCEL_SECONDS):
            try:
                params = {"loginId": self._login_id}
                await self._link.today.peer.request(
                    "account/login/cancel", params, timeout=_CANCEL_SECONDS, counted=False
                )
            except AgentError:
                return  # It is over already, or codex is gone.


def _failed(reason: str, details: Json) -> AuthenticationError:
    return AuthenticationError(f"Codex could not log in: {reason.rstrip('.')}.", backend="codex", details=details)
