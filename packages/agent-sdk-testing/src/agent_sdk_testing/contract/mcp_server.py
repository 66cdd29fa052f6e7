"""An MCP server for the cases, on stdin and stdout.

Its tools greet, ask the user for a name or to visit a link first, wipe something, die, and never answer.

With `--mute` it answers nothing at all.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

Json = dict[str, Any]

_NAMED: Json = {"type": "object", "properties": {"name": {"type": "string"}}}
_TOOLS: list[Json] = [
    {"name": "greet", "description": "Greet.", "inputSchema": _NAMED, "annotations": {"readOnlyHint": True}},
    {"name": "ask", "description": "Ask for a name.", "inputSchema": _NAMED, "annotations": {"readOnlyHint": True}},
    {"name": "visit", "description": "Send somewhere.", "inputSchema": _NAMED, "annotations": {"readOnlyHint": True}},
    {"name": "wipe", "description": "Wipe.", "inputSchema": _NAMED, "annotations": {"destructiveHint": True}},
    {"name": "die", "description": "Die.", "inputSchema": _NAMED, "annotations": {"readOnlyHint": True}},
    {"name": "hang", "description": "Never answer.", "inputSchema": _NAMED, "annotations": {"readOnlyHint": True}},
    {"name": "tell", "description": "Tell a variable.", "inputSchema": _NAMED, "annotations": {"readOnlyHint": True}},
]


def main() -> None:
    """Answer until the input ends."""
    while (message := _hear()) is not None:
        if "id" not in message or "method" not in message or "--mute" in sys.argv:
            continue
        params: Json = message.get("params") or {}
        if message["method"] == "tools/call" and params["name"] == "hang":
            continue
        _say(id=message["id"], result=answer(message["method"], params))


def answer(method: str, params: Json) -> Json:
    """Return the result of a request."""
    match method:
        case "initialize":
            version = params.get("protocolVersion", "2025-06-18")
            info = {"name": "contract", "version": "1.0"}
            return {"protocolVersion": version, "capabilities": {"tools": {}}, "serverInfo": info}
        case "tools/list":
            return {"tools": _TOOLS}
        case "tools/call" if params["name"] == "greet":
            return _content(f"Hello, {params['arguments'].get('name')}!")
        case "tools/call" if params["name"] == "tell":
            return _content(os.environ.get(params["arguments"].get("name", ""), "nothing"))
        case "tools/call" if params["name"] == "die":
            os._exit(3)
        case "tools/call" if params["name"] == "wipe":
            return _content("Wiped.")
        case "tools/call" if params["name"] == "visit":
            return _content(_elicit(mode="url", url="https://example.org/login", elicitationId="visit", message="Go."))
        case "tools/call":
            return _content(_elicit(message="Who are you?", requestedSchema={**_NAMED, "required": ["name"]}))
        case _:
            return {}


def _elicit(**params: object) -> str:
    _say(id="ask", method="elicitation/create", params=params)
    while (message := _hear()) is not None:
        if message.get("id") == "ask" and "method" not in message:
            return json.dumps(message.get("result"), sort_keys=True)
    return ""


def _content(text: str) -> Json:
    return {"content": [{"type": "text", "text": text}]}


def _hear() -> Json | None:
    line = sys.stdin.readline()
    return json.loads(line) if line else None


def _say(**message: object) -> None:
    sys.stdout.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
