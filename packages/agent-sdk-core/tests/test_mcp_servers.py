from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from agent_sdk_core.errors import InvalidRequestError, UnsupportedOptionError
from agent_sdk_core.mcp_servers import McpServer, require_native
from agent_sdk_core.option_values import revealed
from agent_sdk_core.options import SessionOptions
from agent_sdk_core.redaction import REDACTED, redact
from agent_sdk_core.secret import Secret


def taken(server: object) -> McpServer:
    return SessionOptions(mcp_servers={"x": server}).servers["x"]  # type: ignore[dict-item]  # also what is refused


@pytest.mark.parametrize(
    ("table", "server"),
    [
        ({"command": Path("/bin/x"), "args": ["", Path("a")]}, McpServer(command="/bin/x", args=("", "a"))),
        ({"type": "stdio", "command": "x", "timeout": 1500}, McpServer(command="x", type="stdio", call_timeout=1.5)),
        ({"command": "x", "tool_timeout_sec": 2, "cwd": "/"}, McpServer(command="x", call_timeout=2.0, cwd="/")),
        ({"command": "x", "startup_timeout_sec": 3.5}, McpServer(command="x", startup_timeout=3.5)),
        ({"command": "x", "startup_timeout_ms": 500}, McpServer(command="x", startup_timeout=0.5)),
        (
            {"type": "http", "url": "https://u", "headers": {"A": "b"}},
            McpServer(url="https://u", type="http", headers={"A": "b"}),
        ),
        ({"type": "streamable-http", "url": "https://u"}, McpServer(url="https://u", type="http")),
        ({"url": "https://u", "http_headers": {"A": "b"}}, McpServer(url="https://u", headers={"A": "b"})),
        ({"type": "sse", "url": "https://u"}, McpServer(url="https://u", type="sse")),
        ({"url": "https://u", "enabled": False}, McpServer(url="https://u", enabled=False)),
        (
            {"url": "https://u", "required": True, "native": {"a": 1}},
            McpServer(url="https://u", native={"required": True, "a": 1}),
        ),
    ],
)
def test_a_table_in_an_official_spelling_is_a_server(table: dict[str, Any], server: McpServer) -> None:
    assert taken(table) == server
    assert taken(server) is server


def test_a_server_knows_how_it_is_reached() -> None:
    servers = (McpServer(command="x"), McpServer(url="https://u"), McpServer(url="https://u", type="sse"))
    assert [server.transport for server in servers] == ["stdio", "http", "sse"]


