"""What a client gives a session beside its folder, as options of the agent: MCP servers, folders, a system prompt."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from agent_sdk_core.errors import InvalidRequestError
from agent_sdk_core.mcp_servers import McpServer
from agent_sdk_core.wire.reading import as_record


def session_extra(params: Mapping[str, object]) -> dict[str, object]:
    """Return the options that a request to open a session stands for.

    Raises:
        InvalidRequestError: A server, a folder or the prompt cannot be used; the message says which.
    """
    extra: dict[str, object] = {}
    if servers := _servers(params.get("mcpServers")):
        extra["mcp_servers"] = servers
    if folders := _folders(params.get("additionalDirectories")):
        extra["add_dirs"] = folders
    if (prompt := as_record(params.get("systemPrompt"))) is not None:
        name = "system_prompt" if prompt.get("mode") == "override" else "append_system_prompt"
        extra[name] = "\n".join(_prompt_texts(prompt.get("content")))
    return extra


def session_folder(params: Mapping[str, object]) -> str:
    """Return the folder of a session.

    Raises:
        InvalidRequestError: None is named, or it is not absolute.
    """
    cwd = params.get("cwd")
    if not isinstance(cwd, str) or not Path(cwd).is_absolute():
        raise InvalidRequestError("A session's cwd is an absolute path.")
    return cwd


def _servers(given: object) -> dict[str, McpServer]:
    if given is None:
        return {}
    if not isinstance(given, list):
        raise InvalidRequestError("mcpServers is a list.")
    servers: dict[str, McpServer] = {}
    for place, each in enumerate(cast("list[object]", given)):
        fields = as_record(each) or {}
        name = fields.get("name")
        if not isinstance(name, str) or not name:
            raise InvalidRequestError(f"mcpServers[{place}] has no name.")
        if name in servers:
            raise InvalidRequestError(f"mcpServers has two servers called {name!r}.")
        servers[name] = _server(name, fields)
    return servers


def _server(name: str, fields: Mapping[str, object]) -> McpServer:
    options: dict[str, Any]
    match fields.get("type", "stdio"):
        case "stdio":
            options = {"command": fields.get("command"), "args": fields.get("args") or []}
            options["env"] = _pairs(name, "env", fields.get("env"))
        case "http" | "sse" as kind:
            options = {
                "url": fields.get("url"),
                "type": kind,
                "headers": _pairs(name, "headers", fields.get("headers")),
            }
        case kind:
            raise InvalidRequestError(f"The MCP server {name!r} is of type {kind!r}; stdio, http and sse can be used.")
    try:
        return McpServer(**options)
    except InvalidRequestError as error:
        raise InvalidRequestError(f"The MCP server {name!r} cannot be used: {error.message}") from None


def _pairs(server: str, what: str, given: object) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for each in _listed(f"{what} of the MCP server {server!r}", given):
        fields = as_record(each) or {}
        name, value = fields.get("name"), fields.get("value")
        if not isinstance(name, str) or not isinstance(value, str):
            raise InvalidRequestError(f"{what} of the MCP server {server!r} is a list of names with values.")
        pairs[name] = value
    return pairs


def _listed(what: str, given: object) -> list[object]:
    """Return a list, empty where none is given; what is something else would be left out in silence."""
    if given is not None and not isinstance(given, list):
        raise InvalidRequestError(f"{what} is a list.")
    return cast("list[object]", given or [])


def _folders(given: object) -> tuple[str, ...]:
    folders = _listed("additionalDirectories", given)
    for folder in folders:
        if not isinstance(folder, str) or not Path(folder).is_absolute():
            raise InvalidRequestError(f"additionalDirectories are absolute paths, which {folder!r} is not.")
    return tuple(str(folder) for folder in folders)


def _prompt_texts(content: object) -> list[str]:
    blocks = [as_record(block) or {} for block in cast("list[object]", content)] if isinstance(content, list) else []
    texts = [block.get("text") for block in blocks if block.get("type") == "text"]
    return [text for text in texts if isinstance(text, str)]
