"""How a WebSocket is opened: the server is asked whether it is ready, then to switch, and says why if it does not."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Sequence
from http import HTTPStatus
from typing import TYPE_CHECKING, Final, cast

import anyio

from agent_sdk_core.errors import AgentError, AuthenticationError, HandshakeError, StartError, StartupTimeoutError
from agent_sdk_core.redaction import redact
from agent_sdk_core.transport.websocket.address import WebSocketAddress
from agent_sdk_core.transport.websocket.proxy import Proxy
from agent_sdk_core.transport.websocket.stream import SocketStream

if TYPE_CHECKING:
    from websockets.client import ClientProtocol
    from websockets.http11 import Response

_STATUS: Final = re.compile(rb"HTTP/1\.[01] (\d{3})\b")
_STATUS_LINE: Final = 8 * 1024
"""Bytes within which a server has to come to the end of its first line."""

_SWITCHING: Final = 101

_LARGEST: Final = 256 * 1024 * 1024
"""Bytes that one message of the server may have. What is longer than a line may be is drained by who reads lines."""


async def open_websocket(
    address: WebSocketAddress, *, name: str, seconds: float, token: str | None, ready: str | None, advice: str
) -> tuple[SocketStream, ClientProtocol, Sequence[object]]:
    """Connect, and have the server switch to WebSocket; what fails leaves nothing behind.

    Args:
        address: Where it listens.
        name: What errors call it.
        seconds: How long all of it may take.
        token: Shown as a bearer token; None: none is.
        ready: Resource that answers 200 when the server is ready, asked for first; None, or a unix socket: it is not.
        advice: What to do about a server that is not there, as a sentence.

    Returns:
        The connection, its protocol, and the frames that came on it already.

    Raises:
        StartError: It cannot be reached (code "unreachable"), takes too long, or is not what it should be.
        AuthenticationError: It wants a token, or another one.
        InvalidRequestError: The environment names a proxy that cannot be used.
    """
    proxy = Proxy.of(address, os.environ)
    where = f"{name} at {address.url}{'' if proxy is None else f', through the {proxy.described},'}"
    protocol = await anyio.to_thread.run_sync(_protocol, address)  # An import asks the disk.
    try:
        with anyio.fail_after(seconds):
            if ready is not None and address.socket is None:
                await _require_ready(address, proxy, ready, name)
            stream = await SocketStream.connect(address, proxy)
            try:
                return stream, protocol, await _switch(stream, protocol, address, token, name)
            except BaseException:
                stream.close()
                raise
    except TimeoutError:
        raise StartupTimeoutError(f"{where} did not answer within {seconds:g} s. {advice}") from None
    except OSError as error:
        raise StartError(
            f"{where} cannot be reached: {error.strerror or error}. {advice}",
            code="unreachable",
            retryable=True,
            details={"errno": error.errno},
        ) from error


def _protocol(address: WebSocketAddress) -> ClientProtocol:
    from websockets.client import ClientProtocol
    from websockets.uri import WebSocketURI

    path, _, query = address.resource.partition("?")
    uri = WebSocketURI(address.tls, address.host, address.port or 80, path, query)
    # A logger that nobody tells to write: what it would write has the token in it.
    silent = logging.Logger(__name__, logging.CRITICAL)  # noqa: LOG001  # nobody configures it
    return ClientProtocol(uri, max_size=_LARGEST, logger=silent)


async def _require_ready(address: WebSocketAddress, proxy: Proxy | None, resource: str, name: str) -> None:
    stream = await SocketStream.connect(address, proxy)
    try:
        asked = f"GET {resource} HTTP/1.1\r\nHost: {address.authority}\r\nConnection: close\r\n\r\n"
        stream.add(asked.encode("ascii"))
        await stream.send()
        answer = b""
        while b"\n" not in answer and len(answer) < _STATUS_LINE and (data := await stream.receive()):
            answer += data
    finally:
        stream.close()
    status = _STATUS.match(answer)
    if status is None:
        raise _no_such_server(address, name, f"{redact(answer[:100].decode('utf-8', 'replace'))!r}")
    if status[1] != b"200":
        raise _refusal(address, name, int(status[1]), f"when asked for {resource}")


async def _switch(
    stream: SocketStream, protocol: ClientProtocol, address: WebSocketAddress, token: str | None, name: str
) -> Sequence[object]:
    """Have the server speak WebSocket, and return what it said already."""
    request = protocol.connect()
    if token is not None:
        request.headers["Authorization"] = f"Bearer {token}"
    protocol.send_request(request)
    for data in protocol.data_to_send():
        stream.add(data)
    await stream.send()
    events: list[object] = []
    while not events and protocol.handshake_exc is None:
        if data := await stream.receive():
            protocol.receive_data(data)
        else:
            protocol.receive_eof()
        events += protocol.events_received()
    if protocol.handshake_exc is None:
        return events[1:]
    response = cast("Response | None", events[0] if events else None)
    if response is None or response.status_code == _SWITCHING:
        raise _no_such_server(address, name, str(protocol.handshake_exc))
    said = redact(bytes(response.body or b"")[:200].decode("utf-8", "replace")).strip()
    raise _refusal(address, name, response.status_code, said, has_token=token is not None)


def _no_such_server(address: WebSocketAddress, name: str, answered: str) -> HandshakeError:
    return HandshakeError(f"What listens at {address.url} is no {name}: it answered {answered}.")


def _refusal(address: WebSocketAddress, name: str, status: int, said: str, *, has_token: bool = False) -> AgentError:
    told = f"{name} at {address.url} refused the connection with HTTP {status}{f' ({said})' if said else ''}"
    if status == HTTPStatus.UNAUTHORIZED:
        meant = "this token is not the one that it was started with" if has_token else "it wants one"
        return AuthenticationError(f"{told}: {meant}.")
    if status == HTTPStatus.FORBIDDEN:
        return HandshakeError(f"{told}: it takes nothing that has an Origin, as browsers and some proxies add it.")
    passing = status >= HTTPStatus.INTERNAL_SERVER_ERROR
    return HandshakeError(f"{told}{': it is not ready' if passing else ''}.", retryable=passing)
