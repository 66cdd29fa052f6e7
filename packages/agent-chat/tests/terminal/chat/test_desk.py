"""The desk on a terminal: what is typed while something is printed is a key as always."""

from __future__ import annotations

import io
import os
import pty
import re
import termios
from collections.abc import Iterator

import pytest
from prompt_toolkit.application import create_app_session
from prompt_toolkit.input import create_input
from prompt_toolkit.output import DummyOutput

from agent_chat.terminal.chat.desk import Desk

pytestmark = pytest.mark.anyio


@pytest.fixture
def ends() -> Iterator[tuple[int, int]]:
    """Both ends of a terminal: the person's, and the program's."""
    near, far = pty.openpty()
    yield near, far
    os.close(near)
    os.close(far)


class Noting(DummyOutput):
    """Notes in which mode the terminal is whenever something is printed."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self.printed: list[tuple[str, int]] = []

    def write_raw(self, data: str) -> None:
        self.printed.append((data, termios.tcgetattr(self.descriptor)[3]))


async def test_the_terminal_stays_raw_while_lines_are_printed(ends: tuple[int, int]) -> None:
    near, far = ends
    output = Noting(far)
    with open(far, closefd=False) as stdin, create_app_session(input=create_input(stdin), output=output):
        async with Desk(io.StringIO(), output=output) as desk:
            os.write(near, b"begun\r")
            line = await desk.line()
            assert line is not None
            assert line.text == "begun"
            desk.above.write("one line\nand another\n")
            await desk.drain()
            os.write(near, b"\x04")
            assert await desk.line() is None
    ((printed, mode),) = output.printed
    assert printed == "one line\r\nand another\r\n"
    assert not mode & (termios.ICANON | termios.ISIG | termios.ECHO)


@pytest.mark.parametrize("wanted", [True, False])
async def test_no_colour_is_drawn_where_none_is_wanted(
    ends: tuple[int, int], monkeypatch: pytest.MonkeyPatch, wanted: bool
) -> None:
    near, far = ends
    monkeypatch.delenv("NO_COLOR", raising=False)
    if not wanted:
        monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")
    with open(far, closefd=False) as stdin, open(far, "w", closefd=False) as out:
        with create_app_session(input=create_input(stdin)):
            async with Desk(out) as desk:
                os.write(near, b"begun\r")
                assert await desk.line() is not None
                await desk.drain()
        out.write("that is all")
    drawn = ""
    while "that is all" not in drawn:  # A terminal hands over in pieces.
        drawn += os.read(near, 65536).decode()
    assert "> " in drawn
    assert bool(re.search(r"\x1b\[[\d;]*\b(?:3[0-7]|9[0-7])\b", drawn)) is wanted
