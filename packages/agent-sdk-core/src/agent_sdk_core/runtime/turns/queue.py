"""The prompts of a session that wait for their turn; an application may edit, remove and reorder them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import overload

from agent_sdk_core.errors import InvalidRequestError
from agent_sdk_core.interfaces.turn import PromptQueue, QueuedPrompt
from agent_sdk_core.prompts import Prompt, clean_prompt
from agent_sdk_core.runtime.turns.records import PromptRecord


class WaitingPrompts(PromptQueue):
    """The queue of one session.

    Args:
        records: The prompts, as the decisions of turns see them.
        cancel: Takes a prompt out and ends it.
    """

    def __init__(self, records: list[PromptRecord], cancel: Callable[[PromptRecord], None]) -> None:
        self._records = records
        self._cancel = cancel

    @overload
    def __getitem__(self, index: int) -> QueuedPrompt: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[QueuedPrompt, ...]: ...
    def __getitem__(self, index: int | slice) -> QueuedPrompt | tuple[QueuedPrompt, ...]:
        return tuple(self)[index]

    def __iter__(self) -> Iterator[QueuedPrompt]:
        return iter([QueuedPrompt(record.uuid, record.prompt, record.options) for record in self._records])

    def __len__(self) -> int:
        return len(self._records)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({list(self)})"

    def edit(self, uuid: str, prompt: Prompt) -> None:
        """Say something else in a waiting prompt; its uuid stays."""
        record = self._find(uuid)
        record.prompt, record.checked = clean_prompt(prompt), None

    def remove(self, uuid: str) -> None:
        """Cancel a waiting prompt; its result has terminal_reason "cancelled"."""
        self._cancel(self._find(uuid))

    def move(self, uuid: str, index: int) -> None:
        """Put a waiting prompt at another place, 0 being the next."""
        record = self._find(uuid)
        self._records.remove(record)
        self._records.insert(index, record)

    def _find(self, uuid: str) -> PromptRecord:
        for record in self._records:
            if record.uuid == uuid:
                return record
        raise InvalidRequestError(f"No prompt {uuid!r} waits in the queue; it was never there, or its turn has come.")
