"""An MCP server at an address, for the cases: over HTTP and SSE, one that wants a login by OAuth, and faulty ones."""

from __future__ import annotations

import json
import queue
import threading
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from agent_sdk_testing.contract import mcp_faults
from agent_sdk_testing.contract.mcp_server import answer

Json = dict[str, Any]

_TOKEN = "a-token-of-the-login"  # noqa: S105  # of nothing
_SILENT_SECONDS = 20.0


class McpWeb:
    """The server, at 127.0.0.1.

    Attributes:
        url: Where it is; `/mcp` speaks HTTP, `/sse` the older protocol, `/login` wants a login, `/mute` never answers;
            `/faulty/start/FAULT` and `/faulty/call/FAULT` do what `mcp_faults` says, or break the connection, and
            `/faulty-sse/…` do so over SSE.
        headers: The headers of each request so far, by the path.
    """

    def __init__(self) -> None:
        self.headers: list[tuple[str, Mapping[str, str]]] = []
        self.ended = threading.Event()
        self.answers: list[queue.Queue[str]] = []
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"web": self}))
        self._http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._http.server_port}"

    @contextmanager
    def running(self) -> Generator[McpWeb]:
        """Serve until the block is left."""
        thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield self
        finally:
            self.ended.set()
            self._http.shutdown()
            thread.join()
            self._http.server_close()

    def heard(self, path: str, header: str) -> set[str | None]:
        """Return the values of a header in the requests for a path."""
        return {headers.get(header) for asked, headers in self.headers if asked == path}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    web: McpWeb

    def log_message(self, format: str, *args: object) -> None:  # as it is called there
        del format, args

    def do_GET(self) -> None:
        path, query = self._told()
        if path.startswith("/.well-known/oauth-protected-resource"):
            self._json({"resource": f"{self.web.url}/login", "authorization_servers": [self.web.url]})
        elif path.startswith("/.well-known/oauth-authorization-server"):
            self._json(_metadata(self.web.url))
        elif path == "/authorize":  # Whoever comes agrees.
            back = f"{query['redirect_uri'][0]}?code=yes&state={query['state'][0]}"
            self._send(302, headers={"location": back})
        elif path == "/sse":
            self._stream("/messages")
        elif path.startswith("/faulty-sse/"):
            self._faulty_stream(path)
        else:
            self._send(405)

    def do_POST(self) -> None:
        path, query = self._told()
        answers = self.web.answers[int(query["stream"][0])] if "stream" in query else None
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        if path == "/register":
            self._json({**json.loads(body), "client_id": "contract"}, 201)
        elif path == "/token":
            self._json({"access_token": _TOKEN, "token_type": "Bearer", "expires_in": 3600})
        elif path == "/login" and self.headers.get("authorization") != f"Bearer {_TOKEN}":
            where = f'Bearer resource_metadata="{self.web.url}/.well-known/oauth-protected-resource"'
            self._send(401, headers={"www-authenticate": where})
        elif path == "/mute":
            self.web.ended.wait(_SILENT_SECONDS)
            self.close_connection = True
        elif path.startswith("/faulty"):
            self._faulty(path, json.loads(body), answers)
        else:
            self._message(json.loads(body), answers)

    def do_DELETE(self) -> None:
        self._told()
        self._send(200)

    def _told(self) -> tuple[str, dict[str, list[str]]]:
        parts = urlsplit(self.path)
        self.web.headers.append((parts.path, {name.lower(): value for name, value in self.headers.items()}))
        return parts.path, parse_qs(parts.query)

    def _message(self, message: Json, answers: queue.Queue[str] | None) -> None:
        answered = {"jsonrpc": "2.0", "id": message.get("id")}
        if "id" in message:
            answered["result"] = answer(message["method"], message.get("params") or {})
        if answers is not None or "id" not in message:
            self._send(202)
            if "id" in message and answers is not None:
                answers.put(json.dumps(answered))
        else:
            self._json(answered)

    def _faulty(self, path: str, message: Json, answers: queue.Queue[str] | None) -> None:
        _, _, at, fault = unquote(path).split("/")
        if "id" not in message or "method" not in message:
            self._send(202)
        elif not mcp_faults.hit(at, message):
            self._message(message, answers)
        elif fault == "broken":
            self._send(500, b"It has no licence.")
        elif fault in ("cut", "half"):
            if fault == "half":
                self.wfile.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 99\r\n\r\n{")
            self.close_connection = True
        elif (said := mcp_faults.body(fault, message)) is None:
            if answers is not None:
                self._send(202)
            else:
                self.web.ended.wait(_SILENT_SECONDS)
                self.close_connection = True
        elif answers is not None:
            self._send(202)
            answers.put(said)
        else:
            self._send(200, said.encode(), {"content-type": "application/json"})

    def _faulty_stream(self, path: str) -> None:
        _, _, at, fault = unquote(path).split("/")
        if (at, fault) == ("start", "mute"):
            self._stream("")
        elif (at, fault) == ("start", "cut"):
            self._send(200, headers={"content-type": "text/event-stream"})
        elif (at, fault) == ("start", "broken"):
            self._send(500, b"It has no licence.")
        else:
            self._stream(f"/faulty-messages/{at}/{fault}")

    def _stream(self, endpoint: str) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("connection", "close")
        self.end_headers()
        self.close_connection = True
        answers: queue.Queue[str] = queue.Queue()
        self.web.answers.append(answers)
        where = f"{endpoint}?stream={self.web.answers.index(answers)}"
        event = f"event: endpoint\ndata: {where}\n\n" if endpoint else ": wait\n\n"
        while not self.web.ended.is_set():
            try:
                self.wfile.write(event.encode())
                self.wfile.flush()
                lines = answers.get(timeout=0.05).replace("\n", "\ndata: ")
                event = f"event: message\ndata: {lines}\n\n"
            except queue.Empty:
                event = ": still here\n\n"
            except OSError:
                return

    def _json(self, value: Json, status: int = 200) -> None:
        self._send(status, json.dumps(value).encode(), {"content-type": "application/json"})

    def _send(self, status: int, body: bytes = b"", headers: Mapping[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {**(headers or {}), "content-length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


def _metadata(url: str) -> Json:
    return {
        "issuer": url,
        "authorization_endpoint": f"{url}/authorize",
        "token_endpoint": f"{url}/token",
        "registration_endpoint": f"{url}/register",
        "response_types_supported": ["code"],
        "grant_types_supported": ["authorization_code", "refresh_token"],
        "code_challenge_methods_supported": ["S256"],
        "token_endpoint_auth_methods_supported": ["none"],
    }
