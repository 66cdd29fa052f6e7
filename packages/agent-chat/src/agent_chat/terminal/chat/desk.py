"""`Desk`: a person's terminal while a chat goes on: the conversation above, what is live and a line of input below.

One application of prompt_toolkit runs all the time, so that one can type while an agent answers. Whatever is printed
goes above it, whole lines at a time.
"""

from __future__ import annotations

import asyncio
import io
import os
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext, suppress
from typing import Final, TextIO, cast

from prompt_toolkit import PromptSession
from prompt_toolkit.application import in_terminal
from prompt_toolkit.buffer import Buffer
from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.data_structures import Size
from prompt_toolkit.document import Document
from prompt_toolkit.filters import Condition
from prompt_toolkit.formatted_text import (
    ANSI,
    AnyFormattedText,
    StyleAndTextTuples,
    merge_formatted_text,
    to_formatted_text,
)
from prompt_toolkit.history import InMemoryHistory
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.output import ColorDepth, Output
from prompt_toolkit.output.vt100 import Vt100_Output
from prompt_toolkit.shortcuts import CompleteStyle
from prompt_toolkit.styles import Style
from rich.console import Console

from agent_chat.terminal.ask.askers import TerminalAsker
from agent_chat.terminal.ask.keyboard import Keyboard
from agent_chat.terminal.chat.commands import COMMANDS
from agent_chat.terminal.chat.front import Line, Row, Status
from agent_chat.terminal.chat.screen import ChatScreen, toolbar
from agent_chat.terminal.screens import FRAME_SECONDS, PipeSafeConsole

_PROMPT: Final = "> "
_MENU_ROWS: Final = 12
_STYLE: Final = Style.from_dict(
    {
        "status": "fg:ansibrightblack",
        "prompt": "bold ansicyan",
        "chosen": "bold ansicyan",
        "hint": "fg:ansibrightblack",
    }
)


class Above(io.TextIOBase):
    """What is printed above the line of input: whole lines at once; a line that is begun waits in `rest`.

    Args:
        changed: Told whenever something was written.
    """

    def __init__(self, changed: Callable[[], None]) -> None:
        self._changed = changed
        self._lines = ""
        self.rest = ""

    def write(self, text: str, /) -> int:
        """Take text."""
        whole, end, self.rest = (self.rest + text).rpartition("\n")
        self._lines += whole + end
        self._changed()
        return len(text)

    def take(self) -> str:
        """Return the whole lines that wait to be printed."""
        lines, self._lines = self._lines, ""
        return lines

    def isatty(self) -> bool:
        """Say that it is a terminal, for colours."""
        return True


