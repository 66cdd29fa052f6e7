from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import typer
from typer.core import TyperOption

from agent_chat.cli.main import app, main

Command = Callable[..., tuple[int, str, str]]


def commands(group: Any, *names: str) -> Iterator[tuple[tuple[str, ...], Any]]:
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, *names, name)
        else:
            yield (*names, name), command


def options() -> Iterator[Any]:
    for names, command in commands(typer.main.get_command(app)):
        required = ["x"] * sum(1 for it in command.params if not isinstance(it, TyperOption) and it.required)
        for option in command.params:
            if isinstance(option, TyperOption) and not option.is_flag:
                for spelling in option.opts:
                    yield pytest.param((*names, *required, spelling, ""), option, id=" ".join((*names, spelling)))


@pytest.mark.parametrize(("arguments", "option"), [*options()])
def test_an_option_whose_value_is_empty_is_refused_by_name(
    command: Command, arguments: tuple[str, ...], option: Any
) -> None:
    name = max(option.opts, key=len)
    *before, spelling, _ = arguments
    joined = [[*before, f"{spelling}="]] if spelling.startswith("--") else []
    for given in (arguments, *joined):
        code, out, err = command(*given)
        assert (code, out, err.count("\n")) == (2, "", 1)
        assert err.startswith((f"agent-sdk: {name} is empty; leave it out", f"agent-sdk: {name} takes a "))


def test_one_of_several_values_that_is_empty_is_refused(command: Command) -> None:
    code, out, err = command("run", "--tool", "shell", "--tool", " ", "go")
    assert (code, out, err) == (2, "", "agent-sdk: --tool is empty; leave it out, or give it a value.\n")


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["run", "--help"], ["config", "--help"], []])
def test_help_that_nobody_reads_ends_without_a_word(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    monkeypatch.setattr(sys, "argv", ["agent-sdk", *arguments])
    with os.fdopen(writing, "w") as unread:
        monkeypatch.setattr(sys, "stdout", unread)
        monkeypatch.setattr(sys, "stderr", sys.stderr)  # typer wraps it
        with pytest.raises(SystemExit) as ended:
            main()
    assert ended.value.code == 141
    assert capfd.readouterr().err == ""
