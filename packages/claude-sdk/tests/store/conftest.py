"""Sessions for the tests: recorded ones, and ones made line by line."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Json = dict[str, Any]

_RECORDED = Path(__file__).parent / "recorded"
_ID = "00000001-0000-4000-8000-{:012d}"


class Written:
    """A session's file that a test writes line by line, each line following the one before."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.last: str | None = None
        self.count = 0
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()

    def line(self, entry: Json) -> None:
        """Write a line as it is."""
        with self.path.open("a") as file:
            file.write(json.dumps(entry, separators=(",", ":")) + "\n")

    def entry(self, kind: str, **fields: Any) -> str:
        """Write an entry of the conversation; returns its uuid."""
        self.count += 1
        uuid = fields.pop("uuid", f"{kind}-{self.count}")
        head = {"parentUuid": self.last, "isSidechain": False, "type": kind, "uuid": uuid}
        self.line({**head, "timestamp": f"2026-01-01T00:00:{self.count:02d}.000Z", "cwd": "/home/ada/w", **fields})
        self.last = uuid
        return uuid

    def user(self, content: Any, **fields: Any) -> str:
        """Write what the user said, or the agent in the user's name."""
        return self.entry("user", message={"role": "user", "content": content}, **fields)

    def said(self, text: str, **fields: Any) -> str:
        """Write a text of the model."""
        return self.assistant({"type": "text", "text": text}, **fields)

    def assistant(self, block: Json, *, message_id: str = "", model: str = "m", **fields: Any) -> str:
        """Write a block of the model."""
        identity = message_id or f"msg-{self.count}"
        message = {"id": identity, "model": model, "role": "assistant", "content": [block]}
        return self.entry("assistant", message=message, **fields)

    def called(self, call: str, **fields: Any) -> str:
        """Write a tool use."""
        return self.assistant({"type": "tool_use", "id": call, "name": "Bash", "input": {}}, **fields)

    def result(self, call: str, text: str = "done", **fields: Any) -> str:
        """Write the result of a tool use."""
        return self.user([{"type": "tool_result", "tool_use_id": call, "content": text}], **fields)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder of the agent without sessions."""
    return tmp_path / "config"


@pytest.fixture
def write(root: Path) -> Callable[..., Written]:
    """Begin a session's file; the sessions' ids count up."""
    made: list[Written] = []

    def begin(project: str = "-home-ada-w", session_id: str | None = None) -> Written:
        session_id = session_id or _ID.format(len(made) + 1)
        made.append(Written(root / "projects" / project / f"{session_id}.jsonl"))
        return made[-1]

    return begin


@pytest.fixture
def agent_file() -> Callable[..., Written]:
    """Begin the file of a sub-agent, with the note that says what started it."""

    def begin(session: Written, agent_id: str, **note: Any) -> Written:
        file = session.path.with_suffix("") / "subagents" / f"agent-{agent_id}.jsonl"
        written = Written(file)
        if note:
            file.with_suffix(".meta.json").write_text(json.dumps(note))
        return written

    return begin


@pytest.fixture
def recorded(root: Path) -> Callable[[str], list[Json]]:
    """Put sessions that were recorded of the real agent into `root`; returns the frames that it wrote meanwhile."""

    def put(name: str) -> list[Json]:
        shutil.copytree(_RECORDED / name / "projects", root / "projects", dirs_exist_ok=True)
        return [json.loads(line) for line in (_RECORDED / name / "live.jsonl").read_text().splitlines()]

    return put
