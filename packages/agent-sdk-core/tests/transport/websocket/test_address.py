from __future__ import annotations

import pytest

from agent_sdk_core.errors import InvalidRequestError
from agent_sdk_core.transport.websocket.address import WebSocketAddress


def parse(url: str, *, has_token: bool = False) -> WebSocketAddress:
    return WebSocketAddress.parse(url, owner="CodexBackend", has_token=has_token)


@pytest.mark.parametrize(
    ("url", "host", "port", "resource", "authority"),
    [
        ("ws://127.0.0.1:4500", "127.0.0.1", 4500, "/", "127.0.0.1:4500"),
        ("ws://localhost", "localhost", 80, "/", "localhost:80"),
        ("wss://agents.example.org/codex?x=1", "agents.example.org", 443, "/codex?x=1", "agents.example.org:443"),
        ("ws://[::1]:9/a", "::1", 9, "/a", "[::1]:9"),
    ],
)
def test_an_address_of_tcp(url: str, host: str, port: int, resource: str, authority: str) -> None:
    address = parse(url)
    assert (address.url, address.host, address.port, address.resource) == (url, host, port, resource)
    assert address.tls is url.startswith("wss")
    assert address.socket is None
    assert address.authority == authority


def test_an_address_of_a_unix_socket() -> None:
    address = parse("unix:///run/my%20agents/codex.sock", has_token=True)
    assert address.socket == "/run/my agents/codex.sock"
    assert address.is_local
    assert not address.tls


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("", "has the form"),
        ("http://127.0.0.1:1", "has the form"),
        ("127.0.0.1:1", "has the form"),
        ("ws://", "has the form"),
        ("ws://127.0.0.1:port", "is no address"),
        ("ws://[::1", "is no address"),
        ("ws://127.0.0.1:99999", "is no address"),
        ("ws://me:secret@127.0.0.1:1", "holds credentials"),
        ("ws://token@127.0.0.1:1", "holds credentials"),
        ("ws://127.0.0.1:1/#there", "has a part that no server sees"),
        ("unix:///run/s?x", "has a part that no server sees"),
        ("unix://run/s", "by its whole path"),
        ("unix://", "by its whole path"),
        ("unix:///run/", "by its whole path"),
        ("ws://127.0.0.1:1/a b", "have to be encoded"),
        ("ws://bücher.example", "have to be encoded"),
        ("ws://127.0.0.1:1/a\r\nHost: b", "have to be encoded"),
    ],
)
def test_what_is_no_address_is_refused_with_the_reason(url: str, reason: str) -> None:
    with pytest.raises(InvalidRequestError, match=reason) as caught:
        parse(url)
    assert caught.value.message.startswith("CodexBackend(url=…) ")
    assert "secret" not in caught.value.message


@pytest.mark.parametrize("host", ["10.0.0.1", "agents.example.org", "localhost.example.org", "0.0.0.0", "[fe80::1]"])
def test_a_token_goes_to_another_machine_over_tls_alone(host: str) -> None:
    with pytest.raises(InvalidRequestError, match="in the clear"):
        parse(f"ws://{host}:1", has_token=True)
    assert not parse(f"ws://{host}:1").is_local
    assert parse(f"wss://{host}:1", has_token=True).tls


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "[::1]", "localhost", "LOCALHOST"])
def test_a_token_stays_on_this_machine_in_the_clear(host: str) -> None:
    assert parse(f"ws://{host}:1", has_token=True).is_local
