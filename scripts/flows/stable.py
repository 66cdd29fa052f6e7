"""Makes a recorded wire log repeatable: ids, paths and times of the run become names, and races are put in order.

Put in order or left out, because it differs from run to run:

- a response stands right after its request: Codex does not order responses and notifications with each other;
- what sub-agents send stands where the thread that started them waits for it, or stops;
- notifications of no thread, and those of a thread that are no message (`DROPPED`), are left out;
- so are raw messages, which repeat what the model was told, with the day and the machine;
- the handshake and the reading of the configuration are left out, which describe the machine;
- so is the end of each thread but the main one, which are all closed at once.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final, cast

from flows.threads import merged

Json = dict[str, Any]

DROPPED: Final = frozenset(
    {
        "initialize",
        "initialized",
        "config/read",
        "thread/started",
        "thread/status/changed",
        "thread/readState/changed",
        "mcpServer/startupStatus/updated",
        "thread/goal/cleared",
        "thread/backgroundTerminals/clean",
    }
)
"""Methods, either way, that a recording leaves out."""

_UUID: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_NAMES: Final = {
    "threadId": "thread",
    "receiverThreadIds": "thread",
    "agentThreadId": "thread",
    "senderThreadId": "thread",
    "sessionId": "thread",
    "turnId": "turn",
    "rootTurnId": "turn",
    "expectedTurnId": "turn",
    "clientUserMessageId": "prompt",
    "clientId": "prompt",
}
"""What an id is called, by the key that it stands at first."""

_MODEL_IDS: Final = re.compile(r"\b(msg|rs|call|fc|ctc)_\d+_\d+\b")
"""Ids that the scripted model makes of the number of its request, which parallel requests get by chance."""

_TIMES: Final = frozenset(
    {
        "create_time",
        "startedAtMs",
        "completedAtMs",
        "startedAt",
        "completedAt",
        "createdAt",
        "updatedAt",
        "recencyAt",
        "durationMs",
    }
)
_PATTERNS: Final = (
    (re.compile(r"\d{4}/\d\d/\d\d/"), "2026/01/01/"),
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d"), "2026-01-01T00-00-00"),
    (re.compile(r'(?<="createdAt":)\d+|(?<="updatedAt":)\d+'), "0"),
    (re.compile(r"127\.0\.0\.1:\d+"), "127.0.0.1:1"),
)


def stable(records: Iterable[Json], paths: Mapping[str, str]) -> list[Json]:
    """Return the records of a log as they would be in any other run.

    Args:
        records: The log.
        paths: What each path of this run is called.
    """
    kept = merged(_ordered(list(records)))
    names = _Names(paths)
    for record in kept:
        names.learn(record["msg"], "", "")
    return [
        {"t": round(number / 1000, 3), "dir": record["dir"], "msg": names.apply(record["msg"], "")}
        for number, record in enumerate(kept)
    ]


def _ordered(records: list[Json]) -> list[Json]:
    responses = {
        record["msg"]["id"]: record for record in records if record["dir"] == "in" and "method" not in record["msg"]
    }
    asking = (cast("Json", record["msg"].get("params") or {}) for record in records if record["dir"] == "out")
    main = next((params["threadId"] for params in asking if "threadId" in params), None)
    asked: dict[object, int] = {}
    kept: list[Json] = []
    for record in records:
        message = record["msg"]
        method = message.get("method")
        if method is None and record["dir"] == "in":
            continue
        if method == "rawResponseItem/completed" and message["params"]["item"].get("type") == "message":
            continue
        if method in DROPPED or (method == "thread/unsubscribe" and message["params"]["threadId"] != main):
            continue
        if method is None:
            kept.append(record)
        elif record["dir"] == "out":
            number = asked[message.get("id")] = len(asked) + 1
            kept.append({"dir": "out", "msg": {**message, "id": number}})
            if (response := responses.get(message.get("id"))) is not None:
                kept.append({"dir": "in", "msg": {**response["msg"], "id": number}})
        elif "threadId" in (message.get("params") or {}):
            kept.append(record)
    return kept


class _Names:
    """What ids and paths of a run are called, each by the order in which they come."""

    def __init__(self, paths: Mapping[str, str]) -> None:
        self._paths = sorted(paths.items(), key=lambda item: -len(item[0]))
        self._ids: dict[str, str] = {}
        self._counts: dict[str, int] = {}
        self._processes: dict[str, str] = {}

    def learn(self, value: object, key: str, parent: str) -> None:
        """Name the ids in a message by where they stand."""
        if isinstance(value, dict):
            for name, member in cast("Json", value).items():
                self.learn(member, name, key)
        elif isinstance(value, list):
            for member in cast("list[object]", value):
                self.learn(member, key, parent)
        elif isinstance(value, str) and _UUID.fullmatch(value):
            known = parent if key == "id" and parent in ("thread", "turn", "item") else "id"
            self._name(value, _NAMES.get(key, known))

    def apply(self, value: object, key: str) -> object:
        """Return a message with everything called by its name."""
        if isinstance(value, dict):
            members = cast("Json", value).items()
            return {self._text(name): self.apply(member, name) for name, member in members if name != "emittedAtMs"}
        if isinstance(value, list):
            return [self.apply(member, key) for member in cast("list[object]", value)]
        if key in _TIMES and value is not None:
            return 0
        if key == "processId" and isinstance(value, str):
            return self._processes.setdefault(value, str(1001 + len(self._processes)))
        return self._text(value) if isinstance(value, str) else value

    def _text(self, text: str) -> str:
        for path, name in self._paths:
            text = text.replace(path, name)
        for pattern, name in _PATTERNS:
            text = pattern.sub(name, text)
        text = _MODEL_IDS.sub(lambda match: self._name(match[0], match[1]), text)
        return _UUID.sub(lambda match: self._name(match[0], "id"), text)

    def _name(self, value: str, kind: str) -> str:
        if value not in self._ids:
            self._counts[kind] = self._counts.get(kind, 0) + 1
            self._ids[value] = f"{kind}-{self._counts[kind]}"
        return self._ids[value]