class _Menu:
    """Rows to choose from, narrowed by what is typed."""

    def __init__(self, heading: str, rows: Sequence[Row], chosen: int) -> None:
        self.heading = heading
        self._rows = rows
        self.index = chosen
        self.answer: asyncio.Future[str | None] = asyncio.get_running_loop().create_future()

    def rows(self, typed: str) -> list[Row]:
        words = typed.casefold().split()
        return [row for row in self._rows if all(word in " ".join(row.cells).casefold() for word in words)]

    def move(self, by: int, typed: str) -> None:
        count = len(self.rows(typed))
        self.index = (min(self.index, count - 1) + by) % count if count else 0

    def settle(self, value: str | None) -> None:
        if not self.answer.done():
            self.answer.set_result(value)

    def text(self, typed: str, width: int) -> StyleAndTextTuples:
        rows = self.rows(typed)
        self.index = max(0, min(self.index, len(rows) - 1))
        first = max(0, min(self.index - _MENU_ROWS // 2, len(rows) - _MENU_ROWS))
        shown = rows[first : first + _MENU_ROWS]
        cells = [max((len(row.cells[at]) for row in shown if at < len(row.cells)), default=0) for at in range(8)]
        text: StyleAndTextTuples = [("bold", f"{self.heading}\n")]
        for number, row in enumerate(shown, first):
            line = "  ".join(cell.ljust(cells[at]) for at, cell in enumerate(row.cells)).rstrip()
            here = number == self.index
            text.append(("class:chosen" if here else "", f"{'▸' if here else ' '} {line}"[: max(10, width - 1)] + "\n"))
        if not rows:
            text.append(("class:hint", "  nothing like that\n"))
        more = f" · {len(rows)} in all" if len(rows) > _MENU_ROWS else ""
        text.append(("class:hint", f"  ↑ ↓ and Enter, type to narrow it down, Esc leaves it{more}\n"))
        return text


class Desk:
    """A person's terminal, for `Talk`. An async context manager: it has the terminal to itself within.

    Args:
        out: The terminal that is written to.
        interrupted: Called for Ctrl-C where nothing is typed.
        theirs: Names of the agent's own commands, for Tab.
    """

    def __init__(self, out: TextIO, *, output: Output | None = None) -> None:
        self.live: Final = True
        self.interrupted: Callable[[], None] = lambda: None
        self.theirs: tuple[str, ...] = ()
        self.above = Above(self._wake)
        self.console: Console = PipeSafeConsole(
            file=cast("TextIO", self.above), force_terminal=True, markup=False, emoji=False, highlight=False
        )
        self.view = ChatScreen(self.console)
        self._output: Output = output or _output_of(out)
        self._lines: asyncio.Queue[Line | None] = asyncio.Queue()
        self._menu: _Menu | None = None
        self._asking: asyncio.Future[str | None] | None = None
        self._secret = False
        self._draft = ""
        self._status: Status | None = None
        self._since: float | None = None
        self._news = asyncio.Event()
        self._printed = asyncio.Event()
        self._tasks: list[asyncio.Task[object]] = []
        self._session: PromptSession[str] = PromptSession(
            message=self._message,
            is_password=Condition(lambda: self._secret),
            key_bindings=self._keys(),
            completer=_Commands(self),
            complete_while_typing=False,
            complete_style=CompleteStyle.READLINE_LIKE,
            reserve_space_for_menu=0,
            history=InMemoryHistory(),
            erase_when_done=True,
            output=self._output,
            style=_STYLE,
        )
        # Whole lines are printed with their returns, for which the terminal stays raw: in its ordinary mode a Ctrl-D
        # that is typed in that moment would be lost, and a Ctrl-C would be a signal.
        self._session.app.input.cooked_mode = nullcontext
        self.asker = TerminalAsker(self.console, _DeskKeyboard(self), self.view)

    async def __aenter__(self) -> Desk:
        app = self._session.prompt_async(handle_sigint=False, set_exception_handler=False)
        self._tasks = [asyncio.ensure_future(each) for each in (app, self._print(), self._tick())]
        self._tasks[0].add_done_callback(lambda _: self._end())
        return self

    async def __aexit__(self, *error: object) -> None:
        del error
        await self.drain()
        app = self._session.app
        if app.is_running:
            app.exit(result="")
        await asyncio.wait(self._tasks[:1])
        for task in self._tasks[1:]:
            task.cancel()
        await asyncio.wait(self._tasks)

    @property
    def typed(self) -> str:
        """What is typed and not sent."""
        return self._draft if self._asking is not None or self._menu is not None else self._buffer.text

    async def line(self) -> Line | None:
        """Return the next line that is typed; None when the person leaves."""
        return await self._lines.get()

    async def choose(self, heading: str, rows: Sequence[Row], chosen: int = 0) -> str | None:
        """Have the person choose a row with the arrows, and return its value; None: left."""
        self._menu = menu = _Menu(heading, rows, chosen)
        self._set_aside()
        try:
            return await menu.answer
        finally:
            if self._menu is menu:
                self._close_menu(None)

    async def ask(self, *, secret: bool = False) -> str | None:
        """Return what is typed as an answer; None: the person leaves."""
        self._asking = asking = asyncio.get_running_loop().create_future()
        self._secret = secret
        self._set_aside()
        try:
            line = await asking
        finally:
            if self._asking is asking:
                self._close_question(None)
        if line is not None and not secret:
            self.above.write(f"{line}\n")
        return line

    def renew(self) -> None:
        """Begin the view of another conversation."""
        self.view = ChatScreen(self.console)
        self.asker = TerminalAsker(self.console, _DeskKeyboard(self), self.view)

    def tell(self, status: Status) -> None:
        """Take note how the chat stands."""
        self._since = (self._since or time.monotonic()) if status.busy else None
        self._status = status
        self._refresh()

    def give_back(self, text: str) -> None:
        """Put text that was not sent into the line of input, before what is typed there."""
        if self._asking is not None or self._menu is not None:
            self._draft = f"{text}\n{self._draft}".strip("\n")
        else:
            self._buffer.set_document(Document(f"{text}\n{self._buffer.text}".strip("\n")), bypass_readonly=True)

    async def drain(self) -> None:
        """Wait until everything is printed."""
        self._printed.clear()
        self._wake()
        if len(self._tasks) > 1 and not self._tasks[1].done():
            await self._printed.wait()

    # Inside

    @property
    def _buffer(self) -> Buffer:
        return self._session.default_buffer

    # What is chosen or answered counts at once, so that keys that come with it mean the line of input again.

    def _close_menu(self, value: str | None) -> None:
        if self._menu is not None:
            self._menu.settle(value)
            self._menu = None
            self._take_back()

    def _close_question(self, line: str | None) -> None:
        if (asking := self._asking) is not None:
            if not asking.done():
                asking.set_result(line)
            self._asking, self._secret = None, False
            self._take_back()

    def _set_aside(self) -> None:
        self._draft = self._buffer.text
        self._buffer.reset()
        self._refresh()

    def _take_back(self) -> None:
        self._buffer.set_document(Document(self._draft), bypass_readonly=True)
        self._draft = ""
        self._refresh()

    def _end(self) -> None:
        """Let whoever waits for the person know that nobody types any more."""
        self._lines.put_nowait(None)
        self._close_menu(None)
        self._close_question(None)

    def _wake(self) -> None:
        self._news.set()

    def _refresh(self) -> None:
        if self._session.app.is_running:
            self._session.app.invalidate()

    async def _print(self) -> None:
        while True:
            await self._news.wait()
            self._news.clear()
            if text := self.above.take():
                with suppress(OSError):
                    async with in_terminal():
                        self._output.write_raw(text.replace("\n", "\r\n"))
                        self._output.flush()
            self._refresh()
            self._printed.set()

    async def _tick(self) -> None:
        """Keep what moves moving, while something does."""
        while True:
            await asyncio.sleep(FRAME_SECONDS)
            if self._since is not None:
                self._refresh()

    def _message(self) -> StyleAndTextTuples:
        width, height = self._output.get_size().columns, self._output.get_size().rows
        parts: list[AnyFormattedText] = []
        if self._menu is not None:
            parts.append(self._menu.text(self._buffer.text, width))
        elif self._asking is None and self._status is not None:
            live = self.view.live_text(self._status, self._since, width=width, lines=max(3, height - 8))
            parts.append(ANSI(live))
            parts.append([("class:status", f"{toolbar(self._status.view, width)}\n")])
        begun = self.above.rest if self._asking is not None else ""
        parts.append(ANSI(begun) if begun else [("class:prompt", _PROMPT)])
        return to_formatted_text(merge_formatted_text(parts))

    def _accept(self, steers: bool = False) -> None:
        text = self._buffer.text
        if self._menu is not None:
            rows = self._menu.rows(text)
            if rows:
                self._close_menu(rows[min(self._menu.index, len(rows) - 1)].value)
        elif self._asking is not None:
            self._close_question(text.strip())
        elif text.strip():
            self._buffer.reset(append_to_history=True)
            self._lines.put_nowait(Line(text.strip(), steers))

    def _leave(self, event: KeyPressEvent) -> None:
        if self._menu is not None:
            self._close_menu(None)
        elif self._asking is not None:
            self._close_question(None)
        else:
            event.app.exit(result="")

    def _stop(self, event: KeyPressEvent) -> None:
        del event
        if self._menu is not None:
            self._close_menu(None)
        elif self._asking is None and self._buffer.text:
            self._buffer.reset()
        else:
            self.interrupted()

    def _move(self, by: int) -> Callable[[KeyPressEvent], None]:
        def move(event: KeyPressEvent) -> None:
            del event
            if self._menu is not None:
                self._menu.move(by, self._buffer.text)

        return move

    def _keys(self) -> KeyBindings:
        keys = KeyBindings()
        in_menu = Condition(lambda: self._menu is not None)
        empty = Condition(lambda: not self._buffer.text)

        def enter(event: KeyPressEvent) -> None:
            del event
            self._accept()

        def steer(event: KeyPressEvent) -> None:
            del event
            self._accept(steers=True)

        def new_line(event: KeyPressEvent) -> None:
            event.current_buffer.insert_text("\n")

        for key, by in (("up", -1), ("down", 1), ("pageup", -_MENU_ROWS), ("pagedown", _MENU_ROWS)):
            keys.add(key, filter=in_menu)(self._move(by))
        keys.add("escape", filter=in_menu, eager=True)(self._leave)
        keys.add("enter")(enter)
        keys.add("c-t")(steer)
        keys.add("escape", "enter", filter=~in_menu)(new_line)
        keys.add("c-d", filter=empty)(self._leave)
        keys.add("c-c")(self._stop)
        return keys


class _DeskKeyboard(Keyboard):
    """The desk's line of input, for who asks the person something."""

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self._desk = desk

    def discard(self) -> None:
        """Do nothing: what was typed before is set aside."""

    async def line(self, *, secret: bool = False) -> str | None:
        """Return what is typed as an answer; None at the end of input."""
        return await self._desk.ask(secret=secret)


class _Commands(Completer):
    """Completes commands at the beginning of a line."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> list[Completion]:
        """Return the commands that begin so."""
        del complete_event
        text = document.text_before_cursor
        if not text.startswith("/") or " " in text:
            return []
        names = dict.fromkeys([*COMMANDS, *self._desk.theirs])
        return [Completion(f"/{name}", -len(text)) for name in names if name.startswith(text[1:])]


def _output_of(out: TextIO) -> Output:
    """Return a terminal to draw on, which is not asked where its cursor is: some never answer."""

    def size() -> Size:
        columns, rows = os.get_terminal_size(out.fileno())
        return Size(rows=rows or 24, columns=columns or 80)

    colors = ColorDepth.from_env()  # Where NO_COLOR is set, or a depth is.
    return Vt100_Output(out, size, os.environ.get("TERM"), default_color_depth=colors, enable_cpr=False)
