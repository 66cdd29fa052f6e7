"""Export of a chat, and files for completion."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from agent_chat.chats import files
from agent_chat.chats.export import as_markdown, as_ndjson
from agent_chat.chats.files import find_files
from agent_chat.storage.records import ChatMeta, StoredMessage

CHAT = ChatMeta("c", title="Fix it", backend="memory", cwd="/w")


def stored(*bodies: dict[str, Any]) -> list[StoredMessage]:
    return [StoredMessage("c", number, 0.0, body) for number, body in enumerate(bodies, 1)]


def test_a_conversation_reads_as_markdown() -> None:
    use = {"type": "tool_use", "id": "t", "name": "Bash", "input": {"command": "echo `x`"}}
    result = {"type": "tool_result", "tool_use_id": "t", "content": "x"}
    lines = stored(
        {"type": "user", "uuid": "p", "isReplay": True, "message": {"role": "user", "content": "Do it"}},
        {"type": "assistant", "message": {"content": [{"type": "text", "text": "I do."}]}},
        {"type": "assistant", "message": {"content": [use]}},
        {"type": "user", "message": {"role": "user", "content": [result]}},
        {"type": "result", "subtype": "error_during_execution", "is_error": True, "errors": ["It broke."]},
    )
    text = "".join(as_markdown(CHAT, lines))
    assert text.startswith("# Fix it\n\nmemory, in `/w`\n")
    assert "## Prompt\n\nDo it\n" in text
    assert "\nI do.\n" in text
    assert "> **Bash** (completed): `echo 'x'`" in text
    assert "*The turn ended: failed. It broke.*" in text


def test_every_message_is_a_line() -> None:
    lines = list(as_ndjson(CHAT, stored({"type": "user"}, {"type": "result"})))
    assert [line[-1] for line in lines] == ["\n"] * 3
    assert '"type":"chat"' in lines[0]


def test_files_are_found_by_letters_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("src/main.py", "src/a/domain.txt", "node_modules/main.js", "mean.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")
    assert find_files(tmp_path, "main") == ["src/main.py", "src/a/domain.txt"]
    assert find_files(tmp_path, "MAN") == ["mean.py", "src/main.py", "src/a/domain.txt"]
    assert find_files(tmp_path, "", limit=1) == ["mean.py"]
    monkeypatch.setattr(files, "MAX_SEEN", 1)
    assert len(find_files(tmp_path, "")) == 1
