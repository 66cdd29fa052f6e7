"""Prompts: each becomes one user message under its own uuid, and belongs to the turn whose result ends it."""

from __future__ import annotations

from typing import Final

from agent_sdk_core.records import dataclass
from agent_sdk_core.wire.reading import Json, optional_text_at, text_at
from agent_sdk_core.wire.recent import Recent
from codex_sdk.normalizer.emitter import Frames
from codex_sdk.normalizer.items.content import user_content
from codex_sdk.normalizer.turns.turns import Turn, Turns

_REMEMBERED_PROMPTS: Final = 1024


@dataclass(slots=True)
class _Prompt:
    content: str | list[Json]
    turn: Turn | None = None
    structured: bool = False
    steered: bool = False


class Prompts:
    """The prompts that were sent and have not ended; those that were shown or ended last are remembered."""

    def __init__(self, frames: Frames, turns: Turns) -> None:
        self._frames = frames
        self._turns = turns
        self._open: dict[str, _Prompt] = {}
        self._shown = Recent(_REMEMBERED_PROMPTS)
        self._ended = Recent(_REMEMBERED_PROMPTS)
        self._items = Recent(_REMEMBERED_PROMPTS)

    @property
    def awaited(self) -> bool:
        """Whether a prompt was sent of which no turn is known yet."""
        return any(prompt.turn is None for prompt in self._open.values())

    def expect(self, uuid: str, content: str | list[Json], *, structured: bool = False, steered: bool = False) -> None:
        """Note a prompt that is about to be sent, as its sender wrote it: whether it wants JSON, or joins a turn."""
        self._open[uuid] = _Prompt(content, structured=structured, steered=steered)

    def holds(self, uuid: str) -> bool:
        """Tell whether Codex was steered by a prompt, and has not taken it into the conversation."""
        prompt = self._open.get(uuid)
        return prompt is not None and prompt.steered and uuid not in self._shown

    def assign(self, uuid: str, turn_id: str) -> bool:
        """Note the turn that took a prompt; return whether that turn's result lists it or will."""
        if uuid in self._ended:
            return True
        prompt = self._open.get(uuid)
        if prompt is not None and prompt.turn is not None:
            # Its userMessage was faster than the response, and knows better.
            return True
        turn = self._turns.expect(turn_id)
        if turn.ended:
            if not self.holds(uuid):
                self._open.pop(uuid, None)
            return False
        self._open.setdefault(uuid, _Prompt("")).turn = turn
        self._join(turn, uuid)
        return True

    def structured(self, turn: Turn) -> bool:
        """Tell whether a turn's answer is JSON, by the output schema of one of its prompts."""
        return any(prompt.structured and prompt.turn is turn for prompt in self._open.values())

    def forget(self, uuid: str) -> None:
        """Drop a prompt that was refused."""
        prompt = self._open.pop(uuid, None)
        if prompt is not None:
            self._leave(prompt, uuid)

    def knows(self, item_id: str) -> bool:
        """Tell whether a userMessage item was taken before."""
        return item_id in self._items

    def turn_of(self, item: Json) -> Turn | None:
        """Return the turn that runs and that the response named for the prompt of a userMessage item."""
        prompt = self._open.get(text_at(item, "clientId"))
        return prompt.turn if prompt is not None and prompt.turn is not None and not prompt.turn.ended else None

    def seen(self, turn: Turn, item: Json) -> None:
        """Take a userMessage item that was not taken before."""
        item_id, uuid = text_at(item, "id"), optional_text_at(item, "clientId") or None
        self._items.note(item_id)
        turn.prompted = True
        prompt = self._open.get(uuid or "")
        if uuid is not None and uuid not in self._ended:
            if prompt is not None:
                self._leave(prompt, uuid)
                prompt.turn = turn
            self._join(turn, uuid)
        if uuid is None or uuid not in self._shown:
            self._show(turn, uuid, prompt.content if prompt and prompt.content else user_content(item), item_id)

    def leave_out(self, turn: Turn) -> None:
        """Take out of an interrupted turn the prompts that Codex has not taken into it: it drops them (0.163)."""
        for uuid in [uuid for uuid in turn.prompts if self.holds(uuid)]:
            self._leave(self._open[uuid], uuid)

    def end(self, turn: Turn) -> None:
        """Close the prompts of a turn that ends; one whose userMessage never came is shown now."""
        for uuid in turn.prompts:
            prompt = self._open.pop(uuid, None)
            if prompt is not None and uuid not in self._shown:
                self._show(turn, uuid, prompt.content, None)
            self._ended.note(uuid)

    def _join(self, turn: Turn, uuid: str) -> None:
        turn.prompted = True
        if not turn.ended and uuid not in turn.prompts:
            turn.prompts.append(uuid)

    def _leave(self, prompt: _Prompt, uuid: str) -> None:
        if prompt.turn is not None and uuid in prompt.turn.prompts:
            prompt.turn.prompts.remove(uuid)

    def _show(self, turn: Turn, uuid: str | None, content: str | list[Json], item_id: str | None) -> None:
        if uuid is not None:
            self._shown.note(uuid)
        source = turn.synthetic if item_id is None else turn.item_source(item_id)
        self._frames.prompt(source, content, uuid)
