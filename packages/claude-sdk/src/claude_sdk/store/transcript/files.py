"""The files of one session: its own and those of its sub-agents, each as the entries of its newest branch."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from agent_sdk_core.errors import AgentError
from agent_sdk_core.records import dataclass
from agent_sdk_core.wire.json_lines import decode_line
from agent_sdk_core.wire.reading import Json, record_of, text_of
from claude_sdk.store.places import side_folder
from claude_sdk.store.transcript.branch import newest_branch
from claude_sdk.store.transcript.entries import Entry, entry_of
from claude_sdk.store.transcript.frames import Agent
from claude_sdk.store.transcript.lines import opened, read_lines, require_lines

_PREFIX: Final = "agent-"


@dataclass(frozen=True, slots=True)
class Transcript:
    """One file of a session.

    Attributes:
        path: The file.
        entries: Its newest branch, oldest first.
        agent: The sub-agent whose file it is; None for the session's own.
    """

    path: Path
    entries: list[Entry]
    agent: Agent | None = None


def own_transcript(path: Path) -> Transcript:
    """Return the session's own file.

    Raises:
        SessionNotFoundError: It does not exist.
        AgentError: It cannot be read, or holds something else.
    """
    entries: list[Entry] = []
    leaf: str | None = None
    with opened(path) as file:
        for offset, size, line in read_lines(file, path):
            entry = entry_of(line, offset, size)
            if entry is None:
                leaf = _chosen_leaf(line) or leaf
            elif not entry.sidechain:
                entries.append(entry)
                leaf = None
        if not entries:
            require_lines(file, path)
    return Transcript(path, newest_branch(entries, leaf))


def agent_files(path: Path) -> list[Path]:
    """Return the files of a session's sub-agents, in the order of their names."""
    return sorted((side_folder(path) / "subagents").rglob(f"{_PREFIX}*.jsonl"))


def note_of(file: Path) -> Path:
    """Return the agent's note on the sub-agent whose file this is; it may not exist."""
    return file.with_suffix(".meta.json")


def agent_transcripts(path: Path) -> Iterator[Transcript]:
    """Yield the files of a session's sub-agents, those left out of which nothing says what started them."""
    folder = side_folder(path)
    for file in agent_files(path):
        inside = file.resolve().is_relative_to(folder.parent.resolve() / folder.name)
        if not inside or (agent := _agent(file)) is None:
            continue
        entries: list[Entry] = []
        try:
            with opened(file) as lines:
                for offset, size, line in read_lines(lines, file):
                    if (entry := entry_of(line, offset, size)) is not None:
                        entries.append(entry)
        except AgentError:
            continue
        yield Transcript(file, newest_branch(entries), agent)


def _chosen_leaf(line: Json) -> str | None:
    """Return where the user went back to, if the line says so and nothing was said since."""
    if line.get("type") != "last-prompt" or line.get("explicit") is not True:
        return None
    return text_of(line.get("leafUuid"))


def _agent(file: Path) -> Agent | None:
    try:
        note = record_of(decode_line(note_of(file).read_bytes()))
    except OSError:
        return None
    tool_use_id = text_of(note.get("toolUseId"))
    if tool_use_id is None:
        return None
    kind, description = text_of(note.get("agentType")), text_of(note.get("description"))
    background = note.get("requestShape") == "background"
    return Agent(file.stem.removeprefix(_PREFIX), tool_use_id, kind, description, background)
