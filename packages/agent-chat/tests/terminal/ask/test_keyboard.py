from __future__ import annotations

import errno
import os
import pty
from collections.abc import Generator

import anyio
import pytest

from agent_chat.terminal.ask.keyboard import Keyboard

pytestmark = pytest.mark.anyio


@pytest.fixture
def ends() -> Generator[tuple[int, int]]:
    near, far = pty.openpty()
    yield near, far
    for fd in (near, far):
        try:
            os.close(fd)
        except OSError:
            continue


async def test_lines_are_read_one_by_one(ends: tuple[int, int]) -> None:
    near, far = ends
    keyboard = Keyboard(far)
    assert keyboard.is_terminal
    with anyio.fail_after(30):
        os.write(near, b" y \nno\n")
        assert await keyboard.line() == "y"
        assert await keyboard.line() == "no"


async def test_waiting_for_a_line_does_not_block_and_can_be_cancelled(ends: tuple[int, int]) -> None:
    near, far = ends
    keyboard = Keyboard(far)
    with anyio.fail_after(30):
        async with anyio.create_task_group() as group:
            group.start_soon(keyboard.line)
            await anyio.lowlevel.checkpoint()
            group.cancel_scope.cancel()
        os.write(near, b"later\n")
        assert await keyboard.line() == "later"


async def test_what_was_typed_before_is_discarded(ends: tuple[int, int]) -> None:
    near, far = ends
    keyboard = Keyboard(far)
    with anyio.fail_after(30):
        os.write(near, b"first\nearly\n")
        assert await keyboard.line() == "first"
        keyboard.discard()
        os.write(near, b"late\n")
        assert await keyboard.line() == "late"


async def test_a_secret_is_not_echoed_and_the_echo_comes_back(ends: tuple[int, int]) -> None:
    near, far = ends
    keyboard = Keyboard(far)
    with anyio.fail_after(30):
        async with anyio.create_task_group() as group:

            async def read_secret() -> None:
                assert await keyboard.line(secret=True) == "hush"

            group.start_soon(read_secret)
            await anyio.wait_all_tasks_blocked()
            os.write(near, b"hush\n")
        os.write(near, b"open\n")
        assert await keyboard.line() == "open"
        echoed = os.read(near, 100).decode()
    assert "hush" not in echoed
    assert "open" in echoed


async def test_the_end_of_input_is_no_line(ends: tuple[int, int]) -> None:
    near, far = ends
    with anyio.fail_after(30):
        os.write(near, b"\x04")
        assert await Keyboard(far).line() is None


async def test_a_terminal_that_goes_away_is_the_end_of_input(
    ends: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    near, far = ends

    def hung_up(fd: int, size: int) -> bytes:
        raise OSError(errno.EIO, "hung up")

    with anyio.fail_after(30), monkeypatch.context() as patched:
        os.write(near, b"y\n")
        patched.setattr(os, "read", hung_up)
        assert await Keyboard(far).line() is None


async def test_a_pipe_is_no_terminal_and_has_nothing_to_discard() -> None:
    near, far = os.pipe()
    keyboard = Keyboard(near)
    assert not keyboard.is_terminal
    keyboard.discard()
    os.close(near)
    os.close(far)
