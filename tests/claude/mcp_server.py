"""An MCP server of tools that greet, write much, draw, and ask the user by a form or a link; standard library alone."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any

Json = dict[str, Any]

_FORM: Json = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}
_PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="


def say(**message: object) -> None:
    sys.stdout.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
    sys.stdout.flush()


def hear() -> Json:
    line = sys.stdin.readline()
    if not line:
        sys.exit(0)
    return json.loads(line)


def elicit(**params: Any) -> Json:
    """Ask the user, and return the answer as text."""
    say(id="ask", method="elicitation/create", params=params)
    while (message := hear()).get("id") != "ask" or "method" in message:
        pass
    return text(json.dumps(message.get("result", message.get("error")), sort_keys=True))


def text(said: str, **fields: Any) -> Json:
    return {"content": [{"type": "text", "text": said}], **fields}


def greet(arguments: Json) -> Json:
    """Greet."""
    return text(f"Hello, {arguments.get('name')}!")


def fail(arguments: Json) -> Json:
    """Fail, and say why."""
    return text("It did not work.", isError=True)


def draw(arguments: Json) -> Json:
    """Draw a picture."""
    return {"content": [{"type": "image", "data": _PIXEL, "mimeType": "image/png"}]}


def ask(arguments: Json) -> Json:
    """Ask for a name in a form."""
    return elicit(message="Who are you?", requestedSchema=_FORM)


def visit(arguments: Json) -> Json:
    """Ask the user to visit a link."""
    return elicit(mode="url", url="https://example.org/login", elicitationId="visit-1", message="Log in there.")


_TOOLS: dict[str, Callable[[Json], Json]] = {tool.__name__: tool for tool in (greet, fail, draw, ask, visit)}


def answer(method: str, params: Json) -> Json:
    match method:
        case "initialize":
            info = {"name": "bench", "version": "1"}
            return {"protocolVersion": params["protocolVersion"], "capabilities": {"tools": {}}, "serverInfo": info}
        case "tools/list":
            schema = {"type": "object", "properties": {"name": {"type": "string"}}}
            return {
                "tools": [
                    {"name": name, "description": tool.__doc__, "inputSchema": schema} for name, tool in _TOOLS.items()
                ]
            }
        case "tools/call":
            return _TOOLS[params["name"]](params.get("arguments") or {})
        case _:
            return {}


def main() -> None:
    while True:
        message = hear()
        if "id" in message and "method" in message:
            say(id=message["id"], result=answer(message["method"], message.get("params") or {}))


if __name__ == "__main__":
    main()
