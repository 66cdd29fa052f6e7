"""Blocks as they look on a terminal: a mark in the first column, details below it set in by two, calm colours."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, assert_never

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from agent_chat.terminal.markdown import AgentMarkdown
from agent_chat.transcript.blocks import (
    Answered,
    Asked,
    Block,
    Card,
    CardState,
    Choice,
    Ending,
    Header,
    Notice,
    Prompted,
    Said,
    Step,
)
from agent_chat.transcript.diffs import FileDiff
from agent_chat.transcript.endings import duration
from agent_chat.transcript.paths import short_path

_STATE_STYLE: Final[dict[CardState, str]] = {
    "running": "cyan",
    "waiting": "yellow",
    "completed": "green",
    "failed": "red",
    "declined": "yellow",
    "stopped": "yellow",
    "background": "cyan",
}
_LINE_STYLE: Final = {"+": "green", "-": "red", "\\": "dim"}
_STEP_MARK: Final = {"pending": ("☐", ""), "in_progress": ("◐", "bold"), "completed": ("☑", "dim")}
_HEAD_LINES: Final = 4
_TAIL_LINES: Final = 8
_PROMPT_LINES: Final = 6
_DIFF_LINES: Final = 60


def render(block: Block) -> RenderableType:
    """Return the block as it stays on the screen."""
    match block:
        case Header():
            return _header(block)
        case Prompted():
            return _prompted(block)
        case Said():
            return _said(block)
        case Card():
            return _nested(card(block), nested=block.nested)
        case Notice():
            style = {"info": "dim", "warning": "yellow", "error": "red"}[block.level]
            return _marked("!" if block.level != "info" else "·", style, Text(block.text, style=style))
        case Asked():
            return _asked(block)
        case Answered():
            style = "green" if block.allowed else "yellow"
            return _marked("✓" if block.allowed else "✗", style, Text(block.text, style=style))
        case Ending():
            return _ending(block)
        case _:
            assert_never(block)


def card(block: Card) -> RenderableType:
    """Return a tool use: what it is, what it changes or wrote, and how it went."""
    style = _STATE_STYLE[block.state]
    if block.command:
        title = _command(block.command)
    else:
        title = Text.assemble((block.title, "bold"), "  " if block.subject else "", block.subject)
    for diff in block.diffs if len(block.diffs) == 1 else ():
        title.append_text(counts(diff))
    body: list[RenderableType] = [*map(_step, block.steps)]
    if block.text:
        body.append(AgentMarkdown(block.text))
    for diff in block.diffs:
        if len(block.diffs) > 1:
            body.append(Text(diff.path, style="bold").append_text(counts(diff)))
        if not block.brief:
            body += diff_lines(diff, limit=_DIFF_LINES)
    if _shows_output(block):
        body += (_output_line(line) for line in _clipped(block.output.split("\n")))
    if footer := _footer(block):
        body.append(Text.assemble(("└ ", "dim"), (footer, style if block.state != "completed" else "dim")))
    return _marked("●", style, Group(title, *body))


def counts(diff: FileDiff) -> Text:
    """Return how many lines a change adds and removes."""
    parts = [(f" +{diff.added}", "green")] if diff.added else []
    parts += [(f" -{diff.removed}", "red")] if diff.removed else []
    return Text.assemble(" ", *parts) if parts else Text()


def diff_lines(diff: FileDiff, *, limit: int | None = None) -> list[Text]:
    """Return a change with its line numbers; at most `limit` lines, and then how many there are more."""
    width = max((len(str(hunk.new_start + len(hunk.lines))) for hunk in diff.hunks), default=1)
    lines: list[Text] = []
    for index, hunk in enumerate(diff.hunks):
        if index:
            lines.append(Text(f"{'⋮':>{width}}", style="dim"))
        old, new = hunk.old_start, hunk.new_start
        for line in hunk.lines:
            sign, text = line[:1] or " ", line[1:]
            number = {"-": str(old), "\\": ""}.get(sign, str(new))
            old += sign in " -"
            new += sign in " +"
            style = _LINE_STYLE.get(sign, "")
            lines.append(Text.assemble((f"{number:>{width}} ", "dim"), (f"{sign} {text}".rstrip(), style)))
    if limit is not None and len(lines) > limit:
        return [*lines[:limit], Text(f"… {len(lines) - limit} more lines", style="dim")]
    return lines


def _header(block: Header) -> RenderableType:
    agent = f"{block.backend} {block.version}".strip()
    mode = f"{block.mode.replace('_', ' ')} mode" if block.mode else ""
    facts = [part for part in (agent, block.model, mode, short_path(block.cwd)) if part]
    return Text(" · ".join(facts), style="dim", no_wrap=True, overflow="ellipsis")


def _prompted(block: Prompted) -> RenderableType:
    lines = block.text.split("\n")
    more = len(lines) - _PROMPT_LINES
    shown = [Text(line, style="bold") for line in lines[:_PROMPT_LINES]]
    if more > 0:
        shown.append(Text(f"… {more} more lines", style="dim"))
    return _marked("▸", "bold cyan", Group(*shown))


def _said(block: Said) -> RenderableType:
    text = block.text.strip("\n")
    parts: list[RenderableType] = [AgentMarkdown(text, "dim italic" if block.thinking else "none")] if text else []
    if block.aborted:
        parts.append(Text("(cut off here)", style="dim yellow"))
    said = Group(*parts)
    return _nested(Padding(said, (0, 0, 0, 2)) if block.thinking else said, nested=block.nested)


def _asked(block: Asked) -> RenderableType:
    body: list[RenderableType] = [Text(block.heading, style="bold yellow")]
    if block.command:
        body.append(_command(block.command))
    if block.subject:
        body.append(Text(block.subject))
    for diff in block.diffs:
        body.append(Text(diff.path, style="bold").append_text(counts(diff)))
        body += diff_lines(diff)
    if block.facts:
        body.append(_columns([(Text(name, style="dim"), Text(value)) for name, value in block.facts]))
    if block.choices:
        body.append(Text())
        body.append(_columns([_choice(choice) for choice in block.choices]))
    return _marked("?", "bold yellow", Group(*body))


def _command(command: str) -> Text:
    return Text.assemble(("$ ", "dim"), (command.replace("\n", "\n  "), "bold"))


def _choice(choice: Choice) -> tuple[Text, Text]:
    label = Text(choice.label)
    if choice.stored:
        label.append(f" ({choice.stored})", style="dim")
    return Text(" ".join(choice.keys), style="bold cyan"), label


def _columns(rows: Iterable[tuple[Text, Text]]) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(ratio=1)
    for row in rows:
        table.add_row(*row)
    return table


def _ending(block: Ending) -> RenderableType:
    mark, style = {
        "completed": ("✓", "green"),
        "interrupted": ("■", "yellow"),
        "cancelled": ("■", "yellow"),
    }.get(block.outcome, ("✗", "red"))
    words = {"completed": "Done", "limit": "Limit reached"}.get(block.outcome, block.outcome.capitalize())
    line = Text(words, style=f"bold {style}")
    if block.facts:
        line.append("  " + " · ".join(block.facts), style="not bold dim default")
    advice = [Text(block.advice, style="dim")] if block.advice else []
    return _marked(mark, style, Group(line, *(Text(error, style="red") for error in block.errors), *advice))


def _step(step: Step) -> Text:
    mark, style = _STEP_MARK[step.status]
    return Text(f"{mark} {step.text}", style=style)


def _shows_output(block: Card) -> bool:
    if not block.output.strip() or block.state == "declined":
        return False
    return block.shows_output or block.state in ("failed", "stopped")


def _output_line(line: Text) -> Text:
    text = Text.assemble(("│ ", "dim"), line)
    text.no_wrap, text.overflow = True, "ellipsis"
    return text


def _clipped(lines: list[str]) -> Iterable[Text]:
    hidden = len(lines) - _HEAD_LINES - _TAIL_LINES
    if hidden <= 1:
        return map(Text, lines)
    middle = Text(f"… {hidden} more lines", style="dim")
    return [*map(Text, lines[:_HEAD_LINES]), middle, *map(Text, lines[-_TAIL_LINES:])]


def _footer(block: Card) -> str:
    took = f" in {duration(block.duration_ms)}" if block.duration_ms is not None else ""
    match block.state:
        case "running":
            return ""
        case "waiting":
            return "waiting for your answer"
        case "declined":
            return "declined, did not run" if block.command else "declined"
        case "stopped":
            return "stopped"
        case "background":
            return "running in the background"
        case "completed" | "failed":
            if block.exit_code is not None:
                return f"exit code {block.exit_code}{took}"
            return f"failed{took}" if block.state == "failed" else ""


def _marked(mark: str, style: str, content: RenderableType) -> RenderableType:
    table = Table.grid(padding=(0, 1))
    table.add_column(width=1)
    table.add_column(ratio=1)
    table.add_row(Text(mark, style=style), content)
    return table


def _nested(content: RenderableType, *, nested: bool) -> RenderableType:
    return Padding(content, (0, 0, 0, 4)) if nested else content
