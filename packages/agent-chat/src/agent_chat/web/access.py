"""Access to the server: who may ask what, decided before any of the application runs.

The server runs commands for whoever can speak to it, so a request needs three things: it names a host that the server
is (against DNS that is bound anew), it comes from no other site (against pages that the user visits), and it shows a
secret of this launch, which the browser gets once, by a link that works once.
"""

from __future__ import annotations

import hashlib
import hmac
import html
import secrets
import time
from base64 import b64encode
from collections.abc import Iterable
from dataclasses import dataclass, field
from http.cookies import CookieError, SimpleCookie
from typing import Final
from urllib.parse import parse_qs, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocketClose

OPEN_PATH: Final = "/open"
LINK_SECONDS: Final = 3600.0
"""For how long a link can be opened."""

LOOPBACK: Final = ("127.0.0.1", "localhost", "[::1]")
TOKEN_PROTOCOL: Final = "agent-sdk.token."  # noqa: S105  # no secret: it stands before one
"""Begins the WebSocket protocol with which an embedding page shows its token; browsers let it set no header."""

_BEARER: Final = "Bearer "

CONTENT_SECURITY_POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data: blob:",
        "font-src 'self'",
        "connect-src 'self'",
        "manifest-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)

_STYLE: Final = (
    ":root { color-scheme: light dark } code { font-size: 90% } h1 { font-size: 22px; line-height: 1.2 }"
    " body { max-width: 520px; margin: 15vh auto; padding: 0 24px; font: 15px/1.55 system-ui, sans-serif }"
)
_STYLE_HASH: Final = b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()

HEADERS: Final = {
    "content-security-policy": CONTENT_SECURITY_POLICY,
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}

REQUESTS_PER_SECOND: Final = 50.0
BURST: Final = 300.0


@dataclass(slots=True)
class _Bucket:
    """What a holder of a secret may still ask for at once."""

    left: float = BURST
    at: float = field(default_factory=time.monotonic)

    def take(self) -> bool:
        now = time.monotonic()
        self.left = min(BURST, self.left + (now - self.at) * REQUESTS_PER_SECOND)
        self.at = now
        if self.left < 1:
            return False
        self.left -= 1
        return True


class Access:
    """The secrets of one launch, and the hosts that the server is.

    Args:
        hosts: Names with ports, as a browser writes them, such as "127.0.0.1:8000".
        origins: Origins of pages that may use the API with a token, such as those of an editor's webview.
        secure: Whether the server is reached by https.
    """

    def __init__(self, hosts: Iterable[str] = (), *, origins: Iterable[str] = (), secure: bool = False) -> None:
        self.hosts = {host.casefold() for host in hosts}
        self.secure = secure
        self._origins = {origin.casefold() for origin in origins}
        self._links: dict[str, float] = {}
        self._sessions: dict[str, _Bucket] = {}
        self._tokens: dict[str, _Bucket] = {}
        self._cookie = f"agent_sdk_{secrets.token_hex(4)}"

    def add_loopback(self, port: int) -> None:
        """Answer to the names of this machine's loopback interface."""
        self.hosts |= {f"{host}:{port}" for host in LOOPBACK}

    def admit(self, origins: Iterable[str]) -> None:
        """Let pages of more origins use the API with a token."""
        self._origins |= {origin.casefold() for origin in origins}

    def link(self, base: str) -> str:
        """Return a link that opens the page once, and gives the browser that does a secret of its own.

        Args:
            base: The server's address, such as "http://127.0.0.1:8000".
        """
        token = secrets.token_urlsafe(32)
        self._links[token] = time.monotonic() + LINK_SECONDS
        return f"{base}{OPEN_PATH}?token={token}"

    def token(self) -> str:
        """Return a token for a program, or for a page that is loaded elsewhere: `Authorization: Bearer TOKEN`."""
        token = secrets.token_urlsafe(32)
        self._tokens[token] = _Bucket()
        return token

    # What a request shows

    def is_our_host(self, headers: Headers) -> bool:
        """Whether a request names a host that the server is; exactly one."""
        named = headers.getlist("host")
        return len(named) == 1 and named[0].casefold() in self.hosts

    def is_from_elsewhere(self, headers: Headers) -> bool:
        """Whether a request comes from a page of another site."""
        origins, site = headers.getlist("origin"), headers.get("sec-fetch-site")
        if site not in (None, "same-origin", "none"):
            return True
        scheme = "https" if self.secure else "http"
        return any(origin.casefold() != f"{scheme}://{headers.get('host', '').casefold()}" for origin in origins)

    def is_guest(self, headers: Headers) -> bool:
        """Whether a request comes from a page that may use the API with a token."""
        return headers.get("origin", "").casefold() in self._origins

    def bucket(self, headers: Headers, *, cookies: bool = True) -> _Bucket | None:
        """Return the allowance of whoever shows a secret of this launch, by cookie or token; None for others."""
        shown = headers.get("authorization", "")
        token = shown.removeprefix(_BEARER) if shown.startswith(_BEARER) else _offered_token(headers)
        if token is not None:
            return _found(self._tokens, token)
        return _found(self._sessions, self._cookie_of(headers)) if cookies else None

    def open(self, token: str, headers: Headers, root: str = "") -> Response:
        """Answer to a link; `root` is the path that the application is mounted at."""
        until = self._links.pop(next((known for known in self._links if _equal(known, token)), ""), None)
        if until is not None and time.monotonic() <= until:
            session = secrets.token_urlsafe(32)
            self._sessions[session] = _Bucket()
            answer = _onward(headers, root)
            answer.set_cookie(self._cookie, session, httponly=True, samesite="strict", secure=self.secure, path="/")
            return answer
        if _found(self._sessions, self._cookie_of(headers)) is not None:
            return _onward(headers, root)
        words = "This link was used, or is too old. Start `agent-sdk serve` again for another."
        return _told(403, words) if _is_shown(headers) else PlainTextResponse(words, 403)

    def _cookie_of(self, headers: Headers) -> str:
        try:
            cookies = SimpleCookie(headers.get("cookie", ""))
        except CookieError:
            return ""
        morsel = cookies.get(self._cookie)
        return "" if morsel is None else morsel.value


