"""`agent-sdk chats` lists, shows, searches and checks the chats of a store."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import pytest

from agent_chat.cli.tables import moment
from agent_chat.storage.opening import open_store
from agent_chat.storage.records import ChatMeta

Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wire: Any) -> Path:
    """A store of three chats, one of them archived."""
    place = tmp_path / "chats.db"
    project = tmp_path / "project"
    (project / ".git").mkdir(parents=True)

    async def fill() -> None:
        async with open_store(place) as store:
            for name, backend, title in (
                ("one", "claude", "The\nroof"),
                ("two", "codex", ""),
                ("old", "codex", "Gone"),
            ):
                workspace = str(project) if name == "one" else None
                at = {"one": 2.0, "two": 9.0, "old": 1.0}[name]
                chat = ChatMeta(name, title, backend, cwd=workspace, workspace=workspace, archived=name == "old")
                await store.create_chat(replace(chat, created_at=at, last_active_at=at))
                said = [wire.prompt(f"Mend it, {name}"), wire.text("m", "It is mended.")]
                await store.append(name, said, at=at)
                await store.update_chat(name, tags=("home",) if name == "one" else ())

    anyio.run(fill)
    monkeypatch.setenv("AGENT_SDK_STORE_URL", str(place))
    return place


def test_the_chats_are_a_table(command: Command, file: Path) -> None:
    code, out, err = command("chats", "list", "--archived")
    assert (code, err) == (0, "")
    heads, *rows = out.splitlines()
    assert heads.split() == ["CHAT", "LAST", "USED", "AGENT", "MESSAGES", "FOLDER", "TITLE"]
    assert [row.split()[0] for row in rows] == ["two", "one", "old"]
    assert rows[1].endswith("The roof")
    assert f"{moment(2.0)}  claude  2  " in rows[1]


def test_some_of_the_chats(command: Command, file: Path) -> None:
    def named(*options: str) -> list[str]:
        code, out, _ = command("chats", "list", "--json", *options)
        assert code == 0
        return [json.loads(line)["id"] for line in out.splitlines()]

    inside = file.parent / "project" / "inside"
    inside.mkdir()
    assert named() == ["two", "one"]
    assert named("-b", "codex") == ["two"]
    assert named("--cwd", str(inside)) == ["one"]
    assert named("--tag", "home") == ["one"]
    assert command("chats", "list", "--limit", "1")[2] == "There are more: --limit 2 shows them.\n"
    assert (
        command("chats", "list", "--tag", "none")[2]
        == "No such chat is stored; --archived shows those that are archived, too.\n"
    )


def test_what_was_said_is_shown(command: Command, file: Path) -> None:
    code, out, err = command("chats", "show", "one")
    assert (code, err) == (0, "")
    head, about, said = out.split("\n", 2)
    assert head == "The roof"
    assert about.startswith("claude · ")
    assert about.endswith(f"project · {moment(2.0)} · 2 messages")
    assert said == "\n> Mend it, one\n\nIt is mended.\n"
    code, out, _ = command("chats", "show", "two", "--limit", "1")
    assert out.startswith("two\ncodex · ")
    assert out.endswith("2 messages\n\nIt is mended.\n")


def test_a_chat_in_json_is_what_is_known_of_it_and_its_messages(
    command: Command, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent_chat.cli.chats._PAGE", 1)
    code, out, _ = command("chats", "show", "one", "--json")
    chat, *messages = map(json.loads, out.splitlines())
    assert code == 0
    assert (chat["type"], chat["id"], chat["last_seq"]) == ("chat", "one", 2)
    assert [message["type"] for message in messages] == ["user", "assistant"]


def test_a_search_is_newest_first(command: Command, file: Path) -> None:
    code, out, err = command("chats", "search", "mend*", "--limit", "2")
    heads, first, second = out.splitlines()
    assert (code, err) == (0, "There are more: --limit 4 shows them.\n")
    assert heads.split() == ["CHAT", "NUMBER", "WHEN", "FROM", "TEXT"]
    assert first.split() == ["two", "2", *moment(9.0).split(), "assistant", "It", "is", "mended."]
    assert second.startswith("two   1 ")
    code, out, _ = command("chats", "search", "mended", "--json", "--chat", "one")
    assert [(hit["chat_id"], hit["seq"]) for hit in map(json.loads, out.splitlines())] == [("one", 2)]
    code, out, _ = command("chats", "search", "mended", "--json", "--cwd", str(file.parent / "project"))
    assert len(out.splitlines()) == 1
    code, _, err = command("chats", "search", "nothing")
    assert (code, err) == (0, "No message holds all of these words; `begin*` finds what begins so.\n")


def test_a_sound_store_is_counted(command: Command, file: Path) -> None:
    code, out, err = command("chats", "check")
    assert (code, err) == (0, "")
    assert out.splitlines()[0] == f"store   sqlite:///{file}"
    assert "holds   3 chats, 6 messages, " in out
    assert out.endswith("It is sound.\n")
    code, out, _ = command("chats", "check", "--json")
    assert (code, json.loads(out)["messages"], json.loads(out)["problems"]) == (0, 6, [])


def test_what_is_wrong_is_told_and_mended(command: Command, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("UPDATE agent_chats SET last_seq = 7 WHERE id = 'one'")
    code, out, _ = command("chats", "check")
    assert code == 1
    assert "wrong   The chat 'one' ends at 2, not at 7" in out
    assert out.endswith("`agent-sdk chats check --rebuild` mends what follows from the messages.\n")

    def is_screen(stream: object) -> bool:
        return True

    monkeypatch.setattr("agent_chat.cli.chats.is_screen", is_screen)
    code, out, err = command("chats", "check", "--rebuild")
    assert (code, err) == (0, "Rebuilding the index…\n")
    assert command("chats", "check")[0] == 0


def test_a_damaged_store_is_one_sentence(command: Command, tmp_path: Path) -> None:
    (tmp_path / "bad.db").write_text("no database, and long enough to be looked at")
    code, out, err = command("chats", "check", "--store", str(tmp_path / "bad.db"))
    assert (code, out) == (1, "")
    assert err.endswith("[store_corrupt]\n")


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (("show", "none"), 1, "There is no chat 'none' in this store"),
        (("search", "mended", "--chat", "none"), 1, "There is no chat 'none' in this store"),
        (("search", '""'), 2, "A search needs a word"),
        (("list", "--limit", "0"), 2, "--limit"),
        (("list", "--cwd", "/no folder"), 2, "is not a folder"),
        (("list", "--backend", "codx"), 2, "No backend is called 'codx'; did you mean 'codex'?"),
        (("list", "--store", "foo:bar"), 2, "begins with 'foo:'"),
        (("check", "--store", "/no folder/chats.db"), 2, "There is no store at /no folder/chats.db"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(
    command: Command, file: Path, arguments: tuple[str, ...], code: int, sentence: str
) -> None:
    told, out, err = command("chats", *arguments)
    assert (told, out) == (code, "")
    assert sentence in err
    assert err.count("\n") == 1


def test_a_store_in_memory_is_empty(command: Command) -> None:
    assert command("chats", "list", "--store", "memory:")[0] == 0


def test_the_help_loads_neither_a_database_nor_the_store() -> None:
    code = (
        "import sys\nfrom agent_chat.cli.main import app\n"
        "for name in ('list', 'show', 'search', 'export', 'import', 'delete', 'check'):\n"
        "  try: app(args=['chats', name, '--help'], standalone_mode=False)\n  except SystemExit: pass\n"
        "assert not {'sqlalchemy', 'alembic', 'agent_chat.storage', 'agent_chat.cli.chats'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)
