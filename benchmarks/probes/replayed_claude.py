"""A claude that says what a real one said, as fast as a pipe takes it: started with the folder of a recording.

It greets as the real one did, answers a prompt with the frames that were recorded for it, and any other request with
nothing. The uuid of a prompt takes the place of the one that was recorded.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, Final
from uuid import NAMESPACE_OID, uuid5

from probes.saying import make_room, say

GREETING: Final = "greeting.json"


def recorded_uuid(prompt: str) -> str:
    """Return the uuid that a prompt has in its recording."""
    return str(uuid5(NAMESPACE_OID, prompt))


def main() -> None:
    make_room()
    folder = Path(sys.argv[1])
    for line in sys.stdin.buffer:
        frame: dict[str, Any] = json.loads(line)
        if frame["type"] == "user":
            prompt: str = frame["message"]["content"]
            old = recorded_uuid(prompt)
            say((folder / f"{prompt}.jsonl").read_bytes().replace(old.encode(), frame.get("uuid", old).encode()))
        elif frame["type"] == "control_request":
            subtype = frame["request"]["subtype"]
            payload: dict[str, Any] = json.loads((folder / GREETING).read_bytes()) if subtype == "initialize" else {}
            response = {"subtype": "success", "request_id": frame["request_id"], "response": payload}
            say(json.dumps({"type": "control_response", "response": response}).encode() + b"\n")
            if subtype == "end_session":
                return


if __name__ == "__main__":
    main()
