"""Names of MCP servers' tools, as messages have them, from what an agent calls them. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Final

_TITLE: Final = re.compile(r"([\w.-]+) \((.+) MCP Server\)")
"""Gemini CLI 0.61 and Qwen Code 0.24, in a line for people."""

_STRANGE: Final = re.compile(r"[^\w-]", re.ASCII)


def mcp_name(name: str, title: str, servers: Collection[str]) -> str | None:
    """Return `mcp__SERVER__TOOL` for a tool of one of these servers; None: it is none of theirs.

    Args:
        name: What the agent calls it: `mcp__SERVER__TOOL`, `mcp_SERVER_TOOL`, `SERVER_TOOL` (opencode 1.18); "" if it
            told no name.
        title: Its line for people.
        servers: The servers that the application gave to the session.
    """
    if (match := _TITLE.fullmatch(title)) is not None and match[2] in servers:
        return f"mcp__{match[2]}__{match[1]}"
    # The longest first: the name of one server may begin with that of another.
    for server in sorted(servers, key=len, reverse=True):
        plain = _STRANGE.sub("_", server)
        for prefix in (f"mcp__{plain}__", f"mcp_{plain}_", f"{plain}_"):
            if name.startswith(prefix) and len(name) > len(prefix):
                return f"mcp__{server}__{name.removeprefix(prefix)}"
    return None
