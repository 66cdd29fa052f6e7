from __future__ import annotations

import base64

import pytest

from agent_sdk_core.errors import InvalidRequestError
from agent_sdk_core.transport.websocket.address import WebSocketAddress
from agent_sdk_core.transport.websocket.proxy import Proxy

EVERY = {name: f"http://{name.replace('_', '-')}:1" for name in ("http_proxy", "https_proxy", "all_proxy")}


def proxy(url: str, env: dict[str, str]) -> Proxy | None:
    return Proxy.of(WebSocketAddress.parse(url, owner="Backend"), env)


def host(url: str, env: dict[str, str]) -> str | None:
    found = proxy(url, env)
    return None if found is None else found.host


def test_what_is_said_over_tls_has_its_own_variable() -> None:
    assert host("wss://agents.example", EVERY) == "https-proxy"
    assert host("ws://agents.example", EVERY) == "http-proxy"
    assert host("wss://agents.example", {"ALL_PROXY": "http://all:1"}) == "all"
    assert host("wss://agents.example", {"HTTP_PROXY": "http://plain:1"}) is None
    assert host("wss://agents.example", {"https_proxy": "http://lower:1", "HTTPS_PROXY": "http://upper:1"}) == "lower"
    assert host("wss://agents.example", {"HTTPS_PROXY": " "}) is None


@pytest.mark.parametrize("url", ["ws://127.0.0.1:1", "wss://localhost:1", "ws://[::1]:1", "unix:///run/s"])
def test_what_stays_on_this_machine_is_never_proxied(url: str) -> None:
    assert proxy(url, EVERY) is None


@pytest.mark.parametrize(
    ("listed", "exempt"),
    [
        ("*", True),
        ("agents.example", True),
        ("other, AGENTS.example", True),
        (".example", True),
        ("*.example", True),
        ("example", True),
        ("agents.example:443", True),
        ("agents.example:80", False),
        ("gents.example", False),
        ("example.org", False),
        ("", False),
        (",", False),
    ],
)
def test_hosts_that_are_listed_are_reached_directly(listed: str, exempt: bool) -> None:
    assert (proxy("wss://agents.example", {**EVERY, "NO_PROXY": listed}) is None) is exempt
    assert (proxy("wss://agents.example", {**EVERY, "no_proxy": listed}) is None) is exempt


def test_where_a_proxy_is_and_what_it_is_shown() -> None:
    found = proxy("wss://agents.example", {"HTTPS_PROXY": "http://me:p%40ss@gate.example:3128/"})
    assert found is not None
    assert (found.host, found.port) == ("gate.example", 3128)
    assert found.described == "proxy gate.example:3128 (from HTTPS_PROXY)"
    assert base64.b64decode(found.credentials or "") == b"me:p@ss"
    bare = proxy("wss://agents.example", {"HTTPS_PROXY": "gate.example"})
    assert bare is not None
    assert (bare.host, bare.port, bare.credentials) == ("gate.example", 80, None)
    sixth = proxy("wss://agents.example", {"HTTPS_PROXY": "http://[fe80::1]:8"})
    assert sixth is not None
    assert sixth.described.startswith("proxy [fe80::1]:8 ")


@pytest.mark.parametrize(
    "said", ["socks5://me:sekret@gate:1", "https://gate:1", "http://", "http://gate:port", "http://["]
)
def test_a_proxy_of_another_kind_is_refused_and_not_quoted(said: str) -> None:
    with pytest.raises(InvalidRequestError, match="HTTPS_PROXY names no proxy of the form http://HOST:PORT") as caught:
        proxy("wss://agents.example", {"HTTPS_PROXY": said})
    assert "sekret" not in str(caught.value)


def test_a_header_of_a_web_server_s_client_is_no_proxy() -> None:
    env = {"HTTP_PROXY": "http://attacker:1", "REQUEST_METHOD": "GET"}
    assert proxy("ws://agents.example", env) is None
    assert host("ws://agents.example", {**env, "http_proxy": "http://gate:1"}) == "gate"
