from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import typer

from agent_chat.cli import entry
from agent_chat.cli.ending import finish
from agent_chat.storage.opening import open_store
from agent_chat.storage.records import ChatMeta

FULL_DISK = Path("/dev/full")
CLOSED = "agent-sdk: The output cannot be written: standard output is closed. Leave it open, or write it elsewhere.\n"
FULL = "agent-sdk: The output cannot be written: No space left on device. Make room, or write it elsewhere.\n"


@pytest.mark.skipif(not FULL_DISK.exists(), reason="this system has no /dev/full")
@pytest.mark.parametrize("arguments", [("--version",), ("run", "--help"), ("config",), ("config", "--json")], ids=str)
def test_a_full_disk_is_told_and_has_a_code_of_its_own(arguments: tuple[str, ...], command_env: dict[str, str]) -> None:
    with FULL_DISK.open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "agent_chat", *arguments],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            env={**command_env, "AGENT_SDK_CONFIG": os.devnull},
            timeout=120,
            check=False,
        )
    assert (done.returncode, done.stderr) == (5, FULL)


@pytest.mark.anyio
async def test_what_the_encoding_of_the_output_cannot_say_is_a_question_mark(
    command_env: dict[str, str], tmp_path: Path
) -> None:
    async with open_store(tmp_path / "chats.db") as store:
        await store.create_chat(ChatMeta("c1", title="Dächer"))
    done = subprocess.run(
        [sys.executable, "-m", "agent_chat", "chats", "list", "--store", str(tmp_path / "chats.db")],
        capture_output=True,
        text=True,
        env={**command_env, "AGENT_SDK_CONFIG": os.devnull, "PYTHONIOENCODING": "ascii"},
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stderr, "D?cher" in done.stdout) == (0, "", True)


@pytest.mark.parametrize(
    "arguments",
    [
        "config set model Größe --cwd .",
        "config get model --cwd .",
        "policy explain Bash Größe --cwd .",
        "policy check --cwd .",
    ],
)
def test_json_loses_nothing_to_the_encoding_of_the_output(
    command_env: dict[str, str], tmp_path: Path, arguments: str
) -> None:
    config = tmp_path / "config.toml"
    config.write_text('model = "Größe"\n[policy]\ndeny = ["Bash(Größe)"]\n', encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "agent_chat", *arguments.split(), "--json"],
        capture_output=True,
        text=True,
        env={**command_env, "AGENT_SDK_CONFIG": str(config), "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "1"},
        cwd=tmp_path,
        timeout=120,
        check=False,
    )
    assert "Größe" in str(json.loads(done.stdout))


@pytest.mark.parametrize(
    ("arguments", "closed", "code", "told"),
    [
        ("config", ">&-", 5, CLOSED),
        ("config --json", ">&-", 5, CLOSED),
        ("--version", ">&-", 5, CLOSED),
        ("run --help", ">&-", 5, CLOSED),
        ("policy explain Bash ls --cwd /", ">&-", 5, CLOSED),
        ("config", "1</dev/null", 5, CLOSED),
        ("config", ">&- 2>&-", 5, ""),
        ("chats list --store memory:", "<&- >&-", 5, CLOSED),
        ("chats list --store memory: --json", "<&- >&-", 0, ""),
        ("config", "2>&-", 0, ""),
        ("run", "<&-", 2, "agent-sdk: There is no prompt: say what to do"),
        ("chats import - --store memory:", "<&-", 0, ""),
        ("acp", "<&-", 0, ""),
        ("acp", "</dev/null >&-", 5, CLOSED),
    ],
)
def test_a_closed_stream_is_one_from_which_nothing_comes_and_to_which_nothing_goes(
    arguments: str, closed: str, code: int, told: str, command_env: dict[str, str]
) -> None:
    done = subprocess.run(
        ["sh", "-c", f'exec "$0" -m agent_chat {arguments} {closed}', sys.executable],
        capture_output=True,
        text=True,
        env={**command_env, "AGENT_SDK_CONFIG": os.devnull},
        timeout=120,
        check=False,
    )
    assert done.returncode == code, done.stderr
    assert done.stderr.startswith(told)
    assert "unexpected" not in done.stderr


def raising(error: Exception) -> Callable[[], int]:
    def start() -> int:
        raise error

    return start


@pytest.mark.parametrize(
    ("error", "code", "told"),
    [
        (OSError(errno.EIO, "Input/output error"), 5, "The output cannot be written: Input/output error."),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), 5, "The output cannot be written: Disk quota exceeded."),
        (OSError(errno.ENOSPC, "No space left on device", "/tmp/x"), 1, "unexpected OSError: "),
        (OSError(errno.EBADF, "Bad file descriptor"), 1, "unexpected OSError: "),
    ],
)
def test_only_what_cannot_be_written_is_told_as_that(
    error: OSError, code: int, told: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent_chat.cli.ending._abandon_stdout", lambda: None)
    with pytest.raises(typer.Exit) as exited:
        finish(raising(error), debug=False)
    assert exited.value.exit_code == code
    assert told in capsys.readouterr().err


def test_ctrl_c_while_the_command_is_being_loaded_ends_it_without_a_word(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("agent_chat.cli.main.main", interrupted)
    monkeypatch.setattr(sys, "argv", ["agent-sdk", "demo"])
    with pytest.raises(SystemExit) as ended:
        entry.main()
    assert ended.value.code == 130
    assert capsys.readouterr() == ("", "")
