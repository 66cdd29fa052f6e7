"""An MCP server for the cases, on stdin and stdout: one tool greets, one asks the user for a name first."""

from __future__ import annotations

import json
import sys
from typing import Any

Json = dict[str, Any]

_NAMED: Json = {"type": "object", "properties": {"name": {"type": "string"}}}
_TOOLS: list[Json] = [
    {"name": "greet", "description": "Greet.", "inputSchema": _NAMED, "annotations": {"readOnlyHint": True}},
    {"name": "ask", "description": "Ask for a name.", "inputSchema": _NAMED, "annotations": {"readOnlyHint": True}},
]


def main() -> None:
    """Answer until the input ends."""
    while (message := _hear()) is not None:
        if "id" in message and "method" in message:
            _say(id=message["id"], result=_answer(message["method"], message.get("params") or {}))


def _answer(method: str, params: Json) -> Json:
    match method:
        case "initialize":
            version = params.get("protocolVersion", "2025-06-18")
            info = {"name": "contract", "version": "1.0"}
            return {"protocolVersion": version, "capabilities": {"tools": {}}, "serverInfo": info}
        case "tools/list":
            return {"tools": _TOOLS}
        case "tools/call" if params["name"] == "greet":
            return _content(f"Hello, {params['arguments'].get('name')}!")
        case "tools/call":
            return _content(_elicit())
        case _:
            return {}


def _elicit() -> str:
    schema = {**_NAMED, "required": ["name"]}
    _say(id="ask", method="elicitation/create", params={"message": "Who are you?", "requestedSchema": schema})
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
