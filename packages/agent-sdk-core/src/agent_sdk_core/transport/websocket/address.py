"""Address of a WebSocket server: `ws://`, `wss://` or `unix://`, checked before anything is sent to it. Pure."""

from __future__ import annotations

import ipaddress
from typing import Final
from urllib.parse import unquote, urlsplit

from agent_sdk_core.errors import InvalidRequestError
from agent_sdk_core.records import dataclass

_PORTS: Final = {"ws": 80, "wss": 443}
_FORMS: Final = '"ws://127.0.0.1:PORT", "wss://HOST[:PORT]" or "unix:///PATH"'


@dataclass(frozen=True, slots=True)
class WebSocketAddress:
    """Where a server listens.

    Attributes:
        url: The address as it was given; holds no secret.
        host: Its host; "localhost" for a unix socket.
        port: Its port; 0 for a unix socket.
        resource: What is asked for of the server.
        tls: Whether what is said is encrypted.
        socket: Path of the unix socket; None: it is TCP.
    """

    url: str
    host: str
    port: int
    resource: str = "/"
    tls: bool = False
    socket: str | None = None

    @property
    def authority(self) -> str:
        """Host and port as HTTP has them."""
        return f"{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"

    @property
    def is_local(self) -> bool:
        """Whether what is said stays on this machine."""
        if self.socket is not None or self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    @classmethod
    def parse(cls, url: str, *, owner: str, has_token: bool = False) -> WebSocketAddress:
        """Read an address.

        Args:
            url: The address.
            owner: Whose option it is, for errors, such as "CodexBackend".
            has_token: Whether a token is sent there.

        Raises:
            InvalidRequestError: It is none, it holds credentials, or the token would go over a network in the clear.
        """

        def wrong(reason: str) -> InvalidRequestError:
            return InvalidRequestError(f"{owner}(url=…) {reason}.", details={"option": "url"})

        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError as error:
            raise wrong(f"is no address: {error}. It has the form {_FORMS}") from None
        if not (url.isascii() and url.isprintable()) or " " in url:
            raise wrong("has characters that have to be encoded: with % in its path, in punycode in its host")
        if parts.username is not None or parts.password is not None:
            raise wrong(f"holds credentials, and would be quoted in errors: give them to {owner}(token=Secret(…))")
        if parts.fragment or (parts.scheme == "unix" and parts.query):
            raise wrong(f"has a part that no server sees, {parts.fragment or parts.query!r}: leave it out")
        if parts.scheme == "unix":
            if parts.netloc or not parts.path.startswith("/") or parts.path.endswith("/"):
                raise wrong(f"is {url!r}, but names a unix socket by its whole path: unix:///PATH")
            return cls(url, "localhost", 0, socket=unquote(parts.path))
        if parts.scheme not in _PORTS or not parts.hostname:
            raise wrong(f"is {url!r}, but has the form {_FORMS}")
        resource = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        tls = parts.scheme == "wss"
        address = cls(url, parts.hostname, _PORTS[parts.scheme] if port is None else port, resource, tls)
        if has_token and not tls and not address.is_local:
            raise wrong(
                f"would send the token to {parts.hostname} in the clear, for everybody on the way to read: use wss://, "
                "or a tunnel such as `ssh -L` to a port of 127.0.0.1"
            )
        return address
