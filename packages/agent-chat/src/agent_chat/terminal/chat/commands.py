"""Commands of the chat in the terminal: what a typed line means. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from agent_sdk_core.names import nearest

COMMANDS: Final[dict[str, tuple[str, str]]] = {
    "help": ("", "what can be typed"),
    "model": ("[NAME]", "answer with another model; without a name: choose one"),
    "effort": ("[EFFORT]", "reason more or less, such as low or high"),
    "mode": ("[MODE]", "how much the agent may do unasked"),
    "agent": ("[NAME]", "go on with another agent, which knows nothing of this"),
    "compact": ("", "replace the conversation by a summary"),
    "fork": ("", "go on in a copy of the chat; this one stays as it is"),
    "new": ("", "begin another chat"),
    "chats": ("", "choose another chat"),
    "title": ("TEXT", "what lists call the chat"),
    "steer": ("TEXT", "say something to the turn that runs, instead of after it"),
    "queue": ("", "what waits for the running turn; `/queue drop N` takes one out"),
    "stop": ("", "stop the turn that runs"),
    "status": ("", "how the chat stands"),
    "quit": ("", "leave"),
}
"""Each command with what follows it and what it does."""

_ALIASES: Final = {"exit": "quit", "q": "quit", "?": "help", "resume": "chats", "clear": "new", "permissions": "mode"}


@dataclass(frozen=True, slots=True)
class Prompt:
    """A line for the agent."""

    text: str


@dataclass(frozen=True, slots=True)
class Command:
    """A line for the chat.

    Attributes:
        name: Which of `COMMANDS`.
        argument: What follows it.
    """

    name: str
    argument: str = ""


@dataclass(frozen=True, slots=True)
class Mistake:
    """A line that is neither; says what is meant, perhaps."""

    message: str


def read_line(line: str, theirs: Iterable[str] = ()) -> Prompt | Command | Mistake:
    """Return what a line means; one that begins with a slash is a command of ours or, as a prompt, one of the agent's.

    Args:
        line: What was typed; "//…" is a prompt that begins with a slash.
        theirs: Names of the agent's own commands.
    """
    text = line.strip()
    if not text.startswith("/"):
        return Prompt(text)
    if text.startswith("//"):
        return Prompt(text[1:])
    name, _, argument = text[1:].partition(" ")
    known = _ALIASES.get(name, name)
    if known in COMMANDS:
        return Command(known, argument.strip())
    agents = {each.removeprefix("/") for each in theirs}
    if name in agents or "/" in name:  # A path is no command.
        return Prompt(text)
    meant = nearest(name, sorted({*COMMANDS, *agents}))
    hint = f"did you mean /{meant}?" if meant else "/help shows them."
    return Mistake(f"There is no command /{name}; {hint}")


def help_text(*, live: bool) -> str:
    """Return what can be typed, as Markdown.

    Args:
        live: Whether keys can be pressed.
    """
    lines = [f"* `/{f'{name} {argument}'.strip()}` — {does}" for name, (argument, does) in COMMANDS.items()]
    lines.append("* anything else is a prompt; while a turn runs it waits for its end")
    if live:
        lines.append("* Ctrl-T says it to the running turn instead, Alt-Enter begins a line, Tab completes a command")
        lines.append("* Ctrl-C stops the turn, twice leaves; Ctrl-D leaves")
    return "\n".join(lines)
