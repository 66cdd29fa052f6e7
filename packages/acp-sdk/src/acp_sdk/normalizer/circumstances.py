"""`Circumstances`: what an agent tells beside the conversation: its commands, settings, title, usage and notices."""

from __future__ import annotations

from typing import assert_never

from acp_sdk.normalizer.facts import SessionFacts
from acp_sdk.normalizer.frames import Frames
from acp_sdk.protocol.content import text_of_blocks
from acp_sdk.protocol.tool_calls import TerminalOutputChunk, TerminalUpdate
from acp_sdk.protocol.updates import (
    AvailableCommandsUpdate,
    CompactionSummaryChunk,
    CompactionUpdate,
    ConfigOptionUpdate,
    Notice,
    PlanRemoved,
    SessionInfoUpdate,
    SessionMessage,
    SessionMessageChunk,
    SubagentUpdate,
    UnknownUpdate,
    UsageUpdate,
)
from agent_sdk_core.messages.system import (
    CompactBoundary,
    Informational,
    SessionTitleChanged,
    StatusMessage,
    SystemMessage,
)

Told = AvailableCommandsUpdate | ConfigOptionUpdate | SessionInfoUpdate | UsageUpdate | Notice | CompactionUpdate
Untold = (
    TerminalUpdate
    | TerminalOutputChunk
    | PlanRemoved
    | CompactionSummaryChunk
    | SubagentUpdate
    | SessionMessage
    | SessionMessageChunk
    | UnknownUpdate
)
"""What no message has a word for: it is passed on as it came."""

_LEVELS = ("info", "warning", "error")


class Circumstances:
    """What is told of a session beside its conversation.

    Args:
        frames: Where its messages are made.
        facts: What is known of the session; kept up to date.
    """

    def __init__(self, frames: Frames, facts: SessionFacts) -> None:
        self._frames = frames
        self._facts = facts
        self._compacting: set[str] = set()

    def feed(self, update: Told | Untold) -> None:
        """Take an update."""
        facts = self._facts
        match update:
            case AvailableCommandsUpdate():
                facts.commands = update.available_commands
                told = [{"name": each.name, "description": each.description} for each in facts.commands]
                self._frames.add(SystemMessage, subtype="commands_changed", commands=told)
            case ConfigOptionUpdate():
                before, facts.options = (facts.own_mode, facts.model), update.config_options
                if before != (facts.own_mode, facts.model):
                    mode = facts.mode or facts.own_mode
                    self._frames.add(StatusMessage, status=None, permissionMode=mode, model=facts.model)
            case SessionInfoUpdate():
                if "title" in update.model_fields_set and update.title != facts.title:
                    facts.title = update.title
                    self._frames.add(SessionTitleChanged, title=update.title)
            case UsageUpdate():
                facts.used, facts.size, facts.cost = update.used, update.size, update.cost or facts.cost
            case Notice():
                level = update.severity if update.severity in _LEVELS else "info"
                content = ": ".join(part for part in (update.title, update.description) if part)
                self._frames.add(Informational, content=content, level=level)
            case CompactionUpdate():
                self._compaction(update)
            case (
                TerminalUpdate()
                | TerminalOutputChunk()
                | PlanRemoved()
                | CompactionSummaryChunk()
                | SubagentUpdate()
                | SessionMessage()
                | SessionMessageChunk()
                | UnknownUpdate()
            ):
                self._frames.update(update)
            case _:  # pragma: no cover  # every kind has a case: the types say so
                assert_never(update)

    def _compaction(self, update: CompactionUpdate) -> None:
        if update.status == "in_progress":
            if update.compaction_id not in self._compacting:
                self._compacting.add(update.compaction_id)
                self._frames.add(StatusMessage, status="compacting")
            return
        self._compacting.discard(update.compaction_id)
        self._frames.add(StatusMessage, status=None)
        if update.status == "completed":
            told = {"trigger": "auto", "summary": text_of_blocks(update.summary or ())}
            self._frames.add(CompactBoundary, compact_metadata=told)
