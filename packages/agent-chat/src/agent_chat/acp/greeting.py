"""Greeting: what a client is told that begins: who we are, what we can do, and how somebody logs in."""

from __future__ import annotations

from typing import Any

from agent_chat import __version__
from agent_chat.acp.dialects import Dialect


def greeting_of(dialect: Dialect, backend: str | None, login: tuple[str, ...]) -> dict[str, Any]:
    """Return the answer of `initialize`.

    Args:
        dialect: How the client is spoken to.
        backend: The agent of new sessions; None: as configured.
        login: Arguments of this program by which somebody logs in; none: it is not offered.
    """
    info = {"name": "agent-sdk", "title": f"agent-sdk ({backend or 'the configured agent'})"}
    told: dict[str, Any] = {"protocolVersion": dialect.version}
    kind = "agentCapabilities" if dialect.version == 1 else "capabilities"
    told[kind] = _first(backend) if dialect.version == 1 else _second()
    if login and dialect.version == 1:  # In the second version, a way to log in says so.
        told[kind]["auth"] = {"logout": {}}
    told["agentInfo" if dialect.version == 1 else "info"] = {**info, "version": __version__}
    told["authMethods"] = [_login(dialect, login)] if login else []
    told["_meta"] = {"steering": {"supported": True}}
    return told


def _login(dialect: Dialect, arguments: tuple[str, ...]) -> dict[str, Any]:
    key = "id" if dialect.version == 1 else "methodId"
    about = "Runs the agent's own login in a terminal."
    return {"type": "terminal", key: "login", "name": "Log in", "description": about, "args": list(arguments)}


def _first(backend: str | None) -> dict[str, Any]:
    session = ("list", "delete", "resume", "close", "additionalDirectories", "fork", "archive", "status", "title")
    return {
        "loadSession": True,
        "promptCapabilities": {"image": True, "audio": False, "embeddedContext": True},
        "mcpCapabilities": {"http": True, "sse": backend == "claude"},
        "sessionCapabilities": {**{name: {} for name in session}, "systemPrompt": {"mode": {"override": {}}}},
    }


def _second() -> dict[str, Any]:
    session = ("delete", "additionalDirectories", "fork", "archive", "status", "title")
    told: dict[str, Any] = {name: {} for name in session}
    told["systemPrompt"] = {"mode": {"override": {}}}
    told["prompt"] = {"image": {}, "embeddedContext": {}}
    told["mcp"] = {"stdio": {}, "http": {}}
    return {"session": told}
