"""Any request of the protocol, sent as it is given; the answer to a known method comes back as its typed model.

Type checkers read `requests.pyi` instead, which is generated: one overload a method. So the types cost nothing here.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, cast

from agent_sdk_core.errors import ProtocolError
from codex_sdk import protocol
from codex_sdk.process.errors import translate
from codex_sdk.protocol.methods import CLIENT_REQUESTS

if TYPE_CHECKING:
    from pydantic import TypeAdapter

    from codex_sdk.process.app_server import AppServer
    from codex_sdk.protocol import ProtocolModel


class Requests(ABC):
    """What sends requests to the app-server that `_running` returns."""

    async def request(
        self, method: str, params: ProtocolModel | Mapping[str, object] | None = None, *, timeout: float = 30.0
    ) -> object:
        """Send any request of the protocol and return its result.

        Args:
            method: The wire's method.
            params: Its parameters: the method's model of `codex_sdk.protocol`, of which only what was set is sent, or
                a mapping in the wire's spelling.
            timeout: Seconds to wait for the answer.

        Returns:
            The method's response model of `codex_sdk.protocol`; what the wire held, if the method is not known.

        Raises:
            AgentError: Codex refused it, or did not answer in time.
            ProtocolError: The answer does not fit its model; `details["result"]` holds it. The request took effect.
        """
        result = await self._ask(method, params, timeout=timeout)
        _, response, _ = CLIENT_REQUESTS.get(method, (None, None, False))
        return result if response is None else _typed(method, response, result)

    async def _ask(
        self, method: str, params: ProtocolModel | Mapping[str, object] | None = None, *, timeout: float = 30.0
    ) -> object:
        """Do what `request` does, and return the result as the wire held it, without loading a model."""
        wire = _wire(params)
        server = await self._running()
        try:
            # Empty params stay an object: codex takes one also where its schema has none (seen of 0.163).
            return await server.peer.request(method, wire, timeout=timeout)
        except ProtocolError as error:
            raise translate(error, session_id=cast("str | None", wire.get("threadId"))) from error

    @abstractmethod
    async def _running(self) -> AppServer:
        """Return the app-server, started."""


def _wire(params: ProtocolModel | Mapping[str, object] | None) -> dict[str, object]:
    if params is None or isinstance(params, Mapping):
        return dict(params or {})
    return params.model_dump(by_alias=True, exclude_unset=True)


def _typed(method: str, response: str, result: object) -> object:
    from pydantic import ValidationError

    try:
        return _adapter(response).validate_python(result)
    except ValidationError as error:
        problems = error.errors(include_url=False, include_context=False, include_input=False)
        place = ".".join(map(str, problems[0]["loc"])) or "all of it"
        raise ProtocolError(
            f"codex's answer to {method} does not fit {response}: {place}: {problems[0]['msg']}.",
            backend="codex",
            details={"method": method, "result": result, "problems": problems},
        ) from error


@cache
def _adapter(response: str) -> TypeAdapter[Any]:
    """Return the validator of a response, which may be a union; it loads the area of the protocol that holds it."""
    from pydantic import TypeAdapter

    return TypeAdapter[Any](getattr(protocol, response))
