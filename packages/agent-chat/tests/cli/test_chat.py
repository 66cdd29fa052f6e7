"""The chat command with the real agents and the demo's model: on a terminal, in a pipe, and what it refuses."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agent_chat.cli.chat import going_on

FULL_DISK = Path("/dev/full")
Command = Callable[..., tuple[int, str, str]]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--new", "--continue"), "--chat, --continue and --new say which chat, and take one of them."),
        (("--demo", "--cwd", "."), "The demo has a folder and a store of its own"),
        (("--permission-mode", "inherit"), "A chat has a permission mode of its own"),
        (("--permission-mode", "yolo"), "There is no permission mode 'yolo'"),
        (("--backend", "frob"), "No backend is called 'frob'"),
        (("--cwd", "/no/such/folder"), "/no/such/folder is not a folder."),
        (("--continue",), "There is no chat of this project yet"),
        (("--chat", "zzz"), "There is no chat 'zzz'"),
    ],
)
def test_what_cannot_be_followed_is_one_sentence_and_exit_code_2(
    command: Command, tmp_path: Path, arguments: tuple[str, ...], sentence: str
) -> None:
    store = () if "--demo" in arguments else ("--store", str(tmp_path / "chats.db"))
    code, out, err = command("chat", *arguments, *store)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert sentence in err


def test_a_chat_in_which_nothing_is_said_leaves_nothing(command: Command, tmp_path: Path) -> None:
    store = ("--store", str(tmp_path / "chats.db"))
    code, out, _ = command("chat", "--backend", "codex", *store)
    assert (code, out) == (0, "")
    assert command("chats", "list", "--json", *store)[1] == ""


@pytest.mark.parametrize(
    ("store", "said"),
    [
        (None, "agent-sdk chat --chat c1"),
        ("my chats.db", "agent-sdk chat --store 'my chats.db' --chat c1"),
        ("postgresql://me:secret@host/chats", "agent-sdk chat --chat c1, with the same --store"),
    ],
)
def test_what_opens_a_chat_again_names_its_store_and_no_password(store: str | None, said: str) -> None:
    assert going_on("c1", store) == said


def piped(
    text: str, env: dict[str, str], tmp_path: Path, *arguments: str, stdout: Any = subprocess.PIPE
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "agent_chat", "chat", "--demo", *arguments],
        input=text,
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        env={**env, "AGENT_SDK_CONFIG": os.devnull},
        cwd=tmp_path,
        timeout=120,
        check=False,
    )


def test_in_a_pipe_each_line_is_a_prompt_or_a_command(command_env: dict[str, str], tmp_path: Path) -> None:
    done = piped("Fix it.\n/mode plan\n/status", command_env, tmp_path, "--backend", "codex")
    assert done.returncode == 0, done.stderr
    assert "check.sh did not run" in done.stdout.replace("**", "")
    assert "permission mode plan from the next turn on" in done.stderr
    assert "* mode: plan" in done.stdout
    assert "denied: Bash sh check.sh" in done.stderr
    assert "\x1b" not in done.stdout


@pytest.mark.skipif(not FULL_DISK.exists(), reason="this system has no /dev/full")
def test_an_output_without_room_is_told_and_has_the_code_of_one(command_env: dict[str, str], tmp_path: Path) -> None:
    with FULL_DISK.open("w") as full:
        done = piped("Fix it.\n", command_env, tmp_path, "--backend", "codex", stdout=full)
    assert (done.returncode, "The output cannot be written: No space left on device." in done.stderr) == (5, True)


def test_json_is_messages_alone(command_env: dict[str, str], tmp_path: Path) -> None:
    done = piped("Fix it.\n", command_env, tmp_path, "--backend", "claude", "--json")
    assert done.returncode == 0, done.stderr
    kinds = [json.loads(line)["type"] for line in done.stdout.splitlines()]
    assert kinds.count("result") == 1


@pytest.mark.parametrize("agent", ["claude", "codex"])
def test_on_a_terminal_one_answers_forks_chooses_and_leaves(terminal: Callable[..., Any], agent: str) -> None:
    screen = terminal("chat", "--demo", "--backend", agent, env={"AGENT_SDK_CONFIG": os.devnull})
    screen.expect(f"{agent} · ")
    screen.type("Fix it.\r")
    screen.expect("sh check.sh")
    screen.expect("Your answer: ")
    screen.type("frob\r")
    screen.expect("Type one of y,")
    screen.type("y\r")
    screen.expect("Allowed once")
    screen.expect("Your answer: ")
    screen.type("n\r")
    screen.expect("Denied")
    screen.expect("Your answer: ")
    screen.type("\x03")
    screen.expect("Withdrawn")
    screen.expect("Interrupted")
    screen.expect("> ")
    screen.type("/fork\r")
    screen.expect("this is a copy from here on")
    screen.type("/mode\r")
    screen.expect("How much may it do unasked?")
    screen.type("\x1b[B\r")
    screen.expect("permission mode accept_edits from the next turn on")
    screen.type("/chats\r")
    screen.expect("Which chat?")
    screen.expect("(fork)")
    screen.type("\x03/sta\t\r")
    screen.expect("state: closed")
    screen.type("/quit\r")
    assert screen.wait() == 0


def test_ctrl_c_twice_leaves(terminal: Callable[..., Any], tmp_path: Path) -> None:
    screen = opened(terminal, tmp_path)
    screen.type("half a thought\x03\x03")
    screen.expect("press Ctrl-C again to leave")
    screen.type("\x03")
    assert screen.wait() == 0


def test_ctrl_d_leaves(terminal: Callable[..., Any], tmp_path: Path) -> None:
    screen = opened(terminal, tmp_path)
    screen.type("\x04")
    assert screen.wait() == 0


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_signal_ends_the_chat(
    terminal: Callable[..., Any], tmp_path: Path, number: signal.Signals, code: int
) -> None:
    screen = opened(terminal, tmp_path)
    screen.process.send_signal(number)
    assert screen.wait() == code


def opened(terminal: Callable[..., Any], tmp_path: Path) -> Any:
    store = str(tmp_path / "chats.db")
    screen = terminal("chat", "--backend", "codex", "--store", store, env={"AGENT_SDK_CONFIG": os.devnull})
    screen.expect("codex · ")
    return screen
