"""Faults of an MCP server, for the cases: ways to fail at its start and in a call, alike over stdin, HTTP and SSE.

As a program it is such a server on stdin and stdout: `mcp_faults.py start|list|call FAULT`. Whatever it does, it ends
when its input does.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any, Final

from agent_sdk_testing.contract.mcp_server import answer

Json = dict[str, Any]

HUGE: Final = 8_000_000
"""Characters of what is huge."""

ANSWERED: Final = "fine"
"""What a call returns that is answered all the same."""


def body(fault: str, message: Json) -> str | None:
    """Return what is sent for a request; None for nothing at all.

    Args:
        fault: What goes wrong.
        message: The request.
    """
    reply: Json = {"jsonrpc": "2.0", "id": message["id"]}
    match fault:
        case "mute":
            return None
        case "garbage":
            return "<html>What is this?</html>"
        case "chatter":
            return f"Now working on it.\n{_line(reply, _fine(message))}"
        case "nonsense":
            return _line(reply, 5)
        case "error":
            return json.dumps({**reply, "error": {"code": -32603, "message": "It has no licence."}})
        case "other id":
            return _line({**reply, "id": "nobody's"}, _fine(message))
        case "huge":
            return "x" * HUGE
        case "huge result":
            return _line(reply, {"content": [{"type": "text", "text": "x" * HUGE}]})
        case _:
            raise ValueError(fault)


def hit(at: str, message: Json) -> bool:
    """Tell whether a request is the one that goes wrong: the first of all, the list of the tools, or a call."""
    return message["method"] == {"start": "initialize", "list": "tools/list", "call": "tools/call"}[at]


def _fine(message: Json) -> Json:
    if message["method"] == "tools/call":
        return {"content": [{"type": "text", "text": ANSWERED}]}
    return answer(message["method"], message.get("params") or {})


def _line(reply: Json, result: object) -> str:
    return json.dumps({**reply, "result": result})


def main() -> None:
    """Answer until the input ends, wrongly where that is wanted."""
    at, fault = sys.argv[1:3]
    for line in sys.stdin:
        message = json.loads(line)
        if "id" not in message or "method" not in message:
            continue
        if not hit(at, message):
            _say(_line({"jsonrpc": "2.0", "id": message["id"]}, _fine(message)))
        elif fault == "exit":
            sys.stderr.write("It has no licence.\n")
            sys.stderr.flush()
            os._exit(3)
        elif fault == "closed":
            sys.stdout.flush()
            os.close(1)
        elif (said := body(fault, message)) is not None:
            _say(said)


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
