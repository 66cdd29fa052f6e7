"""`McpServer`: how an MCP server is started or reached, in one shape for every agent, and in the official spellings.

The spellings are those of claude-agent-sdk, `McpStdioServerConfig`, `McpHttpServerConfig` and `McpSSEServerConfig`, and
that of the table `mcp_servers` in Codex's config.toml.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Annotated, Any, Final, Literal, cast
from urllib.parse import urlsplit

from pydantic import AfterValidator, ConfigDict, Field, SkipValidation, StrictBool, ValidationError

from agent_sdk_core.errors import InvalidRequestError, UnsupportedOptionError
from agent_sdk_core.names import nearest
from agent_sdk_core.option_values import (
    Options,
    PathText,
    Seconds,
    Table,
    Text,
    complaint,
    json_value,
    path_problem,
    text_problem,
    wrong,
)
from agent_sdk_core.redaction import REDACTED, learn_from
from agent_sdk_core.secret import Secret

McpTransport = Literal["stdio", "http", "sse"]
"""How an agent talks to an MCP server: over the pipes of a command that it starts, or at an address."""


_HEADER: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
"""A name of a header, as HTTP has it."""

_LINE_END: Final = re.compile(r"[\r\n]")


def _texts(value: Any) -> Any:
    if not isinstance(value, Mapping):
        raise wrong(f"must be a table, not {type(value).__name__}")
    texts: dict[str, str | Secret] = {}
    for name, given in cast("Mapping[object, object]", value).items():
        given = os.fspath(cast("os.PathLike[str]", given)) if isinstance(given, os.PathLike) else given
        text = given.reveal() if isinstance(given, Secret) else given
        if not isinstance(name, str) or not name.strip() or text_problem(name):
            raise wrong(f"has {name!r}, which is no name")
        if not isinstance(text, str):
            raise wrong(f"[{name!r}] must be text or a Secret, not {type(text).__name__}")
        if problem := text_problem(text):
            raise wrong(f"[{name!r}] {problem}")
        texts[name] = cast("str | Secret", given)
    return texts


def _arguments(value: Any) -> Any:
    if not isinstance(value, list | tuple):
        raise wrong("must be a list of texts")
    arguments = cast("list[object]", json_value(cast("object", value)))
    for index, argument in enumerate(arguments):
        problem = text_problem(argument) if isinstance(argument, str) else "must be text"
        if problem is not None:
            raise wrong(f"[{index}] {problem}")
    return tuple(arguments)


def _command(value: Any) -> Any:
    if value is None:
        return None
    if problem := path_problem(value):
        raise wrong(f"{problem.replace('must be a path', 'must be text')}; name a program")
    return os.fspath(cast("str | os.PathLike[str]", value))


def _address_problem(url: str) -> str | None:
    try:
        address = urlsplit(url)
        host, _ = address.hostname, address.port
    except ValueError:
        return "that cannot be read; write it as https://host/path"
    if address.scheme not in ("http", "https"):
        begins = f"begins with {address.scheme}://" if "://" in url else "is no address"
        return f"that {begins}; an MCP server's begins with https:// or http://"
    return None if host else "that names no host; write it as https://host/path"


SecretTexts = Annotated[SkipValidation[Mapping[str, str | Secret]], AfterValidator(_texts)]
"""Texts by name, some of them secret."""


class McpServer(Options):
    """An MCP server, for `SessionOptions.mcp_servers`: a command that the agent starts, or an address.

    Attributes:
        command: Program of a server that the agent starts ("stdio").
        args: What follows it on its command line, where every user of the machine can read it.
        env: Environment variables for it; values may be `Secret`.
        cwd: Folder that it runs in; absent: the session's. Codex only.
        url: Address of a server that runs already.
        headers: Headers of the requests to it; values may be `Secret`.
        type: "http", which is what a `url` is if nothing is said, or "sse", the older protocol, which Codex has not.
        startup_timeout: Seconds that it may take to start; absent: the agent's own. On Claude the longest of all
            servers holds for each.
        call_timeout: Seconds that a call of one of its tools may take; absent: the agent's own, on Claude ten minutes.
        enabled: Whether it runs.
        native: Further settings in the agent's own words, such as `{"required": True}` on Codex.

    Raises:
        InvalidRequestError: It has neither command nor address, or both, or what does not belong to it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True, defer_build=True)

    command: Annotated[SkipValidation[str | os.PathLike[str] | None], AfterValidator(_command)] = None
    args: Annotated[SkipValidation[Sequence[str]], AfterValidator(_arguments)] = ()
    env: SecretTexts = Field(default_factory=dict)
    cwd: PathText | None = None
    url: Text | None = None
    headers: SecretTexts = Field(default_factory=dict)
    type: McpTransport | None = None
    startup_timeout: Seconds | None = None
    call_timeout: Seconds | None = None
    enabled: StrictBool = True
    native: Table = Field(default_factory=dict)

    def model_post_init(self, context: object, /) -> None:
        """Remember its secrets, so that no error, log or `repr` shows them, and refuse what does not go together."""
        native = {key: value for key, value in self.native.items() if "env" not in key.split("_")}  # Names, not values.
        for settings in (self.env, self.headers, native):
            learn_from(settings)
        self._require_one_kind()
        self._require_settings()

    def __repr_args__(self) -> Iterator[tuple[str | None, Any]]:
        """Show of its environment and headers the names alone."""
        for name, value in super().__repr_args__():
            yield name, dict.fromkeys(value, REDACTED) if name in ("env", "headers") else value

    @property
    def transport(self) -> McpTransport:
        """How the agent talks to it."""
        return self.type or ("http" if self.command is None else "stdio")

    def _require_one_kind(self) -> None:
        if self.url is not None and (problem := _address_problem(self.url)) is not None:
            raise wrong(f"has a url {problem}")  # Without the address, which may hold a secret.
        if (self.command is None) == (self.url is None):
            raise wrong("needs a command or a url" if self.command is None else "has a command and a url; take one")
        if self.type not in (None, "stdio") if self.url is None else self.type == "stdio":
            raise wrong(f"has {'a command' if self.url is None else 'a url'}, which goes not with type={self.type!r}")
        odd = ("headers",) if self.url is None else ("args", "env", "cwd")
        for name in odd:
            if getattr(self, name):
                raise wrong(f"has {name}, which only a server with a {'url' if self.url is None else 'command'} takes")

    def _require_settings(self) -> None:
        if (name := next((name for name in self.env if "=" in name), None)) is not None:
            raise wrong(f"has env[{name!r}], which is no name of a variable")
        for name, value in self.headers.items():
            if _HEADER.fullmatch(name) is None:
                raise wrong(f"has headers[{name!r}], which is no name of a header")
            if _LINE_END.search(value.reveal() if isinstance(value, Secret) else value) is not None:
                raise wrong(f"has headers[{name!r}] of more than one line, and so of more than one header")


