"""The model of the mini agent: one request over HTTP in a thread, its events handed to the event loop as they come."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from http.client import HTTPConnection, HTTPException, HTTPResponse
from socket import SHUT_RDWR, socket
from threading import Event
from typing import Any
from urllib.parse import urlsplit

from anyio import to_thread

from agent_sdk_core import AgentError
from agent_sdk_core.messages.base import Failure
from agent_sdk_core.messages.result import failure_by_status
from agent_sdk_core.runtime import Host

Json = Mapping[str, Any]


async def ask_model(host: Host, url: str, body: Json, on_event: Callable[[Json], object]) -> None:
    """Send a request to a server that speaks the Responses API, and hand on its events; can be cancelled.

    Raises:
        AgentError: The server refused, or the stream broke off.
    """
    call = _Call(host, url, body, on_event)
    try:
        await to_thread.run_sync(call.run, abandon_on_cancel=True)
    finally:
        call.give_up()


class _Call:
    """One request, which runs in a thread, and may be given up from another."""

    def __init__(self, host: Host, url: str, body: Json, on_event: Callable[[Json], object]) -> None:
        self._host = host
        self._url = urlsplit(url)
        self._body = body
        self._on_event = on_event
        self._given_up = Event()
        self._socket: socket | None = None

    def run(self) -> None:
        try:
            with closing(HTTPConnection(self._url.hostname or "", self._url.port)) as connection:
                connection.connect()
                self._socket = connection.sock
                if not self._given_up.is_set():
                    self._exchange(connection)
        except (OSError, HTTPException) as error:
            raise AgentError(f"The model broke off: {error}", code="connection_failed", retryable=True) from error

    def give_up(self) -> None:
        """Let the thread end, which closes what it has opened."""
        self._given_up.set()
        if self._socket is not None:
            with suppress(OSError):
                self._socket.shutdown(SHUT_RDWR)

    def _exchange(self, connection: HTTPConnection) -> None:
        connection.request("POST", "/v1/responses", json.dumps(self._body), {"Content-Type": "application/json"})
        with closing(connection.getresponse()) as response:
            if response.status != 200:
                raise _refusal(response)
            while line := response.readline():
                if line.startswith(b"data: "):
                    event = json.loads(line[6:])
                    # Without waiting: an event loop that ends meanwhile would leave this thread waiting for ever.
                    self._host.call_soon_threadsafe(self._on_event, event)
                    if event["type"] == "response.completed":
                        return
        raise AgentError("The model broke off.", code="connection_failed", retryable=True)


def _refusal(response: HTTPResponse) -> AgentError:
    message: str = json.loads(response.read())["error"]["message"]
    failure = failure_by_status(response.status) or Failure("turn_failed")
    return AgentError(message, code=failure.code, retryable=failure.retryable)
