"""The prompts of a session that wait for their turn; an application may edit, remove and reorder them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import overload

from agent_sdk_core.errors import InvalidRequestError
from agent_sdk_core.prompts import Prompt, clean_prompt
from agent_sdk_core.runtime.prompts import PromptRecord
from agent_sdk_core.session import PromptQueue, QueuedPrompt


class WaitingPrompts(PromptQueue):
    """The queue of one session.

    Args:
        cancel: Ends a prompt that will not have a turn.
    """

    def __init__(self, cancel: Callable[[PromptRecord], None]) -> None:
        self._cancel = cancel
        self._records: list[PromptRecord] = []

    @overload
    def __getitem__(self, index: int) -> QueuedPrompt: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[QueuedPrompt, ...]: ...
    def __getitem__(self, index: int | slice) -> QueuedPrompt | tuple[QueuedPrompt, ...]:
        return tuple(self)[index]

    def __iter__(self) -> Iterator[QueuedPrompt]:
        return iter([QueuedPrompt(record.uuid, record.prompt) for record in self._records])

    def __len__(self) -> int:
        return len(self._records)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({list(self)})"

    def edit(self, uuid: str, prompt: Prompt) -> None:
        """Say something else in a waiting prompt; its uuid stays."""
        self._find(uuid).prompt = clean_prompt(prompt)

    def remove(self, uuid: str) -> None:
        """Cancel a waiting prompt; its result has terminal_reason "cancelled"."""
        record = self._find(uuid)
        self._records.remove(record)
        self._cancel(record)

    def move(self, uuid: str, index: int) -> None:
        """Put a waiting prompt at another place, 0 being the next."""
        record = self._find(uuid)
        self._records.remove(record)
        self._records.insert(index, record)

    def append(self, record: PromptRecord) -> None:
        """Let a prompt wait, behind all others; one that could not join the running turn goes before them."""
        index = len(self._records)
        if record.steered:
            index = next((at for at, other in enumerate(self._records) if not other.steered), index)
        self._records.insert(index, record)
        record.accept()

    def take(self) -> PromptRecord | None:
        """Return the next prompt, which no longer waits; None if there is none."""
        return self._records.pop(0) if self._records else None

    def take_all(self) -> list[PromptRecord]:
        """Return every prompt; none waits any longer."""
        records, self._records = self._records, []
        return records

    def discard(self, record: PromptRecord) -> bool:
        """Cancel a prompt if it waits, and return whether it did."""
        if record not in self._records:
            return False
        self.remove(record.uuid)
        return True

    def _find(self, uuid: str) -> PromptRecord:
        for record in self._records:
            if record.uuid == uuid:
                return record
        raise InvalidRequestError(f"No prompt {uuid!r} waits in the queue; it was never there, or its turn has come.")
