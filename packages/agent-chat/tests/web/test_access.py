"""Attacks on the server: other hosts, other sites, stolen and used links, large bodies, floods, paths that lead out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.routing import Mount
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Subprotocol

from agent_chat.web import access as access_module
from agent_chat.web.access import Access, is_loopback
from agent_chat.web.app import create_app
from agent_chat.web.operations import MAX_BODY
from agent_chat.web.server import listen, running

pytestmark = pytest.mark.anyio
EDITOR = "vscode-webview://here"


async def drain(socket: Any) -> None:
    while True:
        await socket.recv()


async def test_nobody_without_the_cookie_gets_anything(served: Any) -> None:
    async with httpx2.AsyncClient(base_url=served.base, trust_env=False, timeout=60) as stranger:
        for path in ("/", "/api", "/api/chats", "/api/openapi.json", "/assets/app-1234.js"):
            answer = await stranger.get(path)
            assert (answer.status_code, answer.json()["error"]["code"]) == (401, "not_opened")
        assert (await stranger.post("/api/chats", json={})).status_code == 401
        answer = await stranger.get("/api", headers={"cookie": served.cookie[:-1]})
        assert answer.status_code == 401
    with pytest.raises(InvalidStatus, match="403"):
        await served.socket("/api/events", cookie="")


async def test_a_browser_without_the_cookie_shows_what_to_do(served: Any) -> None:
    async with httpx2.AsyncClient(headers={"sec-fetch-dest": "document"}, trust_env=False, timeout=60) as stranger:
        for path, status, words in (("/", 401, "Open the link"), ("/open?token=x", 403, "This link was used")):
            answer = await stranger.get(f"{served.base}{path}")
            assert answer.status_code == status
            assert answer.headers["content-type"].startswith("text/html")
            assert words in answer.text
            assert "<code>agent-sdk serve</code>" in answer.text
            policy = answer.headers["content-security-policy"]
            assert "default-src 'none'" in policy
            assert "unsafe" not in policy


async def test_a_link_works_once(served: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    link = served.access.link(served.base)
    async with (
        httpx2.AsyncClient(trust_env=False, timeout=60) as first,
        httpx2.AsyncClient(trust_env=False, timeout=60) as second,
    ):
        assert (await first.get(link)).status_code == 303
        assert (await second.get(link)).status_code == 403
        assert (await first.get(link)).status_code == 303, "who has opened it goes on to the page"
        assert (await second.get(f"{served.base}/open")).status_code == 403
        monkeypatch.setattr(access_module, "LINK_SECONDS", -1.0)
        assert (await second.get(served.access.link(served.base))).status_code == 403


async def test_the_cookie_is_for_this_server_alone(served: Any) -> None:
    async with httpx2.AsyncClient(trust_env=False, timeout=60) as browser:
        cookie = (await browser.get(served.access.link(served.base))).headers["set-cookie"].casefold()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert "domain" not in cookie


async def test_a_link_that_is_followed_on_another_site_leads_to_the_page(served: Any) -> None:
    async with httpx2.AsyncClient(trust_env=False, timeout=60) as browser:
        answer = await browser.get(served.access.link(served.base), headers={"sec-fetch-site": "cross-site"})
        assert answer.status_code == 200
        assert "set-cookie" in answer.headers
        assert 'url=/"' in answer.text


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1", "127.0.0.1:1", "localhost.evil.example", ""])
async def test_a_name_that_was_bound_to_this_machine_is_refused(served: Any, host: str) -> None:
    answer = await served.client.get("/api", headers={"host": host})
    assert answer.status_code in (400, 421)
    with pytest.raises(InvalidStatus):
        await served.socket("/api/events", host=host or "x")


async def test_localhost_is_this_machine_too(served: Any) -> None:
    port = served.base.rpartition(":")[2]
    assert (await served.client.get("/api", headers={"host": f"LOCALHOST:{port}"})).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "http://localhost:1"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
)
async def test_pages_of_other_sites_are_refused_even_with_the_cookie(served: Any, headers: dict[str, str]) -> None:
    for method in ("GET", "POST", "OPTIONS"):
        answer = await served.client.request(method, "/api/chats", headers=headers)
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "cross_site")
        assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize("origin", ["https://evil.example", "null", ""])
async def test_websockets_of_other_sites_are_refused_even_with_the_cookie(served: Any, origin: str) -> None:
    with pytest.raises(InvalidStatus, match="403"):
        await served.socket("/api/events", origin=origin)


async def test_a_websocket_that_says_nothing_of_where_it_comes_from_shows_a_token(served: Any) -> None:
    for shown in ("", "Basic eDp4", "bearer x"):
        with pytest.raises(InvalidStatus, match="403"):
            await served.socket("/api/events", origin="", authorization=shown)
    with pytest.raises(InvalidStatus, match="403"):
        await served.socket("/api/events", origin="", authorization="Bearer x")
    async with served.socket("/api/events", origin="", authorization=f"Bearer {served.access.token()}") as socket:
        assert "ready" in str(await socket.recv())


async def test_a_form_of_another_site_cannot_be_taken_for_json(served: Any) -> None:
    answer = await served.client.post("/api/chats", content="{}", headers={"content-type": "text/plain"})
    assert answer.status_code == 415


async def test_every_answer_forbids_scripts_of_others_and_frames(served: Any) -> None:
    async with httpx2.AsyncClient(base_url=served.base, trust_env=False, timeout=60) as stranger:
        for answer in (await served.client.get("/"), await served.client.get("/api"), await stranger.get("/")):
            policy = answer.headers["content-security-policy"]
            assert "script-src 'self';" in policy
            assert "unsafe" not in policy
            assert "frame-ancestors 'none'" in policy
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert answer.headers["referrer-policy"] == "no-referrer"


@pytest.mark.parametrize(
    "path",
    ["/../app.py", "/%2e%2e/app.py", "/assets/../../app.py", "/..%2fapp.py", "//etc/passwd", "/secret.pem", "/nothing"],
)
async def test_no_path_leads_out_of_the_page(served: Any, path: str) -> None:
    answer = await served.client.get(f"{served.base}{path}")
    assert answer.status_code == 404


async def test_files_of_the_page_are_typed_and_kept_by_their_hash(served: Any) -> None:
    script = await served.client.get("/assets/app-1234.js")
    assert script.headers["content-type"] == "text/javascript; charset=utf-8"
    assert "immutable" in script.headers["cache-control"]
    assert (await served.client.get("/")).headers["cache-control"] == "no-cache"
    assert (await served.client.get("/api")).headers["cache-control"] == "no-store"


async def test_links_in_the_folder_of_a_chat_lead_nowhere(served: Any, tmp_path: Any) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret.txt").write_text("x")
    (served.service.cwd / "inside.txt").write_text("x")
    (served.service.cwd / "out").symlink_to(outside)
    chat = await served.make()
    listed = (await served.client.get(f"/api/chats/{chat}/files", params={"q": ""})).json()["files"]
    assert listed == ["inside.txt"]
    assert (await served.client.get(f"/api/chats/{chat}/files", params={"q": "../"})).json()["files"] == []


async def test_a_body_that_is_too_large_is_refused(served: Any) -> None:
    async def body() -> Any:
        for _ in range(MAX_BODY // 2**20 + 2):
            yield b"x" * 2**20

    answer = await served.client.post("/api/chats", content=body(), headers={"content-type": "application/json"})
    assert answer.status_code == 413


async def test_a_websocket_message_that_is_too_large_ends_the_connection(served: Any) -> None:
    async with served.socket("/api/events") as socket:
        await socket.recv()
        await socket.send("x" * 2**17)
        with pytest.raises(ConnectionClosed):
            await drain(socket)


async def test_a_flood_is_slowed(served: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access_module, "REQUESTS_PER_SECOND", 0.0)
    monkeypatch.setattr(access_module, "BURST", 5.0)
    statuses = [(await served.client.get("/api/nothing")).status_code for _ in range(8)]
    assert statuses[-1] == 429
    assert 404 in statuses
    answer = await served.client.get("/api")
    assert answer.headers["retry-after"] == "1"


async def test_too_many_websockets_are_refused(served: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agent_chat.web.sockets.MAX_SOCKETS", 1)
    async with served.socket("/api/events") as one:
        await one.recv()
        async with served.socket("/api/events") as other:
            with pytest.raises(ConnectionClosed) as closed:
                await other.recv()
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == 4429


async def test_an_editor_uses_a_token_and_no_cookie(served: Any) -> None:
    token = served.access.token()
    headers = {"origin": EDITOR, "sec-fetch-site": "cross-site", "authorization": f"Bearer {token}"}
    async with httpx2.AsyncClient(base_url=served.base, trust_env=False, timeout=60) as editor:
        answer = await editor.get("/api", headers=headers)
        assert answer.status_code == 200
        assert answer.headers["access-control-allow-origin"] == EDITOR
        asked = {"origin": EDITOR, "access-control-request-method": "POST"}
        assert (await editor.options("/api/chats", headers=asked)).status_code == 204
        assert (await editor.get("/api", headers=headers | {"authorization": "Bearer x"})).status_code == 401
    answer = await served.client.get("/api", headers={"origin": EDITOR, "sec-fetch-site": "cross-site"})
    assert answer.status_code == 401, "the cookie of the browser is not the editor's"
    offered = [Subprotocol(f"agent-sdk.token.{token}")]
    async with served.socket("/api/events", subprotocols=offered, cookie="", origin=EDITOR) as socket:
        assert "ready" in str(await socket.recv())


@pytest.mark.parametrize(
    ("host", "expected"),
    [("127.0.0.1", True), ("127.1.2.3", True), ("::1", True), ("localhost", True), ("0.0.0.0", False), ("a.b", False)],
)
def test_what_is_reached_by_this_machine_alone(host: str, expected: bool) -> None:
    assert is_loopback(host) is expected


def test_a_cookie_that_is_none_is_passed_over() -> None:
    access = Access(["h"])
    for cookie in ("", "x", "=;=", "a=b; c", "\x00"):
        assert access.bucket(Headers({"cookie": cookie})) is None


def test_only_https_is_the_origin_of_a_server_behind_a_proxy() -> None:
    access = Access(["chats.example"], secure=True)
    for origin, expected in (("http://chats.example", True), ("https://chats.example", False)):
        assert access.is_from_elsewhere(Headers({"host": "chats.example", "origin": origin})) is expected


async def test_the_application_is_mounted_in_another(served: Any, page: Path) -> None:
    bound = listen("127.0.0.1", 0)
    port = bound.getsockname()[1]
    access = Access()
    access.add_loopback(port)
    outer = Starlette(routes=[Mount("/chats", create_app(served.service, access, page=page))])
    base = f"http://127.0.0.1:{port}/chats"
    async with running(outer, bound), httpx2.AsyncClient(trust_env=False, timeout=60) as client:
        assert (await client.get(f"{base}/api")).status_code == 401
        opened = await client.get(access.link(base))
        assert (opened.status_code, opened.headers["location"]) == (303, "/chats/")
        elsewhere = await client.get(access.link(base), headers={"sec-fetch-site": "cross-site"})
        assert 'href="/chats/"' in elsewhere.text
        assert "Chats" in (await client.get(f"{base}/")).text
        assert (await client.get(f"{base}/assets/app-1234.js")).text == "1"
        assert (await client.get(f"{base}/api")).json()["backends"] == ["memory", "other"]
        cookie = "; ".join(f"{name}={value}" for name, value in client.cookies.items())
        chat = await served.make()
        headers = {"Origin": f"http://127.0.0.1:{port}", "Cookie": cookie}
        address = f"{base.replace('http', 'ws', 1)}/api/chats/{chat}/events"
        async with connect(address, additional_headers=headers, proxy=None) as socket:
            assert "snapshot" in str(await socket.recv())
