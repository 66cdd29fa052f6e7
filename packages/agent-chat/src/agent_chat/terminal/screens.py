"""Views: where blocks and messages go. A terminal gets a live area, a pipe plain text, a program one JSON line each.

A view raises `BrokenPipeError` when nobody reads its output any more. Notices of our own never go into the output of a
program: they are on stderr unless the output is a terminal.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Final, Protocol, TextIO

import anyio
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.live import Live
from rich.text import Text

from agent_chat.terminal.layout import render
from agent_chat.terminal.output import Output, write_if_read
from agent_chat.terminal.plain import plain
from agent_chat.transcript.blocks import Answered, Block, Card, Level, Notice, Prompted, Said
from agent_chat.transcript.transcript import Transcript

if TYPE_CHECKING:
    from agent_sdk_core.messages.parse import SDKMessage

_FRAMES: Final = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
FRAME_SECONDS: Final = 0.1
_MIN_LIVE_HEIGHT: Final = 3


class View(Protocol):
    """What a conversation is shown on."""

    def show(self, message: SDKMessage) -> None:
        """Show a message."""
        ...

    def put(self, block: Block) -> None:
        """Show a block that belongs to the conversation but comes from no message."""
        ...

    def reviewed(self, tool_use_id: str) -> None:
        """Take note that a question has shown this tool use in full."""
        ...

    def notice(self, text: str, level: Level = "info") -> None:
        """Say something of our own."""
        ...

    def hold(self) -> contextlib.AbstractContextManager[None]:
        """Within the block, let the terminal rest for a question; what arrives meanwhile is shown afterwards."""
        ...

    async def animate(self) -> None:
        """Keep what moves moving, until cancelled."""
        ...

    def close(self) -> None:
        """Take away what was live. Never raises."""
        ...

    async def drain(self) -> None:
        """Wait until everything is written, or raise why it cannot be."""
        ...


class PipeSafeConsole(Console):
    """A console that reports a broken pipe instead of ending the process."""

    def on_broken_pipe(self) -> None:
        """Let the `BrokenPipeError` through."""
        self.quiet = True
        raise BrokenPipeError


def terminal_console(file: TextIO) -> PipeSafeConsole:
    """Return a console for agent text: nothing in a text is taken for markup, emoji names or highlighting."""
    return PipeSafeConsole(file=file, markup=False, emoji=False, highlight=False)


class TerminalView:
    """A terminal: final blocks scroll by, and below them a live area shows what is going on.

    Args:
        console: The terminal.
        now: Clock in seconds.
    """

    def __init__(self, console: Console, now: Callable[[], float] = time.monotonic) -> None:
        self._console = console
        self._now = now
        self._transcript = Transcript("paragraph")
        self._live: Live | None = None
        self._began: float | None = None
        self._held: list[Block] | None = None
        self._empty = True
        self._started = False

    def show(self, message: SDKMessage) -> None:
        """Show a message; what is not final yet appears with the next frame."""
        self._started = True
        for block in self._transcript.feed(message):
            self.put(block)
        if message.type == "result":
            self.close()

    def put(self, block: Block) -> None:
        """Print a block above the live area."""
        if self._held is not None:
            self._held.append(block)
            return
        if not self._empty and not isinstance(block, Answered):
            self._console.print()
        self._empty = False
        # In a group, for the console would take a bare text apart and lose how it wraps.
        self._console.print(Group(render(block)))

    def reviewed(self, tool_use_id: str) -> None:
        """Keep the card of this tool use brief."""
        self._transcript.reviewed(tool_use_id)

    def notice(self, text: str, level: Level = "info") -> None:
        """Print a line among the blocks."""
        self.put(Notice(text, level))

    @contextlib.contextmanager
    def hold(self) -> Generator[None]:
        """Take the live area away, and collect what becomes final meanwhile."""
        if self._held is not None:
            yield
            return
        self._stop()
        self._held = []
        try:
            yield
        finally:
            held, self._held = self._held, None
            for block in held:
                self.put(block)

    @property
    def live_area(self) -> RenderableType | None:
        """What is drawn below the final blocks; None when nothing is."""
        return self._live.renderable if self._live is not None else None

    def begin(self) -> None:
        """Allow the live area, and count the time from now."""
        self._began = self._now()

    async def animate(self) -> None:
        """Draw the live area ten times a second."""
        self.begin()
        while True:
            self.draw()
            await anyio.sleep(FRAME_SECONDS)

    def draw(self) -> None:
        """Draw the live area as it is now."""
        if self._held is not None or self._began is None:
            return
        if self._live is None:
            self._live = live_area(self._console, self._live_parts)
        self._live.refresh()

    def close(self) -> None:
        """Take the live area away for good."""
        self._began = None
        with contextlib.suppress(OSError, ValueError):
            self._stop()

    async def drain(self) -> None:
        """Do nothing: a terminal takes everything at once."""

    def _stop(self) -> None:
        live, self._live = self._live, None
        if live is not None:
            live.stop()

    def _live_parts(self) -> list[RenderableType]:
        parts: list[RenderableType] = [Text()]
        for block in self._transcript.live:
            if isinstance(block, (Said, Card)):
                parts += [render(block), Text()]
        now = self._now()
        seconds = int(now - (self._began or now))
        doing = "working" if self._started else "starting"
        parts.append(Text.assemble((spinner(now), "cyan"), (f" {doing} {seconds} s · Ctrl-C interrupts", "dim")))
        return parts


def spinner(now: float) -> str:
    """Return the character that turns, as of this second."""
    return _FRAMES[int(now / FRAME_SECONDS) % len(_FRAMES)]


class LiveArea:
    """The end of what is going on, as much as fits on the screen, as of the moment in which it is drawn."""

    def __init__(self, parts: Callable[[], list[RenderableType]]) -> None:
        self._parts = parts

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        lines = [line for part in self._parts() for line in console.render_lines(part, options, pad=False)]
        for line in lines[-max(console.height - 2, _MIN_LIVE_HEIGHT) :]:
            yield from line
            yield Text("", end="\n")


def live_area(console: Console, parts: Callable[[], list[RenderableType]]) -> Live:
    """Return the live area of a console, which is drawn by `refresh` alone; it has begun.

    Args:
        console: Where it is.
        parts: What is going on, asked whenever it is drawn.
    """
    live = Live(
        LiveArea(parts),
        console=console,
        auto_refresh=False,
        transient=True,
        redirect_stdout=False,
        redirect_stderr=False,
        vertical_overflow="crop",
    )
    live.start()
    return live


class PlainView:
    """Plain text for pipes and files.

    Args:
        out: Where the conversation goes.
        err: Where notices go.
        prompts: Whether to write what was asked, for a transcript of what somebody asked another time.
    """

    def __init__(self, out: Output, err: TextIO, *, prompts: bool = False) -> None:
        self._out = out
        self._err = err
        self._prompts = prompts
        self._transcript = Transcript("line")
        self._empty = True

    def show(self, message: SDKMessage) -> None:
        """Write what the message makes final."""
        for block in self._transcript.feed(message):
            self.put(block)

    def put(self, block: Block) -> None:
        """Write a block, set off by a blank line unless it goes on with the last one."""
        if isinstance(block, Prompted) and self._prompts:
            text = "\n".join(f"> {line}".rstrip() for line in block.text.strip().split("\n"))
        else:
            text = plain(block)
        if not text:
            return
        goes_on = self._empty or isinstance(block, Answered) or (isinstance(block, Said) and block.continues)
        self._empty = False
        self._out.write(f"{text}\n" if goes_on else f"\n{text}\n")

    def reviewed(self, tool_use_id: str) -> None:
        """Keep the card of this tool use brief."""
        self._transcript.reviewed(tool_use_id)

    def notice(self, text: str, level: Level = "info") -> None:
        """Write a line to stderr."""
        write_notice(self._err, text, level)

    def hold(self) -> contextlib.AbstractContextManager[None]:
        """Do nothing: questions are on stderr."""
        return contextlib.nullcontext()

    async def animate(self) -> None:
        """Do nothing: nothing moves."""

    def close(self) -> None:
        """Do nothing: nothing is live."""

    async def drain(self) -> None:
        """Wait until everything is written."""
        await self._out.drain()


class JsonView:
    """One JSON object a line for every message, and nothing else.

    Args:
        out: Where the lines go; in UTF-8, for it is JSON.
        err: Where notices go.
        of: Whose messages they are: the key `backend` of each line; None: there is one agent, and no such key.
    """

    def __init__(self, out: Output, err: TextIO, *, of: str | None = None) -> None:
        self._out = out
        self._err = err
        self._begin = "{" if of is None else f'{{"backend":{json.dumps(of)},'

    def show(self, message: SDKMessage) -> None:
        """Write the message."""
        self._out.write(f"{self._begin}{message.to_json()[1:]}\n")

    def put(self, block: Block) -> None:
        """Leave it out: it is no message."""

    def reviewed(self, tool_use_id: str) -> None:
        """Do nothing: messages are whole."""

    def notice(self, text: str, level: Level = "info") -> None:
        """Write a line to stderr."""
        write_notice(self._err, text, level)

    def hold(self) -> contextlib.AbstractContextManager[None]:
        """Do nothing: questions are on stderr."""
        return contextlib.nullcontext()

    async def animate(self) -> None:
        """Do nothing: nothing moves."""

    def close(self) -> None:
        """Do nothing: nothing is live."""

    async def drain(self) -> None:
        """Wait until everything is written."""
        await self._out.drain()


def write_notice(err: TextIO, text: str, level: Level = "info") -> None:
    """Write a line of our own to stderr; one that nobody can read is let go."""
    prefix = "agent-sdk: " if level == "info" else f"agent-sdk: {level}: "
    write_if_read(err, f"{prefix}{text}\n")
