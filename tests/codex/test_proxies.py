"""An app-server that is reached through the proxy that the environment names."""

from __future__ import annotations

import ssl
import threading
from http import HTTPStatus
from pathlib import Path

import pytest
import trustme
from tests.codex.connect_proxy import ConnectProxy
from tests.codex.driving import Codex
from tests.codex.listening import ListeningServer
from websockets.http11 import Request, Response
from websockets.sync.server import ServerConnection, serve

from agent_sdk_core import AgentError, AuthenticationError, InvalidRequestError, Secret, StartError
from agent_sdk_testing import text
from agent_sdk_testing.contract.watching import run
from codex_sdk import CodexBackend

pytestmark = pytest.mark.anyio

HOST = "agents.example"


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of whoever runs the tests."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


async def refused(kind: type[AgentError], url: str, token: str, words: str) -> AgentError:
    """Start a backend that is refused, and return how it says so."""
    backend = CodexBackend(url=url, token=Secret(token))
    with pytest.raises(kind, match=words) as caught:
        await backend.start()
    await backend.aclose()
    return caught.value


async def test_a_server_that_only_the_proxy_reaches(codex: Codex, monkeypatch: pytest.MonkeyPatch) -> None:
    codex.model.reply(text("Fine."))
    with (
        ListeningServer(codex.executable, codex.env, codex.folder, "tcp", wants_token=False) as server,
        ConnectProxy(HOST) as proxy,
    ):
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        url = server.url.replace("127.0.0.1", HOST)
        async with CodexBackend(url=url) as backend, await codex.open(backend) as session:
            assert (await run(session, "Hello.")).result.result == "Fine."
        # One way for the question whether it is ready, one for the conversation.
        assert [head.split()[1] for head in proxy.asked] == [url.removeprefix("ws://").encode()] * 2
        async with CodexBackend(url=server.url):  # What stays on this machine needs no proxy.
            pass
        assert len(proxy.asked) == 2


async def test_the_token_goes_through_the_tunnel_and_never_to_the_proxy(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(HOST).configure_cert(context)  # pyright: ignore[reportUnknownMemberType]  # it comes without types
    shown: list[str | None] = []

    def answer(connection: ServerConnection, request: Request) -> Response:
        shown.append(request.headers.get("Authorization"))
        return connection.respond(HTTPStatus.OK if request.path == "/readyz" else HTTPStatus.UNAUTHORIZED, "")

    with (
        serve(lambda _: None, "127.0.0.1", 0, ssl=context, process_request=answer) as server,
        ConnectProxy(HOST) as proxy,
    ):
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("HTTPS_PROXY", proxy.url.replace("//", "//me:sekret@"))
        url = f"wss://{HOST}:{server.socket.getsockname()[1]}"
        await refused(AuthenticationError, url, "the token", "this token is not the one")
    assert shown == [None, "Bearer the token"]
    assert all(b"Proxy-Authorization: Basic bWU6c2VrcmV0\r\n" in head for head in proxy.asked)
    assert not any(b"token" in head for head in proxy.asked)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", "with HTTP 407: it wants a user and a password"),
        (b"HTTP/1.1 403 Forbidden\r\n\r\n", r"with HTTP 403\. Look at the address"),
        (b"HTTP/1.1 503 Unavailable\r\n\r\n", "with HTTP 503: it cannot reach it"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "did not answer as HTTP has it"),
    ],
)
async def test_a_proxy_that_refuses_is_named(answer: bytes, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with ConnectProxy(HOST, answer=answer) as proxy:
        monkeypatch.setenv("ALL_PROXY", proxy.url)
        error = await refused(StartError, f"wss://{HOST}", "the token", words)
    assert f"The proxy {proxy.url.removeprefix('http://')} (from ALL_PROXY) " in error.message
    assert error.retryable is (b"503" in answer)


async def test_a_proxy_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with ConnectProxy(HOST) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
    gone = rf"through the proxy {proxy.url.removeprefix('http://')} \(from HTTPS_PROXY\), cannot be reached"
    assert (await refused(StartError, f"wss://{HOST}", "the token", gone)).code == "unreachable"
    monkeypatch.setenv("HTTPS_PROXY", "socks5://127.0.0.1:1")
    await refused(InvalidRequestError, f"wss://{HOST}", "the token", "NO_PROXY")
