from __future__ import annotations

import io
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import anyio
import pytest

from agent_chat.terminal.output import BackgroundOutput, DirectOutput, write_if_read

pytestmark = pytest.mark.anyio

MORE_THAN_A_PIPE_HOLDS = "x" * 300_000


class End:
    """One end of a pipe."""

    def __init__(self, number: int) -> None:
        self.number = number
        self._open = True

    def close(self) -> None:
        if self._open:
            self._open = False
            os.close(self.number)

    def read_all(self) -> bytes:
        parts: list[bytes] = []
        while part := os.read(self.number, 1 << 16):
            parts.append(part)
        return b"".join(parts)


@pytest.fixture
def pipe() -> Iterator[tuple[End, End]]:
    """The reading and the writing end."""
    near, far = map(End, os.pipe())
    yield near, far
    far.close()
    near.close()


async def test_a_stream_is_written_to_at_once() -> None:
    out = io.StringIO()
    output = DirectOutput(out)
    output.write("hello")
    await output.drain()
    assert out.getvalue() == "hello"


async def test_everything_arrives_in_order(pipe: tuple[End, End]) -> None:
    near, far = pipe
    output = BackgroundOutput(far.number)
    parts = [f"{number} größer\n" for number in range(100)]
    with anyio.fail_after(30):
        await output.drain()
        for part in parts:
            output.write(part)
        await output.drain()
    far.close()
    assert near.read_all().decode() == "".join(parts)


async def test_what_cannot_be_encoded_is_replaced(pipe: tuple[End, End]) -> None:
    near, far = pipe
    output = BackgroundOutput(far.number, "ascii")
    output.write("größer \udc80")
    with anyio.fail_after(30):
        await output.drain()
    assert os.read(near.number, 100) == b"gr??er ?"


async def test_a_reader_that_does_not_read_holds_up_nobody_but_the_drain(pipe: tuple[End, End]) -> None:
    near, far = pipe
    output = BackgroundOutput(far.number)
    output.write(MORE_THAN_A_PIPE_HOLDS)
    output.write("the end")
    with anyio.move_on_after(0.01) as waited:
        await output.drain()
    assert waited.cancelled_caught
    received: list[bytes] = []
    reader = threading.Thread(target=lambda: received.append(near.read_all()), daemon=True)
    reader.start()
    with anyio.fail_after(30):
        await output.drain()
    far.close()
    reader.join(30)
    assert received == [MORE_THAN_A_PIPE_HOLDS.encode() + b"the end"]


async def test_a_descriptor_that_does_not_block_is_waited_for(pipe: tuple[End, End]) -> None:
    near, far = pipe
    os.set_blocking(far.number, False)
    output = BackgroundOutput(far.number)
    output.write(MORE_THAN_A_PIPE_HOLDS)
    received: list[bytes] = []
    reader = threading.Thread(target=lambda: received.append(near.read_all()), daemon=True)
    reader.start()
    with anyio.fail_after(30):
        await output.drain()
    far.close()
    reader.join(30)
    assert len(received[0]) == len(MORE_THAN_A_PIPE_HOLDS)


async def test_a_reader_that_is_gone_is_an_error_of_the_next_write_and_of_the_drain(pipe: tuple[End, End]) -> None:
    near, far = pipe
    near.close()
    output = BackgroundOutput(far.number)
    output.write("lost")
    output.write("lost too")
    for _ in range(2):
        with anyio.fail_after(30), pytest.raises(BrokenPipeError):
            await output.drain()
    with pytest.raises(BrokenPipeError):
        output.write("more")


def test_a_loop_that_ended_is_not_called(pipe: tuple[End, End]) -> None:
    near, far = pipe
    output = BackgroundOutput(far.number)
    reader = threading.Thread(target=near.read_all, daemon=True)

    async def give_up() -> None:
        output.write(MORE_THAN_A_PIPE_HOLDS)
        with anyio.move_on_after(0.01):
            await output.drain()

    anyio.run(give_up)
    reader.start()

    async def go_on() -> None:
        with anyio.fail_after(30):
            await output.drain()

    anyio.run(go_on)
    far.close()
    reader.join(30)


async def test_a_few_words_are_let_go_when_nobody_reads(tmp_path: Path, pipe: tuple[End, End]) -> None:
    near, far = pipe
    os.set_blocking(far.number, False)
    with open(far.number, "w", encoding="utf-8", closefd=False) as stream:
        write_if_read(stream, "heard\n")
        assert os.read(near.number, 100) == b"heard\n"
        while True:
            try:
                os.write(far.number, b"x" * 4096)
            except BlockingIOError:
                break
        write_if_read(stream, "lost\n")
    with (tmp_path / "file").open("w", encoding="utf-8") as stream:
        write_if_read(stream, "kept\n")
        assert (tmp_path / "file").read_text() == "kept\n"
    write_if_read(stream, "to a closed file")