@pytest.mark.parametrize(
    ("server", "words"),
    [
        ({}, "['x'] needs a command or a url"),
        ({"comand": "x"}, "['x'] needs a command or a url; did 'comand' mean 'command'?"),
        ({"command": "x", "url": "https://u"}, "has a command and a url; take one"),
        ({"command": ["x", "-v"]}, "McpServer.command must be text; name a program"),
        ({"command": "x", "args": "-v"}, "McpServer.args must be a list of texts"),
        ({"command": "x", "args": [1]}, "McpServer.args [0] must be text"),
        ({"command": "x", "args": {"-v"}}, "McpServer.args must be a list of texts"),
        ({"command": "x", "env": {"A": 1}}, "McpServer.env ['A'] must be text or a Secret, not int"),
        ({"command": "x", "env": {"A": Secret("b\0")}}, "McpServer.env ['A'] holds a NUL character"),
        ({"command": "x", "env": {"": "b"}}, "McpServer.env has '', which is no name"),
        ({"command": "x", "env": []}, "McpServer.env must be a table, not list"),
        ({"command": "x", "headers": {"A": "b"}}, "has headers, which only a server with a url takes"),
        ({"url": "https://u", "args": ["x"]}, "has args, which only a server with a command takes"),
        ({"command": "x", "type": "http"}, "has a command, which goes not with type='http'"),
        ({"url": "https://u", "type": "stdio"}, "has a url, which goes not with type='stdio'"),
        ({"url": "https://u", "timeout": 0}, "McpServer.call_timeout must be greater than 0"),
        ({"url": "https://u", "type": "ftp"}, "McpServer.type must be 'stdio', 'http' or 'sse', not 'ftp'"),
        ({"type": "sdk", "name": "x", "instance": object()}, "tools=ToolRegistry"),
        ({"url": "https://u", 1: 2}, "has the key 1, and keys are text"),
        ({"url": "https://u", "required": object()}, "McpServer.native ['required'] is of type object"),
        (5, "must be a McpServer or a table"),
    ],
)
def test_what_is_no_server_is_refused_in_words(server: Any, words: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        taken(server)
    assert words.replace(" [", "[") in caught.value.message.replace(" [", "[")
    assert caught.value.details["option"] == "mcp_servers"


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({}, "McpServer needs a command or a url."),
        ({"command": "x", "url": "https://u"}, "McpServer has a command and a url; take one."),
        ({"command": "x", "headers": {"A": "b"}}, "McpServer has headers, which only a server with a url takes."),
        ({"command": "x", "env": {"A=b": "c"}}, "McpServer has env['A=b'], which is no name of a variable."),
        ({"url": "https://u", "headers": {"A b": "c"}}, "McpServer has headers['A b'], which is no name of a header."),
        (
            {"url": "https://u", "headers": {"A": Secret("b\r\nC: d")}},
            "McpServer has headers['A'] of more than one line, and so of more than one header.",
        ),
    ],
)
def test_what_does_not_go_together_is_refused_where_a_server_is_made(fields: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        McpServer(**fields)
    assert caught.value.message == words


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("ftp://host/t0p-s3cret", "that begins with ftp://; an MCP server's begins with https:// or http://"),
        ("ws://host", "that begins with ws://; an MCP server's begins with https:// or http://"),
        ("host/mcp", "that is no address; an MCP server's begins with https:// or http://"),
        ("https:///mcp", "that names no host; write it as https://host/path"),
        ("https://host:port/mcp", "that cannot be read; write it as https://host/path"),
        ("http://[::1/mcp", "that cannot be read; write it as https://host/path"),
    ],
)
def test_an_address_that_no_agent_could_reach_is_refused_and_not_repeated(url: str, words: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        McpServer(url=url)
    assert caught.value.message == f"McpServer has a url {words}."
    with pytest.raises(InvalidRequestError, match="has a url that"):
        SessionOptions(mcp_servers={"web": {"url": url}})


def test_the_name_of_a_server_is_text() -> None:
    with pytest.raises(InvalidRequestError, match="5, which is no name of a server"):
        SessionOptions(mcp_servers={5: {"command": "x"}})  # type: ignore[dict-item]  # what is refused


def test_a_server_shows_no_secret_and_teaches_those_it_has() -> None:
    server = McpServer(
        url="https://u", headers={"Authorization": "Bearer t0p-s3cret-t0ken", "X": Secret("a-plain-word")}
    )
    assert "t0p-s3cret" not in repr(server)
    assert "a-plain-word" not in f"{server} {server.model_dump()}"
    assert "Authorization" in repr(server)
    assert redact("it said t0p-s3cret-t0ken, a-plain-word") == f"it said {REDACTED}, {REDACTED}"
    assert revealed(server.headers)["X"] == "a-plain-word"


def test_a_setting_that_an_agent_does_not_have_is_refused_with_the_nearest() -> None:
    server = McpServer(url="https://u", native={"scope": ["a"], "zzz": 1})
    with pytest.raises(UnsupportedOptionError, match=r"knows no 'scope' .*\['x'\]; did you mean 'scopes'"):
        require_native("x", server, {"scopes"}, backend="mini")
    with pytest.raises(UnsupportedOptionError, match=r"'zzz' .* leave it out"):
        require_native("x", server, {"scope"}, backend="mini")
    require_native("x", server, {"scope", "zzz"}, backend="mini")
