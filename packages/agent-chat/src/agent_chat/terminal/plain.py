"""Blocks as plain text, for pipes, files and logs: no control codes, no wrapping, no colour, nothing twice."""

from __future__ import annotations

from typing import assert_never

from agent_chat.transcript.blocks import Answered, Asked, Block, Card, Ending, Header, Notice, Prompted, Said
from agent_chat.transcript.diffs import FileDiff
from agent_chat.transcript.endings import duration

_STEP_MARK = {"pending": "[ ]", "in_progress": "[>]", "completed": "[x]"}


def plain(block: Block) -> str:
    """Return the block as lines, without a line break at the end; "" for what plain text leaves out."""
    match block:
        case Header() | Prompted():
            return ""
        case Said():
            return _said(block)
        case Card():
            return "\n".join(_card(block))
        case Notice():
            return f"{block.level}: {block.text}" if block.level != "info" else f"({block.text})"
        case Asked():
            return "\n".join(_asked(block))
        case Answered():
            return f"  [{block.text}]"
        case Ending():
            words = f"[{' · '.join((block.outcome, *block.facts))}]"
            advice = [block.advice] if block.advice else []
            return "\n".join([*(f"error: {error}" for error in block.errors), *advice, words])
        case _:
            assert_never(block)


def plain_diff(diff: FileDiff) -> list[str]:
    """Return a change as the hunks of a unified diff."""
    lines: list[str] = []
    for hunk in diff.hunks:
        old = sum(line[:1] in ("-", " ") for line in hunk.lines)
        new = sum(line[:1] in ("+", " ") for line in hunk.lines)
        lines += [f"@@ -{hunk.old_start},{old} +{hunk.new_start},{new} @@", *hunk.lines]
    return lines


def _said(block: Said) -> str:
    text = block.text.removesuffix("\n") if block.continues else block.text.strip("\n")
    lines = text.split("\n") if text else []
    if block.thinking:
        lines = [f"  {line}".rstrip() for line in lines]
        if not block.continues:
            lines.insert(0, "thinking:")
    if block.aborted:
        lines.append("(cut off here)")
    return "\n".join(lines)


def _card(block: Card) -> list[str]:
    title = (
        _command(block.command) if block.command else "  ".join(part for part in (block.title, block.subject) if part)
    )
    lines = [title, *(f"  {_STEP_MARK[step.status]} {step.text}" for step in block.steps)]
    lines += (f"  {line}" for line in block.text.split("\n") if block.text)
    for diff in block.diffs:
        if len(block.diffs) > 1:
            lines.append(f"  {diff.path}")
        if not block.brief:
            lines += (f"  {line}" for line in plain_diff(diff))
    if block.output.strip() and block.state != "declined" and (block.shows_output or block.state != "completed"):
        lines += (f"  {line}".rstrip() for line in block.output.split("\n"))
    if footer := _footer(block):
        lines.append(f"  [{footer}]")
    return lines


def _asked(block: Asked) -> list[str]:
    lines = [f"? {block.heading}"]
    if block.command:
        lines += _command(block.command).split("\n")
    lines += block.subject.split("\n") if block.subject else []
    for diff in block.diffs:
        lines += [diff.path, *plain_diff(diff)]
    lines += (f"{name}: {value}" for name, value in block.facts)
    for choice in block.choices:
        lines.append(f"{'/'.join(choice.keys)}: {choice.label}{f' ({choice.stored})' if choice.stored else ''}")
    return [lines[0], *(f"  {line}".rstrip() for line in lines[1:])]


def _command(command: str) -> str:
    return "$ " + command.replace("\n", "\n  ")


def _footer(block: Card) -> str:
    took = f" in {duration(block.duration_ms)}" if block.duration_ms is not None else ""
    if block.state == "declined":
        return "declined, did not run" if block.command else "declined"
    if block.exit_code is not None and block.state in ("completed", "failed"):
        return f"exit code {block.exit_code}{took}"
    return "" if block.state == "completed" else f"{block.state}{took if block.state == 'failed' else ''}"
