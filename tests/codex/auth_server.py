"""A loopback server that plays the issuer of ChatGPT logins: codes, tokens that are none, a list of workspaces."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

EMAIL = "user@example.com"
USER_CODE = "ABCD-1234"


def _token() -> str:
    claims = {
        "email": EMAIL,
        "exp": 4102444800,
        "https://api.openai.com/auth": {"chatgpt_plan_type": "plus", "chatgpt_account_id": "workspace"},
    }
    parts = [json.dumps(part).encode() for part in ({"alg": "none"}, claims)]
    return ".".join([*(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts), "sig"])


_ANSWERS: dict[str, object] = {
    "deviceauth/usercode": {"device_auth_id": "device", "user_code": USER_CODE, "interval": "0"},
    "deviceauth/token": {"authorization_code": "code", "code_challenge": "c", "code_verifier": "v"},
    "oauth/token": {"id_token": _token(), "access_token": _token(), "refresh_token": "none"},
    "accounts/check": {
        "accounts": [
            {
                "id": "workspace",
                "name": "Workspace",
                "plan_type": "plus",
                "structure": "personal",
                "workspace_backend_origin": "https://chatgpt.com",
                "account_routing_override": "NO_CONSTRAINT",
            }
        ],
        "account_ordering": ["workspace"],
        "default_account_id": "workspace",
    },
}


@contextmanager
def auth_server(*, refuse: bool = False) -> Generator[str]:
    """Run the server, and yield its address.

    Args:
        refuse: Whether nobody ever gets a token.
    """

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.rfile.read(int(self.headers.get("content-length") or 0))
            found = [answer for path, answer in _ANSWERS.items() if path in self.path]
            refused = refuse and "oauth/token" in self.path
            body = json.dumps(found[0] if found else {}).encode()
            self.send_response(400 if refused else 200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET

        def log_message(self, format: str, *args: object) -> None:
            del format, args

    class Server(ThreadingHTTPServer):
        def handle_error(self, request: object, client_address: object) -> None:
            """Say nothing of a client that went away."""

    server = Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
