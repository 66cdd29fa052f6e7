"""The blocks that a conversation is shown in: what was said, done and used, free of any agent's vocabulary.

Every string in a block is clean: it holds no control characters but line breaks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from agent_chat.transcript.advice import Way
from agent_chat.transcript.diffs import FileDiff

CardState = Literal["running", "waiting", "completed", "failed", "declined", "stopped", "background"]
Level = Literal["info", "warning", "error"]


@dataclass(frozen=True, slots=True)
class Header:
    """Who works here and how; each part may be ""."""

    backend: str
    version: str
    model: str
    cwd: str
    mode: str


@dataclass(frozen=True, slots=True)
class Prompted:
    """A prompt that the agent accepted."""

    text: str


@dataclass(frozen=True, slots=True)
class Said:
    """A piece of what the agent said or thought, as Markdown.

    Attributes:
        text: The piece: whole paragraphs or whole lines, see `Transcript`.
        thinking: Whether it is reasoning.
        continues: Whether it goes on with the block shown before it.
        nested: Whether a sub-agent said it.
        aborted: Whether it was cut off after this piece.
    """

    text: str
    thinking: bool = False
    continues: bool = False
    nested: bool = False
    aborted: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """A line of a plan, and whether it is done or under way."""

    text: str
    status: Literal["pending", "in_progress", "completed"]


@dataclass(frozen=True, slots=True)
class Card:
    """A tool use.

    Attributes:
        id: The tool use.
        title: What the tool does in a word or two, such as "Edit"; "" for commands.
        subject: What it does it to: a path, a pattern, a question.
        command: The command line, for tools that run one.
        state: How far it is.
        diffs: What it changes.
        steps: The plan it writes.
        text: Markdown it carries, such as a plan to approve.
        output: What it wrote or returned.
        shows_output: Whether output is worth showing when all went well.
        exit_code: Exit code of the command, once known.
        duration_ms: How long it ran, where known.
        nested: Whether a sub-agent uses it.
        brief: Whether its changes were shown before, in a question.
    """

    id: str
    title: str
    subject: str = ""
    command: str = ""
    state: CardState = "running"
    diffs: tuple[FileDiff, ...] = ()
    steps: tuple[Step, ...] = ()
    text: str = ""
    output: str = ""
    shows_output: bool = True
    exit_code: int | None = None
    duration_ms: float | None = None
    nested: bool = False
    brief: bool = False


@dataclass(frozen=True, slots=True)
class Notice:
    """Something to know that nobody said."""

    text: str
    level: Level = "info"


@dataclass(frozen=True, slots=True)
class Choice:
    """One way to answer.

    Attributes:
        keys: What chooses it: its number, and a letter where one is its own.
        label: What it does.
        stored: Where the grant is kept; "" when nowhere.
    """

    keys: tuple[str, ...]
    label: str
    stored: str = ""


@dataclass(frozen=True, slots=True)
class Asked:
    """Something the agent wants to do, in full, for the one who decides.

    Its strings are not clean but visible: what a terminal would hide is spelled out.

    Attributes:
        heading: What is asked, in a sentence.
        command: The command line.
        subject: What else it is about: files, arguments.
        diffs: What would change.
        facts: Name and value of what one should know: folder, reason, what it lifts.
        choices: The ways to answer.
        tool_use_id: The tool use that waits for the answer, where known.
    """

    heading: str
    command: str = ""
    subject: str = ""
    diffs: tuple[FileDiff, ...] = ()
    facts: tuple[tuple[str, str], ...] = ()
    choices: tuple[Choice, ...] = ()
    tool_use_id: str | None = None


@dataclass(frozen=True, slots=True)
class Answered:
    """The answer to what was asked."""

    text: str
    allowed: bool


@dataclass(frozen=True, slots=True)
class Ending:
    """The end of a turn.

    Attributes:
        outcome: "completed", "interrupted", "failed", "limit" or "cancelled".
        errors: What went wrong, in sentences.
        facts: What it took, in short: time, tokens, context.
        advice: What to do where it was not completed, in a sentence.
        ways: What a front end offers for that, see `advice.Way`.
    """

    outcome: str
    errors: tuple[str, ...] = ()
    facts: tuple[str, ...] = ()
    advice: str = ""
    ways: tuple[Way, ...] = ()


Block = Header | Prompted | Said | Card | Notice | Asked | Answered | Ending
