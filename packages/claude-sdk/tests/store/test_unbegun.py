from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from agent_sdk_core import AgentError, SessionNotFoundError
from claude_sdk.store import list_sessions, rename
from claude_sdk.store.unbegun import is_unbegun, set_aside

QUEUED = '{"type":"queue-operation","operation":"enqueue","content":"Hello."}\n'
SAID = '{"type":"user","uuid":"1","message":{"role":"user","content":"Hello."}}\n'


@pytest.mark.parametrize(
    ("content", "unbegun"),
    [
        ("", True),
        ("\n", True),
        (QUEUED, True),
        ('{"type":"mode","mode":"normal"}\n', True),
        (QUEUED + SAID[:-20], True),
        (QUEUED + SAID, False),
        (SAID.removesuffix("\n"), False),
        ('{"type":"system","subtype":"informational","uuid":"1"}\n', False),
        ('{"type":"of tomorrow","uuid":"1"}\n', False),
        ('{"type":"of tomorrow","message":{}}\n', False),
        ("no JSON\n", False),
        (QUEUED + "\0\0\0", False),
    ],
)
def test_a_conversation_has_begun_with_its_first_line_or_may_have_where_the_file_is_damaged(
    tmp_path: Path, content: str, unbegun: bool
) -> None:
    path = tmp_path / "session.jsonl"
    path.write_text(content)
    assert is_unbegun(path) is unbegun


def test_a_file_that_is_not_there_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(SessionNotFoundError):
        is_unbegun(tmp_path / "session.jsonl")
    set_aside(tmp_path / "session.jsonl")
    assert not list(tmp_path.iterdir())


def test_what_was_written_is_kept_beside_it_each_time(tmp_path: Path) -> None:
    path = tmp_path / "session.jsonl"
    for _ in range(2):
        path.write_text(QUEUED)
        set_aside(path)
    assert not path.exists()
    kept = list((tmp_path / "session").iterdir())
    assert [file.read_text() for file in kept] == [QUEUED, QUEUED]
    path.touch()
    set_aside(path)
    assert [entry.name for entry in tmp_path.iterdir()] == ["session"]
    assert len(list((tmp_path / "session").iterdir())) == 2


def test_a_file_that_cannot_be_moved_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(source: Path, target: Path) -> None:
        raise PermissionError(13, "Permission denied")

    path = tmp_path / "session.jsonl"
    path.write_text(QUEUED)
    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(AgentError, match=f"{path} cannot be moved into .*: Permission denied") as caught:
        set_aside(path)
    assert caught.value.code == "session_unwritable"
    assert path.read_text() == QUEUED


def test_what_has_a_name_and_no_conversation_is_not_listed(root: Path, write: Callable[..., object]) -> None:
    write()
    [path] = root.rglob("*.jsonl")
    path.write_text(QUEUED)
    rename(path, "A name")
    assert not list_sessions(root).sessions
    with path.open("a") as file:
        file.write('{"type":"system","subtype":"informational","uuid":"1"}\n')
    assert [session.title for session in list_sessions(root)] == ["A name"]
