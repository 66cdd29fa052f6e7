"""Proxy on the way to a WebSocket server, as the environment names it, and what asks it for a tunnel. Pure."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Final
from urllib.parse import unquote, urlsplit

from agent_sdk_core.errors import HandshakeError, InvalidRequestError, StartError
from agent_sdk_core.records import dataclass
from agent_sdk_core.transport.websocket.address import WebSocketAddress

_STATUS: Final = re.compile(rb"HTTP/1\.[01] (\d{3})\b")
_LONGEST: Final = 64 * 1024
"""Bytes within which a proxy has to come to the end of its answer's head."""

_END: Final = b"\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Proxy:
    """An HTTP proxy that makes tunnels.

    Attributes:
        host: Its host.
        port: Its port.
        variable: The environment variable that names it.
        credentials: What it is shown, as HTTP has it; never part of a message.
    """

    host: str
    port: int
    variable: str
    credentials: str | None = None

    @property
    def described(self) -> str:
        """Who it is, for errors, without an article."""
        return f"proxy {f'[{self.host}]' if ':' in self.host else self.host}:{self.port} (from {self.variable})"

    @classmethod
    def of(cls, address: WebSocketAddress, env: Mapping[str, str]) -> Proxy | None:
        """Return the proxy on the way to an address; None: there is none.

        `wss://` goes through HTTPS_PROXY, `ws://` through HTTP_PROXY, both else through ALL_PROXY; the names may be in
        lower case, which comes first. Not what NO_PROXY lists (hosts, `.domains`, `host:port`, or `*`), and never
        what stays on this machine.

        Raises:
            InvalidRequestError: The variable names no proxy that can be used.
        """
        if address.is_local or _is_exempt(address, env):
            return None
        for name in ("https_proxy" if address.tls else "http_proxy", "all_proxy"):
            for variable in (name, name.upper()):
                if variable == "HTTP_PROXY" and "REQUEST_METHOD" in env:
                    continue  # A program that a web server runs has the header "Proxy" of its client there.
                if said := env.get(variable, "").strip():
                    return cls._parse(said, variable)
        return None

    @classmethod
    def _parse(cls, said: str, variable: str) -> Proxy:
        try:
            parts = urlsplit(said if "://" in said else f"http://{said}")
            port = parts.port
        except ValueError:
            parts, port = urlsplit(""), None
        if parts.scheme != "http" or not parts.hostname:
            # It may hold a password, and is not quoted.
            raise InvalidRequestError(
                f"{variable} names no proxy of the form http://HOST:PORT, which a remote agent is reached through: "
                "correct it, or list the agent's host in NO_PROXY.",
                details={"option": variable},
            )
        credentials: str | None = None
        if parts.username is not None:
            pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
            credentials = base64.b64encode(pair.encode()).decode("ascii")
        return cls(parts.hostname, 80 if port is None else port, variable, credentials)

    def request(self, address: WebSocketAddress) -> bytes:
        """Return what asks the proxy for a tunnel to an address."""
        lines = [f"CONNECT {address.authority} HTTP/1.1", f"Host: {address.authority}"]
        if self.credentials is not None:
            lines.append(f"Proxy-Authorization: Basic {self.credentials}")
        return "\r\n".join(lines).encode("ascii") + _END

    @staticmethod
    def is_answered(answer: bytes) -> bool:
        """Tell whether an answer is whole, or no more of it is wanted.

        Nothing follows its head: whoever is reached says nothing before he is asked.
        """
        return _END in answer or len(answer) > _LONGEST

    def require_tunnel(self, answer: bytes, address: WebSocketAddress) -> None:
        """Check that the proxy has made the tunnel.

        Raises:
            StartError: It has not; the message says why.
        """
        status = _STATUS.match(answer)
        if status is None or _END not in answer:
            raise HandshakeError(f"The {self.described} is none: it did not answer as HTTP has it.")
        if (code := int(status[1])) // 100 == 2:
            return
        refused = f"The {self.described} refused the way to {address.authority} with HTTP {code}"
        if code == HTTPStatus.PROXY_AUTHENTICATION_REQUIRED:
            how = "it does not take these" if self.credentials else "it wants a user and a password, there before an @"
            raise StartError(f"{refused}: {how}.", code="proxy_refused")
        passing = code >= HTTPStatus.INTERNAL_SERVER_ERROR
        raise StartError(
            f"{refused}{': it cannot reach it' if passing else ''}. Look at the address, or list its host in NO_PROXY.",
            code="proxy_refused",
            retryable=passing,
        )


def _is_exempt(address: WebSocketAddress, env: Mapping[str, str]) -> bool:
    host = address.host.casefold()
    listed = env.get("no_proxy") or env.get("NO_PROXY") or ""
    for entry in (each.strip().casefold() for each in listed.split(",")):
        name = entry.lstrip("*").lstrip(".")
        if entry == "*" or (name and (host == name or host.endswith(f".{name}"))):
            return True
        if entry and entry == address.authority.casefold():
            return True
    return False
