"""Requests of Codex that concern no session: what only the application can answer, and the time."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from agent_sdk_core.arguments import checked_class
from agent_sdk_core.asking.requests import Reading, Work
from agent_sdk_core.records import dataclass
from agent_sdk_core.rpc.receiver import ServerRequest
from agent_sdk_core.wire.reading import Json
from codex_sdk.asking.requests import refusal

HOOKS: Final = {
    "account/chatgptAuthTokens/refresh": "refresh_tokens",
    "attestation/generate": "attest",
}
"""Requests that only a hook of the application answers; without one they have no valid refusal, and get an error."""

_TIME: Final = "currentTime/read"
UNOWNED: Final = frozenset({*HOOKS, _TIME})
"""Requests that concern no session, also where they name a thread."""

Hook = Callable[[Mapping[str, object]], Awaitable[Mapping[str, object]]]


@checked_class()
@dataclass(frozen=True, slots=True)
class ClientHooks:
    """What only the application can answer; each takes the request's parameters and returns the response's body.

    Attributes:
        refresh_tokens: Returns new tokens for a login whose tokens the application holds
            (`ChatgptAuthTokensRefreshResponse`). Nothing of it is kept or logged here.
        attest: Returns an attestation (`AttestationGenerateResponse`); giving it announces that it can.
    """

    refresh_tokens: Hook | None = None
    attest: Hook | None = None


class UnownedRequests:
    """Reads the requests that belong to no session."""

    def __init__(self, hooks: ClientHooks | None = None) -> None:
        self._hooks = hooks or ClientHooks()

    def read(self, request: ServerRequest) -> Reading:
        """Return what answers a request, if anything does."""
        if request.method == _TIME:
            return Work(_time, lambda reason: None, "the time")
        hook: Hook | None = getattr(self._hooks, HOOKS.get(request.method, ""), None)
        if hook is None:
            return None

        async def run() -> Json:
            return dict(await hook(request.params))

        return Work(run, lambda reason: None, f"the hook for {request.method}")

    def refusal(self, request: ServerRequest, reason: str = "") -> Json | None:
        """Return the body that refuses a request; see `RequestReader`."""
        return refusal(request.method, reason)


async def _time() -> Json:
    return {"currentTimeAt": int(time.time())}
