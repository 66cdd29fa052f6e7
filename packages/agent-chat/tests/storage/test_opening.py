"""Where a store is: what its URL says, and what is configured."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from agent_chat.storage.database.places import place_of
from agent_chat.storage.memory_store import MemoryStore
from agent_chat.storage.opening import default_url, open_store
from agent_sdk_core import InvalidRequestError, RuntimeConfig


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("chats.db", "chats.db"),
        ("a folder/chats.db", "a folder/chats.db"),
        ("/absolute/chats.db", "/absolute/chats.db"),
        ("~/chats.db", "~/chats.db"),
        ("sqlite:///relative/chats.db", "relative/chats.db"),
        ("sqlite:////absolute/100%25.db", "/absolute/100%.db"),
        ("sqlite+pysqlite:////absolute/chats.db", "/absolute/chats.db"),
        ("./odd:name.db", "odd:name.db"),
    ],
)
def test_a_path_or_a_url_of_sqlite_is_a_file(url: str, path: str) -> None:
    assert place_of(url).path == Path(path).expanduser().absolute()
    assert place_of(url).dialect == "sqlite"
    assert place_of(place_of(url).shown).path == place_of(url).path


def test_sqlite_waits_for_the_disk_when_that_is_asked_for() -> None:
    assert place_of("sqlite:///chats.db").synchronous == "normal"
    assert place_of("sqlite:///chats.db?synchronous=full").synchronous == "full"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://me:secret@host:5432/chats", "postgresql://me@host:5432/chats"),
        ("postgres://host/chats", "postgresql://host/chats"),
        ("postgresql+psycopg://me@/chats?host=/run", "postgresql://me@/chats?host=/run"),
        ("postgresql://host/chats?user=me&password=secret", "postgresql://host/chats"),
        ("postgresql://me:se@cret@host/chats", "postgresql://me@host/chats"),
    ],
)
def test_a_url_of_postgresql_is_shown_without_its_password(url: str, shown: str) -> None:
    assert place_of(url).shown == shown
    assert place_of(url).url.startswith("postgresql+psycopg://")


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("mysql://host/chats", "begins with 'mysql:'"),
        ("sqlite://chats.db", "names no file"),
        ("sqlite:///", "names no file"),
        ("sqlite:chats.db", "names no file"),
        ("sqlite:///chats.db?mode=ro", "no other option"),
        ("sqlite:///chats.db?synchronous=off", "no other option"),
        ("postgresql://host", "names no database"),
        ("", "names no file"),
        ("a\0b", "names no file"),
    ],
)
def test_a_url_that_names_no_store_is_refused(url: str, reason: str) -> None:
    with pytest.raises(InvalidRequestError, match=reason):
        open_store(url)


def test_a_store_is_where_the_configuration_says(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text('[store]\nurl = "/in/a/file.db"\n')
    config = RuntimeConfig.load(cwd=tmp_path, env={}, user_file=file)
    assert open_store(config=config).url == "sqlite:////in/a/file.db"
    assert config.source("store.url").line == 2
    assert "file.db" not in repr(config), "a URL may hold a password"
    env = {"AGENT_SDK_STORE_URL": "postgresql://me:secret@host/chats"}
    config = RuntimeConfig.load(cwd=tmp_path, env=env, user_file=file)
    assert open_store(config=config).url == "postgresql://me@host/chats"
    assert config.source("store.url").variable == "AGENT_SDK_STORE_URL"
    assert config.unknown_variables == ()
    assert open_store("memory:", config=config).url == "memory:"
    assert isinstance(open_store("memory:"), MemoryStore)
    assert open_store(config=RuntimeConfig()).url == place_of(default_url()).shown


def test_a_workspace_may_not_say_where_chats_are_stored(tmp_path: Path) -> None:
    (tmp_path / ".agent-sdk.toml").write_text('[store]\nurl = "/theirs.db"\n')
    with pytest.raises(InvalidRequestError, match=r"may not set store\.url"):
        RuntimeConfig.load(cwd=tmp_path, env={}, user_file=os.devnull)


def test_the_help_of_a_command_loads_no_database() -> None:
    code = (
        "import sys\nfrom agent_chat.cli.main import app\nfrom agent_chat.storage.opening import open_store\n"
        "open_store('memory:')\ntry: app(args=['run', '--help'], standalone_mode=False)\nexcept SystemExit: pass\n"
        "assert not {'sqlalchemy', 'alembic', 'psycopg'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)


def test_a_store_loads_alembic_only_to_make_or_change_a_database(tmp_path: Path) -> None:
    code = (
        "import asyncio, sys\nfrom agent_chat.storage.opening import open_store\n"
        "async def main():\n  async with open_store(sys.argv[1]) as store: await store.list_chats()\n"
        "asyncio.run(main())\nprint('alembic' in sys.modules, 'psycopg' in sys.modules)"
    )
    told = [
        subprocess.run(
            [sys.executable, "-c", code, str(tmp_path / "chats.db")], check=True, capture_output=True, text=True
        ).stdout
        for _ in range(2)
    ]
    assert told == ["True False\n", "False False\n"]
