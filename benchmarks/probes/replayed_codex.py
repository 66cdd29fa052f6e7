"""A codex that says what a real one said, as fast as a pipe takes it: started with the folder of a recording.

It answers each request as the real one answered its like, with what it told before that in the same turn, and anything
else with nothing. The uuid of a prompt takes the place of the one that was recorded.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, Final

from probes.pipes import Json
from probes.saying import make_room, say

RECORDING: Final = "wire.jsonl"


class Recording:
    """What a real one said, in the order of the requests.

    Args:
        path: A wire log.
    """

    def __init__(self, path: Path) -> None:
        self._answers: dict[str, list[Json]] = {}
        self._turns: list[tuple[str, list[Json]]] = []
        asked: dict[Any, str] = {}
        for line in path.read_bytes().splitlines():
            entry: Json = json.loads(line)
            message: Json = entry["msg"]
            if entry["dir"] == "out":
                if "method" in message and "id" in message:
                    asked[message["id"]] = message["method"]
                    if message["method"] == "turn/start":
                        self._turns.append((message["params"].get("clientUserMessageId") or "-", []))
            elif "method" not in message:
                answer = {name: value for name, value in message.items() if name != "id"}
                self._answers.setdefault(asked[message["id"]], []).append(answer)
            elif self._turns and message["method"].startswith(("turn/", "item/", "thread/")):
                self._turns[-1][1].append(message)

    def answer(self, method: str) -> Json:
        """Return the next answer to such a request; the last one again when there is none left."""
        answers = self._answers.get(method, [{"result": {}}])
        return answers.pop(0) if len(answers) > 1 else answers[0]

    def turn(self, uuid: str | None) -> bytes:
        """Return what the next turn told."""
        recorded, messages = self._turns.pop(0)
        told = "".join(json.dumps(message, separators=(",", ":")) + "\n" for message in messages)
        return (told if uuid is None else told.replace(recorded, uuid)).encode()


def main() -> None:
    make_room()
    recording = Recording(Path(sys.argv[1]) / RECORDING)
    for line in sys.stdin.buffer:
        request: Json = json.loads(line)
        if "id" not in request or "method" not in request:
            continue
        answer = {"id": request["id"], **recording.answer(request["method"])}
        told = json.dumps(answer).encode() + b"\n"
        if request["method"] == "turn/start":
            told += recording.turn(request["params"].get("clientUserMessageId"))
        say(told)


if __name__ == "__main__":
    main()