def _onward(headers: Headers, root: str) -> Response:
    """Return the way to the page. Who followed the link on another site goes there by himself, else no cookie goes."""
    if headers.get("sec-fetch-site") in (None, "same-origin", "none"):
        return RedirectResponse(f"{root}/", status_code=303)
    there = html.escape(f"{root}/")
    refresh = f'<meta http-equiv="refresh" content="0;url={there}">'
    return HTMLResponse(f'<!doctype html>{refresh}<a href="{there}">Open the chats</a>')


def _is_shown(headers: Headers) -> bool:
    """Whether a browser shows the answer to its user."""
    return headers.get("sec-fetch-dest") == "document"


def _told(status: int, words: str) -> Response:
    """Return a page that says how the chats are opened."""
    head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><style>{_STYLE}</style>'
    heading = "The chats are not open in this browser"
    said = words.replace("`", "<code>", 1).replace("`", "</code>", 1)
    body = f"<title>{heading}</title><main><h1>{heading}</h1><p>{said}</p><p>Drafts are kept.</p></main>"
    policy = CONTENT_SECURITY_POLICY.replace("style-src 'self'", f"style-src 'sha256-{_STYLE_HASH}'")
    return HTMLResponse(
        f'<!doctype html><html lang="en">{head}{body}</html>', status, {"content-security-policy": policy}
    )


class Guard:
    """The application behind its access checks.

    Args:
        app: The application.
        access: Decides.
    """

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self._app = app
        self._access = access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer in the application's place, or let the request through."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        guest = self._access.is_guest(headers)
        sent = _with_headers(send, headers.get("origin") if guest else None)
        answer = self._answer(scope, headers, guest=guest)
        if answer is None:
            await self._app(scope, receive, sent)
        elif scope["type"] == "websocket":
            await WebSocketClose(code=1008)(scope, receive, send)
        else:
            await answer(scope, receive, sent)

    def _answer(self, scope: Scope, headers: Headers, *, guest: bool) -> Response | None:
        """Return what to answer in the application's place; None lets the request through."""
        if not self._access.is_our_host(headers):
            return refusal(421, "wrong_host", "This server does not answer to that host.")
        root, method = scope.get("root_path", ""), scope.get("method", "GET")
        path = scope["path"].removeprefix(root)
        if path == OPEN_PATH and scope["type"] == "http" and method == "GET":
            tokens = parse_qs(scope["query_string"].decode("latin-1")).get("token", [""])
            return self._access.open(tokens[0], headers, root)
        if not guest and self._access.is_from_elsewhere(headers):
            return refusal(403, "cross_site", "Pages of other sites may not use this server.")
        # A browser names the page's origin, and can set no such header: who does is a program with a token.
        shown = _offered_token(headers) is not None or headers.get("authorization", "").startswith(_BEARER)
        if scope["type"] == "websocket" and not guest and "origin" not in headers and not shown:
            return refusal(403, "cross_site", "A WebSocket says where it comes from.")
        if guest and method == "OPTIONS":
            return Response(status_code=204)
        bucket = self._access.bucket(headers, cookies=not guest)
        if bucket is None:
            words = "Open the link that `agent-sdk serve` printed; each works once."
            return _told(401, words) if _is_shown(headers) else refusal(401, "not_opened", words)
        if not bucket.take():
            return refusal(429, "too_many_requests", "Too many requests; wait a second.", {"retry-after": "1"})
        return None


def refusal(status: int, code: str, message: str, headers: dict[str, str] | None = None) -> Response:
    """Return an error as the API tells it."""
    return JSONResponse({"error": {"code": code, "message": message}}, status, headers)


def _with_headers(send: Send, guest: str | None) -> Send:
    async def sent(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers.setdefault(name, value)
            headers.setdefault("cache-control", "no-store")
            if guest is not None:
                headers["access-control-allow-origin"] = guest
                headers["access-control-allow-headers"] = "authorization, content-type, x-client"
                headers["access-control-allow-methods"] = "GET, POST, PUT, PATCH, DELETE"
                headers["cross-origin-resource-policy"] = "cross-origin"
                headers["vary"] = "origin"
        await send(message)

    return sent


def _offered_token(headers: Headers) -> str | None:
    for offered in headers.get("sec-websocket-protocol", "").split(","):
        if offered.strip().startswith(TOKEN_PROTOCOL):
            return offered.strip().removeprefix(TOKEN_PROTOCOL)
    return None


def _found(known: dict[str, _Bucket], shown: str) -> _Bucket | None:
    return next((bucket for secret, bucket in known.items() if _equal(secret, shown)), None)


def _equal(secret: str, shown: str) -> bool:
    return hmac.compare_digest(secret.encode(), shown.encode("utf-8", "replace"))


def is_loopback(host: str) -> bool:
    """Whether a host is this machine and reached by nobody else."""
    return host in ("localhost", "::1") or (urlsplit(f"//{host}").hostname or "").startswith("127.")
