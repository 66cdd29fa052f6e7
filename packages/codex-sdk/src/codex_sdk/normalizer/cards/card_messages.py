"""The messages that tool calls become: tool uses, results, progress, and the notices of those that go on as tasks."""

from __future__ import annotations

from dataclasses import replace

from agent_sdk_core.messages.base import Source
from agent_sdk_core.messages.conversation import ToolProgress
from agent_sdk_core.messages.system import TaskNotification, TaskStarted
from agent_sdk_core.wire.reading import Json
from codex_sdk.normalizer.cards.card import Card
from codex_sdk.normalizer.emitter import Frames
from codex_sdk.normalizer.items.commands import command_result
from codex_sdk.normalizer.items.shapes import Outcome, ToolUse


class CardMessages:
    """Says what becomes of a card; which cards are open is not its business.

    Args:
        frames: Where messages are added.
    """

    def __init__(self, frames: Frames) -> None:
        self._frames = frames

    def use(self, card: Card, uses: list[ToolUse]) -> None:
        """Say that the model uses a tool, or several with one item."""
        for use in uses:
            block: Json = {
                "type": "tool_use",
                "id": card.use_id(len(card.uses)),
                "name": use.name,
                "input": use.input,
            }
            if use.kind is not None:
                block["kind"] = use.kind
            card.uses.append(use)
            card.turn.tool_uses += 1
            self._frames.assistant(card.source, card.id, card.turn.model, block, {})

    def progress(self, card: Card, piece: str, extra: Json) -> None:
        """Say what a running tool printed, if that is wanted. Hot: one validation, no copy."""
        frames = self._frames
        if not (frames.partial and card.uses):
            return
        frames.count = count = frames.count + 1
        message = ToolProgress.__pydantic_validator__.validate_python(
            {
                "type": "tool_progress",
                "uuid": f"{frames.prefix}{count:012x}",
                "session_id": frames.session_id,
                "parent_tool_use_id": frames.parent_tool_use_id,
                "tool_use_id": card.id,
                "tool_name": card.uses[0].name,
                "output": piece,
                **extra,
            }
        )
        frames.out.append(message.with_origin(card.source, frames.raw))

    def resolve(self, card: Card, uses: list[ToolUse], outcomes: list[Outcome]) -> None:
        """Answer every tool use of an item that completed, those included that only its completion told."""
        opened = list(card.uses)
        self.use(card, uses[len(opened) :])
        for index, use in enumerate(card.uses):
            if index >= len(outcomes):
                self._answer(card, index, Outcome("It is no longer part of the change.", is_error=True), card.source)
                continue
            outcome = outcomes[index]
            result = outcome.result
            if index < len(opened) and uses[index].input != use.input:
                result = {**result, "input": uses[index].input}
            self._answer(card, index, Outcome(outcome.content, outcome.is_error, outcome.declined, result), card.source)

    def cut(self, card: Card, reason: str) -> None:
        """Answer every tool use of a card that was cut off."""
        source = card.turn.item_source(card.id, synthetic=True)
        outcome = Outcome(card.with_output(reason), True, False, {**card.cut_result(), "interrupted": True})
        for index in range(len(card.uses)):
            self._answer(card, index, outcome, source)

    def leave(self, card: Card) -> None:
        """Answer a command that goes on, and say that it is a task now."""
        source = card.turn.item_source(card.id, synthetic=True)
        named = f" as process {card.process_id}" if card.process_id else ""
        content = card.with_output(f"Running in background{named}, task {card.id}.")
        result = {**command_result(card.printed()), "backgroundTaskId": card.id}
        self._answer(card, 0, Outcome(content, False, False, result), source)
        fields: Json = {
            "task_id": card.id,
            "tool_use_id": card.id,
            "description": card.uses[0].input.get("command", card.uses[0].name),
            "task_type": "local_bash",
            "process_id": card.process_id,
        }
        self._frames.system(TaskStarted, "task_started", source, fields)

    def task_completed(self, card: Card, outcome: Outcome) -> None:
        """Say how a command ended that went on as a task."""
        if outcome.result.get("interrupted") is True:
            self._task_ended(card, "stopped", "The command was stopped.", outcome.result)
            return
        code = outcome.result.get("exitCode")
        how = "failed" if outcome.is_error else "completed"
        summary = f"The command {how}." if code is None else f"The command {how} with exit code {code}."
        self._task_ended(card, how, summary, outcome.result)

    def task_stopped(self, card: Card, reason: str) -> None:
        """Say that a command which went on as a task was ended from outside."""
        self._task_ended(card, "stopped", reason, card.cut_result())

    def _task_ended(self, card: Card, status: str, summary: str, result: Json) -> None:
        fields: Json = {
            "task_id": card.id,
            "tool_use_id": card.id,
            "status": status,
            "summary": summary,
            "tool_use_result": result,
        }
        self._frames.system(TaskNotification, "task_notification", card.source, fields)

    def _answer(self, card: Card, index: int, outcome: Outcome, source: Source) -> None:
        use, use_id = card.uses[index], card.use_id(index)
        if outcome.is_error and not outcome.declined and card.turn.interrupting and not card.shape.runs_on:
            # What is called by Codex, and not run by it, fails where it is cut off.
            outcome = replace(outcome, result={**outcome.result, "interrupted": True})
        if (outcome.declined or (card.refused and outcome.is_error)) and not card.turn.ended:
            denial = {"tool_name": use.name, "tool_use_id": use_id, "tool_input": use.input}
            card.turn.denials.append(denial)
        result = outcome.result or None
        self._frames.tool_result(source, use_id, outcome.content, is_error=outcome.is_error, result=result)