def require_native(name: str, server: McpServer, known: Collection[str], *, backend: str) -> None:
    """Refuse a setting that an agent does not have, or that belongs to another one.

    Args:
        name: Name of the server.
        server: The server.
        known: The settings of the agent's own.
        backend: Name of the backend.

    Raises:
        UnsupportedOptionError: There is one; names the nearest that the agent has.
    """
    for key in server.native:
        if key in known:
            continue
        meant = nearest(key, sorted({*known, *McpServer.model_fields} - {"native"}))
        hint = f"did you mean {meant!r}?" if meant else "leave it out, or choose a backend that has it."
        raise UnsupportedOptionError(
            f"The {backend} backend knows no {key!r} of an MCP server: SessionOptions.mcp_servers[{name!r}]; {hint}",
            backend=backend,
            details={"option": "mcp_servers"},
        )


def _milliseconds(value: object) -> object:
    return value / 1000 if isinstance(value, int | float) and not isinstance(value, bool) else value


def _as_it_is(value: object) -> object:
    return value


_SPELLINGS: Final[Mapping[str, tuple[str, Callable[[object], object]]]] = {
    "http_headers": ("headers", _as_it_is),
    "startup_timeout_sec": ("startup_timeout", _as_it_is),
    "startup_timeout_ms": ("startup_timeout", _milliseconds),
    "tool_timeout_sec": ("call_timeout", _as_it_is),
    "timeout": ("call_timeout", _milliseconds),
}
"""Keys of the agents that are fields here, and what their values are here."""

_IN_PROCESS: Final = "is a server in this process; give its tools as SessionOptions(tools=ToolRegistry(…))"
_STREAMABLE: Final = frozenset({"streamable_http", "streamable-http", "streamableHttp"})


def mcp_server(value: object) -> McpServer:
    """Return a server from a table in our spelling or an agent's; what is one agent's alone becomes `native`.

    Raises:
        ValueError: It is none; says what is wrong with it.
    """
    if isinstance(value, McpServer):
        return value
    if not isinstance(value, Mapping):
        raise wrong("must be a McpServer or a table")
    fields = _fields(cast("Mapping[object, object]", value))
    try:
        return McpServer.model_validate(fields)
    except ValidationError as error:
        raise wrong(complaint(error.errors(include_url=False)[0])) from None
    except InvalidRequestError as error:
        raise wrong(f"is wrong: {error.message.rstrip('.')}") from None


def _fields(table: Mapping[object, object]) -> dict[str, object]:
    fields: dict[str, object] = {}
    native: dict[str, object] = {}
    for key, given in table.items():
        if not isinstance(key, str):
            raise wrong(f"has the key {key!r}, and keys are text")
        if key in _SPELLINGS:
            name, convert = _SPELLINGS[key]
            fields[name] = convert(given)
        else:
            (fields if key in McpServer.model_fields else native)[key] = given
    if fields.get("type") == "sdk":
        raise wrong(_IN_PROCESS)
    if isinstance(kind := fields.get("type"), str) and kind in _STREAMABLE:
        fields["type"] = "http"
    if "command" not in fields and "url" not in fields:
        meant = next(((key, near) for key in native if (near := nearest(key, ("command", "url")))), None)
        raise wrong("needs a command or a url" + ("" if meant is None else f"; did {meant[0]!r} mean {meant[1]!r}?"))
    if native:
        fields["native"] = {**native, **cast("Mapping[str, object]", fields.get("native") or {})}
    return fields


def _servers(value: Any) -> Any:
    if not isinstance(value, Mapping):
        raise wrong(f"must be a table, not {type(value).__name__}")
    servers: dict[str, McpServer] = {}
    for name, given in cast("Mapping[object, object]", value).items():
        if not isinstance(name, str) or not name.strip() or text_problem(name):
            raise wrong("has a server without a name" if name == "" else f"has {name!r}, which is no name of a server")
        try:
            servers[name] = mcp_server(given)
        except ValueError as error:
            raise wrong(f"[{name!r}] {error}") from None
    return servers


Servers = Annotated[SkipValidation[Mapping[str, McpServer | Mapping[str, object]]], AfterValidator(_servers)]
"""MCP servers by name; they are held as `McpServer`."""
