"""Fronts of a chat: where lines come from and where the conversation goes, for a person's terminal and for a pipe."""

from __future__ import annotations

import select
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from agent_chat.terminal.ask.askers import Asker
from agent_chat.terminal.ask.keyboard import Keyboard
from agent_chat.terminal.screens import View


@dataclass(frozen=True, slots=True)
class Line:
    """A line that was typed.

    Attributes:
        text: What it says.
        steers: Whether it is for the turn that runs.
    """

    text: str
    steers: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """A row that can be chosen.

    Attributes:
        value: What choosing it returns.
        cells: What it shows.
    """

    value: str
    cells: tuple[str, ...]


class Front(Protocol):
    """What a talk needs of a terminal or a pipe.

    Attributes:
        interrupted: Called for Ctrl-C, where the front gets it as a key.
    """

    interrupted: Callable[[], None]

    @property
    def live(self) -> bool:
        """Whether a person sits there; without one, a line waits for the turn of the one before."""
        ...

    @property
    def view(self) -> View:
        """Where the conversation is shown."""
        ...

    @property
    def asker(self) -> Asker:
        """Who answers the agent."""
        ...

    @property
    def typed(self) -> str:
        """What is typed and not sent."""
        ...

    async def line(self) -> Line | None:
        """Return the next line; None at the end."""
        ...

    async def choose(self, heading: str, rows: Sequence[Row], chosen: int = 0) -> str | None:
        """Have a person choose, and return the row's value; None: nobody did."""
        ...

    def renew(self) -> None:
        """Begin the view of another conversation."""
        ...

    def tell(self, status: Status) -> None:
        """Take note how the chat stands."""
        ...

    def give_back(self, text: str) -> None:
        """Put text that was not sent where it can be typed on."""
        ...

    async def drain(self) -> None:
        """Wait until everything is shown."""
        ...


@dataclass(frozen=True, slots=True)
class Status:
    """How a chat stands, as the front shows it.

    Attributes:
        view: What `Chat.view` returns.
        sending: Prompts on their way to the agent.
        doing: What else is being done, such as "compacting"; "": nothing.
    """

    view: dict[str, Any]
    sending: tuple[str, ...] = ()
    doing: str = ""

    @property
    def busy(self) -> str:
        """What is going on, "" for nothing."""
        if self.doing:
            return self.doing
        match self.view.get("state"):
            case "opening":
                return "starting"
            case "running":
                return "working"
            case "requires_action":
                return "waiting for you"
            case _:
                return "sending" if self.sending else ""


class PipeFront:
    """Standard input that is piped in, line by line, or typed where the output is no terminal.

    Args:
        view: Where the conversation is shown.
        asker: Who answers the agent.
        descriptor: What is read.
    """

    def __init__(self, view: View, asker: Asker, descriptor: int | None = 0) -> None:
        self.interrupted: Callable[[], None] = lambda: None
        self.live = False
        self.typed = ""
        self.view = view
        self.asker = asker
        self._descriptor = descriptor
        self._keyboard = Keyboard(descriptor or 0)
        self._waits = descriptor is not None and _can_wait(descriptor)

    async def line(self) -> Line | None:
        """Return the next line that says something; None at the end of input."""
        while self._descriptor is not None:
            text = await self._keyboard.line_of_pipe(waits=self._waits)
            if text is None:
                return None
            if text:
                return Line(text)
        return None

    async def choose(self, heading: str, rows: Sequence[Row], chosen: int = 0) -> str | None:
        """Choose nothing: nobody is there."""
        del heading, rows, chosen
        return None

    def renew(self) -> None:
        """Do nothing: one conversation follows the other."""

    def tell(self, status: Status) -> None:
        """Do nothing: nothing is live."""
        del status

    def give_back(self, text: str) -> None:
        """Say what was not sent."""
        for line in text.splitlines():
            self.view.notice(f"not sent: {line}", "warning")

    async def drain(self) -> None:
        """Wait until everything is written."""
        await self.view.drain()


def input_descriptor() -> int | None:
    """Return the descriptor of standard input, None for one that is closed."""
    try:
        return None if sys.stdin is None else sys.stdin.fileno()  # pyright: ignore[reportUnnecessaryComparison]  # closed by `<&-`
    except (OSError, ValueError):
        return None


def _can_wait(descriptor: int) -> bool:
    """Tell whether the event loop can wait for a descriptor; it cannot for a file, which never makes one wait."""
    if not hasattr(select, "epoll"):
        return True
    poll = select.epoll()
    try:
        poll.register(descriptor, select.EPOLLIN)
    except OSError:
        return False
    finally:
        poll.close()
    return True
