"""Screen of a chat: its conversation in blocks, and what is live as text that another program draws."""

from __future__ import annotations

import io
import time
from typing import Any, Final

from rich.console import Console, RenderableType
from rich.text import Text

from agent_chat.terminal.chat.front import Status
from agent_chat.terminal.layout import render
from agent_chat.terminal.screens import TerminalView, spinner, terminal_console
from agent_chat.transcript.blocks import Card, Said
from agent_chat.transcript.endings import count
from agent_chat.transcript.paths import short_path
from agent_chat.transcript.sanitize import visible

_WAITING: Final = 3
"""Prompts that are shown while they wait."""


class ChatScreen(TerminalView):
    """A terminal on which final blocks scroll by; what is live is asked for, not drawn."""

    def __init__(self, console: Console) -> None:
        super().__init__(console)

    async def animate(self) -> None:
        """Do nothing: whoever asks for `live_text` draws it."""

    def draw(self) -> None:
        """Do nothing, likewise."""

    def live_text(self, status: Status, since: float | None, *, width: int, lines: int) -> str:
        """Return what is going on as text with control sequences, each line ended; "" when nothing is.

        Args:
            status: How the chat stands.
            since: Since when it is busy, as `time.monotonic` tells it.
            width: Columns of the terminal.
            lines: How many lines at most; the first give way.
        """
        parts: list[RenderableType] = []
        for block in self._transcript.live:
            if isinstance(block, (Said, Card)):
                parts += [render(block), Text()]
        waiting = [*status.sending, *(str(each.get("text", "")) for each in status.view.get("queue", ()))]
        for text in waiting[:_WAITING]:
            first = visible(" ".join(text.split()))
            parts.append(Text(f"  waits: {first}", style="dim", no_wrap=True, overflow="ellipsis"))
        if len(waiting) > _WAITING:
            parts.append(Text(f"  … {len(waiting) - _WAITING} more wait", style="dim"))
        if status.busy and since is not None:
            now = time.monotonic()
            said = f" {status.busy} {int(now - since)} s · Ctrl-C stops it"
            parts.append(Text.assemble((spinner(now), "cyan"), (said, "dim")))
        if not parts:
            return ""
        file = io.StringIO()
        console = terminal_console(file)
        shown = Console(
            file=file,
            force_terminal=True,
            width=width,
            color_system="standard",
            markup=False,
            emoji=False,
            highlight=False,
            no_color=console.no_color,
        )
        shown.print(*parts, sep="\n", soft_wrap=False)
        return "".join(f"{line}\n" for line in file.getvalue().splitlines()[-lines:])


def toolbar(view: dict[str, Any], width: int) -> str:
    """Return how a chat stands in a line: agent, model, mode, context, folder."""
    info: dict[str, Any] = view.get("info") or {}
    facts = [
        view.get("backend") or "no agent",
        view.get("model") or info.get("model"),
        view.get("effort"),
        view.get("permission_mode") or info.get("permission_mode"),
        _context(view.get("context")),
        short_path(view["cwd"]) if view.get("cwd") else None,
        "read only" if view.get("state") == "read_only" else None,
    ]
    line = visible(" · ".join(str(fact) for fact in facts if fact))
    return line if len(line) < width else f"{line[: max(1, width - 2)]}…"


def _context(context: dict[str, Any] | None) -> str | None:
    if not context or not context.get("used_tokens"):
        return None
    used, most = context["used_tokens"], context.get("max_tokens")
    return f"context {used / most:.0%}" if most else f"context {count(used)}"
