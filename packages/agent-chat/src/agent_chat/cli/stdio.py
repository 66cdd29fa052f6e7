"""The process's own streams: what is a terminal, what view suits it, and who can be asked."""

from __future__ import annotations

import io
import os
import sys
from typing import TYPE_CHECKING, TextIO, cast

from rich.console import Console

from agent_chat.terminal.ask.askers import Asker, Refuser, TerminalAsker
from agent_chat.terminal.ask.keyboard import Keyboard
from agent_chat.terminal.output import BackgroundOutput, DirectOutput, Output, write_if_read
from agent_chat.terminal.screens import JsonView, PlainView, TerminalView, View, terminal_console

if TYPE_CHECKING:
    from typing_extensions import Buffer


def open_view(*, as_json: bool, background: bool = True, prompts: bool = False, of: str | None = None) -> View:
    """Return the view that suits standard output.

    Args:
        as_json: Whether it is for a program.
        background: Whether a reader that does not read must not hold one up; the view is then to be drained.
        prompts: Whether plain text shows what was asked as well.
        of: Whose messages they are, for JSON of several agents.
    """
    out, err = _writable(sys.stdout), _writable(sys.stderr)
    if as_json:
        return JsonView(_output(out, "utf-8", background=background), err, of=of)
    if is_screen(out):
        return TerminalView(terminal_console(out))
    return PlainView(_output(out, out.encoding, background=background), err, prompts=prompts)


def _output(stream: TextIO, encoding: str, *, background: bool) -> Output:
    try:
        descriptor = stream.fileno()
    except OSError:
        return DirectOutput(stream)
    if background:
        stream.flush()
        return BackgroundOutput(descriptor, encoding)
    if isinstance(stream, io.TextIOWrapper):
        wrapper = cast("io.TextIOWrapper[io.BufferedWriter]", stream)
        wrapper.reconfigure(encoding=encoding)
        return DirectOutput(wrapper)
    return DirectOutput(stream)


def open_asker(view: View, *, as_json: bool = False) -> Asker:
    """Return who answers the agent: the person at the terminal if there is one, else nobody."""
    keyboard = Keyboard()
    console = question_console(as_json=as_json)
    if console is None or not keyboard.is_terminal:
        return Refuser(view.notice)
    return TerminalAsker(console, keyboard, view)


def question_console(*, as_json: bool = False) -> Console | None:
    """Return the terminal that questions are shown on, None when a person would not see them.

    Standard output comes first, for that is where the conversation is; with JSON it holds nothing but messages.
    """
    for stream in (sys.stderr,) if as_json else (sys.stdout, sys.stderr):
        if is_screen(stream):
            return terminal_console(stream)
    return None


def is_screen(stream: TextIO | None) -> bool:
    """Whether the stream is a terminal that can move its cursor."""
    return stream is not None and stream.isatty() and os.environ.get("TERM", "") not in ("", "dumb", "unknown")


def write_progress(text: str, *, end: str = "\n") -> None:
    """Say on stderr what is being done."""
    write_if_read(_writable(sys.stderr), f"{text}{end}")


def _writable(stream: TextIO | None) -> TextIO:
    """Return the stream, able to write any text; a closed one is replaced by one that takes everything."""
    if stream is None:
        return io.TextIOWrapper(io.BufferedWriter(_Nowhere()), encoding="utf-8")
    if isinstance(stream, io.TextIOWrapper):
        wrapper = cast("io.TextIOWrapper[io.BufferedWriter]", stream)
        wrapper.reconfigure(errors="replace")
        return wrapper
    return stream


class _Nowhere(io.RawIOBase):
    """Takes everything."""

    def writable(self) -> bool:
        return True

    def write(self, data: Buffer, /) -> int:
        return memoryview(data).nbytes
